//! The settings, each with its source; and those that are given and not known.

use std::path::PathBuf;

use figment::value::Dict;
use figment::{Figment, Metadata, Source};
use serde_json::Value;

use super::checks::Checks;
use crate::cli::Settings;
use crate::config::Config;

const SECTION: &str = "settings";
/// Settings whose value may be shown. Every other one is a secret until it is named here.
const SHOWN: [&str; 19] = [
    "data",
    "listen",
    "role",
    "sign_up",
    "trusted_proxies",
    "log_partitions",
    "log_replicas",
    "neo4j_user",
    "neo4j_password_file",
    "neo4j_database",
    "access_key_file",
    "retired_access_keys_dir",
    "rate_limit_per_s",
    "rate_limit_burst",
    "address_limit_per_minute",
    "audit_key_file",
    "master_key_file",
    "audit_interval",
    "plans",
];
/// Variables with the prefix that are read elsewhere, as settings of the program's own log.
const OTHER_VARIABLES: [&str; 2] = ["log", "log_format"];

/// What was given on the command line.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    file: Option<PathBuf>,
    given: Vec<&'static str>,
}

impl Flags {
    /// What of `settings` was given.
    #[must_use]
    pub(in crate::cli) fn of(settings: &Settings) -> Self {
        let all = [
            ("data", settings.data.is_some()),
            ("log_url", settings.log_url.is_some()),
            ("postgres_url", settings.postgres_url.is_some()),
            ("redis_url", settings.redis_url.is_some()),
            ("neo4j_url", settings.neo4j_url.is_some()),
        ];
        let given = all.into_iter().filter_map(|(name, given)| given.then_some(name)).collect();
        Self { file: settings.config.clone(), given }
    }
}

/// Shows `config`, and where each setting comes from.
///
/// # Errors
/// Where the settings cannot be read again.
pub(super) fn check(checks: &mut Checks, config: &Config, flags: &Flags) -> anyhow::Result<()> {
    let layers = Config::layers(flags.file.as_deref())?;
    let Value::Object(known) = serde_json::to_value(config)? else {
        anyhow::bail!("the settings are not an object");
    };
    for (name, value) in &known {
        let shown = shown(config, name, value);
        checks.ok(SECTION, format!("{name} = {shown} ({})", source(&layers, flags, name)));
    }
    let given: Dict = layers.extract()?;
    let is_read_elsewhere =
        |name: &str| OTHER_VARIABLES.contains(&name) && source(&layers, flags, name).starts_with("variable");
    let unknown = given.keys().filter(|name| !known.contains_key(*name) && !is_read_elsewhere(name));
    for name in unknown {
        let text = format!("{name} is no setting ({})", source(&layers, flags, name));
        checks.warn(SECTION, text, "correct its name or leave it out; it has no effect");
    }
    Ok(())
}

fn shown(config: &Config, name: &str, value: &Value) -> String {
    let is_empty = value.as_str().is_some_and(str::is_empty);
    if value.is_null() || (is_empty && name == "neo4j_password") {
        return "unset".to_owned();
    }
    if is_empty {
        return "empty".to_owned();
    }
    // Addresses may hold a user and a password.
    let address = match name {
        "neo4j_url" => config.neo4j().map(|neo4j| neo4j.address()),
        "postgres_url" => config.postgres().map(|postgres| postgres.address()),
        "redis_url" => config.redis().map(|redis| redis.address()),
        _ => None,
    };
    match address {
        Some(address) => address,
        None if !SHOWN.contains(&name) => "set".to_owned(),
        None => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}

fn source(layers: &Figment, flags: &Flags, name: &str) -> String {
    if flags.given.contains(&name) {
        return format!("flag --{}", name.replace('_', "-"));
    }
    match layers.find_metadata(name) {
        Some(Metadata { source: Some(Source::File(path)), .. }) => format!("file {}", path.display()),
        Some(metadata) if metadata.name.contains("environment") => {
            format!("variable FOODFLOW_{}", name.to_ascii_uppercase())
        }
        _ => "default".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn what_only_a_variable_sets_has_no_effect_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("foodflow.toml");
        std::fs::write(&file, "log_format = \"json\"").unwrap();
        let mut checks = Checks::default();
        check(&mut checks, &Config::default(), &Flags { file: Some(file), given: Vec::new() }).unwrap();
        let text = checks.to_string();
        assert!(text.contains("log_format is no setting (file "), "{text}");
    }

    #[test]
    fn every_setting_is_shown_and_no_secret() {
        let config = Config {
            log_url: Some(Secret("nats://plant:s3cret@log:4222".to_owned())),
            postgres_url: Some(Secret("postgres://plant:s3cret@tables:5433/foodflow".to_owned())),
            redis_url: Some(Secret("redis://plant:s3cret@keys:6380/2".to_owned())),
            neo4j_url: Some("bolt://plant:s3cret@graph:7687".to_owned()),
            neo4j_password: Secret("s3cret".to_owned()),
            ..Config::default()
        };
        let flags = Flags { file: None, given: vec!["log_url"] };
        let mut checks = Checks::default();
        check(&mut checks, &config, &flags).unwrap();
        let text = checks.to_string();
        assert!(!text.contains("s3cret"), "{text}");
        for line in [
            "log_url = set (flag --log-url)",
            "neo4j_password = set",
            "neo4j_url = bolt://graph:7687",
            "postgres_url = postgres://tables:5433/foodflow",
            "redis_url = redis://keys:6380/2",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        for name in SHOWN {
            assert!(text.contains(&format!("{name} = ")), "{name} is not in {text}");
        }
    }
}
