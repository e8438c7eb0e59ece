//! Reading what older versions of this program wrote.
//!
//! An event type is never changed once it was written; a new form is a new version, `….v2`. What was written as `….v1`
//! is read by a step from one version to the next, and so on to the one that the code knows. Steps are pure, and
//! kept for as long as the log is: for good.

use serde_json::Value;

/// One step from an older written version of an event to the next.
#[derive(Debug, Clone, Copy)]
pub struct Upcaster {
    /// The type that is read, e.g. `foodflow.food_graph.sku.registered.v1`.
    pub from: &'static str,
    /// The type that its data has afterwards: the next version.
    pub to: &'static str,
    /// The data of the older version as that of the next.
    ///
    /// # Errors
    /// Where it is not what the older version wrote.
    pub step: fn(Value) -> Result<Value, serde_json::Error>,
}

/// The type and data of an event once every step has been taken; `None` where the type is no older one.
///
/// # Errors
/// Where the data is no JSON, or not what its version wrote.
pub fn upcast(
    steps: &[Upcaster],
    type_name: &str,
    data: &str,
) -> Result<Option<(&'static str, Value)>, serde_json::Error> {
    let find = |from: &str| steps.iter().find(|step| step.from == from);
    let Some(first) = find(type_name) else { return Ok(None) };
    let mut reached = (first.to, (first.step)(serde_json::from_str(data)?)?);
    // Each version is left once, so that steps which lead in a circle end as well.
    for _ in 1..steps.len() {
        let Some(next) = find(reached.0) else { break };
        reached = (next.to, (next.step)(reached.1)?);
    }
    Ok(Some(reached))
}
