//! What this very import has recorded and the read model may not show yet.

use std::collections::HashMap;

use serde_json::Value as Json;
use uuid::Uuid;

use super::{Kind, LotReference, Names, lock};
use crate::transfer::outcome::Recorded;

/// What this import has recorded and the read model may not show yet.
#[derive(Debug, Default)]
pub(super) struct NewNames {
    pub(super) things: HashMap<(Kind, String), Vec<Uuid>>,
    pub(super) lots: HashMap<String, Vec<LotReference>>,
    count: usize,
}

impl Names {
    /// Takes note of what a record has brought in, for the records after it.
    pub fn note(&self, command: &str, body: &Json, recorded: &Recorded) {
        let text = |value: &Json| value.as_str().map(str::to_owned);
        let id = |value: &Json| value.as_str().and_then(|text| Uuid::parse_str(text).ok());
        let mut new = lock(&self.recorded);
        let kind = match command {
            "locations" => Kind::Location,
            "suppliers" => Kind::Supplier,
            "ingredients" => Kind::Ingredient,
            "products" => Kind::Product,
            "skus" => Kind::Sku,
            "receipts" => {
                new.lot(body, recorded.batch_id, id(&body["supplier_id"]));
                return;
            }
            "transformations" => {
                let outputs = body["outputs"].as_array().into_iter().flatten();
                for (output, lot) in outputs.zip(recorded.batch_ids.iter().flatten()) {
                    new.lot(output, Some(*lot), None);
                }
                return;
            }
            _ => return,
        };
        if let Some(name) = text(&body[kind.property()]) {
            new.count += 1;
            new.things.entry((kind, name)).or_default().push(recorded.id);
        }
    }

    /// How many names were noted since they were last forgotten.
    #[must_use]
    pub fn noted(&self) -> usize {
        lock(&self.recorded).count
    }

    /// Forgets what was noted: the read model shows it by now.
    pub fn forget_noted(&self) {
        *lock(&self.recorded) = NewNames::default();
        lock(&self.suggested_from).clear();
    }
}

impl NewNames {
    fn lot(&mut self, body: &Json, id: Option<Uuid>, supplier_id: Option<Uuid>) {
        let item = [&body["product_id"], &body["ingredient_id"]].into_iter().find_map(Json::as_str);
        let item_id = item.and_then(|text| Uuid::parse_str(text).ok());
        if let (Some(id), Some(item_id), Some(number)) = (id, item_id, body["batch_number"].as_str()) {
            self.count += 1;
            self.lots.entry(number.to_owned()).or_default().push(LotReference { id, item_id, supplier_id });
        }
    }
}
