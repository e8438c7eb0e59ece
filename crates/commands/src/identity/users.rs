//! A person's account: invitation, profile, roles, standing, erasure.

use std::collections::BTreeSet;

use foodflow_domain::identity::reservation::{NameKind, Reservation};
use foodflow_domain::identity::session::SessionEnd;
use foodflow_domain::identity::user::{ForeignIdentity, Profile, User, UserCommand, UserErased};
use foodflow_domain::ids::{RoleId, UserId};
use foodflow_log::StreamId;
use uuid::Uuid;

use super::held::Held;
use super::{Sender, end_sessions, give_up, is_administrator, note_administrator, standing_locks, take};
use crate::execute::{CommandMeta, Operation, Reply, chosen_or_derived, reply_of};
use crate::standing::Needs;
use crate::unit::{Stop, Unit, stream_of};

/// `POST /v1/users`: invites somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// The id that was chosen.
    pub id: Option<UserId>,
    /// Who that is.
    pub profile: Profile,
    /// What stands for the e-mail address.
    pub email_index: Uuid,
    /// The user's roles.
    pub role_ids: BTreeSet<RoleId>,
    /// SHA-256 of the invitation's token.
    pub token_hash: String,
    /// What whoever asks holds.
    pub held: Held,
    /// Where that came from.
    pub origin: Sender,
}

impl Invite {
    /// The user's id.
    #[must_use]
    pub fn user_id(&self, meta: &CommandMeta) -> UserId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "user").into()
    }
}

impl Operation for Invite {
    type Primary = User;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<User>("users", self.user_id(meta).0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<User>(self.user_id(meta).0), stream_of::<Reservation>(self.email_index)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let user_id = self.user_id(unit.meta);
        let Self { profile, email_index, role_ids, token_hash, origin, held, .. } = self.clone();
        super::super::tenancy::require_open(unit).await?;
        held.may_give(unit, &role_ids).await?;
        let known = unit.load::<User>(user_id.0).await?.clone();
        held.may_change(unit, &known.role_ids).await?;
        let before = known.email_index;
        let invite = UserCommand::Invite { user_id, profile, email_index, role_ids, token_hash, origin };
        unit.decide::<User>(user_id.0, invite, "/id").await?;
        if let Some(before) = before.filter(|before| *before != email_index) {
            give_up(unit, NameKind::Email, before, user_id.0).await?;
        }
        take(unit, NameKind::Email, email_index, user_id.0, "/email").await
    }
}

/// `POST /v1/invitations/accept`: the invited person sets a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// The user.
    pub user_id: UserId,
    /// SHA-256 of the invitation's token.
    pub token_hash: String,
    /// Hash of the password.
    pub password: String,
    /// Where from.
    pub origin: Sender,
}

impl Operation for Accept {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<User>("invitations/accept", self.user_id.0, false)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        standing_locks(meta.tenant, self.user_id)
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { user_id, token_hash, password, origin } = self.clone();
        super::super::tenancy::require_open(unit).await?;
        let was = is_administrator(unit, user_id).await?;
        let accept = UserCommand::Accept { user_id, token_hash, password, origin };
        unit.decide::<User>(user_id.0, accept, "").await?;
        note_administrator(unit, user_id, was, false).await
    }
}

/// `POST /v1/me/identities/finish`, `POST /v1/login/oidc/finish`: links a foreign identity that was proved; with the token of
/// an invitation, which is thereby accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkIdentity {
    /// The user.
    pub user_id: UserId,
    /// Who that is there.
    pub identity: ForeignIdentity,
    /// SHA-256 of the invitation's token.
    pub token_hash: Option<String>,
    /// Where from.
    pub origin: Sender,
}

impl Operation for LinkIdentity {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<User>("me/identities", self.user_id.0, false)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        let mut locks = standing_locks(meta.tenant, self.user_id);
        locks.push(stream_of::<Reservation>(self.identity.subject_index));
        locks
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { user_id, identity, token_hash, origin } = self.clone();
        super::super::tenancy::require_open(unit).await?;
        let was = is_administrator(unit, user_id).await?;
        let index = identity.subject_index;
        let link = UserCommand::LinkIdentity { user_id, identity, token_hash, origin };
        unit.decide::<User>(user_id.0, link, "").await?;
        take(unit, NameKind::ForeignIdentity, index, user_id.0, "").await?;
        note_administrator(unit, user_id, was, false).await
    }
}

/// `POST /v1/me/identities/unlink`, `POST /v1/users/{id}/identities/unlink`: no foreign identity logs in any more, and every
/// session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlinkIdentities {
    /// The user.
    pub user_id: UserId,
    /// Why.
    pub reason: String,
    /// What whoever asks holds; absent where it is their own account.
    pub held: Option<Held>,
    /// Where that came from.
    pub origin: Sender,
}

impl Operation for UnlinkIdentities {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<User>("identities/unlink", self.user_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<User>(self.user_id.0)]
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { user_id, reason, origin, held } = self.clone();
        let user = unit.load::<User>(user_id.0).await?.clone();
        if let Some(held) = held {
            held.may_change(unit, &user.role_ids).await?;
        }
        let unlink = UserCommand::UnlinkIdentities { user_id, reason, origin: origin.clone() };
        unit.decide::<User>(user_id.0, unlink, "").await?;
        if user.identities.is_empty() {
            return Ok(());
        }
        for identity in &user.identities {
            give_up(unit, NameKind::ForeignIdentity, identity.subject_index, user_id.0).await?;
        }
        end_sessions(unit, &user.session_ids, SessionEnd::Revoked, &origin).await
    }
}

/// `PUT /v1/me`, `PUT /v1/users/{id}`: who the user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeProfile {
    /// The user.
    pub user_id: UserId,
    /// Who that is.
    pub profile: Profile,
    /// What stands for the e-mail address.
    pub email_index: Uuid,
    /// What whoever asks holds; absent where it is their own account.
    pub held: Option<Held>,
    /// Where that came from.
    pub origin: Sender,
}

impl Operation for ChangeProfile {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<User>("users/profile", self.user_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<User>(self.user_id.0), stream_of::<Reservation>(self.email_index)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { user_id, profile, email_index, origin, held } = self.clone();
        let known = unit.load::<User>(user_id.0).await?.clone();
        if let Some(held) = held {
            held.may_change(unit, &known.role_ids).await?;
        }
        let before = known.email_index;
        let change = UserCommand::ChangeProfile { user_id, profile, email_index, origin };
        unit.decide::<User>(user_id.0, change, "").await?;
        if let Some(before) = before.filter(|before| *before != email_index) {
            give_up(unit, NameKind::Email, before, user_id.0).await?;
        }
        take(unit, NameKind::Email, email_index, user_id.0, "/email").await
    }
}

/// What becomes of a user's standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// `PUT /v1/users/{id}/roles`: these roles.
    Roles(BTreeSet<RoleId>),
    /// `POST /v1/users/{id}/deactivate`: no session goes on, none starts.
    Deactivated,
    /// `POST /v1/users/{id}/reactivate`: sessions may start again.
    Reactivated,
}

/// Changes a user's roles or standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeStanding {
    /// The user.
    pub user_id: UserId,
    /// What becomes of it.
    pub standing: Standing,
    /// Why.
    pub reason: String,
    /// What whoever asks holds.
    pub held: Held,
    /// Where that came from.
    pub origin: Sender,
}

impl Operation for ChangeStanding {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        let operation = match self.standing {
            Standing::Roles(_) => "users/roles",
            Standing::Deactivated => "users/deactivate",
            Standing::Reactivated => "users/reactivate",
        };
        reply_of::<User>(operation, self.user_id.0, false)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        standing_locks(meta.tenant, self.user_id)
    }

    fn needs(&self) -> Needs {
        match self.standing {
            Standing::Deactivated => Needs::Nothing,
            Standing::Roles(_) | Standing::Reactivated => Needs::Active,
        }
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { user_id, standing, reason, origin, held } = self.clone();
        let was = is_administrator(unit, user_id).await?;
        let User { session_ids, role_ids, .. } = unit.load::<User>(user_id.0).await?.clone();
        held.may_change(unit, &role_ids).await?;
        match standing {
            Standing::Roles(role_ids) => {
                held.may_give(unit, &role_ids).await?;
                let change = UserCommand::ChangeRoles { user_id, role_ids, reason, origin };
                unit.decide::<User>(user_id.0, change, "/role_ids").await?;
            }
            Standing::Deactivated => {
                let deactivate = UserCommand::Deactivate { user_id, reason, origin: origin.clone() };
                unit.decide::<User>(user_id.0, deactivate, "").await?;
                end_sessions(unit, &session_ids, SessionEnd::UserDeactivated, &origin).await?;
            }
            Standing::Reactivated => {
                unit.decide::<User>(user_id.0, UserCommand::Reactivate { user_id, reason, origin }, "")
                    .await?;
            }
        }
        note_administrator(unit, user_id, was, false).await
    }
}

/// `POST /v1/users/{id}/forget`: from its position on nothing shows the person. What it was sealed with goes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forget {
    /// The user.
    pub user_id: UserId,
    /// On what ground; it names nobody.
    pub reason: String,
    /// Where that came from.
    pub origin: Sender,
}

impl Operation for Forget {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<User>("users/forget", self.user_id.0, false)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        standing_locks(meta.tenant, self.user_id)
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { user_id, reason, origin } = self.clone();
        let was = is_administrator(unit, user_id).await?;
        let user = unit.load::<User>(user_id.0).await?.clone();
        unit.decide::<User>(user_id.0, UserCommand::Forget { user_id, reason, origin }, "").await?;
        end_sessions(unit, &user.session_ids, SessionEnd::UserForgotten, &None).await?;
        if let Some(email_index) = user.email_index {
            give_up(unit, NameKind::Email, email_index, user_id.0).await?;
        }
        for identity in &user.identities {
            give_up(unit, NameKind::ForeignIdentity, identity.subject_index, user_id.0).await?;
        }
        note_administrator(unit, user_id, was, true).await
    }
}

/// Writes down that a person was erased, once the keys are gone.
#[derive(Debug, Clone, PartialEq)]
pub struct NoteErasure(pub UserErased);

impl Operation for NoteErasure {
    type Primary = User;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<User>("users/erased", self.0.user_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<User>(self.0.user_id.0)]
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        unit.decide::<User>(self.0.user_id.0, UserCommand::Erase(self.0.clone()), "").await
    }
}
