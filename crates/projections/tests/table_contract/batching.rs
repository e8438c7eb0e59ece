//! Law: whatever batches the same changes come in, the store holds what applying them one by one would leave.

use std::sync::Arc;

use foodflow_domain::TenantId;
use foodflow_projections::tables::fold::{Clear, fold};
use foodflow_projections::tables::{Row, TableChange, TableRow as _, TableStore, Value};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;

use super::model::Model;
use super::tables::{CONTRACT, Meter, Part, Sample, id, meter, part, sample};
use super::world::{World, add, delete, upsert};

/// Histories that one store sees.
const HISTORIES: usize = 24;

/// What one change may do, small enough that changes meet each other's rows.
#[derive(Debug, Clone)]
enum Step {
    Upsert { row: u16, size: i64 },
    Patch { row: u16, column: usize, value: i64 },
    Add { row: u16, amount: i64, position: i64 },
    PatchSum { row: u16, value: i64 },
    DeleteSum { row: u16 },
    Delete { row: u16 },
    UpsertPart { row: u16, number: i32 },
    PatchPart { row: u16, number: i32, value: i64 },
    DeleteParts { row: u16 },
    DeleteNumbered { number: i32 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_u16, 0..5_i64).prop_map(|(row, size)| Step::Upsert { row, size }),
        3 => (0..4_u16, 0..3_usize, 0..5_i64).prop_map(|(row, column, value)| Step::Patch { row, column, value }),
        3 => (0..3_u16, -9..9_i64, 0..9_i64).prop_map(|(row, amount, position)| Step::Add { row, amount, position }),
        1 => (0..3_u16, 0..5_i64).prop_map(|(row, value)| Step::PatchSum { row, value }),
        1 => (0..3_u16).prop_map(|row| Step::DeleteSum { row }),
        2 => (0..4_u16).prop_map(|row| Step::Delete { row }),
        2 => (5..8_u16, 0..2_i32).prop_map(|(row, number)| Step::UpsertPart { row, number }),
        1 => (5..8_u16, 0..2_i32, 0..5_i64).prop_map(|(row, number, value)| Step::PatchPart { row, number, value }),
        1 => (5..8_u16).prop_map(|row| Step::DeleteParts { row }),
        1 => (0..2_i32).prop_map(|number| Step::DeleteNumbered { number }),
    ]
}

/// Changes, and after which of them a batch ends.
fn history() -> impl Strategy<Value = Vec<(Step, bool)>> {
    proptest::collection::vec((step(), proptest::bool::weighted(0.3)), 1..40)
}

fn change(tenant: TenantId, step: &Step) -> TableChange {
    let key = |row: u16| vec![Value::Uuid(tenant.0), Value::Uuid(id(row.into()))];
    match step {
        Step::Upsert { row, size } => upsert(Sample { size: *size, ..sample(tenant, *row) }),
        Step::Patch { row, column, value } => {
            let column = [
                ("size", Value::Integer(*value)),
                ("note", Value::Text(value.to_string())),
                ("amount", Value::Decimal(Decimal::new(*value, 1))),
            ][*column]
                .clone();
            TableChange::Patch { table: sample_table(), key: key(*row), columns: vec![column] }
        }
        Step::Add { row, amount, position } => {
            let (value, position) = (Decimal::new(*amount, 1), *position);
            add(Meter { value, position, ..meter(tenant, *row, "0") })
        }
        Step::PatchSum { row, value } => {
            let columns = vec![("value", Value::Decimal(Decimal::from(*value)))];
            TableChange::Patch { table: meter_table(), key: key(*row), columns }
        }
        Step::DeleteSum { row } => delete(meter(tenant, *row, "0")),
        Step::Delete { row } => delete(sample(tenant, *row)),
        // Samples that are never deleted: a part that lost its sample would be refused by one store alone.
        Step::UpsertPart { row, number } => upsert(Part { number: *number, ..part(tenant, *row, 0) }),
        Step::PatchPart { row, number, value } => {
            let mut key = key(*row);
            key.push(Value::Integer((*number).into()));
            let columns = vec![("title", Value::Text(value.to_string()))];
            TableChange::Patch { table: Part::TABLE, key, columns }
        }
        Step::DeleteParts { row } => delete_parts(tenant, "sample_id", Value::Uuid(id((*row).into()))),
        Step::DeleteNumbered { number } => delete_parts(tenant, "number", Value::Integer((*number).into())),
    }
}

fn delete_parts(tenant: TenantId, column: &'static str, value: Value) -> TableChange {
    TableChange::DeleteAll { table: Part::TABLE, tenant, column, value }
}

fn sample_table() -> &'static foodflow_projections::tables::Table {
    <Sample as foodflow_projections::tables::TableRow>::TABLE
}

fn meter_table() -> &'static foodflow_projections::tables::Table {
    <Meter as foodflow_projections::tables::TableRow>::TABLE
}

pub(crate) async fn any_batching_leaves_the_same_rows(store: Arc<dyn TableStore>) {
    let mut runner = TestRunner::deterministic();
    for number in 0..HISTORIES {
        let steps = history().new_tree(&mut runner).unwrap().current();
        let mut world = World::new(Arc::clone(&store), u16::try_from(number).unwrap()).await;
        let (tenant, mut model) = (world.tenant, Model::default());
        let mut waiting: Vec<TableChange> = (5..8).map(|row| upsert(sample(tenant, row))).collect();
        waiting.iter().for_each(|change| model.apply(change));
        for (step, ends) in &steps {
            let change = change(tenant, step);
            model.apply(&change);
            waiting.push(change);
            if *ends {
                world.apply(std::mem::take(&mut waiting)).await;
                assert_eq!(world.digest().await, model.digest(), "{steps:?}");
            }
        }
        world.apply(waiting).await;
        assert_eq!(world.digest().await, model.digest(), "{steps:?}");
    }
}

/// Applies what was folded to a model, as a store does.
fn apply_folded(model: &mut Model, tenant: TenantId, changes: Vec<TableChange>, rows: &mut Vec<Row>) {
    let folded = fold(&CONTRACT.tables(), changes.into_iter().map(|change| (tenant, change))).unwrap();
    for table in folded {
        for clear in table.clears {
            rows.retain(|row| row.table.name != table.table.name || !clear.takes(row.table, &row.key()));
            let Clear { tenant, column, value } = clear;
            model.apply(&TableChange::DeleteAll { table: table.table, tenant, column, value });
        }
        let mut keys = std::collections::BTreeSet::new();
        let mut once = |key: &[Value]| assert!(keys.insert(format!("{key:?}")), "{key:?} is written twice");
        for key in table.deletes {
            once(&key);
            rows.retain(|row| row.table.name != table.table.name || row.key() != key);
            model.apply(&TableChange::Delete { table: table.table, key });
        }
        for row in table.puts.into_iter().chain(table.appends) {
            once(&row.key());
            rows.retain(|known| known.table.name != row.table.name || known.key() != row.key());
            rows.push(row.clone());
            model.apply(&TableChange::Upsert(row));
        }
        for merge in table.merges {
            once(&merge.key);
            let place =
                rows.iter().position(|row| row.table.name == table.table.name && row.key() == merge.key);
            let before = place.map(|place| rows.swap_remove(place));
            if let Some(row) = merge.applied_to(before).unwrap() {
                rows.push(row.clone());
                model.apply(&TableChange::Upsert(row));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn folded_changes_do_what_the_changes_do(steps in history()) {
        let tenant = TenantId(id(1));
        let (mut one_by_one, mut in_batches) = (Model::default(), Model::default());
        let (mut waiting, mut rows) = (Vec::new(), Vec::new());
        for (step, ends) in &steps {
            let change = change(tenant, step);
            one_by_one.apply(&change);
            waiting.push(change);
            if *ends {
                apply_folded(&mut in_batches, tenant, std::mem::take(&mut waiting), &mut rows);
            }
        }
        apply_folded(&mut in_batches, tenant, waiting, &mut rows);
        prop_assert_eq!(in_batches.digest(), one_by_one.digest());
    }
}
