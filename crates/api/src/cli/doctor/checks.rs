//! What was looked at and how it is.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Not as it should be, and yet everything works.
    Warn,
    /// Something does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, serde::Serialize)]
pub(super) struct Check {
    pub(super) section: &'static str,
    pub(super) level: Level,
    pub(super) text: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

/// Everything that was looked at, in order.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    pub(super) fn ok(&mut self, section: &'static str, text: impl Into<String>) {
        self.0.push(Check { section, level: Level::Ok, text: text.into(), advice: None });
    }

    pub(super) fn warn(&mut self, section: &'static str, text: impl Into<String>, advice: impl Into<String>) {
        let advice = Some(advice.into());
        self.0.push(Check { section, level: Level::Warn, text: text.into(), advice });
    }

    pub(super) fn fail(&mut self, section: &'static str, text: impl Into<String>, advice: impl Into<String>) {
        let advice = Some(advice.into());
        self.0.push(Check { section, level: Level::Fail, text: text.into(), advice });
    }

    pub(super) fn failed(&self) -> usize {
        self.count(Level::Fail)
    }

    fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|check| check.level == level).count()
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> &[Check] {
        &self.0
    }
}

impl Serialize for Checks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Checks", 4)?;
        report.serialize_field("ok", &(self.failed() == 0))?;
        report.serialize_field("warnings", &self.count(Level::Warn))?;
        report.serialize_field("failures", &self.failed())?;
        report.serialize_field("checks", &self.0)?;
        report.end()
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = "";
        for (index, check) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            if check.section != section {
                section = check.section;
                write!(f, "{gap}{section}")?;
            }
            let level = match check.level {
                Level::Ok => "ok  ",
                Level::Warn => "warn",
                Level::Fail => "FAIL",
            };
            write!(f, "\n  {level}  {}", check.text)?;
            if let Some(advice) = &check.advice {
                write!(f, "\n        -> {advice}")?;
            }
        }
        Ok(())
    }
}
