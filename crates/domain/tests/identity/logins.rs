//! Logins: why one is refused, and how long the next one has to wait.

use foodflow_domain::identity::session::LoginMethod;
use foodflow_domain::identity::user::{
    FREE_FAILURES, LOCK_S_FIRST, LOCK_S_MAX, LoginProof, LoginRefusal, LoginRefused, Proof, SESSIONS_MAX,
    User, UserEvent,
};
use jiff::SignedDuration;

use super::Story;
use super::users::{
    INVITATION, RESET, deactivate, identity, invite, link, log_in, reactivate, register, request_reset,
    reset, right, wrong,
};
use crate::support::id;

/// Logs in, and is refused.
pub(super) fn refused(user: &mut Story<User>, proof: LoginProof) -> LoginRefused {
    match user.event(log_in(829, proof)) {
        UserEvent::LoginRefused(refused) => refused,
        event => panic!("{event:?}"),
    }
}

fn reason(user: &mut Story<User>, proof: LoginProof) -> LoginRefusal {
    refused(user, proof).reason
}

fn locked() -> Story<User> {
    let mut user = Story::<User>::after([register()]);
    for _ in 0..FREE_FAILURES {
        assert_eq!(reason(&mut user, wrong()), LoginRefusal::Password);
    }
    user
}

#[test]
fn a_login_says_how_and_which_session_starts() {
    let mut user = Story::<User>::after([register(), link(855)]);
    for (session, proof, method) in
        [(820, right(), LoginMethod::Password), (821, LoginProof::Foreign(identity(855)), LoginMethod::Oidc)]
    {
        let event = user.event(log_in(session, proof));
        let UserEvent::LoggedIn(logged_in) = event else { panic!("{event:?}") };
        assert_eq!((logged_in.session_id, logged_in.method), (id(session), method));
        assert_eq!((logged_in.totp_step, logged_in.recovery_hash), (None, None));
    }
    assert_eq!(user.state.session_ids, [id(820), id(821)]);
}

#[test]
fn a_code_that_nobody_asked_for_is_not_looked_at() {
    for second in [Proof::Totp { step: 7 }, Proof::Wrong, Proof::Recovery { recovery_hash: "x".to_owned() }] {
        let mut user = Story::<User>::after([register()]);
        let event = user.event(log_in(820, LoginProof::Password { fits: true, second }));
        let UserEvent::LoggedIn(logged_in) = event else { panic!("{event:?}") };
        assert_eq!(logged_in.method, LoginMethod::Password);
        assert_eq!((logged_in.totp_step, logged_in.recovery_hash), (None, None));
    }
}

#[test]
fn every_refused_login_has_its_reason() {
    let mut active = Story::<User>::after([register(), link(855)]);
    assert_eq!(reason(&mut active, wrong()), LoginRefusal::Password);
    let elsewhere = LoginProof::Foreign(identity(856));
    let other = refused(&mut active, elsewhere);
    assert_eq!((other.reason, other.failures), (LoginRefusal::Identity, 1), "nobody guessed anything");

    let mut deactivated = Story::<User>::after([register(), link(855), deactivate()]);
    assert_eq!(reason(&mut deactivated, right()), LoginRefusal::NotActive);
    assert_eq!(reason(&mut deactivated, LoginProof::Foreign(identity(855))), LoginRefusal::NotActive);
    assert_eq!(reason(&mut deactivated, wrong()), LoginRefusal::Password);

    let mut invited = Story::<User>::after([invite(INVITATION, &[811])]);
    assert_eq!(reason(&mut invited, right()), LoginRefusal::NotActive);
    assert_eq!(reason(&mut invited, wrong()), LoginRefusal::Password);
}

#[test]
fn wrong_passwords_are_counted_until_one_is_right() {
    let mut user = Story::<User>::after([register()]);
    for failures in 1..FREE_FAILURES {
        let refused = refused(&mut user, wrong());
        assert_eq!((refused.failures, refused.locked_until), (failures, None));
    }
    user.event(log_in(820, right()));
    assert_eq!(user.state.failures, 0);
    assert_eq!(refused(&mut user, wrong()).failures, 1);
}

#[test]
fn a_locked_user_does_not_learn_whether_the_password_fits() {
    let mut user = locked();
    let until = user.now + SignedDuration::from_secs(LOCK_S_FIRST);
    assert_eq!(user.state.locked_until, Some(until));
    user.wait_s(LOCK_S_FIRST - 1);
    let (when_right, when_wrong) = (refused(&mut user, right()), refused(&mut user, wrong()));
    assert_eq!(when_right, when_wrong);
    assert_eq!(when_right.reason, LoginRefusal::Locked);
    assert_eq!((when_right.failures, when_right.locked_until), (FREE_FAILURES, Some(until)));
    assert_eq!(reason(&mut user, LoginProof::Foreign(identity(855))), LoginRefusal::Locked);
    user.wait_s(1);
    assert!(matches!(user.event(log_in(820, right())), UserEvent::LoggedIn(_)), "the pause is over");
    assert_eq!((user.state.failures, user.state.locked_until), (0, None));
}

#[test]
fn each_further_wrong_password_doubles_the_pause_up_to_a_bound() {
    let mut user = locked();
    let mut pause_s = LOCK_S_FIRST;
    for _ in 0..70 {
        user.wait_s(pause_s);
        pause_s = (2 * pause_s).min(LOCK_S_MAX);
        let refused = refused(&mut user, wrong());
        assert_eq!(refused.reason, LoginRefusal::Password);
        assert_eq!(refused.locked_until, Some(user.now + SignedDuration::from_secs(pause_s)));
    }
    assert_eq!(pause_s, LOCK_S_MAX);
}

#[test]
fn a_lock_ends_with_a_reset_and_with_a_reactivation() {
    let mut reset_since = locked();
    reset_since.event(request_reset(RESET));
    reset_since.event(reset(RESET));
    assert!(matches!(reset_since.event(log_in(820, right())), UserEvent::LoggedIn(_)));
    let mut reactivated = locked();
    reactivated.event(deactivate());
    assert_eq!(reason(&mut reactivated, right()), LoginRefusal::Locked);
    reactivated.event(reactivate());
    assert!(matches!(reactivated.event(log_in(820, right())), UserEvent::LoggedIn(_)));
}

#[test]
fn the_oldest_of_too_many_sessions_is_crowded_out() {
    let mut user = Story::<User>::after([register()]);
    let most = u128::try_from(SESSIONS_MAX).unwrap();
    for session in 0..most {
        assert_eq!(user.state.crowded_out(), None);
        user.event(log_in(1_000 + session, right()));
    }
    assert_eq!(user.state.crowded_out(), Some(id(1_000)));
    refused(&mut user, wrong());
    assert_eq!(user.state.session_ids.len(), SESSIONS_MAX, "a refused login ends no session");
    user.event(log_in(1_000 + most, right()));
    assert_eq!(user.state.session_ids.len(), SESSIONS_MAX);
    assert_eq!(user.state.crowded_out(), Some(id(1_001)));
    assert_eq!(user.state.session_ids.last(), Some(&id(1_000 + most)));
}
