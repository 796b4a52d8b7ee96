//! Advice about a component that would not be served, in the terms of the component's language. It names the folders,
//! commands and worlds of the projects that `ws-host new` writes.

use super::language::Language;
use super::sections::Sections;
use crate::guest::{Fault, LimitExceeded, LoadError};

/// The module from which code imports the functions of WASI 0.1.
const WASI_1: &str = "wasi_snapshot_preview1";

/// The interface that `componentize-js` exports by default.
const FETCH_EVENT: &str = "wasi:http/incoming-handler";

/// Returns advice that the error itself does not give, if there is any for this cause and language.
pub(super) fn about(
    error: &LoadError,
    language: Option<Language>,
    sections: &Sections,
) -> Option<&'static str> {
    match error {
        LoadError::CoreModule(_) => Some(core_module(language?, sections)),
        LoadError::NoHandler { .. } => Some(no_handler(language?, sections)),
        LoadError::Asynchronous { .. } if language == Some(Language::JavaScriptQuickJs) => {
            Some("call componentize-qjs with --sync")
        }
        LoadError::Instantiate { cause, .. } => start(cause, language),
        LoadError::OtherVersion { .. }
        | LoadError::Unserved { .. }
        | LoadError::HandlerMismatch { .. } => Some(other_contract(language?)),
        _ => None,
    }
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
            "this serves HTTP requests: build as a project of `ws-host new NAME --lang js` does, with `node \
             ws-host/build.js build/NAME.wasm`"
        }
        Language::JavaScript => {
            "build as a project of `ws-host new NAME --lang js` does, with `node ws-host/build.js build/NAME.wasm`"
        }
        Language::JavaScriptQuickJs => {
            "build as a project of `ws-host new NAME --lang js-small` does, with `componentize-qjs --js \
             ws-host/component.js --module-root . --wit wit --world javascript-handler --sync`"
        }
        Language::Python => {
            "build as a project of `ws-host new NAME --lang python` does, with `make build/NAME.wasm`"
        }
        Language::Go => {
            "use the folder wshost of a project of `ws-host new NAME --lang go`, and call `wshost.Serve` in `func init`"
        }
        Language::TinyGo => {
            "generate the bindings with a world that exports `handler`, such as `complete-handler` in wit/, and link \
             them"
        }
        Language::C => {
            "compile the files in the folder ws_host of a project of `ws-host new NAME --lang c` with your code, and \
             define `ws_host_handler`"
        }
        Language::Cpp => {
            "compile the files in the folder ws_host of a project of `ws-host new NAME --lang cpp` with your code, and \
             name your class with `WS_HANDLER`"
        }
    }
}

/// Returns what to do about a component that does not start.
fn start(cause: &Fault, language: Option<Language>) -> Option<&'static str> {
    match cause {
        Fault::Limit { limit: LimitExceeded::Memory { .. }, .. } => Some(
            "raise `max-memory` of the resource (for `ws-host check`: --max-memory), or let the handler take less \
             memory when it starts",
        ),
        Fault::Limit { limit: LimitExceeded::Cpu(_), .. } => Some(
            "let the handler compute less before its first event, or raise `max-cpu` of the resource (`ws-host check` \
             uses the default)",
        ),
        Fault::Limit { limit: LimitExceeded::Time(_), .. } => Some(
            "do not let the handler wait before its first event, or raise `max-time` of the resource (`ws-host check` \
             uses the default)",
        ),
        Fault::Trap { .. } => Some(trap(language)),
        Fault::NoInstance(_) | Fault::NotOwner(_) => None,
    }
}

/// Returns the usual reason why a component traps before its first event.
fn trap(language: Option<Language>) -> &'static str {
    match language {
        Some(Language::Go) => {
            "the garbage collector must run only between events: use the package wshost that `ws-host new NAME --lang \
             go` writes, or link with -ldflags=-checklinkname=0 and call debug.SetGCPercent(-1) in `init`"
        }
        Some(Language::C | Language::Cpp) => {
            "link with -mexec-model=reactor, so that there is no `main` to run"
        }
        _ => {
            "look for the mistake in the code that runs before the first event, such as initial values of global \
             variables"
        }
    }
}

fn other_contract(language: Language) -> &'static str {
    match language {
        Language::Rust => {
            "replace the project's folder ws-guest with the one that this host's `ws-host new` puts into a new project"
        }
        Language::JavaScript | Language::JavaScriptQuickJs => {
            "replace the project's folders ws-host and wit with those that this host's `ws-host new` puts into a new \
             project (keep the choice of imports in wit/capabilities.wit)"
        }
        Language::Python => {
            "replace the project's folders ws-host, src/ws_host and wit with those that this host's `ws-host new` puts \
             into a new project (keep the choice of imports in wit/capabilities.wit)"
        }
        Language::Go => {
            "replace the project's folder wshost with the one that this host's `ws-host new NAME --lang go` puts into \
             a new project"
        }
        Language::C => {
            "replace the project's folder ws_host with the one that this host's `ws-host new NAME --lang c` puts into \
             a new project"
        }
        Language::Cpp => {
            "replace the project's folder ws_host with the one that this host's `ws-host new NAME --lang cpp` puts \
             into a new project"
        }
        Language::TinyGo => {
            "replace the project's folder wit with the one that this host's `ws-host new` puts into a new project, and \
             generate the bindings again"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use super::*;

    const LANGUAGES: [Option<Language>; 9] = [
        None,
        Some(Language::Rust),
        Some(Language::JavaScript),
        Some(Language::JavaScriptQuickJs),
        Some(Language::Python),
        Some(Language::Go),
        Some(Language::TinyGo),
        Some(Language::C),
        Some(Language::Cpp),
    ];

    fn start_advice(cause: Fault, language: Option<Language>) -> &'static str {
        let error = LoadError::Instantiate { path: PathBuf::new(), cause };
        about(&error, language, &Sections::default()).expect("advice")
    }

    #[test]
    fn advice_on_a_limit_names_this_limit_in_every_language() {
        let time = Duration::from_secs(1);
        for (limit, key) in [
            (LimitExceeded::Memory { wanted: 2, limit: 1 }, "`max-memory`"),
            (LimitExceeded::Cpu(time), "`max-cpu`"),
            (LimitExceeded::Time(time), "`max-time`"),
        ] {
            for language in LANGUAGES {
                let advice = start_advice(limit.into(), language);
                let others = ["reactor", "garbage", "`max-memory`", "`max-cpu`", "`max-time`"];
                let named: Vec<_> =
                    others.into_iter().filter(|word| advice.contains(word)).collect();
                assert_eq!(named, [key], "{language:?}: {advice}");
            }
        }
    }

    #[test]
    fn advice_on_a_trap_is_that_of_the_language() {
        for language in LANGUAGES {
            let advice = trap(language);
            let is_c = matches!(language, Some(Language::C | Language::Cpp));
            assert_eq!(advice.contains("-mexec-model=reactor"), is_c, "{language:?}: {advice}");
            let is_go = language == Some(Language::Go);
            assert_eq!(advice.contains("garbage collector"), is_go, "{language:?}: {advice}");
        }
    }

    /// Returns the files of the templates of a language, and of those that it shares.
    fn templates(folders: &[&str]) -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        folders.iter().map(|folder| root.join(folder).join("all")).collect()
    }

    /// Commands and folders that the advice names are those of the templates.
    #[test]
    fn advice_names_what_the_templates_have() {
        let sections = Sections::default();
        for (language, folders, command, sdk) in [
            (Language::JavaScript, &["js", "js-common"][..], "package.json", "ws-host"),
            (Language::JavaScriptQuickJs, &["js-small", "js-common"], "package.json", "ws-host"),
            (Language::Python, &["python"], "Makefile", "src/ws_host"),
            (Language::Go, &["go"], "", "wshost"),
            (Language::C, &["c", "c-common"], "", "ws_host"),
            (Language::Cpp, &["cpp", "c-common"], "", "ws_host"),
        ] {
            let folders = templates(folders);
            assert!(folders.iter().any(|folder| folder.join(sdk).is_dir()), "{language}: {sdk}");
            let advice = other_contract(language);
            assert!(advice.contains(&format!(" {sdk} ")), "{language}: {advice}");
            if !command.is_empty() {
                let file = std::fs::read_to_string(folders[0].join(command)).expect("a file");
                let advice = no_handler(language, &sections);
                let quoted = advice.rsplit('`').nth(1).expect("a command");
                let options = quoted.split_once(' ').expect("options").1;
                let options = options.replace("NAME", "{{name}}");
                assert!(file.contains(&options), "{language}: {options} is not in {command}");
            }
        }
    }
}
