//! The Neo4j server: its jars, copied by Maven, and a small launcher, compiled by `javac`.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use super::into_place;
use crate::launch::tools::NEO4J_VERSION;
use crate::programs::{JAVA, JAVA_COMPILER, MAVEN};
use crate::run::run;
use crate::workspace::Workspace;

const SOURCE: &str = "Neo4jServer.java";

/// The version, if jars and launcher are installed, the launcher is of today's source, and Java can run it.
pub(super) fn present(workspace: &Workspace) -> Option<String> {
    let compiled_from = fs::read(workspace.tools().neo4j_launcher().join(SOURCE)).ok()?;
    let current = fs::read(java_folder(workspace).join(SOURCE)).ok()?;
    let complete = workspace.tools().has_neo4j() && compiled_from == current;
    (complete && JAVA.find().is_usable()).then(|| NEO4J_VERSION.to_owned())
}

/// Installs what is missing of the jars and the launcher.
pub(super) fn install(workspace: &Workspace) -> anyhow::Result<()> {
    let libraries = workspace.tools().neo4j_libraries();
    if !libraries.is_dir() {
        into_place(&libraries, |folder| {
            let mut command = workspace.command(MAVEN.name);
            command.args([
                "--batch-mode",
                "--quiet",
                "dependency:copy-dependencies",
                "-DincludeScope=runtime",
            ]);
            command.arg("--file").arg(java_folder(workspace).join("pom.xml"));
            command.arg(format!("-DoutputDirectory={}", folder.display()));
            run(&mut command).context("copying Neo4j's jars")
        })?;
    }
    let source = java_folder(workspace).join(SOURCE);
    into_place(&workspace.tools().neo4j_launcher(), |folder| {
        let mut command = workspace.command(JAVA_COMPILER.name);
        command.arg("-cp").arg(libraries.join("*")).arg("-d").arg(folder).arg(&source);
        run(&mut command).context("compiling Neo4j's launcher")?;
        // The copy tells later which source the launcher was compiled from.
        fs::copy(&source, folder.join(SOURCE)).map(drop).context("keeping the launcher's source")
    })
}

fn java_folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("crates/testkit/java")
}
