//! How the stores are reached: with TLS where others are on the way, and by nobody who guesses.

use super::Found;
use crate::config::Config;
use crate::log_address::LogAddress;

/// Passwords that come with servers and examples.
const GUESSED: [&str; 14] = [
    "neo4j", "postgres", "password", "admin", "root", "nats", "foodflow", "secret", "changeme", "letmein",
    "default", "test", "12345678", "qwertyui",
];
/// Shortest password that is not guessed by trying all.
const PASSWORD_CHARS_MIN: usize = 8;

/// An address, taken apart.
struct Parts<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str, scheme: &'a str) -> Self {
        let (scheme, rest) = url.trim().split_once("://").unwrap_or((scheme, url.trim()));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may hold a slash, so that the user is parted off first.
        let (signed, rest) =
            rest.rsplit_once('@').map_or((None, rest), |(signed, rest)| (Some(signed), rest));
        let host = rest.split('/').next().unwrap_or_default();
        let (user, password) = match signed.map(|signed| signed.split_once(':').ok_or(signed)) {
            Some(Ok((user, password))) => (Some(user), Some(password)),
            Some(Err(user)) => (Some(user), None),
            None => (None, None),
        };
        Self { scheme, user, password, host: without_port(host), query }
    }

    fn parameter(&self, names: &[&str]) -> Option<&'a str> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| names.contains(name)).map(|(_, value)| value).next_back()
    }

    /// Whether nobody else is on the way.
    fn is_local(&self) -> bool {
        let host = self.parameter(&["host"]).unwrap_or(self.host);
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        host.is_empty() || host == "localhost" || host.starts_with('/') || ip.is_ok_and(|ip| ip.is_loopback())
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

pub(super) fn check(found: &mut Found, config: &Config) {
    log(found, config);
    postgres(found, config);
    redis(found, config);
    neo4j(found, config);
    if config.log.split(',').any(|part| matches!(part.trim(), "debug" | "trace")) {
        let advice = "log less: what libraries log may hold what people sent";
        found.warned(format!("log = {}", config.log), advice);
    }
}

fn log(found: &mut Found, config: &Config) {
    let Some(url) = &config.log_url else {
        let text = "log_url is not set: the log is on this machine alone";
        return found.warned(text, "keep a copy elsewhere with `foodflow mirror`, or use a cluster of NATS");
    };
    match LogAddress::of(config) {
        LogAddress::File(_) | LogAddress::Folder(_) => {}
        LogAddress::Nats(..) => nats(found, config, &url.0),
        LogAddress::EventStore(_) => {
            let parts = Parts::of(&url.0, "esdb");
            let says = |name: &str| {
                parts.parameter(&[name]).is_some_and(|value| value.eq_ignore_ascii_case("false"))
            };
            if !parts.is_local() && says("tls") {
                found.refused("log_url: tls=false sends everything without TLS", "leave tls=false out");
            } else if !parts.is_local() && says("tlsVerifyCert") {
                found.warned("log_url: tlsVerifyCert=false takes anybody for the server", "leave it out");
            }
            password(found, "log_url", parts.user, parts.password);
        }
    }
}

fn nats(found: &mut Found, config: &Config, urls: &str) {
    let all: Vec<Parts<'_>> = urls.split(',').map(|url| Parts::of(url, "nats")).collect();
    if let Some(plain) = all.iter().find(|parts| parts.scheme != "tls" && !parts.is_local()) {
        let text = format!("log_url: {}://{} is reached without TLS", plain.scheme, plain.host);
        found.refused(text, "switch TLS on at the server, and write tls:// instead of nats://");
    }
    let signs_in = config.nats_credentials().is_some() || all.iter().any(|parts| parts.user.is_some());
    if !signs_in && all.iter().any(|parts| !parts.is_local()) {
        found.refused(
            "log_url: nobody signs in, so everybody who reaches the server may write to the log",
            "let the server ask for credentials, and set e.g. nats_creds_file",
        );
    }
    for parts in &all {
        password(found, "log_url", parts.user, parts.password);
    }
    let given = Some(config.nats_password.0.as_str()).filter(|given| !given.is_empty());
    password(found, "nats_password", config.nats_user.as_deref(), given);
    if config.log_replicas == 1 {
        let text = "log_replicas = 1: a log that is made has one copy of each message";
        found.warned(text, "use a cluster of three servers, and set log_replicas=3 before the log is made");
    }
}

fn postgres(found: &mut Found, config: &Config) {
    let Some(url) = &config.postgres_url else { return };
    let parts = Parts::of(&url.0, "postgres");
    if !parts.is_local() {
        match parts.parameter(&["sslmode", "ssl-mode"]) {
            Some("verify-full" | "verify-ca") => {}
            Some("require") => found.warned(
                "postgres_url: sslmode=require takes anybody for the server",
                "sslmode=verify-full, with sslrootcert=<file> where its authority is your own",
            ),
            other => found.refused(
                format!("postgres_url: sslmode={} may connect without TLS", other.unwrap_or("prefer")),
                "add sslmode=verify-full, with sslrootcert=<file> where its authority is your own",
            ),
        }
    }
    let given = parts.password.or(parts.parameter(&["password"]));
    password(found, "postgres_url", parts.user.or(parts.parameter(&["user"])), given);
}

fn redis(found: &mut Found, config: &Config) {
    let Some(url) = &config.redis_url else { return };
    let parts = Parts::of(&url.0, "redis");
    if !parts.is_local() && parts.scheme != "rediss" {
        found.refused(
            format!("redis_url: {}://{} is reached without TLS", parts.scheme, parts.host),
            "switch TLS on at the server, and use rediss://",
        );
    }
    if !parts.is_local() && parts.password.is_none() {
        found.refused(
            "redis_url: nobody signs in, so everybody who reaches the server may let revoked tokens in",
            "let the server ask for a password, and set redis_url_file",
        );
    }
    password(found, "redis_url", parts.user, parts.password);
}

fn neo4j(found: &mut Found, config: &Config) {
    let Some(url) = &config.neo4j_url else { return };
    let parts = Parts::of(&url.0, "bolt");
    if !parts.is_local() {
        match parts.scheme.split_once('+') {
            Some((_, "s")) => {}
            Some((_, "ssc")) => {
                let text = format!("neo4j_url: {} takes anybody for the server", parts.scheme);
                found
                    .warned(text, "use bolt+s:// or neo4j+s://, with a certificate that this machine trusts");
            }
            _ => found.refused(
                format!("neo4j_url: {}://{} is reached without TLS", parts.scheme, parts.host),
                "switch TLS on at the server, and use bolt+s:// or neo4j+s://",
            ),
        }
    }
    let given = config.neo4j_password.0.as_str();
    if given.is_empty() {
        let text = "neo4j_password is not set: everybody who reaches the server may change the graph";
        found.refused(text, "let the server ask for a password, and set neo4j_password_file");
    } else {
        password(found, "neo4j_password", Some(&config.neo4j_user), Some(given));
    }
}

fn password(found: &mut Found, setting: &str, user: Option<&str>, given: Option<&str>) {
    let Some(given) = given else { return };
    let is_guessed = GUESSED.iter().any(|guessed| given.eq_ignore_ascii_case(guessed)) || user == Some(given);
    if is_guessed || given.chars().count() < PASSWORD_CHARS_MIN {
        found.refused(
            format!("{setting}: the password is short, the user's name, or one that comes with servers and examples"),
            format!("give the user a long random one, e.g. of `openssl rand -base64 24`, and set {setting}_file"),
        );
    }
}
