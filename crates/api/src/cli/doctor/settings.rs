//! The settings, each with its source.

use serde_json::Value;

use super::checks::Checks;
use crate::config::table::{self, Setting};
use crate::config::{Config, SETTINGS, Sources};
use crate::log_address::LogAddress;

const SECTION: &str = "settings";

/// Shows `config`, and where each setting comes from.
///
/// # Errors
/// Where the settings cannot be written.
pub(super) fn check(checks: &mut Checks, config: &Config, sources: &Sources) -> anyhow::Result<()> {
    let values = serde_json::to_value(config)?;
    for setting in SETTINGS {
        let name = setting.name;
        let source = sources.get(name).map_or("default", String::as_str);
        checks.ok(SECTION, format!("{name} = {} ({source})", shown(config, setting, &values[name])));
    }
    Ok(())
}

fn shown(config: &Config, setting: &Setting, value: &Value) -> String {
    let Some(written) = table::written(value) else { return "unset".to_owned() };
    // Addresses may hold a user and a password.
    let address = match setting.name {
        "log_url" => Some(LogAddress::of(config).place()),
        "neo4j_url" => config.neo4j().map(|neo4j| neo4j.address()),
        "postgres_url" => config.postgres().map(|postgres| postgres.address()),
        "redis_url" => config.redis().map(|redis| redis.address()),
        _ => None,
    };
    match address {
        Some(address) => address,
        None if setting.is_secret() => "set".to_owned(),
        None => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn every_setting_is_shown_and_no_secret() {
        let secret = |text: &str| Some(Secret(text.to_owned()));
        let config = Config {
            log_url: secret("nats://plant:s3cret@log:4222"),
            postgres_url: secret("postgres://plant:s3cret@tables:5433/foodflow"),
            neo4j_url: secret("bolt://plant:s3cret@graph:7687"),
            redis_url: secret("redis://plant:s3cret@keys:6380/2"),
            neo4j_password: Secret("s3cret".to_owned()),
            nats_token: Secret("s3cret".to_owned()),
            ..Config::default()
        };
        let sources = Sources::from([("log_url", "flag --log-url".to_owned())]);
        let mut checks = Checks::default();
        check(&mut checks, &config, &sources).unwrap();
        let text = checks.to_string();
        assert!(!text.contains("s3cret"), "{text}");
        for line in [
            "log_url = nats://log:4222 (flag --log-url)",
            "neo4j_password = set (default)",
            "nats_token = set",
            "nats_password = unset",
            "neo4j_url = bolt://graph:7687",
            "redis_url = redis://keys:6380/2",
            "postgres_url = postgres://tables:5433/foodflow",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        for Setting { name, .. } in SETTINGS {
            assert!(text.contains(&format!("{name} = ")), "{name} is not in {text}");
        }
    }
}
