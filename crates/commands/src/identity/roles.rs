//! Roles that a tenant defines.

use foodflow_domain::identity::reservation::NameKind;
use foodflow_domain::identity::role::{Role, RoleCommand, RoleForm};
use foodflow_domain::ids::RoleId;
use foodflow_log::StreamId;

use super::held::Held;
use super::{Sender, give_up, name_id, take};
use crate::execute::{CommandMeta, Operation, Reply, chosen_or_derived, reply_of};
use crate::unit::{Stop, Unit, stream_of};

/// `POST /v1/roles`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefineRole {
    /// The id that was chosen.
    pub id: Option<RoleId>,
    /// Its name.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Names of permissions.
    pub permissions: Vec<String>,
    /// What whoever asks holds.
    pub held: Held,
    /// Where that came from.
    pub origin: Sender,
}

impl DefineRole {
    fn id(&self, meta: &CommandMeta) -> RoleId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "role").into()
    }
}

impl Operation for DefineRole {
    type Primary = Role;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Role>("roles", self.id(meta).0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Role>(self.id(meta).0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let role_id = self.id(unit.meta);
        let Self { name, description, permissions, origin, held, .. } = self.clone();
        super::super::tenancy::require_open(unit).await?;
        held.cover(&permissions.iter().cloned().collect(), "/permissions")?;
        let reserved = name_id(unit.meta.tenant, NameKind::Role, &name);
        let form = RoleForm { role_id, name, description, permissions };
        unit.decide::<Role>(role_id.0, RoleCommand::Define { form, built_in: None, origin }, "").await?;
        take(unit, NameKind::Role, reserved, role_id.0, "/name").await
    }
}

/// `PUT /v1/roles/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRole {
    /// What it is to be.
    pub form: RoleForm,
    /// Why.
    pub reason: Option<String>,
    /// What whoever asks holds.
    pub held: Held,
    /// Where that came from.
    pub origin: Sender,
}

impl Operation for ChangeRole {
    type Primary = Role;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<Role>("roles/change", self.form.role_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Role>(self.form.role_id.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { form, reason, origin, held } = self.clone();
        let (tenant, role_id) = (unit.meta.tenant, form.role_id);
        held.may_change(unit, &[role_id].into()).await?;
        held.cover(&form.permissions.iter().cloned().collect(), "/permissions")?;
        let before = unit.load::<Role>(role_id.0).await?.name.clone();
        let after = name_id(tenant, NameKind::Role, &form.name);
        let change = RoleCommand::Change { form, is_built_in: false, reason, origin };
        unit.decide::<Role>(role_id.0, change, "").await?;
        let before = before.map(|name| name_id(tenant, NameKind::Role, &name));
        if let Some(before) = before.filter(|before| *before != after) {
            give_up(unit, NameKind::Role, before, role_id.0).await?;
        }
        take(unit, NameKind::Role, after, role_id.0, "/name").await
    }
}

/// `DELETE /v1/roles/{id}`. Whoever has it still may do the less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteRole {
    /// The role.
    pub role_id: RoleId,
    /// Why.
    pub reason: Option<String>,
    /// What whoever asks holds.
    pub held: Held,
    /// Where that came from.
    pub origin: Sender,
}

impl Operation for DeleteRole {
    type Primary = Role;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<Role>("roles/delete", self.role_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Role>(self.role_id.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { role_id, reason, origin, held } = self.clone();
        held.may_change(unit, &[role_id].into()).await?;
        let name = unit.load::<Role>(role_id.0).await?.name.clone();
        unit.decide::<Role>(role_id.0, RoleCommand::Delete { role_id, reason, origin }, "").await?;
        match name {
            Some(name) => {
                let reserved = name_id(unit.meta.tenant, NameKind::Role, &name);
                give_up(unit, NameKind::Role, reserved, role_id.0).await
            }
            None => Ok(()),
        }
    }
}
