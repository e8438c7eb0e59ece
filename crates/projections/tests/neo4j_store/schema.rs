//! What people find who look into the database: the documented names and types, word for word.

use std::collections::{BTreeMap, BTreeSet};

use foodflow_projections::changes::{EdgeType, Label, Value};
use foodflow_projections::graph::ReadModel as _;
use neo4rs::query;

use super::{connect, driver, open};
use crate::graph_contract::world::{World, added, edge, node, retirement, text};

/// Name, entity, label or type, and properties of what `SHOW` answers.
async fn shown(statement: &str) -> BTreeSet<(String, String, Vec<String>)> {
    let mut rows = driver().await.execute(query(statement)).await.unwrap();
    let mut found = BTreeSet::new();
    while let Some(row) = rows.next().await.unwrap() {
        let labels: Vec<String> = row.get("labels").unwrap();
        found.insert((row.get("name").unwrap(), labels.concat(), row.get("properties").unwrap()));
    }
    found
}

fn entry(name: &str, label: &str, properties: &[&str]) -> (String, String, Vec<String>) {
    (name.to_owned(), label.to_owned(), properties.iter().map(|name| (*name).to_owned()).collect())
}

#[tokio::test]
async fn the_documented_constraints_and_indexes_are_there() {
    let store = connect().await;
    // Again, as at every start of the program.
    store.migrate().await.unwrap();
    let constraints = shown(
        "SHOW CONSTRAINTS YIELD name, labelsOrTypes AS labels, properties, type WHERE type = 'UNIQUENESS'",
    )
    .await;
    for label in Label::ALL {
        let name = format!("{}_id", label.as_str().to_lowercase());
        assert!(
            constraints.contains(&entry(&name, label.as_str(), &["tenant_id", "id"])),
            "{name} in {constraints:#?}"
        );
    }
    let indexes = shown(
        "SHOW INDEXES YIELD name, labelsOrTypes AS labels, properties, type, state \
         WHERE type = 'RANGE' AND state = 'ONLINE'",
    )
    .await;
    for (name, label) in [
        ("product_tenant_id", "Product"),
        ("ingredient_tenant_id", "Ingredient"),
        ("supplier_tenant_id", "Supplier"),
        ("batch_tenant_id", "Batch"),
    ] {
        assert!(indexes.contains(&entry(name, label, &["tenant_id"])), "{name} in {indexes:#?}");
    }
    let number = entry("batch_number_page", "Batch", &["tenant_id", "batch_number", "id"]);
    assert!(indexes.contains(&number), "{indexes:#?}");
}

/// The type of every property of what `statement` binds as `found`, as the server names types.
async fn types(statement: &str, id: String) -> BTreeMap<String, String> {
    let statement = format!(
        "{statement} UNWIND keys(found) AS name RETURN name, split(valueType(found[name]), ' NOT NULL')[0] AS type"
    );
    let mut rows = driver().await.execute(query(&statement).param("id", id)).await.unwrap();
    let mut types = BTreeMap::new();
    while let Some(row) = rows.next().await.unwrap() {
        types.insert(row.get("name").unwrap(), row.get("type").unwrap());
    }
    types
}

fn expected(types: &[(&str, &str)]) -> BTreeMap<String, String> {
    types.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
}

#[tokio::test]
async fn properties_have_the_documented_types() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2301).await;
    let instant = Value::Instant("2026-03-01T08:00:00.5Z".parse().unwrap());
    let (place, supplier) = (world.key(Label::Location, 1), world.key(Label::Supplier, 1));
    let lot = world.lot(1);
    world
        .apply(vec![
            node(place, [("coordinates", Value::Point(51.9, 1.3)), ("updated_at", instant)]),
            node(
                supplier,
                [
                    ("risk_score", Value::Float(0.7)),
                    ("certifications", Value::Texts(vec!["BRCGS".to_owned()])),
                ],
            ),
            node(
                lot,
                [
                    ("production_date", Value::Date("2026-03-01".parse().unwrap())),
                    ("quantity", Value::Float(12.5)),
                    ("quantity_exact", text("12.5")),
                ],
            ),
        ])
        .await;
    let own = [("id", "STRING"), ("partition", "INTEGER"), ("tenant_id", "STRING")];
    let location = types("MATCH (found:Location {id: $id})", place.id.to_string()).await;
    assert_eq!(
        location,
        expected(&[&own[..], &[("coordinates", "POINT"), ("updated_at", "ZONED DATETIME")]].concat())
    );
    let supplier = types("MATCH (found:Supplier {id: $id})", supplier.id.to_string()).await;
    let documented = [("risk_score", "FLOAT"), ("certifications", "LIST<STRING")];
    assert_eq!(supplier, expected(&[&own[..], &documented].concat()));
    let batch = types("MATCH (found:Batch {id: $id})", lot.id.to_string()).await;
    let documented = [("production_date", "DATE"), ("quantity", "FLOAT"), ("quantity_exact", "STRING")];
    assert_eq!(batch, expected(&[&own[..], &documented].concat()));

    let mut point = driver()
        .await
        .execute(
            query("MATCH (l:Location {id: $id}) RETURN l.coordinates.latitude AS latitude, l.coordinates.crs AS crs")
                .param("id", place.id.to_string()),
        )
        .await
        .unwrap();
    let row = point.next().await.unwrap().unwrap();
    assert_eq!(row.get::<String>("crs").unwrap(), "wgs-84");
    assert_eq!(row.get::<f64>("latitude").unwrap().to_bits(), 51.9_f64.to_bits());
}

#[tokio::test]
async fn edges_carry_what_a_trace_needs() {
    let (store, ()) = open().await;
    let mut world = World::new(store, 2302).await;
    let (lot, place) = (world.lot(1), world.key(Label::Location, 1));
    let mut shipped = edge(1, EdgeType::ShippedTo, lot, place);
    shipped.document_id = Some(uuid::Uuid::new_v4());
    shipped.percent = Some("0.5".parse().unwrap());
    shipped.kind = Some("sample".to_owned());
    shipped.retired = Some(retirement(4));
    world.apply(vec![node(lot, []), node(place, []), added(shipped.clone())]).await;
    let statement = "MATCH (:Batch)-[found:SHIPPED_TO]->(:Location) WHERE found.id = $id";
    let documented = [
        ("id", "STRING"),
        ("tenant_id", "STRING"),
        ("partition", "INTEGER"),
        ("quantity", "FLOAT"),
        ("quantity_exact", "STRING"),
        ("unit", "STRING"),
        ("percent", "FLOAT"),
        ("percent_exact", "STRING"),
        ("kind", "STRING"),
        ("line", "INTEGER"),
        ("document_id", "STRING"),
        ("occurred_at", "ZONED DATETIME"),
        ("recorded_at", "ZONED DATETIME"),
        ("position", "INTEGER"),
        ("event_id", "STRING"),
        ("event_type", "STRING"),
        ("retired_position", "INTEGER"),
        ("retired_at", "ZONED DATETIME"),
        ("retired_event_id", "STRING"),
        ("retired_event_type", "STRING"),
    ];
    assert_eq!(types(statement, shipped.id.to_string()).await, expected(&documented));
    assert_eq!(world.edges_from(lot).await, [shipped]);
}
