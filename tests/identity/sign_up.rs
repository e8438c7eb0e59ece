//! A tenant with its first administrator.

use foodflow_testkit::{Stores, TestApp};
use reqwest::Method;
use rstest::rstest;
use serde_json::json;

use super::{PASSWORD, Plant, email, log_in, position, sign_up, text};

#[rstest]
#[case::embedded(Stores::Embedded)]
#[case::servers(Stores::Servers)]
#[tokio::test]
async fn a_tenant_signs_up_once_and_its_administrator_may_do_everything(
    #[case] stores: Stores,
) -> anyhow::Result<()> {
    let app = TestApp::shared(stores).await?;
    let visitor = app.new_tenant()?.with_token("none");
    let slug = visitor.slug.clone();
    let first = visitor.post_as("sign-up-1", "/v1/sign-up", &sign_up(&slug)).await?;
    assert_eq!(first.status, 201);
    let first = first.ok();
    let again = visitor.post_as("sign-up-1", "/v1/sign-up", &sign_up(&slug)).await?.ok();
    assert_eq!(first, again, "a repeat answers with the first result");
    visitor.post("/v1/sign-up", &sign_up(&slug)).await?.refused_at(409, "already-exists", "/slug");

    let grant = log_in(&visitor, &email("admin", &slug), PASSWORD).await?.ok();
    assert_eq!((text(&grant, "user_id"), &grant["expires_in"]), (text(&first, "user_id"), &json!(600)));
    let admin = visitor.with_token(text(&grant, "access_token"));
    let me = admin.get_after(position(&first), "/v1/me").await?.ok();
    assert_eq!((text(&me, "email"), text(&me, "status")), (email("admin", &slug).as_str(), "active"));
    assert_eq!((text(&me, "first_name"), text(&me, "last_name")), ("Ada", "Fairweather"));
    assert!(me.get("password_hash").is_none(), "{me:#}");
    let tenant = admin.get_after(position(&first), "/v1/tenant").await?.ok();
    assert_eq!(text(&tenant, "name"), format!("Plant {slug}"));
    let roles = admin.get_after(position(&first), "/v1/roles").await?.ok();
    let mut names: Vec<&str> =
        roles["items"].as_array().unwrap().iter().map(|role| text(role, "name")).collect();
    names.sort_unstable();
    assert_eq!(names, ["Administrator", "Auditor", "Integrator", "Operator", "Planner", "Quality manager"]);
    let all = admin.get("/v1/permissions").await?.ok()["items"].as_array().unwrap().len();
    assert_eq!(grant["permissions"].as_array().unwrap().len(), all);
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_a_sign_up_is_told_by_its_place() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let visitor = app.new_tenant()?.with_token("none");
    let send = async |change: &dyn Fn(&mut serde_json::Value)| {
        let mut body = sign_up(&visitor.slug);
        change(&mut body);
        visitor.post("/v1/sign-up", &body).await
    };
    type Change<'a> = &'a dyn Fn(&mut serde_json::Value);
    let cases: [(&str, Change<'_>); 7] = [
        ("/slug", &|body| body["slug"] = json!("Not a slug")),
        ("/name", &|body| body["name"] = json!(" ")),
        ("/administrator/email", &|body| body["administrator"]["email"] = json!("nobody")),
        ("/administrator/password", &|body| body["administrator"]["password"] = json!("short")),
        ("/administrator/password", &|body| body["administrator"]["password"] = json!("password1234")),
        ("/administrator/first_name", &|body| body["administrator"]["first_name"] = json!("x".repeat(101))),
        ("/administrator/admin", &|body| body["administrator"]["admin"] = json!(true)),
    ];
    for (pointer, change) in cases {
        send(change).await?.refused_at(400, "invalid-body", pointer);
    }
    visitor.send(Method::POST, "/v1/sign-up", &[], Some(b"{".to_vec())).await?.refused(400, "invalid-body");
    assert_eq!(send(&|_| {}).await?.status, 201, "nothing of the refused ones was written");
    Ok(())
}

#[tokio::test]
async fn where_sign_up_is_closed_the_command_line_makes_a_tenant() -> anyhow::Result<()> {
    let closed = vec![("FOODFLOW_SIGN_UP".to_owned(), "closed".to_owned())];
    let app = TestApp::start(&["serve"], closed).await?;
    let visitor = app.client("closed-plant", &[])?.with_token("none");
    visitor.post("/v1/sign-up", &sign_up("closed-plant")).await?.refused(403, "sign-up-closed");
    let mut command = app.command(&[
        "sign-up",
        "--tenant",
        "closed-plant",
        "--name",
        "Closed plant",
        "--email",
        "ada@closed-plant.example",
        "--password-stdin",
    ])?;
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn()?;
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), PASSWORD.as_bytes())?;
    assert!(child.wait_with_output()?.status.success());
    log_in(&visitor, "ada@closed-plant.example", PASSWORD).await?.ok();
    Ok(())
}

#[tokio::test]
async fn of_two_who_sign_up_the_same_tenant_at_once_one_wins() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Servers).await?;
    let visitor = app.new_tenant()?.with_token("none");
    let (body, slug) = (sign_up(&visitor.slug), visitor.slug.clone());
    let (one, other) = tokio::join!(visitor.post("/v1/sign-up", &body), visitor.post("/v1/sign-up", &body));
    let mut statuses = [one?.status.as_u16(), other?.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    log_in(&visitor, &email("admin", &slug), PASSWORD).await?.ok();
    Plant::new(app).await?;
    Ok(())
}
