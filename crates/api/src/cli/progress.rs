//! How far long work is, for people: a bar on a terminal, elsewhere a line now and then.
//!
//! Everything goes to standard error; data on standard output is never mixed with it.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Shortest time between two lines.
const LINE_EVERY_MIN: Duration = Duration::from_secs(1);
/// Longest time without a line, even where less than a tenth was done meanwhile.
const LINE_EVERY_MAX: Duration = Duration::from_secs(30);
/// How often a bar is drawn, per second.
const DRAWN_PER_SECOND: u8 = 10;

/// How far one piece of work is. Dropping it takes a bar away.
#[derive(Debug)]
pub struct Progress {
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    Lines(Lines),
    Nothing,
}

impl Progress {
    /// For `total` units of work, 0 until [`Self::total`] tells, or a number that stays unknown; `what` is said before it,
    /// e.g. `rebuilding partition 0`.
    #[must_use]
    pub fn start(what: &str, unit: &'static str, total: Option<u64>) -> Self {
        let shown = if std::io::stderr().is_terminal() {
            Shown::Bar(bar(what, unit, total))
        } else {
            Shown::Lines(Lines::new(what, unit, total, Instant::now()))
        };
        Self { shown }
    }

    /// Shows nothing, ever: where data itself appears on the terminal.
    #[must_use]
    pub fn hidden() -> Self {
        Self { shown: Shown::Nothing }
    }

    /// Says that the work is `total` units, now that it is known or has grown.
    pub fn total(&mut self, total: u64) {
        match &mut self.shown {
            Shown::Bar(bar) => bar.set_length(total),
            Shown::Lines(lines) => lines.total = Some(total),
            Shown::Nothing => {}
        }
    }

    /// Says that `done` units of all are done.
    pub fn at(&mut self, done: u64) {
        match &mut self.shown {
            Shown::Bar(bar) => bar.set_position(done),
            Shown::Lines(lines) => {
                if let Some(line) = lines.at(done, Instant::now()) {
                    super::say(&line);
                }
            }
            Shown::Nothing => {}
        }
    }

    /// Says something to people without tearing a bar apart.
    pub fn say(&self, text: &str) {
        match &self.shown {
            Shown::Bar(bar) => bar.suspend(|| super::say(text)),
            Shown::Lines(_) | Shown::Nothing => super::say(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

fn bar(what: &str, unit: &str, total: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND);
    let bar = ProgressBar::with_draw_target(total, target).with_message(what.to_owned());
    let template = match total {
        Some(_) => {
            format!(
                "{{msg}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit}, {{rate}} a second, {{eta}} left"
            )
        }
        None => format!("{{spinner}} {{msg}}: {{human_pos}} {unit}, {{rate}} a second, {{elapsed}}"),
    };
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.with_key("rate", |state: &ProgressState, text: &mut dyn std::fmt::Write| {
        // A bar that cannot be drawn is no failure of the work.
        let _ = write!(text, "{:.0}", state.per_sec());
    }));
    bar
}

/// Decides when a line is due.
#[derive(Debug)]
struct Lines {
    what: String,
    unit: &'static str,
    total: Option<u64>,
    started: Instant,
    said: Instant,
    said_tenths: u64,
}

impl Lines {
    fn new(what: &str, unit: &'static str, total: Option<u64>, now: Instant) -> Self {
        Self { what: what.to_owned(), unit, total, started: now, said: now, said_tenths: 0 }
    }

    fn at(&mut self, done: u64, now: Instant) -> Option<String> {
        let quiet = now.duration_since(self.said);
        let total = self.total.filter(|total| *total > 0);
        let tenths =
            total.map(|total| u64::try_from(u128::from(done) * 10 / u128::from(total)).unwrap_or(10));
        let got_on = tenths.is_none_or(|tenths| tenths > self.said_tenths);
        if quiet < LINE_EVERY_MIN || !(got_on || quiet >= LINE_EVERY_MAX) {
            return None;
        }
        self.said = now;
        self.said_tenths = tenths.unwrap_or(0);
        let Self { what, unit, .. } = self;
        let per_second = done as f64 / now.duration_since(self.started).as_secs_f64();
        Some(match total {
            Some(total) => {
                let percent = u128::from(done) * 100 / u128::from(total);
                format!("{what}: {percent} %, {done} of {total} {unit}, {per_second:.0} a second")
            }
            None => format!("{what}: {done} {unit}, {per_second:.0} a second"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Duration {
        Duration::from_secs_f64(text.parse().unwrap())
    }

    #[test]
    fn lines_come_with_every_tenth_and_not_more_often_than_each_second() {
        let start = Instant::now();
        let mut lines = Lines::new("rebuilding", "messages", Some(1_000), start);
        let cases = [
            ("0.5", 400, None),
            ("1.0", 400, Some("rebuilding: 40 %, 400 of 1000 messages, 400 a second")),
            ("2.5", 499, None),
            ("3.0", 500, Some("rebuilding: 50 %, 500 of 1000 messages, 167 a second")),
            ("32.9", 599, None),
            ("33.0", 599, Some("rebuilding: 59 %, 599 of 1000 messages, 18 a second")),
        ];
        for (at, done, line) in cases {
            assert_eq!(lines.at(done, start + seconds(at)).as_deref(), line, "at {at} s");
        }
    }

    #[test]
    fn without_a_total_lines_come_each_second() {
        let start = Instant::now();
        let mut lines = Lines::new("reading", "lines", None, start);
        assert_eq!(lines.at(5, start + seconds("0.9")), None);
        assert_eq!(lines.at(6, start + seconds("1")).unwrap(), "reading: 6 lines, 6 a second");
        assert_eq!(lines.at(7, start + seconds("1.9")), None);
        let mut lines = Lines::new("copying", "messages", Some(0), start);
        assert_eq!(lines.at(0, start + seconds("0.1")), None);
        assert_eq!(lines.at(7, start + seconds("1")).unwrap(), "copying: 7 messages, 7 a second");
        lines.total = Some(70);
        assert_eq!(
            lines.at(14, start + seconds("2")).unwrap(),
            "copying: 20 %, 14 of 70 messages, 7 a second"
        );
    }
}
