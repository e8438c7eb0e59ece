//! What is decided about a user.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::commands::{Proof, UserCommand};
use super::events::{
    ForeignIdentity, ForeignIdentityLinked, ForeignIdentityUnlinked, InvitationAccepted, LoginRefusal,
    OneTimeToken, PasswordChange, PasswordChanged, PasswordResetRequested, Profile, ProfileChanged,
    RolesChanged, SecondFactorBegun, SecondFactorDisabled, SecondFactorEnabled, UserEvent, UserForgotten,
    UserInvited, UserStatusChanged,
};
use super::logins::is_good;
use super::{IDENTITIES_MAX, INVITATION_HOURS, RESET_HOURS, User, UserStatus};
use crate::Context;
use crate::identity::{IdentityError, Origin};
use crate::ids::{RoleId, UserId};
use crate::personal::{PersonId, Personal};

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
                let invitation = OneTimeToken { token_hash, expires_at: hours(now, INVITATION_HOURS) };
                self.invite(user_id, profile, email_index, role_ids, invitation, origin)?
            }
            UserCommand::Accept { user_id, token_hash, password, origin } => {
                check_token(self.invitation.as_ref(), &token_hash, now, "invitation")?;
                let password = Some(about(user_id, password));
                UserEvent::InvitationAccepted(InvitationAccepted { user_id, password, origin })
            }
            UserCommand::ChangeProfile { user_id, profile, email_index, origin } => {
                self.known(user_id)?;
                let profile = about(user_id, profile);
                UserEvent::ProfileChanged(ProfileChanged { user_id, profile, email_index, origin })
            }
            UserCommand::ChangePassword { user_id, fits, password, origin } => {
                self.active(user_id)?;
                self.unlocked(now)?;
                match fits {
                    true => changed(user_id, password, PasswordChange::Change, origin),
                    false => self.wrong(user_id, LoginRefusal::Password, origin, now),
                }
            }
            UserCommand::RequestReset { user_id, token_hash, origin } => {
                self.active(user_id)?;
                let reset = OneTimeToken { token_hash, expires_at: hours(now, RESET_HOURS) };
                UserEvent::PasswordResetRequested(PasswordResetRequested { user_id, reset, origin })
            }
            UserCommand::Reset { user_id, token_hash, password, origin } => {
                check_token(self.reset.as_ref(), &token_hash, now, "token of the reset")?;
                self.active(user_id)?;
                changed(user_id, password, PasswordChange::Reset, origin)
            }
            UserCommand::LogIn { user_id, session_id, proof, origin } => {
                // Nothing is written about who was forgotten, not even this.
                if matches!(self.status, UserStatus::Unknown | UserStatus::Forgotten) {
                    self.active(user_id)?;
                }
                self.log_in(user_id, session_id, proof, origin, now)
            }
            UserCommand::ChangeRoles { user_id, role_ids, reason, origin } => {
                return self.change_roles(user_id, role_ids, reason, origin);
            }
            UserCommand::Deactivate { user_id, reason, origin } => {
                self.known(user_id)?;
                if self.status == UserStatus::Deactivated {
                    return Err(already(user_id, "deactivated"));
                }
                let reason = about(user_id, reason);
                UserEvent::Deactivated(UserStatusChanged { user_id, reason, origin })
            }
            UserCommand::Reactivate { user_id, reason, origin } => {
                self.known(user_id)?;
                if self.status != UserStatus::Deactivated {
                    return Err(already(user_id, self.status.as_str()));
                }
                let reason = about(user_id, reason);
                UserEvent::Reactivated(UserStatusChanged { user_id, reason, origin })
            }
            UserCommand::BeginSecondFactor { user_id, secret, origin } => {
                self.begin_second_factor(user_id, secret, origin)?
            }
            UserCommand::EnableSecondFactor { user_id, proof, recovery_hashes, origin } => {
                self.enable_second_factor(user_id, &proof, recovery_hashes, origin)?
            }
            UserCommand::DisableSecondFactor { user_id, proof, reason, origin } => {
                self.disable_second_factor(user_id, proof, reason, origin, now)?
            }
            UserCommand::LinkIdentity { user_id, identity, token_hash, origin } => {
                return self.link(user_id, identity, token_hash, origin, now);
            }
            UserCommand::UnlinkIdentities { user_id, reason, origin } => {
                return self.unlink(user_id, &reason, &origin);
            }
            UserCommand::Forget { user_id, reason, origin } => {
                self.known(user_id)?;
                let role_ids = self.role_ids.clone();
                UserEvent::Forgotten(UserForgotten { user_id, reason, role_ids, origin })
            }
            UserCommand::Erase(data) => {
                self.may_be_erased(data.user_id)?;
                UserEvent::Erased(data)
            }
        }])
    }

    /// Refuses what does not exist, and who was forgotten.
    fn known(&self, user_id: UserId) -> Result<(), IdentityError> {
        self.present(user_id)?;
        match self.status {
            UserStatus::Forgotten => Err(already(user_id, "forgotten")),
            _ => Ok(()),
        }
    }

    fn invite(
        &self,
        user_id: UserId,
        profile: Profile,
        email_index: Uuid,
        role_ids: BTreeSet<RoleId>,
        invitation: OneTimeToken,
        origin: Option<Personal<Origin>>,
    ) -> Result<UserEvent, IdentityError> {
        if self.status != UserStatus::Invited {
            self.refuse_known(user_id)?;
        }
        let profile = about(user_id, profile);
        let removed = self.role_ids.difference(&role_ids).copied().collect();
        let invited = UserInvited { user_id, profile, email_index, role_ids, removed, invitation, origin };
        Ok(UserEvent::Invited(invited))
    }

    fn change_roles(
        &self,
        user_id: UserId,
        role_ids: BTreeSet<RoleId>,
        reason: String,
        origin: Option<Personal<Origin>>,
    ) -> Result<Vec<UserEvent>, IdentityError> {
        self.known(user_id)?;
        if role_ids == self.role_ids {
            return Ok(vec![]);
        }
        let added = role_ids.difference(&self.role_ids).copied().collect();
        let removed = self.role_ids.difference(&role_ids).copied().collect();
        let reason = about(user_id, reason);
        let changed = RolesChanged { user_id, role_ids, added, removed, reason, origin };
        Ok(vec![UserEvent::RolesChanged(changed)])
    }

    fn begin_second_factor(
        &self,
        user_id: UserId,
        secret: String,
        origin: Option<Personal<Origin>>,
    ) -> Result<UserEvent, IdentityError> {
        self.active(user_id)?;
        if self.has_second_factor() {
            return Err(IdentityError::SecondFactor { status: "set up already; disable it first" });
        }
        let secret = about(user_id, secret);
        Ok(UserEvent::SecondFactorBegun(SecondFactorBegun { user_id, secret, origin }))
    }

    fn enable_second_factor(
        &self,
        user_id: UserId,
        proof: &Proof,
        recovery_hashes: BTreeSet<String>,
        origin: Option<Personal<Origin>>,
    ) -> Result<UserEvent, IdentityError> {
        self.active(user_id)?;
        let status = match &self.second_factor {
            None => "not begun; begin to set it up",
            Some(factor) if factor.is_enabled => "set up already",
            Some(_) => {
                let Proof::Totp { step: totp_step } = *proof else { return Err(IdentityError::CodeInvalid) };
                let recovery_hashes = about(user_id, recovery_hashes);
                let enabled = SecondFactorEnabled { user_id, totp_step, recovery_hashes, origin };
                return Ok(UserEvent::SecondFactorEnabled(enabled));
            }
        };
        Err(IdentityError::SecondFactor { status })
    }

    fn disable_second_factor(
        &self,
        user_id: UserId,
        proof: Option<Proof>,
        reason: String,
        origin: Option<Personal<Origin>>,
        now: Timestamp,
    ) -> Result<UserEvent, IdentityError> {
        self.present(user_id)?;
        let factor = self.second_factor.as_ref().filter(|factor| factor.is_enabled);
        let factor = factor.ok_or(IdentityError::SecondFactor { status: "not set up" })?;
        if let Some(proof) = proof {
            self.unlocked(now)?;
            if proof == Proof::None {
                return Err(IdentityError::CodeInvalid);
            }
            if !is_good(factor, &proof) {
                return Ok(self.wrong(user_id, LoginRefusal::Code, origin, now));
            }
        }
        let reason = about(user_id, reason);
        Ok(UserEvent::SecondFactorDisabled(SecondFactorDisabled { user_id, reason, origin }))
    }

    fn may_be_erased(&self, user_id: UserId) -> Result<(), IdentityError> {
        self.present(user_id)?;
        match self.status {
            UserStatus::Forgotten if self.is_erased => Err(already(user_id, "erased")),
            UserStatus::Forgotten => Ok(()),
            status => Err(IdentityError::UserNotActive { user_id, status: status.as_str() }),
        }
    }

    fn refuse_known(&self, user_id: UserId) -> Result<(), IdentityError> {
        match self.status {
            UserStatus::Unknown => Ok(()),
            _ => Err(IdentityError::AlreadyExists { what: "user", id: user_id.0 }),
        }
    }

    fn link(
        &self,
        user_id: UserId,
        identity: ForeignIdentity,
        token_hash: Option<String>,
        origin: Option<Personal<Origin>>,
        now: Timestamp,
    ) -> Result<Vec<UserEvent>, IdentityError> {
        self.present(user_id)?;
        let mut events = Vec::new();
        match token_hash {
            Some(token_hash) => {
                check_token(self.invitation.as_ref(), &token_hash, now, "invitation")?;
                let origin = origin.clone();
                let accepted = InvitationAccepted { user_id, password: None, origin };
                events.push(UserEvent::InvitationAccepted(accepted));
            }
            None => self.active(user_id)?,
        }
        if !self.identities.contains(&identity) {
            if self.identities.len() >= IDENTITIES_MAX {
                return Err(IdentityError::TooManyIdentities { user_id, max: IDENTITIES_MAX });
            }
            let linked = ForeignIdentityLinked { user_id, identity, origin };
            events.push(UserEvent::ForeignIdentityLinked(linked));
        }
        Ok(events)
    }

    fn unlink(
        &self,
        user_id: UserId,
        reason: &str,
        origin: &Option<Personal<Origin>>,
    ) -> Result<Vec<UserEvent>, IdentityError> {
        self.known(user_id)?;
        let unlinked = |identity: &ForeignIdentity| {
            let (identity, reason) = (identity.clone(), about(user_id, reason.to_owned()));
            let origin = origin.clone();
            UserEvent::ForeignIdentityUnlinked(ForeignIdentityUnlinked { user_id, identity, reason, origin })
        };
        Ok(self.identities.iter().map(unlinked).collect())
    }
}

/// What is about a user is about the person of the same id.
pub(super) const fn about<T>(user_id: UserId, value: T) -> Personal<T> {
    Personal::new(PersonId(user_id.0), value)
}

fn changed(
    user_id: UserId,
    password: String,
    by: PasswordChange,
    origin: Option<Personal<Origin>>,
) -> UserEvent {
    UserEvent::PasswordChanged(PasswordChanged { user_id, password: about(user_id, password), by, origin })
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
