//! A session: one login, and the refresh tokens that follow from it.
//!
//! A refresh token is good once: its use gives the next one. Of two uses of the same one, the log lets one win; the
//! other finds a token that was spent, and ends the session, since one of the two is not the user.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{IdentityError, Origin};
use crate::ids::{SessionId, UserId};
use crate::personal::Personal;
use crate::{Context, aggregate, event_set};

/// How long a session goes on without being refreshed, in hours: 7 days.
pub const IDLE_HOURS_MAX: i64 = 7 * 24;
/// How long a session goes on however often it is refreshed, in hours: 30 days.
pub const SESSION_HOURS_MAX: i64 = 30 * 24;
/// Spent tokens of a session that are told from tokens that never were.
pub const SPENT_TOKENS_MAX: usize = 64;

/// A refresh token as the log knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// Its id.
    pub token_id: Uuid,
    /// SHA-256 of the token, in hexadecimal digits.
    pub token_hash: String,
    /// Until when it may be used.
    pub expires_at: Timestamp,
}

/// How somebody logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginMethod {
    /// With a password.
    Password,
    /// With a password and a code.
    PasswordAndTotp,
    /// With a password and a recovery code.
    PasswordAndRecoveryCode,
    /// At a foreign provider.
    Oidc,
    /// With the token of an invitation or of a reset.
    OneTimeToken,
}

/// Somebody logged in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionStarted {
    /// Its id.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// How.
    pub method: LoginMethod,
    /// When.
    pub started_at: Timestamp,
    /// Its first refresh token.
    pub token: RefreshToken,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A refresh token was used and replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRefreshed {
    /// Its id.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// How somebody logged in.
    pub method: LoginMethod,
    /// When.
    pub started_at: Timestamp,
    /// The token that was used.
    pub spent_token_id: Uuid,
    /// The one in its place.
    pub token: RefreshToken,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// Its user logged out.
    LoggedOut,
    /// Its user, or an administrator, ended it.
    Revoked,
    /// A spent refresh token was used again.
    TokenReused,
    /// Its user has another password.
    PasswordChanged,
    /// Its user was deactivated.
    UserDeactivated,
    /// Its user was forgotten.
    UserForgotten,
    /// Its user has too many newer ones.
    TooMany,
}

/// A session ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionEnded {
    /// Its id.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The refresh token that is no longer good.
    pub token_id: Uuid,
    /// Why.
    pub reason: SessionEnd,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

event_set! {
    /// Events of a session.
    pub enum SessionEvent {
        /// Somebody logged in.
        Started(SessionStarted) = "foodflow.identity.session.started.v1",
        /// A refresh token was used and replaced.
        Refreshed(SessionRefreshed) = "foodflow.identity.session.refreshed.v1",
        /// It ended.
        Ended(SessionEnded) = "foodflow.identity.session.ended.v1",
    }
}

/// What may be asked of a session.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionCommand {
    /// Start it.
    Start {
        /// Its id.
        session_id: SessionId,
        /// Whose.
        user_id: UserId,
        /// How somebody logged in.
        method: LoginMethod,
        /// Id of its first refresh token.
        token_id: Uuid,
        /// SHA-256 of it.
        token_hash: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Use a refresh token.
    Refresh {
        /// Its id.
        session_id: SessionId,
        /// SHA-256 of the token that is used.
        used_hash: String,
        /// Id of the next one.
        token_id: Uuid,
        /// SHA-256 of the next one.
        token_hash: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// End it, where it has not ended.
    End {
        /// Why.
        reason: SessionEnd,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
}

/// A session that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Its id.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// How somebody logged in.
    pub method: LoginMethod,
    /// Its present refresh token.
    pub token: RefreshToken,
    /// When it started.
    pub started_at: Timestamp,
}

/// State of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whether it ever started.
    pub has_started: bool,
    /// Where it goes on.
    pub open: Option<Open>,
    /// Hashes of tokens that were spent, oldest first.
    pub spent: VecDeque<String>,
}

fn hours(from: Timestamp, hours: i64) -> Timestamp {
    from.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
}

impl Session {
    /// The session, where it goes on at that time.
    ///
    /// # Errors
    /// `SessionEnded` where it ended, or its refresh token is too old.
    pub fn open_at(&self, session_id: SessionId, now: Timestamp) -> Result<&Open, IdentityError> {
        self.open
            .as_ref()
            .filter(|open| open.token.expires_at > now)
            .ok_or(IdentityError::SessionEnded { session_id: session_id.0 })
    }

    /// Refuses a session that there is not, has ended, or is of somebody else than `of`.
    ///
    /// # Errors
    /// `NotFound`, as for somebody else's; `SessionEnded`.
    pub fn require(&self, session_id: SessionId, of: Option<UserId>) -> Result<(), IdentityError> {
        match &self.open {
            None if self.has_started => Err(IdentityError::SessionEnded { session_id: session_id.0 }),
            Some(open) if of.is_none_or(|user_id| user_id == open.user_id) => Ok(()),
            _ => Err(IdentityError::NotFound { what: "session", id: session_id.0 }),
        }
    }

    fn decide(&self, command: SessionCommand, context: &Context) -> Result<Vec<SessionEvent>, IdentityError> {
        match command {
            SessionCommand::Start { session_id, user_id, method, token_id, token_hash, origin } => {
                if self.has_started {
                    return Err(IdentityError::AlreadyExists { what: "session", id: session_id.0 });
                }
                let expires_at = hours(context.now, IDLE_HOURS_MAX);
                let token = RefreshToken { token_id, token_hash, expires_at };
                let started_at = context.now;
                let started = SessionStarted { session_id, user_id, method, started_at, token, origin };
                Ok(vec![SessionEvent::Started(started)])
            }
            SessionCommand::Refresh { session_id, used_hash, token_id, token_hash, origin } => {
                let open = self.open_at(session_id, context.now)?;
                if used_hash != open.token.token_hash {
                    // One that never was is nobody's: it must not end what somebody else has.
                    return if self.spent.contains(&used_hash) {
                        Ok(vec![self.ended(open, SessionEnd::TokenReused, origin)])
                    } else {
                        Err(IdentityError::TokenInvalid { what: "refresh token" })
                    };
                }
                let expires_at =
                    hours(context.now, IDLE_HOURS_MAX).min(hours(open.started_at, SESSION_HOURS_MAX));
                let token = RefreshToken { token_id, token_hash, expires_at };
                let spent_token_id = open.token.token_id;
                let Open { user_id, method, started_at, .. } = *open;
                Ok(vec![SessionEvent::Refreshed(SessionRefreshed {
                    session_id,
                    user_id,
                    method,
                    started_at,
                    spent_token_id,
                    token,
                    origin,
                })])
            }
            SessionCommand::End { reason, origin } => match &self.open {
                Some(open) => Ok(vec![self.ended(open, reason, origin)]),
                None => Ok(vec![]),
            },
        }
    }

    fn ended(&self, open: &Open, reason: SessionEnd, origin: Option<Personal<Origin>>) -> SessionEvent {
        SessionEvent::Ended(SessionEnded {
            session_id: open.session_id,
            user_id: open.user_id,
            token_id: open.token.token_id,
            reason,
            origin,
        })
    }

    fn evolve(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Started(data) => {
                self.has_started = true;
                let SessionStarted { session_id, user_id, method, started_at, token, .. } = data;
                self.open = Some(Open { session_id, user_id, method, token, started_at });
            }
            SessionEvent::Refreshed(data) => {
                if let Some(open) = &mut self.open {
                    let spent = std::mem::replace(&mut open.token, data.token);
                    self.spent.push_back(spent.token_hash);
                    if self.spent.len() > SPENT_TOKENS_MAX {
                        self.spent.pop_front();
                    }
                }
            }
            SessionEvent::Ended(_) => {
                self.open = None;
                self.spent.clear();
            }
        }
    }
}

aggregate!(Session, "identity", "session", SessionCommand, SessionEvent, IdentityError);
