//! Too much of everything.

use super::hurried;
use super::raw::{all_refused, exchange, still_answers};

#[tokio::test]
async fn a_head_has_its_bounds() -> anyhow::Result<()> {
    let app = hurried().await?;
    let head =
        |path: &str, lines: &str| format!("GET {path} HTTP/1.1\r\nHost: plant\r\n{lines}\r\n").into_bytes();
    let many = |count: usize| (0..count).map(|number| format!("X-{number}: 1\r\n")).collect::<String>();
    let long = |bytes: usize| format!("X-Long: {}\r\n", "x".repeat(bytes));
    let query = |bytes: usize| format!("/healthz?{}", "x".repeat(bytes));
    let refused = [
        ("too many headers", head("/healthz", &many(100)), 431),
        ("ten thousand headers", head("/healthz", &many(10_000)), 431),
        ("a long header", head("/healthz", &long(100_000)), 431),
        ("a long address", head(&query(9_000), ""), 414),
    ];
    for (name, bytes, status) in refused {
        all_refused(app, vec![(name.to_owned(), bytes)], &[status]).await?;
    }
    // Whoever goes on sending may meet a closed connection before he reads the answer.
    let endless = format!("GET /healthz HTTP/1.1\r\nHost: plant\r\nX-Long: {}", "x".repeat(2_000_000));
    all_refused(app, vec![("a head without an end".to_owned(), endless.into())], &[431, 0]).await?;
    all_refused(app, vec![("a very long address".to_owned(), head(&query(100_000), ""))], &[414, 431])
        .await?;
    let taken = exchange(app, &head(&query(8_000), &(many(50) + &long(8_000)))).await?;
    assert!(taken.len() == 1 && taken[0].status == 200, "{taken:?}");
    Ok(())
}

#[tokio::test]
async fn a_body_has_its_bound_however_it_comes() -> anyhow::Result<()> {
    let app = hurried().await?;
    let token = app.new_tenant()?.token;
    let head = format!("POST /v1/locations HTTP/1.1\r\nHost: plant\r\nAuthorization: Bearer {token}\r\n");
    let body = "x".repeat(3_000_000);
    let whole = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let chunk = format!("{:x}\r\n{}\r\n", 100_000, &body[..100_000]);
    let chunks = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(30));
    let claimed = format!("{head}Content-Length: 9999999999999\r\n\r\n");
    for (name, request) in [("whole", whole), ("in chunks", chunks), ("claimed alone", claimed)] {
        let answers = exchange(app, request.as_bytes()).await?;
        assert!(answers.len() == 1 && answers[0].status == 413, "{name}: {answers:?}");
        assert_eq!(answers[0].code(), "body-too-large", "{name}");
    }
    still_answers(app).await
}
