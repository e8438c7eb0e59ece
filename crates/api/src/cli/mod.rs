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

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Role, Secret};

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
#[derive(Debug, Args)]
struct Settings {
    /// Configuration file (TOML); `foodflow.toml` is read where it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the embedded log, the embedded read models and the keys [default: data].
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
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
    start_logging();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(Box::pin(run(arguments))),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    // Before anything connects: see there.
    #[cfg(feature = "eventstore")]
    foodflow_log::eventstore::prepare_tls().await?;
    let Arguments { settings, command } = arguments;
    let mut config = Config::load(settings.config.as_deref())?;
    let flags = doctor::Flags::of(&settings);
    if let Some(data) = settings.data {
        config.data = data;
    }
    if let Some(url) = settings.log_url {
        config.log_url = Some(Secret(url));
    }
    if let Some(url) = settings.postgres_url {
        config.postgres_url = Some(Secret(url)).filter(|url| !url.0.trim().is_empty());
    }
    if let Some(url) = settings.redis_url {
        config.redis_url = Some(Secret(url)).filter(|url| !url.0.trim().is_empty());
    }
    config.neo4j_url = settings.neo4j_url.or(config.neo4j_url);
    match command {
        Command::Serve { listen, role } => {
            config.listen = listen.unwrap_or(config.listen);
            config.role = role.unwrap_or(config.role);
            serve::serve(config).await?;
        }
        Command::Demo { listen } => {
            config.listen = listen.unwrap_or(config.listen);
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
        Command::Doctor(arguments) => return Box::pin(doctor::run(&config, &flags, &arguments)).await,
        Command::Openapi => print_data(&serde_json::to_string_pretty(&crate::http::openapi())?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn start_logging() {
    use tracing_subscriber::EnvFilter;
    let filter =
        EnvFilter::try_from_env("FOODFLOW_LOG").unwrap_or_else(|_| EnvFilter::new("warn,foodflow=info"));
    let to_stderr = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second call in one process, as in tests, keeps the first subscriber.
    let _ = match std::env::var("FOODFLOW_LOG_FORMAT").as_deref() {
        Ok("json") => to_stderr.json().try_init(),
        _ => to_stderr.try_init(),
    };
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
