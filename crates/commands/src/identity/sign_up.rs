//! Sign-up: a tenant, the roles that every tenant has, and its first administrator, in one commit.

use foodflow_domain::TenantId;
use foodflow_domain::identity::administrators::Administrators;
use foodflow_domain::identity::permission::{BUILT_IN_ROLES, BuiltInRole, Permission};
use foodflow_domain::identity::reservation::NameKind;
use foodflow_domain::identity::role::{Role, RoleCommand, RoleForm};
use foodflow_domain::identity::user::{Profile, User, UserCommand, UserRegistered};
use foodflow_domain::ids::{PersonId, UserId};
use foodflow_domain::personal::Personal;
use foodflow_domain::tenancy::tenant::{Tenant, TenantCommand, TenantProfile};
use foodflow_log::StreamId;
use uuid::Uuid;

use super::{Sender, administrator_role, administrators_id, note_administrator, take};
use crate::error::CommandError;
use crate::execute::{CommandMeta, Operation, Reply, chosen_or_derived, reply_of};
use crate::standing::Needs;
use crate::unit::{Stop, Unit, stream_of};

/// Who is to administer a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstAdministrator {
    /// The id that was chosen.
    pub id: Option<UserId>,
    /// Who that is.
    pub profile: Personal<Profile>,
    /// What stands for the e-mail address.
    pub email_index: Uuid,
    /// Hash of the password.
    pub password: String,
}

/// `POST /v1/sign-up`; from the command line also for a tenant that is registered and has no administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUp {
    /// The tenant's short name.
    pub slug: String,
    /// What people see of the tenant; absent where it is registered.
    pub tenant: Option<TenantProfile>,
    /// Its first administrator.
    pub administrator: FirstAdministrator,
    /// Where that came from.
    pub origin: Sender,
}

impl SignUp {
    /// The administrator's id.
    #[must_use]
    pub fn user_id(&self, meta: &CommandMeta) -> UserId {
        chosen_or_derived(meta, self.administrator.id.map(|id| id.0), "user").into()
    }
}

impl Operation for SignUp {
    type Primary = Tenant;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Tenant>("sign-up", meta.tenant.0, true)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        let mut locks = vec![
            stream_of::<Tenant>(meta.tenant.0),
            stream_of::<Administrators>(administrators_id(meta.tenant)),
            stream_of::<User>(self.user_id(meta).0),
        ];
        locks.extend(BUILT_IN_ROLES.iter().map(|role| stream_of::<Role>(role.id(meta.tenant).0)));
        locks
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let (tenant, user_id) = (unit.meta.tenant, self.user_id(unit.meta));
        let Self { slug, tenant: profile, administrator, origin } = self.clone();
        match profile {
            Some(profile) => {
                if unit.load::<Tenant>(tenant.0).await?.slug.is_some() {
                    return Err(taken().into());
                }
                unit.decide::<Tenant>(tenant.0, TenantCommand::Describe { slug, profile }, "/tenant").await?;
            }
            None => super::super::tenancy::require_open(unit).await?,
        }
        if !unit.load::<Administrators>(administrators_id(tenant)).await?.user_ids.is_empty() {
            return Err(taken().into());
        }
        keep_built_in_roles(unit, &origin).await?;
        let FirstAdministrator { profile, email_index, password, .. } = administrator;
        let password = Personal::new(PersonId(user_id.0), password);
        let role_ids = [administrator_role(tenant)].into();
        let register = UserCommand::Register(UserRegistered {
            user_id,
            profile,
            email_index,
            password,
            role_ids,
            origin,
        });
        unit.decide::<User>(user_id.0, register, "/administrator/id").await?;
        take(unit, NameKind::Email, email_index, user_id.0, "/administrator/email").await?;
        note_administrator(unit, user_id, false, false).await
    }
}

fn taken() -> CommandError {
    let detail = "the tenant is registered and has an administrator; ask there for an invitation".to_owned();
    CommandError::Refused { code: "already-exists", detail, pointer: "/slug".to_owned() }
}

/// Gives the tenant the built-in roles as this version of the program defines them; writes what differs alone.
pub(super) async fn keep_built_in_roles(unit: &mut Unit<'_>, origin: &Sender) -> Result<(), Stop> {
    let tenant = unit.meta.tenant;
    for built_in in BUILT_IN_ROLES {
        let role_id = built_in.id(tenant);
        let form = form_of(built_in, tenant);
        let (is_built_in, origin) = (true, origin.clone());
        let command = if unit.load::<Role>(role_id.0).await?.name.is_none() {
            RoleCommand::Define { form, built_in: Some(built_in.key.to_owned()), origin }
        } else {
            let reason = Some("a newer version of the program defines it otherwise".to_owned());
            RoleCommand::Change { form, is_built_in, reason, origin }
        };
        unit.decide::<Role>(role_id.0, command, "").await?;
        let name = super::name_id(tenant, NameKind::Role, built_in.name);
        take(unit, NameKind::Role, name, role_id.0, "").await?;
    }
    Ok(())
}

/// What a built-in role is in a tenant.
fn form_of(role: &BuiltInRole, tenant: TenantId) -> RoleForm {
    RoleForm {
        role_id: role.id(tenant),
        name: role.name.to_owned(),
        description: Some(role.description.to_owned()),
        permissions: role.permissions().iter().map(Permission::name).collect(),
    }
}

/// Whether the roles that a tenant has are those of this version of the program.
#[must_use]
pub fn is_as_defined(role: &Role) -> bool {
    let Some(built_in) = role.built_in.as_deref().and_then(BuiltInRole::of_key) else { return true };
    let mut names = built_in.permissions().into_iter().map(|permission| permission.name());
    let held: std::collections::BTreeSet<String> = role.names().collect();
    names.all(|name| held.contains(&name)) && held.len() == built_in.permissions().len()
}

/// Brings the built-in roles of a tenant up to this version of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepBuiltInRoles;

impl Operation for KeepBuiltInRoles {
    type Primary = Role;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        reply_of::<Role>("roles/built-in", administrator_role(meta.tenant).0, false)
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        BUILT_IN_ROLES.iter().map(|role| stream_of::<Role>(role.id(meta.tenant).0)).collect()
    }

    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        keep_built_in_roles(unit, &None).await
    }
}
