//! `refresh_tokens`: the one of each session that is good, as a hash.

use foodflow_domain::identity::session::{RefreshToken as Issued, SessionEvent};
use foodflow_domain::ids::UserId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::table;
use crate::tables::{EventTable, Secret, TableChange, TableEvent, TableRow as _, Value};

table! {
    /// A refresh token.
    pub struct RefreshToken in "refresh_tokens" {
        /// Its id.
        id: Uuid,
        /// Whose.
        user_id: Uuid,
        /// SHA-256 of the token, in hexadecimal digits.
        token: Secret [255],
        /// Until when it may be used.
        expires_at: Timestamp,
        /// When it was issued.
        created_at: Timestamp,
        /// Its tenant.
        tenant_id: Uuid,
    }
    key: ["tenant_id", "id"], tenant: "tenant_id",
    unique: [["token"]],
    indexes: ["idx_refresh_tokens_user_id": ["user_id"], "idx_refresh_tokens_token": ["token"]],
}

impl EventTable for RefreshToken {
    type Event = SessionEvent;

    fn project(event: &TableEvent<'_>, data: SessionEvent, changes: &mut Vec<TableChange>) {
        let tenant_id = event.tenant().0;
        let issued = |user: UserId, token: Issued| {
            let Issued { token_id, token_hash, expires_at } = token;
            let created_at = event.recorded_at();
            event.append(Self {
                id: token_id,
                user_id: user.0,
                token: Secret::of(token_hash),
                expires_at,
                created_at,
                tenant_id,
            })
        };
        let gone = |id: Uuid| TableChange::Delete {
            table: Self::TABLE,
            key: [tenant_id, id].map(Value::Uuid).to_vec(),
        };
        match data {
            SessionEvent::Started(data) => changes.push(issued(data.user_id, data.token)),
            SessionEvent::Refreshed(data) => {
                changes.extend([gone(data.spent_token_id), issued(data.user_id, data.token)]);
            }
            SessionEvent::Ended(data) => changes.push(gone(data.token_id)),
        }
    }
}
