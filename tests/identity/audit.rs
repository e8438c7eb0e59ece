//! Who did what when: logins, refusals, changes of roles and uses of keys, each with actor, address and reason.

use std::time::{Duration, Instant};

use foodflow_testkit::{Stores, TestApp, TestClient};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use super::{OTHER_PASSWORD, Plant, email, log_in, position, text};

/// Entries of this query, once there are some: refusals are written in the background.
pub(super) async fn entries(client: &TestClient, query: &str) -> anyhow::Result<Vec<Value>> {
    entries_with(client, query, |_| true).await
}

/// The same, once such a one is among them: what is refused within a second may be written one after the other.
pub(super) async fn entries_with(
    client: &TestClient,
    query: &str,
    such: impl Fn(&Value) -> bool,
) -> anyhow::Result<Vec<Value>> {
    let began = Instant::now();
    loop {
        let page = client.get(&format!("/v1/audit?page%5Bsize%5D=500&{query}")).await?.ok();
        let items = page["items"].as_array().unwrap();
        if items.iter().any(&such) {
            return Ok(items.clone());
        }
        anyhow::ensure!(began.elapsed() < Duration::from_secs(30), "no such entry of {query}: {page:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn local(entry: &Value) -> bool {
    ["127.0.0.1", "::1"].contains(&entry["address"].as_str().unwrap_or_default())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn what_matters_is_there_with_actor_address_and_reason(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    let maria_id = plant.hire("maria", "Operator").await?;
    let maria = plant.client_of("maria").await?;
    let actor = format!("actor=user:{maria_id}");

    let login = entries(&plant.admin, &format!("{actor}&action=foodflow.identity.user.logged_in.v1")).await?;
    assert!(login.iter().all(|one| local(one) && one["outcome"] == "done" && one["resource"] == "user"));

    log_in(&visitor, &email("maria", &plant.slug), OTHER_PASSWORD).await?.refused(401, "login-refused");
    let refused = format!("resource_id={maria_id}&outcome=refused");
    let refused = entries(&plant.admin, &refused).await?;
    assert_eq!(text(&refused[0], "action"), "foodflow.identity.user.login_refused.v1");
    assert!(refused[0]["reason"] == "password" && local(&refused[0]), "{:#}", refused[0]);

    maria.get("/v1/users?status=active").await?.refused(403, "forbidden");
    let access = format!("{actor}&outcome=refused&action=foodflow.identity.access.refused.v1");
    let is_listing = |one: &Value| one["operation"] == "GET /v1/users";
    let forbidden = entries_with(&plant.admin, &access, is_listing).await?;
    let forbidden = forbidden.iter().find(|one| is_listing(one)).unwrap();
    assert!(forbidden["code"] == "forbidden" && forbidden["permission"] == "users:read", "{forbidden:#}");
    assert!(local(forbidden) && forbidden["times"] == 1, "{forbidden:#}");

    let auditor = plant.role("Auditor").await?;
    let given = json!({"role_ids": [auditor], "reason": "=works in quality now"});
    let changed = plant.admin.put(&format!("/v1/users/{maria_id}/roles"), &given).await?.ok();
    let query = format!("/v1/audit?action=foodflow.identity.user.roles_changed.v1&resource_id={maria_id}");
    let page = plant.admin.get_after(position(&changed), &query).await?.ok();
    let entry = &page["items"][0];
    assert_eq!(text(entry, "actor"), format!("user:{}", plant.admin_id));
    assert!(entry["reason"] == "=works in quality now" && local(entry), "{entry:#}");
    // The token went with the roles; that it was tried is told, too.
    maria.get("/v1/batches").await?.refused(401, "unauthenticated");
    entries_with(&plant.admin, &access, |one| one["code"] == "unauthenticated").await?;

    let body = json!({"name": "ERP bridge", "role_ids": [plant.role("Integrator").await?]});
    let account = plant.admin.post("/v1/service-accounts", &body).await?.ok();
    let keys = format!("/v1/service-accounts/{}/keys", text(&account, "id"));
    let key = plant.admin.post(&keys, &json!({"name": "spring", "scopes": null})).await?.ok();
    let shown = json!({"grant_type": "api_key", "api_key": text(&key, "api_key")});
    visitor.post("/v1/token", &shown).await?.ok();
    let used = entries(&plant.admin, "action=foodflow.identity.service_account.key_used.v1").await?;
    assert_eq!(text(&used[0], "actor"), format!("service_account:{}", text(&account, "id")));
    assert!(local(&used[0]), "{:#}", used[0]);

    // Whoever was forgotten is in it, and from where is not.
    let why = json!({"reason": "request of the person"});
    let erased = plant.admin.post(&format!("/v1/users/{maria_id}/forget"), &why).await?.ok();
    let query = format!("/v1/audit?{actor}&page%5Bsize%5D=500");
    let page = plant.admin.get_after(position(&erased), &query).await?.ok();
    let items = page["items"].as_array().unwrap();
    assert!(!items.is_empty() && items.iter().all(|one| one["address"].is_null()), "{page:#}");

    let stranger = Plant::new(app).await?;
    let theirs = stranger.admin.get(&format!("/v1/audit?{actor}")).await?.ok();
    assert_eq!(theirs["items"], json!([]));
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn the_trail_is_paged_and_written_as_lines(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let body = json!({"name": "Line lead", "permissions": ["lots:read"]});
    let defined = plant.admin.post("/v1/roles", &body).await?.ok();
    let why = json!({"reason": "=2+3,\"x\""});
    let deleted = plant.admin.post(&format!("/v1/roles/{}/delete", text(&defined, "id")), &why).await?.ok();
    let end = position(&deleted);
    let (mut after, mut paged) = (String::new(), Vec::new());
    loop {
        let path = format!("/v1/audit?as_of={end}&page%5Bsize%5D=3{after}");
        let page = plant.admin.get_after(end, &path).await?.ok();
        paged.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&page%5Bafter%5D={next}");
    }
    let recorded: Vec<&str> = paged.iter().map(|entry| text(entry, "recorded_at")).collect();
    assert!(recorded.is_sorted_by(|one, next| one >= next), "newest first: {recorded:?}");
    let events = plant.admin.get_after(end, &format!("/v1/events?limit=1000&as_of={end}")).await?.ok();
    assert_eq!(paged.len(), events.as_array().unwrap().len(), "a row for every event");

    let file = |format: &str| format!("/v1/audit/export?format={format}&as_of={end}");
    let lines = plant.admin.get_after(end, &file("ndjson")).await?;
    assert_eq!(lines.header("content-type"), Some("application/x-ndjson"));
    let lines = lines.ok();
    let mut exported: Vec<Value> =
        lines.as_str().unwrap().lines().map(|line| line.parse().unwrap()).collect();
    exported.reverse();
    assert_eq!(exported, paged, "oldest first, and the same");
    let csv = plant.admin.get_after(end, &file("csv")).await?.ok();
    let csv = csv.as_str().unwrap();
    assert!(csv.starts_with("id,recorded_at,position,actor,"), "{csv}");
    assert_eq!(csv.matches("\r\n").count(), paged.len() + 1);
    assert!(csv.contains("\"'=2+3,\"\"x\"\"\""), "no formula: {csv}");
    let accept = [("Accept", "text/csv")];
    let page = plant.admin.send(Method::GET, "/v1/audit?page%5Bsize%5D=2", &accept, None).await?;
    assert!(page.header("content-type").unwrap().starts_with("text/csv"));
    assert!(page.header("foodflow-next").is_some());
    assert_eq!(page.ok().as_str().unwrap().matches("\r\n").count(), 3);
    let nothing = plant.admin.get("/v1/audit?until=2020-01-01T00:00:00Z").await?.ok();
    assert_eq!(nothing, json!({"items": [], "next": null}));
    Ok(())
}
