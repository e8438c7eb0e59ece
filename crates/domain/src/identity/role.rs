//! A role: a name for what may be done, given to users and service accounts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::permission::{Granted, permission};
use super::{IdentityError, Origin};
use crate::ids::RoleId;
use crate::personal::Personal;
use crate::{Context, aggregate, event_set};

/// A role was defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleDefined {
    /// Its id.
    pub role_id: RoleId,
    /// Its name.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it may do.
    pub permissions: Vec<Granted>,
    /// The key of the built-in role that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_in: Option<String>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A role is called otherwise, or may do something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleChanged {
    /// Its id.
    pub role_id: RoleId,
    /// Its name now.
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Everything that it may do now.
    pub permissions: Vec<Granted>,
    /// What of that it could not do before.
    pub granted: Vec<Granted>,
    /// What it could do before.
    pub withdrawn: Vec<Granted>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

/// A role is no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleDeleted {
    /// Its id.
    pub role_id: RoleId,
    /// What it was called.
    pub name: String,
    /// What it could do.
    pub withdrawn: Vec<Granted>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where that came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal<Origin>>,
}

event_set! {
    /// Events of a role.
    pub enum RoleEvent {
        /// It was defined.
        Defined(RoleDefined) = "foodflow.identity.role.defined.v1",
        /// It is called otherwise, or may do something else.
        Changed(RoleChanged) = "foodflow.identity.role.changed.v1",
        /// It is no more.
        Deleted(RoleDeleted) = "foodflow.identity.role.deleted.v1",
    }
}

/// What a role is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleForm {
    /// Its id.
    pub role_id: RoleId,
    /// Its name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Names of permissions, as `resource:action`.
    pub permissions: Vec<String>,
}

/// What may be asked of a role.
#[derive(Debug, Clone, PartialEq)]
pub enum RoleCommand {
    /// Define it.
    Define {
        /// What it is to be.
        form: RoleForm,
        /// The key of the built-in role that it is.
        built_in: Option<String>,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Replace what it is.
    Change {
        /// What it is to be.
        form: RoleForm,
        /// Whether the program asks, of a role that is built in.
        is_built_in: bool,
        /// Why.
        reason: Option<String>,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
    /// Delete it.
    Delete {
        /// Its id.
        role_id: RoleId,
        /// Why.
        reason: Option<String>,
        /// Where that came from.
        origin: Option<Personal<Origin>>,
    },
}

/// State of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name; `None` before it was defined and after it was deleted.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// What it may do.
    pub permissions: BTreeSet<Granted>,
    /// The key of the built-in role that it is.
    pub built_in: Option<String>,
    /// Whether it was deleted.
    pub is_deleted: bool,
}

impl Role {
    /// Names of what it may do.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.permissions.iter().map(Granted::name)
    }

    /// Its name, where it is there.
    fn present(&self, role_id: RoleId) -> Result<&str, IdentityError> {
        match &self.name {
            Some(name) => Ok(name),
            None => Err(IdentityError::NotFound { what: "role", id: role_id.0 }),
        }
    }

    fn decide(&self, command: RoleCommand, _: &Context) -> Result<Vec<RoleEvent>, IdentityError> {
        match command {
            RoleCommand::Define { form, built_in, origin } => {
                let RoleForm { role_id, name, description, permissions } = form;
                if self.name.is_some() || self.is_deleted {
                    return Err(IdentityError::AlreadyExists { what: "role", id: role_id.0 });
                }
                let permissions = known(permissions)?.into_iter().collect();
                let defined = RoleDefined { role_id, name, description, permissions, built_in, origin };
                Ok(vec![RoleEvent::Defined(defined)])
            }
            RoleCommand::Change { form, is_built_in, reason, origin } => {
                let RoleForm { role_id, name, description, permissions } = form;
                self.present(role_id)?;
                if self.built_in.is_some() != is_built_in {
                    return Err(IdentityError::RoleBuiltIn { role_id });
                }
                let now = known(permissions)?;
                let is_same = self.name.as_ref() == Some(&name) && self.description == description;
                if is_same && now == self.permissions {
                    return Ok(vec![]);
                }
                let granted = now.difference(&self.permissions).cloned().collect();
                let withdrawn = self.permissions.difference(&now).cloned().collect();
                let permissions = now.into_iter().collect();
                let changed = RoleChanged {
                    role_id,
                    name,
                    description,
                    permissions,
                    granted,
                    withdrawn,
                    reason,
                    origin,
                };
                Ok(vec![RoleEvent::Changed(changed)])
            }
            RoleCommand::Delete { role_id, reason, origin } => {
                let name = self.present(role_id)?.to_owned();
                if self.built_in.is_some() {
                    return Err(IdentityError::RoleBuiltIn { role_id });
                }
                let withdrawn = self.permissions.iter().cloned().collect();
                Ok(vec![RoleEvent::Deleted(RoleDeleted { role_id, name, withdrawn, reason, origin })])
            }
        }
    }

    fn evolve(&mut self, event: RoleEvent) {
        match event {
            RoleEvent::Defined(data) => {
                self.name = Some(data.name);
                self.description = data.description;
                self.permissions = data.permissions.into_iter().collect();
                self.built_in = data.built_in;
            }
            RoleEvent::Changed(data) => {
                self.name = Some(data.name);
                self.description = data.description;
                self.permissions = data.permissions.into_iter().collect();
            }
            RoleEvent::Deleted(_) => {
                self.name = None;
                self.description = None;
                self.permissions.clear();
                self.is_deleted = true;
            }
        }
    }
}

/// The permissions of these names.
fn known(names: Vec<String>) -> Result<BTreeSet<Granted>, IdentityError> {
    let find = |name: String| match permission(&name) {
        Some(permission) => Ok(permission.into()),
        None => Err(IdentityError::UnknownPermission { name }),
    };
    names.into_iter().map(find).collect()
}

aggregate!(Role, "identity", "role", RoleCommand, RoleEvent, IdentityError);
