//! Tables with a column of every type, and a projection of them that projects nothing by itself.

use foodflow_domain::TenantId;
use foodflow_projections::table;
use foodflow_projections::tables::value::Json;
use foodflow_projections::tables::{Secret, TableProjection, TableRow, TableSource};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

table! {
    /// A row with a column of every type.
    pub(crate) struct Sample in "samples" {
        tenant_id: Uuid,
        id: Uuid,
        /// A word of SQL as its name.
        kind as "order": String [10],
        note: Option<String>,
        is_open: bool,
        number: i32,
        size: i64,
        amount: Decimal,
        made_at: Timestamp,
        sold_at: Option<Timestamp>,
        day: Option<Date>,
        document: Option<Json>,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    unique: [["tenant_id", "number"]],
    indexes: ["samples_made_at": ["tenant_id", "made_at"]],
}

table! {
    /// A row that refers to a sample.
    pub(crate) struct Part in "sample_parts" {
        tenant_id: Uuid,
        sample_id: Uuid,
        number: i32,
        title: String,
    }
    key: ["tenant_id", "sample_id", "number"], tenant: "tenant_id",
}

table! {
    /// A sum.
    pub(crate) struct Meter in "meters" {
        tenant_id: Uuid,
        id: Uuid,
        name: String [100],
        value: Decimal,
        position: i64,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
}

table! {
    /// A row with a secret.
    pub(crate) struct Badge in "badges" {
        tenant_id: Uuid,
        id: Uuid,
        holder: String,
        code: Secret [20],
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
}

pub(crate) const POSTGRES: &str = "
    CREATE TABLE IF NOT EXISTS samples (
        tenant_id UUID NOT NULL, id UUID NOT NULL, \"order\" VARCHAR(10) NOT NULL, note TEXT,
        is_open BOOLEAN NOT NULL, number INTEGER NOT NULL, size BIGINT NOT NULL, amount NUMERIC NOT NULL,
        made_at TIMESTAMPTZ NOT NULL, sold_at TIMESTAMPTZ, day DATE, document JSONB,
        PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, number)
    );
    CREATE INDEX IF NOT EXISTS samples_made_at ON samples (tenant_id, made_at);
    CREATE TABLE IF NOT EXISTS sample_parts (
        tenant_id UUID NOT NULL, sample_id UUID NOT NULL, number INTEGER NOT NULL, title TEXT NOT NULL,
        PRIMARY KEY (tenant_id, sample_id, number),
        FOREIGN KEY (tenant_id, sample_id) REFERENCES samples (tenant_id, id)
    );
    CREATE TABLE IF NOT EXISTS meters (
        tenant_id UUID NOT NULL, id UUID NOT NULL, name VARCHAR(100) NOT NULL, value NUMERIC NOT NULL,
        position BIGINT NOT NULL, PRIMARY KEY (tenant_id, id)
    );
    CREATE TABLE IF NOT EXISTS badges (
        tenant_id UUID NOT NULL, id UUID NOT NULL, holder TEXT NOT NULL, code VARCHAR(20) NOT NULL,
        PRIMARY KEY (tenant_id, id)
    );
";

/// The projection that the stores hold.
pub(crate) static CONTRACT: TableProjection = TableProjection {
    name: "contract",
    layout: 3,
    postgres: POSTGRES,
    sources: &[
        TableSource::of_messages::<Sample>(|_, _| {}),
        TableSource::of_messages::<Part>(|_, _| {}),
        TableSource::of_messages::<Meter>(|_, _| {}),
        TableSource::of_messages::<Badge>(|_, _| {}),
    ],
    passed_over: &[],
};

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A sample with little in it; the number is its id, too.
pub(crate) fn sample(tenant: TenantId, number: u16) -> Sample {
    Sample {
        tenant_id: tenant.0,
        id: id(number.into()),
        kind: "jar".to_owned(),
        note: None,
        is_open: false,
        number: number.into(),
        size: 0,
        amount: Decimal::ZERO,
        made_at: instant("2026-03-05T10:12:00Z"),
        sold_at: None,
        day: None,
        document: None,
    }
}

pub(crate) fn part(tenant: TenantId, sample: u16, number: i32) -> Part {
    Part { tenant_id: tenant.0, sample_id: id(sample.into()), number, title: format!("part {number}") }
}

pub(crate) fn meter(tenant: TenantId, number: u16, value: &str) -> Meter {
    let value = Decimal::from_str_exact(value).unwrap();
    Meter { tenant_id: tenant.0, id: id(number.into()), name: format!("meter {number}"), value, position: 1 }
}

pub(crate) fn badge(tenant: TenantId, number: u16, code: &str) -> Badge {
    let holder = format!("holder {number}");
    Badge { tenant_id: tenant.0, id: id(number.into()), holder, code: Secret::of(code) }
}

#[test]
fn the_descriptions_are_sound() {
    for table in CONTRACT.tables() {
        assert_eq!(table.defect(), None, "{}", table.name);
    }
    let names: Vec<&str> = Sample::TABLE.columns.iter().map(|column| column.name).collect();
    assert_eq!(names[2], "order");
}
