//! How far the work is, for people: a bar on a terminal, elsewhere lines now and then.

use std::convert::Infallible;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use foodflow_log::mirror::{Mirror, PartitionStanding};

use super::report::Mode;
use crate::cli::progress::Progress;
use crate::cli::say;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often a copy that follows says how far it is, where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Shows how far a mirror is.
pub(super) struct Watch {
    shown: Shown,
}

enum Shown {
    Progress(Progress),
    Lines(Lines),
}

impl Watch {
    pub(super) fn new(mode: Mode, what: &'static str) -> Self {
        let has_end = mode != Mode::Follow;
        let shown = if has_end || std::io::stderr().is_terminal() {
            Shown::Progress(Progress::start(what, "messages", Some(0)))
        } else {
            Shown::Lines(Lines::new(Instant::now()))
        };
        Self { shown }
    }

    /// Looks again and again.
    pub(super) async fn look(&mut self, mirror: &Mirror) -> Infallible {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let standings = mirror.standings();
            if standings.iter().all(|one| one.begun_behind.is_none()) {
                continue;
            }
            let (done, lag) = sums(&standings);
            match &mut self.shown {
                Shown::Progress(progress) => {
                    progress.total(done + lag);
                    progress.at(done);
                }
                Shown::Lines(lines) => {
                    if let Some(line) = lines.at(done, lag, Instant::now()) {
                        say(&line);
                    }
                }
            }
        }
    }
}

/// Messages copied, and messages that are lacking.
fn sums(standings: &[PartitionStanding]) -> (u64, u64) {
    let copied = standings.iter().map(PartitionStanding::copied_messages).sum();
    (copied, standings.iter().map(PartitionStanding::lag_messages).sum())
}

/// Decides when a line about a copy that follows is due.
#[derive(Debug)]
struct Lines {
    said: Instant,
    said_copied: u64,
    was_in_step: bool,
}

impl Lines {
    const fn new(now: Instant) -> Self {
        Self { said: now, said_copied: 0, was_in_step: false }
    }

    fn at(&mut self, copied: u64, lag: u64, now: Instant) -> Option<String> {
        let is_first_in_step = lag == 0 && !self.was_in_step;
        let is_due = now.duration_since(self.said) >= LINE_EVERY && (copied > self.said_copied || lag > 0);
        if !is_first_in_step && !is_due {
            return None;
        }
        self.was_in_step |= lag == 0;
        (self.said, self.said_copied) = (now, copied);
        Some(match lag {
            0 => format!("in step: {copied} messages copied"),
            _ => format!("behind by {lag} messages: {copied} copied"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_follows_says_when_it_is_in_step_and_then_seldom() {
        let start = Instant::now();
        let mut lines = Lines::new(start);
        let cases = [
            (1, 500, 900, None),
            (2, 1_400, 0, Some("in step: 1400 messages copied")),
            (3, 1_401, 0, None),
            (31, 1_401, 5, None),
            (32, 1_401, 5, Some("behind by 5 messages: 1401 copied")),
            (61, 1_406, 0, None),
            (62, 1_406, 0, Some("in step: 1406 messages copied")),
            (120, 1_406, 0, None),
        ];
        for (second, copied, lag, line) in cases {
            let told = lines.at(copied, lag, start + Duration::from_secs(second));
            assert_eq!(told.as_deref(), line, "after {second} s");
        }
    }
}
