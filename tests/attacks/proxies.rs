//! Who is believed when he says for whom he asks. What is read of the addresses themselves is tested with the code; here it is the
//! scheme that shows whether a peer is believed at all.

use super::raw::{all_refused, exchange};
use super::{hurried, start};

const TOLD: &str = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https";

#[tokio::test]
async fn a_peer_that_nobody_named_is_not_believed() -> anyhow::Result<()> {
    for app in [hurried().await?, &start(&[("FOODFLOW_TRUSTED_PROXIES", "10.0.0.0/8,::1")]).await?] {
        for lines in [TOLD, "Forwarded: for=203.0.113.7;proto=https"] {
            let request =
                format!("GET /healthz HTTP/1.1\r\nHost: plant\r\nConnection: close\r\n{lines}\r\n\r\n");
            let answers = exchange(app, request.as_bytes()).await?;
            assert!(answers.len() == 1 && answers[0].status == 200, "{answers:?}");
            assert_eq!(answers[0].header("strict-transport-security"), None, "{lines}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_proxy_that_is_named_is_believed() -> anyhow::Result<()> {
    let settings = [("FOODFLOW_TRUSTED_PROXIES", "127.0.0.0/8"), ("FOODFLOW_HEADER_TIMEOUT", "1s")];
    let app = start(&settings).await?;
    for lines in [TOLD, "Forwarded: for=203.0.113.7;proto=https", "X-Forwarded-Proto: https"] {
        let request = format!("GET /nowhere HTTP/1.1\r\nHost: plant\r\n{lines}\r\n\r\n");
        let answers = exchange(&app, request.as_bytes()).await?;
        assert!(answers.len() == 1 && answers[0].status == 404, "{answers:?}");
        let policy = answers[0].header("strict-transport-security");
        assert!(policy.is_some_and(|policy| policy.starts_with("max-age=")), "{lines}: {answers:?}");
    }
    let two = format!("GET /healthz HTTP/1.1\r\nHost: plant\r\n{TOLD}\r\nForwarded: for=8.8.8.8\r\n\r\n");
    all_refused(&app, vec![("two that disagree".to_owned(), two.into())], &[400]).await
}
