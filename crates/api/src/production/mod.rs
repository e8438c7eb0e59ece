//! What a plant that others rely on must not run with. With `production = true` the program refuses to serve with it, and
//! `foodflow doctor` fails; else it is told.
//!
//! - `files`: keys and secrets that others may read;
//! - `stores`: addresses without TLS, and passwords that anybody may guess.

mod files;
mod stores;

use std::fmt::Write as _;

use crate::config::{Config, Role};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nobody should rely on it.
    Refused,
    /// There may be a reason for it.
    Warned,
}

/// Something that is weak, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weakness {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, by the name of its setting; never with a secret.
    pub text: String,
    /// What to do.
    pub advice: String,
}

/// Gathers what is found.
#[derive(Debug, Default)]
struct Found(Vec<Weakness>);

impl Found {
    fn refused(&mut self, text: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Weakness { severity: Severity::Refused, text: text.into(), advice: advice.into() });
    }

    fn warned(&mut self, text: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Weakness { severity: Severity::Warned, text: text.into(), advice: advice.into() });
    }
}

/// Everything that is weak in these settings and in the files that they name.
#[must_use]
pub fn weaknesses(config: &Config) -> Vec<Weakness> {
    let mut found = Found::default();
    web(&mut found, config);
    stores::check(&mut found, config);
    files::check(&mut found, config);
    if config.audit_interval.is_none() && config.role != Role::Api {
        found.refused(
            "audit_interval is not set: what the log holds is not signed",
            "set it, e.g. audit_interval=10m",
        );
    }
    found.0
}

/// Refuses to go on in production with anything that is weak; warns of the rest.
///
/// # Errors
/// Where something is; the error says what to do about each.
pub fn refuse_weak(config: &Config) -> anyhow::Result<()> {
    if !config.production {
        return Ok(());
    }
    let mut refused = String::new();
    for Weakness { severity, text, advice } in weaknesses(config) {
        match severity {
            Severity::Refused => write!(refused, "\n  {text}\n    -> {advice}")?,
            Severity::Warned => tracing::warn!("{text}: {advice}"),
        }
    }
    anyhow::ensure!(refused.is_empty(), "production = true, and these are too weak for it:{refused}");
    Ok(())
}

/// How clients reach the program, and which pages may read.
fn web(found: &mut Found, config: &Config) {
    let is_plain = config.tls_cert_file.is_none() && config.trusted_proxies.is_empty();
    if is_plain && !config.listen.ip().is_loopback() {
        found.refused(
            format!("listen = {}: tokens and data are sent without TLS", config.listen),
            "set tls_cert_file and tls_key_file; or put a proxy with TLS in front, listen where it alone can connect, and name it \
             in trusted_proxies",
        );
    }
    if config.trusted_proxies.is_everybody() {
        found.refused(
            format!("trusted_proxies = {}: everybody may say who he is", config.trusted_proxies),
            "name the networks of the proxies alone",
        );
    }
    if config.cors_origins.is_everybody() {
        found.refused("cors_origins = *: every page may read", "name the origins of your own pages");
    }
    for (name, url) in
        [("oidc_issuer", &config.oidc_issuer), ("oidc_redirect_url", &config.oidc_redirect_url)]
    {
        if let Some(url) = url.as_ref().filter(|url| !url.starts_with("https://")) {
            found.refused(
                format!("{name} = {url}: logins go there without TLS"),
                "name an address that begins with https://",
            );
        }
    }
    if config.oidc_issuer.is_some() && config.oidc_client_secret.0.is_empty() {
        found.warned(
            "oidc_client_secret is not set: the identity provider knows this deployment by its name alone",
            "register it there as a confidential client, and name a file with its secret in oidc_client_secret_file",
        );
    }
    for origin in config.cors_origins.insecure() {
        found.refused(
            format!("cors_origins: {origin} is a page without TLS, which anybody on its way may change"),
            "serve the page with TLS, and name it with https://",
        );
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::config::Secret;

    /// What a plant may run with.
    fn sound(folder: &Path) -> Config {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        let file = |name: &str, mode| {
            let path = folder.join(name);
            std::fs::write(&path, "s3cret").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Some(path)
        };
        let secret = |text: &str| Some(Secret(text.to_owned()));
        Config {
            production: true,
            data: folder.to_owned(),
            listen: SocketAddr::from(([0, 0, 0, 0], 443)),
            tls_cert_file: file("certificate.pem", 0o644),
            tls_key_file: file("key.pem", 0o600),
            cors_origins: "https://plant.example".parse().unwrap(),
            log_url: secret("tls://one.example:4222,tls://two.example:4222"),
            log_replicas: 3,
            nats_creds_file: file("nats.creds", 0o400),
            postgres_url: secret("postgres://plant:k7Wq-long-enough@db.example/foodflow?sslmode=verify-full"),
            neo4j_url: secret("neo4j+s://graph.example"),
            neo4j_password: Secret("k7Wq-long-enough".to_owned()),
            neo4j_password_file: file("password", 0o440),
            audit_interval: Some(jiff::SignedDuration::from_mins(10)),
            oidc_issuer: Some("https://login.example".to_owned()),
            oidc_client_id: Some("plant".to_owned()),
            oidc_client_secret: Secret("k7Wq-long-enough".to_owned()),
            oidc_redirect_url: Some("https://plant.example/back".to_owned()),
            ..Config::default()
        }
    }

    fn told(config: &Config) -> Vec<(Severity, String)> {
        let found = weaknesses(config);
        assert!(found.iter().all(|weakness| !weakness.advice.is_empty()));
        let texts = found.into_iter().map(|Weakness { severity, text, .. }| (severity, text));
        texts.collect()
    }

    #[test]
    fn what_is_sound_is_not_complained_of() {
        let folder = tempfile::tempdir().unwrap();
        let config = sound(folder.path());
        assert_eq!(told(&config), []);
        refuse_weak(&config).unwrap();
        let local = Config {
            production: true,
            data: folder.path().to_owned(),
            postgres_url: Some(Secret("postgres:///foodflow?host=/run/postgresql".to_owned())),
            audit_interval: config.audit_interval,
            ..Config::default()
        };
        assert!(told(&local).iter().all(|(severity, _)| *severity == Severity::Warned), "{:?}", told(&local));
    }

    #[test]
    fn each_weakness_is_told_with_its_setting_and_without_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let base = || sound(folder.path());
        let secret = |text: &str| Some(Secret(text.to_owned()));
        let open = |name: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, "s3cret").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Some(path)
        };
        let none: Option<PathBuf> = None;
        let cases: Vec<(Config, &str)> = vec![
            (
                Config { tls_cert_file: none.clone(), tls_key_file: none.clone(), ..base() },
                "listen = 0.0.0.0:443",
            ),
            (Config { trusted_proxies: "0.0.0.0/0".parse().unwrap(), ..base() }, "trusted_proxies"),
            (Config { cors_origins: "*".parse().unwrap(), ..base() }, "cors_origins = *"),
            (
                Config { cors_origins: "http://plant.example".parse().unwrap(), ..base() },
                "http://plant.example",
            ),
            (Config { audit_interval: None, ..base() }, "audit_interval"),
            (
                Config { oidc_issuer: Some("http://127.0.0.1:9000".to_owned()), ..base() },
                "oidc_issuer = http://127.0.0.1:9000",
            ),
            (
                Config { oidc_redirect_url: Some("http://localhost:3000/back".to_owned()), ..base() },
                "oidc_redirect_url",
            ),
            (
                Config { log_url: secret("tls://a.example,nats://log.example"), ..base() },
                "log_url: nats://log.example",
            ),
            (Config { log_url: secret("log.example:4222"), ..base() }, "log_url: nats://log.example"),
            (Config { nats_creds_file: None, ..base() }, "log_url: nobody signs in"),
            (
                Config { nats_creds_file: None, log_url: secret("tls://plant:plant@log.example"), ..base() },
                "password",
            ),
            (
                Config { log_url: secret("esdb://a:s3cr3t-and-long@log.example?tls=false"), ..base() },
                "log_url",
            ),
            (
                Config { postgres_url: secret("postgres://a:s3cr3t-and-long@db.example/x"), ..base() },
                "postgres_url",
            ),
            (
                Config {
                    postgres_url: secret("postgres://a:s3cr3t-and-long@db.example/x?sslmode=prefer"),
                    ..base()
                },
                "sslmode",
            ),
            (
                Config {
                    postgres_url: secret("postgres://a:postgres@db.example/x?sslmode=verify-full"),
                    ..base()
                },
                "postgres_url: the password",
            ),
            (
                Config { redis_url: secret("redis://:s3cr3t-and-long@keys.example"), ..base() },
                "redis_url: redis://",
            ),
            (Config { redis_url: secret("rediss://keys.example"), ..base() }, "redis_url: nobody signs in"),
            (Config { neo4j_url: secret("bolt://graph.example"), ..base() }, "neo4j_url"),
            (Config { neo4j_password: Secret("neo4j".to_owned()), ..base() }, "neo4j_password"),
            (Config { neo4j_password: Secret::default(), ..base() }, "neo4j_password"),
            (Config { tls_key_file: open("open-key.pem", 0o640), ..base() }, "tls_key_file"),
            (Config { access_key_file: open("open-access.pem", 0o604), ..base() }, "access_key_file"),
            (Config { nats_creds_file: open("open.creds", 0o644), ..base() }, "nats_creds_file"),
            (Config { neo4j_password_file: open("open-password", 0o444), ..base() }, "neo4j_password_file"),
        ];
        for (config, part) in cases {
            let refused: Vec<String> = (told(&config).into_iter())
                .filter_map(|(severity, text)| (severity == Severity::Refused).then_some(text))
                .collect();
            assert_eq!(refused.len(), 1, "{part}: {refused:?}");
            assert!(refused[0].contains(part), "{part} is not in {refused:?}");
            let error = refuse_weak(&config).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("->") && !error.contains("s3cr3t"), "{error}");
            refuse_weak(&Config { production: false, ..config }).unwrap();
        }
    }

    #[test]
    fn what_there_may_be_a_reason_for_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let base = || sound(folder.path());
        let secret = |text: &str| Some(Secret(text.to_owned()));
        for (config, part) in [
            (Config { log_replicas: 1, ..base() }, "log_replicas"),
            (Config { log_url: None, nats_creds_file: None, ..base() }, "log_url"),
            (
                Config {
                    postgres_url: secret("postgres://a:s3cr3t-and-long@db.example/x?sslmode=require"),
                    ..base()
                },
                "postgres_url",
            ),
            (Config { neo4j_url: secret("bolt+ssc://graph.example"), ..base() }, "neo4j_url"),
            (Config { log: "debug".to_owned(), ..base() }, "log = debug"),
            (Config { oidc_client_secret: Secret::default(), ..base() }, "oidc_client_secret"),
        ] {
            let told = told(&config);
            assert!(
                matches!(told.as_slice(), [(Severity::Warned, text)] if text.contains(part)),
                "{part}: {told:?}"
            );
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let config = base();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(told(&config)[0].1.contains("others may look into it"));
    }
}
