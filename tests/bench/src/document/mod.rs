//! The report: the results, between the markers of `performance.md`, and a chart.

#![expect(clippy::print_stdout, reason = "it prints the names of the files it wrote")]

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

/// The document, in which people write everything but the measured part.
const TEXT: &str = "performance.md";

/// The chart, which the measured part includes.
const CHART: &str = "performance.svg";

/// The results to report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured<'a> {
    /// How they were measured.
    pub(crate) plan: &'a Plan,
    /// Throughput.
    pub(crate) rows: &'a [Row],
    /// Memory of idle connections.
    pub(crate) idle: &'a [Idle],
    /// Time from start to first echo.
    pub(crate) starts: &'a [Start],
}

/// A directory that contains the report.
#[derive(Debug)]
pub(crate) struct Document {
    folder: PathBuf,
}

impl Document {
    /// Checks that a report can be written into the directory, before anything is measured.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let document = Self { folder: folder.to_owned() };
        markers::replace(&document.read()?, "")?;
        Ok(document)
    }

    /// Writes the measured part and the chart.
    pub(crate) fn write(&self, measured: &Measured<'_>) -> Result<()> {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        let machine = Machine::detect(&command_line::shown(&arguments))?;
        let part = tables::all(&machine, measured, CHART)?;
        // Read the document again: someone may have edited it during the measurement.
        let text = markers::replace(&self.read()?, &part)?;
        std::fs::write(self.folder.join(TEXT), text)?;
        std::fs::write(self.folder.join(CHART), chart::draw(measured.rows))?;
        println!("wrote {TEXT} and {CHART}");
        Ok(())
    }

    fn read(&self) -> Result<String> {
        let file = self.folder.join(TEXT);
        std::fs::read_to_string(&file).with_context(|| {
            format!(
                "cannot read {}: create it with a line `{}` and below it a line `{}`; the report is \
                 written between them",
                file.display(),
                markers::BEGIN,
                markers::END
            )
        })
    }
}
