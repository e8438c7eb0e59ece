//! A session: its chain of refresh tokens, and how it ends.

use foodflow_domain::identity::session::{
    IDLE_HOURS_MAX, LoginMethod, SESSION_HOURS_MAX, SPENT_TOKENS_MAX, Session, SessionCommand, SessionEnd,
    SessionEvent,
};
use jiff::SignedDuration;

use super::Story;
use crate::events::identity::origin;
use crate::support::{NOW, at, hash, id};

const SESSION: u128 = 820;

/// Refresh token `number` has that id, and a hash that shows it.
fn start(number: u128) -> SessionCommand {
    SessionCommand::Start {
        session_id: id(SESSION),
        user_id: id(801),
        method: LoginMethod::Password,
        token_id: id(number),
        token_hash: hash(number),
        origin: origin(801),
    }
}

fn refresh(used: u128, next: u128) -> SessionCommand {
    SessionCommand::Refresh {
        session_id: id(SESSION),
        used_hash: hash(used),
        token_id: id(next),
        token_hash: hash(next),
        origin: origin(801),
    }
}

fn end(reason: SessionEnd) -> SessionCommand {
    SessionCommand::End { reason, origin: origin(801) }
}

fn started() -> Story<Session> {
    Story::after([start(1)])
}

/// Why the command ends the session.
fn ended(session: &mut Story<Session>, command: SessionCommand) -> SessionEnd {
    match session.event(command) {
        SessionEvent::Ended(ended) => ended.reason,
        event => panic!("{event:?}"),
    }
}

#[test]
fn a_session_starts_once() {
    let mut session = Story::<Session>::begin();
    assert_eq!(session.refusal(refresh(1, 2)), "session-ended", "there is none");
    assert_eq!(session.ask(end(SessionEnd::LoggedOut)), Ok(vec![]));
    let event = session.event(start(1));
    let SessionEvent::Started(started) = event else { panic!("{event:?}") };
    assert_eq!((started.started_at, started.token.token_id), (at(NOW), id(1)));
    assert_eq!(started.token.expires_at, at(NOW) + SignedDuration::from_hours(IDLE_HOURS_MAX));
    assert_eq!(session.refusal(start(2)), "already-exists");
    ended(&mut session, end(SessionEnd::LoggedOut));
    assert_eq!(session.refusal(start(2)), "already-exists");
}

#[test]
fn somebody_elses_session_is_as_one_that_there_is_not() {
    let refusal = |session: &Story<Session>, of| {
        session.state.require(id(SESSION), of).map_err(|error| foodflow_domain::DomainProblem::code(&error))
    };
    assert_eq!(refusal(&Story::begin(), None), Err("not-found"));
    let mut session = started();
    assert_eq!((refusal(&session, None), refusal(&session, Some(id(801)))), (Ok(()), Ok(())));
    assert_eq!(refusal(&session, Some(id(802))), Err("not-found"));
    ended(&mut session, end(SessionEnd::LoggedOut));
    assert_eq!(refusal(&session, Some(id(801))), Err("session-ended"));
}

#[test]
fn each_use_of_a_token_gives_the_next_one() {
    let mut session = started();
    for number in 1..10 {
        let event = session.wait_hours(1).event(refresh(number, number + 1));
        let SessionEvent::Refreshed(refreshed) = event else { panic!("{event:?}") };
        assert_eq!((refreshed.spent_token_id, refreshed.token.token_id), (id(number), id(number + 1)));
        assert_eq!(refreshed.token.token_hash, hash(number + 1));
        assert_eq!(refreshed.token.expires_at, session.now + SignedDuration::from_hours(IDLE_HOURS_MAX));
        assert_eq!((refreshed.user_id, refreshed.started_at), (id(801), at(NOW)));
        assert_eq!(refreshed.method, LoginMethod::Password);
    }
}

#[test]
fn a_token_that_is_used_twice_ends_the_session() {
    for reused in 1..=3 {
        let mut session = Story::<Session>::after([start(1), refresh(1, 2), refresh(2, 3), refresh(3, 4)]);
        assert_eq!(ended(&mut session, refresh(reused, 9)), SessionEnd::TokenReused);
        assert_eq!(session.refusal(refresh(4, 5)), "session-ended", "the newest token is void too");
        assert_eq!(session.refusal(refresh(reused, 5)), "session-ended");
    }
}

#[test]
fn a_token_that_never_was_ends_nothing() {
    let mut session = Story::<Session>::after([start(1), refresh(1, 2)]);
    assert_eq!(session.refusal(refresh(77, 3)), "token-invalid");
    assert!(matches!(session.event(refresh(2, 3)), SessionEvent::Refreshed(_)));
}

#[test]
fn a_session_that_is_not_refreshed_ends() {
    let seconds = IDLE_HOURS_MAX * 3_600;
    assert!(matches!(started().wait_s(seconds - 1).event(refresh(1, 2)), SessionEvent::Refreshed(_)));
    let mut late = started();
    assert_eq!(late.wait_s(seconds).refusal(refresh(1, 2)), "session-ended");
    assert!(late.state.open_at(id(SESSION), late.now).is_err());
    assert_eq!(
        ended(&mut late, end(SessionEnd::UserForgotten)),
        SessionEnd::UserForgotten,
        "it is tidied away"
    );
}

#[test]
fn a_session_ends_however_often_it_is_refreshed() {
    let mut session = started();
    let last = at(NOW) + SignedDuration::from_hours(SESSION_HOURS_MAX);
    let mut number = 1;
    while session.now + SignedDuration::from_hours(24) < last {
        session.wait_hours(24).event(refresh(number, number + 1));
        number += 1;
    }
    let open = session.state.open_at(id(SESSION), session.now).unwrap();
    assert_eq!(open.token.expires_at, last, "no token outlives the session");
    session.now = last - SignedDuration::from_secs(1);
    session.event(refresh(number, number + 1));
    assert_eq!(session.wait_s(1).refusal(refresh(number + 1, number + 2)), "session-ended");
}

#[test]
fn spent_tokens_are_remembered_up_to_a_bound() {
    let mut session = started();
    let most = u128::try_from(SPENT_TOKENS_MAX).unwrap();
    for number in 1..=most + 1 {
        session.event(refresh(number, number + 1));
        assert!(session.state.spent.len() <= SPENT_TOKENS_MAX);
    }
    assert_eq!(
        session.refusal(refresh(1, 999)),
        "token-invalid",
        "the oldest is forgotten, and not good either"
    );
    assert_eq!(ended(&mut session, refresh(2, 999)), SessionEnd::TokenReused);
    assert!(session.state.spent.is_empty(), "of a session that has ended nothing needs to be known");
}

#[test]
fn a_session_ends_once_with_its_reason_and_its_token() {
    for reason in [
        SessionEnd::LoggedOut,
        SessionEnd::Revoked,
        SessionEnd::PasswordChanged,
        SessionEnd::UserDeactivated,
        SessionEnd::UserForgotten,
        SessionEnd::TooMany,
    ] {
        let mut session = Story::<Session>::after([start(1), refresh(1, 2)]);
        let event = session.event(end(reason));
        let SessionEvent::Ended(ended) = event else { panic!("{event:?}") };
        assert_eq!((ended.reason, ended.token_id, ended.user_id), (reason, id(2), id(801)));
        assert_eq!(session.ask(end(SessionEnd::LoggedOut)), Ok(vec![]));
        assert_eq!(session.refusal(refresh(2, 3)), "session-ended");
    }
}
