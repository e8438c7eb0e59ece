//! Names that one has at a time, a tenant's administrators, the journal of refusals, and what `Debug` shows.

use foodflow_domain::identity::access::{AccessCommand, AccessEvent, AccessJournal, AccessRefused};
use foodflow_domain::identity::administrators::{
    AdministratorChanged, Administrators, AdministratorsCommand, AdministratorsEvent,
};
use foodflow_domain::identity::origin::visitors;
use foodflow_domain::identity::reservation::{
    NameHeld, NameKind, Reservation, ReservationCommand, ReservationEvent,
};
use foodflow_domain::identity::user::{LoginProof, Proof};
use foodflow_domain::personal::Personal;

use super::Story;
use super::users::{accept, begin_second_factor, change_profile, enable_second_factor, log_in, register};
use crate::events::identity::origin;
use crate::support::{at, hash, id};

fn take(holder: u128) -> ReservationCommand {
    ReservationCommand::Take { kind: NameKind::Email, reservation_id: id(840), holder: id(holder) }
}

fn give_up(holder: u128) -> ReservationCommand {
    ReservationCommand::GiveUp { kind: NameKind::Email, reservation_id: id(840), holder: id(holder) }
}

fn held(holder: u128) -> NameHeld {
    NameHeld { kind: "e-mail address".to_owned(), reservation_id: id(840), holder: id(holder) }
}

#[test]
fn a_name_has_one_holder_at_a_time() {
    let mut name = Story::<Reservation>::begin();
    assert_eq!(name.ask(give_up(1)), Ok(vec![]), "it is free");
    assert_eq!(name.event(take(1)), ReservationEvent::Taken(held(1)));
    assert_eq!(name.ask(take(1)), Ok(vec![]), "its holder has it");
    assert_eq!(name.refusal(take(2)), "name-taken");
    assert_eq!(name.ask(give_up(2)), Ok(vec![]), "who does not have it cannot give it up");
    assert_eq!(name.refusal(take(2)), "name-taken");
    assert_eq!(name.event(give_up(1)), ReservationEvent::GivenUp(held(1)));
    assert_eq!(name.event(take(2)), ReservationEvent::Taken(held(2)));
}

#[test]
fn each_kind_of_name_is_written_in_its_own_way() {
    let kinds = [NameKind::Email, NameKind::Role, NameKind::ForeignIdentity, NameKind::ServiceAccount];
    let written = kinds.map(NameKind::as_str);
    // Written into events, so they may never change.
    assert_eq!(written, ["e-mail address", "role name", "foreign identity", "service account name"]);
}

#[test]
fn a_tenant_never_loses_its_last_administrator_but_to_erasure() {
    use AdministratorsCommand::{Add, Forget, Remove};
    use AdministratorsEvent::{Added, Removed};
    let changed = |user| AdministratorChanged { user_id: id(user) };
    let mut tenant = Story::<Administrators>::begin();
    assert_eq!(tenant.ask(Remove(id(1))), Ok(vec![]));
    assert_eq!(tenant.event(Add(id(1))), Added(changed(1)));
    assert_eq!(tenant.ask(Add(id(1))), Ok(vec![]));
    assert_eq!(tenant.refusal(Remove(id(1))), "last-administrator");
    assert_eq!(tenant.ask(Remove(id(2))), Ok(vec![]), "who is none is not the last one");
    assert_eq!(tenant.event(Add(id(2))), Added(changed(2)));
    assert_eq!(tenant.event(Remove(id(1))), Removed(changed(1)));
    assert_eq!(tenant.refusal(Remove(id(2))), "last-administrator");
    assert_eq!(tenant.event(Forget(id(2))), Removed(changed(2)));
    assert_eq!(tenant.ask(Forget(id(2))), Ok(vec![]));
    assert!(tenant.state.user_ids.is_empty());
}

#[test]
fn what_was_refused_is_written_down_and_counted() {
    let refused = |count| AccessRefused {
        actor: None,
        operation: "POST /v1/login".to_owned(),
        code: "login-refused".to_owned(),
        permission: None,
        occurred_at: at(900),
        count,
        origin: origin(801).and_then(Personal::into_value).map(|origin| origin.of(visitors(id(0xA)))),
    };
    let mut journal = Story::<AccessJournal>::begin();
    assert_eq!(journal.ask(AccessCommand::Note(vec![])), Ok(vec![]));
    let events = journal.ask(AccessCommand::Note(vec![refused(1), refused(u32::MAX)])).unwrap();
    assert_eq!(events, [AccessEvent::Refused(refused(1)), AccessEvent::Refused(refused(u32::MAX))]);
    assert_eq!(journal.state.refused, 1 + u64::from(u32::MAX));
}

#[test]
fn visitors_of_two_tenants_are_forgotten_apart() {
    assert_ne!(visitors(id(0xA)), visitors(id(0xB)));
    assert_eq!(visitors(id(0xA)), visitors(id(0xA)));
}

#[test]
fn debug_shows_no_secret_and_nothing_about_a_person() {
    let second = Proof::Recovery { recovery_hash: hash(91) };
    let commands = [
        register(),
        accept(777),
        change_profile(850),
        log_in(820, LoginProof::Password { fits: true, second }),
        begin_second_factor(),
        enable_second_factor(Proof::Totp { step: 1 }),
    ];
    let profile = crate::events::identity::user_events();
    let shown = format!("{commands:?} {:?} {:?} {profile:?}", origin(801), origin(801).unwrap().value());
    for secret in
        ["argon2", "777", "Ada", "Lovelace", "ada@", "GEZDGNBVGY3TQOJQ", "203.0.113.7", "curl", &hash(91)]
    {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    assert!(shown.contains("BeginSecondFactor(01900000-"), "{shown}");
}
