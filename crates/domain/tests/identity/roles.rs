//! Roles: what they may do, and that those of the program do not change.

use foodflow_domain::identity::IdentityError;
use foodflow_domain::identity::permission::{BUILT_IN_ROLES, Granted};
use foodflow_domain::identity::role::{Role, RoleCommand, RoleEvent, RoleForm};
use foodflow_domain::{DomainProblem as _, ProblemKind, TenantId};

use super::Story;
use crate::events::identity::origin;
use crate::support::id;

const ROLE: u128 = 810;

fn form(name: &str, permissions: &[&str]) -> RoleForm {
    RoleForm {
        role_id: id(ROLE),
        name: name.to_owned(),
        description: Some("Reads".to_owned()),
        permissions: permissions.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn define(permissions: &[&str]) -> RoleCommand {
    RoleCommand::Define { form: form("Reader", permissions), built_in: None, origin: origin(802) }
}

fn define_built_in(permissions: &[&str]) -> RoleCommand {
    let built_in = Some("auditor".to_owned());
    RoleCommand::Define { form: form("Auditor", permissions), built_in, origin: origin(802) }
}

fn change(form: RoleForm, is_built_in: bool) -> RoleCommand {
    let reason = Some("auditors have a role of their own".to_owned());
    RoleCommand::Change { form, is_built_in, reason, origin: origin(802) }
}

fn delete() -> RoleCommand {
    RoleCommand::Delete { role_id: id(ROLE), reason: None, origin: origin(802) }
}

fn names(permissions: &[Granted]) -> Vec<String> {
    permissions.iter().map(Granted::name).collect()
}

#[test]
fn a_role_is_defined_once_with_permissions_that_there_are() {
    let mut role = Story::<Role>::begin();
    for permission in ["lots:fly", "lots", "", "*", "lots:read ", "LOTS:READ"] {
        let refused = role.ask(define(&["lots:read", permission])).unwrap_err();
        assert_eq!((refused.code(), refused.kind()), ("unknown-permission", ProblemKind::Invalid));
        assert!(matches!(refused, IdentityError::UnknownPermission { name } if name == permission));
    }
    let event = role.event(define(&["lots:read", "audit:read", "lots:read"]));
    let RoleEvent::Defined(defined) = event else { panic!("{event:?}") };
    assert_eq!(names(&defined.permissions), ["audit:read", "lots:read"], "each once");
    assert_eq!(defined.permissions[1].description, "Reads lots and their genealogy");
    assert_eq!(role.refusal(define(&[])), "already-exists");
    assert_eq!(role.state.names().collect::<Vec<_>>(), ["audit:read", "lots:read"]);
}

#[test]
fn a_change_says_what_is_granted_and_what_is_withdrawn() {
    let mut role = Story::<Role>::after([define(&["lots:read", "audit:read"])]);
    let same = form("Reader", &["audit:read", "lots:read"]);
    assert_eq!(role.ask(change(same, false)), Ok(vec![]), "nothing changes");
    let event = role.event(change(form("Reader", &["lots:read", "lots:write", "recalls:read"]), false));
    let RoleEvent::Changed(changed) = event else { panic!("{event:?}") };
    assert_eq!(names(&changed.permissions), ["lots:read", "lots:write", "recalls:read"]);
    assert_eq!(names(&changed.granted), ["lots:write", "recalls:read"]);
    assert_eq!(names(&changed.withdrawn), ["audit:read"]);
    assert_eq!(role.refusal(change(form("Reader", &["lots:fly"]), false)), "unknown-permission");

    let event = role.event(change(form("Recorder", &["lots:read", "lots:write", "recalls:read"]), false));
    let RoleEvent::Changed(changed) = event else { panic!("{event:?}") };
    assert_eq!((changed.granted, changed.withdrawn), (vec![], vec![]), "only the name is another");
    assert_eq!(role.state.name.as_deref(), Some("Recorder"));
}

#[test]
fn a_deleted_role_may_do_nothing_and_does_not_come_back() {
    let mut role = Story::<Role>::begin();
    assert_eq!(role.refusal(delete()), "not-found");
    assert_eq!(role.refusal(change(form("Reader", &[]), false)), "not-found");
    role.event(define(&["lots:read", "audit:read"]));
    let event = role.event(delete());
    let RoleEvent::Deleted(deleted) = event else { panic!("{event:?}") };
    assert_eq!(deleted.name, "Reader");
    assert_eq!(names(&deleted.withdrawn), ["audit:read", "lots:read"]);
    assert_eq!(role.state.names().count(), 0);
    assert_eq!(role.refusal(delete()), "not-found");
    assert_eq!(role.refusal(change(form("Reader", &[]), false)), "not-found");
    assert_eq!(role.refusal(define(&["lots:read"])), "already-exists");
}

#[test]
fn a_built_in_role_changes_with_the_program_alone() {
    let mut role = Story::<Role>::after([define_built_in(&["lots:read"])]);
    assert_eq!(role.refusal(change(form("Auditor", &["lots:read", "lots:write"]), false)), "role-built-in");
    assert_eq!(role.refusal(delete()), "role-built-in");
    let event = role.event(change(form("Auditor", &["lots:read", "audit:read"]), true));
    let RoleEvent::Changed(changed) = event else { panic!("{event:?}") };
    assert_eq!(names(&changed.granted), ["audit:read"]);
    assert_eq!(role.refusal(delete()), "role-built-in", "it is built in all the same");

    let mut own = Story::<Role>::after([define(&["lots:read"])]);
    assert_eq!(
        own.refusal(change(form("Reader", &["audit:read"]), true)),
        "role-built-in",
        "the program keeps out"
    );
}

#[test]
fn what_a_tenant_begins_with_can_be_defined() {
    let tenant: TenantId = id(0xA);
    for built_in in BUILT_IN_ROLES {
        let permissions: Vec<String> = built_in.permissions().iter().map(|found| found.name()).collect();
        let form = RoleForm {
            role_id: built_in.id(tenant),
            name: built_in.name.to_owned(),
            description: Some(built_in.description.to_owned()),
            permissions: permissions.clone(),
        };
        let built_in = Some(built_in.key.to_owned());
        let mut role = Story::<Role>::after([RoleCommand::Define { form, built_in, origin: None }]);
        assert_eq!(role.state.permissions.len(), permissions.len());
        assert_eq!(role.refusal(delete()), "role-built-in");
    }
    let ids = |tenant| BUILT_IN_ROLES.iter().map(move |role| role.id(tenant));
    let both: std::collections::BTreeSet<_> = ids(tenant).chain(ids(id(0xB))).collect();
    assert_eq!(both.len(), 2 * BUILT_IN_ROLES.len(), "no two tenants share a role");
}
