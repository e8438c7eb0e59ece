//! What whoever asks holds, and that nobody gives, takes or takes over more.
//!
//! Held is what the token states, so that a key that is limited to some permissions gives no others. What a role allows
//! is asked of the log at that moment, whatever this process remembers: somebody may just have widened it.
//!
//! What must never happen: somebody who may do more by what they changed of a role, of a user or of a key.

use std::collections::BTreeSet;

use foodflow_domain::identity::permission::{BuiltInRole, Permission, permission};
use foodflow_domain::identity::role::Role;
use foodflow_domain::ids::RoleId;

use crate::error::CommandError;
use crate::unit::{Stop, Unit};

/// Names of the permissions that whoever asks holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held(BTreeSet<String>);

impl Held {
    /// Of a token that states these.
    #[must_use]
    pub fn of(names: &[String]) -> Self {
        Self(names.iter().cloned().collect())
    }

    /// Refuses permissions that are not among those that are held. A name that this version of the program does not know
    /// opens nothing.
    pub(super) fn cover(&self, names: &BTreeSet<String>, pointer: &str) -> Result<(), CommandError> {
        let is_missing = |name: &&String| permission(name).is_some();
        let missing: Vec<String> = names.difference(&self.0).filter(is_missing).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(CommandError::BeyondOwnPermissions { missing, pointer: pointer.to_owned() })
    }

    /// Refuses roles that there are not, and those that allow what is not held.
    pub(super) async fn may_give(&self, unit: &Unit<'_>, role_ids: &BTreeSet<RoleId>) -> Result<(), Stop> {
        let pointer = "/role_ids";
        let mut names = BTreeSet::new();
        for role_id in role_ids {
            let role = unit.current::<Role>(role_id.0).await?;
            if role.state.name.is_none() {
                let pointer = pointer.to_owned();
                return Err(CommandError::NotFound { what: "role", id: role_id.0, pointer }.into());
            }
            names.extend(allowed_by(&role.state));
        }
        Ok(self.cover(&names, pointer)?)
    }

    /// Refuses a change to whoever has these roles, where they allow what is not held.
    pub(super) async fn may_change(&self, unit: &Unit<'_>, role_ids: &BTreeSet<RoleId>) -> Result<(), Stop> {
        let mut names = BTreeSet::new();
        for role_id in role_ids {
            names.extend(allowed_by(&unit.current::<Role>(role_id.0).await?.state));
        }
        Ok(self.cover(&names, "")?)
    }
}

/// Names of what a role allows: of a built-in one also what this version of the program defines, as its holders have
/// that with their next token.
fn allowed_by(role: &Role) -> BTreeSet<String> {
    let built_in = role.built_in.as_deref().and_then(BuiltInRole::of_key);
    let defined =
        built_in.into_iter().flat_map(|role| role.permissions()).map(|known| Permission::name(&known));
    role.names().chain(defined).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn set(of: &[&str]) -> BTreeSet<String> {
        names(of).into_iter().collect()
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_unknown_opens_nothing() {
        let held = Held::of(&names(&["users:write", "lots:read"]));
        held.cover(&set(&["lots:read"]), "").unwrap();
        held.cover(&set(&["lots:read", "once:known"]), "").unwrap();
        let refused = held.cover(&set(&["audit:read", "lots:read", "lots:write"]), "/role_ids/0");
        let Err(CommandError::BeyondOwnPermissions { missing, pointer }) = refused else { panic!() };
        assert_eq!((missing, pointer.as_str()), (names(&["audit:read", "lots:write"]), "/role_ids/0"));
        assert!(Held::default().cover(&set(&["lots:read"]), "").is_err());
    }

    #[test]
    fn a_built_in_role_allows_what_the_next_token_of_its_holder_states() {
        let outdated = Role { built_in: Some("administrator".to_owned()), ..Role::default() };
        assert!(allowed_by(&outdated).contains("tenancy:administer"));
        assert!(allowed_by(&Role::default()).is_empty());
    }
}
