//! Settings: defaults, then a TOML file, then `FOODFLOW_…` variables, then flags of the command line.
//!
//! With none of them the program runs embedded, with everything under `./data`. Secrets never appear in a log or
//! in a `Debug` text.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::plans::{PlanSettings, catalogue};

use crate::networks::Networks;

/// Shortest time between two rounds of signing.
const AUDIT_INTERVAL_MIN: SignedDuration = SignedDuration::from_secs(1);

/// A setting that is not shown.
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Secret(pub String);

/// A variable that looks like a number is read as one; a secret is a text all the same, and no error quotes it.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Whole(u64),
            Number(f64),
            Flag(bool),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Text(text)) => Ok(Self(text)),
            Ok(Written::Whole(number)) => Ok(Self(number.to_string())),
            Ok(Written::Number(number)) => Ok(Self(number.to_string())),
            Ok(Written::Flag(flag)) => Ok(Self(flag.to_string())),
            Err(_) => Err(serde::de::Error::custom("a secret must be a text; quote it")),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "unset" } else { "set" })
    }
}

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

/// The settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Folder of the embedded log, the embedded read models and the keys.
    pub data: PathBuf,
    /// Address to serve HTTP on.
    pub listen: SocketAddr,
    /// Roles of a serving process.
    pub role: Role,
    /// Who may register a tenant: `closed` for the command line alone, `open` for anybody over HTTP.
    pub sign_up: SignUp,
    /// Networks of proxies whose `X-Forwarded-For`, `X-Forwarded-Proto` and `Forwarded` are believed.
    pub trusted_proxies: Networks,
    /// `nats://host:port`, with credentials where the server asks for them, `file:<path>` for a log of several
    /// partitions in a folder or of one in an SQLite file (`.sqlite` or `.db`), or `esdb://host:port` for EventStoreDB
    /// where it is built in; embedded where absent.
    pub log_url: Option<Secret>,
    /// Partitions of a log on a server or in a folder when it is created; fixed from then on.
    pub log_partitions: Option<u16>,
    /// Replicas of a JetStream log when it is created.
    pub log_replicas: u8,
    /// `postgres://user:password@host:port/database`; tables are embedded where absent.
    pub postgres_url: Option<Secret>,
    /// `redis://user:password@host:port/database`, or `rediss://…` with TLS; sessions, revoked tokens and rate limits are
    /// this process's own where absent.
    pub redis_url: Option<Secret>,
    /// `bolt://host:port` or `neo4j://host:port`; embedded where absent.
    pub neo4j_url: Option<String>,
    /// User of Neo4j.
    pub neo4j_user: String,
    /// Password of Neo4j.
    pub neo4j_password: Secret,
    /// File that holds the password of Neo4j; takes the place of `neo4j_password`.
    pub neo4j_password_file: Option<PathBuf>,
    /// Database of Neo4j; the server's default where absent.
    pub neo4j_database: Option<String>,
    /// Ed25519 private key (PKCS 8, PEM) that signs access tokens; `<data>/access-key.pem` where absent.
    pub access_key_file: Option<PathBuf>,
    /// Folder of older public keys (PEM) whose tokens go on to be valid; `<data>/access-keys` where absent.
    pub retired_access_keys_dir: Option<PathBuf>,
    /// Requests of each tenant per second; without a limit where 0.
    pub rate_limit_per_s: u32,
    /// Requests of each tenant at once.
    pub rate_limit_burst: u32,
    /// Attempts without a token, such as logins, from one address per minute; without a limit where 0.
    pub address_limit_per_minute: u32,
    /// Ed25519 private key (PKCS 8, PEM) that signs checkpoints of the log; `<data>/audit-key.pem` where absent.
    pub audit_key_file: Option<PathBuf>,
    /// Master keys (base64, one a line) that the keys of persons are sealed under; `<data>/master-key` where absent.
    pub master_key_file: Option<PathBuf>,
    /// How often a serving process that projects signs checkpoints, e.g. `10m`; never where absent.
    pub audit_interval: Option<SignedDuration>,
    /// Plans beside the built-in ones, or in their place: `[plans.<name>]`.
    pub plans: BTreeMap<String, PlanSettings>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            role: Role::All,
            sign_up: SignUp::Closed,
            trusted_proxies: Networks::default(),
            log_url: None,
            log_partitions: None,
            log_replicas: 1,
            postgres_url: None,
            redis_url: None,
            neo4j_url: None,
            neo4j_user: "neo4j".to_owned(),
            neo4j_password: Secret::default(),
            neo4j_password_file: None,
            neo4j_database: None,
            access_key_file: None,
            retired_access_keys_dir: None,
            rate_limit_per_s: 2_000,
            rate_limit_burst: 10_000,
            address_limit_per_minute: 300,
            audit_key_file: None,
            master_key_file: None,
            audit_interval: None,
            plans: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads the settings: `file` must exist where it is named; `foodflow.toml` is read where it exists.
    ///
    /// # Errors
    /// Where a file cannot be read or a setting is not understood; the error names setting and source.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut config: Self = Self::layers(file)?.extract().context("the settings are not valid")?;
        // As it stands: read as a setting, `0123` is a number.
        if let Ok(password) = std::env::var("FOODFLOW_NEO4J_PASSWORD") {
            config.neo4j_password = Secret(password);
        }
        if let Some(path) = &config.neo4j_password_file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the password of Neo4j from {}", path.display()))?;
            config.neo4j_password = Secret(text.trim_end().to_owned());
        }
        // An empty variable is one that is not set.
        config.log_url = config.log_url.filter(|url| !url.0.trim().is_empty());
        config.postgres_url = config.postgres_url.filter(|url| !url.0.trim().is_empty());
        config.redis_url = config.redis_url.filter(|url| !url.0.trim().is_empty());
        config.neo4j_url = config.neo4j_url.filter(|url| !url.trim().is_empty());
        anyhow::ensure!(
            config.audit_interval.is_none_or(|interval| interval >= AUDIT_INTERVAL_MIN),
            "audit_interval must be a second or longer, e.g. 10m"
        );
        catalogue(&config.plans)?;
        Ok(config)
    }

    /// Defaults, file and variables, each setting with its source.
    ///
    /// # Errors
    /// Where `file` is named and does not exist.
    pub fn layers(file: Option<&Path>) -> anyhow::Result<Figment> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        match file {
            Some(path) => {
                anyhow::ensure!(path.is_file(), "there is no configuration file {}", path.display());
                figment = figment.merge(Toml::file_exact(path));
            }
            None if Path::new("foodflow.toml").is_file() => {
                figment = figment.merge(Toml::file_exact("foodflow.toml"));
            }
            None => {}
        }
        Ok(figment.merge(Env::prefixed("FOODFLOW_")))
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
