//! The flags about recovery: checkpoints for a trap, and trials for a reload.

use std::time::Duration;

use ws_host::config::schema::{self, Percent, Time};

/// Checkpoints and trials.
#[derive(Debug, clap::Args)]
#[group(id = "recovery", multiple = true, conflicts_with = "config")]
pub(super) struct Recovery {
    /// Minimum time between two checkpoints of an instance; after a trap, the next instance continues from the last
    /// checkpoint; 0 for no checkpoints [default: 0]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    checkpoint: Option<Duration>,

    /// Length of the trial after a reload; if the new code faults during the trial, the old code and its state are
    /// restored; 0 for no trial [default: 0]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Times")]
    trial: Option<Duration>,

    /// Share of the instances that get new code first; the others get it when the trial is over (see --trial) [default:
    /// 100%]
    #[arg(long, value_name = "PERCENT")]
    canary: Option<Percent>,
}

impl Recovery {
    pub(super) fn apply(self, resource: &mut schema::ResourceSection) {
        let Self { checkpoint, trial, canary } = self;
        resource.checkpoint = checkpoint.map(Time);
        resource.trial = trial.map(Time);
        resource.canary = canary;
    }
}
