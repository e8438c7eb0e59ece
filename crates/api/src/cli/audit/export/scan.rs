//! The first pass over a partition: its tree, and where the messages are that are exported.
//!
//! Memory: 1 byte for each message, and 16 for each run of adjoining positions that are exported.

use std::collections::BTreeSet;

use foodflow_log::audit::bundle::BundleScope;
use foodflow_log::merkle::Blocks;
use foodflow_log::{ChainVerifier, Position, StoredMessage, StreamId};

use super::selection::Selection;

/// What the first pass found.
#[derive(Debug)]
pub(super) struct Scan {
    selection: Selection,
    pub(super) blocks: Blocks,
    /// Runs of adjoining positions: first and last.
    pub(super) runs: Vec<(u64, u64)>,
    streams: BTreeSet<StreamId>,
    /// First position of the commit that is being seen, and whether it is exported.
    commit: (Position, bool),
}

impl Scan {
    pub(super) fn new(selection: Selection) -> Self {
        let (blocks, runs, streams) = (Blocks::default(), Vec::new(), BTreeSet::new());
        Self { selection, blocks, runs, streams, commit: (Position(0), false) }
    }

    /// Takes the next message, which `verifier` has checked.
    pub(super) fn take(&mut self, message: &StoredMessage, verifier: &ChainVerifier) {
        self.blocks.append(verifier.leaf());
        let is_selected = self.selection.takes(message);
        if is_selected && self.selection.subject.is_some() {
            self.streams.insert(message.stream.clone());
        }
        let position = message.position.0;
        if !self.selection.with_commits {
            if is_selected {
                self.add(position, position);
            }
            return;
        }
        let (commit, was_selected) = self.commit;
        self.commit = (verifier.commit(), is_selected || (was_selected && commit == verifier.commit()));
        if self.commit.1 && !verifier.is_within_commit() {
            self.add(self.commit.0.0, position);
        }
    }

    fn add(&mut self, first: u64, last: u64) {
        match self.runs.last_mut() {
            Some(run) if run.1 + 1 == first => run.1 = last,
            _ => self.runs.push((first, last)),
        }
    }

    /// Number of messages that are exported.
    pub(super) fn selected(&self) -> u64 {
        self.runs.iter().map(|(first, last)| last + 1 - first).sum()
    }

    /// What the bundle says of itself, covered by a checkpoint up to `size`.
    pub(super) fn scope(&self, size: Position) -> BundleScope {
        let Selection { tenant, ref subject, with_commits, from, to } = self.selection;
        let first = self.runs.first().map_or(from, |run| run.0.min(from));
        let last = self.runs.last().map_or(to, |run| run.1.max(to));
        BundleScope {
            tenant,
            streams: self.streams.iter().map(ToString::to_string).collect(),
            related: subject.is_some() && with_commits,
            from: Position(first),
            to: Position(last).min(size),
        }
    }
}
