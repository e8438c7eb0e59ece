//! The names under which a generation stands in the database.
//!
//! The live generation has the documented labels and relationship types; the other one has names of its own, so that no
//! statement that somebody writes against the documented ones reaches it, nor one of this store for the live
//! generation. The constraints and indexes of both are in the definition: those of an empty generation cost nothing.

use crate::changes::{EdgeType, Label};

const OTHER_LABEL: &str = "Beside";
const OTHER_TYPE: &str = "BESIDE_";

/// Which generation a statement reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Generation {
    /// The one that queries read.
    Live,
    /// The one that stands beside it, or that was live before.
    Other,
}

impl Generation {
    /// Both.
    pub(super) const BOTH: [Self; 2] = [Self::Live, Self::Other];

    /// The other of the two.
    pub(super) const fn opposite(self) -> Self {
        match self {
            Self::Live => Self::Other,
            Self::Other => Self::Live,
        }
    }

    /// The label of its nodes.
    pub(super) fn label(self, label: Label) -> String {
        match self {
            Self::Live => label.as_str().to_owned(),
            Self::Other => format!("{OTHER_LABEL}{}", label.as_str()),
        }
    }

    /// The type of its relationships.
    pub(super) fn edge_type(self, edge_type: EdgeType) -> String {
        match self {
            Self::Live => edge_type.as_str().to_owned(),
            Self::Other => format!("{OTHER_TYPE}{}", edge_type.as_str()),
        }
    }

    /// The label of its checkpoints.
    pub(super) const fn checkpoint(self) -> &'static str {
        match self {
            Self::Live => "FoodflowCheckpoint",
            Self::Other => "FoodflowBesideCheckpoint",
        }
    }
}

/// The hint by which a statement finds `variable` by tenant and id. Left alone, the planner may take the index of the tenant,
/// since in a database that was empty when the plan was made every index is equally good, and then reads all nodes of a
/// tenant for each row: in a tenant of 3,000 lots, ten times as long for a batch of edges.
pub(super) fn by_id(variable: &str, label: &str) -> String {
    format!("USING INDEX {variable}:{label}(tenant_id, id)")
}

/// The label that a name stands for, in either generation.
pub(super) fn parse_label(name: &str) -> Option<Label> {
    Label::parse(name.strip_prefix(OTHER_LABEL).unwrap_or(name))
}

/// The type that a name stands for, in either generation.
pub(super) fn parse_edge_type(name: &str) -> Option<EdgeType> {
    EdgeType::parse(name.strip_prefix(OTHER_TYPE).unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_generations_are_read_and_never_the_same() {
        for label in Label::ALL {
            let names = Generation::BOTH.map(|generation| generation.label(*label));
            assert_ne!(names[0], names[1]);
            assert!(names.iter().all(|name| parse_label(name) == Some(*label)), "{names:?}");
        }
        for edge_type in EdgeType::ALL {
            let names = Generation::BOTH.map(|generation| generation.edge_type(*edge_type));
            assert_ne!(names[0], names[1]);
            assert!(names.iter().all(|name| parse_edge_type(name) == Some(*edge_type)), "{names:?}");
        }
        assert_eq!(parse_label("Beside"), None);
    }
}
