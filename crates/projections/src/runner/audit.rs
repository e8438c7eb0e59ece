//! The gap auditor: whether every position behind a checkpoint was applied or deliberately passed.
//!
//! A worker refuses positions that do not adjoin, and a store refuses a batch that does not continue the one before. The
//! auditor trusts neither. It compares what the worker counted with how far it came, what the store says with what the
//! worker does, and both with the log: it reads the last positions before the checkpoint, and each time some others
//! behind them. So a pass costs the same however long the log is. It changes nothing: what it finds is a metric and a
//! state, until a later pass does not find it any more.
//!
//! It does not compare what is stored with what the events say: that is what a rebuild's digest is for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foodflow_log::{Direction, LogError, Partition, Position, ReadQuery, SharedLog, StoredMessage};
use tokio::time::timeout;

use crate::store::Checkpoint;

/// Messages that one look into the log reads; a pass takes two looks.
const LOOK_MESSAGES: u64 = 64;
/// How long a pass may take.
const PASS_TIMEOUT: Duration = Duration::from_secs(20);
/// The golden ratio in 64 bits: its multiples are spread evenly over all numbers of 64 bits.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// What a worker has taken into account since it began to work on the partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Where it began.
    pub(super) since: Position,
    /// How many messages it has applied or put into quarantine.
    pub(super) messages: u64,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Finding {
    /// Positions behind the checkpoint that nobody accounts for, as far as was looked.
    pub(super) gap_positions: u64,
    /// What is wrong, for people.
    pub(super) error: Option<String>,
}

/// What one pass found, and where to look again.
#[derive(Debug, Default)]
struct Looked {
    found: Finding,
    /// Where the look into the log begins that found something.
    suspect: Option<Position>,
}

/// How far a partition was applied, by two accounts.
#[derive(Debug, Clone)]
pub(super) struct Accounts {
    /// By the worker's own, taken first.
    pub(super) applied: Checkpoint,
    /// What it counted.
    pub(super) tally: Tally,
    /// By the store's, where it answers.
    pub(super) stored: Option<Checkpoint>,
}

/// Audits one partition.
pub(super) struct Auditor {
    log: SharedLog,
    partition: Partition,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    passes: u64,
    /// Where a look begins that found something: the next pass looks there again.
    suspect: Option<Position>,
    found: Finding,
}

impl Tally {
    /// How many positions up to `applied` it does not account for, or accounts for twice.
    fn unaccounted(self, applied: Position) -> u64 {
        applied.0.saturating_sub(self.since.0).abs_diff(self.messages)
    }
}

impl Finding {
    fn new(gap_positions: u64, error: String) -> Self {
        Self { gap_positions, error: Some(error) }
    }
}

impl Looked {
    /// What a look into the log found that begins at `from`.
    fn new(found: Finding, from: Position) -> Self {
        let suspect = found.error.is_some().then_some(from);
        Self { found, suspect }
    }
}

impl From<Finding> for Looked {
    /// What the accounts tell by themselves, at no place of the log.
    fn from(found: Finding) -> Self {
        Self { found, suspect: None }
    }
}

impl Auditor {
    pub(super) fn new(log: SharedLog, partition: Partition) -> Self {
        Self { log, partition, state: Mutex::default() }
    }

    /// What the last pass found.
    pub(super) fn found(&self) -> Finding {
        self.lock().found.clone()
    }

    /// Looks once more. A log that does not answer is nothing found: that shows elsewhere.
    pub(super) async fn pass(&self, accounts: &Accounts) {
        let (pass, suspect) = {
            let mut state = self.lock();
            state.passes += 1;
            (state.passes, state.suspect)
        };
        let at = accounts.applied.position;
        let behind = spread(pass, at);
        let behind = suspect.filter(|suspect| *suspect < at).unwrap_or(behind);
        let looked = timeout(PASS_TIMEOUT, self.look(accounts, behind)).await;
        let Ok(Ok(Looked { found, suspect })) = looked else { return };
        self.tell(&found);
        let mut state = self.lock();
        state.suspect = suspect;
        state.found = found;
    }

    fn tell(&self, found: &Finding) {
        if *found == self.lock().found {
            return;
        }
        let (partition, gap_positions) = (self.partition.0, found.gap_positions);
        match &found.error {
            Some(error) => tracing::error!(partition, gap_positions, error, "the audit found a gap"),
            None => tracing::info!(partition, "the audit finds no gap any more"),
        }
    }

    async fn look(&self, accounts: &Accounts, behind: Position) -> Result<Looked, LogError> {
        let Accounts { applied, tally, .. } = accounts;
        let at = applied.position;
        let unaccounted = tally.unaccounted(at);
        if unaccounted > 0 {
            let Tally { since, messages } = tally;
            let error = format!("{messages} messages were taken into account from position {since} to {at}");
            return Ok(Finding::new(unaccounted, error).into());
        }
        if let Some(stored) = accounts.stored.as_ref().map(|stored| stored.position)
            && stored < at
        {
            let error =
                format!("the read model stands at position {stored}, although {at} was applied; rebuild it");
            return Ok(Finding::new(at.0 - stored.0, error).into());
        }
        if at == Position(0) {
            return Ok(Looked::default());
        }
        let recent = Position(at.0.saturating_sub(LOOK_MESSAGES));
        let messages = self.read(recent).await?;
        let last = messages.iter().find(|message| message.position == at);
        if let Some(error) = last.and_then(|message| other_time(message, applied)) {
            return Ok(Finding::new(0, error).into());
        }
        let looked = Looked::new(lacks(&messages, recent, at), recent);
        if looked.suspect.is_some() || behind >= recent {
            return Ok(looked);
        }
        let found = lacks(&self.read(behind).await?, behind, Position(behind.0 + LOOK_MESSAGES));
        Ok(Looked::new(found, behind))
    }

    async fn read(&self, from: Position) -> Result<Vec<StoredMessage>, LogError> {
        let limit = LOOK_MESSAGES as usize;
        let query = ReadQuery { tenant: None, from, direction: Direction::Forward, limit };
        self.log.read(self.partition, query).await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A position before `at`; those of successive passes are spread evenly.
fn spread(pass: u64, at: Position) -> Position {
    Position(((u128::from(GOLDEN.wrapping_mul(pass)) * u128::from(at.0)) >> 64) as u64)
}

/// What the log lacks of the positions after `after` and up to `through`, by the `messages` that it gave of them.
fn lacks(messages: &[StoredMessage], after: Position, through: Position) -> Finding {
    match missing(messages, after, through) {
        0 => Finding::default(),
        lacking => {
            let first = after.0 + 1;
            let error =
                format!("the log lacks {lacking} of the positions {first} to {through}, all of them applied");
            Finding::new(lacking, error)
        }
    }
}

/// Says so where the log recorded `message` at another time than the checkpoint at its position states: the read model
/// was filled from another log.
pub(super) fn other_time(message: &StoredMessage, applied: &Checkpoint) -> Option<String> {
    let stated = applied.recorded_at?;
    let recorded = foodflow_log::recorded_at(message).ok()?;
    (recorded != stated).then(|| {
        format!(
            "position {} was recorded at {recorded}, but the read model was filled from a log that recorded it at \
             {stated}; rebuild it with `foodflow rebuild`",
            applied.position
        )
    })
}

/// How many positions after `after` and up to `through` are not among `messages`.
fn missing(messages: &[StoredMessage], after: Position, through: Position) -> u64 {
    let within = |message: &&StoredMessage| message.position > after && message.position <= through;
    let mut held: Vec<_> = messages.iter().filter(within).map(|message| message.position).collect();
    held.sort_unstable();
    held.dedup();
    (through.0 - after.0).saturating_sub(held.len() as u64)
}

#[cfg(test)]
mod tests {
    use foodflow_domain::TenantId;
    use foodflow_log::StreamId;
    use uuid::Uuid;

    use super::*;

    fn message(position: u64) -> StoredMessage {
        StoredMessage {
            partition: Partition(0),
            position: Position(position),
            tenant: TenantId::default(),
            stream: StreamId::new("food_graph", "batch", Uuid::nil()),
            payload: bytes::Bytes::new(),
        }
    }

    #[test]
    fn what_a_sample_lacks_is_counted() {
        let sample: Vec<_> = [5, 6, 8, 8, 9, 11].map(message).into();
        for (after, through, expected) in [(4, 6, 0), (4, 9, 1), (4, 11, 2), (0, 4, 4), (7, 9, 0), (9, 14, 4)]
        {
            assert_eq!(
                missing(&sample, Position(after), Position(through)),
                expected,
                "{after} to {through}"
            );
        }
    }

    #[test]
    fn a_tally_knows_what_it_lacks_and_what_it_has_twice() {
        let tally = Tally { since: Position(10), messages: 5 };
        assert_eq!([15, 17, 14].map(|at| tally.unaccounted(Position(at))), [0, 2, 1]);
    }

    #[test]
    fn samples_are_spread_over_all_that_was_applied() {
        let tenth = |pass| spread(pass, Position(1_000_000)).0 / 100_000;
        let tenths: std::collections::BTreeSet<_> = (1..=20).map(tenth).collect();
        assert_eq!(tenths.len(), 10, "{tenths:?}");
    }
}
