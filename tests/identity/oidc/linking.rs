//! Identities that are linked to accounts: one's own, or that of an invitation.

use serde_json::{Value, json};

use super::super::audit::entries;
use super::super::{Plant, email, text};
use super::Scene;

async fn invited(scene: &Scene, name: &str) -> anyhow::Result<Value> {
    let role = scene.plant.role("Operator").await?;
    let body = json!({"email": email(name, &scene.plant.slug), "role_ids": [role]});
    Ok(scene.plant.admin.post("/v1/users", &body).await?.ok())
}

#[tokio::test]
async fn an_invitation_is_accepted_with_an_identity_and_without_a_password() -> anyhow::Result<()> {
    let scene = Scene::new("foodflow").await?;
    let Scene { plant, visitor, .. } = &scene;
    let invitation = invited(&scene, "maria").await?;
    let token = text(&invitation, "token");
    scene.log_in("maria").await?.refused(401, "login-refused");
    let begin = |tenant: &str, token: &str| json!({"tenant": tenant, "invitation": token});
    let stranger = Plant::new(&scene.app).await?;
    for body in [begin(&stranger.slug, token), begin(&plant.slug, "ffi_x.y")] {
        visitor.post("/v1/login/oidc", &body).await?.refused(401, "token-invalid");
    }
    let body = begin(&plant.slug, token);
    let (begun, again) = (
        visitor.post("/v1/login/oidc", &body).await?.ok(),
        visitor.post("/v1/login/oidc", &body).await?.ok(),
    );
    let back = scene.back(&begun, "maria").await?;
    let grant = scene.finish(&back).await?.ok();
    assert_eq!(grant["user_id"], invitation["id"]);
    let maria = visitor.with_token(text(&grant, "access_token"));
    maria.get("/v1/batches").await?.ok();
    maria.get("/v1/users").await?.refused(403, "forbidden");
    let actor = format!("actor=user:{}", text(&invitation, "id"));
    for event in ["invitation_accepted", "foreign_identity_linked", "logged_in"] {
        let query = format!("{actor}&action=foodflow.identity.user.{event}.v1");
        assert_eq!(entries(&plant.admin, &query).await?[0]["address"], "127.0.0.1");
    }

    let second = scene.back(&again, "somebody-else").await?;
    scene.finish(&second).await?.refused(401, "token-invalid");
    scene.log_in("somebody-else").await?.refused(401, "login-refused");
    scene.log_in("maria").await?.ok();
    Ok(())
}

#[tokio::test]
async fn what_is_unlinked_opens_nothing_any_more_and_may_be_linked_anew() -> anyhow::Result<()> {
    let scene = Scene::new("foodflow").await?;
    let Scene { plant, visitor, .. } = &scene;
    let id = plant.hire("maria", "Operator").await?;
    scene.link(&plant.client_of("maria").await?, "maria").await?.ok();
    let grant = scene.log_in("maria").await?.ok();
    let maria = visitor.with_token(text(&grant, "access_token"));
    let (path, why) = (format!("/v1/users/{id}/identities/unlink"), json!({"reason": "left the group"}));
    maria.post(&path, &why).await?.refused(403, "forbidden");
    Plant::new(&scene.app).await?.admin.post(&path, &why).await?.refused(404, "not-found");
    let unlinked = plant.admin.post(&path, &why).await?.ok();
    let event = &unlinked["events"][0]["type"];
    assert_eq!(event, "foodflow.identity.user.foreign_identity_unlinked.v1", "{unlinked:#}");
    maria.get("/v1/me").await?.refused(401, "unauthenticated");
    let refresh = json!({"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]});
    visitor.post("/v1/token", &refresh).await?.refused(401, "token-invalid");
    scene.log_in("maria").await?.refused(401, "login-refused");
    assert_eq!(plant.admin.post(&path, &why).await?.ok()["events"], json!([]));

    // It was given up, so that it may be anybody's.
    scene.link(&plant.admin, "maria").await?.ok();
    let own = "/v1/me/identities/unlink";
    let admin = plant.client_of("admin").await?;
    admin.post(own, &json!({})).await?.ok();
    admin.get("/v1/me").await?.refused(401, "unauthenticated");
    scene.log_in("maria").await?.refused(401, "login-refused");
    let admin = plant.client_of("admin").await?;
    assert_eq!(admin.post(own, &json!({})).await?.ok()["events"], json!([]));
    admin.get("/v1/me").await?.ok();
    Ok(())
}

#[tokio::test]
async fn an_identity_is_linked_to_one_account_by_whoever_has_logged_in() -> anyhow::Result<()> {
    let scene = Scene::new("foodflow").await?;
    let Scene { plant, visitor, .. } = &scene;
    plant.hire("maria", "Operator").await?;
    let maria = plant.client_of("maria").await?;
    visitor.post("/v1/me/identities", &json!({})).await?.refused(401, "unauthenticated");
    let linked = scene.link(&maria, "maria").await?.ok();
    assert_eq!(
        linked["events"][0]["type"], "foodflow.identity.user.foreign_identity_linked.v1",
        "{linked:#}"
    );
    assert_eq!(scene.link(&maria, "maria").await?.ok()["events"], json!([]), "it is linked already");
    scene.link(&maria, "maria-at-home").await?.ok();
    scene.link(&plant.admin, "maria").await?.refused(422, "name-taken");
    for name in ["maria", "maria-at-home"] {
        assert_ne!(text(&scene.log_in(name).await?.ok(), "user_id"), plant.admin_id);
    }

    // What one began to link is nobody else's to end, and opens no session.
    let finish = "/v1/me/identities/finish";
    let begun = plant.admin.post("/v1/me/identities", &json!({})).await?.ok();
    maria.post(finish, &scene.back(&begun, "ada").await?).await?.refused(401, "login-expired");
    let begun = plant.admin.post("/v1/me/identities", &json!({})).await?.ok();
    scene.finish(&scene.back(&begun, "maria").await?).await?.refused(401, "login-expired");
    let begun = scene.begin().await?;
    maria.post(finish, &scene.back(&begun, "ada").await?).await?.refused(401, "login-expired");
    let begun = maria.post("/v1/me/identities", &json!({})).await?.ok();
    let mut lured = scene.back(&begun, "ada").await?;
    lured["binding"] = json!("another browser's");
    maria.post(finish, &lured).await?.refused(401, "login-expired");
    scene.log_in("ada").await?.refused(401, "login-refused");
    Ok(())
}
