//! How much memory of the host an instance takes.

use anyhow::{Result, ensure};

use crate::build::Components;
use crate::resident;

super::scenarios! {
    instance_with_its_client_takes_no_more_memory_than_its_language_may,
    idle_instance_takes_less_memory_and_works_as_before,
}

fn instance_with_its_client_takes_no_more_memory_than_its_language_may(
    components: &Components,
) -> Result<()> {
    let taken = resident::of_an_instance(&components.echo)? >> 10;
    let allowed = components.language.resident;
    ensure!(taken <= allowed, "an instance takes {taken} KiB, and {allowed} KiB are allowed");
    Ok(())
}

fn idle_instance_takes_less_memory_and_works_as_before(components: &Components) -> Result<()> {
    resident::wait_for_idle_instances(&components.echo, components.language.idle << 10)
}
