//! Paths that lead somewhere else for whoever reads them in another way.

use super::hurried;
use super::raw::{all_refused, exchange};

#[tokio::test]
async fn a_path_leads_to_one_place() -> anyhow::Result<()> {
    let app = hurried().await?;
    let token = app.new_tenant()?.token;
    let paths = [
        "//healthz",
        "/healthz//",
        "/./healthz",
        "/../healthz",
        "/v1/../healthz",
        "/v1/batches/../../healthz",
        "/healthz/.",
        "/healthz/..",
        "/%2e%2e/healthz",
        "/.%2e/healthz",
        "/%2E%2E%2Fhealthz",
        "/%2fhealthz",
        "/healthz%2f",
        "/v1%2fbatches",
        "/v1/batches%2f..%2f..%2fhealthz",
        "/%252e%252e/healthz",
        "/%5c..%5chealthz",
        "/..\\healthz",
        "/healthz%00",
        "/healthz%00.html",
        "/healthz%0d%0aX-One:%201",
        "/healthz%20",
        "/healthz;a=b",
        "/%c0%ae%c0%ae/healthz",
        "/%c0%afhealthz",
        "/%e0%80%af/healthz",
        "/%uff0e/healthz",
        "/health\u{ff5a}",
        "/HEALTHZ",
        "/healthz.json",
        "*",
        "healthz",
        "http://other/healthz",
        "file:///etc/passwd",
        "/etc/passwd",
    ];
    let attacks = paths.map(|path| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: plant\r\nAuthorization: Bearer {token}\r\n\r\n");
        (path.to_owned(), request.into_bytes())
    });
    all_refused(app, attacks.into(), &[400, 404]).await
}

#[tokio::test]
async fn an_address_is_taken_whole_where_it_names_this_host() -> anyhow::Result<()> {
    let app = hurried().await?;
    let answers = exchange(app, b"GET http://plant/healthz HTTP/1.1\r\nHost: plant\r\n\r\n").await?;
    assert!(answers.len() == 1 && answers[0].status == 200, "{answers:?}");
    Ok(())
}
