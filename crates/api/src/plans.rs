//! Plans in the settings: `[plans.<name>]`, with a limit for each thing that a plan limits.

use std::collections::BTreeMap;

use anyhow::Context as _;
use foodflow_domain::tenancy::{Entitlements, Plans};
use serde::{Deserialize, Serialize};

/// A limit of a plan, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a limit is a whole number, or \"unlimited\"")]
pub enum Limit {
    /// So many.
    At(u32),
    /// None.
    None(Unlimited),
}

/// The word for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unlimited {
    /// The word itself.
    Unlimited,
}

/// The limits of a plan. What is absent stays as it is in a built-in plan, and is unlimited in a new one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanSettings {
    /// Active users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats: Option<Limit>,
    /// Lots that are received or produced in a calendar month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lots_per_month: Option<Limit>,
    /// Requests a second, on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<Limit>,
    /// Requests that may come at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_burst: Option<Limit>,
    /// Days for which events, use and the past of tenancy's tables are readable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<Limit>,
}

/// The built-in plans, with those of the settings.
///
/// # Errors
/// Where a plan or a limit is none; the error names the setting.
pub fn catalogue(settings: &BTreeMap<String, PlanSettings>) -> anyhow::Result<Plans> {
    let mut plans = Plans::default();
    for (name, limits) in settings {
        crate::bodies::tenancy::check_plan_name(name)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("the name of the plan in `[plans.{name}]` is not valid"))?;
        let known = plans.entitlements(name);
        let over = |limit: Option<Limit>, known| match limit {
            Some(Limit::At(number)) => Some(number),
            Some(Limit::None(_)) => None,
            None => known,
        };
        let entitlements = Entitlements {
            seats: over(limits.seats, known.seats),
            lots_per_month: over(limits.lots_per_month, known.lots_per_month),
            requests_per_second: over(limits.requests_per_second, known.requests_per_second),
            request_burst: over(limits.request_burst, known.request_burst),
            retention_days: over(limits.retention_days, known.retention_days),
        };
        entitlements.check().map_err(|(limit, what)| anyhow::anyhow!("`plans.{name}.{limit}` {what}"))?;
        plans.set(name.clone(), entitlements);
    }
    Ok(plans)
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format as _, Toml};

    use super::*;

    fn read(text: &str) -> anyhow::Result<Plans> {
        let settings: BTreeMap<String, PlanSettings> =
            Figment::from(Toml::string(text)).extract_inner("plans")?;
        catalogue(&settings)
    }

    #[test]
    fn a_plan_of_the_settings_replaces_what_it_names_and_leaves_the_rest() {
        let plans =
            read("[plans.free]\nseats = 7\nlots_per_month = \"unlimited\"\n[plans.site]\nseats = 2").unwrap();
        let (built_in, free) = (Plans::default().entitlements("free"), plans.entitlements("free"));
        assert_eq!(free, Entitlements { seats: Some(7), lots_per_month: None, ..built_in });
        assert_eq!(plans.get("site"), Some(Entitlements { seats: Some(2), ..Entitlements::UNLIMITED }));
        assert_eq!(plans.get("starter"), Plans::default().get("starter"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_name() {
        for (text, told) in [
            ("[plans.free]\nseats = 0", "plans.free.seats"),
            ("[plans.free]\nretention_days = 90", "plans.free.retention_days"),
            ("[plans.free]\nlots_per_month = \"many\"", "unlimited"),
            ("[plans.free]\nlots = 4", "lots"),
            ("[plans.\"Free plan\"]\nseats = 4", "Free plan"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
