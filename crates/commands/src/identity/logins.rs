//! Logins, refreshed sessions, and their ends.

use foodflow_domain::identity::session::{Session, SessionCommand, SessionEnd};
use foodflow_domain::identity::user::{LoginProof, User, UserCommand};
use foodflow_domain::ids::{SessionId, UserId};
use foodflow_log::StreamId;
use uuid::Uuid;

use super::{Sender, end_sessions};
use crate::execute::{Accepted, CommandMeta, Operation, Reply, reply_of};
use crate::standing::Needs;
use crate::unit::{Stop, Unit, stream_of};

/// `POST /v1/login`: starts a session, or writes down why not.
#[derive(Debug, Clone, PartialEq)]
pub struct LogIn {
    /// The user.
    pub user_id: UserId,
    /// The session that would start.
    pub session_id: SessionId,
    /// Id of its first refresh token.
    pub token_id: Uuid,
    /// SHA-256 of it.
    pub token_hash: String,
    /// What was found out.
    pub proof: LoginProof,
    /// Where from.
    pub origin: Sender,
}

impl LogIn {
    /// Whether the session started.
    #[must_use]
    pub fn has_started(accepted: &Accepted) -> bool {
        accepted.events.iter().any(|event| event.event_type.starts_with("foodflow.identity.session.started."))
    }
}

impl Operation for LogIn {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<User>("login", self.user_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<User>(self.user_id.0)]
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { user_id, session_id, token_id, token_hash, proof, origin } = self.clone();
        let user = unit.load::<User>(user_id.0).await?;
        let (crowded_out, method) = (user.crowded_out(), user.method_of(&proof));
        let command = UserCommand::LogIn { user_id, session_id, proof, origin: origin.clone() };
        unit.decide::<User>(user_id.0, command, "").await?;
        if unit.load::<User>(user_id.0).await?.session_ids.last() != Some(&session_id) {
            return Ok(());
        }
        end_sessions(unit, crowded_out.as_slice(), SessionEnd::TooMany, &origin).await?;
        let start = SessionCommand::Start { session_id, user_id, method, token_id, token_hash, origin };
        unit.create::<Session>(session_id.0, start, "").await
    }
}

/// `POST /v1/token` with a refresh token: the next one, or the end of a session whose token was used twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// The session.
    pub session_id: SessionId,
    /// SHA-256 of the token that is used.
    pub used_hash: String,
    /// Id of the next one.
    pub token_id: Uuid,
    /// SHA-256 of the next one.
    pub token_hash: String,
    /// Where from.
    pub origin: Sender,
}

impl Refresh {
    /// Whether the session goes on.
    #[must_use]
    pub fn goes_on(accepted: &Accepted) -> bool {
        accepted
            .events
            .iter()
            .any(|event| event.event_type.starts_with("foodflow.identity.session.refreshed."))
    }
}

impl Operation for Refresh {
    type Primary = Session;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<Session>("token", self.session_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Session>(self.session_id.0)]
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { session_id, used_hash, token_id, token_hash, origin } = self.clone();
        let refresh = SessionCommand::Refresh { session_id, used_hash, token_id, token_hash, origin };
        unit.decide::<Session>(session_id.0, refresh, "").await
    }
}

/// Ends a session of a user: `POST /v1/logout`, `DELETE /v1/sessions/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndSession {
    /// The session.
    pub session_id: SessionId,
    /// Whose it must be; of anybody where absent.
    pub of: Option<UserId>,
    /// Why.
    pub reason: SessionEnd,
    /// Where that came from.
    pub origin: Sender,
}

impl Operation for EndSession {
    type Primary = Session;

    fn reply(&self, _: &CommandMeta) -> Reply {
        let operation = if self.reason == SessionEnd::LoggedOut { "logout" } else { "sessions/end" };
        reply_of::<Session>(operation, self.session_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Session>(self.session_id.0)]
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { session_id, of, reason, origin } = self.clone();
        unit.load::<Session>(session_id.0).await?.require(session_id, of).map_err(super::refused)?;
        unit.decide::<Session>(session_id.0, SessionCommand::End { reason, origin }, "").await
    }
}
