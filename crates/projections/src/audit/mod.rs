//! Who did what when: a row for every event of the log, of whatever context, one projection of its own.
//!
//! It follows from the log as it is stored, with personal data sealed: an address, or a reason that is about a person, is
//! kept as the sealed text that the event states, and opened by whoever reads the row. So a person who is forgotten is
//! forgotten here, too, and nothing has to be written anew. What must never happen here: personal data in clear, or an
//! event without a row.

use foodflow_domain::TenantId;
use foodflow_domain::ids::PersonId;
use foodflow_log::{Envelope, Position};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::page::{Page, PageRequest};
use crate::recorded::Recorded;
use crate::store::StoreError;
use crate::table;
use crate::tables::{Select, TableChange, TableProjection, TableRow as _, TableSource, TableStore, select};

/// What was asked for was done.
pub const DONE: &str = "done";
/// What was asked for was refused.
pub const REFUSED: &str = "refused";

/// The projection.
pub static AUDIT: TableProjection = TableProjection {
    name: "audit",
    layout: 1,
    postgres: include_str!("../../../../schemas/postgres/audit.sql"),
    sources: &[TableSource::of_messages::<AuditEntry>(enter)],
    passed_over: &[],
};

table! {
    /// An event, as an auditor asks for it.
    pub struct AuditEntry in "audit_trail" {
        /// The event's id.
        id: Uuid,
        /// Its tenant.
        tenant_id: Uuid,
        /// Recorded time.
        recorded_at: Timestamp,
        /// Position of its message.
        position: i64,
        /// Who acted; of a refusal, who was refused, and absent where nobody was named.
        actor: Option<String>,
        /// The event's type.
        action: String,
        /// The context that it is of.
        context: String,
        /// The kind of what it is about: the aggregate.
        resource: String,
        /// What it is about.
        resource_id: Uuid,
        /// The command that caused it.
        command_id: Uuid,
        /// What the command belongs to.
        correlation_id: Uuid,
        /// [`DONE`] or [`REFUSED`].
        outcome: String [10],
        /// What was asked for, of a refused request: method and template of the path.
        operation: Option<String>,
        /// The code of a refusal.
        code: Option<String>,
        /// The permission that was missing.
        permission: Option<String>,
        /// How many times alike.
        times: i64,
        /// Why, as the event says it.
        reason: Option<String>,
        /// Why, sealed, where that is about a person.
        sealed_reason: Option<String>,
        /// Where the request came from, sealed.
        sealed_origin: Option<String>,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    indexes: [
        "idx_audit_trail_recorded_at": ["tenant_id", "recorded_at", "id"],
        "idx_audit_trail_actor": ["tenant_id", "actor", "recorded_at"],
        "idx_audit_trail_action": ["tenant_id", "action", "recorded_at"],
        "idx_audit_trail_resource": ["tenant_id", "resource", "resource_id", "recorded_at"],
    ],
}

/// What is read of an event's data, whatever its type: each where it is there.
#[derive(Default, Deserialize)]
struct Facts<'a> {
    #[serde(borrow, default)]
    actor: Option<&'a RawValue>,
    #[serde(borrow, default)]
    operation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    permission: Option<&'a RawValue>,
    #[serde(borrow, default)]
    count: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reason: Option<&'a RawValue>,
    #[serde(borrow, default)]
    origin: Option<&'a RawValue>,
}

/// Personal data as the log holds it. What is not sealed is not taken.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    #[serde(rename = "$personal")]
    _person: PersonId,
    #[serde(rename = "sealed")]
    _sealed: String,
}

/// The text that a value is; no other value, and no character that a store does not take.
fn text(value: Option<&RawValue>) -> Option<String> {
    let text: String = serde_json::from_str(value?.get()).ok()?;
    Some(text.replace('\0', "\u{fffd}"))
}

/// The value as it stands, where it is sealed.
fn sealed(value: Option<&RawValue>) -> Option<String> {
    let value = value?.get();
    serde_json::from_str::<Sealed>(value).is_ok().then(|| value.to_owned())
}

/// Whether an event of this type, `foodflow.<context>.<aggregate>.<what>.v<n>`, says that something was refused.
fn is_refusal(event_type: &str) -> bool {
    let what = event_type.rsplit('.').nth(1).unwrap_or_default();
    what == REFUSED || what.ends_with("_refused")
}

/// The row of each event of a message.
fn enter(message: &Recorded, changes: &mut Vec<TableChange>) {
    changes.extend(message.events.iter().map(|event| TableChange::Append(entry(message, event).into_row())));
}

fn entry(message: &Recorded, event: &Envelope) -> AuditEntry {
    let facts: Facts<'_> = serde_json::from_str(event.data.get()).unwrap_or_default();
    let is_refusal = is_refusal(&event.event_type);
    // A journal of refusals is written by the program itself; who was refused stands in the event.
    let of_request = is_refusal && facts.operation.is_some();
    let told = |value| if is_refusal { text(value) } else { None };
    let times = facts.count.filter(|_| of_request).and_then(|count| serde_json::from_str(count.get()).ok());
    AuditEntry {
        id: event.id,
        tenant_id: message.tenant.0,
        recorded_at: event.time,
        position: message.position.0.cast_signed(),
        actor: if of_request { text(facts.actor) } else { Some(event.actor.replace('\0', "\u{fffd}")) },
        action: event.event_type.replace('\0', "\u{fffd}"),
        context: message.stream.context.to_string(),
        resource: message.stream.aggregate.to_string(),
        resource_id: message.stream.id,
        command_id: event.commandid,
        correlation_id: event.correlationid,
        outcome: if is_refusal { REFUSED } else { DONE }.to_owned(),
        operation: told(facts.operation),
        code: told(facts.code),
        permission: told(facts.permission),
        times: times.unwrap_or(1),
        reason: text(facts.reason),
        sealed_reason: sealed(facts.reason),
        sealed_origin: sealed(facts.origin),
    }
}

/// Which entries are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct AuditFilters {
    /// By this actor.
    pub actor: Option<String>,
    /// Of this type.
    pub action: Option<String>,
    /// Of this context.
    pub context: Option<String>,
    /// About this kind.
    pub resource: Option<String>,
    /// About this.
    pub resource_id: Option<Uuid>,
    /// [`DONE`] or [`REFUSED`].
    pub outcome: Option<String>,
    /// Recorded then or later.
    pub since: Option<Timestamp>,
    /// Recorded before then.
    pub until: Option<Timestamp>,
    /// Recorded up to this position: entries do not change, so that this is the trail as it stood.
    pub up_to: Option<Position>,
}

/// In which order entries are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOrder {
    /// As they were recorded.
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

/// A page of entries.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn audit_entries(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: AuditFilters,
    order: AuditOrder,
    request: PageRequest,
) -> Result<Page<AuditEntry>, StoreError> {
    let AuditFilters { since, until, up_to, .. } = filters;
    let AuditFilters { actor, action, context, resource, resource_id, outcome, .. } = filters;
    let beyond = up_to.map(|position| position.0.cast_signed().saturating_add(1));
    let select = Select::of::<AuditEntry>(tenant);
    let select = select.equal("actor", actor).equal("action", action).equal("context", context);
    let select = select.equal("resource", resource).equal("resource_id", resource_id);
    let select = select.equal("outcome", outcome).before("position", beyond);
    let select = select.at_least("recorded_at", since).before("recorded_at", until);
    let select = match order {
        AuditOrder::OldestFirst => select.ordered_by("recorded_at"),
        AuditOrder::NewestFirst => select.ordered_by("recorded_at").latest_first(),
    };
    select::page(store, select, request, |row: &AuditEntry| row.id).await
}
