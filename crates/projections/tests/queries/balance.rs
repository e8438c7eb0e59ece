//! Balances of single lots.

use foodflow_domain::Quantity;
use foodflow_projections::food_graph::queries::{Known, MassBalance, mass_balance};
use uuid::Uuid;

use super::world::{World, amount, at, id, ingredient, mixing, product};

impl World {
    async fn balance(&self, lot: &str, known: Known) -> Option<MassBalance> {
        mass_balance(&*self.store, self.tenant, id(lot), known).await.unwrap()
    }
}

async fn plant() -> World {
    let mut world = World::new().await;
    world.location("Plant A").await;
    world.location("DC-East").await;
    world.ingredient("flour").await;
    world.product("bread").await;
    world
}

#[tokio::test]
async fn one_input_line_into_several_outputs_counts_once() {
    let mut world = plant().await;
    world.receive("F-1", ingredient("flour"), None, "100 KGM", at("03-01 08:00")).await;
    let inputs = [("F-1", "30 KGM"), ("F-1", "10000 GRM")];
    let outputs = [
        ("B-1", product("bread"), "10 CS"),
        ("B-2", product("bread"), "20 CS"),
        ("B-3", product("bread"), "5 CS"),
    ];
    let facts = mixing(&inputs, &outputs, at("03-02 08:00"));
    let before = world.known();
    world.transform("T-1", facts.clone()).await;
    world.add_inputs("T-1", &[("F-1", "5 KGM")], at("03-02 09:00")).await;
    let balance = world.balance("F-1", Known::Now).await.unwrap();
    assert_eq!((balance.used, balance.book), (amount("45 KGM"), amount("55 KGM")));
    assert_eq!(world.balance("F-1", before).await.unwrap().used, amount("0 KGM"));

    // Corrected to less, then taken back.
    let less = mixing(&[("F-1", "12 KGM")], &outputs, at("03-02 08:00"));
    world.correct_transformation("T-1", Some(less)).await;
    assert_eq!(world.balance("F-1", Known::Now).await.unwrap().used, amount("12 KGM"));
    assert_eq!(world.balance("B-2", Known::Now).await.unwrap().produced, Some(amount("20 CS")));
    let before = world.known();
    world.correct_transformation("T-1", None).await;
    assert_eq!(world.balance("F-1", Known::Now).await.unwrap().used, amount("0 KGM"));
    let retired = world.balance("B-2", Known::Now).await.unwrap();
    assert_eq!((retired.produced, retired.received, retired.closed), (Some(amount("0 CS")), None, true));
    assert_eq!((retired.accounted_percent, retired.batch_number.as_str()), (None, "B-2"));
    assert_eq!(world.balance("B-2", before).await.unwrap().produced, Some(amount("20 CS")));
}

#[tokio::test]
async fn a_lot_that_was_not_known_then_has_no_balance() {
    let mut world = plant().await;
    let before = world.known();
    world.now = at("03-01 09:00");
    let after = world.receive("F-1", ingredient("flour"), None, "100 KGM", at("03-01 08:00")).await;
    assert_eq!(world.balance("F-1", before).await, None);
    assert_eq!(world.balance("F-1", Known::RecordedTime(at("03-01 08:59"))).await, None);
    assert!(world.balance("F-1", Known::RecordedTime(at("03-01 09:00"))).await.is_some());
    assert!(world.balance("F-1", after).await.is_some());
    assert_eq!(world.balance("no such lot", Known::Now).await, None);
    let stranger = foodflow_domain::TenantId(Uuid::new_v4());
    assert_eq!(mass_balance(&*world.store, stranger, id("F-1"), Known::Now).await.unwrap(), None);
}

#[tokio::test]
async fn a_receipt_that_never_was_leaves_nothing() {
    let mut world = plant().await;
    world.receive("F-1", ingredient("flour"), None, "100 KGM", at("03-01 08:00")).await;
    let before = world.known();
    world.correct_receipt("F-1", None).await;
    let balance = world.balance("F-1", Known::Now).await.unwrap();
    assert_eq!((balance.received, balance.produced), (Some(amount("0 KGM")), None));
    assert_eq!((balance.book, balance.closed, balance.accounted_percent), (amount("0 KGM"), true, None));
    assert_eq!(world.balance("F-1", before).await.unwrap().received, Some(amount("100 KGM")));
}

#[tokio::test]
async fn every_way_out_has_its_place_and_the_latest_count_is_by_event_time() {
    let mut world = plant().await;
    world.receive("F-1", ingredient("flour"), None, "100 KGM", at("03-01 08:00")).await;
    world.adjust("F-1", "sample", "500 GRM", at("03-02 08:00")).await;
    world.adjust("F-1", "waste", "1.5 KGM", at("03-02 09:00")).await;
    world.adjust("F-1", "dispose", "2 KGM", at("03-02 10:00")).await;
    world.ship("S-1", &[("F-1", "6 KGM"), ("F-1", "4 KGM")], "DC-East", at("03-02 11:00")).await;
    world.adjust("F-1", "count", "86 KGM", at("03-04 08:00")).await;
    // An earlier count that is recorded later does not take its place.
    world.adjust("F-1", "count", "90 KGM", at("03-03 08:00")).await;
    let balance = world.balance("F-1", Known::Now).await.unwrap();
    let kilograms = |value: &str| -> Quantity { amount(&format!("{value} KGM")) };
    assert_eq!(balance.sampled, kilograms("0.5"));
    assert_eq!(balance.wasted, kilograms("1.5"));
    assert_eq!(balance.disposed, kilograms("2"));
    assert_eq!(balance.shipped, kilograms("10"));
    assert_eq!((balance.book, balance.counted), (kilograms("86"), Some(kilograms("86"))));
    assert_eq!((balance.variance, balance.closed), (Some(kilograms("0")), true));
    assert_eq!(balance.accounted_percent.map(|percent| percent.to_string()).as_deref(), Some("100"));
    // What goes out after the count is in the book, and not in what was counted.
    world.correct_shipment("S-1", Some(&[("F-1", "16 KGM")])).await;
    let balance = world.balance("F-1", Known::Now).await.unwrap();
    assert_eq!((balance.book, balance.variance), (kilograms("80"), Some(kilograms("-6"))));
    assert_eq!(balance.accounted_percent.map(|percent| percent.to_string()).as_deref(), Some("94"));
}
