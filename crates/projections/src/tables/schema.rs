//! The schema of a table's rows as they are answered, from the table's description.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};

use super::description::{Column, ColumnType, Table};

/// The schema of a row: every column that is answered is there, with null where it holds nothing.
#[must_use]
pub fn of(table: &Table, description: &str) -> RefOr<Schema> {
    let mut row = ObjectBuilder::new().description(Some(description.trim()));
    for column in table.columns.iter().filter(|column| !column.secret) {
        row = row.property(column.name, value(column)).required(column.name);
    }
    RefOr::T(Schema::Object(row.build()))
}

fn value(column: &Column) -> RefOr<Schema> {
    let (kind, format) = match column.column_type {
        ColumnType::Uuid => (Some(Type::String), Some(KnownFormat::Uuid)),
        ColumnType::Text | ColumnType::Varchar(_) | ColumnType::Decimal => (Some(Type::String), None),
        ColumnType::Bool => (Some(Type::Boolean), None),
        ColumnType::Integer => (Some(Type::Integer), Some(KnownFormat::Int32)),
        ColumnType::BigInteger => (Some(Type::Integer), Some(KnownFormat::Int64)),
        ColumnType::Instant => (Some(Type::String), Some(KnownFormat::DateTime)),
        ColumnType::Date => (Some(Type::String), Some(KnownFormat::Date)),
        ColumnType::Json => (None, None),
    };
    let schema_type = match (kind, column.nullable) {
        (None, _) => SchemaType::AnyValue,
        (Some(kind), false) => SchemaType::Type(kind),
        (Some(kind), true) => SchemaType::Array(vec![kind, Type::Null]),
    };
    let characters = match column.column_type {
        ColumnType::Varchar(characters) => usize::try_from(characters).ok(),
        _ => None,
    };
    let words: Vec<&str> = column.words.to_vec();
    let object: Object = ObjectBuilder::new()
        .schema_type(schema_type)
        .format(format.map(SchemaFormat::KnownFormat))
        .description(Some(column.description.trim()))
        .max_length(characters.filter(|_| words.is_empty()))
        .pattern((column.column_type == ColumnType::Decimal).then_some(r"^-?[0-9]+(\.[0-9]+)?$"))
        .enum_values((!words.is_empty()).then_some(words))
        .build();
    RefOr::T(Schema::Object(object))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    crate::table! {
        /// A note.
        struct Note in "notes" {
            /// Its tenant.
            tenant_id: uuid::Uuid,
            /// What it says,
            /// at length.
            text: Option<String> [40],
            /// How it stands.
            status: String [10 of "open" | "done"],
            /// What nobody may read.
            secret: crate::tables::Secret [10],
        }
        key: ["tenant_id"], tenant: "tenant_id",
    }

    #[test]
    fn a_row_is_described_as_it_is_answered() {
        let schema = serde_json::to_value(<Note as utoipa::PartialSchema>::schema()).unwrap();
        let text =
            json!({"type": ["string", "null"], "maxLength": 40, "description": "What it says, at length."});
        let status = json!({"type": "string", "enum": ["open", "done"], "description": "How it stands."});
        let tenant = json!({"type": "string", "format": "uuid", "description": "Its tenant."});
        assert_eq!(
            schema,
            json!({
                "type": "object", "description": "A note.", "required": ["tenant_id", "text", "status"],
                "properties": {"tenant_id": tenant, "text": text, "status": status},
            })
        );
    }
}
