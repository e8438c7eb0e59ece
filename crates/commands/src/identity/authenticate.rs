//! From what somebody shows to who that is: a password, a refresh token, a key.
//!
//! What is shown is held against the state that the log ends at, and the outcome is written onto just that state, so
//! that of many guesses at once none is free.
//!
//! What must never happen: an answer, or the time it takes, that tells whether somebody is known here.

use std::collections::BTreeSet;

use foodflow_domain::TenantId;
use foodflow_domain::identity::Origin;
use foodflow_domain::identity::origin::visitors;
use foodflow_domain::identity::reservation::NameKind;
use foodflow_domain::identity::role::Role;
use foodflow_domain::identity::service_account::ServiceAccount;
use foodflow_domain::identity::session::{LoginMethod, Session};
use foodflow_domain::identity::user::{ForeignIdentity, LoginProof, LoginRefusal, User, UserStatus};
use foodflow_domain::ids::{CommandId, PersonId, RoleId, ServiceAccountId, SessionId, UserId};
use foodflow_log::PayloadHash;
use jiff::Timestamp;
use uuid::Uuid;

use super::logins::{LogIn, Refresh};
use super::secrets::{Token, TokenKind};
use super::service_accounts::UseKey;
use super::sign_up::{KeepBuiltInRoles, is_as_defined};
use super::{lookup, passwords, second_factors};
use crate::error::CommandError;
use crate::execute::{CommandMeta, Executor, IfMatch, Operation};

/// How often a login is judged again because another one came between.
const TRIES_MAX: usize = 8;

/// What somebody shows to log in.
#[derive(Clone)]
pub struct Credentials {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// A code of the second factor, or a recovery code.
    pub code: Option<String>,
}

/// Who has logged in, and what that is good for.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The user.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// How the user logged in.
    pub method: LoginMethod,
    /// When the session started.
    pub started_at: Timestamp,
    /// The refresh token.
    pub refresh: Token,
    /// Until when it is good.
    pub refresh_expires_at: Timestamp,
    /// Names of what the user may do.
    pub permissions: BTreeSet<String>,
    /// Sessions that ended for it: the user has too many.
    pub ended: Vec<SessionId>,
}

/// Why somebody is not let in. Whoever asks is told no more than [`Self::says`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// Nobody is known by that.
    Unknown,
    /// The user is known, and was refused.
    Refused(UserId, LoginRefusal),
    /// A spent refresh token was used again: the session has ended.
    Reused(UserId, SessionId),
}

impl Turned {
    /// One word for the journal of refusals.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Refused(_, LoginRefusal::CodeMissing) => "second-factor-required",
            Self::Refused(..) => "login-refused",
            Self::Reused(..) => "token-reused",
        }
    }
}

/// Who is let in, or why not.
pub type Outcome<T> = Result<Result<T, Turned>, CommandError>;

/// What a command of identity says of itself: done by `actor`, once.
#[must_use]
pub fn meta_of(tenant: TenantId, actor: String, if_match: Option<IfMatch>) -> CommandMeta {
    let id = Uuid::now_v7();
    CommandMeta {
        tenant,
        actor,
        command_id: CommandId(id),
        repeatable: false,
        command_hash: PayloadHash::of(id.as_bytes()),
        correlation_id: id,
        causation_id: None,
        if_match,
    }
}

/// The actor of a user's commands.
#[must_use]
pub fn actor_of_user(user_id: UserId) -> String {
    format!("user:{user_id}")
}

/// The user who acts, where the actor is one.
#[must_use]
pub fn user_of_actor(actor: &str) -> Option<UserId> {
    actor.strip_prefix("user:")?.parse().ok()
}

/// The actor of a service account's commands.
#[must_use]
pub fn actor_of_service_account(id: ServiceAccountId) -> String {
    format!("service_account:{id}")
}

/// The person whom something sent by `actor` is about.
#[must_use]
pub fn person_of(tenant: TenantId, actor: Option<&str>) -> PersonId {
    match actor.and_then(user_of_actor) {
        Some(user_id) => PersonId(user_id.0),
        None => visitors(tenant),
    }
}

/// The id that stands for an e-mail address in a tenant.
///
/// # Errors
/// `Unavailable` where the keys do not answer.
pub async fn email_index(executor: &Executor, tenant: TenantId, email: &str) -> Result<Uuid, CommandError> {
    let email = email.trim().to_lowercase();
    Ok(executor.keyring().index(tenant, NameKind::Email.as_str(), &email).await?)
}

/// The id that stands for a subject at a foreign provider in a tenant.
///
/// # Errors
/// `Unavailable` where the keys do not answer.
pub async fn foreign_identity(
    executor: &Executor,
    tenant: TenantId,
    issuer: &str,
    subject: &str,
) -> Result<ForeignIdentity, CommandError> {
    let text = format!("{issuer}\n{subject}");
    let subject_index = executor.keyring().index(tenant, NameKind::ForeignIdentity.as_str(), &text).await?;
    Ok(ForeignIdentity { issuer: issuer.to_owned(), subject_index })
}

/// Logs somebody in with a password.
///
/// # Errors
/// `Unavailable` where the log does not answer, `VersionConflict` where others kept logging in at the same time.
pub async fn with_password(
    executor: &Executor,
    tenant: TenantId,
    credentials: Credentials,
    origin: Origin,
) -> Outcome<LoggedIn> {
    let Credentials { email, password, code } = credentials;
    let index = email_index(executor, tenant, &email).await?;
    let Some(user_id) = lookup::holder(executor, tenant, index).await? else {
        passwords::fits(password, None).await?;
        return Ok(Err(Turned::Unknown));
    };
    for _ in 0..TRIES_MAX {
        let user = executor.state_of::<User>(tenant, user_id.0).await?;
        let is_locked = user.state.locked_until.is_some_and(|until| until > executor.clock_now());
        let hash = user.state.password.as_ref().and_then(|hash| hash.value()).filter(|_| !is_locked).cloned();
        let fits = passwords::fits(password.clone(), hash).await?;
        let factor = user.state.second_factor.as_ref();
        let second = second_factors::proof(factor, code.as_deref(), executor.clock_now())?;
        let proof = LoginProof::Password { fits, second };
        match log_in(executor, tenant, user_id, proof, origin.clone(), user.version).await {
            Err(CommandError::PreconditionFailed { .. } | CommandError::VersionConflict) => {}
            outcome => return outcome,
        }
    }
    Err(CommandError::VersionConflict)
}

/// Logs somebody in for whom a foreign provider vouches.
///
/// # Errors
/// As [`with_password`].
pub async fn with_identity(
    executor: &Executor,
    tenant: TenantId,
    identity: ForeignIdentity,
    origin: Origin,
) -> Outcome<LoggedIn> {
    let Some(user_id) = lookup::holder(executor, tenant, identity.subject_index).await? else {
        return Ok(Err(Turned::Unknown));
    };
    for _ in 0..TRIES_MAX {
        let version = executor.state_of::<User>(tenant, user_id.0).await?.version;
        let proof = LoginProof::Foreign(identity.clone());
        match log_in(executor, tenant, user_id, proof, origin.clone(), version).await {
            Err(CommandError::PreconditionFailed { .. } | CommandError::VersionConflict) => {}
            outcome => return outcome,
        }
    }
    Err(CommandError::VersionConflict)
}

async fn log_in(
    executor: &Executor,
    tenant: TenantId,
    user_id: UserId,
    proof: LoginProof,
    origin: Origin,
    version: u64,
) -> Outcome<LoggedIn> {
    let before = executor.state_of::<User>(tenant, user_id.0).await?;
    let session_id = SessionId(Uuid::now_v7());
    let refresh = Token::random(TokenKind::Refresh, tenant, session_id.0)?;
    let method = before.state.method_of(&proof);
    let refusal = before.state.refusal(&proof, executor.clock_now());
    let operation = LogIn {
        user_id,
        session_id,
        token_id: Uuid::now_v7(),
        token_hash: refresh.hash(),
        proof,
        origin: Some(origin.of(PersonId(user_id.0))),
    };
    let meta = meta_of(tenant, actor_of_user(user_id), Some(IfMatch::Versions(vec![version])));
    let accepted = executor.execute(&meta, &operation).await?;
    if !LogIn::has_started(&accepted) {
        return Ok(Err(Turned::Refused(user_id, refusal.unwrap_or(LoginRefusal::NotActive))));
    }
    let session = executor.state_of::<Session>(tenant, session_id.0).await?;
    let open = session.state.open_at(session_id, Timestamp::MIN);
    let open = open.map_err(|error| CommandError::refused(&error, ""))?;
    Ok(Ok(LoggedIn {
        user_id,
        session_id,
        method,
        started_at: open.started_at,
        refresh,
        refresh_expires_at: open.token.expires_at,
        permissions: permissions(executor, tenant, &before.state.role_ids).await?,
        ended: before.state.crowded_out().into_iter().collect(),
    }))
}

/// Goes on with a session by its refresh token.
///
/// # Errors
/// `Unavailable` where the log does not answer.
pub async fn with_refresh_token(executor: &Executor, token: &Token, origin: Origin) -> Outcome<LoggedIn> {
    let (tenant, session_id) = (token.tenant, SessionId(token.id));
    let session = executor.state_of::<Session>(tenant, session_id.0).await?;
    let Some(user_id) = session.state.open.as_ref().map(|open| open.user_id) else {
        return Ok(Err(Turned::Unknown));
    };
    let user = executor.state_of::<User>(tenant, user_id.0).await?;
    if user.state.status != UserStatus::Active {
        return Ok(Err(Turned::Refused(user_id, LoginRefusal::NotActive)));
    }
    let next = Token::random(TokenKind::Refresh, tenant, session_id.0)?;
    let operation = Refresh {
        session_id,
        used_hash: token.hash(),
        token_id: Uuid::now_v7(),
        token_hash: next.hash(),
        origin: Some(origin.of(PersonId(user_id.0))),
    };
    let meta = meta_of(tenant, actor_of_user(user_id), None);
    let accepted = match executor.execute(&meta, &operation).await {
        Ok(accepted) => accepted,
        // One that never was, or is too old.
        Err(CommandError::Refused { .. } | CommandError::NotFound { .. }) => return Ok(Err(Turned::Unknown)),
        Err(error) => return Err(error),
    };
    if !Refresh::goes_on(&accepted) {
        return Ok(Err(Turned::Reused(user_id, session_id)));
    }
    let session = executor.state_of::<Session>(tenant, session_id.0).await?;
    let Some(open) = &session.state.open else { return Ok(Err(Turned::Unknown)) };
    Ok(Ok(LoggedIn {
        user_id,
        session_id,
        method: open.method,
        started_at: open.started_at,
        refresh: next,
        refresh_expires_at: open.token.expires_at,
        permissions: permissions(executor, tenant, &user.state.role_ids).await?,
        ended: Vec::new(),
    }))
}

/// A service account that showed its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The service account.
    pub id: ServiceAccountId,
    /// Names of what it may do with this key.
    pub permissions: BTreeSet<String>,
}

/// Lets a service account in by its key.
///
/// # Errors
/// `Unavailable` where the log does not answer.
pub async fn with_key(executor: &Executor, token: &Token, origin: Origin) -> Outcome<Known> {
    let (tenant, id) = (token.tenant, ServiceAccountId(token.id));
    let account = executor.state_of::<ServiceAccount>(tenant, id.0).await?;
    let key_hash = token.hash();
    let Some((key_id, key)) = account.state.keys.iter().find(|(_, key)| key.key_hash == key_hash) else {
        return Ok(Err(Turned::Unknown));
    };
    let origin = Some(origin.of(visitors(tenant)));
    let operation = UseKey { id, key_id: *key_id, key_hash, origin };
    match executor.execute(&meta_of(tenant, actor_of_service_account(id), None), &operation).await {
        Ok(_) => {}
        Err(CommandError::Refused { .. } | CommandError::NotFound { .. }) => return Ok(Err(Turned::Unknown)),
        Err(error) => return Err(error),
    }
    let mut permissions = permissions(executor, tenant, &account.state.role_ids).await?;
    if !key.scopes.is_empty() {
        permissions.retain(|name| key.scopes.contains(name));
    }
    Ok(Ok(Known { id, permissions }))
}

/// What these roles allow; built-in ones as this version of the program defines them.
///
/// # Errors
/// `Unavailable` where the log does not answer.
pub async fn permissions(
    executor: &Executor,
    tenant: TenantId,
    role_ids: &BTreeSet<RoleId>,
) -> Result<BTreeSet<String>, CommandError> {
    let (mut names, mut is_outdated) = (BTreeSet::new(), false);
    for role_id in role_ids {
        let role = executor.state_of::<Role>(tenant, role_id.0).await?;
        is_outdated |= !is_as_defined(&role.state);
        names.extend(role.state.names());
    }
    if !is_outdated {
        return Ok(names);
    }
    executor.execute(&meta_of(tenant, "foodflow".to_owned(), None), &KeepBuiltInRoles).await?;
    names.clear();
    for role_id in role_ids {
        names.extend(executor.state_of::<Role>(tenant, role_id.0).await?.state.names());
    }
    Ok(names)
}

/// Carries out an operation of identity for `actor`.
///
/// # Errors
/// As [`Executor::execute`].
pub async fn carry_out<O: Operation>(
    executor: &Executor,
    tenant: TenantId,
    actor: String,
    operation: &O,
) -> Result<crate::execute::Accepted, CommandError> {
    executor.execute(&meta_of(tenant, actor, None), operation).await
}
