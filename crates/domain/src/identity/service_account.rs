//! A service account: a program that acts for the tenant, and its keys.
//!
//! A key is shown once. It buys a short-lived access token; each time it does so is an event.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{IdentityError, Origin};
use crate::ids::{ApiKeyId, RoleId, ServiceAccountId};
use crate::personal::Personal;
use crate::{Context, aggregate, event_set};

/// Keys that a service account may have at once: one in use, one to change to, and some.
pub const KEYS_MAX: usize = 10;

/// A service account was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceAccountCreated {
    /// Its id.
    pub service_account_id: ServiceAccountId,
    /// Its name.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its roles.
    pub role_ids: BTreeSet<RoleId>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A service account has other roles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceAccountRolesChanged {
    /// Its id.
    pub service_account_id: ServiceAccountId,
    /// Its roles now.
    pub role_ids: BTreeSet<RoleId>,
    /// Those that are new.
    pub added: BTreeSet<RoleId>,
    /// Those that are gone.
    pub removed: BTreeSet<RoleId>,
    /// Why.
    pub reason: String,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A key was issued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyIssued {
    /// Whose.
    pub service_account_id: ServiceAccountId,
    /// Its id.
    pub key_id: ApiKeyId,
    /// What it is called.
    pub name: String,
    /// SHA-256 of the key, in hexadecimal digits.
    pub key_hash: String,
    /// Names of permissions that it is limited to; empty for all of its account.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub scopes: BTreeSet<String>,
    /// Until when it is good; for good where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A key bought an access token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyUsed {
    /// Whose.
    pub service_account_id: ServiceAccountId,
    /// The key.
    pub key_id: ApiKeyId,
    /// Where from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A key is no longer good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKeyRevoked {
    /// Whose.
    pub service_account_id: ServiceAccountId,
    /// The key.
    pub key_id: ApiKeyId,
    /// Why.
    pub reason: String,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A service account may act no more, or again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceAccountStatusChanged {
    /// Its id.
    pub service_account_id: ServiceAccountId,
    /// Why.
    pub reason: String,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

event_set! {
    /// Events of a service account.
    pub enum ServiceAccountEvent {
        /// It was made.
        Created(ServiceAccountCreated) = "foodflow.identity.service_account.created.v1",
        /// It has other roles.
        RolesChanged(ServiceAccountRolesChanged) = "foodflow.identity.service_account.roles_changed.v1",
        /// A key was issued.
        KeyIssued(ApiKeyIssued) = "foodflow.identity.service_account.key_issued.v1",
        /// A key bought an access token.
        KeyUsed(ApiKeyUsed) = "foodflow.identity.service_account.key_used.v1",
        /// A key is no longer good.
        KeyRevoked(ApiKeyRevoked) = "foodflow.identity.service_account.key_revoked.v1",
        /// It may act no more.
        Deactivated(ServiceAccountStatusChanged) = "foodflow.identity.service_account.deactivated.v1",
        /// It may act again.
        Reactivated(ServiceAccountStatusChanged) = "foodflow.identity.service_account.reactivated.v1",
    }
}

/// What may be asked of a service account.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceAccountCommand {
    /// Make it.
    Create(ServiceAccountCreated),
    /// Give it other roles.
    ChangeRoles {
        /// Its id.
        service_account_id: ServiceAccountId,
        /// The roles.
        role_ids: BTreeSet<RoleId>,
        /// Why.
        reason: String,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Issue a key.
    IssueKey(ApiKeyIssued),
    /// Use a key: `key_hash` is the hash of what was shown.
    UseKey {
        /// The use, as it is written down.
        used: ApiKeyUsed,
        /// SHA-256 of the key.
        key_hash: String,
    },
    /// Revoke a key.
    RevokeKey(ApiKeyRevoked),
    /// Let it act no more.
    Deactivate(ServiceAccountStatusChanged),
    /// Let it act again.
    Reactivate(ServiceAccountStatusChanged),
}

/// A key that was issued and not revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// SHA-256 of it.
    pub key_hash: String,
    /// Names of permissions that it is limited to; empty for all of its account.
    pub scopes: BTreeSet<String>,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
}

/// State of a service account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccount {
    /// Its name; `None` before it was made.
    pub name: Option<String>,
    /// Whether it may act.
    pub is_active: bool,
    /// Its roles.
    pub role_ids: BTreeSet<RoleId>,
    /// Its keys.
    pub keys: BTreeMap<ApiKeyId, ApiKey>,
}

impl ServiceAccount {
    /// Refuses what does not exist.
    ///
    /// # Errors
    /// `NotFound` before it was made.
    pub fn present(&self, id: ServiceAccountId) -> Result<(), IdentityError> {
        match self.name {
            Some(_) => Ok(()),
            None => Err(IdentityError::NotFound { what: "service account", id: id.0 }),
        }
    }

    fn decide(
        &self,
        command: ServiceAccountCommand,
        context: &Context,
    ) -> Result<Vec<ServiceAccountEvent>, IdentityError> {
        let what = "service account";
        Ok(match command {
            ServiceAccountCommand::Create(data) => {
                if self.name.is_some() {
                    return Err(IdentityError::AlreadyExists { what, id: data.service_account_id.0 });
                }
                vec![ServiceAccountEvent::Created(data)]
            }
            ServiceAccountCommand::ChangeRoles { service_account_id, role_ids, reason, origin } => {
                self.present(service_account_id)?;
                if role_ids == self.role_ids {
                    return Ok(vec![]);
                }
                vec![ServiceAccountEvent::RolesChanged(ServiceAccountRolesChanged {
                    service_account_id,
                    added: role_ids.difference(&self.role_ids).copied().collect(),
                    removed: self.role_ids.difference(&role_ids).copied().collect(),
                    role_ids,
                    reason,
                    origin,
                })]
            }
            ServiceAccountCommand::IssueKey(data) => {
                let id = data.service_account_id;
                self.present(id)?;
                if self.keys.contains_key(&data.key_id) {
                    return Err(IdentityError::AlreadyExists { what: "key", id: data.key_id.0 });
                }
                if self.keys.len() >= KEYS_MAX {
                    return Err(IdentityError::TooManyKeys { id: id.0, max: KEYS_MAX });
                }
                vec![ServiceAccountEvent::KeyIssued(data)]
            }
            ServiceAccountCommand::UseKey { used, key_hash } => {
                let is_good = |key: &&ApiKey| {
                    key.key_hash == key_hash && key.expires_at.is_none_or(|until| until > context.now)
                };
                let found = self.keys.get(&used.key_id).filter(is_good).filter(|_| self.is_active);
                found.ok_or(IdentityError::TokenInvalid { what: "key" })?;
                vec![ServiceAccountEvent::KeyUsed(used)]
            }
            ServiceAccountCommand::RevokeKey(data) => {
                self.present(data.service_account_id)?;
                if !self.keys.contains_key(&data.key_id) {
                    return Err(IdentityError::NotFound { what: "key", id: data.key_id.0 });
                }
                vec![ServiceAccountEvent::KeyRevoked(data)]
            }
            ServiceAccountCommand::Deactivate(data) => {
                self.present(data.service_account_id)?;
                self.change_status(data, true, "deactivated", ServiceAccountEvent::Deactivated)?
            }
            ServiceAccountCommand::Reactivate(data) => {
                self.present(data.service_account_id)?;
                self.change_status(data, false, "active", ServiceAccountEvent::Reactivated)?
            }
        })
    }

    fn change_status(
        &self,
        data: ServiceAccountStatusChanged,
        expected: bool,
        status: &'static str,
        event: fn(ServiceAccountStatusChanged) -> ServiceAccountEvent,
    ) -> Result<Vec<ServiceAccountEvent>, IdentityError> {
        if self.is_active == expected {
            return Ok(vec![event(data)]);
        }
        Err(IdentityError::AlreadySo { what: "service account", id: data.service_account_id.0, status })
    }

    fn evolve(&mut self, event: ServiceAccountEvent) {
        match event {
            ServiceAccountEvent::Created(data) => {
                self.name = Some(data.name);
                self.is_active = true;
                self.role_ids = data.role_ids;
            }
            ServiceAccountEvent::RolesChanged(data) => self.role_ids = data.role_ids,
            ServiceAccountEvent::KeyIssued(data) => {
                let ApiKeyIssued { key_hash, scopes, expires_at, .. } = data;
                self.keys.insert(data.key_id, ApiKey { key_hash, scopes, expires_at });
            }
            ServiceAccountEvent::KeyUsed(_) => {}
            ServiceAccountEvent::KeyRevoked(data) => drop(self.keys.remove(&data.key_id)),
            ServiceAccountEvent::Deactivated(_) => self.is_active = false,
            ServiceAccountEvent::Reactivated(_) => self.is_active = true,
        }
    }
}

aggregate!(
    ServiceAccount,
    "identity",
    "service_account",
    ServiceAccountCommand,
    ServiceAccountEvent,
    IdentityError
);
