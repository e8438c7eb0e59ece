//! What a rebuild did, for people and for scripts.

use std::collections::BTreeMap;
use std::fmt;

use foodflow_log::{Partition, Position};
use foodflow_projections::runner::{Comparison, Outcome, RebuildReport, Verdict};
use serde::Serialize;

/// What a rebuild did.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    projection: &'static str,
    store: &'static str,
    outcome: Outcome,
    /// Whether every partition had been what the log says, as far as it was compared.
    identical: bool,
    partitions: Vec<PartitionReport>,
    messages: u64,
    events: u64,
    duration_seconds: f64,
    events_per_second: f64,
    /// How long the projectors were held at most, at one time; each goes on with the next renewal of its lease.
    held_seconds: f64,
}

/// What it found in one partition.
#[derive(Debug, Serialize)]
struct PartitionReport {
    partition: Partition,
    /// Where the live read model stands now.
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Compared>,
}

#[derive(Debug, Serialize)]
struct Compared {
    verdict: Verdict,
    /// Where the live read model stood.
    position: Position,
    /// Its digest there; none where it could not be read.
    live_digest: Option<String>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    live_error: Option<String>,
    /// What the log says has this digest.
    rebuilt_digest: String,
    /// Kinds of rows of which the two held another number: live, then rebuilt.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    other_counts: BTreeMap<String, (u64, u64)>,
    /// Messages that waited in quarantine: live, then rebuilt.
    waiting: (u64, u64),
}

impl Report {
    pub(super) fn new((projection, store): (&'static str, &'static str), report: &RebuildReport) -> Self {
        let (events, seconds) = (report.events, report.duration.as_secs_f64());
        let compared = |partition| report.comparisons.iter().find(|one| one.partition == partition);
        let partitions = report.positions.iter().map(|(partition, position)| PartitionReport {
            partition: *partition,
            position: *position,
            compared: compared(*partition).map(Compared::new),
        });
        Self {
            projection,
            store,
            outcome: report.outcome,
            identical: report.is_identical(),
            partitions: partitions.collect(),
            messages: report.messages,
            events,
            duration_seconds: seconds,
            events_per_second: if seconds > 0.0 { events as f64 / seconds } else { 0.0 },
            held_seconds: report.held.as_secs_f64(),
        }
    }

    /// Why the read model had been something else than the log says, where it had.
    pub(super) fn explanation(&self) -> Option<String> {
        let reasons: Vec<String> = self.partitions.iter().filter_map(PartitionReport::reason).collect();
        let now = match self.outcome {
            Outcome::LeftBeside => {
                "it still is not: `foodflow rebuild --switch always` switches to what was filled, \
                 `foodflow rebuild --discard` gives it up"
            }
            _ => "it is now; `foodflow rebuild --back` undoes that",
        };
        let only_waiting = self.partitions.iter().all(PartitionReport::differs_by_quarantine_alone);
        let meaning = if only_waiting {
            "What was projected is the same. That another version of the program applies what waited, or lets wait what \
             was applied, is no defect."
        } else {
            "Where nobody changed the projection or the store on purpose, this is a defect: keep both digests and report \
             it."
        };
        (!reasons.is_empty()).then(|| {
            format!(
                "the read model had not been what the log says; {now}.\n{}\n{meaning}",
                reasons.join("\n")
            )
        })
    }
}

impl Compared {
    fn new(comparison: &Comparison) -> Self {
        let (live_digest, live_error) = match &comparison.live {
            Ok(survey) => (Some(survey.digest.clone()), None),
            Err(reason) => (None, Some(reason.clone())),
        };
        Self {
            verdict: comparison.verdict,
            position: comparison.position,
            live_digest,
            live_error,
            rebuilt_digest: comparison.rebuilt.digest.clone(),
            other_counts: comparison.other_counts(),
            waiting: comparison.waiting,
        }
    }

    /// Whether both hold the same, but for what waits.
    fn has_one_digest(&self) -> bool {
        self.live_digest.as_ref() == Some(&self.rebuilt_digest)
    }

    /// That not the same messages waited in the two.
    fn told_waiting(&self) -> String {
        let (live, rebuilt) = self.waiting;
        let filled = if live == rebuilt { "as many others".to_owned() } else { rebuilt.to_string() };
        format!("it let {live} messages wait in quarantine; what was filled lets {filled} wait")
    }
}

impl PartitionReport {
    /// Whether it was the same, or the same but for what waits in quarantine.
    fn differs_by_quarantine_alone(&self) -> bool {
        self.compared.as_ref().is_none_or(|compared| match compared.verdict {
            Verdict::Identical => true,
            Verdict::Different => compared.has_one_digest(),
            Verdict::BeyondLog => false,
        })
    }

    fn reason(&self) -> Option<String> {
        let compared = self.compared.as_ref()?;
        let (number, position) = (self.partition.0, compared.position);
        match (compared.verdict, &compared.live_digest) {
            (Verdict::Identical, _) => None,
            (Verdict::BeyondLog, _) => Some(format!(
                "partition {number}: it stood at position {position}, which the log does not have: it was filled from \
                 another log, or the log was cut off"
            )),
            (Verdict::Different, Some(_)) if compared.has_one_digest() => {
                Some(format!("partition {number}: up to position {position} {}", compared.told_waiting()))
            }
            (Verdict::Different, Some(digest)) => Some(format!(
                "partition {number}: at position {position} its digest was {digest}, but what the log says up to there \
                 has {}",
                compared.rebuilt_digest
            )),
            (Verdict::Different, None) => Some(format!(
                "partition {number}: at position {position} it could not be read: {}",
                compared.live_error.as_deref().unwrap_or("no reason was given")
            )),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (projection, store) = (self.projection, self.store);
        for one in &self.partitions {
            let verdict = match one.compared.as_ref().map(|compared| compared.verdict) {
                Some(Verdict::Identical) => "identical",
                Some(Verdict::Different) => "NOT IDENTICAL",
                Some(Verdict::BeyondLog) => "WAS BEYOND THE LOG",
                None => "not compared",
            };
            writeln!(f, "{projection} ({store}), partition {}: {verdict}", one.partition.0)?;
            if let Some(compared) = &one.compared {
                let digest = compared.live_digest.as_deref().unwrap_or("cannot be read");
                writeln!(f, "  live      position {:>10}  digest {digest}", compared.position.0)?;
                let position = compared.position.min(one.position).0;
                writeln!(f, "  rebuilt   position {position:>10}  digest {}", compared.rebuilt_digest)?;
                for (kind, (live, rebuilt)) in &compared.other_counts {
                    writeln!(f, "  {kind}: {live} live, {rebuilt} rebuilt")?;
                }
                if compared.waiting != (0, 0) {
                    let (live, rebuilt) = compared.waiting;
                    writeln!(f, "  in quarantine: {live} live, {rebuilt} rebuilt")?;
                }
            }
            writeln!(f, "  now       position {:>10}", one.position.0)?;
        }
        let outcome = match self.outcome {
            Outcome::Filled => "the read model was empty and is filled",
            Outcome::Kept => "the live read model stays",
            Outcome::Switched => "what was filled is live",
            Outcome::LeftBeside => "what was filled stands beside the live read model",
        };
        let (messages, events) = (self.messages, self.events);
        let (seconds, rate) = (self.duration_seconds, self.events_per_second);
        writeln!(f, "{outcome}; projectors were held for {:.3} s at most", self.held_seconds)?;
        write!(f, "{messages} messages, {events} events in {seconds:.3} s: {rate:.0} events/s")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use foodflow_projections::store::{Checkpoint, Survey};

    use super::*;

    fn survey(digest: &str) -> Survey {
        let checkpoint = Checkpoint::new(Position(9), None);
        Survey { checkpoint, digest: digest.to_owned(), counts: BTreeMap::new() }
    }

    /// A partition of which the live generation had this digest, and so many messages waited live and rebuilt.
    fn different(partition: u16, live: &str, waiting: (u64, u64)) -> Comparison {
        Comparison {
            partition: Partition(partition),
            verdict: Verdict::Different,
            position: Position(9),
            live: Ok(survey(live)),
            rebuilt: survey("1-right"),
            waiting,
        }
    }

    fn report(comparisons: Vec<Comparison>) -> Report {
        let positions = comparisons.iter().map(|one| (one.partition, Position(9))).collect();
        let (outcome, duration, held) = (Outcome::Switched, Duration::from_secs(2), Duration::ZERO);
        let report =
            RebuildReport { outcome, comparisons, positions, messages: 9, events: 18, duration, held };
        Report::new(("food_graph", "embedded"), &report)
    }

    #[test]
    fn what_only_waits_is_told_and_no_defect() {
        for (waiting, told) in [
            (
                (2, 0),
                "partition 0: up to position 9 it let 2 messages wait in quarantine; what was filled lets 0 wait\n",
            ),
            ((1, 1), "it let 1 messages wait in quarantine; what was filled lets as many others wait\n"),
        ] {
            let report = report(vec![different(0, "1-right", waiting)]);
            let explanation = report.explanation().unwrap();
            assert!(explanation.contains(told), "{explanation}");
            assert!(!explanation.contains("digest"), "{explanation}");
            let (live, rebuilt) = waiting;
            let line = format!("in quarantine: {live} live, {rebuilt} rebuilt");
            assert!(report.to_string().contains(&line), "{report}");
        }
    }

    #[test]
    fn another_digest_is_a_defect_wherever_it_is() {
        let waits = different(0, "1-right", (1, 0));
        let explanation = report(vec![waits, different(1, "1-wrong", (0, 0))]).explanation().unwrap();
        for told in ["it let 1 messages", "its digest was 1-wrong", "has 1-right", "defect: keep both"] {
            assert!(explanation.contains(told), "{told} in {explanation}");
        }
    }

    #[test]
    fn a_rate_is_of_events() {
        let report = report(vec![]);
        assert!(report.explanation().is_none());
        assert!(report.to_string().ends_with("9 messages, 18 events in 2.000 s: 9 events/s"), "{report}");
    }
}
