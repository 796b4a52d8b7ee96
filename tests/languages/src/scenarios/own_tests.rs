//! The tests that each project contains.

use anyhow::{Result, anyhow};

use crate::build::Components;

super::scenarios! { projects_pass_their_own_tests }

fn projects_pass_their_own_tests(components: &Components) -> Result<()> {
    components.own_tests.as_ref().map_err(|error| anyhow!("{error:#}")).copied()
}
