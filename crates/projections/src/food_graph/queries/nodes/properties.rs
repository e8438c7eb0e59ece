//! Reading a node's properties by name and type.

use foodflow_domain::Quantity;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::changes::Value;
use crate::graph::{Node, StoreError};

/// The properties of a node. One that must be there and is not makes the read model corrupt.
#[derive(Clone, Copy)]
pub(super) struct Properties<'a> {
    store: &'static str,
    node: &'a Node,
}

/// What every node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) version: u64,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl<'a> Properties<'a> {
    pub(super) fn of(store: &'static str, node: &'a Node) -> Self {
        Self { store, node }
    }

    pub(super) fn id(&self) -> Uuid {
        self.node.key.id
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.node.properties.get(name)
    }

    fn corrupt(&self, name: &str) -> StoreError {
        let (label, id) = (self.node.key.label.as_str(), self.node.key.id);
        StoreError::Corrupt { store: self.store, reason: format!("{label} {id} has no usable `{name}`") }
    }

    fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.corrupt(name))
    }

    pub(super) fn optional_text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<String, StoreError> {
        self.required(name, self.optional_text(name))
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        match self.get(name) {
            Some(Value::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn optional_id(&self, name: &str) -> Result<Option<Uuid>, StoreError> {
        self.optional_text(name).map(|text| text.parse().map_err(|_| self.corrupt(name))).transpose()
    }

    pub(super) fn required_id(&self, name: &str) -> Result<Uuid, StoreError> {
        self.required(name, self.optional_id(name)?)
    }

    pub(super) fn optional_instant(&self, name: &str) -> Option<Timestamp> {
        match self.get(name)? {
            Value::Instant(instant) => Some(*instant),
            _ => None,
        }
    }

    pub(super) fn instant(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.required(name, self.optional_instant(name))
    }

    pub(super) fn date(&self, name: &str) -> Option<Date> {
        match self.get(name)? {
            Value::Date(date) => Some(*date),
            _ => None,
        }
    }

    pub(super) fn float(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Float(float) => Some(*float),
            _ => None,
        }
    }

    pub(super) fn point(&self, name: &str) -> Option<(f64, f64)> {
        match self.get(name)? {
            Value::Point(latitude, longitude) => Some((*latitude, *longitude)),
            _ => None,
        }
    }

    pub(super) fn bool(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Bool(true)))
    }

    /// The exact decimal of `name` in the lot's `unit`.
    pub(super) fn quantity(&self, name: &str) -> Result<Quantity, StoreError> {
        let unit = self.text("unit")?.parse().map_err(|_| self.corrupt("unit"))?;
        let value: Decimal = self.text(name)?.parse().map_err(|_| self.corrupt(name))?;
        Ok(Quantity::new(value, unit))
    }

    pub(super) fn stamp(&self) -> Result<Stamp, StoreError> {
        let version = match self.get("version") {
            Some(Value::Integer(version)) => u64::try_from(*version).ok(),
            _ => None,
        };
        Ok(Stamp {
            version: self.required("version", version)?,
            created_at: self.instant("created_at")?,
            updated_at: self.instant("updated_at")?,
        })
    }
}

/// A percentage as a JSON number.
pub(super) fn percent(percent: Decimal) -> f64 {
    // Read from its digits: the float nearest to what was declared.
    percent.to_string().parse().unwrap_or(f64::NAN)
}
