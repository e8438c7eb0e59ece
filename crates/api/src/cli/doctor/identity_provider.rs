//! The identity provider: whether it answers, as a provider does that can be relied on.

use super::checks::Checks;
use crate::config::Config;
use crate::oidc::Provider;

const SECTION: &str = "identity provider";

/// Looks at the identity provider.
pub(super) async fn check(checks: &mut Checks, config: &Config) {
    let provider = match Provider::of(config) {
        Ok(Some(provider)) => provider,
        Ok(None) => {
            checks.ok(SECTION, "none: people log in with passwords alone");
            return;
        }
        Err(error) => {
            checks.fail(
                SECTION,
                format!("{error:#}"),
                "put it right; `foodflow serve` does not start like this",
            );
            return;
        }
    };
    let issuer = provider.issuer();
    match provider.look().await {
        Ok(keys) => checks.ok(SECTION, format!("{issuer} answers, and signs with one of {keys} keys")),
        Err(error) => {
            let advice = "see whether it can be reached from here, and whether oidc_issuer is written as the provider writes \
                          `issuer` in its /.well-known/openid-configuration; without it nobody logs in there";
            checks.fail(SECTION, format!("{issuer}: {error}"), advice);
        }
    }
}
