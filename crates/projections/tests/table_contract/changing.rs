//! What each kind of change does.

use std::sync::Arc;

use foodflow_projections::store::StoreError;
use foodflow_projections::tables::value::Json;
use foodflow_projections::tables::{TableChange, TableRow as _, TableStore, Value};
use rust_decimal::Decimal;

use super::tables::{Meter, Part, Sample, instant, meter, part, sample};
use super::world::{World, add, append, delete, upsert};

pub(crate) async fn a_row_is_set_as_a_whole(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    let full = Sample { note: Some("first".to_owned()), size: 7, ..sample(tenant, 1) };
    world.apply(vec![append(full.clone())]).await;
    assert_eq!(world.sample(1).await, Some(full));
    world.apply(vec![upsert(sample(tenant, 1)), upsert(sample(tenant, 2))]).await;
    assert_eq!(world.rows::<Sample>().await, [sample(tenant, 1), sample(tenant, 2)]);
}

pub(crate) async fn a_patch_sets_what_it_names_where_the_row_exists(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let (tenant, sold) = (world.tenant, instant("2026-04-01T00:00:00.5Z"));
    world.apply(vec![upsert(sample(tenant, 1)), upsert(sample(tenant, 2))]).await;
    let patches = vec![
        world.patch(1, "sold_at", Some(sold)),
        world.patch(1, "amount", Decimal::from_str_exact("2.50").unwrap()),
        world.patch(2, "note", Some("two".to_owned())),
        world.patch(2, "order", "box".to_owned()),
        world.patch(2, "document", Some(Json::parse(r#"{"a": 1}"#).unwrap())),
        world.patch(3, "note", Some("nobody".to_owned())),
    ];
    world.apply(patches).await;
    let one = Sample { sold_at: Some(sold), amount: Decimal::new(25, 1), ..sample(tenant, 1) };
    let document = Some(Json::parse(r#"{"a":1}"#).unwrap());
    let (note, kind) = (Some("two".to_owned()), "box".to_owned());
    let two = Sample { note, kind, document, ..sample(tenant, 2) };
    assert_eq!(world.rows::<Sample>().await, [one.clone(), two]);
    world.apply(vec![world.patch(1, "sold_at", None::<jiff::Timestamp>)]).await;
    assert_eq!(world.sample(1).await, Some(Sample { sold_at: None, ..one }));
}

pub(crate) async fn a_row_that_is_gone_stays_gone_until_it_is_made_anew(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    world.apply(vec![upsert(sample(tenant, 1)), upsert(sample(tenant, 2)), upsert(sample(tenant, 3))]).await;
    world.apply(vec![delete(sample(tenant, 1)), delete(sample(tenant, 9))]).await;
    world.apply(vec![world.patch(1, "size", 5_i64), delete(sample(tenant, 2))]).await;
    assert_eq!(world.rows::<Sample>().await, [sample(tenant, 3)]);
    let made = Sample { size: 1, ..sample(tenant, 1) };
    world.apply(vec![upsert(made.clone())]).await;
    assert_eq!(world.sample(1).await, Some(made));
    // The number of one that goes is free for one that comes.
    let heir = Sample { number: 3, ..sample(tenant, 4) };
    world.apply(vec![delete(sample(tenant, 3)), append(heir.clone())]).await;
    assert_eq!(world.sample(4).await, Some(heir));
}

pub(crate) async fn a_sum_begins_with_its_row_and_grows(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    let later = |row: Meter| Meter { position: 9, name: "renamed".to_owned(), ..row };
    world.apply(vec![add(meter(tenant, 1, "1.5"))]).await;
    world.apply(vec![add(later(meter(tenant, 1, "0.25"))), add(later(meter(tenant, 2, "4")))]).await;
    world.apply(vec![add(later(meter(tenant, 1, "-3.75"))), add(later(meter(tenant, 1, "1")))]).await;
    let one = Meter { position: 9, ..meter(tenant, 1, "-1") };
    assert_eq!(world.rows::<Meter>().await, [one, later(meter(tenant, 2, "4"))]);
    let key = meter(tenant, 2, "0").into_row().key();
    let patch =
        TableChange::Patch { table: Meter::TABLE, key, columns: vec![("position", Value::Integer(12))] };
    world.apply(vec![add(later(meter(tenant, 2, "1"))), patch, add(meter(tenant, 3, "7"))]).await;
    let two = Meter { position: 12, ..later(meter(tenant, 2, "5")) };
    assert_eq!(world.rows::<Meter>().await[1..], [two, meter(tenant, 3, "7")]);
}

pub(crate) async fn a_sum_that_cannot_be_held_is_refused(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    let most = Meter { value: Decimal::MAX, ..meter(tenant, 1, "0") };
    let refused = world.try_apply(vec![add(most.clone()), add(meter(tenant, 1, "1"))]).await;
    assert!(matches!(refused, Err(StoreError::Unfit { .. })), "{refused:?}");
    assert!(world.rows::<Meter>().await.is_empty());
    world.apply(vec![add(most), add(meter(tenant, 1, "-1"))]).await;
    assert_eq!(world.rows::<Meter>().await[0].value, Decimal::MAX - Decimal::ONE);
}

pub(crate) async fn many_rows_in_one_batch(store: Arc<dyn TableStore>) {
    const ROWS: u16 = 3_000;
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    let one = |number| Sample { size: i64::from(number), ..sample(tenant, number) };
    // An empty table, a table that holds something, and rows that are there already.
    world.apply((0..ROWS).map(|number| upsert(one(number))).collect()).await;
    let parts = |first| (0..ROWS).map(move |number| append(part(tenant, number, first)));
    world.apply(parts(1).collect()).await;
    world.apply(parts(2).chain((0..ROWS).map(|number| upsert(one(number)))).collect()).await;
    let patches = (0..ROWS).map(|number| world.patch(number, "is_open", true));
    let sums = (0..ROWS).map(|number| add(meter(tenant, number, "1")));
    let changes = patches.chain(sums).collect();
    world.apply(changes).await;
    world.apply((0..ROWS).map(|number| add(meter(tenant, number, "2"))).collect()).await;
    world
        .apply((1..ROWS).flat_map(|n| [delete(part(tenant, n, 1)), delete(part(tenant, n, 2))]).collect())
        .await;
    let last = ROWS - 1;
    assert_eq!(world.sample(last).await, Some(Sample { is_open: true, ..one(last) }));
    assert_eq!(world.rows::<Part>().await, [part(tenant, 0, 1), part(tenant, 0, 2)]);
    assert!(world.rows::<Meter>().await.iter().all(|meter| meter.value == Decimal::from(3)));
    assert!(world.digest().await.starts_with(&format!("{}-", 2 * ROWS + 2)));
}

pub(crate) async fn rows_that_others_refer_to_come_first_and_go_last(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    world.apply(vec![append(part(tenant, 1, 1)), append(sample(tenant, 1))]).await;
    world.apply(vec![delete(sample(tenant, 1)), delete(part(tenant, 1, 1))]).await;
    assert!(world.rows::<Sample>().await.is_empty() && world.rows::<Part>().await.is_empty());
}
