//! Nobody gives, takes or takes over more than they hold.

use foodflow_testkit::{Stores, TestApp, TestClient};
use rstest::rstest;
use serde_json::{Value, json};

use super::audit::entries;
use super::{PASSWORD, Plant, email, text};

const CODE: &str = "beyond-own-permissions";

/// A plant with a people manager, who reads lots, invites people, and makes roles, accounts and keys.
struct Office {
    plant: Plant,
    manager: TestClient,
}

impl Office {
    async fn new(app: &TestApp) -> anyhow::Result<Self> {
        let plant = Plant::new(app).await?;
        let permissions = [
            "account:use",
            "lots:read",
            "users:read",
            "users:write",
            "roles:read",
            "roles:write",
            "service_accounts:read",
            "service_accounts:write",
        ];
        let role = json!({"name": "People manager", "permissions": permissions});
        plant.admin.post("/v1/roles", &role).await?.ok();
        plant.hire("kim", "People manager").await?;
        let manager = plant.client_of("kim").await?;
        Ok(Self { plant, manager })
    }

    async fn define(&self, name: &str, permissions: &[&str]) -> anyhow::Result<String> {
        let role = json!({"name": name, "permissions": permissions});
        Ok(text(&self.plant.admin.post("/v1/roles", &role).await?.ok(), "id").to_owned())
    }
}

fn invitation(office: &Office, name: &str, role_ids: &[&String]) -> Value {
    json!({"email": email(name, &office.plant.slug), "role_ids": role_ids})
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn nobody_gives_a_role_that_allows_more_than_they_hold(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let office = Office::new(app).await?;
    let (manager, admin) = (&office.manager, &office.plant.admin);
    let administrator = office.plant.role("Administrator").await?;
    let reader = office.define("Lot reader", &["lots:read", "account:use"]).await?;
    let writer = office.define("Lot writer", &["lots:read", "lots:write", "master_data:read"]).await?;

    let answer = manager.post("/v1/users", &invitation(&office, "maria", &[&reader, &writer])).await?;
    answer.refused_at(403, CODE, "/role_ids");
    let detail = text(&answer.body, "detail");
    assert!(
        detail.contains("`lots:write`, `master_data:read`") && !detail.contains("lots:read`"),
        "{detail}"
    );
    manager.post("/v1/users", &invitation(&office, "maria", &[&administrator])).await?.refused_at(
        403,
        CODE,
        "/role_ids",
    );
    let invited = manager.post("/v1/users", &invitation(&office, "maria", &[&reader])).await?.ok();
    let path = format!("/v1/users/{}/roles", text(&invited, "id"));
    let more = json!({"role_ids": [reader, writer], "reason": "moves on"});
    manager.put(&path, &more).await?.refused_at(403, CODE, "/role_ids");
    // Not to themselves either.
    let me = manager.get("/v1/me").await?.ok();
    let grab = json!({"role_ids": [administrator], "reason": "mine"});
    manager.put(&format!("/v1/users/{}/roles", text(&me, "id")), &grab).await?.refused(403, CODE);
    // What the administrator gave, nobody takes who holds less.
    admin.put(&path, &more).await?.ok();
    let less = json!({"role_ids": [reader], "reason": "back"});
    manager.put(&path, &less).await?.refused(403, CODE);
    admin.put(&path, &less).await?.ok();
    manager.put(&path, &json!({"role_ids": [], "reason": "leaves"})).await?.ok();

    // A role is widened and narrowed by who holds what it allows.
    let wide = json!({"name": "Lot reader", "permissions": ["lots:read", "lots:write"]});
    manager.put(&format!("/v1/roles/{reader}"), &wide).await?.refused_at(403, CODE, "/permissions");
    let narrow = json!({"name": "Lot writer", "permissions": ["lots:read"]});
    manager.put(&format!("/v1/roles/{writer}"), &narrow).await?.refused(403, CODE);
    let why = json!({"reason": "unused"});
    manager.post(&format!("/v1/roles/{writer}/delete"), &why).await?.refused(403, CODE);
    manager.post(&format!("/v1/roles/{reader}/delete"), &why).await?.ok();
    // Widened a moment ago, wherever that was.
    let spare = office.define("Spare", &["lots:read"]).await?;
    admin
        .put(&format!("/v1/roles/{spare}"), &json!({"name": "Spare", "permissions": ["audit:read"]}))
        .await?
        .ok();
    manager.post("/v1/users", &invitation(&office, "noor", &[&spare])).await?.refused_at(
        403,
        CODE,
        "/role_ids",
    );
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn nobody_takes_over_the_account_of_who_holds_more(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let office = Office::new(app).await?;
    let (manager, admin) = (&office.manager, &office.plant.admin);
    let path = format!("/v1/users/{}", office.plant.admin_id);
    let why = json!({"reason": "a coup"});
    manager.post(&format!("{path}/password-reset"), &json!({})).await?.refused(403, CODE);
    manager.post(&format!("{path}/deactivate"), &why).await?.refused(403, CODE);
    manager.post(&format!("{path}/second-factor/disable"), &why).await?.refused(403, CODE);
    manager.post(&format!("{path}/identities/unlink"), &why).await?.refused(403, CODE);
    let profile = json!({"email": email("kims-own", &office.plant.slug)});
    manager.put(&path, &profile).await?.refused(403, CODE);
    manager
        .put(&format!("{path}/roles"), &json!({"role_ids": [], "reason": "a coup"}))
        .await?
        .refused(403, CODE);
    // Whoever is invited is as well guarded: an invitation that is renewed is a token for the account.
    let administrator = office.plant.role("Administrator").await?;
    let body = invitation(&office, "ines", &[&administrator]);
    let invited = admin.post("/v1/users", &body).await?.ok();
    let id = text(&invited, "id");
    let again = json!({"id": id, "email": email("ines", &office.plant.slug), "role_ids": []});
    manager.post("/v1/users", &again).await?.refused(403, CODE);
    let accept = json!({"token": text(&invited, "token"), "password": PASSWORD});
    admin.with_token("none").post("/v1/invitations/accept", &accept).await?.ok();
    // Once deactivated, she is let in again by somebody who holds what she does.
    admin.post(&format!("/v1/users/{id}/deactivate"), &why).await?.ok();
    manager.post(&format!("/v1/users/{id}/reactivate"), &why).await?.refused(403, CODE);
    admin.post(&format!("/v1/users/{id}/reactivate"), &why).await?.ok();

    // The same is free to do to somebody who holds no more.
    let me = manager.get("/v1/me").await?.ok();
    let own = format!("/v1/users/{}", text(&me, "id"));
    manager.put(&own, &json!({"email": email("kim", &office.plant.slug), "first_name": "Kim"})).await?.ok();
    manager.post(&format!("{own}/password-reset"), &json!({})).await?.ok();
    let told = admin.get(&format!("/v1/users/{id}")).await?.ok();
    assert_eq!(told["status"], "active", "{told:#}");
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_key_opens_no_more_than_its_issuer_holds(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let office = Office::new(app).await?;
    let (manager, admin) = (&office.manager, &office.plant.admin);
    let integrator = office.plant.role("Integrator").await?;
    let reader = office.define("Lot reader", &["lots:read"]).await?;
    let account = |name: &str, role: &String| json!({"name": name, "role_ids": [role]});
    let refused = manager.post("/v1/service-accounts", &account("ERP", &integrator)).await?;
    refused.refused_at(403, CODE, "/role_ids");
    let made = admin.post("/v1/service-accounts", &account("ERP", &integrator)).await?.ok();
    let erp = format!("/v1/service-accounts/{}", text(&made, "id"));
    // The whole account, or one permission of it that the issuer does not hold.
    manager.post(&format!("{erp}/keys"), &json!({"name": "all"})).await?.refused(403, CODE);
    let scoped = json!({"name": "some", "scopes": ["events:read", "lots:read"]});
    manager.post(&format!("{erp}/keys"), &scoped).await?.refused_at(403, CODE, "/scopes");
    let key =
        manager.post(&format!("{erp}/keys"), &json!({"name": "lots", "scopes": ["lots:read"]})).await?.ok();
    let why = json!({"reason": "not wanted"});
    manager.post(&format!("{erp}/deactivate"), &why).await?.refused(403, CODE);
    manager.post(&format!("{erp}/keys/{}/revoke", text(&key, "id")), &why).await?.refused(403, CODE);
    manager
        .put(&format!("{erp}/roles"), &json!({"role_ids": [reader], "reason": "less"}))
        .await?
        .refused(403, CODE);

    let made = manager.post("/v1/service-accounts", &account("Scale", &reader)).await?.ok();
    let scale = format!("/v1/service-accounts/{}", text(&made, "id"));
    let more = json!({"role_ids": [integrator], "reason": "more"});
    manager.put(&format!("{scale}/roles"), &more).await?.refused_at(403, CODE, "/role_ids");
    manager.post(&format!("{scale}/keys"), &json!({"name": "all"})).await?.ok();

    // A key that is limited gives what it is limited to: the administrator's own, with one scope.
    let administrator = office.plant.role("Administrator").await?;
    let made = admin.post("/v1/service-accounts", &account("Robot", &administrator)).await?.ok();
    let robot = format!("/v1/service-accounts/{}", text(&made, "id"));
    let scopes = json!({"name": "hires", "scopes": ["users:write", "lots:read"]});
    let key = admin.post(&format!("{robot}/keys"), &scopes).await?.ok();
    let show = json!({"grant_type": "api_key", "api_key": text(&key, "api_key")});
    let grant = admin.with_token("none").post("/v1/token", &show).await?.ok();
    let hires = admin.with_token(text(&grant, "access_token"));
    hires.post("/v1/users", &invitation(&office, "maria", &[&integrator])).await?.refused(403, CODE);
    hires.post("/v1/users", &invitation(&office, "maria", &[&reader])).await?.ok();
    // It is told like every other refusal.
    let query = "action=foodflow.identity.access.refused.v1&outcome=refused";
    let told = entries(admin, query).await?;
    assert!(told.iter().any(|one| one["code"] == CODE && one["permission"].is_string()), "{told:#?}");
    Ok(())
}
