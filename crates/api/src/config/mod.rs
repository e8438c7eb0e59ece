//! Settings: defaults, then a TOML file, then `FOODFLOW_…` variables, then flags of the command line.
//!
//! With none of them the program runs embedded, with everything under `./data`. Secrets never appear in a log or
//! in a `Debug` text. A name that is no setting is refused, wherever it stands.
//!
//! A new setting is one entry of the list below, with its row in `docs/OPERATIONS.md`, which a test compares. A secret has a second
//! entry, `<name>_file`, and needs nothing else to be read from there.
//!
//! - [`table`]: the list of settings, of which everything else is made;
//! - `layers`: what is given where, and what wins;
//! - `secret`: what is not shown.

#[macro_use]
pub mod table;
mod layers;
mod secret;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use figment::Figment;
use figment::providers::Serialized;
use foodflow_log::nats::NatsCredentials;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use self::secret::Secret;
use self::table::{Kind, Setting};
use crate::http::cors::Origins;
use crate::networks::Networks;
use crate::oidc::settings::OidcSettings;
use crate::plans::{PlanSettings, catalogue};

/// Shortest time between two rounds of signing.
const AUDIT_INTERVAL_MIN: SignedDuration = SignedDuration::from_secs(1);

/// Most connections that a process may be set to.
const CONNECTIONS_MAX: u32 = 100_000;
/// How long a client may be set to have for a head or a body.
const TIMEOUTS: std::ops::RangeInclusive<SignedDuration> =
    SignedDuration::from_millis(100)..=SignedDuration::from_hours(1);

/// Which roles a serving process plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Requests and projections.
    #[default]
    All,
    /// Requests alone; another process projects.
    Api,
    /// Projections alone; serves health, metrics and how the projections stand.
    Projector,
}

/// Who may register a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SignUp {
    /// Whoever has the command line.
    #[default]
    Closed,
    /// Anybody, over HTTP.
    Open,
}

/// How the program's own log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

settings! {
    /// Folder of the embedded log, the embedded read models and the keys.
    data: PathBuf = PathBuf::from("data"), Text;
    /// Address to serve HTTP on.
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)), Text;
    /// `all`, `api` (requests alone) or `projector`, which serves health, metrics and `/v1/projections` alone.
    role: Role = Role::All, Text;
    /// Whether others rely on it: `serve` refuses to start with what is weak, and `doctor` says what that is.
    production: bool = false, Value;
    /// Networks of the proxies in front, separated by commas (`10.0.0.0/8,::1`): of these alone `X-Forwarded-For`,
    /// `X-Forwarded-Proto` and `Forwarded` are believed, and the first address from the right that is no trusted proxy
    /// is the client.
    trusted_proxies: Networks = Networks::default(), Text;
    /// Certificate with the ones that vouch for it (PEM): HTTP is served with TLS 1.2 or 1.3. Read again when it changes, and
    /// on SIGHUP.
    tls_cert_file: Option<PathBuf> = None, Text;
    /// Private key of the certificate (PEM).
    tls_key_file: Option<PathBuf> = None, Text;
    /// Origins of pages that may read the answers in a browser, separated by commas, e.g. `https://plant.example`.
    cors_origins: Origins = Origins::default(), Text;
    /// Most connections at the same time, 1 to 100,000; others wait.
    connections_max: u32 = 4_096, Value;
    /// How long a connection may go without a request that begins, and so how long the head of one, or a TLS handshake, may
    /// take: 100 ms to an hour.
    header_timeout: SignedDuration = SignedDuration::from_secs(30), Text;
    /// How long the body of a request may take: 100 ms to an hour.
    body_timeout: SignedDuration = SignedDuration::from_secs(30), Text;
    /// The log: `nats://…` or `tls://…`, several separated by commas; or `file:<path>`, as `mirror` makes one: a log of
    /// several partitions in a folder, or of one in an SQLite file (`.sqlite` or `.db`); or `esdb://…`. Embedded where
    /// absent.
    log_url: Option<Secret> = None, Address;
    /// File with `log_url`.
    log_url_file: Option<PathBuf> = None, Text;
    /// Partitions of a log on a server or in a folder when it is created, 4 where absent.
    log_partitions: Option<u16> = None, Value;
    /// Replicas of a JetStream log when it is created: 1, 3 or 5.
    log_replicas: u8 = 1, Value;
    /// User of NATS. One way to sign in is given, here or in the address (`nats://user:password@host:port`).
    nats_user: Option<String> = None, Text;
    /// Password of NATS.
    nats_password: Secret = Secret::default(), Secret;
    /// File with `nats_password`.
    nats_password_file: Option<PathBuf> = None, Text;
    /// Token of NATS.
    nats_token: Secret = Secret::default(), Secret;
    /// File with `nats_token`.
    nats_token_file: Option<PathBuf> = None, Text;
    /// `.creds` file of NATS, as `nsc` writes it.
    nats_creds_file: Option<PathBuf> = None, Text;
    /// File with the seed of an NKey of NATS.
    nats_nkey_file: Option<PathBuf> = None, Text;
    /// `postgres://user:password@host:port/database`, with `sslmode` and the like as parameters; tables are embedded
    /// where absent. Never shown but for host, port and database.
    postgres_url: Option<Secret> = None, Address;
    /// File with `postgres_url`.
    postgres_url_file: Option<PathBuf> = None, Text;
    /// `bolt://…` or `neo4j://…`, with TLS `bolt+s://…` or `neo4j+s://…`; embedded where absent.
    neo4j_url: Option<Secret> = None, Address;
    /// File with `neo4j_url`.
    neo4j_url_file: Option<PathBuf> = None, Text;
    /// User of Neo4j.
    neo4j_user: String = "neo4j".to_owned(), Text;
    /// Password of Neo4j.
    neo4j_password: Secret = Secret::default(), Secret;
    /// File with `neo4j_password`.
    neo4j_password_file: Option<PathBuf> = None, Text;
    /// Database of Neo4j; the server's default where absent.
    neo4j_database: Option<String> = None, Text;
    /// `redis://user:password@host:port/database`, or `rediss://…` with TLS; sessions, revoked tokens and rate limits are this
    /// process's own where absent. Never shown but for host, port and database.
    redis_url: Option<Secret> = None, Address;
    /// File with `redis_url`.
    redis_url_file: Option<PathBuf> = None, Text;
    /// Ed25519 private key (PKCS 8, PEM) that signs access tokens; `<data>/access-key.pem` where absent, made at the first
    /// start, mode 0600.
    access_key_file: Option<PathBuf> = None, Text;
    /// Folder of older public keys (`*.pem`), whose tokens go on to be valid; `<data>/access-keys` where absent.
    retired_access_keys_dir: Option<PathBuf> = None, Text;
    /// Requests of each tenant per second; 0 is no limit.
    rate_limit_per_s: u32 = 2_000, Value;
    /// Requests of each tenant at once.
    rate_limit_burst: u32 = 10_000, Value;
    /// Attempts without a token, such as logins, from one address (IPv6: from one /64) per minute; 0 is no limit.
    address_limit_per_minute: u32 = 300, Value;
    /// Who may register a tenant: `closed` for the command line alone, `open` for anybody over HTTP.
    sign_up: SignUp = SignUp::Closed, Text;
    /// Identity provider (OpenID Connect) at which people may log in, as it calls itself, e.g. `https://login.example/realms/plant`;
    /// none where absent.
    oidc_issuer: Option<String> = None, Text;
    /// What this deployment is called at the provider.
    oidc_client_id: Option<String> = None, Text;
    /// Secret of this deployment at the provider; a public client has none.
    oidc_client_secret: Secret = Secret::default(), Secret;
    /// File with `oidc_client_secret`.
    oidc_client_secret_file: Option<PathBuf> = None, Text;
    /// Page to which the provider sends people back, as it is registered there, e.g. `https://plant.example/logged-in`.
    oidc_redirect_url: Option<String> = None, Text;
    /// Master keys (32 bytes in base64, one a line: the first seals, all open) under which the keys of persons are sealed;
    /// `<data>/master-key` where absent, made at the first start where the log is embedded, by `foodflow keys init` where it
    /// is on a server. Every process of a log needs the same.
    master_key_file: Option<PathBuf> = None, Text;
    /// Ed25519 private key (PKCS 8, PEM) that signs checkpoints of the log; `<data>/audit-key.pem` where absent, made by
    /// the first checkpoint, mode 0600.
    audit_key_file: Option<PathBuf> = None, Text;
    /// How often a process with role `all` or `projector` signs a checkpoint, e.g. `10m`, a second or longer; never where
    /// absent.
    audit_interval: Option<SignedDuration> = None, Text;
    /// Plans beside the built-in ones, or in their place; best in the file, as `[plans.<name>]`.
    plans: BTreeMap<String, PlanSettings> = BTreeMap::new(), Value;
    /// What the program logs of itself, e.g. `info,foodflow_log=debug`.
    log: String = "warn,foodflow=info".to_owned(), Text;
    /// How it logs: `text`, or `json` for one JSON object a line.
    log_format: LogFormat = LogFormat::Text, Text;
}

/// Settings of the command line: name, text, and the flag that gives it.
#[derive(Debug, Clone, Default)]
pub struct Flags(Vec<(String, String, String)>);

impl Flags {
    /// Adds what a flag of its own gives.
    pub fn add(&mut self, name: &str, text: Option<impl ToString>) {
        if let Some(text) = text {
            let flag = format!("--{}", name.replace('_', "-"));
            self.0.push((name.to_owned(), text.to_string(), flag));
        }
    }

    /// Adds `name=value` of `--set`.
    ///
    /// # Errors
    /// Where it is not of that form.
    pub fn set(&mut self, text: &str) -> anyhow::Result<()> {
        // What is not of the form may be a secret.
        let (name, value) = text
            .split_once('=')
            .context("--set: write a setting as name=value, e.g. --set log_replicas=3")?;
        self.0.push((name.trim().replace('-', "_"), value.to_owned(), "--set".to_owned()));
        Ok(())
    }
}

/// Where each setting that is no default comes from.
pub type Sources = BTreeMap<&'static str, String>;

impl Config {
    /// Reads the settings: `file` must exist where it is named; `foodflow.toml` is read where it exists.
    ///
    /// # Errors
    /// Where a file cannot be read or a setting is unknown or not understood; the error names setting and source.
    pub fn load(file: Option<&Path>, flags: &Flags) -> anyhow::Result<(Self, Sources)> {
        let chosen = layers::Chosen::read(file, flags).context("the settings are not valid")?;
        let sources = chosen.sources();
        let config: Self = Figment::from(Serialized::defaults(Self::default()))
            .merge(chosen)
            .extract()
            .context("the settings are not valid")?;
        config.check().context("the settings are not valid")?;
        Ok((config, sources))
    }

    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.audit_interval.is_none_or(|interval| interval >= AUDIT_INTERVAL_MIN),
            "audit_interval must be a second or longer, e.g. 10m"
        );
        catalogue(&self.plans)?;
        OidcSettings::of(self)?;
        anyhow::ensure!(
            self.tls_cert_file.is_some() == self.tls_key_file.is_some(),
            "tls_cert_file and tls_key_file belong together: give both or neither"
        );
        anyhow::ensure!(
            (1..=CONNECTIONS_MAX).contains(&self.connections_max),
            "connections_max must be from 1 to {CONNECTIONS_MAX}"
        );
        for (name, timeout) in [("header_timeout", self.header_timeout), ("body_timeout", self.body_timeout)]
        {
            anyhow::ensure!(TIMEOUTS.contains(&timeout), "{name} must be from 100ms to 1h, e.g. 30s");
        }
        let ways = self.nats_sign_ins();
        anyhow::ensure!(
            ways.len() < 2,
            "{} are ways to sign in to NATS: leave all but one out",
            ways.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" and ")
        );
        anyhow::ensure!(
            self.nats_user.is_some() != self.nats_password.0.is_empty(),
            "nats_user and nats_password (or nats_password_file) belong together: give both or neither"
        );
        Ok(())
    }

    /// The ways to sign in to NATS that are given, each under the name of its setting.
    fn nats_sign_ins(&self) -> Vec<(&'static str, NatsCredentials)> {
        let password = self.nats_password.0.clone();
        let user = self.nats_user.clone().map(|name| NatsCredentials::User { name, password });
        let token =
            (!self.nats_token.0.is_empty()).then(|| NatsCredentials::Token(self.nats_token.0.clone()));
        let creds = self.nats_creds_file.clone().map(NatsCredentials::CredentialsFile);
        let nkey = self.nats_nkey_file.clone().map(NatsCredentials::NkeyFile);
        let all = [
            ("nats_user", user),
            ("nats_token", token),
            ("nats_creds_file", creds),
            ("nats_nkey_file", nkey),
        ];
        all.into_iter().filter_map(|(name, way)| Some((name, way?))).collect()
    }

    /// How to sign in to NATS, where the address does not say.
    #[must_use]
    pub fn nats_credentials(&self) -> Option<NatsCredentials> {
        self.nats_sign_ins().into_iter().map(|(_, way)| way).next()
    }

    /// Where the access key is.
    #[must_use]
    pub fn access_key(&self) -> PathBuf {
        self.access_key_file.clone().unwrap_or_else(|| self.data.join("access-key.pem"))
    }

    /// Where the public keys are whose tokens go on to be valid.
    #[must_use]
    pub fn retired_access_keys(&self) -> PathBuf {
        self.retired_access_keys_dir.clone().unwrap_or_else(|| self.data.join("access-keys"))
    }

    /// Where the audit key is.
    #[must_use]
    pub fn audit_key(&self) -> PathBuf {
        self.audit_key_file.clone().unwrap_or_else(|| self.data.join("audit-key.pem"))
    }

    /// Where the master keys are.
    #[must_use]
    pub fn master_key(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data.join("master-key"))
    }

    /// Where the embedded log is.
    #[must_use]
    pub fn embedded_log(&self) -> PathBuf {
        self.data.join("log.sqlite")
    }

    /// Where the embedded graph is.
    #[must_use]
    pub fn embedded_graph(&self) -> PathBuf {
        self.data.join("food_graph.sqlite")
    }

    /// Where the embedded tables of a projection are.
    #[must_use]
    pub fn embedded_tables(&self, projection: &str) -> PathBuf {
        self.data.join(format!("{projection}.sqlite"))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// The table of `docs/OPERATIONS.md`, as the settings have it.
    fn documented() -> String {
        let defaults = serde_json::to_value(Config::default()).unwrap();
        let mut rows = String::from("| setting | meaning | default |\n|---|---|---|\n");
        for setting in SETTINGS {
            let default = table::written(&defaults[setting.name]);
            let default = default.map_or("none".to_owned(), |text| format!("`{text}`"));
            writeln!(rows, "| `{}` | {} | {default} |", setting.name, setting.meaning()).unwrap();
        }
        rows
    }

    #[test]
    fn every_setting_is_documented_as_it_is() {
        let documentation = include_str!("../../../../docs/OPERATIONS.md");
        let table = documented();
        assert!(documentation.contains(&table), "docs/OPERATIONS.md must have this table:\n\n{table}");
    }

    #[test]
    fn every_secret_may_stand_in_a_file_and_none_is_shown() {
        let defaults = serde_json::to_value(Config::default()).unwrap();
        let mut filled = defaults.as_object().unwrap().clone();
        assert_eq!(filled.len(), SETTINGS.len());
        for setting in SETTINGS.iter().filter(|setting| setting.is_secret()) {
            assert!(setting.file_setting().is_some(), "{} lacks a file", setting.name);
            filled.insert(setting.name.to_owned(), "s3cret".into());
        }
        let config: Config = serde_json::from_value(filled.into()).unwrap();
        let shown = format!("{config:?} {:?}", config.nats_credentials());
        assert!(!shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn there_is_one_way_to_sign_in_to_nats() {
        let secret = || Secret("s3cret".to_owned());
        let user = Config { nats_user: Some("plant".to_owned()), ..Config::default() };
        assert!(user.check().unwrap_err().to_string().contains("belong together"));
        let user = Config { nats_password: secret(), ..user };
        user.check().unwrap();
        let both = Config { nats_token: secret(), ..user };
        assert!(both.check().unwrap_err().to_string().contains("nats_user and nats_token"));
    }
}
