//! What generations there are, for people and for scripts.

use std::collections::BTreeMap;
use std::fmt;

use foodflow_log::{Partition, Position};
use foodflow_projections::store::Checkpoint;
use foodflow_projections::store::generations::Overview;
use serde::Serialize;

/// The generations of a read model.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    projection: &'static str,
    store: &'static str,
    /// Position of each partition of the live one.
    live: BTreeMap<u16, Position>,
    other: Option<Other>,
}

#[derive(Debug, Serialize)]
struct Other {
    /// `beside`, `reopened` or `previous`.
    role: &'static str,
    /// The tenant that it covers; all where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    filled_by: String,
    positions: BTreeMap<u16, Position>,
}

impl Status {
    pub(super) fn new(projection: &'static str, store: &'static str, overview: &Overview) -> Self {
        let other = overview.other.as_ref().map(|other| Other {
            role: other.role.as_str(),
            tenant: other.scope.tenant().map(|tenant| tenant.to_string()),
            filled_by: other.filled_by.clone(),
            positions: positions(&other.checkpoints),
        });
        Self { projection, store, live: positions(&overview.live), other }
    }
}

fn positions(checkpoints: &BTreeMap<Partition, Checkpoint>) -> BTreeMap<u16, Position> {
    checkpoints.iter().map(|(partition, checkpoint)| (partition.0, checkpoint.position)).collect()
}

fn shown(positions: &BTreeMap<u16, Position>) -> String {
    let each: Vec<String> =
        positions.iter().map(|(partition, position)| format!("{partition} at {position}")).collect();
    if each.is_empty() { "nothing yet".to_owned() } else { format!("partition {}", each.join(", ")) }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}), live: {}", self.projection, self.store, shown(&self.live))?;
        let Some(other) = &self.other else { return write!(f, "nothing stands beside it") };
        let of = other.tenant.as_ref().map_or("all tenants".to_owned(), |tenant| format!("tenant {tenant}"));
        let (what, next) = match other.role {
            "beside" => ("a rebuild that is not finished", "`foodflow rebuild` of the same goes on"),
            "reopened" => ("a switch back that is not finished", "`foodflow rebuild --back` goes on"),
            _ => ("what was live before the last switch", "`foodflow rebuild --back` makes it live again"),
        };
        writeln!(f, "{}, of {of}, version {}: {}", what, other.filled_by, shown(&other.positions))?;
        write!(f, "{next}; `foodflow rebuild --discard` gives it up")
    }
}
