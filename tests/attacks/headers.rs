//! Headers that say a thing twice, or what they have no right to say.

use super::hurried;
use super::raw::{all_refused, exchange, still_answers};

#[tokio::test]
async fn a_host_is_named_once() -> anyhow::Result<()> {
    let app = hurried().await?;
    let hosts = [
        ("none", ""),
        ("two", "Host: plant\r\nHost: other\r\n"),
        ("the same twice", "Host: plant\r\nHost: plant\r\n"),
        ("an empty one", "Host:\r\n"),
        ("one with a user", "Host: admin@plant\r\n"),
        ("one with a path", "Host: plant/healthz\r\n"),
        ("one with a space", "Host: plant other\r\n"),
        ("a list", "Host: plant, other\r\n"),
        ("one with two ports", "Host: plant:1:2\r\n"),
    ];
    let attacks =
        hosts.map(|(name, lines)| (name.to_owned(), format!("GET /healthz HTTP/1.1\r\n{lines}\r\n").into()));
    all_refused(app, attacks.into(), &[400]).await
}

#[tokio::test]
async fn the_host_is_never_repeated() -> anyhow::Result<()> {
    let app = hurried().await?;
    let lines = "Host: evil.example\r\nX-Forwarded-Host: evil.example\r\nX-Host: evil.example\r\n\
                 Forwarded: host=evil.example";
    for path in ["/healthz", "/v1/openapi.json", "/nowhere", "/v1/batches"] {
        let answers = exchange(app, format!("GET {path} HTTP/1.1\r\n{lines}\r\n\r\n").as_bytes()).await?;
        assert_eq!(answers.len(), 1, "{path}");
        assert!(!format!("{answers:?}").contains("evil.example"), "{path}: {answers:?}");
    }
    Ok(())
}

#[tokio::test]
async fn two_tokens_are_refused() -> anyhow::Result<()> {
    let app = hurried().await?;
    let (one, other) = (app.new_tenant()?.token, app.new_tenant()?.token);
    let request =
        |lines: &str| format!("GET /v1/batches HTTP/1.1\r\nHost: plant\r\n{lines}\r\n\r\n").into_bytes();
    let attacks = [
        ("two tokens", format!("Authorization: Bearer {one}\r\nAuthorization: Bearer {other}")),
        ("the same token twice", format!("Authorization: Bearer {one}\r\nauthorization: Bearer {one}")),
        ("a token and an empty one", format!("Authorization: Bearer {one}\r\nAuthorization:")),
    ];
    all_refused(app, attacks.map(|(name, lines)| (name.to_owned(), request(&lines))).into(), &[400]).await?;
    let lists = [
        ("a list of tokens", format!("Authorization: Bearer {one}, Bearer {other}")),
        ("a token of another header", format!("X-Authorization: Bearer {one}")),
        ("a name with an underscore", format!("Authorization_: Bearer {one}")),
        ("a token of the proxy", format!("Proxy-Authorization: Bearer {one}")),
        ("a cookie", format!("Cookie: authorization=Bearer {one}")),
    ];
    all_refused(app, lists.map(|(name, lines)| (name.to_owned(), request(&lines))).into(), &[401]).await
}

#[tokio::test]
async fn a_method_and_a_path_are_those_of_the_first_line() -> anyhow::Result<()> {
    let app = hurried().await?;
    let token = app.new_tenant()?.token;
    for line in [
        "X-HTTP-Method-Override: DELETE",
        "X-HTTP-Method: PUT",
        "X-Method-Override: POST",
        "X-Original-URL: /v1/events",
        "X-Rewrite-URL: /v1/events",
        "X-Original-Method: POST",
    ] {
        let request = format!(
            "GET /v1/batches?_method=POST HTTP/1.1\r\nHost: plant\r\nAuthorization: Bearer {token}\r\n{line}\r\n\r\n"
        );
        let answers = exchange(app, request.as_bytes()).await?;
        // An unknown parameter, of a read: so it was taken for what its first line says.
        assert!(answers.len() == 1 && answers[0].code() == "invalid-parameter", "{line}: {answers:?}");
        let request = format!("GET /healthz HTTP/1.1\r\nHost: plant\r\n{line}\r\n\r\n");
        let answers = exchange(app, request.as_bytes()).await?;
        assert!(answers.len() == 1 && answers[0].body == "ok\n", "{line}: {answers:?}");
    }
    let request =
        "POST /healthz HTTP/1.1\r\nHost: plant\r\nX-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n\r\n";
    all_refused(app, vec![("an override".to_owned(), request.into())], &[405]).await
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() -> anyhow::Result<()> {
    let app = hurried().await?;
    for path in ["/healthz", "/metrics", "/v1/openapi.json", "/v1/batches", "/nowhere", "/%2e%2e/", "/?%00"] {
        let answers = exchange(app, format!("GET {path} HTTP/1.1\r\nHost: plant\r\n\r\n").as_bytes()).await?;
        let [answer] = answers.as_slice() else { panic!("{path}: {answers:?}") };
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}: {name}");
        }
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(answer.header("strict-transport-security"), None, "{path} came without TLS");
        assert_eq!(answer.header("server"), None, "{path}");
    }
    still_answers(app).await
}
