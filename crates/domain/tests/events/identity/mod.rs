//! Identity: one event of every type, with every optional part present, and the fields of its schema. Of sets a sample
//! holds one element, since a schema cannot say that they are sorted.

mod fields;
mod users;

use foodflow_domain::identity::Origin;
use foodflow_domain::identity::access::{AccessEvent, AccessRefused};
use foodflow_domain::identity::administrators::{AdministratorChanged, AdministratorsEvent};
use foodflow_domain::identity::permission::{Granted, permission};
use foodflow_domain::identity::reservation::{NameHeld, NameKind, ReservationEvent};
use foodflow_domain::identity::role::{RoleChanged, RoleDefined, RoleDeleted, RoleEvent};
use foodflow_domain::identity::service_account::{
    ApiKeyIssued, ApiKeyRevoked, ApiKeyUsed, ServiceAccountCreated, ServiceAccountEvent,
    ServiceAccountRolesChanged, ServiceAccountStatusChanged,
};
use foodflow_domain::identity::session::{
    LoginMethod, RefreshToken, SessionEnd, SessionEnded, SessionEvent, SessionRefreshed, SessionStarted,
};
use foodflow_domain::ids::{ServiceAccountId, SessionId, UserId};
use foodflow_domain::personal::Personal;

pub(super) use fields::fields;
pub(crate) use users::user_events;

use super::samples::{some, time};
use crate::support::{hash, id};

/// Who asks in the samples.
const ADMINISTRATOR: u128 = 802;

/// Where a request of this person came from.
pub(crate) fn origin(person: u128) -> Option<Personal<Origin>> {
    let address = "203.0.113.7".to_owned();
    Some(Origin { address, user_agent: some("curl/8.14.1") }.of(id(person)))
}

fn granted(name: &str) -> Granted {
    permission(name).unwrap().into()
}

pub(super) fn role_events() -> Vec<RoleEvent> {
    let (role_id, origin) = (id(810), || origin(ADMINISTRATOR));
    vec![
        RoleEvent::Defined(RoleDefined {
            role_id,
            name: "Auditor".to_owned(),
            description: some("Reads everything and changes nothing"),
            permissions: vec![granted("lots:read"), granted("audit:read")],
            built_in: some("auditor"),
            origin: origin(),
        }),
        RoleEvent::Changed(RoleChanged {
            role_id,
            name: "Reader".to_owned(),
            description: some("Reads lots and master data"),
            permissions: vec![granted("lots:read"), granted("master_data:read")],
            granted: vec![granted("master_data:read")],
            withdrawn: vec![granted("audit:read")],
            reason: some("auditors have a role of their own"),
            origin: origin(),
        }),
        RoleEvent::Deleted(RoleDeleted {
            role_id,
            name: "Reader".to_owned(),
            withdrawn: vec![granted("lots:read"), granted("master_data:read")],
            reason: some("nobody has it"),
            origin: origin(),
        }),
    ]
}

fn refresh_token(number: u128, expires_at: &str) -> RefreshToken {
    RefreshToken { token_id: id(number), token_hash: hash(number), expires_at: time(expires_at) }
}

pub(super) fn session_events() -> Vec<SessionEvent> {
    let (session_id, user_id): (SessionId, UserId) = (id(820), id(801));
    let (method, started_at) = (LoginMethod::PasswordAndTotp, time("2026-03-01T06:00:00Z"));
    vec![
        SessionEvent::Started(SessionStarted {
            session_id,
            user_id,
            method,
            started_at,
            token: refresh_token(821, "2026-03-08T06:00:00Z"),
            origin: origin(801),
        }),
        SessionEvent::Refreshed(SessionRefreshed {
            session_id,
            user_id,
            method,
            started_at,
            spent_token_id: id(821),
            token: refresh_token(822, "2026-03-08T06:10:00Z"),
            origin: origin(801),
        }),
        SessionEvent::Ended(SessionEnded {
            session_id,
            user_id,
            token_id: id(822),
            reason: SessionEnd::LoggedOut,
            origin: origin(801),
        }),
    ]
}

pub(super) fn service_account_events() -> Vec<ServiceAccountEvent> {
    let service_account_id: ServiceAccountId = id(830);
    let (key_id, origin) = (id(831), || origin(ADMINISTRATOR));
    let status = |reason: &str| ServiceAccountStatusChanged {
        service_account_id,
        reason: reason.to_owned(),
        origin: origin(),
    };
    vec![
        ServiceAccountEvent::Created(ServiceAccountCreated {
            service_account_id,
            name: "erp".to_owned(),
            description: some("Brings receipts in from the ERP"),
            role_ids: [id(811)].into(),
            origin: origin(),
        }),
        ServiceAccountEvent::RolesChanged(ServiceAccountRolesChanged {
            service_account_id,
            role_ids: [id(812)].into(),
            added: [id(812)].into(),
            removed: [id(811)].into(),
            reason: "it ships as well".to_owned(),
            origin: origin(),
        }),
        ServiceAccountEvent::KeyIssued(ApiKeyIssued {
            service_account_id,
            key_id,
            name: "production".to_owned(),
            key_hash: hash(831),
            scopes: ["lots:write".to_owned()].into(),
            expires_at: Some(time("2027-03-01T00:00:00Z")),
            origin: origin(),
        }),
        ServiceAccountEvent::KeyUsed(ApiKeyUsed { service_account_id, key_id, origin: self::origin(830) }),
        ServiceAccountEvent::KeyRevoked(ApiKeyRevoked {
            service_account_id,
            key_id,
            reason: "it was in a log".to_owned(),
            origin: origin(),
        }),
        ServiceAccountEvent::Deactivated(status("the ERP is being replaced")),
        ServiceAccountEvent::Reactivated(status("the new ERP is in place")),
    ]
}

pub(super) fn reservation_events() -> Vec<ReservationEvent> {
    let kind = NameKind::Email.as_str().to_owned();
    let held = NameHeld { kind, reservation_id: id(840), holder: id(801) };
    vec![ReservationEvent::Taken(held.clone()), ReservationEvent::GivenUp(held)]
}

pub(super) fn administrators_events() -> Vec<AdministratorsEvent> {
    let changed = AdministratorChanged { user_id: id(801) };
    vec![AdministratorsEvent::Added(changed.clone()), AdministratorsEvent::Removed(changed)]
}

pub(super) fn access_events() -> Vec<AccessEvent> {
    vec![AccessEvent::Refused(AccessRefused {
        actor: some("01900000-0000-7000-8000-000000000801"),
        operation: "POST /v1/batches/{id}/recall".to_owned(),
        code: "forbidden".to_owned(),
        permission: some("recalls:approve"),
        occurred_at: time("2026-03-01T06:00:00.25Z"),
        count: 3,
        origin: origin(801),
    })]
}
