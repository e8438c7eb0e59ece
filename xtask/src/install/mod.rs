//! Installs the tools and servers that checks and tests need into the tools folder.
//!
//! What is there in the right version is left alone, so a second run does nothing. An item appears in the folder
//! only when it is complete. Nothing outside the tools folder is changed, except that missing packages of the
//! operating system are installed where this process is root on Debian or Ubuntu.

mod cargo_tool;
mod into_place;
mod nats;
mod neo4j;
mod oidc_provider;
mod packages;
mod schemathesis;

use std::fs::{self, File, TryLockError};

use anyhow::{Context as _, bail};

use crate::launch::tools::TOOLS_FOLDER;
use crate::programs::{
    C_COMPILER, Found, GO, JAVA, JAVA_COMPILER, MAVEN, NODE, NPM, POSTGRES, PYTHON, Program, REDIS,
};
use crate::report;
use crate::workspace::Workspace;
use cargo_tool::{CARGO_DENY, CARGO_MACHETE};
use into_place::into_place;
use packages::ensure_programs;
pub(crate) use schemathesis::program as schemathesis_program;

/// Something that can be installed into the tools folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// The NATS server.
    Nats,
    /// The jars of the Neo4j server and their launcher.
    Neo4j,
    /// PostgreSQL, which is a package of the operating system.
    Postgres,
    /// Redis, which is a package of the operating system.
    Redis,
    /// The OpenID provider, which each test that needs one starts.
    OidcProvider,
    /// The check of licences, sources and duplicates of dependencies.
    CargoDeny,
    /// The check for dependencies that are not used.
    CargoMachete,
    /// What makes requests up from the OpenAPI document.
    Schemathesis,
}

impl Item {
    /// Every item.
    pub const ALL: [Self; 8] = [
        Self::Nats,
        Self::Neo4j,
        Self::Postgres,
        Self::Redis,
        Self::OidcProvider,
        Self::CargoDeny,
        Self::CargoMachete,
        Self::Schemathesis,
    ];
    /// The servers that tests run against and share.
    pub const SERVERS: [Self; 4] = [Self::Nats, Self::Neo4j, Self::Postgres, Self::Redis];
    /// What the tests need.
    pub const TESTS: [Self; 5] = [Self::Nats, Self::Neo4j, Self::Postgres, Self::Redis, Self::OidcProvider];

    /// The name of the item, as people know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats-server",
            Self::Neo4j => "Neo4j",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::OidcProvider => "oidc-provider",
            Self::CargoDeny => CARGO_DENY.name,
            Self::CargoMachete => CARGO_MACHETE.name,
            Self::Schemathesis => "schemathesis",
        }
    }

    /// The programs of the operating system that installing the item takes, or running it.
    fn programs(self) -> &'static [Program] {
        match self {
            Self::Nats => &[GO],
            Self::Neo4j => &[MAVEN, JAVA, JAVA_COMPILER],
            Self::Postgres => &[POSTGRES],
            Self::Redis => &[REDIS],
            Self::OidcProvider => &[NODE, NPM],
            Self::CargoDeny | Self::CargoMachete => &[C_COMPILER],
            Self::Schemathesis => &[PYTHON],
        }
    }
}

/// Installs items, or says what is missing.
#[derive(Debug, Clone, Copy)]
pub struct Installer<'a> {
    workspace: &'a Workspace,
    may_install: bool,
}

impl<'a> Installer<'a> {
    /// An installer for the tools folder of this workspace; without `may_install` it only looks.
    #[must_use]
    pub fn new(workspace: &'a Workspace, may_install: bool) -> Self {
        Self { workspace, may_install }
    }

    /// Installs those of these items that are missing.
    ///
    /// # Errors
    /// When an item is missing and cannot, or may not, be installed; the error says what to run.
    pub fn ensure(&self, items: &[Item]) -> anyhow::Result<()> {
        if items.iter().all(|item| self.present(*item).is_some()) {
            return Ok(());
        }
        let folder = self.workspace.tools().folder();
        if !self.may_install {
            let missing: Vec<&str> =
                items.iter().filter(|item| self.present(**item).is_none()).map(|item| item.name()).collect();
            bail!("missing in {}: {}; run `cargo xtask install`", folder.display(), missing.join(", "));
        }
        fs::create_dir_all(self.workspace.tools().programs())
            .with_context(|| format!("creating {}; {TOOLS_FOLDER} names another folder", folder.display()))?;
        let _lock = self.lock()?;
        // Looked at anew, because another task may have installed them while this one waited for the lock.
        let missing: Vec<Item> = items.iter().copied().filter(|item| self.present(*item).is_none()).collect();
        let mut programs: Vec<Program> = missing.iter().flat_map(|item| item.programs()).copied().collect();
        programs.dedup_by_key(|program| program.name);
        ensure_programs(self.workspace, &programs)?;
        for item in missing {
            report::heading(&format!("install {}", item.name()));
            self.install(item)?;
        }
        Ok(())
    }

    /// The version of an item, if it is installed and is the one that is needed.
    #[must_use]
    pub fn present(&self, item: Item) -> Option<String> {
        let tools = self.workspace.tools();
        match item {
            Item::Nats => nats::present(tools),
            Item::Neo4j => neo4j::present(self.workspace),
            Item::Postgres => usable(POSTGRES),
            Item::Redis => usable(REDIS),
            Item::OidcProvider => oidc_provider::present(self.workspace),
            Item::CargoDeny => CARGO_DENY.present(tools),
            Item::CargoMachete => CARGO_MACHETE.present(tools),
            Item::Schemathesis => schemathesis::present(self.workspace),
        }
    }

    fn install(&self, item: Item) -> anyhow::Result<()> {
        match item {
            Item::Nats => nats::install(self.workspace),
            Item::Neo4j => neo4j::install(self.workspace),
            // Their packages were all there is to install.
            Item::Postgres | Item::Redis => Ok(()),
            Item::OidcProvider => oidc_provider::install(self.workspace),
            Item::CargoDeny => CARGO_DENY.install(self.workspace),
            Item::CargoMachete => CARGO_MACHETE.install(self.workspace),
            Item::Schemathesis => schemathesis::install(self.workspace),
        }
    }

    /// Two tasks that run at once must not install the same item; the lock ends with the file.
    fn lock(&self) -> anyhow::Result<File> {
        let path = self.workspace.tools().folder().join("install.lock");
        let file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                report::line("another task is installing tools; waiting for it");
                file.lock().with_context(|| format!("locking {}", path.display()))?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", path.display()));
            }
        }
        Ok(file)
    }
}

/// The version of a program that can be used as it is.
fn usable(program: Program) -> Option<String> {
    match program.find() {
        Found::Usable(version) => Some(version),
        Found::Missing | Found::TooOld(_) => None,
    }
}
