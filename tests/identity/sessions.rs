//! Logins, refreshed sessions, and their ends.

use foodflow_testkit::{Stores, TestApp};
use rstest::rstest;
use serde_json::{Value, json};

use super::{PASSWORD, Plant, email, log_in, text};

fn refresh(token: &str) -> Value {
    json!({"grant_type": "refresh_token", "refresh_token": token})
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_reuse_ends_the_session(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    let first = log_in(&visitor, &email("admin", &plant.slug), PASSWORD).await?.ok();
    let second = visitor.post("/v1/token", &refresh(text(&first, "refresh_token"))).await?.ok();
    assert_eq!(first["session_id"], second["session_id"]);
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let holder = visitor.with_token(text(&second, "access_token"));
    holder.get("/v1/me").await?.ok();

    let reused = visitor.post("/v1/token", &refresh(text(&first, "refresh_token"))).await?;
    reused.refused(401, "token-invalid");
    holder.get("/v1/me").await?.refused(401, "unauthenticated");
    let next = visitor.post("/v1/token", &refresh(text(&second, "refresh_token"))).await?;
    next.refused(401, "token-invalid");
    plant.admin.get("/v1/me").await?.ok();
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn of_many_uses_of_a_refresh_token_at_once_one_wins_and_none_goes_on(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    let grant = log_in(&visitor, &email("admin", &plant.slug), PASSWORD).await?.ok();
    let body = refresh(text(&grant, "refresh_token"));
    let answers = futures::future::join_all((0..8).map(|_| visitor.post("/v1/token", &body))).await;
    let answers: Vec<_> = answers.into_iter().collect::<anyhow::Result<_>>()?;
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refused(401, "token-invalid");
    }
    let next = refresh(text(&won[0].body, "refresh_token"));
    visitor.post("/v1/token", &next).await?.refused(401, "token-invalid");
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_session_ends_by_logout_by_an_administrator_and_one_s_own_are_listed(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let maria = plant.hire("maria", "Operator").await?;
    let visitor = plant.admin.with_token("none");
    let grant = log_in(&visitor, &email("maria", &plant.slug), PASSWORD).await?.ok();
    let one = visitor.with_token(text(&grant, "access_token"));
    let other = plant.client_of("maria").await?;
    let mut listed = other.get("/v1/me/sessions").await?.ok();
    for _ in 0..100 {
        if listed["items"].as_array().unwrap().len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        listed = other.get("/v1/me/sessions").await?.ok();
    }
    let listed = listed["items"].as_array().unwrap();
    assert!(listed.len() == 2 && listed.iter().all(|session| text(session, "user_id") == maria));
    assert_eq!(one.post("/v1/logout", &json!({})).await?.status, 204);
    one.get("/v1/me").await?.refused(401, "unauthenticated");
    let refreshed = visitor.post("/v1/token", &refresh(text(&grant, "refresh_token"))).await?;
    refreshed.refused(401, "token-invalid");
    other.get("/v1/me").await?.ok();

    other.get("/v1/sessions").await?.refused(403, "forbidden");
    let id = listed.iter().map(|session| text(session, "id")).find(|id| *id != text(&grant, "session_id"));
    let revoke = format!("/v1/sessions/{}/revoke", id.unwrap());
    other.post(&revoke, &json!({})).await?.refused(403, "forbidden");
    Plant::new(app).await?.admin.post(&revoke, &json!({})).await?.refused(404, "not-found");
    assert_eq!(plant.admin.post(&revoke, &json!({})).await?.status, 204);
    other.get("/v1/me").await?.refused(401, "unauthenticated");
    Ok(())
}

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn too_many_wrong_logins_lock_an_account_and_nothing_tells_which_exist(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let plant = Plant::new(app).await?;
    let visitor = plant.admin.with_token("none");
    let admin = email("admin", &plant.slug);
    let wrong = log_in(&visitor, &admin, "not the password").await?;
    wrong.refused(401, "login-refused");
    let unknown = log_in(&visitor, &email("nobody", &plant.slug), "not the password").await?;
    assert_eq!(wrong.body, unknown.body);
    for _ in 0..4 {
        assert_eq!(log_in(&visitor, &admin, "not the password").await?.body, wrong.body);
    }
    let locked = log_in(&visitor, &admin, PASSWORD).await?;
    assert_eq!(locked.body, wrong.body, "the right password is refused alike while the account is locked");
    let mut shown = plant.admin.get("/v1/me").await?.ok();
    for _ in 0..100 {
        if !shown["locked_until"].is_null() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        shown = plant.admin.get("/v1/me").await?.ok();
    }
    assert!(shown["locked_until"].is_string(), "{shown:#}");
    Ok(())
}
