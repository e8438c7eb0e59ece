//! The fuzz run: requests that Schemathesis makes up from the OpenAPI document, sent to the built program.
//!
//! No answer may be a 5xx or lie outside what the document says of its operation, and what the document forbids must be
//! refused. The program runs embedded, with a token of every permission and a plant's story to ask about. What must never
//! happen here: a run that passes because it asked nothing.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::install::schemathesis_program;
use crate::launch::process::ServerProcess;
use crate::openapi::built_program;
use crate::report;
use crate::run::run;
use crate::workspace::Workspace;

/// Examples of each operation in `cargo xtask test`; together the phases send some ten thousand requests.
pub const EXAMPLES: u32 = 8;
/// Seed of the run in `cargo xtask test`.
pub const SEED: u64 = 11;
/// How long the program may take to become ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// What is checked of every answer.
///
/// Left out of what Schemathesis has: `positive_data_acceptance`, because a body of the right form may be refused by the
/// state of the domain; `missing_required_header`, because no header is required; `use_after_free` and
/// `ensure_resource_availability`, because nothing is deleted, and what is written is read with `After`.
const CHECKS: &[&str] = &[
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
];

/// Builds the program, starts it, and sends it what Schemathesis makes up.
///
/// # Errors
/// When an answer is not as documented; what was sent is shown before, as a command to repeat it.
pub fn fuzz(workspace: &Workspace, examples: u32, seed: u64) -> anyhow::Result<()> {
    // Everything that the tests need too, so that nothing is compiled twice.
    run(workspace.cargo().args(["build", "--workspace", "--bins"]))?;
    let program = built_program("foodflow")?;
    let folder = tempfile::Builder::new().prefix("foodflow-fuzz-").tempdir()?;
    let (data, log) = (folder.path().join("data"), folder.path().join("foodflow.log"));
    let unasked = folder.path().join("unasked");
    let mut serve = workspace.command(&program);
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    // What is made up comes faster than any plan allows, and registers whom it likes.
    serve.env(
        "FOODFLOW_PLANS",
        "{free={requests_per_second=\"unlimited\", lots_per_month=\"unlimited\", seats=\"unlimited\"}}",
    );
    serve.env("FOODFLOW_SIGN_UP", "open");
    let mut server = ServerProcess::start("foodflow", &mut serve, &log, folder.path())?;
    let url = server.wait_until(READY_WITHIN, || ready(&log))?;
    let fuzz = workspace.root().join("tests/fuzz");
    let mut command = workspace.command(schemathesis_program(workspace.tools()));
    command.current_dir(folder.path());
    command.arg("--config-file").arg(fuzz.join("schemathesis.toml"));
    command.args(["run", &format!("{url}/v1/openapi.json"), "--checks", &CHECKS.join(",")]);
    command.args(["--max-examples", &examples.to_string(), "--seed", &seed.to_string()]);
    command.env("FUZZ_URL", &url);
    command.env("FUZZ_PROGRAM", &program).env("FUZZ_DATA", &data);
    command.env("FUZZ_HOOKS", fuzz.join("hooks.py"));
    command.env("FUZZ_STORY", workspace.root().join("crates/api/src/http/document/examples.json"));
    command.env("FUZZ_UNASKED", &unasked);
    let outcome = run(&mut command);
    if outcome.is_err() {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let errors: Vec<&str> = text.lines().filter(|line| line.contains("ERROR")).collect();
        report::line(&format!("errors in the program's log: {}\n{}", errors.len(), errors.join("\n")));
    }
    outcome?;
    let unasked = fs::read_to_string(unasked).context("reading which operations were asked")?;
    ensure!(unasked.is_empty(), "these operations were never asked:\n{unasked}");
    Ok(())
}

/// Where the program answers, once it says so.
fn ready(log: &Path) -> Option<String> {
    let text = fs::read_to_string(log).ok()?;
    let line = text.split_inclusive('\n').find_map(|line| line.strip_prefix("ready ")?.strip_suffix('\n'))?;
    Some(line.to_owned())
}
