//! What development needs on this machine, what is there, and what to do about the rest.
//!
//! It only looks: nothing is installed or changed.

use anyhow::bail;

use crate::install::{Installer, Item};
use crate::launch::tools::{find_program, path_folders};
use crate::programs::{
    C_COMPILER, Found, GO, JAVA, JAVA_COMPILER, MAVEN, NODE, NPM, POSTGRES, PYTHON, Program, REDIS,
    package_command, version_in, version_text,
};
use crate::report;
use crate::workspace::Workspace;

/// Prints a table of every tool, and fails if one is missing that `cargo xtask install` cannot supply.
///
/// # Errors
/// When such a tool is missing or too old.
pub fn report(workspace: &Workspace) -> anyhow::Result<()> {
    let mut rows = vec![["tool", "needed for", "found", "what to do"].map(str::to_owned).to_vec()];
    let mut lacking = 0;
    for row in rust_rows(workspace).into_iter().chain(program_rows()) {
        lacking += usize::from(!row.usable);
        rows.push(row.cells);
    }
    let installer = Installer::new(workspace, false);
    rows.extend(Item::ALL.iter().map(|item| item_row(*item, installer.present(*item))));
    report::output(report::table(&rows).trim_end());
    report::output(&format!("\ntools folder: {}", workspace.tools().folder().display()));
    if lacking > 0 {
        bail!("{lacking} of these must be installed by hand, or by `cargo xtask install` as root on Debian");
    }
    Ok(())
}

struct Row {
    usable: bool,
    cells: Vec<String>,
}

fn row(name: &str, purpose: &str, found: &Found, advice: &str) -> Row {
    let (found_text, action) = match found {
        Found::Usable(version) => (version.clone(), String::new()),
        Found::TooOld(version) => (format!("{version}, too old"), advice.to_owned()),
        Found::Missing => ("missing".to_owned(), advice.to_owned()),
    };
    let cells = vec![name.to_owned(), purpose.to_owned(), found_text, action];
    Row { usable: found.is_usable(), cells }
}

/// The Rust toolchain, as rust-toolchain.toml chooses it in this workspace.
fn rust_rows(workspace: &Workspace) -> Vec<Row> {
    const ADVICE: &str = "run `rustup toolchain install` at the root";
    let tools = [
        ("rustc", "compiles", vec!["--version"]),
        ("rustfmt", "formats", vec!["fmt", "--version"]),
        ("clippy", "lints", vec!["clippy", "--version"]),
    ];
    let rows = tools.into_iter().map(|(name, purpose, arguments)| {
        let mut command = if name == "rustc" { workspace.command("rustc") } else { workspace.cargo() };
        let found = version_text(command.args(arguments)).and_then(|text| version_in(&text));
        row(name, purpose, &found.map_or(Found::Missing, Found::Usable), ADVICE)
    });
    rows.collect()
}

fn program_rows() -> Vec<Row> {
    let has_apt = find_program("apt-get", &path_folders()).is_some();
    let rows = [C_COMPILER, GO, MAVEN, JAVA, JAVA_COMPILER, POSTGRES, REDIS, NODE, NPM, PYTHON]
        .into_iter()
        .map(|program| {
            let found = program.find();
            row(program.name, program.purpose, &found, &advice(program, &found, has_apt))
        });
    rows.collect()
}

fn advice(program: Program, found: &Found, has_apt: bool) -> String {
    match package_command(&[program]) {
        Some(words) if has_apt && *found == Found::Missing => format!("sudo {}", words.join(" ")),
        _ => program.advice.to_owned(),
    }
}

fn item_row(item: Item, present: Option<String>) -> Vec<String> {
    let action = if present.is_some() { "" } else { "run `cargo xtask install`" };
    let purpose = match item {
        Item::Nats => "tests: the event log",
        Item::Neo4j => "tests: the food graph",
        Item::Postgres => "tests: the tables",
        Item::Redis => "tests: sessions and rate limits",
        Item::OidcProvider => "tests: logins elsewhere",
        Item::CargoDeny => "licences and sources",
        Item::CargoMachete => "unused dependencies",
        Item::Schemathesis => "the fuzz run",
    };
    let found = present.unwrap_or_else(|| "not installed".to_owned());
    vec![item.name().to_owned(), purpose.to_owned(), found, action.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_not_usable_and_says_what_to_do() {
        let missing = row("go", "builds", &Found::Missing, "install it");
        assert!(!missing.usable);
        assert_eq!(missing.cells, ["go", "builds", "missing", "install it"]);
        let old = row("go", "builds", &Found::TooOld("1.19.8".into()), "install it");
        assert_eq!(old.cells[2], "1.19.8, too old");
        let usable = row("go", "builds", &Found::Usable("1.26.8".into()), "install it");
        assert!(usable.usable && usable.cells[3].is_empty());
    }

    #[test]
    fn a_package_is_recommended_only_where_it_helps() {
        assert!(advice(GO, &Found::Missing, true).starts_with("sudo apt-get install"));
        assert_eq!(advice(GO, &Found::Missing, false), GO.advice);
        assert_eq!(advice(GO, &Found::TooOld("1.19.8".into()), true), GO.advice);
    }
}
