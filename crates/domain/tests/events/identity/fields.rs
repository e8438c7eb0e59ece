//! The fields of the data of every event of identity.

use serde_json::{Value, json};

use super::super::definitions::{Field, id, list, may, must, object, one_of, personal, some, text, the};

fn origin() -> Field {
    let origin = object(vec![must("address", text()), may("user_agent", text())]);
    may("origin", personal(origin))
}

/// Each element is there once.
fn set(items: Value) -> Value {
    let mut set = list(items);
    set["uniqueItems"] = json!(true);
    set
}

/// A set that is left out where it is empty.
fn some_set(items: Value) -> Value {
    let mut set = some(items);
    set["uniqueItems"] = json!(true);
    set
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": u32::MAX})
}

fn step() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn user(verb: &str) -> Vec<Field> {
    let profile = || {
        let parts = vec![must("email", text()), may("first_name", text()), may("last_name", text())];
        must("profile", personal(object(parts)))
    };
    let token = || object(vec![must("token_hash", text()), must("expires_at", the("time"))]);
    let (index, roles) = (|| must("email_index", id()), || must("role_ids", set(id())));
    let reason = || must("reason", personal(text()));
    let identity = || must("identity", object(vec![must("issuer", text()), must("subject_index", id())]));
    let mut fields = match verb {
        "registered" => vec![profile(), index(), must("password", personal(text())), roles()],
        "invited" => {
            vec![profile(), index(), roles(), may("removed", some_set(id())), must("invitation", token())]
        }
        "invitation_accepted" => vec![may("password", personal(text()))],
        "profile_changed" => vec![profile(), index()],
        "password_changed" => {
            vec![must("password", personal(text())), must("by", one_of(&["change", "reset"]))]
        }
        "password_reset_requested" => vec![must("reset", token())],
        "logged_in" => vec![
            must("session_id", id()),
            must("method", the("login_method")),
            may("totp_step", step()),
            may("recovery_hash", personal(text())),
        ],
        "login_refused" => {
            let reasons = one_of(&["password", "code", "code_missing", "identity", "locked", "not_active"]);
            vec![must("reason", reasons), must("failures", count()), may("locked_until", the("time"))]
        }
        "roles_changed" => {
            vec![roles(), must("added", set(id())), must("removed", set(id())), reason()]
        }
        "deactivated" | "reactivated" | "second_factor_disabled" => vec![reason()],
        "second_factor_begun" => vec![must("secret", personal(text()))],
        "second_factor_enabled" => {
            vec![must("totp_step", step()), must("recovery_hashes", personal(set(text())))]
        }
        "foreign_identity_linked" => vec![identity()],
        "foreign_identity_unlinked" => vec![identity(), reason()],
        "forgotten" => vec![must("reason", text()), roles()],
        "erased" => {
            let signed = vec![must("record", text()), must("signature", text()), must("key_id", text())];
            return [vec![must("user_id", id())], signed].into_iter().flatten().collect();
        }
        _ => panic!("no event of a user is called {verb}"),
    };
    fields.extend([must("user_id", id()), origin()]);
    fields
}

fn role(verb: &str) -> Vec<Field> {
    let permissions = || list(the("permission"));
    let mut fields = vec![must("role_id", id()), must("name", text()), origin()];
    fields.extend(match verb {
        "defined" => {
            vec![may("description", text()), must("permissions", permissions()), may("built_in", text())]
        }
        "changed" => vec![
            may("description", text()),
            must("permissions", permissions()),
            must("granted", permissions()),
            must("withdrawn", permissions()),
            may("reason", text()),
        ],
        "deleted" => vec![must("withdrawn", permissions()), may("reason", text())],
        _ => panic!("no event of a role is called {verb}"),
    });
    fields
}

fn session(verb: &str) -> Vec<Field> {
    let token = || {
        let parts = vec![must("token_id", id()), must("token_hash", text()), must("expires_at", the("time"))];
        must("token", object(parts))
    };
    let begun = || [must("method", the("login_method")), must("started_at", the("time"))];
    let mut fields = vec![must("session_id", id()), must("user_id", id()), origin()];
    match verb {
        "started" => {
            fields.extend(begun());
            fields.push(token());
        }
        "refreshed" => {
            fields.extend(begun());
            fields.extend([must("spent_token_id", id()), token()]);
        }
        "ended" => {
            let reasons = one_of(&[
                "logged_out",
                "revoked",
                "token_reused",
                "password_changed",
                "user_deactivated",
                "user_forgotten",
                "too_many",
            ]);
            fields.extend([must("token_id", id()), must("reason", reasons)]);
        }
        _ => panic!("no event of a session is called {verb}"),
    }
    fields
}

fn service_account(verb: &str) -> Vec<Field> {
    let (key, reason) = (|| must("key_id", id()), || must("reason", text()));
    let mut fields = vec![must("service_account_id", id()), origin()];
    fields.extend(match verb {
        "created" => {
            vec![must("name", text()), may("description", text()), must("role_ids", set(id()))]
        }
        "roles_changed" => {
            vec![must("role_ids", set(id())), must("added", set(id())), must("removed", set(id())), reason()]
        }
        "key_issued" => vec![
            key(),
            must("name", text()),
            must("key_hash", text()),
            may("scopes", some_set(text())),
            may("expires_at", the("time")),
        ],
        "key_used" => vec![key()],
        "key_revoked" => vec![key(), reason()],
        "deactivated" | "reactivated" => vec![reason()],
        _ => panic!("no event of a service account is called {verb}"),
    });
    fields
}

/// The fields of the data of an event.
pub(in crate::events) fn fields(aggregate: &str, verb: &str) -> Vec<Field> {
    match (aggregate, verb) {
        ("user", verb) => user(verb),
        ("role", verb) => role(verb),
        ("session", verb) => session(verb),
        ("service_account", verb) => service_account(verb),
        ("reservation", "taken" | "given_up") => {
            vec![must("kind", text()), must("reservation_id", id()), must("holder", id())]
        }
        ("administrators", "added" | "removed") => vec![must("user_id", id())],
        ("access", "refused") => vec![
            may("actor", text()),
            must("operation", text()),
            must("code", text()),
            may("permission", text()),
            must("occurred_at", the("time")),
            must("count", count()),
            origin(),
        ],
        _ => panic!("no schema is written for {aggregate} {verb}"),
    }
}
