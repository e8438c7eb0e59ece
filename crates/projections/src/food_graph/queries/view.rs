//! Which edges count: by event time, and as known at a position or recorded time.

use foodflow_log::Position;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::changes::Edge;

/// As known when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// All that was applied.
    Now,
    /// What was recorded up to this position.
    Position(Position),
    /// What was recorded up to this time (UTC).
    RecordedTime(Timestamp),
}

impl Known {
    /// True where what was recorded at this position and time was known.
    #[must_use]
    pub fn includes(self, position: Position, recorded_at: Timestamp) -> bool {
        match self {
            Self::Now => true,
            Self::Position(last) => position <= last,
            Self::RecordedTime(last) => recorded_at <= last,
        }
    }

    /// True where the edge was recorded by then, whether or not it was retired since.
    #[must_use]
    pub fn has_recorded(self, edge: &Edge) -> bool {
        self.includes(edge.position, edge.recorded_at)
    }

    /// True where the edge was recorded and retired by then.
    #[must_use]
    pub fn has_retired(self, edge: &Edge) -> bool {
        edge.retired.as_ref().is_some_and(|retired| self.includes(retired.position, retired.recorded_at))
    }

    /// True where the edge was recorded by then and not retired by then.
    #[must_use]
    pub fn counts(self, edge: &Edge) -> bool {
        self.has_recorded(edge) && !self.has_retired(edge)
    }
}

/// Written as it is asked for: `"now"`, a position as a number, or a time.
impl Serialize for Known {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Now => serializer.serialize_str("now"),
            Self::Position(position) => position.serialize(serializer),
            Self::RecordedTime(time) => time.serialize(serializer),
        }
    }
}

/// What happened by when, as known when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Latest event time that counts (UTC); all where absent.
    pub at: Option<Timestamp>,
    /// As known when.
    pub known: Known,
}

impl View {
    /// All that is known now.
    pub const NOW: Self = Self { at: None, known: Known::Now };

    /// Everything that was known then, whenever it happened.
    #[must_use]
    pub const fn known(known: Known) -> Self {
        Self { at: None, known }
    }

    /// True where the edge's event had happened and was known.
    #[must_use]
    pub fn counts(&self, edge: &Edge) -> bool {
        self.at.is_none_or(|at| edge.occurred_at <= at) && self.known.counts(edge)
    }
}
