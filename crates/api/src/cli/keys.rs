//! `foodflow keys`: the keys that personal data is sealed under.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use foodflow_domain::TenantId;
use foodflow_domain::personal::PersonId;
use foodflow_log::personal::upkeep::{self, CopiedRecord, ReadIn};
use foodflow_log::{Keyring, SharedLog};
use serde::Serialize;

use super::interrupt::unless_interrupted;
use super::place::{existing_log, parse_tenant};
use super::{print_data, say};
use crate::config::Config;
use crate::master_key::{self, MasterKeyFile, open_keyring};

const EXAMPLES: &str = "\
Personal data in the log is sealed under keys of persons. These stand in records beside the log, themselves sealed under the \
master key, a file that belongs to this installation. Lose either, and personal data cannot be read any more: keep a copy of \
both, apart from each other.

Examples:
  foodflow keys init                                   # before the first `serve` on a server
  foodflow keys status
  foodflow keys export --out keys.ndjson               # sealed: of no use without the master key
  foodflow keys import keys.ndjson
  foodflow keys rotate-master && foodflow keys rotate-master --retire
  foodflow keys rotate-person --tenant harbor-vale";

const ROTATE_EXAMPLES: &str = "\
Without a flag every key of a person is sealed anew under the last master key of the file where `--prepare` put one, else under \
a new one. Processes that run read the file again when they meet it, so where each machine has a file of its own:

  foodflow keys rotate-master --prepare   # then give every machine the file, which seals as before
  foodflow keys rotate-master             # then again: the new one seals
  foodflow keys rotate-master --retire    # and once more, when no copy of keys needs the old one";

/// What to do with the keys.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct KeysArguments {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Makes the master key, where there is none.
    Init,
    /// Says how many keys there are, and under which master keys.
    Status {
        /// Report as one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Writes a copy of the keys of persons, sealed as they are.
    Export {
        /// File to write, which must not exist; standard output where absent.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Reads a copy in. Who was forgotten stays forgotten.
    Import {
        /// File that `keys export` wrote.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Puts another master key in force, and seals every key under it.
    #[command(after_help = ROTATE_EXAMPLES)]
    RotateMaster {
        /// Only add the next master key to the file: it opens, and does not seal yet.
        #[arg(long, conflicts_with = "retire")]
        prepare: bool,
        /// Take the master keys that nothing is sealed under any more out of the file.
        #[arg(long)]
        retire: bool,
    },
    /// Gives the persons of a tenant another key, which seals from now on; earlier ones still open.
    RotatePerson {
        /// Short name of the tenant, or its id.
        #[arg(long, value_name = "SLUG", value_parser = parse_tenant)]
        tenant: TenantId,
        /// One person's id; all persons of the tenant where absent.
        #[arg(long, value_name = "ID")]
        person: Option<PersonId>,
    },
}

/// Does what is asked.
///
/// # Errors
/// Where the log, a file or the master key cannot be used.
pub async fn run(config: &Config, arguments: KeysArguments) -> anyhow::Result<ExitCode> {
    if matches!(arguments.command, KeysCommand::Init) {
        return init(config);
    }
    let log = existing_log(config).await?;
    let work = act(config, &log, &arguments.command);
    let outcome = unless_interrupted("it is safe to run it again", Box::pin(work)).await;
    log.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn act(config: &Config, log: &SharedLog, command: &KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::Init => Ok(()),
        KeysCommand::Status { json } => status(config, log, *json).await,
        KeysCommand::Export { out } => export(log, out.as_deref()).await,
        KeysCommand::Import { file } => import(config, log, file).await,
        KeysCommand::RotateMaster { prepare: true, .. } => prepare(config),
        KeysCommand::RotateMaster { retire: true, .. } => retire(config, log).await,
        KeysCommand::RotateMaster { .. } => rotate_master(config, log).await,
        KeysCommand::RotatePerson { tenant, person } => {
            let keyring = open_keyring(config, log).await?;
            let rotated = keyring.rotate_persons(*tenant, *person).await?;
            print_data(&format!("{rotated} persons have another key"))
        }
    }
}

fn init(config: &Config) -> anyhow::Result<ExitCode> {
    let path = config.master_key();
    let shown = path.display();
    if path.exists() {
        let found = master_key::read(&path)?;
        say(&format!("{shown} holds master key {} already; nothing is done", found.first()));
    } else {
        let made = master_key::make(&path)?;
        print_data(&format!("master key {} is in {shown}", made.first()))?;
        say("keep a copy of the file apart from the log: without it personal data cannot be read any more");
    }
    Ok(ExitCode::SUCCESS)
}

/// How the keys stand, and whether the file fits them.
#[derive(Debug, Serialize)]
struct Status {
    #[serde(flatten)]
    standing: upkeep::Standing,
    /// The master keys of the file, the one that seals first; empty where there is none.
    file: Vec<String>,
}

async fn status(config: &Config, log: &SharedLog, json: bool) -> anyhow::Result<()> {
    let standing = upkeep::standing(&*log.records()).await?;
    let path = config.master_key();
    let file = if path.exists() {
        master_key::read(&path)?.ids().map(|id| id.to_string()).collect()
    } else {
        vec![]
    };
    let status = Status { standing, file };
    if json {
        return print_data(&serde_json::to_string_pretty(&status)?);
    }
    let Status { standing, file } = status;
    let mut lines = vec![format!(
        "{} persons with keys, {} forgotten; {} tenants with a key for indices",
        standing.persons, standing.forgotten, standing.tenants
    )];
    for (master, keys) in &standing.masters {
        let place = if file.contains(master) { "in" } else { "NOT in" };
        lines.push(format!("master key {master}: {keys} keys, {place} {}", path.display()));
    }
    print_data(&lines.join("\n"))
}

async fn export(log: &SharedLog, out: Option<&Path>) -> anyhow::Result<()> {
    let records = log.records();
    let cannot = || out.map_or_else(String::new, |path| format!("cannot write {}", path.display()));
    let mut writer: Box<dyn std::io::Write + Send> = match out {
        None => Box::new(std::io::stdout()),
        Some(path) => Box::new(BufWriter::new(File::create_new(path).with_context(cannot)?)),
    };
    let (mut count, mut after) = (0_u64, None);
    loop {
        let page = upkeep::page(&*records, after.as_ref()).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for record in &page {
            serde_json::to_writer(&mut writer, &upkeep::copied(record)?)?;
            writer.write_all(b"\n").with_context(cannot)?;
            count += 1;
        }
    }
    writer.flush().with_context(cannot)?;
    drop(writer);
    if let Some(path) = out {
        File::open(path).and_then(|file| file.sync_all()).with_context(cannot)?;
    }
    say(&format!(
        "{count} records exported; they open with the master key's file alone: keep that elsewhere"
    ));
    Ok(())
}

async fn import(config: &Config, log: &SharedLog, file: &Path) -> anyhow::Result<()> {
    let path = config.master_key();
    anyhow::ensure!(path.exists(), "there is no master key at {}: put its file there first", path.display());
    let keyring = Keyring::open(log.records(), Arc::new(MasterKeyFile(path))).await?;
    let shown = file.display();
    let lines = BufReader::new(File::open(file).with_context(|| format!("cannot read {shown}"))?).lines();
    let mut outcome = ReadIn::default();
    for (number, line) in (1..).zip(lines) {
        let at = || format!("{shown}, line {number}");
        let record: CopiedRecord = serde_json::from_str(&line.with_context(at)?).with_context(at)?;
        keyring.read_in(&record, &mut outcome).await.with_context(at)?;
    }
    let ReadIn { written, kept } = outcome;
    print_data(&format!("{written} records read in; {kept} stood there already, or say more than the copy"))
}

/// Adds the next master key to the file.
fn prepare(config: &Config) -> anyhow::Result<()> {
    let path = config.master_key();
    let keys = master_key::read(&path)?;
    let next = foodflow_log::personal::MasterKeys::generate()?;
    let id = next.first();
    master_key::replace(&path, &keys.followed_by(&next))?;
    print_data(&format!("master key {id} is in {}, and does not seal yet", path.display()))?;
    say("give every machine the file, then run `foodflow keys rotate-master`");
    Ok(())
}

async fn rotate_master(config: &Config, log: &SharedLog) -> anyhow::Result<()> {
    let path = config.master_key();
    let keyring = open_keyring(config, log).await?;
    let keys = master_key::read(&path)?;
    let standing = upkeep::standing(&*log.records()).await?;
    let first = keys.first().to_string();
    // Cut short, it goes on with the key that was put first.
    let is_begun = standing.masters.keys().any(|master| *master != first);
    if !is_begun {
        let is_prepared = keys
            .ids()
            .last()
            .is_some_and(|last| last != keys.first() && !standing.masters.contains_key(&last.to_string()));
        let next = if is_prepared {
            keys.last_first()
        } else {
            foodflow_log::personal::MasterKeys::generate()?.followed_by(&keys)
        };
        master_key::replace(&path, &next)?;
    }
    let sealed = keyring.rewrap_all().await?;
    let first = master_key::read(&path)?.first();
    print_data(&format!("master key {first} seals; {sealed} records are sealed under it anew"))?;
    say(
        "keep a copy of the file; `--retire` takes the old master key out of it, which older copies of keys need",
    );
    Ok(())
}

async fn retire(config: &Config, log: &SharedLog) -> anyhow::Result<()> {
    let path = config.master_key();
    let keys = master_key::read(&path)?;
    let standing = upkeep::standing(&*log.records()).await?;
    let first = keys.first().to_string();
    let others: Vec<_> = standing.masters.keys().filter(|master| **master != first).collect();
    anyhow::ensure!(
        others.is_empty(),
        "keys are sealed under {others:?}; `foodflow keys rotate-master` first"
    );
    let retired: Vec<String> = keys.ids().skip(1).map(|id| id.to_string()).collect();
    master_key::replace(&path, &keys.retain(|_| false))?;
    print_data(&format!("retired {}; {first} is left in {}", retired.join(", "), path.display()))
}
