//! Service accounts and their keys.

use foodflow_domain::identity::service_account::{
    ApiKeyIssued, ApiKeyRevoked, ApiKeyUsed, KEYS_MAX, ServiceAccount, ServiceAccountCommand,
    ServiceAccountCreated, ServiceAccountEvent, ServiceAccountStatusChanged,
};
use foodflow_domain::ids::ServiceAccountId;
use jiff::{SignedDuration, Timestamp};

use super::Story;
use crate::events::identity::origin;
use crate::support::{NOW, at, hash, id};

fn account() -> ServiceAccountId {
    id(830)
}

fn create() -> ServiceAccountCommand {
    ServiceAccountCommand::Create(ServiceAccountCreated {
        service_account_id: account(),
        name: "erp".to_owned(),
        description: None,
        role_ids: [id(811)].into(),
        origin: origin(802),
    })
}

fn change_roles(role_ids: &[u128]) -> ServiceAccountCommand {
    ServiceAccountCommand::ChangeRoles {
        service_account_id: account(),
        role_ids: role_ids.iter().copied().map(id).collect(),
        reason: "it ships as well".to_owned(),
        origin: origin(802),
    }
}

fn issue(key: u128, expires_at: Option<Timestamp>) -> ServiceAccountCommand {
    ServiceAccountCommand::IssueKey(ApiKeyIssued {
        service_account_id: account(),
        key_id: id(key),
        name: "production".to_owned(),
        key_hash: hash(key),
        scopes: ["lots:write".to_owned()].into(),
        expires_at,
        origin: origin(802),
    })
}

/// Uses key `key` with the secret of key `secret`.
fn use_key(key: u128, secret: u128) -> ServiceAccountCommand {
    let used = ApiKeyUsed { service_account_id: account(), key_id: id(key), origin: origin(830) };
    ServiceAccountCommand::UseKey { used, key_hash: hash(secret) }
}

fn revoke(key: u128) -> ServiceAccountCommand {
    let reason = "it was in a log".to_owned();
    let revoked =
        ApiKeyRevoked { service_account_id: account(), key_id: id(key), reason, origin: origin(802) };
    ServiceAccountCommand::RevokeKey(revoked)
}

fn status() -> ServiceAccountStatusChanged {
    let reason = "the ERP is being replaced".to_owned();
    ServiceAccountStatusChanged { service_account_id: account(), reason, origin: origin(802) }
}

fn deactivate() -> ServiceAccountCommand {
    ServiceAccountCommand::Deactivate(status())
}

fn reactivate() -> ServiceAccountCommand {
    ServiceAccountCommand::Reactivate(status())
}

fn is_good(account: &mut Story<ServiceAccount>, key: u128) -> bool {
    match account.ask(use_key(key, key)).as_deref() {
        Ok([ServiceAccountEvent::KeyUsed(used)]) => used.key_id == id(key),
        Ok(events) => panic!("{events:?}"),
        Err(_) => false,
    }
}

#[test]
fn of_an_account_that_there_is_not_nothing_is_asked() {
    for command in [change_roles(&[812]), issue(1, None), revoke(1), deactivate(), reactivate()] {
        assert_eq!(Story::<ServiceAccount>::begin().refusal(command), "not-found");
    }
    assert_eq!(Story::<ServiceAccount>::begin().refusal(use_key(1, 1)), "token-invalid");
    assert_eq!(Story::<ServiceAccount>::after([create()]).refusal(create()), "already-exists");
}

#[test]
fn a_change_of_roles_says_which_are_new_and_which_are_gone() {
    let mut account = Story::<ServiceAccount>::after([create()]);
    assert_eq!(account.ask(change_roles(&[811])), Ok(vec![]), "nothing changes");
    let event = account.event(change_roles(&[811, 812]));
    let ServiceAccountEvent::RolesChanged(changed) = event else { panic!("{event:?}") };
    assert_eq!((changed.added, changed.removed), ([id(812)].into(), [].into()));
    let event = account.event(change_roles(&[]));
    let ServiceAccountEvent::RolesChanged(changed) = event else { panic!("{event:?}") };
    assert_eq!((changed.added, changed.removed), ([].into(), [id(811), id(812)].into()));
    assert!(account.state.role_ids.is_empty());
}

#[test]
fn a_key_is_good_with_its_secret_alone() {
    let mut account = Story::<ServiceAccount>::after([create(), issue(1, None), issue(2, None)]);
    assert!(is_good(&mut account, 1) && is_good(&mut account, 1), "as often as it is needed");
    for (key, secret) in [(1, 2), (2, 1), (3, 3), (1, 9)] {
        assert_eq!(account.refusal(use_key(key, secret)), "token-invalid");
    }
    assert_eq!(account.refusal(issue(1, None)), "already-exists");
    assert_eq!(account.state.keys[&id(1)].scopes, ["lots:write".to_owned()].into());
}

#[test]
fn a_key_is_good_until_it_expires() {
    let until = at(NOW) + SignedDuration::from_hours(24);
    let mut account = Story::<ServiceAccount>::after([create(), issue(1, Some(until)), issue(2, None)]);
    account.now = until - SignedDuration::from_nanos(1);
    assert!(is_good(&mut account, 1));
    account.now = until;
    assert!(!is_good(&mut account, 1));
    account.wait_hours(100 * 365 * 24);
    assert!(is_good(&mut account, 2));
}

#[test]
fn a_revoked_key_is_good_no_more() {
    let mut account = Story::<ServiceAccount>::after([create(), issue(1, None), issue(2, None)]);
    assert!(matches!(account.event(revoke(1)), ServiceAccountEvent::KeyRevoked(_)));
    assert!(!is_good(&mut account, 1) && is_good(&mut account, 2));
    assert_eq!(account.refusal(revoke(1)), "not-found");
}

#[test]
fn the_number_of_keys_is_bounded() {
    let mut account = Story::<ServiceAccount>::after([create()]);
    let most = u128::try_from(KEYS_MAX).unwrap();
    for key in 0..most {
        account.event(issue(key, None));
    }
    assert_eq!(account.refusal(issue(most, None)), "too-many-keys");
    account.event(revoke(0));
    account.event(issue(most, None));
}

#[test]
fn no_key_of_a_deactivated_account_is_good() {
    let mut account = Story::<ServiceAccount>::after([create(), issue(1, None)]);
    assert_eq!(account.refusal(reactivate()), "already-so");
    account.event(deactivate());
    assert!(!is_good(&mut account, 1));
    assert_eq!(account.refusal(deactivate()), "already-so");
    account.event(issue(2, None));
    assert!(!is_good(&mut account, 2));
    account.event(revoke(1));
    account.event(reactivate());
    assert!(!is_good(&mut account, 1) && is_good(&mut account, 2));
}
