//! Which pages may read the answers in a browser: those of the origins that the settings name.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::listed::Listed;

/// How long a browser keeps what it was told before a request.
const KEPT: Duration = Duration::from_secs(3_600);
/// Headers that a page may send.
const TAKEN: [HeaderName; 8] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("after"),
    HeaderName::from_static("prefer"),
    HeaderName::from_static("last-event-id"),
];
/// Headers that a page may read.
const SHOWN: [HeaderName; 8] = [
    header::ETAG,
    header::ALLOW,
    header::LOCATION,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    header::CONTENT_DISPOSITION,
    HeaderName::from_static("foodflow-position"),
    HeaderName::from_static("foodflow-next"),
];

/// The origins of pages: `https://host`, with a port where it is not the usual one; `*` for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Whether every page may read.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.0.iter().any(|origin| origin == "*")
    }

    /// Those that are reached without TLS, from anywhere but the same machine.
    pub fn insecure(&self) -> impl Iterator<Item = &str> {
        let is_insecure = |origin: &&str| {
            let host = origin
                .strip_prefix("http://")
                .map(|rest| rest.rsplit_once(':').map_or(rest, |(host, _)| host));
            host.is_some_and(|host| !matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
        };
        self.0.iter().map(String::as_str).filter(is_insecure)
    }
}

/// An origin as browsers write it, so that the two can be compared as texts.
fn origin(text: &str) -> Result<String, String> {
    let refuse =
        || format!("`{text}` is no origin; write e.g. https://plant.example or http://localhost:3000");
    if text == "*" {
        return Ok(text.to_owned());
    }
    let uri: Uri = text.parse().map_err(|_| refuse())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(refuse()) };
    let written = format!("{scheme}://{authority}");
    let usual_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return Err(refuse()),
    };
    if written != text
        || text.contains('@')
        || text.ends_with(usual_port)
        || text != text.to_ascii_lowercase()
    {
        return Err(refuse());
    }
    Ok(written)
}

/// What answers a browser's questions; `None` where no page may read.
pub(super) fn layer(origins: &Origins) -> Option<CorsLayer> {
    let allowed = if origins.is_everybody() {
        AllowOrigin::any()
    } else {
        let values: Vec<HeaderValue> = origins.0.iter().filter_map(|origin| origin.parse().ok()).collect();
        if values.is_empty() {
            return None;
        }
        AllowOrigin::list(values)
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(TAKEN)
        .expose_headers(SHOWN)
        .max_age(KEPT);
    Some(layer)
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(origin).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

impl Serialize for Origins {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Listed::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let origins: Origins = "https://plant.example, http://localhost:3000".parse().unwrap();
        assert_eq!(origins.to_string(), "https://plant.example, http://localhost:3000");
        for bad in [
            "plant.example",
            "https://plant.example/",
            "https://plant.example:443",
            "https://Plant.example",
            "https://a@plant.example",
            "https://*.plant.example",
            "ftp://plant.example",
            "null",
            "https://",
        ] {
            let refused = bad.parse::<Origins>();
            assert!(refused.is_err() || bad.contains('*'), "{bad}: {refused:?}");
        }
        assert!("*".parse::<Origins>().unwrap().is_everybody());
        let some: Origins =
            "http://localhost:3000, http://[::1]:3000, http://plant.example:81".parse().unwrap();
        assert_eq!(some.insecure().collect::<Vec<_>>(), ["http://plant.example:81"]);
    }
}
