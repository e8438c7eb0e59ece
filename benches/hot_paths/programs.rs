//! Programs of this workspace that are measured in processes of their own, built as the benches are.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use tokio::process::Command;

/// A program.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program {
    /// `foodflow`.
    Foodflow,
    /// `postgres-es` with a lot as its aggregate.
    Peer,
}

impl Program {
    const fn manifest(self) -> &'static str {
        match self {
            Self::Foodflow => "../crates/api/Cargo.toml",
            Self::Peer => "peer/Cargo.toml",
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Foodflow => "foodflow",
            Self::Peer => "foodflow-bench-peer",
        }
    }
}

/// Builds the program where it is not up to date, and answers where it is.
///
/// # Errors
/// Where it does not compile.
pub(crate) async fn built(program: Program) -> anyhow::Result<PathBuf> {
    // The benches lie in `deps` of their profile's folder, which lies in the target folder.
    let own = std::env::current_exe()?;
    let folder = own.ancestors().nth(2).context("this program lies in no folder")?;
    let target = folder.parent().context("this program lies in no target folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "--profile", "bench", "--bin", program.file()]);
    command.arg("--manifest-path").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(program.manifest()));
    command.arg("--target-dir").arg(target);
    // What cargo says of this package would make build scripts that look at it run again, here and in the next build.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|start| starts(&name, start)) {
            command.env_remove(name);
        }
    }
    let status = command.kill_on_drop(true).status().await.context("starting cargo")?;
    ensure!(status.success(), "`{}` does not compile ({status})", program.file());
    let path = folder.join(program.file());
    ensure!(path.is_file(), "{} was not built", path.display());
    Ok(path)
}

fn starts(name: &OsStr, start: &str) -> bool {
    name.as_encoded_bytes().starts_with(start.as_bytes())
}
