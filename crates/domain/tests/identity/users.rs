//! A user, from invitation to erasure; logins are in [`super::logins`].

use std::collections::BTreeSet;

use foodflow_domain::identity::user::{
    ForeignIdentity, IDENTITIES_MAX, INVITATION_HOURS, LoginProof, LoginRefusal, PasswordChange, Profile,
    Proof, RESET_HOURS, User, UserCommand, UserErased, UserEvent, UserRegistered, UserStatus,
};
use foodflow_domain::ids::{RoleId, UserId};
use foodflow_domain::personal::Personal;

use super::Story;
use crate::events::identity::origin;
use crate::support::{hash, id};

pub(super) const USER: u128 = 801;
pub(super) const INVITATION: u128 = 1;
pub(super) const RESET: u128 = 2;

pub(super) fn user_id() -> UserId {
    id(USER)
}

fn roles(numbers: &[u128]) -> BTreeSet<RoleId> {
    numbers.iter().copied().map(id).collect()
}

fn profile(last_name: &str) -> Profile {
    let (first_name, last_name) = (Some("Ada".to_owned()), Some(last_name.to_owned()));
    Profile { email: "ada@harbor-vale.example".to_owned(), first_name, last_name }
}

fn password(text: &str) -> String {
    format!("$argon2id${text}")
}

pub(super) fn register() -> UserCommand {
    UserCommand::Register(UserRegistered {
        user_id: user_id(),
        profile: Personal::new(id(USER), profile("Lovelace")),
        email_index: id(850),
        password: Personal::new(id(USER), password("first")),
        role_ids: roles(&[811]),
        origin: origin(USER),
    })
}

pub(super) fn invite(token: u128, role_ids: &[u128]) -> UserCommand {
    UserCommand::Invite {
        user_id: user_id(),
        profile: profile("Lovelace"),
        email_index: id(850),
        role_ids: roles(role_ids),
        token_hash: hash(token),
        origin: origin(802),
    }
}

pub(super) fn accept(token: u128) -> UserCommand {
    let (token_hash, password) = (hash(token), password("first"));
    UserCommand::Accept { user_id: user_id(), token_hash, password, origin: origin(USER) }
}

pub(super) fn change_profile(email: u128) -> UserCommand {
    let (profile, email_index) = (profile("King"), id(email));
    UserCommand::ChangeProfile { user_id: user_id(), profile, email_index, origin: origin(USER) }
}

pub(super) fn change_password(fits: bool) -> UserCommand {
    let password = password("second");
    UserCommand::ChangePassword { user_id: user_id(), fits, password, origin: origin(USER) }
}

pub(super) fn request_reset(token: u128) -> UserCommand {
    UserCommand::RequestReset { user_id: user_id(), token_hash: hash(token), origin: origin(USER) }
}

pub(super) fn reset(token: u128) -> UserCommand {
    let (token_hash, password) = (hash(token), password("third"));
    UserCommand::Reset { user_id: user_id(), token_hash, password, origin: origin(USER) }
}

pub(super) fn log_in(session: u128, proof: LoginProof) -> UserCommand {
    UserCommand::LogIn { user_id: user_id(), session_id: id(session), proof, origin: origin(USER) }
}

pub(super) fn right() -> LoginProof {
    LoginProof::Password { fits: true, second: Proof::None }
}

pub(super) fn wrong() -> LoginProof {
    LoginProof::Password { fits: false, second: Proof::None }
}

pub(super) fn change_roles(role_ids: &[u128]) -> UserCommand {
    let (role_ids, reason) = (roles(role_ids), "Ada leads quality now".to_owned());
    UserCommand::ChangeRoles { user_id: user_id(), role_ids, reason, origin: origin(802) }
}

pub(super) fn deactivate() -> UserCommand {
    let reason = "Ada is on leave".to_owned();
    UserCommand::Deactivate { user_id: user_id(), reason, origin: origin(802) }
}

pub(super) fn reactivate() -> UserCommand {
    let reason = "Ada is back".to_owned();
    UserCommand::Reactivate { user_id: user_id(), reason, origin: origin(802) }
}

pub(super) fn begin_second_factor() -> UserCommand {
    let secret = "GEZDGNBVGY3TQOJQ".to_owned();
    UserCommand::BeginSecondFactor { user_id: user_id(), secret, origin: origin(USER) }
}

pub(super) fn enable_second_factor(proof: Proof) -> UserCommand {
    let recovery_hashes = [hash(91), hash(92)].into();
    UserCommand::EnableSecondFactor { user_id: user_id(), proof, recovery_hashes, origin: origin(USER) }
}

pub(super) fn disable_second_factor(proof: Option<Proof>) -> UserCommand {
    let reason = "Ada lost the telephone".to_owned();
    UserCommand::DisableSecondFactor { user_id: user_id(), proof, reason, origin: origin(USER) }
}

pub(super) fn identity(subject: u128) -> ForeignIdentity {
    ForeignIdentity { issuer: "https://login.example".to_owned(), subject_index: id(subject) }
}

pub(super) fn link(subject: u128) -> UserCommand {
    let (user_id, identity, token_hash) = (user_id(), identity(subject), None);
    UserCommand::LinkIdentity { user_id, identity, token_hash, origin: origin(USER) }
}

pub(super) fn accept_with_identity(subject: u128, token: u128) -> UserCommand {
    let (user_id, identity, token_hash) = (user_id(), identity(subject), Some(hash(token)));
    UserCommand::LinkIdentity { user_id, identity, token_hash, origin: origin(USER) }
}

pub(super) fn unlink() -> UserCommand {
    let reason = "left the group".to_owned();
    UserCommand::UnlinkIdentities { user_id: user_id(), reason, origin: origin(802) }
}

pub(super) fn forget() -> UserCommand {
    let reason = "request of the person (GDPR Art. 17)".to_owned();
    UserCommand::Forget { user_id: user_id(), reason, origin: origin(802) }
}

pub(super) fn erase() -> UserCommand {
    let (record, signature, key_id) = ("{}".to_owned(), "ab".repeat(64), "1".to_owned());
    UserCommand::Erase(UserErased { user_id: user_id(), record, signature, key_id })
}

/// One command of each kind, but for those that make a user.
pub(super) fn of_a_user() -> Vec<UserCommand> {
    vec![
        change_profile(850),
        change_password(true),
        request_reset(RESET),
        log_in(820, right()),
        change_roles(&[812]),
        deactivate(),
        reactivate(),
        begin_second_factor(),
        enable_second_factor(Proof::Totp { step: 1 }),
        disable_second_factor(None),
        link(855),
        unlink(),
        forget(),
    ]
}

#[test]
fn of_a_user_that_there_is_not_nothing_is_asked() {
    for command in of_a_user() {
        assert_eq!(Story::<User>::begin().refusal(command.clone()), "not-found", "{command:?}");
    }
    assert_eq!(Story::<User>::begin().refusal(accept(INVITATION)), "token-invalid");
    assert_eq!(Story::<User>::begin().refusal(reset(RESET)), "token-invalid");
    assert_eq!(Story::<User>::begin().refusal(erase()), "not-found");
}

#[test]
fn an_invitation_is_accepted_once_with_its_token_and_in_time() {
    let invited = || Story::<User>::after([invite(INVITATION, &[811])]);
    assert_eq!(invited().state.status, UserStatus::Invited);
    assert_eq!(invited().refusal(accept(9)), "token-invalid", "another token");
    assert_eq!(
        invited().wait_hours(INVITATION_HOURS).refusal(accept(INVITATION)),
        "token-invalid",
        "too late"
    );

    let mut user = invited();
    let event = user.wait_hours(INVITATION_HOURS - 1).event(accept(INVITATION));
    let UserEvent::InvitationAccepted(accepted) = event else { panic!("{event:?}") };
    assert_eq!(accepted.password.and_then(Personal::into_value), Some(password("first")));
    assert_eq!(user.state.status, UserStatus::Active);
    assert_eq!(user.refusal(accept(INVITATION)), "token-invalid", "a second time");
    assert_eq!(user.refusal(invite(3, &[811])), "already-exists");
    assert_eq!(user.refusal(register()), "already-exists");
}

#[test]
fn who_is_invited_again_has_the_new_token_and_the_new_roles() {
    let mut user = Story::<User>::after([invite(INVITATION, &[811, 812])]);
    let event = user.event(invite(3, &[812, 813]));
    let UserEvent::Invited(invited) = event else { panic!("{event:?}") };
    assert_eq!((invited.role_ids, invited.removed), (roles(&[812, 813]), roles(&[811])));
    assert_eq!(invited.profile.person(), id(USER));
    assert_eq!(user.refusal(accept(INVITATION)), "token-invalid");
    user.event(accept(3));
    assert_eq!(user.state.role_ids, roles(&[812, 813]));
}

#[test]
fn who_was_deactivated_does_not_accept_an_invitation() {
    let mut user = Story::<User>::after([invite(INVITATION, &[811]), deactivate()]);
    assert_eq!(user.refusal(accept(INVITATION)), "token-invalid");
    assert_eq!(user.refusal(link(855)), "user-not-active");
    assert_eq!(user.refusal(accept_with_identity(855, INVITATION)), "token-invalid");
    user.event(reactivate());
    assert_eq!(user.refusal(accept(INVITATION)), "token-invalid", "the old one is void");
    user.event(request_reset(RESET));
    user.event(reset(RESET));
    assert!(user.state.password.is_some(), "whoever reads the address sets a password");
}

#[test]
fn tokens_are_void_once_the_address_they_were_sent_to_is_another() {
    let mut invited = Story::<User>::after([invite(INVITATION, &[811])]);
    invited.event(change_profile(850));
    assert!(invited.state.invitation.is_some(), "the same address under another name");
    invited.event(change_profile(851));
    assert_eq!(invited.refusal(accept(INVITATION)), "token-invalid");

    let mut user = Story::<User>::after([register(), request_reset(RESET), change_profile(851)]);
    assert_eq!(user.refusal(reset(RESET)), "token-invalid");
    assert_eq!(user.state.email_index, Some(id(851)));
}

#[test]
fn a_password_is_changed_by_who_knows_the_present_one() {
    let mut user = Story::<User>::after([register(), log_in(820, right()), request_reset(RESET)]);
    let event = user.event(change_password(false));
    let UserEvent::LoginRefused(wrong) = event else { panic!("{event:?}") };
    assert_eq!((wrong.reason, wrong.failures, wrong.locked_until), (LoginRefusal::Password, 1, None));
    let event = user.event(change_password(true));
    let UserEvent::PasswordChanged(changed) = event else { panic!("{event:?}") };
    assert_eq!(changed.by, PasswordChange::Change);
    assert_eq!(changed.password.value(), Some(&password("second")));
    assert!(user.state.session_ids.is_empty(), "every session ends");
    assert_eq!(user.refusal(reset(RESET)), "token-invalid", "a reset that was asked for before is void");
}

#[test]
fn a_wrong_present_password_counts_as_one_at_a_login_does() {
    let mut user = Story::<User>::after([register(), log_in(820, right())]);
    user.event(log_in(821, wrong()));
    for failures in 2..=5 {
        let event = user.event(change_password(false));
        let UserEvent::LoginRefused(refused) = event else { panic!("{event:?}") };
        assert_eq!(refused.failures, failures);
        assert_eq!(refused.locked_until.is_some(), failures == 5);
    }
    for fits in [false, true] {
        assert_eq!(user.refusal(change_password(fits)), "user-locked");
    }
    assert_eq!(user.state.session_ids.len(), 1, "whoever has logged in goes on");
    user.wait_s(30);
    let event = user.event(change_password(true));
    assert!(matches!(event, UserEvent::PasswordChanged(_)), "{event:?}");
    assert_eq!(user.state.failures, 0);
}

#[test]
fn a_password_is_reset_once_with_the_newest_token_and_in_time() {
    let asked = || Story::<User>::after([register(), log_in(820, right()), request_reset(RESET)]);
    assert_eq!(asked().refusal(reset(9)), "token-invalid");
    assert_eq!(asked().wait_hours(RESET_HOURS).refusal(reset(RESET)), "token-invalid");
    let mut again = asked();
    again.event(request_reset(3));
    assert_eq!(again.refusal(reset(RESET)), "token-invalid", "there is a newer one");
    let mut user = asked();
    let event = user.wait_s(RESET_HOURS * 3_600 - 1).event(reset(RESET));
    let UserEvent::PasswordChanged(changed) = event else { panic!("{event:?}") };
    assert_eq!(changed.by, PasswordChange::Reset);
    assert!(user.state.session_ids.is_empty());
    assert_eq!(user.refusal(reset(RESET)), "token-invalid", "a second time");

    let mut deactivated = asked();
    deactivated.event(deactivate());
    assert_eq!(deactivated.refusal(reset(RESET)), "token-invalid");
    assert_eq!(deactivated.refusal(request_reset(3)), "user-not-active");
}

#[test]
fn a_change_of_roles_says_which_are_new_and_which_are_gone() {
    let mut user = Story::<User>::after([register()]);
    assert_eq!(user.ask(change_roles(&[811])), Ok(vec![]), "nothing changes");
    let event = user.event(change_roles(&[812, 813]));
    let UserEvent::RolesChanged(changed) = event else { panic!("{event:?}") };
    assert_eq!(changed.role_ids, roles(&[812, 813]));
    assert_eq!((changed.added, changed.removed), (roles(&[812, 813]), roles(&[811])));
    assert_eq!(changed.reason.person(), id(USER), "what is said about a user is about the person");
    assert_eq!(user.state.role_ids, roles(&[812, 813]));
}

#[test]
fn a_user_is_deactivated_and_reactivated() {
    let mut user = Story::<User>::after([register(), log_in(820, right())]);
    assert_eq!(user.refusal(reactivate()), "already-so");
    user.event(deactivate());
    assert!(user.state.session_ids.is_empty(), "every session ends");
    assert_eq!(user.refusal(deactivate()), "already-so");
    for command in [change_password(true), request_reset(RESET), begin_second_factor(), link(855)] {
        assert_eq!(user.refusal(command.clone()), "user-not-active", "{command:?}");
    }
    user.event(change_profile(850));
    user.event(change_roles(&[812]));
    user.event(reactivate());
    assert_eq!(user.state.status, UserStatus::Active);
    assert!(matches!(user.event(log_in(821, right())), UserEvent::LoggedIn(_)));
}

#[test]
fn an_identity_elsewhere_accepts_an_invitation_and_is_linked_once() {
    let mut user = Story::<User>::after([invite(INVITATION, &[811])]);
    assert_eq!(user.refusal(link(855)), "user-not-active", "who knows nothing of the invitation");
    assert_eq!(user.refusal(accept_with_identity(855, 9)), "token-invalid");
    let events = user.ask(accept_with_identity(855, INVITATION)).unwrap();
    let [UserEvent::InvitationAccepted(accepted), UserEvent::ForeignIdentityLinked(linked)] =
        events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!((&accepted.password, &linked.identity), (&None, &identity(855)));
    assert_eq!(user.refusal(accept(INVITATION)), "token-invalid");
    assert_eq!(user.refusal(accept_with_identity(856, INVITATION)), "token-invalid", "a second time");
    assert_eq!(user.ask(link(855)), Ok(vec![]));
    for subject in 1..IDENTITIES_MAX {
        user.event(link(900 + u128::try_from(subject).unwrap()));
    }
    assert_eq!(user.refusal(link(999)), "too-many-identities");
    assert_eq!(user.ask(link(855)), Ok(vec![]), "one that is linked is no further one");
}

#[test]
fn identities_are_unlinked_together_and_end_every_session() {
    let mut user = Story::<User>::after([register(), link(855), link(856), log_in(820, right())]);
    let events = user.ask(unlink()).unwrap();
    let unlinked: Vec<_> = events
        .iter()
        .map(|event| match event {
            UserEvent::ForeignIdentityUnlinked(unlinked) => unlinked.identity.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(unlinked, [identity(855), identity(856)]);
    assert!(user.state.identities.is_empty() && user.state.session_ids.is_empty());
    let refused = user.event(log_in(821, LoginProof::Foreign(identity(855))));
    let UserEvent::LoginRefused(refused) = refused else { panic!("{refused:?}") };
    assert_eq!(refused.reason, LoginRefusal::Identity);
    assert_eq!(user.ask(unlink()), Ok(vec![]), "there is none left");
    assert!(matches!(user.event(log_in(821, right())), UserEvent::LoggedIn(_)), "the password is good");
}

#[test]
fn an_identity_elsewhere_accepts_no_invitation_that_is_too_old() {
    let mut user = Story::<User>::after([invite(INVITATION, &[811])]);
    let refusal = user.wait_hours(INVITATION_HOURS).refusal(accept_with_identity(855, INVITATION));
    assert_eq!(refusal, "token-invalid");
    assert_eq!(user.state.status, UserStatus::Invited);
}

#[test]
fn who_is_forgotten_leaves_nothing_and_is_erased_once() {
    let everything = [
        register(),
        begin_second_factor(),
        enable_second_factor(Proof::Totp { step: 1 }),
        link(855),
        request_reset(RESET),
        log_in(820, LoginProof::Foreign(identity(855))),
        log_in(821, wrong()),
    ];
    let mut user = Story::<User>::after(everything);
    assert_eq!(user.refusal(erase()), "user-not-active", "first the person is forgotten");
    let event = user.event(forget());
    let UserEvent::Forgotten(forgotten) = event else { panic!("{event:?}") };
    assert_eq!(forgotten.role_ids, roles(&[811]), "what reads this takes the roles away");
    let nothing = User { status: UserStatus::Forgotten, ..User::default() };
    assert_eq!(user.state, nothing);

    let mut refused = of_a_user();
    refused.extend([register(), invite(3, &[811]), accept(INVITATION), reset(RESET)]);
    for command in refused {
        user.refusal(command);
        assert_eq!(user.state, nothing, "nothing is written about who was forgotten");
    }
    assert_eq!(user.refusal(log_in(822, right())), "user-not-active");
    assert!(matches!(user.event(erase()), UserEvent::Erased(_)));
    assert!(user.state.is_erased);
    assert_eq!(user.refusal(erase()), "already-so");
}
