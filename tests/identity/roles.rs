//! Roles, and what a change of them does to tokens that were issued.

use foodflow_testkit::{Stores, TestApp};
use rstest::rstest;
use serde_json::json;

use super::{Plant, position, text};

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_role_is_defined_given_changed_and_deleted(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let body = |permissions: &[&str]| json!({"name": "Line lead", "description": "Leads a line", "permissions": permissions});
    let unknown = plant.admin.post("/v1/roles", &body(&["lots:juggle"])).await?;
    unknown.refused(400, "invalid-body");
    let defined = plant.admin.post("/v1/roles", &body(&["lots:read", "account:use"])).await?.ok();
    let id = text(&defined, "id");
    let twice = json!({"name": "LINE LEAD", "permissions": []});
    plant.admin.post("/v1/roles", &twice).await?.refused_at(422, "name-taken", "/name");
    let path = format!("/v1/roles/{id}");
    let role = plant.admin.get_after(position(&defined), &path).await?.ok();
    assert_eq!(role["permissions"], json!(["account:use", "lots:read"]));

    let maria_id = plant.hire("maria", "Line lead").await?;
    let maria = plant.client_of("maria").await?;
    maria.get("/v1/batches").await?.ok();
    maria.get("/v1/products").await?.refused(403, "forbidden");
    let more = body(&["lots:read", "master_data:read", "account:use"]);
    let changed = plant.admin.put(&path, &more).await?.ok();
    maria.get("/v1/batches").await?.refused(401, "unauthenticated");
    let maria = plant.client_of("maria").await?;
    maria.get("/v1/products").await?.ok();
    let role = plant.admin.get_after(position(&changed), &path).await?.ok();
    assert_eq!(role["permissions"], json!(["account:use", "lots:read", "master_data:read"]));

    let auditor = plant.role("Auditor").await?;
    let reason = "works in quality now";
    let given = json!({"role_ids": [auditor], "reason": reason});
    plant.admin.put(&format!("/v1/users/{maria_id}/roles"), &given).await?.ok();
    maria.get("/v1/products").await?.refused(401, "unauthenticated");
    let maria = plant.client_of("maria").await?;
    maria.get("/v1/products").await?.ok();
    let put = json!({"email": "m@plant.example", "role_ids": []});
    maria.post("/v1/users", &put).await?.refused(403, "forbidden");

    let both = json!({"role_ids": [auditor, id], "reason": "helps out"});
    plant.admin.put(&format!("/v1/users/{maria_id}/roles"), &both).await?.ok();
    let maria = plant.client_of("maria").await?;
    let deleted = plant.admin.post(&format!("{path}/delete"), &json!({"reason": "unused"})).await?.ok();
    maria.get("/v1/products").await?.refused(401, "unauthenticated");
    let shown = plant.admin.get_after(position(&deleted), &format!("/v1/users/{maria_id}")).await?.ok();
    assert_eq!(shown["role_ids"], json!([auditor]), "nobody has a role that there is not");
    plant.admin.get_after(position(&deleted), &path).await?.refused(404, "not-found");
    plant.admin.post("/v1/roles", &body(&["lots:read"])).await?.ok();
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_built_in_role_does_not_change_and_nobody_gives_more_than_was_given(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let role = plant.role("Administrator").await?;
    let body = json!({"name": "Administrator", "permissions": ["lots:read"]});
    plant.admin.put(&format!("/v1/roles/{role}"), &body).await?.refused(422, "role-built-in");
    let why = json!({"reason": "not wanted"});
    plant.admin.post(&format!("/v1/roles/{role}/delete"), &why).await?.refused(422, "role-built-in");
    let keeper = json!({"name": "Role keeper", "permissions": ["roles:read", "roles:write", "account:use"]});
    plant.admin.post("/v1/roles", &keeper).await?.ok();
    plant.hire("kim", "Role keeper").await?;
    let kim = plant.client_of("kim").await?;
    let grab = json!({"name": "Grab", "permissions": ["users:write"]});
    kim.post("/v1/roles", &grab).await?.refused_at(403, "beyond-own-permissions", "/permissions");
    kim.post("/v1/roles", &json!({"name": "Less", "permissions": ["roles:read"]})).await?.ok();
    Ok(())
}
