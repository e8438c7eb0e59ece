//! An operator: rebuilds all or one tenant, goes back, gives up, while the log grows and processes die.

use std::sync::Arc;
use std::time::Duration;

use foodflow_domain::TenantId;
use foodflow_log::SharedLog;
use foodflow_projections::changes::Change;
use foodflow_projections::runner::{
    Outcome, RebuildOptions, RebuildReport, RebuildRequest, SwitchPolicy, Verdict, food_graph, rebuild,
    switch_back,
};
use foodflow_projections::store::generations::{Generations, RebuildScope};

use super::client::{self, SharedNotebook};
use super::dice::Dice;

/// Most that an operator does in one life of the program.
const DEEDS_MAX: u64 = 3;
/// Longest time between two deeds.
const PAUSE_MAX: Duration = Duration::from_millis(800);

/// What an operator works with.
pub(super) struct Operator {
    /// The log, with its faults.
    pub(super) log: SharedLog,
    /// The store, with its faults.
    pub(super) store: Arc<dyn Generations<Change>>,
    /// The tenants that there are.
    pub(super) tenants: Vec<TenantId>,
    /// Where is noted what must not be.
    pub(super) notebook: SharedNotebook,
    /// What is done, and when.
    pub(super) dice: Dice,
}

impl Operator {
    /// Does some of what an operator may do; each may fail, or be cut short by a kill.
    pub(super) async fn work(self) {
        for _ in 0..self.dice.below(DEEDS_MAX + 1) {
            self.dice.pause(PAUSE_MAX).await;
            match self.dice.below(6) {
                0 => self.go_back().await,
                1 => drop(self.store.discard().await),
                _ => self.rebuild().await,
            }
        }
    }

    async fn rebuild(&self) {
        let scope = match self.tenants.get(self.dice.below(2 * self.tenants.len() as u64) as usize) {
            Some(tenant) => RebuildScope::Tenant(*tenant),
            None => RebuildScope::All,
        };
        let switches = [SwitchPolicy::IfDifferent, SwitchPolicy::Always, SwitchPolicy::Never];
        let switch = switches[self.dice.below(3) as usize];
        let filled_by = if self.dice.chance(1, 8) { "another version" } else { "this version" };
        let request = RebuildRequest { scope, switch, filled_by: filled_by.to_owned() };
        let (log, store) = (Arc::clone(&self.log), Arc::clone(&self.store));
        let report = rebuild(log, store, food_graph(), request, options(&self.dice), |_| {}).await;
        if let Ok(report) = report {
            self.note(&report);
        }
    }

    async fn go_back(&self) {
        let (log, store) = (Arc::clone(&self.log), Arc::clone(&self.store));
        let report = switch_back(log, store, food_graph(), options(&self.dice), |_| {}).await;
        if let Ok(report) = report {
            self.note(&report);
        }
    }

    fn note(&self, report: &RebuildReport) {
        let mut notebook = client::open(&self.notebook);
        notebook.rebuilds += 1;
        notebook.switches += u64::from(report.outcome == Outcome::Switched);
        let different = report.comparisons.iter().find(|one| one.verdict != Verdict::Identical);
        if let Some(different) = different {
            notebook.contradictions.push(format!("live is not what a rebuild gives: {different:?}"));
        }
    }
}

/// Small batches and short terms: a kill meets a rebuild in the midst of each of its steps.
fn options(dice: &Dice) -> RebuildOptions {
    RebuildOptions {
        batch_messages_max: 1 + dice.below(12) as usize,
        tries_max: 4,
        retry_delay_min: Duration::from_millis(5),
        retry_delay_max: Duration::from_millis(100),
        close_messages: 1 + dice.below(8),
        hold_term: Duration::from_millis(300),
        stand_still: Duration::from_millis(500),
        ..RebuildOptions::default()
    }
}

/// What an operator does at the end, when nothing fails any more: a rebuild that takes the place of the live one.
///
/// # Errors
/// Where it does not come about, or the live generation was not what it gives.
pub(super) async fn rebuild_at_last(
    log: &SharedLog,
    store: &Arc<dyn Generations<Change>>,
    dice: &Dice,
) -> Result<(), String> {
    // What another one began and did not finish stands in the way until it is given up.
    store.discard().await.map_err(|error| error.to_string())?;
    let (scope, switch, filled_by) = (RebuildScope::All, SwitchPolicy::Always, "at last".to_owned());
    let request = RebuildRequest { scope, switch, filled_by };
    let (log, store) = (Arc::clone(log), Arc::clone(store));
    let report = rebuild(log, store, food_graph(), request, options(dice), |_| {}).await;
    let report = report.map_err(|error| format!("the last rebuild failed: {error}"))?;
    if report.is_identical() { Ok(()) } else { Err(format!("live is not what a rebuild gives: {report:?}")) }
}
