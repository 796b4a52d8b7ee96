//! The report: what was measured, between the markers of `performance.md`, and a chart beside it.

#![expect(clippy::print_stdout, reason = "it says what it wrote")]

mod chart;
mod columns;
mod command_line;
mod machine;
mod markers;
mod tables;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use self::machine::Machine;
use crate::idle::Idle;
use crate::plan::Plan;
use crate::row::Row;
use crate::start::Start;

/// The file with prose by people and a part that is measured.
const TEXT: &str = "performance.md";

/// The chart, which the measured part shows.
const CHART: &str = "performance.svg";

/// All that a report tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured<'a> {
    /// How it was measured.
    pub(crate) plan: &'a Plan,
    /// Throughput.
    pub(crate) rows: &'a [Row],
    /// Memory of idle connections.
    pub(crate) idle: &'a [Idle],
    /// From start to first echo.
    pub(crate) starts: &'a [Start],
}

/// A folder that a report can be written to.
#[derive(Debug)]
pub(crate) struct Document {
    folder: PathBuf,
}

impl Document {
    /// Looks whether there is a place for the report, before anything is measured.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let document = Self { folder: folder.to_owned() };
        markers::replace(&document.read()?, "")?;
        Ok(document)
    }

    /// Writes the measured part and the chart.
    pub(crate) fn write(&self, measured: &Measured<'_>) -> Result<()> {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        let machine = Machine::look(&command_line::shown(&arguments))?;
        let part = tables::all(&machine, measured, CHART)?;
        // What people wrote may have changed meanwhile.
        let text = markers::replace(&self.read()?, &part)?;
        std::fs::write(self.folder.join(TEXT), text)?;
        std::fs::write(self.folder.join(CHART), chart::draw(measured.rows))?;
        println!("{TEXT} and {CHART} are written");
        Ok(())
    }

    fn read(&self) -> Result<String> {
        let file = self.folder.join(TEXT);
        std::fs::read_to_string(&file).with_context(|| {
            format!(
                "cannot read {}: make it, with a line `{}` and below it a line `{}`, between which \
                 the report is written",
                file.display(),
                markers::BEGIN,
                markers::END
            )
        })
    }
}
