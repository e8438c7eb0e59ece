//! `sessions`: every login, and how it ended.

use foodflow_domain::TenantId;
use foodflow_domain::identity::session::SessionEvent;
use jiff::Timestamp;
use uuid::Uuid;

use crate::page::{Page, PageRequest};
use crate::store::StoreError;
use crate::table;
use crate::tables::{EventTable, Select, TableChange, TableEvent, TableStore, Value, select};

table! {
    /// A session.
    pub struct Session in "sessions" {
        /// Its id.
        id: Uuid,
        /// Its tenant.
        tenant_id: Uuid,
        /// Whose.
        user_id: Uuid,
        /// How the user logged in.
        method: String [50],
        /// When the user logged in.
        created_at: Timestamp,
        /// When it was last refreshed.
        updated_at: Timestamp,
        /// Until when it goes on without being refreshed.
        expires_at: Timestamp,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// Why it ended.
        end_reason: Option<String> [50],
        /// Its version.
        version: i64,
        /// Position of its last change.
        position: i64,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    indexes: ["idx_sessions_user_id": ["user_id"]],
}

/// The word that a value is written as.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl EventTable for Session {
    type Event = SessionEvent;

    fn project(event: &TableEvent<'_>, data: SessionEvent, changes: &mut Vec<TableChange>) {
        let tenant_id = event.tenant().0;
        let patch = |id: Uuid| event.patch::<Self>([tenant_id, id].map(Value::Uuid));
        changes.push(match data {
            SessionEvent::Started(data) => event.append(Self {
                id: data.session_id.0,
                tenant_id,
                user_id: data.user_id.0,
                method: word(&data.method),
                created_at: event.recorded_at(),
                updated_at: event.recorded_at(),
                expires_at: data.token.expires_at,
                ended_at: None,
                end_reason: None,
                version: event.version(),
                position: event.position(),
            }),
            SessionEvent::Refreshed(data) => {
                patch(data.session_id.0).set("expires_at", data.token.expires_at).change()
            }
            SessionEvent::Ended(data) => patch(data.session_id.0)
                .set("ended_at", event.recorded_at())
                .set("end_reason", word(&data.reason))
                .change(),
        });
    }
}

/// Which sessions are asked for; all where nothing is given.
#[derive(Debug, Clone, Default)]
pub struct SessionFilters {
    /// Of this user.
    pub user_id: Option<Uuid>,
}

/// A page of sessions, in order of id: of when they began.
///
/// # Errors
/// [`StoreError`] where the store does not answer.
pub async fn sessions(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: SessionFilters,
    request: PageRequest,
) -> Result<Page<Session>, StoreError> {
    let select = Select::of::<Session>(tenant).equal("user_id", filters.user_id);
    select::page(store, select, request, |row: &Session| row.id).await
}
