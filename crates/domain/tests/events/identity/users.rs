//! One event of every type of a user.

use foodflow_domain::identity::session::LoginMethod;
use foodflow_domain::identity::user::{
    ForeignIdentity, ForeignIdentityLinked, ForeignIdentityUnlinked, InvitationAccepted, LoginRefusal,
    LoginRefused, OneTimeToken, PasswordChange, PasswordChanged, PasswordResetRequested, Profile,
    ProfileChanged, RolesChanged, SecondFactorBegun, SecondFactorDisabled, SecondFactorEnabled, UserErased,
    UserEvent, UserForgotten, UserInvited, UserLoggedIn, UserRegistered, UserStatusChanged,
};
use foodflow_domain::ids::UserId;
use foodflow_domain::personal::Personal;

use super::super::samples::{some, time};
use super::{ADMINISTRATOR, origin};
use crate::support::{hash, id};

const USER: u128 = 801;

fn of_user<T>(value: T) -> Personal<T> {
    Personal::new(id(USER), value)
}

fn profile(last_name: &str) -> Personal<Profile> {
    of_user(Profile {
        email: "ada@harbor-vale.example".to_owned(),
        first_name: some("Ada"),
        last_name: some(last_name),
    })
}

fn password(salt: &str) -> Personal<String> {
    let hash = "gpCGxpUNlZrJ8P2FzRUE1i3fEF5WSKMLrTiRBXvLOhw";
    of_user(format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${hash}"))
}

fn token(number: u128, expires_at: &str) -> OneTimeToken {
    OneTimeToken { token_hash: hash(number), expires_at: time(expires_at) }
}

/// From registration to erasure, in the order in which the types are declared.
pub(crate) fn user_events() -> Vec<UserEvent> {
    [account_events(), login_events(), standing_events(), second_factor_events(), last_events()].concat()
}

fn account_events() -> Vec<UserEvent> {
    let user_id: UserId = id(USER);
    vec![
        UserEvent::Registered(UserRegistered {
            user_id,
            profile: profile("Byron"),
            email_index: id(850),
            password: password("c2FsdHNhbHRzYWx0"),
            role_ids: [id(811)].into(),
            origin: origin(USER),
        }),
        UserEvent::Invited(UserInvited {
            user_id,
            profile: profile("Byron"),
            email_index: id(850),
            role_ids: [id(811)].into(),
            removed: [id(812)].into(),
            invitation: token(851, "2026-03-08T06:00:00Z"),
            origin: origin(ADMINISTRATOR),
        }),
        UserEvent::InvitationAccepted(InvitationAccepted {
            user_id,
            password: Some(password("c2FsdHNhbHRzYWx0")),
            origin: origin(USER),
        }),
        UserEvent::ProfileChanged(ProfileChanged {
            user_id,
            profile: profile("Lovelace"),
            email_index: id(850),
            origin: origin(USER),
        }),
        UserEvent::PasswordChanged(PasswordChanged {
            user_id,
            password: password("cGVwcGVycGVwcGVy"),
            by: PasswordChange::Change,
            origin: origin(USER),
        }),
        UserEvent::PasswordResetRequested(PasswordResetRequested {
            user_id,
            reset: token(852, "2026-03-01T07:00:00Z"),
            origin: origin(USER),
        }),
    ]
}

fn login_events() -> Vec<UserEvent> {
    let user_id: UserId = id(USER);
    vec![
        UserEvent::LoggedIn(UserLoggedIn {
            user_id,
            session_id: id(820),
            method: LoginMethod::PasswordAndTotp,
            totp_step: Some(59_077_640),
            recovery_hash: Some(of_user(hash(853))),
            origin: origin(USER),
        }),
        UserEvent::LoginRefused(LoginRefused {
            user_id,
            reason: LoginRefusal::Password,
            failures: 5,
            locked_until: Some(time("2026-03-01T06:00:30Z")),
            origin: origin(USER),
        }),
    ]
}

fn standing_events() -> Vec<UserEvent> {
    let user_id: UserId = id(USER);
    let status = |reason: &str| {
        let reason = of_user(reason.to_owned());
        UserStatusChanged { user_id, reason, origin: origin(ADMINISTRATOR) }
    };
    vec![
        UserEvent::RolesChanged(RolesChanged {
            user_id,
            role_ids: [id(812)].into(),
            added: [id(812)].into(),
            removed: [id(811)].into(),
            reason: of_user("Ada leads quality now".to_owned()),
            origin: origin(ADMINISTRATOR),
        }),
        UserEvent::Deactivated(status("on leave")),
        UserEvent::Reactivated(status("back from leave")),
    ]
}

fn second_factor_events() -> Vec<UserEvent> {
    let user_id: UserId = id(USER);
    vec![
        UserEvent::SecondFactorBegun(SecondFactorBegun {
            user_id,
            secret: of_user("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned()),
            origin: origin(USER),
        }),
        UserEvent::SecondFactorEnabled(SecondFactorEnabled {
            user_id,
            totp_step: 59_077_641,
            recovery_hashes: of_user([hash(854)].into()),
            origin: origin(USER),
        }),
        UserEvent::SecondFactorDisabled(SecondFactorDisabled {
            user_id,
            reason: of_user("Ada lost the telephone".to_owned()),
            origin: origin(ADMINISTRATOR),
        }),
        UserEvent::ForeignIdentityLinked(ForeignIdentityLinked {
            user_id,
            identity: ForeignIdentity {
                issuer: "https://login.harbor-vale.example".to_owned(),
                subject_index: id(855),
            },
            origin: origin(USER),
        }),
        UserEvent::ForeignIdentityUnlinked(ForeignIdentityUnlinked {
            user_id,
            identity: ForeignIdentity {
                issuer: "https://login.harbor-vale.example".to_owned(),
                subject_index: id(855),
            },
            reason: of_user("Ada has left the group".to_owned()),
            origin: origin(ADMINISTRATOR),
        }),
    ]
}

fn last_events() -> Vec<UserEvent> {
    let user_id: UserId = id(USER);
    vec![
        UserEvent::Forgotten(UserForgotten {
            user_id,
            reason: "request of the person (GDPR Art. 17)".to_owned(),
            role_ids: [id(812)].into(),
            origin: origin(ADMINISTRATOR),
        }),
        UserEvent::Erased(UserErased {
            user_id,
            record: r#"{"erased":["users","sessions"]}"#.to_owned(),
            signature: "ab".repeat(64),
            key_id: "9c".repeat(32),
        }),
    ]
}
