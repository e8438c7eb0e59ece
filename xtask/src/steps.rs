//! The steps of `cargo xtask test`, in the order in which they fail cheapest.
//!
//! A run stops at the first step that fails. No step may pass without having done its work: there is no condition
//! under which one is left out, other than `--only`.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::ValueEnum;

use crate::install::{Installer, Item};
use crate::run::{check_interrupted, run, run_in_temporary_folder};
use crate::servers::Servers;
use crate::workspace::Workspace;
use crate::{events, eventstore, fuzz, openapi, report};

/// What the benches are compared with: a workspace of its own, which is checked here and built by the benches alone.
const PEER: &str = "benches/peer/Cargo.toml";

/// One step of the whole check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Step {
    /// Installs the tools and servers that are missing
    Tools,
    /// The code is formatted
    Format,
    /// Clippy finds nothing in any target or feature, tests and benches included
    Lint,
    /// The documentation builds without warnings
    Docs,
    /// Licences, sources and bans of dependencies are as deny.toml says
    Dependencies,
    /// Every declared dependency is used
    Unused,
    /// schemas/openapi.json is what the handlers say
    Openapi,
    /// No written version of an event was changed
    Events,
    /// Requests made up from the OpenAPI document meet no 5xx, and no answer that it does not describe
    Fuzz,
    /// Every test passes, against real servers
    Tests,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 10] = [
        Self::Tools,
        Self::Format,
        Self::Lint,
        Self::Docs,
        Self::Dependencies,
        Self::Unused,
        Self::Openapi,
        Self::Events,
        Self::Fuzz,
        Self::Tests,
    ];

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn purpose(self) -> String {
        let value = self.to_possible_value();
        value.and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }

    /// What must be installed before the step can run.
    fn items(self) -> &'static [Item] {
        match self {
            Self::Tools => &Item::ALL,
            Self::Dependencies => &[Item::CargoDeny],
            Self::Unused => &[Item::CargoMachete],
            Self::Fuzz => &[Item::Schemathesis],
            Self::Tests => &Item::TESTS,
            Self::Format | Self::Lint | Self::Docs | Self::Openapi | Self::Events => &[],
        }
    }

    fn run(self, workspace: &Workspace, installer: Installer<'_>) -> anyhow::Result<()> {
        installer.ensure(self.items())?;
        let tools = workspace.tools();
        let mut cargo = workspace.cargo();
        match self {
            Self::Tools => Ok(()),
            Self::Format => {
                run(cargo.args(["fmt", "--all", "--check"]))?;
                run(workspace.cargo().args(["fmt", "--check", "--manifest-path", PEER]))
            }
            Self::Lint => {
                let everything = ["clippy", "--workspace", "--all-targets", "--all-features"];
                run(cargo.args(everything).args(["--", "-D", "warnings"]))?;
                let peer = ["--locked", "--target-dir", "target", "--manifest-path", PEER];
                run(workspace.cargo().arg("clippy").args(peer).args(["--", "-D", "warnings"]))
            }
            Self::Docs => {
                run(cargo.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--workspace", "--no-deps"]))
            }
            // The advisories are left to a scheduled job: their database is a repository that must be fetched, and
            // a check whose answer changes from day to day would fail changes that have nothing to do with it.
            Self::Dependencies => ["Cargo.toml", PEER].into_iter().try_for_each(|manifest| {
                let checks = ["--hide-inclusion-graph", "bans", "licenses", "sources"];
                let mut deny = workspace.command(tools.program("cargo-deny"));
                run(deny.args(["--manifest-path", manifest, "--all-features", "check"]).args(checks))
            }),
            // With CARGO set it would take itself for a subcommand of cargo and skip its first argument.
            Self::Unused => run(workspace.command(tools.program("cargo-machete")).env_remove("CARGO")),
            Self::Openapi => openapi::check(workspace),
            Self::Events => events::check(workspace),
            Self::Fuzz => fuzz::fuzz(workspace, fuzz::EXAMPLES, fuzz::SEED),
            Self::Tests => test(workspace),
        }
    }
}

/// Runs the tests with servers that live as long as this call.
fn test(workspace: &Workspace) -> anyhow::Result<()> {
    let servers = Servers::start(workspace)?;
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace"]).envs(servers.environment());
    run_in_temporary_folder(&mut cargo)?;
    eventstore::test_mapping(workspace)
}

/// Runs the chosen steps, or all of them when none is chosen, and ends with a table.
///
/// # Errors
/// That of the first step that fails.
pub fn run_steps(workspace: &Workspace, only: &[Step], may_install: bool) -> anyhow::Result<()> {
    let steps = chosen(only);
    let installer = Installer::new(workspace, may_install);
    let started = Instant::now();
    let mut times = Vec::with_capacity(steps.len());
    let mut outcome = Ok(());
    for (number, step) in steps.iter().enumerate() {
        report::heading(&format!(
            "step {}/{}: {} - {}",
            number + 1,
            steps.len(),
            step.name(),
            step.purpose()
        ));
        let step_started = Instant::now();
        outcome = check_interrupted().and_then(|()| step.run(workspace, installer));
        times.push(step_started.elapsed());
        if outcome.is_err() {
            break;
        }
    }
    report::line(&format!("\n{}", summary(&steps, &times, outcome.is_ok())));
    report::line(&format!("total: {}", report::duration(started.elapsed())));
    outcome.with_context(|| format!("step `{}`", steps[times.len() - 1].name()))
}

fn chosen(only: &[Step]) -> Vec<Step> {
    Step::ALL.into_iter().filter(|step| only.is_empty() || only.contains(step)).collect()
}

fn summary(steps: &[Step], times: &[Duration], passed: bool) -> String {
    let mut rows = vec![vec!["step".to_owned(), "result".to_owned(), "time".to_owned()]];
    for (number, step) in steps.iter().enumerate() {
        let (result, time) = match times.get(number) {
            None => ("not run", String::new()),
            Some(time) if !passed && number + 1 == times.len() => ("FAILED", report::duration(*time)),
            Some(time) => ("passed", report::duration(*time)),
        };
        rows.push(vec![step.name(), result.to_owned(), time]);
    }
    report::table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_steps_run_unless_some_are_chosen() {
        assert_eq!(chosen(&[]), Step::ALL);
        assert_eq!(chosen(&[Step::Tests, Step::Format]), [Step::Format, Step::Tests]);
    }

    #[test]
    fn every_step_is_listed_once() {
        assert_eq!(Step::value_variants(), Step::ALL);
        assert!(Step::ALL.iter().all(|step| !step.name().is_empty() && !step.purpose().is_empty()));
    }

    #[test]
    fn the_summary_shows_where_the_run_stopped() {
        let times = [Duration::from_millis(1_200), Duration::from_secs(3)];
        let text = summary(&[Step::Format, Step::Lint, Step::Tests], &times, false);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines, ["format  passed   1.2 s", "lint    FAILED   3.0 s", "tests   not run"]);
        assert!(summary(&[Step::Format, Step::Lint], &times, true).ends_with("lint    passed  3.0 s\n"));
    }
}
