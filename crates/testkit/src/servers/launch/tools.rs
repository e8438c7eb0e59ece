//! Where development tools are: the one place that names the environment variables and the folder layout.
//!
//! `cargo xtask` installs into this folder, and tests look into it, so both must agree on what is written here.
//! Nothing here may install or download anything.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Environment variable: the folder of installed tools; `target/tools` of the workspace when it is not set.
///
/// A relative path counts from the workspace's root.
pub const TOOLS_FOLDER: &str = "FOODFLOW_TOOLS";
/// Environment variable: the `nats-server` program to use, before any other that is found.
pub const NATS_PROGRAM: &str = "FOODFLOW_TEST_NATS_SERVER";
/// Environment variable: URL of a running NATS server that tests may share.
pub const NATS_URL: &str = "FOODFLOW_TEST_NATS_URL";
/// Environment variable: URL of a running Neo4j server that tests may share.
pub const NEO4J_URL: &str = "FOODFLOW_TEST_NEO4J_URL";
/// Environment variable: URL of a running PostgreSQL server whose user may create databases: each test makes its own.
pub const POSTGRES_URL: &str = "FOODFLOW_TEST_POSTGRES_URL";
/// Environment variable: URL of a running Redis server that tests may share.
pub const REDIS_URL: &str = "FOODFLOW_TEST_REDIS_URL";

/// The version of `nats-server` that tests run against.
pub const NATS_VERSION: &str = "2.15.2";
/// The version of Neo4j that tests run against; `java/pom.xml` names the same.
pub const NEO4J_VERSION: &str = "5.26.0";

/// The version of `oidc-provider` that tests log in at; `oidc/package.json` names the same.
pub const OIDC_PROVIDER_VERSION: &str = "9.13.3";

/// The folder of installed development tools.
#[derive(Debug, Clone)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// The tools folder of a workspace, as the environment says.
    #[must_use]
    pub fn of_workspace(workspace: &Path) -> Self {
        let chosen = env::var_os(TOOLS_FOLDER).filter(|value| !value.is_empty());
        Self::chosen(workspace, chosen)
    }

    /// The tools folder of a workspace, given the value of [`TOOLS_FOLDER`].
    #[must_use]
    pub fn chosen(workspace: &Path, chosen: Option<OsString>) -> Self {
        let relative = chosen.map_or_else(|| PathBuf::from("target/tools"), PathBuf::from);
        Self { folder: workspace.join(relative) }
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of installed programs.
    #[must_use]
    pub fn programs(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// The path at which a program is installed, whether or not it is there.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs().join(name)
    }

    /// The folder of Neo4j's jars.
    #[must_use]
    pub fn neo4j_libraries(&self) -> PathBuf {
        self.folder.join(format!("neo4j-{NEO4J_VERSION}")).join("lib")
    }

    /// The folder of the compiled launcher of Neo4j.
    #[must_use]
    pub fn neo4j_launcher(&self) -> PathBuf {
        self.folder.join(format!("neo4j-{NEO4J_VERSION}")).join("launcher")
    }

    /// Whether Neo4j's jars and its launcher are installed.
    #[must_use]
    pub fn has_neo4j(&self) -> bool {
        self.neo4j_libraries().is_dir() && self.neo4j_launcher().join("Neo4jServer.class").is_file()
    }

    /// The folder of the OpenID provider and of what it needs.
    #[must_use]
    pub fn oidc_provider(&self) -> PathBuf {
        self.folder.join(format!("oidc-provider-{OIDC_PROVIDER_VERSION}"))
    }

    /// The first `nats-server` of: [`NATS_PROGRAM`], the tools folder, the folders of Go's programs, `PATH`.
    #[must_use]
    pub fn find_nats_server(&self) -> Option<PathBuf> {
        if let Some(named) = env::var_os(NATS_PROGRAM).filter(|value| !value.is_empty()) {
            return Some(PathBuf::from(named));
        }
        let mut folders = vec![self.programs()];
        folders.extend(go_program_folders());
        folders.extend(path_folders());
        find_program("nats-server", &folders)
    }
}

/// The folders of `PATH`.
#[must_use]
pub fn path_folders() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

/// The folders that may hold PostgreSQL's programs: those of Debian, where they are not on `PATH`, newest first, then
/// `PATH`.
#[must_use]
pub fn postgres_folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, folder)| folder).chain(path_folders()).collect()
}

/// The first file of this name in these folders.
#[must_use]
pub fn find_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn go_program_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = env::var_os("GOBIN").map(PathBuf::from).into_iter().collect();
    let home_go = || env::var_os("HOME").map(|home| Path::new(&home).join("go").into_os_string());
    if let Some(go_path) = env::var_os("GOPATH").or_else(home_go) {
        folders.extend(env::split_paths(&go_path).map(|folder| folder.join("bin")));
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_folder_lies_in_target_unless_chosen() {
        let workspace = Path::new("/plant");
        assert_eq!(Tools::chosen(workspace, None).folder(), Path::new("/plant/target/tools"));
        assert_eq!(Tools::chosen(workspace, Some("kept".into())).folder(), Path::new("/plant/kept"));
        assert_eq!(Tools::chosen(workspace, Some("/opt/tools".into())).folder(), Path::new("/opt/tools"));
    }

    #[test]
    fn the_first_folder_that_has_the_program_wins() {
        let first = tempfile::tempdir().unwrap();
        let second = tempfile::tempdir().unwrap();
        let folders = [first.path().to_owned(), second.path().to_owned()];
        assert_eq!(find_program("tool", &folders), None);
        std::fs::write(second.path().join("tool"), "").unwrap();
        assert_eq!(find_program("tool", &folders), Some(second.path().join("tool")));
        std::fs::write(first.path().join("tool"), "").unwrap();
        assert_eq!(find_program("tool", &folders), Some(first.path().join("tool")));
    }
}
