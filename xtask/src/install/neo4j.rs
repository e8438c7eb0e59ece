//! The Neo4j server: its jars, copied by Maven, and a small launcher, compiled by `javac`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

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

/// Fills a folder beside its final place and moves it there when it is complete.
fn into_place(place: &Path, fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let parent = place.parent().context("the tools folder has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    let partial = tempfile::Builder::new().prefix("partial-").tempdir_in(parent)?;
    let content = partial.path().join("content");
    fs::create_dir(&content)?;
    fill(&content)?;
    if place.exists() {
        fs::remove_dir_all(place).with_context(|| format!("removing {}", place.display()))?;
    }
    fs::rename(&content, place).with_context(|| format!("moving into {}", place.display()))
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_folder_is_replaced_only_when_its_successor_is_complete() {
        let parent = tempfile::tempdir().unwrap();
        let place = parent.path().join("lib");
        let write = |text: &'static str| move |folder: &Path| Ok(fs::write(folder.join("jar"), text)?);
        into_place(&place, write("old")).unwrap();
        let failing = |folder: &Path| {
            write("half")(folder)?;
            bail!("the network is down")
        };
        assert!(into_place(&place, failing).is_err());
        assert_eq!(fs::read_to_string(place.join("jar")).unwrap(), "old");
        into_place(&place, write("new")).unwrap();
        assert_eq!(fs::read_to_string(place.join("jar")).unwrap(), "new");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
