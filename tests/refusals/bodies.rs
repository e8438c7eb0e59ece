//! Bodies that are wrong as a whole: too large, too deep, no JSON, no object.

use foodflow_testkit::{Stores, TestApp, World};
use futures::stream;
use reqwest::Method;

use super::attempt::{Attempts, Refusal, Request};
use super::examples::examples;

/// Most bytes of a body.
const BYTES_MAX: usize = 1_000_000;
/// Deeper than any body, and than any reader that calls itself could go.
const DEEP: usize = 10_000;

/// `count` brackets in each other.
fn nested(open: &str, close: &str, count: usize) -> String {
    format!("{}1{}", open.repeat(count), close.repeat(count))
}

/// Bodies that no operation takes, each with the pointer that the refusal names.
fn wrong_bodies() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mut rows: Vec<(&'static str, Vec<u8>, &'static str)> = vec![
        ("deep arrays", nested("[", "]", DEEP).into_bytes(), ""),
        ("arrays without an end", "[".repeat(DEEP).into_bytes(), ""),
        ("deep objects", nested("{\"a\":", "}", DEEP).into_bytes(), "/a"),
        ("no text", vec![0xff, 0xfe, 0x00], ""),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec(), ""),
        ("a form", b"name=plant&type=plant".to_vec(), ""),
        ("XML", b"<location/>".to_vec(), ""),
    ];
    for (why, body) in [
        ("no body", ""),
        ("blanks", " \n\t"),
        ("null", "null"),
        ("a flag", "true"),
        ("a number", "1"),
        ("NaN", "NaN"),
        ("a text", "\"name\""),
        ("an empty array", "[]"),
        ("an array of an object", "[{}]"),
        ("half an object", "{"),
        ("no end", "{\"reason\":\"x\""),
        ("a comment", "/* none */ {}"),
    ] {
        rows.push((why, body.as_bytes().to_vec(), ""));
    }
    rows
}

#[tokio::test]
async fn a_body_that_is_wrong_as_a_whole_is_refused() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let examples = examples(&world).await?;
    let mut attempts = Attempts::of(&world.client).await?;
    for example in &examples {
        for (why, body, pointer) in wrong_bodies() {
            // Which part of an endless or unreadable text is at fault is not for sure; that it is refused is.
            let refusal = match why {
                "no end" | "half an object" => Refusal::new(400, "invalid-body"),
                _ => Refusal::body(pointer),
            };
            attempts.refused(why, &example.request().raw(body), &refusal).await?;
        }
        let good = example.bodies[0].to_string();
        for (why, rest) in [("a word after it", "x"), ("another body after it", "{}"), ("a bracket", "}")] {
            let body = format!("{good}{rest}");
            attempts.refused(why, &example.request().raw(body), &Refusal::body("")).await?;
        }
        let open = good.strip_suffix('}').unwrap();
        let deep = format!("{open},\"surprise\":{}}}", nested("[", "]", DEEP));
        attempts
            .refused("a deep unknown field", &example.request().raw(deep), &Refusal::body("/surprise"))
            .await?;
        let twice = format!("{open},\"reason\":{}}}", nested("{\"a\":", "}", DEEP));
        let refusal = Refusal::new(400, "invalid-body");
        attempts.refused("a deep field", &example.request().raw(twice), &refusal).await?;
    }
    attempts.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let world = World::build(app.new_tenant()?).await?;
    let examples = examples(&world).await?;
    let too_large = Refusal::new(413, "body-too-large");
    let mut attempts = Attempts::of(&world.client).await?;
    for example in &examples {
        let mut body = example.bodies[0].to_string().into_bytes();
        body.resize(2_000_000, b' ');
        attempts.refused("2 MB", &example.request().raw(body.clone()), &too_large).await?;
        body.truncate(BYTES_MAX + 1);
        attempts.refused("one byte too many", &example.request().raw(body), &too_large).await?;
    }
    attempts.finish().await?;
    for example in &examples {
        let mut body = example.bodies[0].to_string().into_bytes();
        body.resize(BYTES_MAX, b' ');
        let answer = example.request().raw(body).send(&world.client).await?;
        assert!(answer.status.is_success(), "{}: {}", example.operation, answer.body);
    }
    Ok(())
}

/// A refusal arrives, though the client is still sending when it is decided.
#[tokio::test]
async fn a_refusal_for_the_token_reaches_a_client_that_still_sends() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let stranger = client.with_token("garbage");
    let mut attempts = Attempts::of(&client).await?;
    let request = Request::new(Method::POST, "/v1/locations").raw(vec![b' '; 4_000_000]);
    for _ in 0..20 {
        attempts.refused_to(&stranger, "4 MB", &request, &Refusal::new(401, "unauthenticated")).await?;
        let elsewhere = Request { path: "/v1/unknown".to_owned(), ..request.clone() };
        attempts.refused("4 MB", &elsewhere, &Refusal::new(404, "not-found")).await?;
    }
    attempts.finish().await?;
    Ok(())
}

/// Without a length announced, only what has arrived can be counted.
#[tokio::test]
async fn a_body_of_unknown_length_is_counted_as_it_arrives() -> anyhow::Result<()> {
    let app = TestApp::shared(Stores::Embedded).await?;
    let client = app.new_tenant()?;
    let chunks = (0..200).map(|_| Ok::<_, std::io::Error>(vec![b' '; 10_000]));
    let answer = reqwest::Client::new()
        .post(format!("{}/v1/locations", app.base()))
        .bearer_auth(&client.token)
        .body(reqwest::Body::wrap_stream(stream::iter(chunks)))
        .send()
        .await?;
    assert_eq!(answer.status(), 413);
    let problem: serde_json::Value = answer.json().await?;
    assert_eq!(problem["code"], "body-too-large");
    Ok(())
}
