//! The command line of `cargo xtask`.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use crate::install::{Installer, Item};
use crate::steps::{Step, run_steps};
use crate::workspace::Workspace;
use crate::{doctor, eventstore, fuzz, openapi, run, servers};

/// Development tasks of FoodFlow OS.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Installs what is missing, starts the real servers and runs every check and test, as CI does
    Test {
        /// Run this step alone; may be given several times
        #[arg(long, value_name = "NAME")]
        only: Vec<Step>,
        /// Fail instead of installing a tool that is missing
        #[arg(long)]
        no_install: bool,
        /// Run the event log's contract against the EventStoreDB server that answers there, and nothing else
        #[arg(long, value_name = "esdb://HOST:PORT", conflicts_with_all = ["only", "no_install"])]
        eventstore_url: Option<String>,
    },
    /// Installs the tools and servers that the checks and tests need, into target/tools
    Install,
    /// Starts NATS, Neo4j, PostgreSQL and Redis, prints the variables to export, and stops them on Ctrl-C
    Servers {
        /// Fail instead of installing a server that is missing
        #[arg(long)]
        no_install: bool,
    },
    /// Runs the embedded demonstration: `foodflow demo`
    Demo {
        /// Arguments for `foodflow demo`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Runs the benchmarks
    Bench {
        /// Arguments for the benchmarks: parts of names, `--quick`, `--write FILE`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Sends the program requests that are made up from its OpenAPI document, more of them than `test` does
    Fuzz {
        /// Most requests of each operation that are made up at random
        #[arg(long, default_value_t = 200)]
        examples: u32,
        /// Where the random numbers start
        #[arg(long, default_value_t = fuzz::SEED)]
        seed: u64,
        /// Fail instead of installing what is missing
        #[arg(long)]
        no_install: bool,
    },
    /// Writes the generated files anew: schemas/openapi.json
    Bless,
    /// Lists the programs that development needs, what is there, and what to do about the rest
    Doctor,
}

impl Arguments {
    /// Runs the chosen task to its end.
    ///
    /// # Errors
    /// When the task fails; [`run::exit_code`] tells with which code to end.
    pub fn run(self) -> anyhow::Result<()> {
        let workspace = Workspace::of_this_crate()?;
        run::stop_children_when_interrupted()?;
        match self.task {
            Task::Test { eventstore_url: Some(url), .. } => eventstore::test(&workspace, &url),
            Task::Test { only, no_install, eventstore_url: None } => {
                run_steps(&workspace, &only, !no_install)
            }
            Task::Install => Installer::new(&workspace, true).ensure(&Item::ALL),
            Task::Servers { no_install } => servers::serve(&workspace, !no_install),
            Task::Demo { arguments } => run::replace_by(
                workspace
                    .cargo()
                    .args(["run", "-p", "foodflow-api", "--bin", "foodflow", "--", "demo"])
                    .args(arguments),
            ),
            Task::Bench { arguments } => run::replace_by(
                workspace.cargo().args(["bench", "-p", "foodflow-benches", "--"]).args(arguments),
            ),
            Task::Fuzz { examples, seed, no_install } => {
                Installer::new(&workspace, !no_install).ensure(&[Item::Schemathesis])?;
                fuzz::fuzz(&workspace, examples, seed)
            }
            Task::Bless => openapi::bless(&workspace),
            Task::Doctor => doctor::report(&workspace),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn several_steps_can_be_chosen() {
        let parsed =
            Arguments::try_parse_from(["xtask", "test", "--only", "format", "--only", "lint"]).unwrap();
        let Task::Test { only, no_install, eventstore_url: None } = parsed.task else {
            panic!("not the test task")
        };
        assert_eq!(only, [Step::Format, Step::Lint]);
        assert!(!no_install);
        assert!(Arguments::try_parse_from(["xtask", "test", "--only", "nothing"]).is_err());
    }

    #[test]
    fn a_server_that_somebody_has_is_tested_alone() {
        let parsed =
            Arguments::try_parse_from(["xtask", "test", "--eventstore-url", "esdb://log:2113"]).unwrap();
        let Task::Test { eventstore_url, .. } = parsed.task else { panic!("not the test task") };
        assert_eq!(eventstore_url.as_deref(), Some("esdb://log:2113"));
        let both = ["xtask", "test", "--eventstore-url", "esdb://log:2113", "--only", "lint"];
        assert!(Arguments::try_parse_from(both).is_err());
    }

    #[test]
    fn options_of_the_demonstration_are_passed_on() {
        let parsed = Arguments::try_parse_from(["xtask", "demo", "--port", "0"]).unwrap();
        let Task::Demo { arguments } = parsed.task else { panic!("not the demo task") };
        assert_eq!(arguments, ["--port", "0"]);
    }
}
