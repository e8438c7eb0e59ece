//! What a person and the result file hear of the records of one file.

use crate::cli::progress::Progress;
use crate::transfer::outcome::{Outcome, Refusal};
use crate::transfer::record::Record;
use crate::transfer::results::{Results, Totals};

/// Refusals of a file that are said; the others stand in the result file.
const REFUSALS_SAID_MAX: u64 = 20;

/// Tells what became of the records of one file.
pub(super) struct Telling<'a> {
    file: &'a str,
    results: &'a mut Results,
    progress: Progress,
    totals: Totals,
}

impl<'a> Telling<'a> {
    pub(super) fn new(file: &'a str, results: &'a mut Results, lines: u64) -> Self {
        let progress = Progress::start(&format!("importing {file}"), "lines", Some(lines));
        Self { file, results, progress, totals: Totals::default() }
    }

    pub(super) fn tell(&mut self, record: &Record, outcome: &Outcome) -> anyhow::Result<()> {
        self.results.write(self.file, record, outcome, &mut self.totals)?;
        if let Outcome::Refused(refusal) = outcome {
            self.say(refusal);
        }
        self.progress.at(record.last_line);
        Ok(())
    }

    fn say(&self, refusal: &Refusal) {
        let Self { file, progress, totals, .. } = self;
        if totals.refused <= REFUSALS_SAID_MAX {
            progress.say(&format!("{file}: {}", refusal.detail()));
        } else if totals.refused == REFUSALS_SAID_MAX + 1 {
            progress.say(&format!("{file}: further refusals stand in the result file"));
        }
    }

    pub(super) fn finish(self) -> anyhow::Result<Totals> {
        self.results.flush()?;
        Ok(self.totals)
    }
}
