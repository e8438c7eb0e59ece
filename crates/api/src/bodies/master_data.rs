//! Bodies of locations, suppliers, ingredients, products and SKUs.

use foodflow_commands::food_graph::master_data::{
    AddCustomer, RegisterIngredient, RegisterLocation, RegisterProduct, RegisterSku, RegisterSupplier,
    SetRecipe,
};
use foodflow_domain::food_graph::ingredient::Component;
use foodflow_domain::food_graph::location::Coordinates;
use foodflow_domain::food_graph::product::RecipeLine;
use foodflow_domain::quantity::parse_decimal;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de};
use utoipa::ToSchema;
use uuid::Uuid;

use super::checks::LIST_LENGTH_MAX;
use super::{Body, Checks, FieldError};
use crate::http::schema;

/// Highest risk score that is taken.
const RISK_SCORE_MAX: f64 = 100.0;

/// A text that a client may also write as a number.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Whole(i64),
    Number(f64),
}

impl TextOrNumber {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Whole(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
        }
    }
}

fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    TextOrNumber::deserialize(deserializer)
        .map(TextOrNumber::into_text)
        .map_err(|_| de::Error::custom("expected a text or a number"))
}

fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let text = text_or_number(deserializer)?;
    parse_decimal(&text).map_err(de::Error::custom)
}

fn optional_decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let text = Option::<TextOrNumber>::deserialize(deserializer)
        .map_err(|_| de::Error::custom("expected a decimal number, as a string or a number"))?;
    text.map(|text| parse_decimal(&text.into_text()).map_err(de::Error::custom)).transpose()
}

/// `POST /v1/locations`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// Name.
    #[schema(value_type = schema::Name)]
    name: String,
    /// Kind of place, in the tenant's own words, e.g. `plant`, `warehouse`, `retail`.
    #[serde(rename = "type")]
    #[schema(value_type = schema::Name)]
    location_type: String,
    /// Postal address.
    #[schema(value_type = Option<schema::Sentence>)]
    address: Option<String>,
    /// Where it is (WGS 84).
    #[schema(value_type = Option<schema::Coordinates>)]
    coordinates: Option<Coordinates>,
    /// Global location number.
    #[schema(value_type = Option<schema::Name>)]
    gln: Option<String>,
}

impl Body for LocationBody {
    type Operation = RegisterLocation;

    fn check(self, _: Uuid) -> Result<RegisterLocation, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.name("/name", &self.name);
        checks.name("/type", &self.location_type);
        if let Some(address) = &self.address {
            checks.sentence("/address", address);
        }
        if let Some(Coordinates { latitude, longitude }) = self.coordinates {
            if !(-90.0..=90.0).contains(&latitude) {
                checks.add("/coordinates/latitude", "must be from -90 to 90 degrees");
            }
            if !(-180.0..=180.0).contains(&longitude) {
                checks.add("/coordinates/longitude", "must be from -180 to 180 degrees");
            }
        }
        checks.optional_name("/gln", self.gln.as_deref());
        let Self { id, name, location_type, address, coordinates, gln } = self;
        let id = id.map(Into::into);
        checks.finish(RegisterLocation { id, name, location_type, address, coordinates, gln })
    }
}

/// `POST /v1/suppliers`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SupplierBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// Name.
    #[schema(value_type = schema::Name)]
    name: String,
    /// Country, preferably by its ISO 3166 code.
    #[schema(value_type = schema::Name)]
    country: String,
    /// Risk score of the tenant's own scale, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    risk_score: Option<f64>,
    /// Certifications that it holds.
    #[serde(default)]
    #[schema(value_type = schema::Names)]
    certifications: Vec<String>,
    /// Where it is.
    location_id: Option<Uuid>,
}

impl Body for SupplierBody {
    type Operation = RegisterSupplier;

    fn check(self, _: Uuid) -> Result<RegisterSupplier, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.name("/name", &self.name);
        checks.name("/country", &self.country);
        if self.risk_score.is_some_and(|score| !(0.0..=RISK_SCORE_MAX).contains(&score)) {
            checks.add("/risk_score", format!("must be from 0 to {RISK_SCORE_MAX}"));
        }
        checks.names("/certifications", &self.certifications);
        let Self { id, name, country, risk_score, certifications, location_id } = self;
        checks.finish(RegisterSupplier {
            id: id.map(Into::into),
            name,
            country,
            risk_score,
            certifications,
            location_id: location_id.map(Into::into),
        })
    }
}

/// `POST /v1/suppliers/{id}/customers`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerBody {
    /// The supplier that is supplied.
    supplier_id: Uuid,
}

impl Body for CustomerBody {
    type Operation = AddCustomer;

    fn check(self, path_id: Uuid) -> Result<AddCustomer, Vec<FieldError>> {
        Ok(AddCustomer { supplier_id: path_id.into(), customer_id: self.supplier_id.into() })
    }
}

/// A component of a composite ingredient.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentBody {
    /// The ingredient that it contains.
    ingredient_id: Uuid,
    /// Its share in percent, above 0 to 100.
    #[serde(default, deserialize_with = "optional_decimal")]
    #[schema(value_type = Option<schema::PercentIn>)]
    percent: Option<Decimal>,
}

/// `POST /v1/ingredients`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IngredientBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// Name.
    #[schema(value_type = schema::Name)]
    name: String,
    /// Allergens that it contains; an empty list where there are none.
    #[schema(value_type = schema::Names)]
    allergens: Vec<String>,
    /// Country of origin.
    #[schema(value_type = Option<schema::Name>)]
    origin_country: Option<String>,
    /// Who supplies it.
    #[serde(default)]
    #[schema(value_type = schema::Ids)]
    supplier_ids: Vec<Uuid>,
    /// What it is composed of.
    #[serde(default)]
    #[schema(max_items = 300)]
    contains: Vec<ComponentBody>,
}

impl Body for IngredientBody {
    type Operation = RegisterIngredient;

    fn check(self, _: Uuid) -> Result<RegisterIngredient, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.name("/name", &self.name);
        checks.names("/allergens", &self.allergens);
        checks.optional_name("/origin_country", self.origin_country.as_deref());
        checks.ids("/supplier_ids", &self.supplier_ids);
        checks.length("/contains", self.contains.len(), 0);
        for (index, part) in self.contains.iter().enumerate() {
            if let Some(percent) = part.percent {
                checks.percent(&format!("/contains/{index}/percent"), percent);
            }
        }
        let total: Decimal = self.contains.iter().filter_map(|part| part.percent).sum();
        if total > Decimal::ONE_HUNDRED {
            checks.add("/contains", format!("the components add up to {total} %, more than 100 %"));
        }
        let component = |part: &ComponentBody| Component {
            ingredient_id: part.ingredient_id.into(),
            percent: part.percent,
        };
        let contains = self.contains.iter().map(component).collect();
        checks.finish(RegisterIngredient {
            id: self.id.map(Into::into),
            name: self.name,
            allergens: self.allergens,
            origin_country: self.origin_country,
            supplier_ids: self.supplier_ids.into_iter().map(Into::into).collect(),
            contains,
        })
    }
}

/// `POST /v1/products`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// Name.
    #[schema(value_type = schema::Name)]
    name: String,
    /// Category, in the tenant's own words.
    #[schema(value_type = schema::Name)]
    category: String,
    /// Brand.
    #[schema(value_type = Option<schema::Name>)]
    brand: Option<String>,
    /// Global trade item number.
    #[schema(value_type = Option<schema::Name>)]
    gtin: Option<String>,
    /// Whether it is on the FDA's food traceability list (FSMA 204).
    #[serde(default)]
    food_traceability_list: bool,
    /// Where it is produced.
    #[serde(default)]
    #[schema(value_type = schema::Ids)]
    location_ids: Vec<Uuid>,
}

impl Body for ProductBody {
    type Operation = RegisterProduct;

    fn check(self, _: Uuid) -> Result<RegisterProduct, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.name("/name", &self.name);
        checks.name("/category", &self.category);
        checks.optional_name("/brand", self.brand.as_deref());
        checks.optional_name("/gtin", self.gtin.as_deref());
        checks.ids("/location_ids", &self.location_ids);
        let Self { id, name, category, brand, gtin, food_traceability_list, location_ids } = self;
        checks.finish(RegisterProduct {
            id: id.map(Into::into),
            name,
            category,
            brand,
            gtin,
            food_traceability_list,
            location_ids: location_ids.into_iter().map(Into::into).collect(),
        })
    }
}

/// One line of a recipe.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipeLineBody {
    /// The ingredient.
    ingredient_id: Uuid,
    /// Its share in percent, above 0 to 100.
    #[serde(deserialize_with = "decimal")]
    #[schema(value_type = schema::PercentIn)]
    percent: Decimal,
}

/// `PUT /v1/products/{id}/recipe`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipeBody {
    /// The tenant's name of the version.
    #[serde(deserialize_with = "text_or_number")]
    #[schema(value_type = schema::NameOrNumber)]
    version: String,
    /// Its lines; at least one, together at most 100 %.
    #[schema(min_items = 1, max_items = 300)]
    ingredients: Vec<RecipeLineBody>,
}

impl Body for RecipeBody {
    type Operation = SetRecipe;

    fn check(self, path_id: Uuid) -> Result<SetRecipe, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.name("/version", &self.version);
        checks.length("/ingredients", self.ingredients.len(), 1);
        for (index, line) in self.ingredients.iter().take(LIST_LENGTH_MAX).enumerate() {
            checks.percent(&format!("/ingredients/{index}/percent"), line.percent);
            if self.ingredients[..index].iter().any(|other| other.ingredient_id == line.ingredient_id) {
                let pointer = format!("/ingredients/{index}/ingredient_id");
                checks.add(&pointer, format!("{} stands twice in the recipe", line.ingredient_id));
            }
        }
        let total: Decimal = self.ingredients.iter().map(|line| line.percent).sum();
        if total > Decimal::ONE_HUNDRED {
            checks.add("/ingredients", format!("the lines add up to {total} %, more than 100 %"));
        }
        let line = |line: &RecipeLineBody| RecipeLine {
            ingredient_id: line.ingredient_id.into(),
            percent: line.percent,
        };
        let ingredients = self.ingredients.iter().map(line).collect();
        checks.finish(SetRecipe { product_id: path_id.into(), version: self.version, ingredients })
    }
}

/// `POST /v1/skus`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkuBody {
    /// Chosen by the client, or derived from the command.
    id: Option<Uuid>,
    /// The product that it packs.
    product_id: Uuid,
    /// Code, unique within the tenant.
    #[schema(value_type = schema::Name)]
    sku_code: String,
    /// Size of the pack, e.g. `400`.
    #[serde(deserialize_with = "text_or_number")]
    #[schema(value_type = schema::NameOrNumber)]
    size: String,
    /// Unit of the size, e.g. `GRM`.
    #[schema(value_type = schema::Name)]
    unit: String,
}

impl Body for SkuBody {
    type Operation = RegisterSku;

    fn check(self, _: Uuid) -> Result<RegisterSku, Vec<FieldError>> {
        let mut checks = Checks::default();
        checks.name("/sku_code", &self.sku_code);
        checks.name("/size", &self.size);
        checks.name("/unit", &self.unit);
        let Self { id, product_id, sku_code, size, unit } = self;
        checks.finish(RegisterSku {
            id: id.map(Into::into),
            product_id: product_id.into(),
            sku_code,
            size,
            unit,
        })
    }
}
