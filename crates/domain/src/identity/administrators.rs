//! The tenant's administrators: there is always one who may log in.
//!
//! A stream of the tenant, written in the same commit as what makes somebody an administrator or ends that.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::IdentityError;
use crate::ids::UserId;
use crate::{Context, aggregate, event_set};

/// Somebody became an administrator, or is none any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdministratorChanged {
    /// Who.
    pub user_id: UserId,
}

event_set! {
    /// Events of the tenant's administrators.
    pub enum AdministratorsEvent {
        /// Somebody became one.
        Added(AdministratorChanged) = "foodflow.identity.administrators.added.v1",
        /// Somebody is none any more.
        Removed(AdministratorChanged) = "foodflow.identity.administrators.removed.v1",
    }
}

/// What may be asked of the tenant's administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdministratorsCommand {
    /// An active user has the role.
    Add(UserId),
    /// A user has lost it, or is no longer active.
    Remove(UserId),
    /// As `Remove`, even where nobody is left: the person is erased, whatever follows.
    Forget(UserId),
}

/// State of the tenant's administrators.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrators {
    /// The active ones.
    pub user_ids: BTreeSet<UserId>,
}

impl Administrators {
    fn decide(
        &self,
        command: AdministratorsCommand,
        _: &Context,
    ) -> Result<Vec<AdministratorsEvent>, IdentityError> {
        let (AdministratorsCommand::Add(user_id)
        | AdministratorsCommand::Remove(user_id)
        | AdministratorsCommand::Forget(user_id)) = command;
        let is_one = self.user_ids.contains(&user_id);
        let changed = AdministratorChanged { user_id };
        match command {
            AdministratorsCommand::Add(_) if !is_one => Ok(vec![AdministratorsEvent::Added(changed)]),
            AdministratorsCommand::Remove(_) if is_one && self.user_ids.len() == 1 => {
                Err(IdentityError::LastAdministrator { user_id })
            }
            AdministratorsCommand::Remove(_) | AdministratorsCommand::Forget(_) if is_one => {
                Ok(vec![AdministratorsEvent::Removed(changed)])
            }
            _ => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: AdministratorsEvent) {
        match event {
            AdministratorsEvent::Added(data) => drop(self.user_ids.insert(data.user_id)),
            AdministratorsEvent::Removed(data) => drop(self.user_ids.remove(&data.user_id)),
        }
    }
}

aggregate!(
    Administrators,
    "identity",
    "administrators",
    AdministratorsCommand,
    AdministratorsEvent,
    IdentityError
);
