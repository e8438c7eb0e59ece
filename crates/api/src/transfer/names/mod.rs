//! From the names and numbers that a plant uses to ids.
//!
//! Names are looked up in the read model, which is brought up to the log first, and among what this very import
//! has recorded since. A name is never guessed: one that is unknown or stands for several things is refused.

mod noted;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foodflow_domain::TenantId;
use foodflow_projections::changes::{Label, Value};
use foodflow_projections::food_graph::queries::nodes::{self, BatchFilters, PageRequest};
use foodflow_projections::graph::{GraphStore, ListQuery, PAGE_NODES_MAX, StoreError};
use uuid::Uuid;

use super::csv::columns::nearest;
use noted::NewNames;

/// Most names that are remembered; beyond, they are looked up again.
const REMEMBERED_MAX: usize = 20_000;
/// Most names that a suggestion is chosen from.
const SUGGESTED_FROM_MAX: usize = 2_000;
/// Most lots of one number that are looked through.
const LOTS_MAX: usize = PAGE_NODES_MAX;

/// Something that is referred to by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A place.
    Location,
    /// A supplier.
    Supplier,
    /// An ingredient.
    Ingredient,
    /// A product.
    Product,
    /// A stock keeping unit, by its code.
    Sku,
}

impl Kind {
    const fn label(self) -> Label {
        match self {
            Self::Location => Label::Location,
            Self::Supplier => Label::Supplier,
            Self::Ingredient => Label::Ingredient,
            Self::Product => Label::Product,
            Self::Sku => Label::Sku,
        }
    }

    const fn property(self) -> &'static str {
        match self {
            Self::Sku => "sku_code",
            _ => "name",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::Supplier => "supplier",
            Self::Ingredient => "ingredient",
            Self::Product => "product",
            Self::Sku => "SKU",
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::Location => "locations",
            Self::Supplier => "suppliers",
            Self::Ingredient => "ingredients",
            Self::Product => "products",
            Self::Sku => "SKUs",
        }
    }
}

/// A lot that a number may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LotReference {
    /// The lot.
    pub id: Uuid,
    /// What it is a lot of.
    pub item_id: Uuid,
    /// Immediate previous source.
    pub supplier_id: Option<Uuid>,
}

/// Why a name stands for nothing.
#[derive(Debug)]
pub enum NameError {
    /// Nothing, or several things, have the name: a stable code, and what is wrong.
    Refused(&'static str, String),
    /// The read model does not answer.
    Store(StoreError),
}

impl From<StoreError> for NameError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The names of one tenant.
pub struct Names {
    graph: Arc<dyn GraphStore>,
    tenant: TenantId,
    known: Mutex<HashMap<(Kind, String), Uuid>>,
    suggested_from: Mutex<HashMap<Kind, Arc<Vec<String>>>>,
    recorded: Mutex<NewNames>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Names {
    /// Of one tenant.
    #[must_use]
    pub fn new(graph: Arc<dyn GraphStore>, tenant: TenantId) -> Self {
        let (known, suggested_from, recorded) = Default::default();
        Self { graph, tenant, known, suggested_from, recorded }
    }

    /// Every id that has this name; more than one makes it ambiguous.
    ///
    /// # Errors
    /// [`StoreError`] where the read model does not answer.
    pub async fn find(&self, kind: Kind, name: &str) -> Result<Vec<Uuid>, StoreError> {
        let key = (kind, name.to_owned());
        if let Some(id) = lock(&self.known).get(&key) {
            return Ok(vec![*id]);
        }
        let query = ListQuery {
            label: kind.label(),
            filters: vec![(kind.property(), Value::Text(name.to_owned()))],
            after: None,
            limit: 2,
        };
        let mut ids: Vec<Uuid> =
            self.graph.list(self.tenant, &query).await?.iter().map(|node| node.key.id).collect();
        let recorded = lock(&self.recorded).things.get(&key).cloned().unwrap_or_default();
        ids.extend(recorded.into_iter().filter(|id| !ids.contains(id)).collect::<Vec<_>>());
        if let [id] = ids.as_slice() {
            let mut known = lock(&self.known);
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(key, *id);
        }
        Ok(ids)
    }

    /// The id that this name stands for.
    ///
    /// # Errors
    /// Where nothing or more than one thing has the name, or the read model does not answer.
    pub async fn one(&self, kind: Kind, name: &str) -> Result<Uuid, NameError> {
        match self.find(kind, name).await?.as_slice() {
            [id] => Ok(*id),
            [] => {
                let hint = self.hint(&[kind], name).await?;
                let verb = if kind == Kind::Sku { "has the code" } else { "is named" };
                Err(NameError::Refused("not-found", format!("no {} {verb} \"{name}\"{hint}", kind.word())))
            }
            _ => {
                let detail = format!(
                    "several {} are named \"{name}\"; refer to one by its id, in NDJSON",
                    kind.plural()
                );
                Err(NameError::Refused("ambiguous-name", detail))
            }
        }
    }

    /// The product or ingredient with this name, and which of the two it is.
    ///
    /// # Errors
    /// As [`Self::one`].
    pub async fn item(&self, name: &str) -> Result<(Kind, Uuid), NameError> {
        let products = self.find(Kind::Product, name).await?;
        let ingredients = self.find(Kind::Ingredient, name).await?;
        match (products.as_slice(), ingredients.as_slice()) {
            ([id], []) => Ok((Kind::Product, *id)),
            ([], [id]) => Ok((Kind::Ingredient, *id)),
            ([], []) => {
                let hint = self.hint(&[Kind::Product, Kind::Ingredient], name).await?;
                let detail = format!("no product or ingredient is named \"{name}\"{hint}");
                Err(NameError::Refused("not-found", detail))
            }
            _ => {
                let detail = format!(
                    "several products or ingredients are named \"{name}\"; refer to one by its id, in NDJSON"
                );
                Err(NameError::Refused("ambiguous-name", detail))
            }
        }
    }

    /// The lot with this number, of this item and from this supplier where they are given.
    ///
    /// # Errors
    /// Where no lot or more than one fits, or the read model does not answer.
    pub async fn lot(
        &self,
        number: &str,
        item_ids: &[Uuid],
        supplier_id: Option<Uuid>,
    ) -> Result<Uuid, NameError> {
        let lots = self.lots(number).await?;
        if lots.is_empty() {
            let detail = format!("no lot has the number \"{number}\"");
            return Err(NameError::Refused("not-found", detail));
        }
        let fits = |lot: &&LotReference| {
            (item_ids.is_empty() || item_ids.contains(&lot.item_id))
                && (supplier_id.is_none() || lot.supplier_id == supplier_id)
        };
        let fitting: Vec<&LotReference> = lots.iter().filter(fits).collect();
        match fitting.as_slice() {
            [lot] => Ok(lot.id),
            [] => {
                let detail = format!("lot \"{number}\" exists, but not of that item or supplier");
                Err(NameError::Refused("not-found", detail))
            }
            several => {
                let count = several.len();
                let detail = format!(
                    "{count} lots have the number \"{number}\"; say which in the columns \"item\" and \"supplier\""
                );
                Err(NameError::Refused("ambiguous-name", detail))
            }
        }
    }

    async fn lots(&self, number: &str) -> Result<Vec<LotReference>, StoreError> {
        let filters = BatchFilters { batch_number: Some(number.to_owned()), ..BatchFilters::default() };
        let request = PageRequest { after: None, size: LOTS_MAX };
        let page = nodes::batches(self.graph.as_ref(), self.tenant, filters, request).await?;
        let stored = page.items.into_iter().filter(|lot| lot.retired_at.is_none()).filter_map(|lot| {
            let item_id = lot.product_id.or(lot.ingredient_id)?;
            Some(LotReference { id: lot.id, item_id, supplier_id: lot.supplier_id })
        });
        let mut lots: Vec<LotReference> = stored.collect();
        for lot in lock(&self.recorded).lots.get(number).into_iter().flatten() {
            if lots.iter().all(|known| known.id != lot.id) {
                lots.push(*lot);
            }
        }
        Ok(lots)
    }

    async fn hint(&self, kinds: &[Kind], name: &str) -> Result<String, StoreError> {
        let mut names: Vec<String> = Vec::new();
        for kind in kinds {
            names.extend(self.all(*kind).await?.iter().cloned());
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
        Ok(match nearest(name, &names) {
            Some(near) => format!("; did you mean \"{near}\"?"),
            None => format!("; register the {} first, over HTTP or in NDJSON", words.join(" or ")),
        })
    }

    /// The first names of a kind, looked up once.
    async fn all(&self, kind: Kind) -> Result<Arc<Vec<String>>, StoreError> {
        if let Some(names) = lock(&self.suggested_from).get(&kind) {
            return Ok(Arc::clone(names));
        }
        let mut query =
            ListQuery { label: kind.label(), filters: Vec::new(), after: None, limit: PAGE_NODES_MAX };
        let mut names = Vec::new();
        loop {
            let page = self.graph.list(self.tenant, &query).await?;
            query.after = page.last().map(|node| node.key.id);
            names.extend(page.iter().filter_map(|node| match node.properties.get(kind.property()) {
                Some(Value::Text(name)) => Some(name.clone()),
                _ => None,
            }));
            if page.len() < PAGE_NODES_MAX || names.len() >= SUGGESTED_FROM_MAX {
                break;
            }
        }
        let recorded = lock(&self.recorded);
        names.extend(recorded.things.keys().filter(|(of, _)| *of == kind).map(|(_, name)| name.clone()));
        drop(recorded);
        let names = Arc::new(names);
        lock(&self.suggested_from).insert(kind, Arc::clone(&names));
        Ok(names)
    }
}
