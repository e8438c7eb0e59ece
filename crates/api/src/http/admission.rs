//! Who may go on: tokens that were revoked, and how much a tenant, an address or an account may ask for.
//!
//! A request with a token asks the key store once, before its permission is looked at, so that what is refused counts, too.
//! What the store does not answer is refused.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;
use foodflow_domain::TenantId;
use foodflow_projections::keys::{Admission, Bucket, Rate, Refused, Token};

use super::App;
use super::problem::Problem;
use crate::config::Config;

/// The period of the limits of addresses and accounts.
const MINUTE: Duration = Duration::from_secs(60);
/// Attempts at one account in a minute, wherever they come from.
const ACCOUNT_ATTEMPTS: u32 = 20;

/// Logins at the identity provider that may begin in a minute, over all: what waits for their end is bounded.
const BEGINNINGS: u32 = 6_000;

/// How much each tenant may ask for.
#[async_trait]
pub trait RateLimits: Send + Sync + 'static {
    /// The tenant's rate of requests; `None` where it has no limit. It is asked at each request, so it answers from memory.
    async fn of_tenant(&self, tenant: TenantId) -> Option<Rate>;
}

/// The rate of the settings, for every tenant alike.
#[derive(Debug, Clone, Copy)]
pub struct SameForAll(pub Option<Rate>);

impl SameForAll {
    /// That of the settings.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let rate = |per_s: NonZeroU32| {
            Rate::new(per_s.get(), Duration::from_secs(1), config.rate_limit_burst.max(1))
        };
        Self(NonZeroU32::new(config.rate_limit_per_s).and_then(rate))
    }
}

#[async_trait]
impl RateLimits for SameForAll {
    async fn of_tenant(&self, _: TenantId) -> Option<Rate> {
        self.0
    }
}

/// The limit of attempts from one address, by the settings; `None` where there is none.
#[must_use]
pub fn address_limit(config: &Config) -> Option<Rate> {
    let per_minute = config.address_limit_per_minute;
    Rate::new(per_minute, MINUTE, per_minute)
}

/// Whether a request with this token may go on, its tenant's rate included.
///
/// # Errors
/// `unauthenticated` where the token was revoked, `rate-limited` where the tenant asks for too much, `unavailable` where
/// the key store does not answer.
pub async fn admit_token(app: &App, token: &Token) -> Result<(), Problem> {
    let rate = app.limits.of_tenant(token.tenant).await;
    let bucket = rate.map(|rate| Bucket::of_tenant(token.tenant, rate));
    admit(app, Some(token), bucket.as_slice()).await
}

/// Whether a token goes on to be valid, without a request of its own.
///
/// # Errors
/// As [`admit_token`], but for the rate.
pub async fn still_valid(app: &App, token: &Token) -> Result<(), Problem> {
    admit(app, Some(token), &[]).await
}

/// Whether somebody without a token may go on, by the address that they ask from. `name` is what they attempt, e.g.
/// `login`; each has a limit of its own.
///
/// # Errors
/// `rate-limited`, or `unavailable` where the key store does not answer.
pub async fn admit_address(app: &App, address: IpAddr, name: &'static str) -> Result<(), Problem> {
    admit(app, None, of_address(app, address, name).as_slice()).await
}

/// The same for an attempt at an account, of which all addresses together may make some in a minute. The account is what was
/// typed, whether it exists or not; the key store gets a hash of it.
///
/// # Errors
/// As [`admit_address`].
pub async fn admit_attempt(
    app: &App,
    address: IpAddr,
    account: &str,
    name: &'static str,
) -> Result<(), Problem> {
    let mut buckets = Vec::from_iter(of_address(app, address, name));
    let rate = Rate::new(ACCOUNT_ATTEMPTS, MINUTE, ACCOUNT_ATTEMPTS);
    buckets.extend(rate.map(|rate| Bucket::of("account", &format!("{name}\n{account}"), rate)));
    admit(app, None, &buckets).await
}

/// The same for what is kept until somebody is back, of which everybody together may begin some in a minute.
///
/// # Errors
/// As [`admit_address`].
pub async fn admit_beginning(app: &App, address: IpAddr, name: &'static str) -> Result<(), Problem> {
    let mut buckets = Vec::from_iter(of_address(app, address, name));
    let rate = Rate::new(BEGINNINGS, MINUTE, BEGINNINGS);
    buckets.extend(rate.map(|rate| Bucket::of("deployment", name, rate)));
    admit(app, None, &buckets).await
}

fn of_address(app: &App, address: IpAddr, name: &str) -> Option<Bucket> {
    let whose = format!("{name}\n{}", network(address));
    app.address_limit.map(|rate| Bucket::of("address", &whose, rate))
}

/// What of an address tells one client from others: a customer has 2^64 addresses of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
    }
}

async fn admit(app: &App, token: Option<&Token>, buckets: &[Bucket]) -> Result<(), Problem> {
    match app.keys.admit(token, buckets).await? {
        Admission::Admitted { .. } => Ok(()),
        Admission::Refused(refused) => {
            metrics::counter!("foodflow_api_tokens_refused_total", "why" => reason(refused)).increment(1);
            Err(Problem::unauthenticated("the bearer token was revoked, or its session has ended"))
        }
        Admission::Limited { bucket, wait } => {
            let limited = buckets.get(bucket);
            let kind = limited.map_or("other", Bucket::kind);
            metrics::counter!("foodflow_api_rate_limited_total", "bucket" => kind).increment(1);
            Err(Problem::rate_limited(kind, limited.map(Bucket::rate), wait))
        }
    }
}

const fn reason(refused: Refused) -> &'static str {
    match refused {
        Refused::Tenant => "tenant",
        Refused::Actor => "actor",
        Refused::Session => "session",
        Refused::NoSession => "no-session",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_customer_are_one() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("203.0.113.9"), "203.0.113.9");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }

    #[test]
    fn no_limit_is_none() {
        let off = Config { rate_limit_per_s: 0, address_limit_per_minute: 0, ..Config::default() };
        assert_eq!((SameForAll::of(&off).0, address_limit(&off)), (None, None));
        let on = SameForAll::of(&Config { rate_limit_per_s: 7, rate_limit_burst: 0, ..Config::default() }).0;
        assert_eq!(on.map(|rate| (rate.tokens(), rate.burst())), Some((7, 1)));
    }
}
