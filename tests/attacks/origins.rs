//! Which pages may read the answers in a browser.

use super::raw::{Answer, exchange};
use super::{hurried, start};
use foodflow_testkit::TestApp;

const PAGE: &str = "https://plant.example";

async fn asked(app: &TestApp, first_line: &str, lines: &str) -> anyhow::Result<Answer> {
    let request = format!("{first_line} HTTP/1.1\r\nHost: plant\r\nConnection: close\r\n{lines}\r\n\r\n");
    let answers = exchange(app, request.as_bytes()).await?;
    anyhow::ensure!(answers.len() == 1, "{answers:?}");
    Ok(answers[0].clone())
}

#[tokio::test]
async fn no_page_may_read_unless_it_is_named() -> anyhow::Result<()> {
    let named = start(&[("FOODFLOW_CORS_ORIGINS", PAGE)]).await?;
    for (app, origins) in [
        (hurried().await?, &[PAGE, "null", "http://localhost:8080"][..]),
        (
            &named,
            &[
                "null",
                "http://plant.example",
                "https://plant.example.evil.example",
                "https://evilplant.example",
                "https://plant.example:8443",
                "https://PLANT.example",
            ],
        ),
    ] {
        for origin in origins {
            let lines = format!("Origin: {origin}\r\nAccess-Control-Request-Method: POST");
            for first_line in ["OPTIONS /v1/locations", "GET /healthz"] {
                let answer = asked(app, first_line, &lines).await?;
                assert!(answer.status < 500, "{answer:?}");
                assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}: {answer:?}");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_page_that_is_named_may_read_with_a_token_and_without_cookies() -> anyhow::Result<()> {
    let app = start(&[("FOODFLOW_CORS_ORIGINS", "https://other.example, https://plant.example")]).await?;
    let lines = format!(
        "Origin: {PAGE}\r\nAccess-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: authorization,idempotency-key"
    );
    let told = asked(&app, "OPTIONS /v1/locations", &lines).await?;
    assert_eq!((told.status, told.header("access-control-allow-origin")), (200, Some(PAGE)), "{told:?}");
    let may = |name: &str| told.header(name).unwrap_or_default().to_ascii_lowercase();
    assert!(may("access-control-allow-methods").contains("post"), "{told:?}");
    assert!(may("access-control-allow-headers").contains("idempotency-key"), "{told:?}");
    assert_eq!(told.header("access-control-allow-credentials"), None);
    assert_eq!(told.header("x-content-type-options"), Some("nosniff"));
    for path in ["/healthz", "/v1/batches", "/v1//batches"] {
        let answer = asked(&app, &format!("GET {path}"), &format!("Origin: {PAGE}")).await?;
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE), "{path}: {answer:?}");
        let shown = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
        assert!(shown.contains("etag") && shown.contains("foodflow-position"), "{path}: {answer:?}");
        let vary = answer.header("vary").unwrap_or_default().to_ascii_lowercase();
        assert!(vary.contains("origin"), "{path}: {answer:?}");
    }
    Ok(())
}
