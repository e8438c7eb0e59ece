//! The audit trail: a row for every event, in both stores, and nothing personal in any of them.

use foodflow_domain::TenantId;
use foodflow_log::{Position, StreamId};
use foodflow_projections::audit::{AUDIT, AuditEntry, AuditFilters, AuditOrder, audit_entries};
use foodflow_projections::page::PageRequest;
use foodflow_projections::tables::TableStore;
use serde_json::json;
use uuid::Uuid;

use crate::story::{Story, plant, recorded};
use crate::tenancy::rows::{apply_of, stores_of};

const SEALED: &str = r#"{"$personal":"01900000-0000-7000-8000-000000000007","sealed":"1.x-_y"}"#;

/// What happens at a tenant that is looked at, with events that this program does not know.
fn told() -> Story {
    let mut story = Story::new();
    let user = story.id("maria");
    let sealed: serde_json::Value = serde_json::from_str(SEALED).unwrap();
    let opened = json!({"$personal": Uuid::nil(), "value": {"address": "203.0.113.9"}});
    let told = [
        ("user", "logged_in", json!({"user_id": user, "origin": sealed})),
        ("user", "login_refused", json!({"user_id": user, "reason": "password", "origin": sealed})),
        (
            "access",
            "refused",
            json!({"actor": "user:kim", "operation": "POST /v1/users", "code": "forbidden",
                "permission": "users:write", "occurred_at": "2026-03-02T08:00:00Z", "count": 3, "origin": sealed}),
        ),
        ("access", "refused", json!({"operation": "POST /v1/login", "code": "login-refused", "count": 1})),
        ("user", "roles_changed", json!({"role_ids": [], "reason": sealed, "origin": null})),
        ("role", "deleted", json!({"reason": "not\0wanted", "code": "is none", "count": 7})),
        ("user", "mis_sealed", json!({"reason": opened, "origin": opened})),
    ];
    for (aggregate, what, data) in told {
        let stream = StreamId::new("identity", aggregate, user);
        story.record_raw(stream, &format!("foodflow.identity.{aggregate}.{what}.v1"), data.to_string());
    }
    for data in ["[1]", r#"{"reason":{"text":"why"},"origin":"a box","actor":7,"count":"x"}"#] {
        let stream = StreamId::new("recalls", "notice", story.id("notice"));
        story.record_raw(stream, "foodflow.recalls.notice.sent_refused.v9", data.to_owned());
    }
    story
}

/// All entries, read in pages of two.
async fn all(
    store: &dyn TableStore,
    tenant: TenantId,
    filters: AuditFilters,
    order: AuditOrder,
) -> Vec<AuditEntry> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, size: 2 };
        let page = audit_entries(store, tenant, filters.clone(), order, request).await.unwrap();
        rows.extend(page.items);
        after = page.next;
        if after.is_none() {
            return rows;
        }
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn every_event_is_a_row_of_who_did_what_and_why() {
    let story = told();
    for store in stores_of(&AUDIT).await {
        apply_of(&AUDIT, &*store, &story, 2).await;
        let rows = all(&*store, story.tenant, AuditFilters::default(), AuditOrder::OldestFirst).await;
        assert_eq!(rows.len(), story.messages.len());
        let positions: Vec<i64> = rows.iter().map(|row| row.position).collect();
        assert_eq!(positions, (1..=9).collect::<Vec<i64>>());
        let said: Vec<(&str, Option<&str>)> =
            rows.iter().map(|row| (row.outcome.as_str(), row.reason.as_deref())).collect();
        let expected = [
            ("done", None),
            ("refused", Some("password")),
            ("refused", None),
            ("refused", None),
            ("done", None),
            ("done", Some("not\u{fffd}wanted")),
            ("done", None),
            ("refused", None),
            ("refused", None),
        ];
        assert_eq!(said, expected);
        let [login, _, refused, nobody, roles, deleted, mis_sealed, ..] = rows.as_slice() else { panic!() };
        assert_eq!((login.actor.as_deref(), login.recorded_at), (Some("quality@plant"), recorded(1)));
        assert_eq!(login.action, "foodflow.identity.user.logged_in.v1");
        assert_eq!((login.context.as_str(), login.resource.as_str()), ("identity", "user"));
        assert_eq!((login.resource_id, login.sealed_origin.as_deref()), (story.id("maria"), Some(SEALED)));
        assert_eq!((refused.actor.as_deref(), refused.times), (Some("user:kim"), 3));
        assert_eq!(refused.operation.as_deref(), Some("POST /v1/users"));
        assert_eq!(
            (refused.code.clone(), refused.permission.clone()),
            (text("forbidden"), text("users:write"))
        );
        assert_eq!((nobody.actor.as_deref(), nobody.code.as_deref()), (None, Some("login-refused")));
        assert_eq!((roles.sealed_reason.as_deref(), roles.sealed_origin.as_deref()), (Some(SEALED), None));
        assert_eq!((deleted.code.as_deref(), deleted.times), (None, 1), "what is no refusal has no code");
        assert_eq!((&mis_sealed.sealed_origin, &mis_sealed.sealed_reason), (&None, &None));
        assert!(rows[7..].iter().all(|row| row.context == "recalls" && row.sealed_origin.is_none()));
        assert!(rows[7..].iter().all(|row| row.actor.as_deref() == Some("quality@plant") && row.times == 1));
    }
}

#[tokio::test]
async fn entries_are_filtered_and_paged_in_both_orders() {
    let story = told();
    for store in stores_of(&AUDIT).await {
        apply_of(&AUDIT, &*store, &story, 100).await;
        let ask = async |filters| {
            let rows = all(&*store, story.tenant, filters, AuditOrder::NewestFirst).await;
            rows.iter().map(|row| row.position).collect::<Vec<i64>>()
        };
        let none = AuditFilters::default;
        assert_eq!(ask(none()).await, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(ask(AuditFilters { actor: text("user:kim"), ..none() }).await, [3]);
        let action = text("foodflow.identity.user.roles_changed.v1");
        assert_eq!(ask(AuditFilters { action, ..none() }).await, [5]);
        assert_eq!(ask(AuditFilters { context: text("recalls"), ..none() }).await, [9, 8]);
        let resource_id = Some(story.id("maria"));
        assert_eq!(ask(AuditFilters { resource: text("user"), resource_id, ..none() }).await, [7, 5, 2, 1]);
        assert_eq!(ask(AuditFilters { outcome: text("refused"), ..none() }).await, [9, 8, 4, 3, 2]);
        let (since, until) = (Some(recorded(3)), Some(recorded(6)));
        assert_eq!(ask(AuditFilters { since, until, ..none() }).await, [5, 4, 3]);
        assert_eq!(ask(AuditFilters { up_to: Some(Position(2)), ..none() }).await, [2, 1]);
        assert_eq!(ask(AuditFilters { up_to: Some(Position(u64::MAX >> 1)), ..none() }).await.len(), 9);
        let stranger = TenantId(Uuid::new_v4());
        assert!(all(&*store, stranger, none(), AuditOrder::NewestFirst).await.is_empty());
    }
}

#[tokio::test]
async fn the_trail_is_the_same_whatever_the_batches() {
    let story = plant::told();
    let mut digests = Vec::new();
    for batch in [1, 7, 1_000] {
        for store in stores_of(&AUDIT).await {
            digests.push(apply_of(&AUDIT, &*store, &story, batch).await);
        }
    }
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
}
