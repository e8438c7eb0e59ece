//! What the design asks for, beside what was measured.

use std::time::Duration;

use crate::figures::{show_duration, show_number, show_ratio};
use crate::report::Section;

/// One target with what was found in this run.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    target: String,
    found: String,
    verdict: String,
}

impl Finding {
    /// A time that is to be `most` or less.
    pub(crate) fn at_most(target: impl Into<String>, found: Duration, most: Duration) -> Self {
        let missed_by = found.as_secs_f64() / most.as_secs_f64() - 1.0;
        Self::new(target.into(), show_duration(found), missed_by)
    }

    /// A rate that is to be `least` or more, per second.
    pub(crate) fn rate_at_least(target: impl Into<String>, found: f64, least: f64) -> Self {
        Self::new(target.into(), format!("{}/s", show_number(found)), 1.0 - found / least)
    }

    /// A value that is to be at least `least` times its baseline.
    pub(crate) fn ratio_at_least(
        target: impl Into<String>,
        [value, base]: [f64; 2],
        least: f64,
    ) -> Option<Self> {
        (base > 0.0).then(|| Self::new(target.into(), show_ratio(value, base), 1.0 - value / base / least))
    }

    /// A value that is to be at most `most` times its baseline.
    pub(crate) fn ratio_at_most(
        target: impl Into<String>,
        [value, base]: [f64; 2],
        most: f64,
    ) -> Option<Self> {
        (base > 0.0).then(|| Self::new(target.into(), show_ratio(value, base), value / base / most - 1.0))
    }

    /// `missed_by` is a part of the target; 0 and below is met.
    fn new(target: String, found: String, missed_by: f64) -> Self {
        let verdict = if missed_by <= 0.0 {
            "met".to_owned()
        } else {
            format!("missed by {} %", show_number((missed_by * 100.0).ceil()))
        };
        Self { target, found, verdict }
    }

    fn row(&self) -> Vec<String> {
        vec![self.target.clone(), self.found.clone(), self.verdict.clone()]
    }
}

/// The targets that this run has figures for.
pub(crate) fn section(findings: &[Finding]) -> Section {
    Section {
        title: "Against the targets".to_owned(),
        note: "Targets are those of the design, taken at the figures above. A time that is missed by 50 % is half as \
               long again as it may be, a rate that is missed by 50 % is half of what it should be."
            .to_owned(),
        words: 3,
        header: &["target", "found", "verdict"],
        rows: findings.iter().map(Finding::row).collect(),
        findings: Vec::new(),
    }
}
