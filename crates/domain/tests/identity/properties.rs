//! Laws of users, sessions and administrators under any sequence of commands.

use std::collections::BTreeSet;

use foodflow_domain::identity::administrators::{Administrators, AdministratorsCommand};
use foodflow_domain::identity::session::{
    LoginMethod, SPENT_TOKENS_MAX, Session, SessionCommand, SessionEnd, SessionEvent,
};
use foodflow_domain::identity::user::{
    FREE_FAILURES, IDENTITIES_MAX, LoginProof, Proof, SESSIONS_MAX, User, UserCommand, UserEvent, UserStatus,
};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use super::Story;
use super::users::{
    accept, begin_second_factor, change_password, change_profile, change_roles, deactivate,
    disable_second_factor, enable_second_factor, erase, forget, identity, invite, link, log_in, reactivate,
    register, request_reset, reset, unlink,
};
use crate::events::identity::origin;
use crate::support::{hash, id, replay};

fn proof() -> impl Strategy<Value = Proof> {
    prop_oneof![
        Just(Proof::None),
        Just(Proof::Wrong),
        (0..12_u64).prop_map(|step| Proof::Totp { step }),
        (90..94_u128).prop_map(|number| Proof::Recovery { recovery_hash: hash(number) }),
    ]
}

fn login() -> impl Strategy<Value = UserCommand> {
    let proof = prop_oneof![
        4 => (select(vec![true, true, false]), proof())
            .prop_map(|(fits, second)| LoginProof::Password { fits, second }),
        1 => (855..858_u128).prop_map(|subject| LoginProof::Foreign(identity(subject))),
    ];
    (1_000..2_000_u128, proof).prop_map(|(session, proof)| log_in(session, proof))
}

fn of_a_user() -> impl Strategy<Value = UserCommand> {
    let token = || 1..4_u128;
    prop_oneof![
        1 => Just(register()),
        2 => token().prop_map(|token| invite(token, &[811])),
        2 => token().prop_map(accept),
        1 => (850..852_u128).prop_map(change_profile),
        1 => select(vec![change_password(true), change_password(false)]),
        2 => token().prop_map(request_reset),
        2 => token().prop_map(reset),
        20 => login(),
        1 => (811..813_u128).prop_map(|role| change_roles(&[role])),
        1 => Just(deactivate()),
        2 => Just(reactivate()),
        2 => Just(begin_second_factor()),
        3 => proof().prop_map(enable_second_factor),
        1 => proptest::option::of(proof()).prop_map(disable_second_factor),
        1 => (855..870_u128).prop_map(link),
        1 => Just(unlink()),
        1 => select(vec![forget(), erase(), deactivate(), erase()]),
    ]
}

/// Codes of the second factor that logged somebody in since it was set up.
#[derive(Default)]
struct Used {
    step: u64,
    recovery: BTreeSet<String>,
}

impl Used {
    fn note(&mut self, event: &UserEvent) -> Result<(), TestCaseError> {
        match event {
            UserEvent::SecondFactorEnabled(data) => {
                *self = Self { step: data.totp_step, recovery: BTreeSet::new() };
            }
            UserEvent::LoggedIn(data) => {
                if let Some(step) = data.totp_step {
                    prop_assert!(step > self.step, "{} after {}", step, self.step);
                    self.step = step;
                }
                if let Some(used) = data.recovery_hash.as_ref().and_then(|hash| hash.value()) {
                    prop_assert!(self.recovery.insert(used.clone()), "a recovery code was good twice");
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn holds(user: &User) -> Result<(), TestCaseError> {
    prop_assert!(user.session_ids.len() <= SESSIONS_MAX && user.identities.len() <= IDENTITIES_MAX);
    prop_assert!(user.status == UserStatus::Active || user.session_ids.is_empty());
    prop_assert!(user.status == UserStatus::Invited || user.invitation.is_none());
    prop_assert!(user.status == UserStatus::Active || user.reset.is_none());
    prop_assert!(user.failures < FREE_FAILURES || user.locked_until.is_some());
    if user.status == UserStatus::Forgotten {
        let is_erased = user.is_erased;
        prop_assert_eq!(user, &User { status: UserStatus::Forgotten, is_erased, ..User::default() });
        let written = serde_json::to_string(user).unwrap();
        prop_assert!(!written.contains("$personal"), "{}", written);
    }
    Ok(())
}

fn start() -> SessionCommand {
    SessionCommand::Start {
        session_id: id(820),
        user_id: id(801),
        method: LoginMethod::Password,
        token_id: id(0),
        token_hash: hash(0),
        origin: origin(801),
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_of_a_user(steps in vec((0..200_i64, of_a_user()), 1..120)) {
        let mut story = Story::<User>::begin();
        let (mut history, mut used) = (Vec::new(), Used::default());
        for (seconds, command) in steps {
            let before = story.wait_s(seconds).state.clone();
            let is_locked = before.locked_until.is_some_and(|until| until > story.now);
            let Ok(events) = story.ask(command) else {
                prop_assert_eq!(&story.state, &before, "a refusal changes nothing");
                continue;
            };
            for event in &events {
                if matches!(event, UserEvent::LoggedIn(_)) {
                    prop_assert!(before.status == UserStatus::Active && !is_locked);
                }
                used.note(event)?;
            }
            history.extend(events);
            holds(&story.state)?;
        }
        prop_assert_eq!(replay::<User>(&history), story.state);
    }

    #[test]
    fn one_token_of_a_session_is_good_and_that_once(
        steps in vec((0..30_i64, 0..70_usize, select(vec![0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3])), 1..100),
    ) {
        let mut story = Story::<Session>::after([start()]);
        let (mut newest, mut is_open) = (0_usize, true);
        for (hours, back, what) in steps {
            story.wait_hours(hours);
            let used = match what {
                0 => 5_000 + back,
                1 => newest.saturating_sub(back),
                3 => {
                    story.ask(SessionCommand::End { reason: SessionEnd::LoggedOut, origin: None }).unwrap();
                    is_open = false;
                    continue;
                }
                _ => newest,
            };
            let hash_of = |number: usize| hash(u128::try_from(number).unwrap());
            let command = SessionCommand::Refresh {
                session_id: id(820),
                used_hash: hash_of(used),
                token_id: id(u128::try_from(newest + 1).unwrap()),
                token_hash: hash_of(newest + 1),
                origin: None,
            };
            match story.ask(command).as_deref() {
                Ok([SessionEvent::Refreshed(refreshed)]) => {
                    prop_assert!(is_open && used == newest && refreshed.token.expires_at > story.now);
                    newest += 1;
                }
                Ok([SessionEvent::Ended(ended)]) => {
                    prop_assert!(is_open && used < newest && ended.reason == SessionEnd::TokenReused);
                    is_open = false;
                }
                Ok(events) => prop_assert!(false, "{:?}", events),
                Err(_) => prop_assert!(used != newest || story.state.open_at(id(820), story.now).is_err()),
            }
            prop_assert_eq!(story.state.open.is_some(), is_open);
            prop_assert!(story.state.spent.len() <= SPENT_TOKENS_MAX);
        }
    }

    #[test]
    fn a_tenant_that_has_an_administrator_keeps_one(steps in vec((0..3_u8, 1..4_u128), 1..60)) {
        let mut story = Story::<Administrators>::begin();
        for (what, user) in steps {
            let had_one = !story.state.user_ids.is_empty();
            let command = match what {
                0 => AdministratorsCommand::Add(id(user)),
                1 => AdministratorsCommand::Remove(id(user)),
                _ => AdministratorsCommand::Forget(id(user)),
            };
            let is_refused = story.ask(command).is_err();
            let is_forgotten = matches!(command, AdministratorsCommand::Forget(_));
            prop_assert!(!had_one || is_forgotten || !story.state.user_ids.is_empty());
            prop_assert!(!is_forgotten || !story.state.user_ids.contains(&id(user)));
            prop_assert!(!is_refused || matches!(command, AdministratorsCommand::Remove(_)));
        }
    }
}
