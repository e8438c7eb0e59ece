//! What may be asked of a user, and what is decided.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::events::{
    ForeignIdentity, ForeignIdentityLinked, InvitationAccepted, LoginRefusal, LoginRefused, OneTimeToken,
    PasswordChange, PasswordChanged, PasswordResetRequested, Profile, ProfileChanged, RolesChanged,
    SecondFactorBegun, SecondFactorDisabled, SecondFactorEnabled, UserErased, UserEvent, UserForgotten,
    UserInvited, UserLoggedIn, UserRegistered, UserStatusChanged,
};
use super::{INVITATION_HOURS, RESET_HOURS, SecondFactor, User, UserStatus};
use crate::Context;
use crate::identity::session::LoginMethod;
use crate::identity::{IdentityError, Origin};
use crate::ids::{RoleId, SessionId, UserId};
use crate::personal::{Personal, PersonId};

/// What was found out about the second factor of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing was given.
    None,
    /// A code that is right for this time step.
    Totp {
        /// The time step.
        step: u64,
    },
    /// A recovery code: SHA-256 of it.
    Recovery {
        /// The hash.
        recovery_hash: String,
    },
    /// A code that is wrong.
    Wrong,
}

/// What was found out about a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginProof {
    /// A password.
    Password {
        /// Whether it fits the hash.
        fits: bool,
        /// The second factor.
        second: Proof,
    },
    /// A foreign provider vouches for this identity.
    Foreign(ForeignIdentity),
}

/// What may be asked of a user.
#[derive(Debug, Clone, PartialEq)]
pub enum UserCommand {
    /// Register with a password.
    Register(UserRegistered),
    /// Invite, or invite again with another token.
    Invite {
        /// The user.
        user_id: UserId,
        /// Who that is.
        profile: Profile,
        /// What stands for the e-mail address.
        email_index: Uuid,
        /// The user's roles.
        role_ids: BTreeSet<RoleId>,
        /// SHA-256 of the invitation's token.
        token_hash: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Accept the invitation with its token.
    Accept {
        /// The user.
        user_id: UserId,
        /// SHA-256 of the token.
        token_hash: String,
        /// Hash of the password.
        password: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Write anew who the user is.
    ChangeProfile {
        /// The user.
        user_id: UserId,
        /// Who that is.
        profile: Profile,
        /// What stands for the e-mail address.
        email_index: Uuid,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Change the password.
    ChangePassword {
        /// The user.
        user_id: UserId,
        /// Whether the present one was given.
        fits: bool,
        /// Hash of the new one.
        password: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Issue a token to set another password.
    RequestReset {
        /// The user.
        user_id: UserId,
        /// SHA-256 of the token.
        token_hash: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Set another password with the token of a reset.
    Reset {
        /// The user.
        user_id: UserId,
        /// SHA-256 of the token.
        token_hash: String,
        /// Hash of the password.
        password: String,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Log in, or be refused; both are written down.
    LogIn {
        /// The user.
        user_id: UserId,
        /// The session that would start.
        session_id: SessionId,
        /// What was found out.
        proof: LoginProof,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Give other roles.
    ChangeRoles {
        /// The user.
        user_id: UserId,
        /// The roles.
        role_ids: BTreeSet<RoleId>,
        /// Why.
        reason: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// End every session, and let no other start.
    Deactivate(UserStatusChanged),
    /// Let sessions start again.
    Reactivate(UserStatusChanged),
    /// Begin to set up a second factor.
    BeginSecondFactor {
        /// The user.
        user_id: UserId,
        /// The secret, in base 32.
        secret: String,
    },
    /// Prove the second factor.
    EnableSecondFactor {
        /// The user.
        user_id: UserId,
        /// What was found out about the code.
        proof: Proof,
        /// SHA-256 of each recovery code.
        recovery_hashes: BTreeSet<String>,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Ask for the second factor no more.
    DisableSecondFactor {
        /// The user.
        user_id: UserId,
        /// What was found out about the code; `None` where an administrator asks.
        proof: Option<Proof>,
        /// Why.
        reason: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Log in at a foreign provider as well; an invitation is thereby accepted.
    LinkIdentity {
        /// The user.
        user_id: UserId,
        /// Who that is there.
        identity: ForeignIdentity,
        /// Where from.
        origin: Option<Personal<Origin>>,
    },
    /// Erase the person.
    Forget {
        /// The user.
        user_id: UserId,
        /// On what ground.
        reason: String,
    },
    /// Write down that the person was erased.
    Erase(UserErased),
}

fn hours(now: Timestamp, hours: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
}

impl User {
    pub(super) fn decide(
        &self,
        command: UserCommand,
        context: &Context,
    ) -> Result<Vec<UserEvent>, IdentityError> {
        let now = context.now;
        Ok(vec![match command {
            UserCommand::Register(data) => {
                self.refuse_known(data.user_id)?;
                UserEvent::Registered(data)
            }
            UserCommand::Invite { user_id, profile, email_index, role_ids, token_hash, origin } => {
                if !matches!(self.status, UserStatus::Unknown | UserStatus::Invited) {
                    self.refuse_known(user_id)?;
                }
                let invitation = OneTimeToken { token_hash, expires_at: hours(now, INVITATION_HOURS) };
                let profile = Personal::new(person(user_id), profile);
                UserEvent::Invited(UserInvited { user_id, profile, email_index, role_ids, invitation, origin })
            }
            UserCommand::Accept { user_id, token_hash, password, origin } => {
                let what = "invitation";
                check_token(self.invitation.as_ref(), &token_hash, now, what)?;
                let password = Some(Personal::new(person(user_id), password));
                UserEvent::InvitationAccepted(InvitationAccepted { user_id, password, origin })
            }
            UserCommand::ChangeProfile { user_id, profile, email_index, origin } => {
                self.present(user_id)?;
                self.refuse_forgotten(user_id)?;
                let profile = Personal::new(person(user_id), profile);
                UserEvent::ProfileChanged(ProfileChanged { user_id, profile, email_index, origin })
            }
            UserCommand::ChangePassword { user_id, fits, password, origin } => {
                self.active(user_id)?;
                if !fits {
                    return Err(IdentityError::PasswordWrong);
                }
                let (by, password) = (PasswordChange::Change, Personal::new(person(user_id), password));
                UserEvent::PasswordChanged(PasswordChanged { user_id, password, by, origin })
            }
            UserCommand::RequestReset { user_id, token_hash, origin } => {
                self.active(user_id)?;
                let reset = OneTimeToken { token_hash, expires_at: hours(now, RESET_HOURS) };
                UserEvent::PasswordResetRequested(PasswordResetRequested { user_id, reset, origin })
            }
            UserCommand::Reset { user_id, token_hash, password, origin } => {
                check_token(self.reset.as_ref(), &token_hash, now, "token of the reset")?;
                self.active(user_id)?;
                let (by, password) = (PasswordChange::Reset, Personal::new(person(user_id), password));
                UserEvent::PasswordChanged(PasswordChanged { user_id, password, by, origin })
            }
            UserCommand::LogIn { user_id, session_id, proof, origin } => {
                self.present(user_id)?;
                self.log_in(user_id, session_id, proof, origin, now)
            }
            UserCommand::ChangeRoles { user_id, role_ids, reason, origin } => {
                self.present(user_id)?;
                self.refuse_forgotten(user_id)?;
                if role_ids == self.role_ids {
                    return Ok(vec![]);
                }
                let added = role_ids.difference(&self.role_ids).copied().collect();
                let removed = self.role_ids.difference(&role_ids).copied().collect();
                UserEvent::RolesChanged(RolesChanged { user_id, role_ids, added, removed, reason, origin })
            }
            UserCommand::Deactivate(data) => {
                let user_id = data.user_id;
                self.present(user_id)?;
                self.refuse_forgotten(user_id)?;
                if self.status == UserStatus::Deactivated {
                    return Err(already(user_id, "deactivated"));
                }
                UserEvent::Deactivated(data)
            }
            UserCommand::Reactivate(data) => {
                let user_id = data.user_id;
                self.present(user_id)?;
                self.refuse_forgotten(user_id)?;
                match self.status {
                    UserStatus::Deactivated => UserEvent::Reactivated(data),
                    status => return Err(already(user_id, status.as_str())),
                }
            }
            UserCommand::BeginSecondFactor { user_id, secret } => {
                self.active(user_id)?;
                if self.has_second_factor() {
                    return Err(IdentityError::SecondFactor { status: "set up already; disable it first" });
                }
                let secret = Personal::new(person(user_id), secret);
                UserEvent::SecondFactorBegun(SecondFactorBegun { user_id, secret })
            }
            UserCommand::EnableSecondFactor { user_id, proof, recovery_hashes, origin } => {
                self.active(user_id)?;
                match (&self.second_factor, proof) {
                    (Some(factor), Proof::Totp { step }) if !factor.is_enabled => {
                        let totp_step = step;
                        let enabled = SecondFactorEnabled { user_id, totp_step, recovery_hashes, origin };
                        UserEvent::SecondFactorEnabled(enabled)
                    }
                    (Some(factor), _) if !factor.is_enabled => return Err(IdentityError::CodeInvalid),
                    (Some(_), _) => return Err(IdentityError::SecondFactor { status: "set up already" }),
                    (None, _) => {
                        return Err(IdentityError::SecondFactor { status: "not begun; begin to set it up" });
                    }
                }
            }
            UserCommand::DisableSecondFactor { user_id, proof, reason, origin } => {
                self.present(user_id)?;
                let factor = self.second_factor.as_ref().filter(|factor| factor.is_enabled);
                let factor = factor.ok_or(IdentityError::SecondFactor { status: "not set up" })?;
                if proof.is_some_and(|proof| !is_good(factor, &proof)) {
                    return Err(IdentityError::CodeInvalid);
                }
                UserEvent::SecondFactorDisabled(SecondFactorDisabled { user_id, reason, origin })
            }
            UserCommand::LinkIdentity { user_id, identity, origin } => {
                return self.link(user_id, identity, origin);
            }
            UserCommand::Forget { user_id, reason } => {
                self.present(user_id)?;
                self.refuse_forgotten(user_id)?;
                UserEvent::Forgotten(UserForgotten { user_id, reason })
            }
            UserCommand::Erase(data) => match (self.status, self.is_erased) {
                (UserStatus::Forgotten, false) => UserEvent::Erased(data),
                (UserStatus::Forgotten, true) => return Err(already(data.user_id, "erased")),
                (status, _) => {
                    let (user_id, status) = (data.user_id, status.as_str());
                    return Err(IdentityError::UserNotActive { user_id, status });
                }
            },
        }])
    }

    fn refuse_known(&self, user_id: UserId) -> Result<(), IdentityError> {
        match self.status {
            UserStatus::Unknown => Ok(()),
            _ => Err(IdentityError::AlreadyExists { what: "user", id: user_id.0 }),
        }
    }

    fn refuse_forgotten(&self, user_id: UserId) -> Result<(), IdentityError> {
        match self.status {
            UserStatus::Forgotten => Err(already(user_id, "forgotten")),
            _ => Ok(()),
        }
    }

    fn log_in(
        &self,
        user_id: UserId,
        session_id: SessionId,
        proof: LoginProof,
        origin: Option<Personal<Origin>>,
        now: Timestamp,
    ) -> UserEvent {
        let in_event = |method, totp_step, recovery_hash| UserLoggedIn {
            user_id,
            session_id,
            method,
            totp_step,
            recovery_hash,
            origin: origin.clone(),
        };
        match self.judge(&proof, now) {
            Err(reason) => {
                let is_wrong = matches!(reason, LoginRefusal::Password | LoginRefusal::Code);
                let failures = self.failures.saturating_add(u32::from(is_wrong));
                let locked_until =
                    if is_wrong { Self::lock(failures, now) } else { self.locked_until };
                UserEvent::LoginRefused(LoginRefused { user_id, reason, failures, locked_until, origin })
            }
            Ok(method) => UserEvent::LoggedIn(match proof {
                LoginProof::Password { second: Proof::Totp { step }, .. } => in_event(method, Some(step), None),
                LoginProof::Password { second: Proof::Recovery { recovery_hash }, .. } => {
                    in_event(method, None, Some(recovery_hash))
                }
                _ => in_event(method, None, None),
            }),
        }
    }

    fn judge(&self, proof: &LoginProof, now: Timestamp) -> Result<LoginMethod, LoginRefusal> {
        if self.locked_until.is_some_and(|until| until > now) {
            return Err(LoginRefusal::Locked);
        }
        match (self.status, proof) {
            (UserStatus::Active, LoginProof::Foreign(identity)) => {
                let is_linked = self.identities.contains(identity);
                if is_linked { Ok(LoginMethod::Oidc) } else { Err(LoginRefusal::Password) }
            }
            (_, LoginProof::Password { fits: false, .. }) => Err(LoginRefusal::Password),
            (UserStatus::Active, LoginProof::Password { second, .. }) => {
                match self.second_factor.as_ref().filter(|factor| factor.is_enabled) {
                    None => Ok(LoginMethod::Password),
                    Some(_) if *second == Proof::None => Err(LoginRefusal::CodeMissing),
                    Some(factor) if is_good(factor, second) => Ok(match second {
                        Proof::Recovery { .. } => LoginMethod::PasswordAndRecoveryCode,
                        _ => LoginMethod::PasswordAndTotp,
                    }),
                    Some(_) => Err(LoginRefusal::Code),
                }
            }
            _ => Err(LoginRefusal::NotActive),
        }
    }

    fn link(
        &self,
        user_id: UserId,
        identity: ForeignIdentity,
        origin: Option<Personal<Origin>>,
    ) -> Result<Vec<UserEvent>, IdentityError> {
        self.present(user_id)?;
        let mut events = Vec::new();
        match self.status {
            UserStatus::Invited => {
                let origin = origin.clone();
                let accepted = InvitationAccepted { user_id, password: None, origin };
                events.push(UserEvent::InvitationAccepted(accepted));
            }
            _ => self.active(user_id)?,
        }
        if !self.identities.contains(&identity) {
            let linked = ForeignIdentityLinked { user_id, identity, origin };
            events.push(UserEvent::ForeignIdentityLinked(linked));
        }
        Ok(events)
    }
}

/// What is about a user is about the person of the same id.
fn person(user_id: UserId) -> PersonId {
    PersonId(user_id.0)
}

fn already(user_id: UserId, status: &'static str) -> IdentityError {
    IdentityError::AlreadySo { what: "user", id: user_id.0, status }
}

fn check_token(
    issued: Option<&OneTimeToken>,
    token_hash: &str,
    now: Timestamp,
    what: &'static str,
) -> Result<(), IdentityError> {
    let is_good = issued.is_some_and(|token| token.token_hash == token_hash && token.expires_at > now);
    if is_good { Ok(()) } else { Err(IdentityError::TokenInvalid { what }) }
}

/// Whether a code is good for this factor: none is good twice.
fn is_good(factor: &SecondFactor, proof: &Proof) -> bool {
    match proof {
        Proof::Totp { step } => *step > factor.last_step,
        Proof::Recovery { recovery_hash } => factor.recovery_hashes.contains(recovery_hash),
        Proof::None | Proof::Wrong => false,
    }
}
