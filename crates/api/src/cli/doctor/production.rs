//! Whether a plant that others rely on may run with these settings.

use super::checks::Checks;
use crate::config::Config;
use crate::demo;
use crate::production::{Severity, Weakness, weaknesses};
use crate::serving::tls::Certificates;

const SECTION: &str = "production";

/// Looks at the settings, and at the files that they name.
pub(super) fn check(checks: &mut Checks, config: &Config) {
    match Certificates::of(config) {
        Ok(Some(_)) => checks.ok("tls", "the certificate and its key belong together"),
        Ok(None) => {}
        Err(error) => checks.fail("tls", format!("{error:#}"), "put the right files there"),
    }
    let found = weaknesses(config);
    if !config.production {
        let count = found.iter().filter(|one| one.severity == Severity::Refused).count();
        let text = format!("production = false; with it {count} setting(s) would be refused");
        checks.ok(SECTION, text);
        return;
    }
    if found.is_empty() {
        checks.ok(SECTION, "no setting is weak");
    }
    for Weakness { severity, text, advice } in found {
        match severity {
            Severity::Refused => checks.fail(SECTION, text, advice),
            Severity::Warned => checks.warn(SECTION, text, advice),
        }
    }
}

/// Looks for the demo's story in the log.
pub(super) async fn check_log(checks: &mut Checks, config: &Config, log: &foodflow_log::SharedLog) {
    if !config.production {
        return;
    }
    match demo::is_told_in(log).await {
        Ok(false) => checks.ok(SECTION, "the log does not hold the demo's story"),
        Ok(true) => checks.fail(SECTION, demo::IN_PRODUCTION, demo::IN_PRODUCTION_ADVICE),
        Err(error) => checks.fail(SECTION, error.to_string(), "see what is said of the log"),
    }
}
