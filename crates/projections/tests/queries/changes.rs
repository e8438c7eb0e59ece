//! What entered and left the scope of a recall, and by which event.

use foodflow_projections::food_graph::queries::impact_changes::{ChangeKind, ImpactChange};
use foodflow_projections::food_graph::queries::{Known, impact_changes};

use super::golden::harbor_and_vale;
use super::world::{World, at, id, ingredient, mixing, product};

impl World {
    pub(crate) async fn changes(&self, lot: &str, from: Known, to: Known) -> Vec<ImpactChange> {
        impact_changes(&*self.store, self.tenant, id(lot), from, to).await.unwrap().unwrap().changes
    }

    /// The only change between the two points: lot, `+` or `-`, type of its event without context and version.
    async fn only(&self, lot: &str, from: Known, to: Known) -> (String, char, String) {
        let changes = self.changes(lot, from, to).await;
        let [change] = changes.as_slice() else { panic!("{changes:?}") };
        short(change)
    }
}

fn short(change: &ImpactChange) -> (String, char, String) {
    let sign = if change.change == ChangeKind::Entered { '+' } else { '-' };
    let event = change.event_type.trim_start_matches("foodflow.food_graph.").trim_end_matches(".v1");
    (change.batch_number.clone(), sign, event.to_owned())
}

fn expected(lot: &str, sign: char, event: &str) -> (String, char, String) {
    (lot.to_owned(), sign, event.to_owned())
}

async fn bakery() -> World {
    let mut world = World::new().await;
    for name in ["Plant A", "DC-East"] {
        world.location(name).await;
    }
    world.ingredient("flour").await;
    for name in ["dough", "bread"] {
        world.product(name).await;
    }
    world.now = at("03-01 08:00");
    world.receive("F-1", ingredient("flour"), None, "100 KGM", at("03-01 07:00")).await;
    world.receive("F-2", ingredient("flour"), None, "100 KGM", at("03-01 07:00")).await;
    world.now = at("03-01 09:00");
    world
}

#[tokio::test]
async fn a_lot_enters_by_the_transformation_that_made_it() {
    let mut world = bakery().await;
    world.sku("bread 500 g", "bread").await;
    let before = world.known();
    world.now = at("03-01 10:00");
    let facts = mixing(&[("F-1", "10 KGM")], &[("B-1", product("bread"), "90 EA")], at("03-01 09:15"));
    let after = world.transform("T-1", facts).await;
    // The lot's own event stands before the transformation in the same commit; the genealogy is the cause.
    let changes = world.changes("F-1", before, after).await;
    assert_eq!(
        changes.iter().map(short).collect::<Vec<_>>(),
        [expected("B-1", '+', "transformation.recorded")]
    );
    assert_eq!((changes[0].occurred_at, changes[0].recorded_at), (at("03-01 09:15"), at("03-01 10:00")));
    assert_eq!(changes[0].lateness_seconds, 45 * 60);
    assert!(world.changes("F-2", before, after).await.is_empty());
    assert!(world.changes("F-1", after, Known::Now).await.is_empty());
}

#[tokio::test]
async fn a_reached_lot_enters_once_it_may_be_sold() {
    let mut world = bakery().await;
    let facts = mixing(&[("F-1", "10 KGM")], &[("B-1", product("bread"), "90 EA")], at("03-01 08:30"));
    world.transform("T-1", facts).await;
    let facts = mixing(&[("B-1", "10 EA")], &[("D-1", product("dough"), "2 KGM")], at("03-01 08:40"));
    let reached = world.transform("T-2", facts).await;
    world.now = at("03-02 09:00");
    let shipped = world.ship("S-1", &[("D-1", "1 KGM")], "DC-East", at("03-02 08:59")).await;
    assert_eq!(world.only("F-1", reached, shipped).await, expected("D-1", '+', "shipment.recorded"));
    assert_eq!(world.changes("F-1", reached, shipped).await[0].lateness_seconds, 60);
    world.now = at("03-02 10:00");
    let packed = world.sku("bread 500 g", "bread").await;
    assert_eq!(world.only("F-1", shipped, packed).await, expected("B-1", '+', "sku.registered"));
    world.now = at("03-02 11:00");
    let corrected = world.correct_shipment("S-1", None).await;
    let changes = world.changes("F-1", packed, corrected).await;
    assert_eq!(changes.iter().map(short).collect::<Vec<_>>(), [expected("D-1", '-', "shipment.corrected")]);
    // The event time is that of what was corrected, the recorded time that of the correction.
    assert_eq!((changes[0].occurred_at, changes[0].recorded_at), (at("03-02 08:59"), at("03-02 11:00")));
    // From before the shipment to after its correction nothing changed but the SKU.
    assert_eq!(world.only("F-1", reached, corrected).await, expected("B-1", '+', "sku.registered"));
}

#[tokio::test]
async fn a_corrected_transformation_lets_go_only_of_what_hung_on_it() {
    let mut world = bakery().await;
    world.sku("bread 500 g", "bread").await;
    let dough =
        |inputs: &[(&str, &str)]| mixing(inputs, &[("D-1", product("dough"), "20 KGM")], at("03-01 08:20"));
    world.transform("T-D", dough(&[("F-1", "10 KGM"), ("F-2", "10 KGM")])).await;
    for (document, lot, inputs) in
        [("T-1", "B-1", &[("D-1", "5 KGM")][..]), ("T-2", "B-2", &[("D-1", "5 KGM"), ("F-1", "1 KGM")][..])]
    {
        world
            .transform(document, mixing(inputs, &[(lot, product("bread"), "9 EA")], at("03-01 08:30")))
            .await;
    }
    let before = world.known();
    world.now = at("03-03 08:00");
    // The dough was made of the other flour alone: B-1 hung on it, B-2 has flour of its own.
    let after = world.correct_transformation("T-D", Some(dough(&[("F-2", "20 KGM")]))).await;
    assert_eq!(world.only("F-1", before, after).await, expected("B-1", '-', "transformation.corrected"));
    assert!(world.changes("F-2", before, after).await.is_empty(), "retired and restated at once");
    // A lot that never was leaves by the correction of its transformation.
    let gone = world.correct_transformation("T-2", None).await;
    assert_eq!(world.only("F-1", after, gone).await, expected("B-2", '-', "transformation.corrected"));
    assert_eq!(world.only("F-2", after, gone).await, expected("B-2", '-', "transformation.corrected"));
}

#[tokio::test]
async fn the_recalled_lot_itself_enters_when_it_becomes_known() {
    let mut world = bakery().await;
    world.sku("bread 500 g", "bread").await;
    let before = world.known();
    world.now = at("03-01 10:00");
    world.receive("B-9", product("bread"), None, "10 EA", at("03-01 09:30")).await;
    let only = world.only("B-9", before, Known::Now).await;
    assert_eq!(only, expected("B-9", '+', "receipt.recorded"));
    let after = world.known();
    world.correct_receipt("B-9", None).await;
    assert_eq!(world.only("B-9", after, Known::Now).await, expected("B-9", '-', "batch.origin_corrected"));
    assert!(world.changes("B-9", before, Known::Now).await.is_empty());
}

#[tokio::test]
async fn the_whole_golden_story_is_explained_lot_by_lot() {
    let world = harbor_and_vale().await;
    let changes = world.changes("MP-0417", Known::RecordedTime(at("03-06 00:00")), Known::Now).await;
    let shorts: Vec<_> = changes.iter().map(short).collect();
    assert_eq!(
        shorts,
        [
            expected("DS-1001", '+', "transformation.recorded"),
            expected("DS-1002", '+', "transformation.recorded"),
            expected("DS-1003", '+', "transformation.recorded"),
            expected("DS-1004", '+', "transformation.inputs_added"),
        ]
    );
    assert_eq!(changes[3].lateness_seconds, 319_200);
}
