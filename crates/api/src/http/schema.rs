//! Shapes of the contract that belong to other crates, and kinds of values with their bounds, for the OpenAPI document.

use foodflow_domain::quantity::{INTEGER_DIGITS_MAX, SCALE_MAX};
use foodflow_projections::schema::Unit;
use jiff::Timestamp;
use serde_json::Value;
use utoipa::openapi::schema::{
    ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::bodies::checks::{LIST_LENGTH_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX};
use crate::bodies::identity::{EMAIL_CHARS_MAX, SHORT_NAME_CHARS_MAX};
use crate::bodies::tenancy::{PLAN_CHARS_MAX, URL_CHARS_MAX};

/// No control characters but tab and line feed, and not blanks alone.
const PRINTED: &str = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$";

/// Something, one `@`, and labels of a domain with points between them.
const EMAIL: &str = r"^[^\s@\u0000-\u001f\u007f-\u009f]+@[^\s@.\u0000-\u002d\u007f-\u009f][^\s@.\u0000-\u001f\u007f-\u009f]*(\.[^\s@.\u0000-\u002d\u007f-\u009f][^\s@.\u0000-\u001f\u007f-\u009f]*)*$";

/// Declares kinds of values: their schemas stand among the components of the document.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $schema:expr;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let described: &str = concat!($($doc),*);
                RefOr::T($schema.description(Some(described.trim())).into())
            }
        }

        impl ToSchema for $name {}
    )*};
}

fn text(characters_max: usize, pattern: &str) -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
    text.max_length(Some(characters_max)).pattern(Some(pattern))
}

/// A point on the calendar from 1900 on; earlier years are slips of the keyboard.
fn dated(format: KnownFormat) -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.format(Some(SchemaFormat::KnownFormat(format))).pattern(Some("^(19|[2-9][0-9])[0-9]{2}-"))
}

fn identity() -> ObjectBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

fn list(of: impl Into<RefOr<Schema>>) -> ArrayBuilder {
    ArrayBuilder::new().items(of.into()).max_items(Some(LIST_LENGTH_MAX)).unique_items(true)
}

/// A decimal: as a text, or as a number.
fn decimal(maximum: f64, or_zero: bool) -> OneOfBuilder {
    let pattern = format!(r"^[0-9]{{1,{INTEGER_DIGITS_MAX}}}(\.[0-9]{{1,{SCALE_MAX}}})?$");
    let number = ObjectBuilder::new().schema_type(Type::Number).maximum(Some(maximum));
    let number = if or_zero { number.minimum(Some(0)) } else { number.exclusive_minimum(Some(0)) };
    OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)))
        .item(number)
}

kinds! {
    /// A name, number or code: not blank, without control characters.
    Name = text(NAME_CHARS_MAX, PRINTED).examples(["F-1042"]);
    /// A short name: not blank, without control characters.
    ShortName = text(SHORT_NAME_CHARS_MAX, PRINTED).examples(["Maria"]);
    /// An e-mail address: one `@`, something before it, a domain behind it.
    Email = text(EMAIL_CHARS_MAX, EMAIL).examples(["maria@harbor-vale.example"]);
    /// A sentence: not blank, without control characters.
    Sentence = text(TEXT_CHARS_MAX, PRINTED).examples(["laboratory result pending"]);
    /// A name or number, as a text or as a number.
    NameOrNumber = OneOfBuilder::new()
        .item(Ref::from_schema_name("Name"))
        .item(ObjectBuilder::new().schema_type(Type::Number))
        .examples(["400"]);
    /// Names, each once.
    Names = list(Ref::from_schema_name("Name"));
    /// Ids, each once.
    Ids = list(identity());
    /// An instant with an offset (RFC 3339), in 1900 or later.
    Instant = dated(KnownFormat::DateTime).examples(["2026-05-02T06:30:00Z"]);
    /// A day, in 1900 or later.
    Day = dated(KnownFormat::Date).examples(["2026-05-02"]);
    /// A decimal as a text or a number: at most 12 digits before and 9 after the point; as a number at most 15 in all.
    DecimalIn = decimal(999_999_999_999.0, true).examples(["12.5"]);
    /// A percentage as a text or a number, above 0.
    PercentIn = decimal(100.0, false).examples(["62.5"]);
    /// The name of a plan.
    PlanName = text(PLAN_CHARS_MAX, "^[a-z0-9_-]+$").examples(["plant"]);
    /// An `https` address of visible ASCII characters.
    HttpsAddress = text(URL_CHARS_MAX, "^https://[!-~]+$").examples(["https://crust.example/logo.svg"]);
    /// A colour.
    Colour = text(7, "^#[0-9A-Fa-f]{6}$").examples(["#c0ffee"]);
}

/// An amount as a client may write it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct QuantityIn {
    /// How much; above 0 where nothing else is said.
    #[schema(value_type = DecimalIn)]
    value: String,
    /// UN/ECE Rec 20 code.
    unit: Unit,
}

/// An amount of one lot.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct LotQuantity {
    /// The lot.
    batch_id: Uuid,
    /// How much of it; above 0.
    quantity: QuantityIn,
}

/// A reference document.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct DocumentReference {
    /// Kind of document.
    #[schema(rename = "type", value_type = Name)]
    document_type: String,
    /// Its number.
    #[schema(value_type = Name)]
    number: String,
}

/// A point on the earth (WGS 84), in degrees.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct Coordinates {
    /// −90 to 90.
    #[schema(minimum = -90, maximum = 90)]
    latitude: f64,
    /// −180 to 180.
    #[schema(minimum = -180, maximum = 180)]
    longitude: f64,
}

/// How stock is adjusted.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum AdjustmentKind {
    /// Drawn for the laboratory.
    Sample,
    /// Spoiled or spilled.
    Waste,
    /// Physical stock found.
    Count,
}

/// An event of the tenant's log: a CloudEvent, with its position as an extension attribute.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct CloudEvent {
    /// CloudEvents version.
    #[schema(pattern = r"^1\.0$")]
    specversion: String,
    /// Event id, UUID version 7.
    id: Uuid,
    /// `foodflow/<tenant>`: which log's tenant says so.
    source: String,
    /// `foodflow.<context>.<aggregate>.<past-tense>.v<n>`.
    #[schema(rename = "type", pattern = r"^foodflow\.")]
    event_type: String,
    /// `<aggregate>/<id>`.
    subject: String,
    /// Recorded time (UTC).
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// Always `application/json`.
    #[schema(pattern = "^application/json$")]
    datacontenttype: String,
    /// The tenant.
    tenantid: Uuid,
    /// Who acted.
    actor: String,
    /// The command that caused it.
    commandid: Uuid,
    /// SHA-256 over the command as it was given, to tell a repeat from a reuse.
    commandhash: String,
    /// What this command belongs to; the command itself where nothing else is named.
    correlationid: Uuid,
    /// The event that caused the command, where one did.
    #[schema(nullable = false)]
    causationid: Option<Uuid>,
    /// Index of this message within its commit, from 0.
    commitindex: u32,
    /// Number of messages in the commit.
    #[schema(minimum = 1)]
    commitsize: u32,
    /// Number of this event in its stream, from 1: the aggregate's version.
    #[schema(minimum = 1)]
    sequence: u64,
    /// Hash of the stream's previous message.
    prevhash: String,
    /// The event's own data; its schema is `schemas/events/<type>.json`.
    #[schema(value_type = Object)]
    data: Value,
    /// Position of its message in the tenant's partition.
    #[schema(minimum = 1)]
    position: u64,
}

/// One event of a stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written in its own way")]
pub struct ServerSentEvent {
    /// `<position>.<index in its message>`, to hand to `Last-Event-ID`.
    #[schema(pattern = r"^[0-9]+\.[0-9]+$")]
    id: String,
    /// Type of the event.
    #[schema(pattern = r"^foodflow\.")]
    event: String,
    /// The event as JSON: a `CloudEvent`.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// Public keys (RFC 7517).
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct JwkSet {
    /// The one that signs first.
    #[schema(min_items = 1)]
    keys: Vec<Jwk>,
}

/// A public key of access tokens.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes a type of another crate")]
pub struct Jwk {
    /// What it is for: signatures.
    #[schema(rename = "use", pattern = "^sig$")]
    usage: String,
    /// Algorithm.
    #[schema(pattern = "^EdDSA$")]
    alg: String,
    /// Which key it is, as tokens name it.
    kid: String,
    /// Kind of key.
    #[schema(pattern = "^OKP$")]
    kty: String,
    /// Curve.
    #[schema(pattern = "^Ed25519$")]
    crv: String,
    /// The key, in base64url.
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    x: String,
}
