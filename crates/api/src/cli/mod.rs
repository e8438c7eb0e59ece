//! The command line. Data goes to standard output, all else to standard error.

pub mod audit;
pub mod bill;
pub mod doctor;
pub mod export;
pub mod forget;
pub mod import;
pub mod interrupt;
pub mod keys;
pub mod meters;
pub mod mirror;
pub mod output;
pub mod place;
pub mod progress;
pub mod projections;
pub mod rebuild;
pub mod replay;
pub mod serve;
pub mod sign_up;
pub mod token;
pub mod walk;

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum as _};

use crate::config::{Config, Flags, LogFormat, Role, Sources};

/// Traceability for food manufacturing: an event log, and what follows from it.
#[derive(Debug, Parser)]
#[command(name = "foodflow", version, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

/// Settings that every command takes; they win over variables and file.
#[derive(Args)]
struct Settings {
    /// Configuration file (TOML); `foodflow.toml` is read where it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the embedded log, the embedded read models and the keys [default: data].
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// The log: nats://HOST:4222, file:PATH of a folder or an SQLite file, or esdb://HOST:2113 where built with it;
    /// embedded where absent.
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    log_url: Option<String>,
    /// PostgreSQL, e.g. postgres://user@127.0.0.1:5432/foodflow; tables are embedded where absent or empty.
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    postgres_url: Option<String>,
    /// Redis, e.g. redis://127.0.0.1:6379; sessions, revoked tokens and rate limits are the process's own where absent or
    /// empty.
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Neo4j, e.g. bolt://127.0.0.1:7687; embedded where absent.
    #[arg(long, global = true, value_name = "URL")]
    neo4j_url: Option<String>,
    /// Any setting, e.g. `--set log_replicas=3`; docs/OPERATIONS.md lists them. May be repeated.
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

/// It may hold secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Settings {
    /// What the command line gives, with what the command itself takes.
    fn flags(&self, command: &Command) -> anyhow::Result<Flags> {
        let mut flags = Flags::default();
        flags.add("data", self.data.as_ref());
        flags.add("log_url", self.log_url.as_ref());
        flags.add("postgres_url", self.postgres_url.as_ref());
        flags.add("redis_url", self.redis_url.as_ref());
        flags.add("neo4j_url", self.neo4j_url.as_ref());
        if let Command::Serve { listen, .. } | Command::Demo { listen } = command {
            flags.add("listen", *listen);
        }
        if let Command::Serve { role: Some(role), .. } = command {
            flags.add("role", role.to_possible_value().map(|value| value.get_name().to_owned()));
        }
        self.set.iter().try_for_each(|text| flags.set(text))?;
        Ok(flags)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the HTTP interface and keeps the read models up to date.
    Serve {
        /// Address to listen on [default: 127.0.0.1:8080].
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
        /// Which roles this process plays [default: all].
        #[arg(long)]
        role: Option<Role>,
    },
    /// Serves the golden scenario: a recall, from the supplier's lot to the consignees.
    Demo {
        /// Address to listen on [default: 127.0.0.1:8080].
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
    },
    /// Issues an access token for first steps, rotates the key that signs tokens, revokes tokens.
    Token(token::TokenArguments),
    /// Registers a tenant with its first administrator.
    SignUp(sign_up::SignUpArguments),
    /// Erases a person: nothing shows who that was, and nothing can be opened that was sealed.
    Forget(forget::ForgetArguments),
    /// Brings the schemas of log and read models up to date.
    Migrate,
    /// Brings records in from files: NDJSON, or CSV of receipts, transformations and shipments.
    Import(import::ImportArguments),
    /// Writes a tenant's records as lines that `import` reads.
    Export(export::ExportArguments),
    /// Prints or exports the log: of a subject, or of a range.
    Replay(replay::ReplayArguments),
    /// Prints a tenant's bill of a month, from the read model or from the log.
    Bill(bill::BillArguments),
    /// Says how far the read models are and what waits in quarantine, and decides about it.
    Projections(projections::ProjectionsArguments),
    /// Fills a read model anew beside the live one, compares the two, and switches.
    Rebuild(rebuild::RebuildArguments),
    /// Keeps a second copy of the log, compares it, or restores the log from it.
    Mirror(mirror::MirrorArguments),
    /// Signs, proves and checks what the log holds, for auditors.
    Audit(audit::AuditArguments),
    /// The keys that personal data is sealed under: status, copies, another master key.
    Keys(keys::KeysArguments),
    /// Says what can be reached, what is wrong, and what to do.
    Doctor(doctor::DoctorArguments),
    /// Prints the OpenAPI document of this version.
    Openapi,
}

/// Runs the command.
#[must_use]
pub fn main(arguments: Arguments) -> ExitCode {
    match start(arguments) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { settings, command } = arguments;
    let (config, sources) = Config::load(settings.config.as_deref(), &settings.flags(&command)?)?;
    start_logging(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(Box::pin(run(config, sources, command)))
}

async fn run(mut config: Config, sources: Sources, command: Command) -> anyhow::Result<ExitCode> {
    // Before anything connects: see there.
    #[cfg(feature = "eventstore")]
    foodflow_log::eventstore::prepare_tls().await?;
    match command {
        Command::Serve { .. } => serve::serve(config).await?,
        Command::Demo { .. } => {
            if config.data == Config::default().data {
                // Beside a plant's own history, never in it.
                config.data.push("demo");
            }
            serve::demo(config).await?;
        }
        Command::Token(arguments) => token::run(&config, &arguments).await?,
        Command::SignUp(arguments) => Box::pin(sign_up::run(&config, &arguments)).await?,
        Command::Forget(arguments) => Box::pin(forget::run(&config, &arguments)).await?,
        Command::Migrate => {
            crate::runtime::Runtime::open(&config, std::sync::Arc::new(foodflow_commands::SystemClock))
                .await?;
            say("the schemas are up to date");
        }
        Command::Import(arguments) => return Box::pin(import::run(&config, arguments)).await,
        Command::Export(arguments) => return export::run(&config, arguments).await,
        Command::Replay(arguments) => return replay::run(&config, arguments).await,
        Command::Bill(arguments) => return Box::pin(bill::run(&config, arguments)).await,
        Command::Projections(arguments) => return Box::pin(projections::run(&config, arguments)).await,
        Command::Rebuild(arguments) => return rebuild::run(&config, arguments).await,
        Command::Mirror(arguments) => return Box::pin(mirror::run(&config, arguments)).await,
        Command::Audit(arguments) => return Box::pin(audit::run(&config, arguments)).await,
        Command::Keys(arguments) => return Box::pin(keys::run(&config, arguments)).await,
        Command::Doctor(arguments) => return Box::pin(doctor::run(&config, &sources, &arguments)).await,
        Command::Openapi => print_data(crate::http::document::text())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn start_logging(config: &Config) -> anyhow::Result<()> {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(&config.log)
        .with_context(|| format!("log: `{}` does not say what to log; write e.g. info", config.log))?;
    let to_stderr = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second call in one process, as in tests, keeps the first subscriber.
    let _ = match config.log_format {
        LogFormat::Json => to_stderr.json().try_init(),
        LogFormat::Text => to_stderr.try_init(),
    };
    Ok(())
}

/// Tells a person something, on standard error.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints data, on standard output, as one write where the system takes it so.
///
/// # Errors
/// Where standard output is closed.
pub fn print_data(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    // Standard output is buffered by lines: several would leave one by one.
    out.write_all(format!("{text}\n").as_bytes())?;
    out.flush()?;
    Ok(())
}
