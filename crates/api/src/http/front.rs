//! What stands before every router: who asks is known behind it, and what could be read in two ways does not pass.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version, header, uri::Authority};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use super::{body_time, client_address, cors, unread};
use crate::config::Config;
use crate::networks::Networks;

/// Most bytes of path and query.
const URI_BYTES_MAX: usize = 8_192;
/// Headers that a request has once at most: of two, nobody could tell which one counts.
const ONCE: [HeaderName; 4] =
    [header::AUTHORIZATION, header::CONTENT_TYPE, header::CONTENT_LENGTH, header::ORIGIN];
/// Headers of every answer. It is data, and no page: nothing of it is run, framed, kept, or read as something else.
const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];
/// For a year no browser asks this host without TLS.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Puts everything before `router` that the settings say.
pub fn before(router: Router, config: &Config) -> Router {
    let trusted = Arc::new(config.trusted_proxies.clone());
    let router = router
        .layer(middleware::from_fn(refuse_the_ambiguous))
        .layer(middleware::from_fn(unread::take_in))
        .layer(middleware::from_fn_with_state(config.body_timeout.unsigned_abs(), body_time::limit));
    let router = match cors::layer(&config.cors_origins) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router.layer(middleware::from_fn_with_state(trusted, identify))
}

/// Finds where a request comes from, and adds the headers of every answer.
async fn identify(State(trusted): State<Arc<Networks>>, mut request: Request, next: Next) -> Response {
    let found = client_address::of(&request, &trusted);
    let is_secure = found.as_ref().is_ok_and(|found| found.is_secure);
    let mut response = match found {
        Ok(found) => {
            request.extensions_mut().insert(found);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(value);
    }
    if is_secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

/// Refuses what a proxy in front may have read in another way.
async fn refuse_the_ambiguous(request: Request, next: Next) -> Response {
    let version = request.version();
    let Err(problem) = check(request.uri(), version, request.headers()) else {
        return next.run(request).await;
    };
    let mut response = problem.into_response();
    if version < Version::HTTP_2 {
        // What follows on the connection may be a part of it for others.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn check(uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let asked = uri.path_and_query().map_or("", |asked| asked.as_str());
    if asked.len() > URI_BYTES_MAX {
        let detail = format!("path and query may have at most {URI_BYTES_MAX} bytes");
        let title = "The address is too long";
        return Err(Problem::new(StatusCode::URI_TOO_LONG, "uri-too-long", title, detail));
    }
    if !is_plain(uri.path()) {
        return Err(Problem::not_found("there is no such path; see `/v1/openapi.json`"));
    }
    let given = |name: &HeaderName| headers.get_all(name).iter().count();
    if let Some(twice) = ONCE.iter().find(|name| given(name) > 1) {
        return Err(Problem::invalid_parameter(twice.as_str(), "is given twice"));
    }
    if headers.get_all(header::TRANSFER_ENCODING).iter().any(|coding| coding != "chunked") {
        return Err(Problem::invalid_parameter("Transfer-Encoding", "must be `chunked` where it is given"));
    }
    check_host(uri, version, headers)
}

/// The host decides nothing here; it must be one all the same, for whoever stands in front went by it.
fn check_host(uri: &Uri, version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail: &str| Err(Problem::invalid_parameter("Host", detail));
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return refuse("is given twice"),
        (None, _) if version == Version::HTTP_11 => return refuse("is missing"),
        (None, _) => return Ok(()),
        (Some(host), None) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
    };
    match (host, uri.authority()) {
        (None, _) => refuse("is no host"),
        (Some(host), _) if !host.as_str().bytes().all(is_of_a_host) => refuse("is no host"),
        (Some(host), Some(asked)) if host != *asked => refuse("is not the host of the address"),
        (Some(_), _) => Ok(()),
    }
}

fn is_of_a_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
}

/// Whether a path has one reading: no empty or relative segments, and no `/`, `\`, `.` or control character in disguise.
fn is_plain(path: &str) -> bool {
    let segments = path.strip_prefix('/').unwrap_or(path).split('/').collect::<Vec<_>>();
    let (last, before) = segments.split_last().unwrap_or((&"", &[]));
    let is_relative = |segment: &&str| matches!(*segment, "." | "..");
    if before.iter().any(|segment| segment.is_empty() || is_relative(segment)) || is_relative(last) {
        return false;
    }
    path.split('%').skip(1).all(|rest| {
        let code = rest.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        code.is_some_and(|code| !matches!(code, b'/' | b'\\' | b'.' | b'%') && !code.is_ascii_control())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_reading() {
        for plain in ["/", "/v1/batches", "/v1/batches/", "/v1/batches/%20x", "/v1/a.b/..c", "/%C3%A9"] {
            assert!(is_plain(plain), "{plain}");
        }
        for odd in [
            "//",
            "//v1/batches",
            "/v1//batches",
            "/v1/./batches",
            "/v1/../healthz",
            "/v1/..",
            "/.",
            "/%2e%2e/healthz",
            "/v1/%2E./x",
            "/v1%2fbatches",
            "/v1/%5c",
            "/v1/%00",
            "/v1/%0d%0aX:%201",
            "/v1/%252e%252e",
            "/v1/%",
            "/v1/%4",
            "/v1/%zz",
            "/v1/%+1",
            "/v1/%é",
        ] {
            assert!(!is_plain(odd), "{odd}");
        }
    }

    #[test]
    fn a_host_is_one_and_the_address_names_no_other() {
        let check = |uri: &str, hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
            }
            check_host(&uri.parse().unwrap(), Version::HTTP_11, &headers).map_err(|problem| problem.detail)
        };
        for host in ["localhost", "localhost:8080", "[::1]:8080", "foodflow.example"] {
            assert_eq!(check("/healthz", &[host]), Ok(()), "{host}");
        }
        for hosts in
            [&["a", "b"][..], &["a", "a"], &[], &[""], &["a b"], &["a/b"], &["a@b"], &["a,b"], &["a:b:c"]]
        {
            assert!(check("/healthz", hosts).is_err(), "{hosts:?}");
        }
        assert_eq!(check("http://a/healthz", &["a"]), Ok(()));
        assert!(check("http://b/healthz", &["a"]).is_err());
    }
}
