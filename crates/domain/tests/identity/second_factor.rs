//! The second factor: set up, asked for, and never good twice.

use foodflow_domain::identity::session::LoginMethod;
use foodflow_domain::identity::user::{
    FREE_FAILURES, LoginProof, LoginRefusal, Proof, User, UserEvent, UserLoggedIn,
};
use foodflow_domain::personal::Personal;

use super::Story;
use super::logins::refused;
use super::users::{
    begin_second_factor, disable_second_factor, enable_second_factor, identity, link, log_in, register, right,
};
use crate::support::hash;

fn totp(step: u64) -> Proof {
    Proof::Totp { step }
}

fn recovery(number: u128) -> Proof {
    Proof::Recovery { recovery_hash: hash(number) }
}

fn with(second: Proof) -> LoginProof {
    LoginProof::Password { fits: true, second }
}

/// A user who proved the second factor in time step 100, with the recovery codes 91 and 92.
fn enabled() -> Story<User> {
    Story::after([register(), begin_second_factor(), enable_second_factor(totp(100))])
}

fn logged_in(user: &mut Story<User>, second: Proof) -> UserLoggedIn {
    match user.event(log_in(820, with(second))) {
        UserEvent::LoggedIn(logged_in) => logged_in,
        event => panic!("{event:?}"),
    }
}

#[test]
fn it_is_asked_for_once_it_was_proved() {
    let mut user = Story::<User>::after([register()]);
    assert_eq!(user.refusal(enable_second_factor(totp(100))), "second-factor", "not begun");
    user.event(begin_second_factor());
    assert!(!user.state.has_second_factor());
    assert_eq!(logged_in(&mut user, Proof::None).method, LoginMethod::Password);
    for proof in [Proof::None, Proof::Wrong, recovery(91)] {
        assert_eq!(user.refusal(enable_second_factor(proof)), "code-invalid");
    }
    user.event(begin_second_factor());
    user.event(enable_second_factor(totp(100)));
    assert!(user.state.has_second_factor());
    assert_eq!(user.refusal(enable_second_factor(totp(101))), "second-factor", "set up already");
    assert_eq!(
        user.refusal(begin_second_factor()),
        "second-factor",
        "a thief of a session does not replace it"
    );
    let missing = refused(&mut user, right());
    assert_eq!((missing.reason, missing.failures), (LoginRefusal::CodeMissing, 0));
}

#[test]
fn a_code_is_never_good_twice_nor_one_before_it() {
    let mut user = enabled();
    assert_eq!(refused(&mut user, with(totp(100))).reason, LoginRefusal::Code, "it proved the factor");
    let login = logged_in(&mut user, totp(102));
    assert_eq!((login.method, login.totp_step), (LoginMethod::PasswordAndTotp, Some(102)));
    for step in [102, 101, 0] {
        assert_eq!(refused(&mut user, with(totp(step))).reason, LoginRefusal::Code);
    }
    logged_in(&mut user, totp(103));
}

#[test]
fn a_recovery_code_is_good_once() {
    let mut user = enabled();
    let login = logged_in(&mut user, recovery(91));
    assert_eq!(login.method, LoginMethod::PasswordAndRecoveryCode);
    assert_eq!(login.recovery_hash.and_then(Personal::into_value), Some(hash(91)));
    for number in [91, 93] {
        assert_eq!(refused(&mut user, with(recovery(number))).reason, LoginRefusal::Code);
    }
    logged_in(&mut user, recovery(92));
    assert_eq!(refused(&mut user, with(recovery(92))).reason, LoginRefusal::Code);
    logged_in(&mut user, totp(101));
}

#[test]
fn wrong_codes_lock_as_wrong_passwords_do() {
    let mut user = enabled();
    for failures in 1..=FREE_FAILURES {
        let refused = refused(&mut user, with(Proof::Wrong));
        assert_eq!((refused.reason, refused.failures), (LoginRefusal::Code, failures));
    }
    assert_eq!(refused(&mut user, with(totp(101))).reason, LoginRefusal::Locked);
}

#[test]
fn a_wrong_password_is_refused_before_the_code_is_looked_at() {
    let mut user = enabled();
    let proof = LoginProof::Password { fits: false, second: recovery(91) };
    assert_eq!(refused(&mut user, proof).reason, LoginRefusal::Password);
    logged_in(&mut user, recovery(91));
}

#[test]
fn a_foreign_provider_asks_for_its_own_second_factor() {
    let mut user = enabled();
    user.event(link(855));
    let event = user.event(log_in(821, LoginProof::Foreign(identity(855))));
    assert!(matches!(event, UserEvent::LoggedIn(_)), "{event:?}");
}

#[test]
fn it_is_disabled_with_a_code_or_by_an_administrator() {
    let mut user = Story::<User>::after([register(), begin_second_factor()]);
    assert_eq!(user.refusal(disable_second_factor(None)), "second-factor", "not set up");
    assert_eq!(enabled().refusal(disable_second_factor(Some(Proof::None))), "code-invalid");
    for proof in [Proof::Wrong, totp(100), recovery(93)] {
        let mut user = enabled();
        for failures in 1..=5 {
            let event = user.event(disable_second_factor(Some(proof.clone())));
            let UserEvent::LoginRefused(wrong) = event else { panic!("{event:?}") };
            assert_eq!((wrong.reason, wrong.failures), (LoginRefusal::Code, failures));
        }
        assert_eq!(user.refusal(disable_second_factor(Some(totp(101)))), "user-locked");
        assert!(user.state.has_second_factor());
        // An administrator is asked for no code.
        user.event(disable_second_factor(None));
    }
    for proof in [Some(totp(101)), Some(recovery(91)), None] {
        let mut user = enabled();
        let event = user.event(disable_second_factor(proof));
        assert!(matches!(event, UserEvent::SecondFactorDisabled(_)), "{event:?}");
        assert_eq!(user.state.second_factor, None);
        assert_eq!(logged_in(&mut user, Proof::None).method, LoginMethod::Password);
    }
}
