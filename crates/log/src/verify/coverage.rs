//! Which messages of a partition a walk sees, and so what they must add up to.

use std::collections::BTreeSet;

use foodflow_domain::TenantId;

use super::broken_link::{At, BrokenLink, Rule};
use crate::event_log::{Position, StoredMessage, StreamId};

/// Which messages of a partition a walk sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// Every message, from position 1 on.
    Whole,
    /// Every message after a position up to which all was in order. Where a stream stood there is told by
    /// [`super::ChainVerifier::know`]; one that is not told of must begin after it.
    After(Position),
    /// Every message from this position on, which begins a commit. Streams may have begun before it.
    From(Position),
    /// Every message of one tenant. Positions of others lie between, so that a missing message is told by what
    /// follows it in its stream or commit alone.
    Tenant(TenantId),
    /// Every message of one tenant from this position on, which begins a commit.
    TenantFrom(TenantId, Position),
    /// Every message of some streams of one tenant, and nothing else; or the whole commits that hold them.
    Streams {
        /// Whose.
        tenant: TenantId,
        /// Which.
        streams: BTreeSet<StreamId>,
        /// Whether the other messages of their commits are there too.
        with_commits: bool,
    },
}

impl Coverage {
    /// The position after which the walk begins.
    pub(super) fn begins_after(&self) -> Position {
        match self {
            Self::After(position) => *position,
            Self::From(position) | Self::TenantFrom(_, position) => Position(position.0.saturating_sub(1)),
            Self::Whole | Self::Tenant(_) | Self::Streams { .. } => Position(0),
        }
    }

    /// Whether every commit is there with all of its messages.
    pub(super) fn has_whole_commits(&self) -> bool {
        !matches!(self, Self::Streams { with_commits: false, .. })
    }

    /// Whether streams that are met for the first time may have begun earlier.
    pub(super) fn begins_within_streams(&self) -> bool {
        matches!(self, Self::From(_) | Self::TenantFrom(..))
    }

    /// Whether every message of this stream is there.
    pub(super) fn has_stream(&self, stream: &StreamId) -> bool {
        match self {
            Self::Streams { streams, .. } => streams.contains(stream),
            _ => true,
        }
    }

    fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Tenant(tenant) | Self::TenantFrom(tenant, _) | Self::Streams { tenant, .. } => {
                Some(*tenant)
            }
            Self::Whole | Self::After(_) | Self::From(_) => None,
        }
    }

    /// Checks that `message` may come after position `last`.
    pub(super) fn check(
        &self,
        at: &At<'_>,
        message: &StoredMessage,
        last: Position,
    ) -> Result<(), BrokenLink> {
        let next = last.0.saturating_add(1);
        let Some(tenant) = self.tenant() else {
            return at.same(Rule::Place, "position", &next, &message.position.0);
        };
        at.same(Rule::Place, "a message of tenant", &tenant, &message.tenant)?;
        if message.position.0 < next {
            let expected = format!("position {next} or a later one");
            return Err(at.broken(Rule::Place, expected, format!("position {}", message.position)));
        }
        let Self::Streams { streams, with_commits: false, .. } = self else { return Ok(()) };
        if streams.contains(&message.stream) {
            return Ok(());
        }
        let names: Vec<_> = streams.iter().map(ToString::to_string).collect();
        Err(at.broken(Rule::Place, format!("a message of {}", names.join(" or ")), &message.stream))
    }
}
