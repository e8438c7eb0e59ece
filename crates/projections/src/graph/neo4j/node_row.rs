//! Nodes as rows: what a statement sends and what it answers.

use foodflow_domain::TenantId;
use neo4rs::{BoltMap, BoltType, Row};
use uuid::Uuid;

use super::error::{corrupt, unfit};
use super::value::{MapBuilder, from_bolt, to_bolt};
use crate::changes::{Label, NodeKey, Properties, Value};
use crate::graph::{Node, StoreError};

/// Property of a node that an edge names but that has not been merged itself: it holds the edge's end, and no
/// lookup answers it. Merging the node removes it.
pub(super) const EXPECTED: &str = "expected";
/// Texts that the live generation has indexes of, and that are no ids.
const INDEXED_TEXTS: [&str; 4] = ["batch_number", "name", "sku_code", "status"];
/// Most bytes of such a text; an entry of an index holds 8,167 bytes with the ids beside it.
const INDEXED_BYTES_MAX: usize = 7_500;
/// Properties of every node that are not part of [`Node::properties`]: they are its address.
const OWN: [&str; 3] = ["id", "tenant_id", "partition"];

/// Whether both generations can hold `properties`. Only the live one has the indexes of lists, and what they do not take
/// must be refused in either, or what a rebuild fills could not be switched to.
///
/// # Errors
/// `Unfit`.
pub(super) fn check(key: NodeKey, properties: &Properties) -> Result<(), StoreError> {
    for name in INDEXED_TEXTS {
        if let Some(Some(Value::Text(text))) = properties.get(name)
            && text.len() > INDEXED_BYTES_MAX
        {
            let (label, length) = (key.label.as_str(), text.len());
            return Err(unfit(format_args!(
                "`{name}` of a {label} has {length} bytes, of {INDEXED_BYTES_MAX} that an index takes"
            )));
        }
    }
    Ok(())
}

/// The row that sets `properties` of a node; a `null` removes one.
pub(super) fn encode(tenant: TenantId, key: NodeKey, properties: &Properties) -> BoltType {
    let mut set = MapBuilder::with_capacity(properties.len() + 1);
    for (name, value) in properties {
        set.put(name, value.as_ref().map(to_bolt));
    }
    set.put(EXPECTED, None::<bool>);
    let mut row = MapBuilder::with_capacity(3);
    row.put("id", key.id.to_string());
    row.put("tenant", tenant.to_string());
    row.put("set", set.build());
    row.build()
}

/// The node, and its tenant, of a row whose column `n` holds `properties(n)`.
pub(super) fn decode(label: Label, row: &Row) -> Result<(TenantId, Node), StoreError> {
    let map: BoltMap = row.get("n")?;
    let id = own_uuid(&map, "id")?;
    let tenant = TenantId(own_uuid(&map, "tenant_id")?);
    let properties = map
        .value
        .into_iter()
        .filter(|(name, _)| !OWN.contains(&name.value.as_str()))
        .map(|(name, bolt)| {
            let value = from_bolt(&name.value, bolt)?;
            Ok((name.value, value))
        })
        .collect::<Result<_, StoreError>>()?;
    Ok((tenant, Node { key: NodeKey { label, id }, properties }))
}

fn own_uuid(map: &BoltMap, name: &'static str) -> Result<Uuid, StoreError> {
    match map.value.get(name) {
        Some(BoltType::String(text)) => uuid(&text.value),
        _ => Err(corrupt(format_args!("a node without `{name}`"))),
    }
}

/// Reads an id.
pub(super) fn uuid(text: &str) -> Result<Uuid, StoreError> {
    Uuid::parse_str(text).map_err(|error| corrupt(format_args!("an id: {error}")))
}
