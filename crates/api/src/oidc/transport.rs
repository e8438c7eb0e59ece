//! Requests to the identity provider: each over a connection of its own, with a limit of time and of bytes, and with no
//! redirection followed.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::Uri;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use crate::serving::tls;

/// How long the provider may take for an answer, the connection included.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const BYTES_MAX: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// It cannot be reached, or breaks off.
    #[error("{0}")]
    Broken(String),
    /// It takes too long.
    #[error("no answer within {} s", ANSWER_MAX.as_secs())]
    Late,
    /// It says too much.
    #[error("the answer is no body of at most {BYTES_MAX} bytes: {0}")]
    Endless(String),
}

/// A client of HTTP.
pub(super) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Transport {
    /// One that reaches `https://`; with `is_plain` also `http://`.
    pub(super) fn new(is_plain: bool) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        if !is_plain {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            anyhow::ensure!(
                !roots.is_empty(),
                "this machine trusts no certificate authority, so that no provider can be believed: install them \
                 (ca-certificates), or name a file of them in SSL_CERT_FILE"
            );
        }
        let config = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .context("no version of TLS")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(config);
        let connector = if is_plain { connector.https_or_http() } else { connector.https_only() };
        let client = Client::builder(TokioExecutor::new())
            // A connection that the provider has closed meanwhile must not fail a login.
            .pool_max_idle_per_host(0)
            .build(connector.enable_http1().build());
        Ok(Self { client })
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let answer = async {
            let asked = self.client.request(request.map(|body| Full::new(Bytes::from(body)))).await;
            let (parts, body) = asked.map_err(|error| NoAnswer::Broken(told(error)))?.into_parts();
            let body = Limited::new(body, BYTES_MAX).collect().await;
            let body = body.map_err(|error| NoAnswer::Endless(error.to_string()))?;
            Ok(HttpResponse::from_parts(parts, body.to_bytes().into()))
        };
        tokio::time::timeout(ANSWER_MAX, answer).await.map_err(|_| NoAnswer::Late)?
    }
}

impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

/// An error with what is behind it, in one line.
pub(super) fn told(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

/// Whether an address of the provider may be used: with TLS, or without where the provider itself is without.
pub(super) fn may_be_used(address: &str, is_plain: bool) -> bool {
    let scheme = address.parse::<Uri>().ok().and_then(|uri| uri.scheme_str().map(str::to_owned));
    match scheme.as_deref() {
        Some("https") => true,
        Some("http") => is_plain,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::response::Redirect;
    use axum::routing::get;

    use super::*;

    async fn served(router: Router) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let service = hyper_util::service::TowerToHyperService::new(router);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let io = hyper_util::rt::TokioIo::new(stream);
                let serving =
                    hyper::server::conn::http1::Builder::new().serve_connection(io, service.clone());
                tokio::spawn(serving);
            }
        });
        base
    }

    fn get_request(address: &str) -> HttpRequest {
        axum::http::Request::get(address).body(Vec::new()).unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_bounded_and_no_redirection_is_followed() {
        let router = Router::new()
            .route("/small", get(|| async { "{}" }))
            .route("/large", get(|| async { "x".repeat(BYTES_MAX + 1) }))
            .route("/elsewhere", get(|| async { Redirect::temporary("/small") }));
        let base = served(router).await;
        let transport = Transport::new(true).unwrap();
        let ask = |path: &str| transport.call(get_request(&format!("{base}{path}")));
        assert_eq!(ask("/small").await.unwrap().body(), b"{}");
        assert!(matches!(ask("/large").await, Err(NoAnswer::Endless(_))));
        assert_eq!(ask("/elsewhere").await.unwrap().status(), 307);
        let secure = Transport::new(false).unwrap();
        assert!(matches!(secure.call(get_request(&base)).await, Err(NoAnswer::Broken(_))));
    }

    #[test]
    fn addresses_are_as_safe_as_the_provider() {
        for (address, with_tls, plain) in [
            ("https://login.example/token", true, true),
            ("http://login.example/token", false, true),
            ("file:///etc/passwd", false, false),
            ("javascript:alert(1)", false, false),
        ] {
            assert_eq!((may_be_used(address, false), may_be_used(address, true)), (with_tls, plain));
        }
    }
}
