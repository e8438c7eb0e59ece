//! What the command line asks for.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::effort::Effort;

pub(crate) const HELP: &str = "\
Measures the hot paths against raw baselines of the same run.

Usage: cargo bench -p foodflow-benches [-- [OPTIONS] [NAME]...]

A NAME chooses every bench whose name contains it:
  append/memory  append/embedded  append/nats  append/beside
  load
  mirror
  lag/embedded  lag/sqlite  lag/neo4j  lag/postgres
  tables  tables/read
  projection/sqlite  projection/neo4j
  trace/sqlite  trace/neo4j
  admission  neighbours
  memory

Options:
  --quick       Small and short: shows that the benches work, not how fast anything is
  --write FILE  Puts the figures between the marks in FILE (relative to the workspace)
  --help        Prints this
";

/// What is to be measured, and how thoroughly.
pub(crate) struct Arguments {
    names: Vec<String>,
    pub(crate) effort: Effort,
    pub(crate) write: Option<PathBuf>,
    pub(crate) help: bool,
}

impl Arguments {
    /// Reads the arguments that follow the program's name.
    ///
    /// # Errors
    /// Where an option is not known, or `--write` names no file.
    pub(crate) fn parse(given: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut arguments = Self { names: Vec::new(), effort: Effort::FULL, write: None, help: false };
        let mut given = given;
        while let Some(argument) = given.next() {
            match argument.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--quick" => arguments.effort = Effort::QUICK,
                "--help" | "-h" => arguments.help = true,
                "--write" => {
                    let file = given.next().context("--write needs a file")?;
                    arguments.write = Some(workspace()?.join(file));
                }
                option if option.starts_with('-') => bail!("unknown option {option}\n\n{HELP}"),
                name => arguments.names.push(name.to_owned()),
            }
        }
        Ok(arguments)
    }

    /// Whether the bench of this name is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| name.contains(wanted.as_str()))
    }
}

/// Cargo runs a bench in the folder of its package, not where it was called.
fn workspace() -> anyhow::Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("this package lies in no workspace")
}
