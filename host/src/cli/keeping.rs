//! The flags of what is kept of instances: for a trap, and for a reload.

use std::time::Duration;

use ws_host::config::schema::{self, Percent, Time};

/// What is kept, and for how long.
#[derive(Debug, clap::Args)]
#[group(id = "keeping", multiple = true, conflicts_with = "config")]
pub(super) struct Keeping {
    /// Least time between two checkpoints of an instance: its state, to go on with after a trap; 0 for none
    /// [default: 0]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    checkpoint: Option<Duration>,

    /// Time after a reload in which a fault of the new code brings the old code and its state back; 0 for
    /// none [default: 0]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    trial: Option<Duration>,

    /// Share of the instances that get new code at first; the others follow after --trial [default: 100%]
    #[arg(long, value_name = "PERCENT")]
    canary: Option<Percent>,
}

impl Keeping {
    /// The resource, kept like this.
    pub(super) fn written(self, resource: schema::Resource) -> schema::Resource {
        schema::Resource {
            checkpoint: self.checkpoint.map(Time),
            trial: self.trial.map(Time),
            canary: self.canary,
            ..resource
        }
    }
}
