//! Whether a log is what was written: the hash chains, the commits, the envelopes.
//!
//! A pure walk in order of position, one message at a time. It proves that no message of a stream but its last
//! was changed, removed, put in or moved since the next one was written, and that no commit is cut short. What it
//! cannot prove by itself: that the last message of a stream is the one that was written, or that nothing was cut
//! off the end of the log. For that, the walk grows a Merkle tree ([`crate::merkle`]), whose root at a position is
//! compared with what a signed checkpoint says ([`crate::audit`]).
//!
//! Memory: one entry for each stream, 72 bytes and its share of the table's spare room (85 to 170 bytes); beside
//! that the names of tenants and kinds of aggregates, and one message. A walk that goes on behind a position, or
//! that keeps a bounded number of streams, is told the ends that it does not know.
//!
//! - [`broken_link`]: the first thing that is wrong;
//! - [`coverage`]: which messages a walk sees;
//! - `envelope_rules`: what one message must say by itself;
//! - `commit_rules`: how messages make up a commit;
//! - `streams`: where each stream stands.
//!
//! What must never happen here: that something is passed over because it cannot be read.

pub mod broken_link;
mod commit_rules;
pub mod coverage;
mod envelope_rules;
mod streams;
#[cfg(test)]
pub(crate) mod tests;

use foodflow_domain::TenantId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::broken_link::At;
pub use self::broken_link::{BrokenLink, Rule};
use self::commit_rules::OpenCommit;
pub use self::coverage::Coverage;
use self::streams::Streams;
use crate::envelope::{Envelope, PayloadHash};
use crate::event_log::{Partition, Position, StoredMessage, StreamId};
use crate::merkle::{CompactRange, TreeHash, message_leaf};

/// How far recorded time may fall behind an earlier position's: what the clocks of several writers may differ.
pub const CLOCKS_DIFFER_MAX: SignedDuration = SignedDuration::from_mins(5);

/// What was found to be in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Last position that was checked; 0 where there was nothing.
    pub position: Position,
    /// Number of streams.
    pub streams: u64,
    /// Number of commits.
    pub commits: u64,
    /// Number of messages.
    pub messages: u64,
    /// Number of events.
    pub events: u64,
    /// Latest recorded time.
    pub recorded_until: Option<Timestamp>,
    /// Messages that were recorded before an earlier position, within [`CLOCKS_DIFFER_MAX`].
    pub recorded_earlier: u64,
    /// Stands for every message up to `position`, in order: the root of the Merkle tree over them.
    pub root: TreeHash,
}

/// What a message is in its log, once it was found to be in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Position of the stream's message before it; 0 where it is the first, or the walk does not follow the stream.
    pub follows: Position,
    /// Its recorded time.
    pub recorded_at: Timestamp,
    /// Whether it completes its commit.
    pub ends_commit: bool,
}

/// Checks the messages of one partition, or those of them that [`Coverage`] says.
#[derive(Debug, Clone)]
pub struct ChainVerifier {
    /// The partition of the first message.
    partition: Option<Partition>,
    coverage: Coverage,
    partition_count: Option<u16>,
    streams: Streams,
    open: Option<OpenCommit>,
    tree: CompactRange,
    /// The leaf of the last message.
    leaf: TreeHash,
    /// Position of the first message of the last message's commit.
    commit: Position,
    verified: Verified,
}

impl Default for ChainVerifier {
    fn default() -> Self {
        Self::new()
    }
}

impl ChainVerifier {
    /// For every message of one partition, from position 1 without gap.
    #[must_use]
    pub fn new() -> Self {
        Self::covering(Coverage::Whole)
    }

    /// For every message of one tenant.
    #[must_use]
    pub fn of_tenant(tenant: TenantId) -> Self {
        Self::covering(Coverage::Tenant(tenant))
    }

    /// For the messages that `coverage` says.
    #[must_use]
    pub fn covering(coverage: Coverage) -> Self {
        let tree = CompactRange::new();
        let verified = Verified {
            position: coverage.begins_after(),
            streams: 0,
            commits: 0,
            messages: 0,
            events: 0,
            recorded_until: None,
            recorded_earlier: 0,
            root: tree.root(),
        };
        let streams = Streams::new(coverage.begins_within_streams());
        let (leaf, commit) = (TreeHash::default(), Position(0));
        let (partition, partition_count, open) = (None, None, None);
        Self { partition, coverage, partition_count, streams, open, tree, leaf, commit, verified }
    }

    /// Goes on after the messages of `tree`, the last of which were recorded by `recorded_until`: all of them were
    /// in order.
    #[must_use]
    pub fn after(tree: CompactRange, recorded_until: Timestamp) -> Self {
        let mut verifier = Self::covering(Coverage::After(Position(tree.size())));
        verifier.verified.recorded_until = Some(recorded_until);
        Self { tree, ..verifier }
    }

    /// Goes on behind `last`, which completes a commit and is taken to be in order. Counts, root and recorded time
    /// then begin there.
    ///
    /// # Errors
    /// A [`BrokenLink`] where `last` cannot be read or does not complete a commit.
    pub fn behind(last: &StoredMessage) -> Result<Self, BrokenLink> {
        let at = At::message(last);
        let events = decode(&at, last)?;
        let newest = newest(&at, &events)?;
        commit_rules::check_complete(&at, last, newest)?;
        let mut verifier = Self::covering(Coverage::After(last.position));
        verifier.partition = Some(last.partition);
        verifier.verified.recorded_until = Some(newest.time);
        Ok(verifier)
    }

    /// Remembers at least the `streams` that it met last, and at most twice as many.
    #[must_use]
    pub fn remembering(mut self, streams: usize) -> Self {
        self.streams.keep_last(streams);
        self
    }

    /// Whether it knows where the stream of `message` ends: it was met before, or told of.
    #[must_use]
    pub fn knows_stream_of(&self, message: &StoredMessage) -> bool {
        self.streams.knows(message.tenant, &message.stream)
    }

    /// The streams of `messages` that were not met before, nor told of.
    #[must_use]
    pub fn unknown_streams(&self, messages: &[StoredMessage]) -> Vec<(TenantId, StreamId)> {
        let mut unknown: Vec<_> = messages
            .iter()
            .filter(|message| !self.knows_stream_of(message))
            .map(|message| (message.tenant, message.stream.clone()))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// Tells where a stream stood before the walk: `last` is its last message, and taken to be in order.
    ///
    /// # Errors
    /// A [`BrokenLink`] where that holds no events.
    pub fn know(&mut self, last: &StoredMessage) -> Result<(), BrokenLink> {
        let at = At::message(last);
        let events = decode(&at, last)?;
        self.streams.know(last, newest(&at, &events)?.sequence);
        Ok(())
    }

    /// Also checks that each tenant stands in its partition of a log with `count` partitions.
    #[must_use]
    pub fn in_log_of(mut self, count: u16) -> Self {
        self.partition_count = Some(count);
        self
    }

    /// Checks the next message.
    ///
    /// # Errors
    /// The first [`BrokenLink`]; what would follow it cannot be judged, so the walk ends there.
    pub fn check(&mut self, message: &StoredMessage) -> Result<Checked, BrokenLink> {
        let at = At::message(message);
        self.check_place(&at, message)?;
        let events = decode(&at, message)?;
        let Some((first, rest)) = events.split_first() else { return Err(empty(&at)) };
        envelope_rules::check(&at, message, first, rest)?;
        self.commit = self.check_commit(&at, message, first)?;
        let payload = PayloadHash::of(&message.payload);
        let follows = if self.coverage.has_stream(&message.stream) {
            self.streams.follow(&at, message, payload, &events, self.commit)?
        } else {
            Position(0)
        };
        self.check_recorded_time(&at, first)?;
        self.leaf = message_leaf(message, payload);
        self.tree.append(self.leaf);
        self.verified.messages += 1;
        self.verified.events += events.len() as u64;
        self.verified.position = message.position;
        Ok(Checked { follows, recorded_at: first.time, ends_commit: commit_rules::is_last(first) })
    }

    /// True where the commit of the last message has further messages.
    #[must_use]
    pub fn is_within_commit(&self) -> bool {
        self.open.is_some()
    }

    /// Last position that was checked; 0 before the first.
    #[must_use]
    pub fn position(&self) -> Position {
        self.verified.position
    }

    /// Position of the first message of the commit that the last message belongs to; 0 before the first.
    #[must_use]
    pub fn commit(&self) -> Position {
        self.commit
    }

    /// The leaf of the last message; all zero before the first.
    #[must_use]
    pub fn leaf(&self) -> TreeHash {
        self.leaf
    }

    /// The tree over what was checked, and over what came before where the walk goes on from there.
    #[must_use]
    pub fn tree(&self) -> &CompactRange {
        &self.tree
    }

    /// What was checked so far, or up to the broken link.
    #[must_use]
    pub fn so_far(&self) -> Verified {
        Verified { streams: self.streams.count(), root: self.tree.root(), ..self.verified.clone() }
    }

    /// Ends the walk.
    ///
    /// # Errors
    /// A [`BrokenLink`] where the last commit is not complete.
    pub fn finish(self) -> Result<Verified, BrokenLink> {
        match &self.open {
            Some(open) => Err(open.cut_short()),
            None => Ok(self.so_far()),
        }
    }

    fn check_place(&mut self, at: &At<'_>, message: &StoredMessage) -> Result<(), BrokenLink> {
        let partition = *self.partition.get_or_insert(message.partition);
        if message.partition != partition {
            let (expected, found) = (partition.0, message.partition.0);
            return Err(at.broken(
                Rule::Place,
                format!("partition {expected}"),
                format!("partition {found}"),
            ));
        }
        if let Some(home) = self.partition_count.map(|count| Partition::of(message.tenant, count))
            && home != partition
        {
            let expected = format!("tenant {} in partition {}", message.tenant, home.0);
            return Err(at.broken(Rule::Place, expected, format!("it in partition {}", partition.0)));
        }
        self.coverage.check(at, message, self.verified.position)
    }

    /// Position of the first message of the commit that `message` belongs to; `event` is its first one.
    fn check_commit(
        &mut self,
        at: &At<'_>,
        message: &StoredMessage,
        event: &Envelope,
    ) -> Result<Position, BrokenLink> {
        if !self.coverage.has_whole_commits() {
            let commit = Position(message.position.0.saturating_sub(event.commitindex.into()));
            // What came before it is of another commit, or of this one and counted.
            self.verified.commits += u64::from(commit > self.verified.position);
            return Ok(commit);
        }
        let open = commit_rules::check(at, message, event, self.open.take())?;
        let commit = open.first();
        self.verified.commits += u64::from(open.is_complete());
        self.open = (!open.is_complete()).then_some(open);
        Ok(commit)
    }

    fn check_recorded_time(&mut self, at: &At<'_>, first: &Envelope) -> Result<(), BrokenLink> {
        let Some(until) = self.verified.recorded_until else {
            self.verified.recorded_until = Some(first.time);
            return Ok(());
        };
        if first.time.duration_since(until) < -CLOCKS_DIFFER_MAX {
            let minutes = CLOCKS_DIFFER_MAX.as_mins();
            let expected =
                format!("recorded time from {until} on, as at an earlier position, or {minutes} min less");
            return Err(at.event(first).broken(Rule::RecordedTime, expected, first.time));
        }
        self.verified.recorded_earlier += u64::from(first.time < until);
        self.verified.recorded_until = Some(until.max(first.time));
        Ok(())
    }
}

fn decode(at: &At<'_>, message: &StoredMessage) -> Result<Vec<Envelope>, BrokenLink> {
    Envelope::decode_batch(&message.payload)
        .map_err(|error| at.broken(Rule::Payload, "a CloudEvents batch of this log", error))
}

fn newest<'a>(at: &At<'_>, events: &'a [Envelope]) -> Result<&'a Envelope, BrokenLink> {
    events.last().ok_or_else(|| empty(at))
}

fn empty(at: &At<'_>) -> BrokenLink {
    at.broken(Rule::Payload, "at least one event", "an empty batch")
}
