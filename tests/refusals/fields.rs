//! Every field of every body: missing, null, of a wrong kind, out of bounds, unknown, twice, referring to nothing.
//!
//! The fields come from the documented schemas. A field that no example holds fails the test, and so does an
//! example that is not accepted in the end: a refusal then would prove nothing.

use std::collections::BTreeSet;

use foodflow_testkit::{Stores, TestApp, World};
use serde_json::{Value, json};
use uuid::Uuid;

use super::attempt::{Attempts, Refusal};
use super::contract::{Contract, is_of_identity};
use super::examples::{Example, examples};
use super::kinds::{Kind, kind_of, too_long, wrong};

/// Stands for what cannot be written as a value, until the body is text.
const PLACEHOLDER: &str = "@placeholder@";

/// Times that are no event times, and may lie in the future.
const MAY_BE_TO_COME: &[&str] = &["/current_period_start", "/current_period_end"];

/// A body that must be refused.
struct Case {
    why: String,
    body: String,
    refusal: Refusal,
}

/// Ids of another tenant, by the name of the field that may hold them.
struct Foreign {
    world: World,
    lot: Uuid,
}

impl Foreign {
    fn id(&self, field: &str) -> Uuid {
        match field {
            "location_id" | "location_ids" | "from_location_id" | "to_location_id" => self.world.plant,
            "supplier_id" | "supplier_ids" => self.world.supplier,
            "ingredient_id" => self.world.ingredient,
            "product_id" => self.world.product,
            "sku_id" => self.world.sku,
            "batch_id" => self.lot,
            _ => panic!("what does `{field}` refer to?"),
        }
    }
}

/// Walks a body along its schema, and collects what must be refused of it.
struct Walk<'a> {
    contract: &'a Contract,
    foreign: &'a Foreign,
    body: &'a Value,
    covered: BTreeSet<String>,
    cases: Vec<Case>,
}

impl Walk<'_> {
    /// The body with `raw` JSON, or what is none, at `pointer`.
    fn with(&self, pointer: &str, raw: &str) -> String {
        let mut body = self.body.clone();
        *body.pointer_mut(pointer).expect(pointer) = json!(PLACEHOLDER);
        body.to_string().replace(&json!(PLACEHOLDER).to_string(), raw)
    }

    fn case(&mut self, why: impl Into<String>, body: String, refusal: Refusal) {
        self.cases.push(Case { why: why.into(), body, refusal });
    }

    fn value(&mut self, schema: &Value, pointer: &str) {
        let schema = self.contract.resolve(schema).clone();
        let kind = kind_of(&schema);
        self.covered.insert(indexless(pointer));
        for (what, raw) in wrong(kind, pointer) {
            let body = self.with(pointer, &raw);
            self.case(format!("{what} at {pointer}"), body, Refusal::body(pointer));
        }
        match kind {
            Kind::Object => self.object(&schema, pointer),
            Kind::List => self.list(&schema, pointer),
            Kind::Id => self.reference(pointer),
            Kind::Instant if MAY_BE_TO_COME.iter().any(|field| pointer.ends_with(field)) => {}
            Kind::Instant => {
                let body = self.with(pointer, r#""2999-01-01T00:00:00Z""#);
                let future = Refusal::new(422, "occurred-in-future").at(pointer);
                self.case(format!("a future time at {pointer}"), body, future);
            }
            _ => {}
        }
    }

    fn object(&mut self, schema: &Value, pointer: &str) {
        let fields = self.body.pointer(pointer).unwrap().as_object().unwrap().clone();
        let text = |value: &Value| value.to_string();
        let all = text(&Value::Object(fields.clone()));
        let open = all.strip_suffix('}').unwrap();
        let values: Vec<String> = fields.values().map(text).collect();
        let positional = self.with(pointer, &format!("[{}]", values.join(",")));
        self.case(format!("an array of the values at {pointer}"), positional, Refusal::body(pointer));
        let unknown = self.with(pointer, &format!(r#"{open},"surprise":1}}"#));
        let refusal = Refusal::body(format!("{pointer}/surprise"));
        self.case(format!("an unknown field in {pointer}"), unknown, refusal);
        let documented = schema["properties"].as_object().unwrap();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, value) in &fields {
            let own = format!("{pointer}/{name}");
            let field_schema = documented.get(name).unwrap_or_else(|| panic!("{own} is not documented"));
            let twice = self.with(pointer, &format!(r#"{open},"{name}":{value}}}"#));
            self.case(format!("{own} twice"), twice, Refusal::body(&own));
            if required.contains(&name.as_str()) {
                let mut rest = fields.clone();
                rest.remove(name);
                let without = self.with(pointer, &Value::Object(rest).to_string());
                self.case(format!("without {own}"), without, Refusal::body(&own));
                let null = self.with(&own, "null");
                self.case(format!("{own} is null"), null, Refusal::body(&own));
            }
            self.value(field_schema, &own);
        }
    }

    fn list(&mut self, schema: &Value, pointer: &str) {
        let elements = self.body.pointer(pointer).unwrap().as_array().unwrap().clone();
        let first = elements.first().unwrap_or_else(|| panic!("the example's {pointer} is empty"));
        let element_kind = kind_of(self.contract.resolve(&schema["items"]));
        let long = self.with(pointer, &too_long(first, element_kind).to_string());
        self.case(format!("too many elements in {pointer}"), long, Refusal::body(pointer));
        if matches!(element_kind, Kind::Id | Kind::Text) {
            let twice = self.with(pointer, &json!([first, first]).to_string());
            self.case(format!("an element of {pointer} twice"), twice, Refusal::body(format!("{pointer}/1")));
        }
        self.value(&schema["items"], &format!("{pointer}/0"));
    }

    /// A reference to what is not there, and to what is another tenant's.
    fn reference(&mut self, pointer: &str) {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let field = if name.parse::<usize>().is_ok() { parent.rsplit('/').next().unwrap() } else { name };
        let is_line = parent.contains("/inputs/") || parent.contains("/lines/");
        if field == "id" || (field == "batch_id" && !is_line) {
            return;
        }
        let refusal = Refusal::missing(if is_line { parent } else { pointer });
        for (whose, id) in [("nobody's", Uuid::new_v4()), ("another tenant's", self.foreign.id(field))] {
            let body = self.with(pointer, &json!(id).to_string());
            self.case(format!("{whose} id at {pointer}"), body, refusal.clone());
        }
    }
}

/// A pointer with every index as `0`.
fn indexless(pointer: &str) -> String {
    let parts = pointer.split('/').map(|part| if part.parse::<usize>().is_ok() { "0" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Every part that a schema documents, as a pointer.
fn documented(contract: &Contract, schema: &Value, pointer: &str, found: &mut BTreeSet<String>) {
    let schema = contract.resolve(schema);
    found.insert(pointer.to_owned());
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        documented(contract, field, &format!("{pointer}/{name}"), found);
    }
    if kind_of(schema) == Kind::List {
        documented(contract, &schema["items"], &format!("{pointer}/0"), found);
    }
}

/// The refusals of one operation; fails where a documented field has none.
fn cases(contract: &Contract, foreign: &Foreign, example: &Example) -> Vec<Case> {
    let schema = contract.operation(example.operation).body.expect(example.operation);
    let mut covered = BTreeSet::new();
    let mut cases = Vec::new();
    for body in &example.bodies {
        let mut walk = Walk { contract, foreign, body, covered: BTreeSet::new(), cases: Vec::new() };
        walk.value(&schema, "");
        covered.append(&mut walk.covered);
        cases.append(&mut walk.cases);
    }
    let mut all = BTreeSet::new();
    documented(contract, &schema, "", &mut all);
    let missing: Vec<&String> = all.difference(&covered).collect();
    assert!(missing.is_empty(), "no example of {} holds {missing:?}", example.operation);
    cases
}

#[tokio::test]
async fn every_field_is_refused_where_it_is_wrong() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let contract = Contract::of_app(app).await?;
    let theirs = World::build(app.new_tenant()?).await?;
    let lot = theirs.receive("F-1", 100).await?;
    let foreign = Foreign { world: theirs, lot };
    let world = World::build(app.new_tenant()?).await?;
    let examples = examples(&world).await?;
    let mut attempts = Attempts::of(&world.client).await?;
    for example in &examples {
        for Case { why, body, refusal } in cases(&contract, &foreign, example) {
            attempts.refused(&why, &example.request().raw(body), &refusal).await?;
        }
    }
    let count = attempts.finish().await?;
    assert!(count > 1_500, "{count} refusals are too few to be all");
    for example in &examples {
        for body in &example.bodies {
            let answer = example.request().json(body).send(&world.client).await?;
            let accepted = answer.status.is_success();
            assert!(accepted, "{} is no example: {:#}\n{body:#}", example.operation, answer.body);
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_write_has_an_example() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let contract = Contract::of_app(app).await?;
    let world = World::build(app.new_tenant()?).await?;
    let examples = examples(&world).await?;
    let known: BTreeSet<&str> = examples.iter().map(|example| example.operation).collect();
    let operations = contract.operations();
    let writes: BTreeSet<&str> = operations
        .iter()
        .map(|one| one.name.as_str())
        .filter(|name| !name.starts_with("GET ") && !is_of_identity(name))
        .collect();
    assert_eq!(known, writes);
    Ok(())
}
