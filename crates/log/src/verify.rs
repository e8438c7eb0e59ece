//! Whether a log is what was written: the hash chains, the commits, the envelopes.
//!
//! A pure walk in order of position, one message at a time. It proves that no message of a stream but its last
//! was changed, removed, put in or moved since the next one was written, and that no commit is cut short. What it
//! cannot prove by itself: that the last message of a stream is the one that was written, or that nothing was cut
//! off the end of the log. For that, compare [`Verified::fingerprint`] up to the same position with one that was
//! noted earlier and kept elsewhere.
//!
//! Memory: one entry for each stream, 72 bytes and its share of the table's spare room (85 to 170 bytes); beside
//! that the names of tenants and kinds of aggregates, and one message. A walk that goes on behind a position, or
//! that keeps a bounded number of streams, is told the ends that it does not know.
//!
//! - [`broken_link`]: the first thing that is wrong;
//! - `envelope_rules`: what one message must say by itself;
//! - `commit_rules`: how messages make up a commit;
//! - `streams`: where each stream stands.
//!
//! What must never happen here: that something is passed over because it cannot be read.

pub mod broken_link;
mod commit_rules;
mod envelope_rules;
mod streams;
#[cfg(test)]
mod tests;

use foodflow_domain::TenantId;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use self::broken_link::At;
pub use self::broken_link::{BrokenLink, Rule};
use self::commit_rules::OpenCommit;
use self::streams::Streams;
use crate::envelope::{Envelope, PayloadHash};
use crate::event_log::{Partition, Position, StoredMessage};

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
    /// Stands for every message up to `position`, in order: a chain of SHA-256 over position, tenant, stream and
    /// payload of each.
    pub fingerprint: PayloadHash,
}

/// What a message is in its log, once it was found to be in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Position of the stream's message before it; 0 where it is the first.
    pub follows: Position,
    /// Its recorded time.
    pub recorded_at: Timestamp,
    /// Whether it completes its commit.
    pub ends_commit: bool,
}

/// Checks the messages of one partition, or of one tenant in it, from the first on.
#[derive(Debug)]
pub struct ChainVerifier {
    /// The partition of the first message.
    partition: Option<Partition>,
    tenant: Option<TenantId>,
    partition_count: Option<u16>,
    streams: Streams,
    open: Option<OpenCommit>,
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
        let verified = Verified {
            position: Position(0),
            streams: 0,
            commits: 0,
            messages: 0,
            events: 0,
            recorded_until: None,
            recorded_earlier: 0,
            fingerprint: PayloadHash::default(),
        };
        let streams = Streams::default();
        Self { partition: None, tenant: None, partition_count: None, streams, open: None, verified }
    }

    /// For every message of one tenant. Positions of others lie between, so that a missing message is told by
    /// what follows it in its stream or commit alone.
    #[must_use]
    pub fn of_tenant(tenant: TenantId) -> Self {
        Self { tenant: Some(tenant), ..Self::new() }
    }

    /// For every message of one partition behind `last`, which completes a commit and is taken to be in order.
    ///
    /// Counts, fingerprint and recorded time then begin there. The end of a stream that began before is not known:
    /// ask [`Self::knows_end_of`] before each message, and tell it with [`Self::learn_end`].
    ///
    /// # Errors
    /// A [`BrokenLink`] where `last` cannot be read or does not complete a commit.
    pub fn behind(last: &StoredMessage) -> Result<Self, BrokenLink> {
        let at = At::message(last);
        let events = decode(&at, last)?;
        let newest = newest(&at, &events)?;
        commit_rules::check_complete(&at, last, newest)?;
        let mut verifier = Self::new();
        verifier.partition = Some(last.partition);
        verifier.verified.position = last.position;
        verifier.verified.recorded_until = Some(newest.time);
        Ok(verifier)
    }

    /// Remembers at least the `streams` that it met last, and at most twice as many.
    #[must_use]
    pub fn remembering(mut self, streams: usize) -> Self {
        self.streams.keep_last(streams);
        self
    }

    /// Whether it knows where the stream of `message` ends, if that began before.
    #[must_use]
    pub fn knows_end_of(&self, message: &StoredMessage) -> bool {
        self.streams.knows(message)
    }

    /// Learns where a stream ends: with `last`, which is taken to be in order.
    ///
    /// # Errors
    /// A [`BrokenLink`] where `last` cannot be read.
    pub fn learn_end(&mut self, last: &StoredMessage) -> Result<(), BrokenLink> {
        let at = At::message(last);
        let events = decode(&at, last)?;
        self.streams.learn(last, newest(&at, &events)?.sequence);
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
        let open = commit_rules::check(&at, message, first, self.open.take())?;
        let follows = self.streams.follow(&at, message, &events, open.first())?;
        self.check_recorded_time(&at, first)?;
        let ends_commit = open.is_complete();
        self.verified.commits += u64::from(ends_commit);
        self.open = (!ends_commit).then_some(open);
        self.verified.messages += 1;
        self.verified.events += events.len() as u64;
        self.verified.position = message.position;
        self.verified.fingerprint = extend(self.verified.fingerprint, message);
        Ok(Checked { follows, recorded_at: first.time, ends_commit })
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

    /// What was checked so far, or up to the broken link.
    #[must_use]
    pub fn so_far(&self) -> Verified {
        Verified { streams: self.streams.count(), ..self.verified.clone() }
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
        if let Some(tenant) = self.tenant.filter(|tenant| *tenant != message.tenant) {
            return Err(at.broken(Rule::Place, format!("a message of tenant {tenant}"), message.tenant));
        }
        if let Some(home) = self.partition_count.map(|count| Partition::of(message.tenant, count))
            && home != partition
        {
            let expected = format!("tenant {} in partition {}", message.tenant, home.0);
            return Err(at.broken(Rule::Place, expected, format!("it in partition {}", partition.0)));
        }
        let next = self.verified.position.0.saturating_add(1);
        let fits =
            if self.tenant.is_some() { message.position.0 >= next } else { message.position.0 == next };
        if fits {
            return Ok(());
        }
        let what = if self.tenant.is_some() { "position or a later one" } else { "position" };
        Err(at.broken(Rule::Place, format!("{what} {next}"), format!("position {}", message.position)))
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

/// The fingerprint up to `message`, given that up to the one before.
fn extend(before: PayloadHash, message: &StoredMessage) -> PayloadHash {
    let mut hash = Sha256::new();
    hash.update(before.0);
    hash.update(message.position.0.to_be_bytes());
    hash.update(message.tenant.0.as_bytes());
    hash.update(message.stream.to_string().as_bytes());
    // Ends the name: it holds no zero byte.
    hash.update([0]);
    hash.update(PayloadHash::of(&message.payload).0);
    PayloadHash(hash.finalize().into())
}
