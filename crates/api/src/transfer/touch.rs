//! Which records may be carried out side by side: those that no observer could tell from one after the other.
//!
//! A record writes what it creates or changes (its ids, its lots, its unique names) and reads what it mentions
//! besides. Two records must keep their order where one writes what the other writes or reads.

use std::collections::HashMap;

use foodflow_domain::TenantId;
use foodflow_domain::ids::{self, CommandId};
use serde_json::Value;
use uuid::Uuid;

/// What a record writes and reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touch {
    /// What it creates or changes.
    pub writes: Vec<Uuid>,
    /// What it mentions besides.
    pub reads: Vec<Uuid>,
    /// True where that cannot be told from the record: it is carried out alone.
    pub alone: bool,
}

/// The name of something that has no id.
#[must_use]
pub fn named(kind: &str, name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::new_v5(&Uuid::nil(), kind.as_bytes()), name.as_bytes())
}

/// What a lot number stands for; lots of one number keep their order, whatever they are lots of.
#[must_use]
pub fn lot_number(number: &str) -> Uuid {
    named("lot number", number)
}

impl Touch {
    /// Of a command in the words of the contract.
    #[must_use]
    pub fn of_command(tenant: TenantId, command_id: CommandId, name: &str, body: &Value) -> Self {
        let mut touch = Self { writes: vec![command_id.0], ..Self::default() };
        let segments: Vec<&str> = name.split('/').collect();
        let derived = |role: &str| ids::derive(tenant, command_id, role);
        match segments.as_slice() {
            ["locations"] => touch.writes.push(derived("location")),
            ["suppliers"] => touch.writes.push(derived("supplier")),
            ["ingredients"] => touch.writes.push(derived("ingredient")),
            ["products"] => touch.writes.push(derived("product")),
            ["skus"] => touch.writes.push(derived("sku")),
            ["receipts"] => touch.writes.extend([derived("receipt"), derived("batch")]),
            ["shipments"] => touch.writes.push(derived("shipment")),
            ["transformations"] => {
                let outputs = body["outputs"].as_array().map_or(0, Vec::len);
                touch.writes.push(derived("transformation"));
                touch.writes.extend((0..outputs).map(|index| derived(&format!("batch/{index}"))));
            }
            ["batches", id, _] | ["suppliers", id, "customers"] | ["products", id, "recipe"] => {
                touch.writes.extend(Uuid::parse_str(id));
            }
            // A correction changes what the corrected document named; late inputs walk the whole genealogy.
            _ => touch.alone = true,
        }
        touch.mention("", body);
        touch
    }

    fn mention(&mut self, key: &str, value: &Value) {
        match value {
            Value::String(text) => match key {
                "batch_number" => self.writes.push(lot_number(text)),
                "sku_code" => self.writes.push(named("SKU code", text)),
                "id" | "batch_id" => self.writes.extend(Uuid::parse_str(text)),
                _ => self.reads.extend(Uuid::parse_str(text)),
            },
            Value::Array(items) => items.iter().for_each(|item| self.mention(key, item)),
            Value::Object(fields) => fields.iter().for_each(|(key, field)| self.mention(key, field)),
            _ => {}
        }
    }
}

/// The records that are being carried out.
#[derive(Debug, Default)]
pub struct Active {
    writes: HashMap<Uuid, usize>,
    reads: HashMap<Uuid, usize>,
    alone: bool,
    count: usize,
}

impl Active {
    /// Whether a record may join them.
    #[must_use]
    pub fn admits(&self, touch: &Touch) -> bool {
        if self.count == 0 {
            return true;
        }
        let written = |id: &Uuid| self.writes.contains_key(id);
        let read = |id: &Uuid| self.reads.contains_key(id);
        !(self.alone
            || touch.alone
            || touch.writes.iter().any(|id| written(id) || read(id))
            || touch.reads.iter().any(written))
    }

    /// A record joins them.
    pub fn enter(&mut self, touch: &Touch) {
        self.count += 1;
        self.alone |= touch.alone;
        touch.writes.iter().for_each(|id| *self.writes.entry(*id).or_default() += 1);
        touch.reads.iter().for_each(|id| *self.reads.entry(*id).or_default() += 1);
    }

    /// A record is done.
    pub fn leave(&mut self, touch: &Touch) {
        self.count -= 1;
        // One that is alone has nobody beside it.
        self.alone = false;
        touch.writes.iter().for_each(|id| forget(&mut self.writes, *id));
        touch.reads.iter().for_each(|id| forget(&mut self.reads, *id));
    }
}

fn forget(counts: &mut HashMap<Uuid, usize>, id: Uuid) {
    if let Some(count) = counts.get_mut(&id) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn touch(name: &str, body: Value) -> Touch {
        Touch::of_command(TenantId::of_slug("a"), CommandId(Uuid::new_v4()), name, &body)
    }

    fn id(number: u128) -> String {
        Uuid::from_u128(number).to_string()
    }

    fn side_by_side(one: &Touch, other: &Touch) -> bool {
        let mut active = Active::default();
        active.enter(one);
        let admitted = active.admits(other);
        active.leave(one);
        assert!(active.admits(other));
        admitted
    }

    #[test]
    fn order_is_kept_where_one_record_needs_another() {
        let place = touch("locations", json!({"id": id(1), "name": "Plant"}));
        let receipt = |number: &str, lot: u128| json!({"batch_id": id(lot), "batch_number": number, "location_id": id(1), "ingredient_id": id(2)});
        let first = touch("receipts", receipt("L1", 10));
        assert!(!side_by_side(&place, &first), "the place comes first");
        assert!(side_by_side(&first, &touch("receipts", receipt("L2", 11))));
        assert!(
            !side_by_side(&first, &touch("receipts", receipt("L1", 11))),
            "one of two equal numbers is refused"
        );
        let use_of =
            |lot: u128| touch("transformations", json!({"inputs": [{"batch_id": id(lot)}], "outputs": []}));
        assert!(!side_by_side(&first, &use_of(10)));
        assert!(side_by_side(&first, &use_of(12)));
        assert!(!side_by_side(&use_of(10), &touch(&format!("batches/{}/hold", id(10)), json!({}))));
        let correction = touch(&format!("receipts/{}/correction", id(90)), json!({}));
        assert!(!side_by_side(&correction, &first) && !side_by_side(&first, &correction));
    }
}
