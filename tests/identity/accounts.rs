//! People of a tenant: invited, deactivated, given roles and passwords.

use foodflow_testkit::{Stores, TestApp};
use rstest::rstest;
use serde_json::json;

use super::{OTHER_PASSWORD, PASSWORD, Plant, email, log_in, position, text};

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn somebody_is_invited_accepts_and_is_deactivated_at_once(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    let role = plant.role("Operator").await?;
    let body = json!({"email": " Maria@Plant.Example", "last_name": "Ito", "role_ids": [role]});
    plant.admin.post("/v1/users", &body).await?.refused_at(400, "invalid-body", "/email");
    let body = json!({"email": "Maria@Plant.Example", "last_name": "Ito", "role_ids": [role]});
    let invited = plant.admin.post_as("invite-1", "/v1/users", &body).await?;
    assert_eq!(invited.status, 201);
    let invited = invited.ok();
    assert_eq!(plant.admin.post_as("invite-1", "/v1/users", &body).await?.ok(), invited);
    plant.admin.post("/v1/users", &body).await?.refused_at(422, "name-taken", "/email");
    let unknown = json!({"email": "x@plant.example", "role_ids": ["0190f4c2-0000-7000-8000-000000000000"]});
    plant.admin.post("/v1/users", &unknown).await?.refused_at(404, "not-found", "/role_ids");
    let id = text(&invited, "id");
    let user = plant.admin.get_after(position(&invited), &format!("/v1/users/{id}")).await?.ok();
    assert_eq!((text(&user, "email"), text(&user, "status")), ("maria@plant.example", "invited"));
    assert_eq!(user["role_ids"], json!([role]));
    log_in(&visitor, "maria@plant.example", PASSWORD).await?.refused(401, "login-refused");

    let token = text(&invited, "token");
    let accept = |token: &str| json!({"token": token, "password": PASSWORD});
    let (about, secret) = token.split_once('.').unwrap();
    let other = if secret.starts_with('x') { "y" } else { "x" };
    let forged = format!("{about}.{other}{}", &secret[1..]);
    visitor.post("/v1/invitations/accept", &accept(&forged)).await?.refused(401, "token-invalid");
    let accepted = visitor.post("/v1/invitations/accept", &accept(token)).await?.ok();
    visitor.post("/v1/invitations/accept", &accept(token)).await?.refused(401, "token-invalid");
    let grant = log_in(&visitor, "MARIA@plant.example", PASSWORD).await?.ok();
    let maria = visitor.with_token(text(&grant, "access_token"));
    maria.get_after(position(&accepted), "/v1/me").await?.ok();
    maria.get("/v1/users").await?.refused(403, "forbidden");
    maria.get("/v1/batches").await?.ok();

    let why = json!({"reason": "left the company"});
    let path = format!("/v1/users/{id}/deactivate");
    maria.post(&path, &why).await?.refused(403, "forbidden");
    Plant::new(app).await?.admin.post(&path, &why).await?.refused(404, "not-found");
    let gone = plant.admin.post(&path, &why).await?.ok();
    maria.get("/v1/me").await?.refused(401, "unauthenticated");
    let refresh = json!({"grant_type": "refresh_token", "refresh_token": grant["refresh_token"]});
    visitor.post("/v1/token", &refresh).await?.refused(401, "token-invalid");
    log_in(&visitor, "maria@plant.example", PASSWORD).await?.refused(401, "login-refused");
    let user = plant.admin.get_after(position(&gone), &format!("/v1/users/{id}")).await?.ok();
    assert_eq!((text(&user, "status"), &user["is_active"]), ("deactivated", &json!(false)));
    plant.admin.post(&format!("/v1/users/{id}/reactivate"), &why).await?.ok();
    log_in(&visitor, "maria@plant.example", PASSWORD).await?.ok();
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_tenant_keeps_an_administrator(#[case] stores: Stores) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let (why, path) = (json!({"reason": "holiday"}), format!("/v1/users/{}", plant.admin_id));
    plant.admin.post(&format!("{path}/deactivate"), &why).await?.refused(422, "last-administrator");
    let none = json!({"role_ids": [], "reason": "holiday"});
    plant.admin.put(&format!("{path}/roles"), &none).await?.refused(422, "last-administrator");
    plant.hire("bob", "Administrator").await?;
    plant.admin.post(&format!("{path}/deactivate"), &why).await?.ok();
    plant.admin.get("/v1/me").await?.refused(401, "unauthenticated");
    plant.client_of("bob").await?.get("/v1/users").await?.ok();
    Ok(())
}

#[tokio::test]
async fn wrong_present_passwords_lock_as_wrong_logins_do() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let plant = Plant::new(app).await?;
    plant.hire("maria", "Planner").await?;
    let session = plant.client_of("maria").await?;
    let change = |present: &str| json!({"present": present, "password": OTHER_PASSWORD});
    for number in 0..5 {
        let wrong = session.post_as(&format!("wrong-{number}"), "/v1/me/password", &change("wrong")).await?;
        wrong.refused(422, "password-wrong");
    }
    // A repeat is the same answer, and counts no more.
    session.post_as("wrong-4", "/v1/me/password", &change("wrong")).await?.refused(422, "password-wrong");
    for present in ["wrong", PASSWORD] {
        session.post("/v1/me/password", &change(present)).await?.refused(422, "user-locked");
    }
    let maria = email("maria", &plant.slug);
    log_in(&session.with_token("none"), &maria, PASSWORD).await?.refused(401, "login-refused");
    session.get("/v1/me").await?.ok();
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_password_is_changed_and_reset_and_ends_every_session(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    let id = plant.hire("maria", "Planner").await?;
    let (one, other) = (plant.client_of("maria").await?, plant.client_of("maria").await?);
    let change = |present: &str, password: &str| json!({"present": present, "password": password});
    let wrong = one.post("/v1/me/password", &change("wrong", OTHER_PASSWORD)).await?;
    wrong.refused(422, "password-wrong");
    let weak = one.post("/v1/me/password", &change(PASSWORD, "1234567890")).await?;
    weak.refused_at(400, "invalid-body", "/password");
    one.post("/v1/me/password", &change(PASSWORD, OTHER_PASSWORD)).await?.ok();
    for client in [&one, &other] {
        client.get("/v1/me").await?.refused(401, "unauthenticated");
    }
    let maria = email("maria", &plant.slug);
    log_in(&visitor, &maria, PASSWORD).await?.refused(401, "login-refused");
    let grant = log_in(&visitor, &maria, OTHER_PASSWORD).await?.ok();
    let session = visitor.with_token(text(&grant, "access_token"));

    let path = format!("/v1/users/{id}/password-reset");
    let issued = plant.admin.post_as("reset-1", &path, &json!({})).await?.ok();
    assert_eq!(plant.admin.post_as("reset-1", &path, &json!({})).await?.ok(), issued);
    session.get("/v1/me").await?.ok();
    let reset = json!({"token": text(&issued, "token"), "password": PASSWORD});
    visitor.post("/v1/password-resets/use", &reset).await?.ok();
    visitor.post("/v1/password-resets/use", &reset).await?.refused(401, "token-invalid");
    session.get("/v1/me").await?.refused(401, "unauthenticated");
    log_in(&visitor, &maria, PASSWORD).await?.ok();
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_profile_is_written_anew_and_gives_the_old_address_up(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    plant.hire("maria", "Planner").await?;
    let maria = plant.client_of("maria").await?;
    let admin = json!({"email": email("admin", &plant.slug)});
    maria.put("/v1/me", &admin).await?.refused_at(422, "name-taken", "/email");
    let body = json!({"email": email("mia", &plant.slug), "first_name": "Mia", "last_name": "Ito"});
    let changed = maria.put("/v1/me", &body).await?.ok();
    let me = maria.get_after(position(&changed), "/v1/me").await?.ok();
    assert_eq!((text(&me, "email"), text(&me, "last_name")), (email("mia", &plant.slug).as_str(), "Ito"));
    log_in(&visitor, &email("maria", &plant.slug), PASSWORD).await?.refused(401, "login-refused");
    log_in(&visitor, &email("mia", &plant.slug), PASSWORD).await?.ok();
    plant.hire("maria", "Operator").await?;
    let found = format!("/v1/users?email={}", email("MIA", &plant.slug));
    let page = plant.admin.get_after(position(&changed), &found).await?.ok();
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "{page:#}");
    Ok(())
}
