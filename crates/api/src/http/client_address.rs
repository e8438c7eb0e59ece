//! From where a request comes: the peer of its connection, or what proxies say that the settings trust.
//!
//! Anybody can send `X-Forwarded-For`. It is believed of a peer in `trusted_proxies` alone, and read from its right end:
//! each proxy adds the address that it saw, so the first one from the right that is no trusted proxy is the client, and
//! what stands to the left of it is the client's own word.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::problem::Problem;
use crate::networks::Networks;

const X_FORWARDED_FOR: &str = "x-forwarded-for";
const X_FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED: &str = "forwarded";

/// From where a request comes. An extractor; also an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// The address; an IPv4 address is never written as an IPv6 one.
    pub ip: IpAddr,
    /// Whether the client's own connection is encrypted.
    pub is_secure: bool,
}

impl ClientAddress {
    /// Of a request that came over no connection, as tests make them.
    const NONE: Self = Self { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), is_secure: false };
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self::NONE))
    }
}

/// The other end of a connection: an extension of every request that came over one.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub ClientAddress);

/// Where the request comes from.
pub(super) fn of(request: &Request, trusted: &Networks) -> Result<ClientAddress, Problem> {
    match request.extensions().get::<Peer>() {
        Some(Peer(peer)) => resolve(*peer, request.headers(), trusted),
        None => Ok(ClientAddress::NONE),
    }
}

/// The client of a request with these headers over the connection of `peer`.
fn resolve(peer: ClientAddress, headers: &HeaderMap, trusted: &Networks) -> Result<ClientAddress, Problem> {
    let peer = ClientAddress { ip: peer.ip.to_canonical(), ..peer };
    if !trusted.contains(peer.ip) {
        return Ok(peer);
    }
    let listed = values(headers, X_FORWARDED_FOR).any(|_| true).then(|| {
        let hops = values(headers, X_FORWARDED_FOR).map(|text| Hop { ip: address(text), is_secure: None });
        let is_secure = values(headers, X_FORWARDED_PROTO).last().map(is_https);
        let found = client(peer, hops.collect(), trusted);
        ClientAddress { is_secure: is_secure.unwrap_or(found.is_secure), ..found }
    });
    let standard = values(headers, FORWARDED)
        .any(|_| true)
        .then(|| client(peer, values(headers, FORWARDED).map(Hop::parse).collect(), trusted));
    match (listed, standard) {
        // A proxy that writes one of them passes the other one on as the client wrote it.
        (Some(one), Some(other)) if one.ip != other.ip => {
            Err(Problem::invalid_parameter("Forwarded", "contradicts `X-Forwarded-For`"))
        }
        (Some(found), _) | (None, Some(found)) => Ok(found),
        (None, None) => {
            let is_secure = values(headers, X_FORWARDED_PROTO).last().map_or(peer.is_secure, is_https);
            Ok(ClientAddress { is_secure, ..peer })
        }
    }
}

/// What a proxy says of whom it got the request from.
struct Hop {
    /// `None` where it hides it, or where it is no address.
    ip: Option<IpAddr>,
    is_secure: Option<bool>,
}

impl Hop {
    /// An element of `Forwarded` (RFC 7239).
    fn parse(element: &str) -> Self {
        let mut hop = Self { ip: None, is_secure: None };
        for pair in element.split(';') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("for") => hop.ip = address(value),
                name if name.eq_ignore_ascii_case("proto") => hop.is_secure = Some(is_https(value)),
                _ => {}
            }
        }
        hop
    }
}

/// The first hop from the right that is no trusted proxy; the last proxy that is known where it hides the next one.
fn client(peer: ClientAddress, hops: Vec<Hop>, trusted: &Networks) -> ClientAddress {
    let mut found = peer;
    for hop in hops.into_iter().rev() {
        let Some(ip) = hop.ip else { break };
        found = ClientAddress { ip, is_secure: hop.is_secure.unwrap_or(found.is_secure) };
        if !trusted.contains(ip) {
            break;
        }
    }
    found
}

/// The elements of a header that is a list, over all its lines. One that is no text stands for itself alone: what a client
/// wrote must not take what a proxy added out of sight.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let elements = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    elements.map(|element| std::str::from_utf8(element).unwrap_or("?").trim())
}

/// An address as proxies write it: with or without a port, an IPv6 address with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    ip.ok().map(|ip: IpAddr| ip.to_canonical())
}

fn is_https(text: &str) -> bool {
    text.eq_ignore_ascii_case("https")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn found(peer: &str, headers: &[(&'static str, &str)]) -> Result<(String, bool), String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let trusted: Networks = "10.0.0.0/8, 2001:db8:1::/48, 127.0.0.1".parse().unwrap();
        let peer = ClientAddress { ip: peer.parse().unwrap(), is_secure: false };
        resolve(peer, &map, &trusted)
            .map(|found| (found.ip.to_string(), found.is_secure))
            .map_err(|problem| problem.detail)
    }

    fn is(peer: &str, headers: &[(&'static str, &str)], ip: &str, is_secure: bool) {
        assert_eq!(found(peer, headers), Ok((ip.to_owned(), is_secure)), "{peer} {headers:?}");
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let told =
            [("x-forwarded-for", "8.8.8.8"), ("x-forwarded-proto", "https"), ("forwarded", "for=9.9.9.9")];
        is("203.0.113.7", &told, "203.0.113.7", false);
        is("::ffff:203.0.113.7", &told, "203.0.113.7", false);
        is("2001:db8:2::1", &told, "2001:db8:2::1", false);
    }

    #[test]
    fn the_first_stranger_from_the_right_is_the_client() {
        is("10.0.0.1", &[], "10.0.0.1", false);
        is("10.0.0.1", &[("x-forwarded-for", "203.0.113.7")], "203.0.113.7", false);
        is("::ffff:10.0.0.1", &[("x-forwarded-for", "203.0.113.7")], "203.0.113.7", false);
        is("10.0.0.1", &[("x-forwarded-for", "8.8.8.8, 203.0.113.7")], "203.0.113.7", false);
        is("10.0.0.1", &[("x-forwarded-for", "8.8.8.8,203.0.113.7 , 10.2.3.4")], "203.0.113.7", false);
        let lines = [("x-forwarded-for", "8.8.8.8"), ("x-forwarded-for", "203.0.113.7, 10.2.3.4")];
        is("10.0.0.1", &lines, "203.0.113.7", false);
        is("10.0.0.1", &[("x-forwarded-for", "10.9.9.9, 10.2.3.4")], "10.9.9.9", false);
        is("2001:db8:1::5", &[("x-forwarded-for", "2001:db8:7::1")], "2001:db8:7::1", false);
    }

    #[test]
    fn what_is_no_address_ends_the_way() {
        for hidden in
            ["unknown", "_secret", "", "1.2.3", "1.2.3.4.5", "\u{e9}", "\"", "10.0.0.1/8", "localhost"]
        {
            let told = format!("203.0.113.7, {hidden}");
            is("10.0.0.1", &[("x-forwarded-for", told.as_str())], "10.0.0.1", false);
            let told = format!("203.0.113.7, {hidden}, 10.2.3.4");
            is("10.0.0.1", &[("x-forwarded-for", told.as_str())], "10.2.3.4", false);
        }
    }

    #[test]
    fn an_address_may_have_a_port() {
        for (text, ip) in [
            ("203.0.113.7:4711", "203.0.113.7"),
            ("[2001:db8:7::1]:4711", "2001:db8:7::1"),
            ("[2001:db8:7::1]", "2001:db8:7::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            is("127.0.0.1", &[("x-forwarded-for", text)], ip, false);
            let standard = format!("for=\"{text}\";proto=https;by=10.0.0.1");
            is("127.0.0.1", &[("forwarded", standard.as_str())], ip, true);
        }
    }

    #[test]
    fn the_scheme_is_what_the_nearest_proxy_says() {
        is("10.0.0.1", &[("x-forwarded-proto", "https")], "10.0.0.1", true);
        let told = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https, http")];
        is("10.0.0.1", &told, "203.0.113.7", false);
        let told = [("forwarded", "for=8.8.8.8;proto=https, For=203.0.113.7; Proto=HTTPS, for=10.2.3.4")];
        is("10.0.0.1", &told, "203.0.113.7", true);
    }

    #[test]
    fn two_headers_that_disagree_are_refused() {
        let same = [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7")];
        is("10.0.0.1", &same, "203.0.113.7", false);
        let other = [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=8.8.8.8")];
        assert!(found("10.0.0.1", &other).unwrap_err().contains("contradicts"));
    }
}
