//! No operation answers without a token, or with one that lacks its permission.

use std::collections::BTreeSet;

use foodflow_testkit::{Stores, TestApp, TestClient};
use uuid::Uuid;

use super::attempt::{Attempts, Refusal, Request};
use super::contract::{Contract, Operation, PERMISSIONS, PUBLIC, permission_of};
use super::tokens::forged;

/// A request that gets past the door, and no further: no body, nobody's id, a parameter that nothing takes.
fn request(operation: &Operation) -> Request {
    Request::new(operation.method.clone(), format!("{}?surprise=1", operation.path_of(Uuid::new_v4())))
}

fn secured(contract: &Contract) -> Vec<Operation> {
    contract.operations().into_iter().filter(|operation| operation.secured).collect()
}

#[tokio::test]
async fn every_operation_says_who_may_ask() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let operations = Contract::of_app(app).await?.operations();
    let names = |secured: bool| -> BTreeSet<&str> {
        operations.iter().filter(|one| one.secured == secured).map(|one| one.name.as_str()).collect()
    };
    let known = PERMISSIONS.iter().flat_map(|(_, operations)| operations.iter().copied());
    assert_eq!(
        names(true),
        known.collect(),
        "each needs its permission in the table, and a token in the document"
    );
    assert_eq!(names(false), PUBLIC.iter().copied().collect(), "these answer everyone");
    Ok(())
}

#[tokio::test]
async fn no_operation_answers_without_a_valid_token() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let contract = Contract::of(&client).await?;
    let forged = forged(app, &client.token)?;
    let unauthenticated = Refusal::new(401, "unauthenticated");
    let mut attempts = Attempts::of(&client).await?;
    for operation in secured(&contract) {
        for (why, token) in &forged {
            let stranger = client.with_token(token);
            attempts.refused_to(&stranger, why, &request(&operation), &unauthenticated).await?;
        }
        let nobody = client.with_token("");
        for (why, value) in [
            ("another scheme", "Basic ZGV2ZWxvcGVyOnNlY3JldA==".to_owned()),
            ("a bare token", client.token.clone()),
            ("a scheme alone", "Bearer".to_owned()),
            ("two tokens", format!("Bearer {0} {0}", client.token)),
        ] {
            let request = request(&operation).with("Authorization", value);
            attempts.refused_to(&nobody, why, &request, &unauthenticated).await?;
        }
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_refusal_names_the_scheme_and_no_secret() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let token = client.token.replace("ey", "xx");
    let answer = client.with_token(&token).get("/v1/locations").await?;
    answer.refused(401, "unauthenticated");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    let shown = format!("{}{}", answer.body, app.output());
    assert!(
        !shown.contains(&token) && !shown.contains(&client.token),
        "a token is neither answered nor logged"
    );
    Ok(())
}

/// A client with every permission but this one.
fn without(app: &TestApp, permission: &str) -> anyhow::Result<TestClient> {
    let others: Vec<&str> =
        PERMISSIONS.iter().map(|(name, _)| *name).filter(|name| *name != permission).collect();
    app.client(&format!("t-{}", Uuid::new_v4().simple()), &others)
}

#[tokio::test]
async fn no_operation_answers_without_its_permission() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let contract = Contract::of(&client).await?;
    let mut attempts = Attempts::of(&client).await?;
    for (permission, _) in PERMISSIONS {
        let lacking = without(app, permission)?;
        let holding = app.client(&lacking.slug, &[permission])?;
        for operation in secured(&contract) {
            let needed = permission_of(&operation.name).expect(&operation.name);
            let request = request(&operation);
            let (refused, passed) =
                if needed == *permission { (&lacking, &holding) } else { (&holding, &lacking) };
            attempts.refused_to(refused, needed, &request, &Refusal::new(403, "forbidden")).await?;
            let answer = request.send(passed).await?;
            let status = answer.status.as_u16();
            assert!(![401, 403].contains(&status), "{} with {needed}: {}", operation.name, answer.body);
        }
    }
    attempts.finish().await?;
    Ok(())
}
