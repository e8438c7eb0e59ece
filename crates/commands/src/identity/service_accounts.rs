//! Service accounts and their keys.

use std::collections::BTreeSet;

use foodflow_domain::identity::reservation::NameKind;
use foodflow_domain::identity::service_account::{
    ApiKeyIssued, ApiKeyRevoked, ApiKeyUsed, ServiceAccount, ServiceAccountCommand, ServiceAccountCreated,
    ServiceAccountStatusChanged,
};
use foodflow_domain::ids::{ApiKeyId, RoleId, ServiceAccountId};
use foodflow_log::StreamId;
use jiff::Timestamp;

use super::held::Held;
use super::{Sender, name_id, take};
use crate::execute::{CommandMeta, Operation, Reply, chosen_or_derived, reply_of};
use crate::standing::Needs;
use crate::unit::{Stop, Unit, stream_of};

/// `POST /v1/service-accounts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateServiceAccount {
    /// The id that was chosen.
    pub id: Option<ServiceAccountId>,
    /// Its name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Its roles.
    pub role_ids: BTreeSet<RoleId>,
    /// What whoever asks holds.
    pub held: Held,
    /// Where that came from.
    pub origin: Sender,
}

impl CreateServiceAccount {
    fn id(&self, meta: &CommandMeta) -> ServiceAccountId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "service account").into()
    }
}

impl Operation for CreateServiceAccount {
    type Primary = ServiceAccount;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<ServiceAccount>("service-accounts", self.id(meta).0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<ServiceAccount>(self.id(meta).0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let service_account_id = self.id(unit.meta);
        let Self { name, description, role_ids, origin, held, .. } = self.clone();
        super::super::tenancy::require_open(unit).await?;
        held.may_give(unit, &role_ids).await?;
        let reserved = name_id(unit.meta.tenant, NameKind::ServiceAccount, &name);
        let created = ServiceAccountCreated { service_account_id, name, description, role_ids, origin };
        let create = ServiceAccountCommand::Create(created);
        unit.decide::<ServiceAccount>(service_account_id.0, create, "/id").await?;
        take(unit, NameKind::ServiceAccount, reserved, service_account_id.0, "/name").await
    }
}

/// What becomes of a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceAccountChange {
    /// `PUT /v1/service-accounts/{id}/roles`: these roles.
    Roles(BTreeSet<RoleId>),
    /// `POST /v1/service-accounts/{id}/deactivate`.
    Deactivate,
    /// `POST /v1/service-accounts/{id}/reactivate`.
    Reactivate,
    /// `POST /v1/service-accounts/{id}/keys/{key_id}/revoke`.
    RevokeKey(ApiKeyId),
}

/// Changes a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeServiceAccount {
    /// The service account.
    pub id: ServiceAccountId,
    /// What becomes of it.
    pub change: ServiceAccountChange,
    /// Why.
    pub reason: String,
    /// What whoever asks holds.
    pub held: Held,
    /// Where that came from.
    pub origin: Sender,
}

impl Operation for ChangeServiceAccount {
    type Primary = ServiceAccount;

    fn reply(&self, _: &CommandMeta) -> Reply {
        let operation = match self.change {
            ServiceAccountChange::Roles(_) => "service-accounts/roles",
            ServiceAccountChange::Deactivate => "service-accounts/deactivate",
            ServiceAccountChange::Reactivate => "service-accounts/reactivate",
            ServiceAccountChange::RevokeKey(_) => "service-accounts/keys/revoke",
        };
        reply_of::<ServiceAccount>(operation, self.id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<ServiceAccount>(self.id.0)]
    }

    fn needs(&self) -> Needs {
        match self.change {
            ServiceAccountChange::Deactivate | ServiceAccountChange::RevokeKey(_) => Needs::Nothing,
            ServiceAccountChange::Roles(_) | ServiceAccountChange::Reactivate => Needs::Active,
        }
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { id: service_account_id, change, reason, origin, held } = self.clone();
        let role_ids = unit.load::<ServiceAccount>(service_account_id.0).await?.role_ids.clone();
        held.may_change(unit, &role_ids).await?;
        let status = |reason, origin| ServiceAccountStatusChanged { service_account_id, reason, origin };
        let command = match change {
            ServiceAccountChange::Roles(role_ids) => {
                held.may_give(unit, &role_ids).await?;
                ServiceAccountCommand::ChangeRoles { service_account_id, role_ids, reason, origin }
            }
            ServiceAccountChange::Deactivate => ServiceAccountCommand::Deactivate(status(reason, origin)),
            ServiceAccountChange::Reactivate => ServiceAccountCommand::Reactivate(status(reason, origin)),
            ServiceAccountChange::RevokeKey(key_id) => {
                ServiceAccountCommand::RevokeKey(ApiKeyRevoked { service_account_id, key_id, reason, origin })
            }
        };
        unit.decide::<ServiceAccount>(service_account_id.0, command, "").await
    }
}

/// `POST /v1/service-accounts/{id}/keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueKey {
    /// The service account.
    pub id: ServiceAccountId,
    /// Id of the key.
    pub key_id: ApiKeyId,
    /// What it is called.
    pub name: String,
    /// SHA-256 of the key.
    pub key_hash: String,
    /// Names of permissions that it is limited to; empty for all of its account.
    pub scopes: BTreeSet<String>,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// What whoever asks holds.
    pub held: Held,
    /// Where that came from.
    pub origin: Sender,
}

impl Operation for IssueKey {
    type Primary = ServiceAccount;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<ServiceAccount>("service-accounts/keys", self.id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<ServiceAccount>(self.id.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { id: service_account_id, key_id, name, key_hash, scopes, expires_at, origin, held } =
            self.clone();
        if scopes.is_empty() {
            let role_ids = unit.load::<ServiceAccount>(service_account_id.0).await?.role_ids.clone();
            held.may_change(unit, &role_ids).await?;
        }
        held.cover(&scopes, "/scopes")?;
        let issued = ApiKeyIssued { service_account_id, key_id, name, key_hash, scopes, expires_at, origin };
        unit.decide::<ServiceAccount>(service_account_id.0, ServiceAccountCommand::IssueKey(issued), "").await
    }
}

/// `POST /v1/token` with a key: its use is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseKey {
    /// The service account.
    pub id: ServiceAccountId,
    /// The key.
    pub key_id: ApiKeyId,
    /// SHA-256 of what was shown.
    pub key_hash: String,
    /// Where from.
    pub origin: Sender,
}

impl Operation for UseKey {
    type Primary = ServiceAccount;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<ServiceAccount>("token", self.id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<ServiceAccount>(self.id.0)]
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { id: service_account_id, key_id, key_hash, origin } = self.clone();
        let used = ApiKeyUsed { service_account_id, key_id, origin };
        let command = ServiceAccountCommand::UseKey { used, key_hash };
        unit.decide::<ServiceAccount>(service_account_id.0, command, "").await
    }
}
