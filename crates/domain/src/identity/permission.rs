//! Permissions as (resource, action), and the roles that every tenant begins with.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{self, RoleId, TenantId};

/// One thing that may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// To what.
    pub resource: &'static str,
    /// What.
    pub action: &'static str,
    /// For people.
    pub description: &'static str,
}

impl Permission {
    /// `resource:action`, as tokens state it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.resource, self.action)
    }
}

macro_rules! permissions {
    ($($resource:literal $action:literal: $description:literal,)*) => {
        /// Every permission that there is.
        pub const PERMISSIONS: &[Permission] =
            &[$(Permission { resource: $resource, action: $action, description: $description },)*];
    };
}

permissions! {
    "master_data" "read": "Reads master data",
    "master_data" "write": "Writes master data",
    "lots" "read": "Reads lots and their genealogy",
    "lots" "write": "Records receipts, transformations, shipments and adjustments",
    "lots" "restrict": "Holds, releases, recalls and disposes of lots",
    "recalls" "read": "Reads proposed and decided recalls",
    "recalls" "propose": "Proposes a recall",
    "recalls" "approve": "Approves or rejects a recall that somebody else proposed",
    "events" "read": "Reads the tenant's log",
    "projections" "read": "Reads how the read models stand",
    "projections" "decide": "Decides about events that a read model cannot apply",
    "tenancy" "read": "Reads the tenant, its subscriptions, features and use",
    "tenancy" "write": "Writes the tenant's name and look, and its features",
    "tenancy" "administer": "Suspends and closes the tenant, and changes what it has subscribed to",
    "account" "use": "Reads and changes one's own account and sessions",
    "users" "read": "Reads users",
    "users" "write": "Invites and deactivates users, and gives them roles",
    "users" "forget": "Erases what is known about a person",
    "roles" "read": "Reads roles and permissions",
    "roles" "write": "Defines roles",
    "service_accounts" "read": "Reads service accounts and their keys",
    "service_accounts" "write": "Makes service accounts, and issues and revokes their keys",
    "audit" "read": "Reads who did what when",
}

/// The permission of this name.
#[must_use]
pub fn permission(name: &str) -> Option<Permission> {
    let (resource, action) = name.split_once(':')?;
    PERMISSIONS.iter().copied().find(|known| known.resource == resource && known.action == action)
}

/// A permission as an event states it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Granted {
    /// To what.
    pub resource: String,
    /// What.
    pub action: String,
    /// For people.
    pub description: String,
}

impl Granted {
    /// `resource:action`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.resource, self.action)
    }

    /// Its id in the tenant's list of permissions.
    #[must_use]
    pub fn id(&self, tenant: TenantId) -> Uuid {
        ids::named(tenant, "permission", &self.name())
    }
}

impl From<Permission> for Granted {
    fn from(permission: Permission) -> Self {
        let Permission { resource, action, description } = permission;
        Self { resource: resource.to_owned(), action: action.to_owned(), description: description.to_owned() }
    }
}

/// A role that every tenant has; nobody changes it but a newer version of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltInRole {
    /// By what it is told from the others, whatever it is called.
    pub key: &'static str,
    /// Its name.
    pub name: &'static str,
    /// For people.
    pub description: &'static str,
    /// What it may do: names of permissions; `*` is everything that there is.
    permissions: &'static [&'static str],
}

/// The role that administers the tenant.
pub const ADMINISTRATOR: &str = "administrator";

/// The roles that every tenant has.
///
/// No role but the administrator's has both sides of a separated duty by accident: who proposes a recall does not
/// approve it, which the recall itself refuses as well.
pub const BUILT_IN_ROLES: &[BuiltInRole] = &[
    BuiltInRole {
        key: ADMINISTRATOR,
        name: "Administrator",
        description: "Administers the tenant: its people, keys, plan and settings; may do everything else too",
        permissions: &["*"],
    },
    BuiltInRole {
        key: "quality-manager",
        name: "Quality manager",
        description: "Holds, releases and recalls lots, and reads everything about them",
        permissions: &[
            "master_data:read",
            "master_data:write",
            "lots:read",
            "lots:write",
            "lots:restrict",
            "recalls:read",
            "recalls:propose",
            "recalls:approve",
            "events:read",
            "projections:read",
            "projections:decide",
            "tenancy:read",
            "users:read",
            "roles:read",
            "audit:read",
            "account:use",
        ],
    },
    BuiltInRole {
        key: "operator",
        name: "Operator",
        description: "Records receipts, transformations and shipments on the floor",
        permissions: &[
            "master_data:read",
            "lots:read",
            "lots:write",
            "recalls:read",
            "recalls:propose",
            "account:use",
        ],
    },
    BuiltInRole {
        key: "planner",
        name: "Planner",
        description: "Keeps master data and plans with what is in stock",
        permissions: &["master_data:read", "master_data:write", "lots:read", "tenancy:read", "account:use"],
    },
    BuiltInRole {
        key: "integrator",
        name: "Integrator",
        description: "A program that brings data in and follows the log",
        permissions: &[
            "master_data:read",
            "master_data:write",
            "lots:read",
            "lots:write",
            "events:read",
            "projections:read",
            "account:use",
        ],
    },
    BuiltInRole {
        key: "auditor",
        name: "Auditor",
        description: "Reads everything and changes nothing",
        permissions: &[
            "master_data:read",
            "lots:read",
            "recalls:read",
            "events:read",
            "projections:read",
            "tenancy:read",
            "users:read",
            "roles:read",
            "service_accounts:read",
            "audit:read",
            "account:use",
        ],
    },
];

impl BuiltInRole {
    /// The one of this key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<&'static Self> {
        BUILT_IN_ROLES.iter().find(|role| role.key == key)
    }

    /// Its id in a tenant.
    #[must_use]
    pub fn id(&self, tenant: TenantId) -> RoleId {
        ids::named(tenant, "built-in role", self.key).into()
    }

    /// What it may do.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        let is_granted = |known: &&Permission| {
            self.permissions == ["*"] || self.permissions.contains(&known.name().as_str())
        };
        PERMISSIONS.iter().filter(is_granted).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_known_and_there_once() {
        let names: BTreeSet<String> = PERMISSIONS.iter().map(Permission::name).collect();
        assert_eq!(names.len(), PERMISSIONS.len());
        for role in BUILT_IN_ROLES {
            for name in role.permissions.iter().filter(|name| **name != "*") {
                assert!(permission(name).is_some(), "{}: {name}", role.key);
            }
            assert!(role.permissions().iter().any(|known| known.name() == "account:use"), "{}", role.key);
        }
        assert_eq!(BuiltInRole::of_key(ADMINISTRATOR).unwrap().permissions().len(), PERMISSIONS.len());
        assert_eq!(permission("lots"), None);
    }

    #[test]
    fn an_auditor_changes_nothing() {
        for permission in BuiltInRole::of_key("auditor").unwrap().permissions() {
            assert!(["read", "use"].contains(&permission.action), "{}", permission.name());
        }
    }
}
