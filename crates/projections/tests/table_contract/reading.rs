//! Questions.

use std::sync::Arc;

use foodflow_projections::page::PageRequest;
use foodflow_projections::store::StoreError;
use foodflow_projections::tables::select::{one, page};
use foodflow_projections::tables::value::Json;
use foodflow_projections::tables::{Select, TableStore, Value, rows_of};
use jiff::SignedDuration;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::tables::{Badge, Sample, badge, id, instant, sample};
use super::world::{World, upsert};

pub(crate) async fn a_question_answers_with_the_tenants_rows_alone(store: Arc<dyn TableStore>) {
    let mut one_world = World::new(Arc::clone(&store), 1).await;
    let mut other = World::new(store, 2).await;
    // The same ids in both.
    let mine = Sample { size: 1, ..sample(one_world.tenant, 1) };
    one_world.apply(vec![upsert(mine.clone())]).await;
    other.apply(vec![upsert(sample(other.tenant, 1)), upsert(sample(other.tenant, 2))]).await;
    assert_eq!(one_world.rows::<Sample>().await, std::slice::from_ref(&mine));
    assert_eq!(other.rows::<Sample>().await, [sample(other.tenant, 1), sample(other.tenant, 2)]);
    assert_eq!(one_world.sample(2).await, None);
    // Nor does a change reach another tenant's row of the same id.
    other.apply(vec![other.patch(1, "size", 5_i64), super::world::delete(sample(other.tenant, 2))]).await;
    assert_eq!(one_world.rows::<Sample>().await, [mine]);
}

pub(crate) async fn rows_are_filtered_and_ordered(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let (tenant, start) = (world.tenant, instant("2026-03-05T00:00:00Z"));
    let made = |number: u16| start + SignedDuration::from_millis(500 * i64::from(20 - number));
    let rows = (1..=20).map(|number| Sample {
        kind: if number % 2 == 0 { "even" } else { "odd" }.to_owned(),
        made_at: made(number),
        ..sample(tenant, number)
    });
    world.apply(rows.map(upsert).collect()).await;
    let numbers = async |select: Select| -> Vec<i32> {
        let rows: Vec<Sample> = rows_of(&*world.store, &select).await.unwrap();
        rows.into_iter().map(|row| row.number).collect()
    };
    let all = || Select::of::<Sample>(tenant);
    assert_eq!(
        numbers(all().equal("order", Some("odd".to_owned()))).await,
        [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]
    );
    let between = all().at_least("made_at", Some(made(7))).before("made_at", Some(made(4)));
    assert_eq!(numbers(between.clone()).await, [5, 6, 7]);
    assert_eq!(numbers(between.ordered_by("made_at")).await, [7, 6, 5]);
    assert_eq!(numbers(all().equal("is_open", Some(true))).await, [0_i32; 0]);
    assert_eq!(numbers(all().equal("number", Some(4_i32)).equal("size", None::<i64>)).await, [4]);
    let found: Option<Sample> = one(&*world.store, all().ordered_by("made_at")).await.unwrap();
    assert_eq!(found.map(|row| row.number), Some(20));
}

pub(crate) async fn rows_are_paged(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    let day =
        |number: u16| instant("2026-03-05T00:00:00Z") + SignedDuration::from_hours(i64::from(number / 3));
    let rows = (1..=10).map(|number| Sample { made_at: day(number), ..sample(tenant, number) });
    world.apply(rows.map(upsert).collect()).await;
    for order in [None, Some("made_at")] {
        let mut select = Select::of::<Sample>(tenant);
        if let Some(column) = order {
            select = select.ordered_by(column);
        }
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let request = PageRequest { after, size: 4 };
            let found = page(&*world.store, select.clone(), request, |row: &Sample| row.id).await.unwrap();
            seen.extend(found.items.iter().map(|row| row.number));
            after = found.next;
            if after.is_none() {
                break;
            }
            assert_eq!(found.items.len(), 4);
        }
        assert_eq!(seen, (1..=10).collect::<Vec<i32>>(), "{order:?}");
        let exact = PageRequest { after: None, size: 10 };
        let found = page(&*world.store, select, exact, |row: &Sample| row.id).await.unwrap();
        assert_eq!(
            (found.items.len(), found.next),
            (10, None),
            "a full page is the last where nothing follows"
        );
    }
    let beyond = PageRequest { after: Some(id(9_999)), size: 4 };
    let found =
        page(&*world.store, Select::of::<Sample>(tenant), beyond, |row: &Sample| row.id).await.unwrap();
    assert!(found.items.is_empty());
}

pub(crate) async fn a_secret_is_written_and_never_answered(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    let all = || Select::of::<Badge>(tenant);
    world.apply(vec![upsert(badge(tenant, 1, "first"))]).await;
    let first = world.digest().await;
    let found = world.store.rows(&all()).await.unwrap();
    assert_eq!(found[0].get("holder"), Some(&Value::Text("holder 1".to_owned())));
    assert_eq!(found[0].get("code"), Some(&Value::Null));
    // It is there: the digest sees it.
    world.apply(vec![upsert(badge(tenant, 1, "second"))]).await;
    assert_ne!(world.digest().await, first);
    world.apply(vec![upsert(badge(tenant, 1, "first"))]).await;
    assert_eq!(world.digest().await, first);
    // Nor can it be guessed.
    let guess = || Some("first".to_owned());
    for question in [all().equal("code", guess()), all().before("code", guess()), all().ordered_by("code")] {
        let refused = world.store.rows(&question).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{question:?}: {refused:?}");
    }
}

pub(crate) async fn what_is_no_column_is_refused(store: Arc<dyn TableStore>) {
    let world = World::new(store, 1).await;
    let all = || Select::of::<Sample>(world.tenant);
    let mut questions = vec![all().equal("1=1 OR note", Some("x".to_owned())), all().ordered_by("random()")];
    // Nor what one store compares as text and the other as a value.
    let (amount, day) = (Some(Decimal::ONE), Some(Date::constant(2026, 3, 5)));
    questions.extend([all().equal("amount", amount), all().at_least("amount", amount)]);
    questions.extend([all().before("day", day), all().equal("document", Some(Json::parse("{}").unwrap()))]);
    questions.extend(["amount", "day", "document"].map(|column| all().ordered_by(column)));
    for question in questions {
        let refused = world.store.rows(&question).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{question:?}: {refused:?}");
    }
}
