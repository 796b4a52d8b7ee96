//! The tests that each project contains.

use std::fs;

use anyhow::{Context, Result, anyhow, ensure};
use ws_host_test_support::root;

use super::Scenario;
use crate::build::{Components, Rebuilds, copy_of, run_in};

super::scenarios! { projects_pass_their_own_tests, own_tests_build_only_what_has_changed }

/// For the language whose projects have tests of another kind.
pub(super) const SHARED: &[Scenario] = &[Scenario {
    name: "projects_pass_the_tests_of_the_other_languages",
    run: projects_pass_the_tests_of_the_other_languages,
}];

fn projects_pass_their_own_tests(components: &Components) -> Result<()> {
    components.own_tests.as_ref().map_err(|error| anyhow!("{error:#}")).copied()
}

fn own_tests_build_only_what_has_changed(components: &Components) -> Result<()> {
    let rebuilds = components.rebuilds.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    let expected = Rebuilds { without_a_change: 0, after_a_change: 1 };
    ensure!(rebuilds.is_none_or(|rebuilds| rebuilds == expected), "{rebuilds:?}");
    Ok(())
}

/// A project in Rust has native tests. Its handler does the same as those of the other languages.
fn projects_pass_the_tests_of_the_other_languages(components: &Components) -> Result<()> {
    for template in ["echo", "chat", "rooms"] {
        let copy = copy_of(components.language, template, &format!("shared-tests-{template}"))?;
        let script =
            root().join("host/templates/scripts").join(template).join("tests/handler.toml");
        fs::create_dir_all(copy.join("tests"))?;
        fs::copy(&script, copy.join("tests/handler.toml"))
            .with_context(|| format!("{script:?}"))?;
        run_in(&copy, "ws-host test").context(template)?;
    }
    Ok(())
}
