//! Attempts of somebody without a token, by address and account.

use std::net::IpAddr;
use std::time::Duration;

use axum::response::IntoResponse as _;
use foodflow_api::http::App;
use foodflow_api::http::admission::{admit_address, admit_attempt};
use foodflow_projections::keys::Rate;
use uuid::Uuid;

use super::{Service, on_both_stores};

on_both_stores! {
    attempts_of_an_address_are_limited_by_what_is_attempted,
    attempts_at_an_account_are_limited_wherever_they_come_from,
}

/// An address that no other test has.
fn address() -> IpAddr {
    IpAddr::V6(Uuid::new_v4().as_u128().into())
}

/// Up to three attempts from an address.
fn limited(service: &Service) -> App {
    App { address_limit: Rate::new(1, Duration::from_secs(3_600), 3), ..service.app.clone() }
}

async fn attempts_of_an_address_are_limited_by_what_is_attempted(service: Service) -> anyhow::Result<()> {
    let app = limited(&service);
    let (one, other) = (address(), address());
    for _ in 0..3 {
        assert!(admit_address(&app, one, "login").await.is_ok());
    }
    let refused =
        admit_address(&app, one, "login").await.map_err(axum::response::IntoResponse::into_response);
    let refused = refused.expect_err("a fourth attempt");
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"3600".parse()?));
    assert_eq!(refused.headers()["ratelimit"], "\"address\";r=0;t=3600");
    assert!(admit_address(&app, one, "password-reset").await.is_ok());
    assert!(admit_address(&app, other, "login").await.is_ok());
    let unlimited = App { address_limit: None, ..app };
    for _ in 0..10 {
        assert!(admit_address(&unlimited, one, "login").await.is_ok());
    }
    Ok(())
}

async fn attempts_at_an_account_are_limited_wherever_they_come_from(service: Service) -> anyhow::Result<()> {
    let app = limited(&service);
    let account = format!("{}@harbor-vale.example", Uuid::new_v4());
    let mut admitted = 0;
    for _ in 0..30 {
        admitted += u32::from(admit_attempt(&app, address(), &account, "login").await.is_ok());
    }
    // A token comes back every three seconds.
    assert!((20..=22).contains(&admitted), "{admitted}");
    let refused =
        admit_attempt(&app, address(), &account, "login").await.map_err(|problem| problem.into_response());
    assert_eq!(refused.expect_err("one more").headers()["ratelimit-policy"], "\"account\";q=20;w=60");
    let another = format!("{}@harbor-vale.example", Uuid::new_v4());
    assert!(admit_attempt(&app, address(), &another, "login").await.is_ok());
    Ok(())
}
