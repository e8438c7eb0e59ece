//! What the settings say of the identity provider, checked before anybody is sent there.

use anyhow::{Context as _, bail, ensure};
use openidconnect::url::{Host, Url};
use openidconnect::{ClientId, ClientSecret, IssuerUrl, RedirectUrl};

use crate::config::Config;

/// The identity provider, and what this deployment is to it.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    pub(super) issuer: IssuerUrl,
    pub(super) client_id: ClientId,
    /// None of a public client.
    pub(super) client_secret: Option<ClientSecret>,
    pub(super) redirect: RedirectUrl,
}

impl OidcSettings {
    /// Those of the settings; `None` where they name no provider.
    ///
    /// # Errors
    /// Where one is missing that belongs to the others, or an address is none that tokens may be sent to.
    pub fn of(config: &Config) -> anyhow::Result<Option<Self>> {
        let secret = &config.oidc_client_secret.0;
        let (issuer, client_id, redirect) = match (
            &config.oidc_issuer,
            &config.oidc_client_id,
            &config.oidc_redirect_url,
        ) {
            (None, None, None) if secret.is_empty() => return Ok(None),
            (Some(issuer), Some(client_id), Some(redirect)) => (issuer, client_id, redirect),
            _ => bail!(
                "oidc_issuer, oidc_client_id and oidc_redirect_url belong together, and oidc_client_secret to them: give all \
                     or none"
            ),
        };
        let parsed = IssuerUrl::new(issuer.clone()).context("oidc_issuer is no URL")?;
        check("oidc_issuer", parsed.url())?;
        ensure!(parsed.url().query().is_none(), "oidc_issuer must have no query");
        let redirect = RedirectUrl::new(redirect.clone()).context("oidc_redirect_url is no URL")?;
        check("oidc_redirect_url", redirect.url())?;
        Ok(Some(Self {
            issuer: parsed,
            client_id: ClientId::new(client_id.clone()),
            client_secret: (!secret.is_empty()).then(|| ClientSecret::new(secret.clone())),
            redirect,
        }))
    }

    /// The provider, as it calls itself.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Whether the provider is reached without TLS: on this machine alone.
    pub(super) fn is_plain(&self) -> bool {
        self.issuer.url().scheme() == "http"
    }
}

/// Refuses an address that secrets must not be sent to.
fn check(name: &str, url: &Url) -> anyhow::Result<()> {
    let fits = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    ensure!(fits, "{name} must begin with https://, or with http:// on this machine itself");
    ensure!(url.host().is_some(), "{name} names no host");
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        "{name} must name no user and no password"
    );
    ensure!(url.fragment().is_none(), "{name} must have no fragment (#…)");
    Ok(())
}

/// Whether the address is of this machine itself.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn config(issuer: &str, redirect: &str) -> Config {
        Config {
            oidc_issuer: Some(issuer.to_owned()),
            oidc_client_id: Some("foodflow".to_owned()),
            oidc_client_secret: Secret("s3cret".to_owned()),
            oidc_redirect_url: Some(redirect.to_owned()),
            ..Config::default()
        }
    }

    #[test]
    fn what_belongs_together_is_given_together() {
        assert!(OidcSettings::of(&Config::default()).unwrap().is_none());
        let whole = config("https://login.example/realms/plant", "https://plant.example/back");
        let settings = OidcSettings::of(&whole).unwrap().unwrap();
        assert_eq!(settings.issuer(), "https://login.example/realms/plant");
        assert!(!format!("{settings:?}").contains("s3cret"));
        for part in [
            Config { oidc_issuer: None, ..whole.clone() },
            Config { oidc_client_id: None, ..whole.clone() },
            Config { oidc_redirect_url: None, ..whole.clone() },
            Config { oidc_client_secret: Secret("s3cret".to_owned()), ..Config::default() },
        ] {
            let error = OidcSettings::of(&part).unwrap_err().to_string();
            assert!(error.contains("belong together") && !error.contains("s3cret"), "{error}");
        }
        let public = Config { oidc_client_secret: Secret::default(), ..whole };
        assert!(OidcSettings::of(&public).unwrap().unwrap().client_secret.is_none());
    }

    #[test]
    fn nobody_is_sent_where_others_listen() {
        let back = "https://plant.example/back";
        for plain in ["http://127.0.0.1:9000", "http://localhost:9000/realms/plant", "http://[::1]:9000"] {
            assert!(OidcSettings::of(&config(plain, "http://127.0.0.1:3000/back")).unwrap().is_some());
        }
        for wrong in [
            "http://login.example",
            "ftp://login.example",
            "login.example",
            "javascript:alert(1)",
            "https://plant:pass@login.example",
            "https://login.example/#x",
        ] {
            OidcSettings::of(&config(wrong, back)).unwrap_err();
            OidcSettings::of(&config("https://login.example", wrong)).unwrap_err();
        }
        OidcSettings::of(&config("https://login.example?tenant=1", back)).unwrap_err();
    }
}
