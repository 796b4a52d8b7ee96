//! Python: the types of the SDK and of the handlers that use it.

use anyhow::Result;

use crate::build::{Components, run_in};
use crate::language::work;

super::scenarios! { mypy_accepts_the_projects }

/// With the settings of the template, which are strict.
fn mypy_accepts_the_projects(components: &Components) -> Result<()> {
    let projects = work().join(components.language.name);
    ["echo", "chat", "rooms", "faults", "capabilities"]
        .into_iter()
        .try_for_each(|project| run_in(&projects.join(project), "mypy"))
}
