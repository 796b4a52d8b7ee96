//! The tests that each project contains.

use anyhow::{Result, anyhow, ensure};

use crate::build::{Components, Rebuilds};

super::scenarios! { projects_pass_their_own_tests, own_tests_build_only_what_has_changed }

fn projects_pass_their_own_tests(components: &Components) -> Result<()> {
    components.own_tests.as_ref().map_err(|error| anyhow!("{error:#}")).copied()
}

fn own_tests_build_only_what_has_changed(components: &Components) -> Result<()> {
    let rebuilds = components.rebuilds.as_ref().map_err(|error| anyhow!("{error:#}"))?;
    let expected = Rebuilds { without_a_change: 0, after_a_change: 1 };
    ensure!(rebuilds.is_none_or(|rebuilds| rebuilds == expected), "{rebuilds:?}");
    Ok(())
}
