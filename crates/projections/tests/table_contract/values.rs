//! Values: what comes back is what was written.

use std::sync::Arc;

use foodflow_projections::tables::TableStore;
use foodflow_projections::tables::value::{Json, of_microseconds};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::tables::{Sample, instant, sample};
use super::world::{World, append, upsert};

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

fn json(text: &str) -> Option<Json> {
    Some(Json::parse(text).unwrap())
}

fn samples(world: &World) -> Vec<Sample> {
    let tenant = world.tenant;
    // PostgreSQL's first instant; the last is that of the calendar, both in microseconds.
    let (first, last) = (-210_866_803_200_000_000, Timestamp::MAX.as_microsecond());
    let decimals = ["0", "-0.10", "1.50", "0.0000000000000000000000000001", "123456789.987654321", "10000"];
    let mut amounts: Vec<Decimal> = decimals.iter().map(|text| decimal(text)).collect();
    amounts.extend([Decimal::MAX, Decimal::MIN, Decimal::MAX / decimal("10000000000000000000000000000")]);
    let instants = [first, first + 1, last, 0, -1, 946_684_800_000_000, 1_772_705_520_123_456];
    let days = ["0001-01-01", "2000-01-01", "1999-12-31", "9999-12-31", "2026-02-28"];
    let documents = [
        "null",
        "{}",
        r#"{"b": [1, 2.5, -0.0, 1e16, 1e300, 5e-324], "a": {"é": "\u0001\"\\"}}"#,
        "[18446744073709551615, -9223372036854775808, 1.7976931348623157e308, 0.1]",
        r#""text""#,
        "true",
    ];
    let texts =
        ["", " ", "\\N", "\\.", "\t\n\r", "'; DROP TABLE samples; --", "ünï 🥫 漢字", "{a,b}", "NULL"];
    (0..12_u16)
        .map(|number| {
            let at = usize::from(number);
            let made_us = instants[at % instants.len()];
            Sample {
                kind: texts[at % texts.len()].chars().take(10).collect(),
                note: Some(texts[at % texts.len()].to_owned()),
                is_open: number.is_multiple_of(2),
                number: [i32::MIN, i32::MAX, -1].get(at).copied().unwrap_or(number.into()),
                size: [i64::MIN, i64::MAX, -1][at % 3],
                amount: amounts[at % amounts.len()],
                made_at: of_microseconds(made_us).unwrap(),
                sold_at: Some(of_microseconds(made_us).unwrap()),
                day: Some(days[at % days.len()].parse::<Date>().unwrap()),
                document: json(documents[at % documents.len()]),
                ..sample(tenant, number)
            }
        })
        .collect()
}

pub(crate) async fn every_type_comes_back(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let samples = samples(&world);
    world.apply(samples.iter().cloned().map(append).collect()).await;
    assert_eq!(world.rows::<Sample>().await, samples);
    // And as arrays and as a stream what came as single rows.
    let digest = world.digest().await;
    world.apply(samples.iter().cloned().map(upsert).collect()).await;
    assert_eq!(world.digest().await, digest);
    let mut others = World::new(Arc::clone(&world.store), 2).await;
    let tenant = others.tenant;
    let filler = (100..400).map(|number| sample(tenant, number));
    let theirs = samples.iter().map(|one| Sample { tenant_id: tenant.0, ..one.clone() });
    let changes = theirs.clone().chain(filler).map(append).collect();
    others.apply(changes).await;
    assert_eq!(others.rows::<Sample>().await[..12], theirs.collect::<Vec<_>>());
}

pub(crate) async fn null_is_not_absent_and_not_empty(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    let tenant = world.tenant;
    let nothing = sample(tenant, 1);
    let empty = Sample { note: Some(String::new()), document: json("null"), ..sample(tenant, 2) };
    world.apply(vec![append(nothing.clone()), append(empty.clone())]).await;
    assert_eq!(world.rows::<Sample>().await, [nothing.clone(), empty]);
    let (before, patch) = (world.digest().await, world.patch(1, "note", Some(String::new())));
    world.apply(vec![patch]).await;
    assert_ne!(world.digest().await, before);
    world.apply(vec![world.patch(1, "note", None::<String>)]).await;
    assert_eq!((world.sample(1).await, world.digest().await), (Some(nothing), before));
}

pub(crate) async fn the_longest_text_fits(store: Arc<dyn TableStore>) {
    let mut world = World::new(store, 1).await;
    // Characters, not bytes.
    let kind = "🥫".repeat(10);
    let note = Some("é".repeat(1_000_000));
    let made_at = instant("2026-03-05T10:12:00.999999Z");
    let long = Sample { kind, note, made_at, ..sample(world.tenant, 1) };
    world.apply(vec![append(long.clone())]).await;
    assert_eq!(world.sample(1).await, Some(long));
}
