//! Advice about a component that would not be served, in the terms of the component's language.

use super::language::Language;
use super::load::Failure;
use super::sections::Sections;
use crate::guest::LoadError;

/// The module from which code imports the functions of WASI 0.1.
const WASI_1: &str = "wasi_snapshot_preview1";

/// The interface that `componentize-js` exports by default.
const FETCH_EVENT: &str = "wasi:http/incoming-handler";

/// Returns advice that the error itself does not give, if there is any for this language.
pub(super) fn for_language(
    failure: &Failure,
    language: Option<&Language>,
    sections: &Sections,
) -> Option<String> {
    let Failure::Load(error) = failure else { return None };
    let advice = match (error, language?) {
        (LoadError::CoreModule(_), language) => core_module(*language, sections),
        (LoadError::NoHandler { .. }, language) => no_handler(*language, sections),
        (LoadError::Asynchronous { .. }, Language::JavaScriptQuickJs) => {
            "call componentize-qjs with --sync"
        }
        (LoadError::Instantiate { .. }, language) => start(*language)?,
        (
            LoadError::OtherVersion { .. }
            | LoadError::Unserved { .. }
            | LoadError::HandlerMismatch { .. },
            language,
        ) => other_contract(*language),
        _ => return None,
    };
    Some(advice.to_owned())
}

fn core_module(language: Language, sections: &Sections) -> &'static str {
    let is_wasi_1 = sections.core_imports.iter().any(|module| module == WASI_1);
    match language {
        Language::Rust if is_wasi_1 => {
            "this was built for wasm32-wasip1: build with `cargo build --release --target wasm32-wasip2` instead"
        }
        Language::Rust => {
            "build with `cargo build --release --target wasm32-wasip2` (first: `rustup target add wasm32-wasip2`)"
        }
        Language::Go => {
            "this is the output of `go build` (with GOOS=wasip1 GOARCH=wasm and -buildmode=c-shared): make a component \
             from it with `ws-host component FILE --output HANDLER.wasm`"
        }
        Language::TinyGo => "build with `tinygo build -target=wasip2`",
        Language::C | Language::Cpp => {
            "this is the output of the compiler (with -mexec-model=reactor): make a component from it with `ws-host \
             component FILE --output HANDLER.wasm`"
        }
        Language::JavaScript | Language::JavaScriptQuickJs | Language::Python => {
            "this is only a part of a component: give the tool's output file instead"
        }
    }
}

fn no_handler(language: Language, sections: &Sections) -> &'static str {
    let has_fetch_event = sections.exports.iter().any(|name| name.starts_with(FETCH_EVENT));
    match language {
        Language::Rust => "end the crate with `ws_guest::export!(YourHandler);`",
        Language::JavaScript if has_fetch_event => {
            "this serves HTTP requests: build with `componentize-js --wit wit --world-name WORLD --disable http \
             fetch-event`, and export an object `handler`"
        }
        Language::JavaScript => {
            "give componentize-js the world of the contract (--wit wit --world-name WORLD), and export an object `handler`"
        }
        Language::JavaScriptQuickJs => {
            "give componentize-qjs the world of the contract (-w wit -n WORLD), and export an object `handler`"
        }
        Language::Python => {
            "give componentize-py the world of the contract (-d wit -w WORLD), and define a class `Handler`"
        }
        Language::Go | Language::TinyGo | Language::C | Language::Cpp => {
            "generate the bindings with a world that exports `handler`, such as `complete-handler` in wit/, and link them"
        }
    }
}

/// Returns a possible reason why a component does not start.
fn start(language: Language) -> Option<&'static str> {
    match language {
        Language::Go => Some(
            "the garbage collector must run only between events: use the package wshost that `ws-host new NAME --lang \
             go` writes, or link with -ldflags=-checklinkname=0 and call debug.SetGCPercent(-1) in `init`",
        ),
        Language::C | Language::Cpp => {
            Some("link with -mexec-model=reactor, so that there is no `main` to run")
        }
        _ => None,
    }
}

fn other_contract(language: Language) -> &'static str {
    match language {
        Language::Rust => {
            "replace the project's folder ws-guest with the one that this host's `ws-host new` puts into a new project"
        }
        _ => {
            "replace the project's folder wit with the one that this host's `ws-host new` puts into a new project, and \
             generate the bindings again"
        }
    }
}
