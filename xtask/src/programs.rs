//! Programs that come with the machine: which are needed, whether they are there, and how to get them.
//!
//! Nothing here changes the machine; `install` does that.

use std::path::PathBuf;
use std::process::Command;

use crate::launch::tools::{find_program, path_folders, postgres_folders};

/// A program that development needs and that xtask does not build itself.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The name of the executable.
    pub name: &'static str,
    /// What needs it.
    pub purpose: &'static str,
    /// The folders that may hold it, in the order in which they are searched.
    pub folders: fn() -> Vec<PathBuf>,
    /// The arguments with which it tells its version.
    pub version_arguments: &'static [&'static str],
    /// The oldest version that works, as (major, minor), if that matters.
    pub oldest: Option<(u32, u32)>,
    /// The package of Debian and Ubuntu that holds it, if one does.
    pub package: Option<&'static str>,
    /// What to do elsewhere.
    pub advice: &'static str,
}

/// Builds `nats-server`.
pub const GO: Program = Program {
    name: "go",
    purpose: "builds nats-server",
    folders: path_folders,
    version_arguments: &["version"],
    // From 1.21 on Go fetches the newer toolchain that a module asks for.
    oldest: Some((1, 21)),
    package: Some("golang-go"),
    advice: "install Go 1.21 or newer and put it on PATH",
};

/// Fetches Neo4j's jars.
pub const MAVEN: Program = Program {
    name: "mvn",
    purpose: "fetches Neo4j's jars",
    folders: path_folders,
    version_arguments: &["--version"],
    oldest: Some((3, 6)),
    package: Some("maven"),
    advice: "install Apache Maven 3.6 or newer and put it on PATH",
};

/// Runs Neo4j.
pub const JAVA: Program = Program {
    name: "java",
    purpose: "runs Neo4j",
    folders: path_folders,
    version_arguments: &["-version"],
    oldest: Some((17, 0)),
    package: Some("default-jdk-headless"),
    advice: "install a JDK, version 17 or 21, and put it on PATH",
};

/// Compiles the launcher of Neo4j.
pub const JAVA_COMPILER: Program = Program {
    name: "javac",
    purpose: "compiles Neo4j's launcher",
    folders: path_folders,
    version_arguments: &["-version"],
    oldest: Some((17, 0)),
    package: Some("default-jdk-headless"),
    advice: "install a JDK (not only a runtime), version 17 or 21",
};

/// Runs PostgreSQL; `initdb` and `psql` lie beside it.
pub const POSTGRES: Program = Program {
    name: "postgres",
    purpose: "runs PostgreSQL",
    folders: postgres_folders,
    version_arguments: &["--version"],
    oldest: Some((15, 0)),
    package: Some("postgresql"),
    advice: "install PostgreSQL 15 or newer, server and client, and put its programs on PATH",
};

/// Runs Redis.
pub const REDIS: Program = Program {
    name: "redis-server",
    purpose: "runs Redis",
    folders: path_folders,
    version_arguments: &["--version"],
    oldest: Some((6, 0)),
    package: Some("redis-server"),
    advice: "install Redis 6 or newer and put redis-server on PATH",
};

/// Runs the OpenID provider.
pub const NODE: Program = Program {
    name: "node",
    purpose: "runs oidc-provider",
    folders: path_folders,
    version_arguments: &["--version"],
    oldest: Some((20, 0)),
    package: Some("nodejs"),
    advice: "install Node.js 20 or newer and put it on PATH",
};

/// Fetches the OpenID provider.
pub const NPM: Program = Program {
    name: "npm",
    purpose: "fetches oidc-provider",
    folders: path_folders,
    version_arguments: &["--version"],
    oldest: Some((9, 0)),
    package: Some("npm"),
    advice: "install npm 9 or newer and put it on PATH",
};

/// Links programs and compiles the C parts of dependencies.
pub const C_COMPILER: Program = Program {
    name: "cc",
    purpose: "links, compiles SQLite",
    folders: path_folders,
    version_arguments: &["--version"],
    oldest: None,
    package: Some("build-essential"),
    advice: "install a C compiler",
};

/// Runs Schemathesis; that it can make environments is part of what is asked.
pub const PYTHON: Program = Program {
    name: "python3",
    purpose: "runs Schemathesis",
    folders: path_folders,
    version_arguments: &["-c", "import ensurepip, sys, venv; print(sys.version.split()[0])"],
    oldest: Some((3, 10)),
    package: Some("python3-venv"),
    advice: "install Python 3.10 or newer with its module venv, and put it on PATH",
};

/// What was found out about a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is not on `PATH`.
    Missing,
    /// It is older than what works.
    TooOld(String),
    /// It is there, with this version.
    Usable(String),
}

impl Found {
    /// Whether the program can be used.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Usable(_))
    }
}

impl Program {
    /// Looks for the program and asks for its version.
    #[must_use]
    pub fn find(&self) -> Found {
        let Some(path) = find_program(self.name, &(self.folders)()) else {
            return Found::Missing;
        };
        let mut command = Command::new(path);
        let Some(text) = version_text(command.args(self.version_arguments)) else {
            return Found::Missing;
        };
        judge(self.oldest, version_in(&text))
    }
}

/// What a program prints when it is asked for its version, if it can be asked.
pub fn version_text(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Java tells its version on standard error.
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Some(text)
}

/// The first word with a number, a dot and a number in it, from the first digit on.
#[must_use]
pub fn version_in(text: &str) -> Option<String> {
    text.split_whitespace().find_map(|word| {
        let start = word.find(|letter: char| letter.is_ascii_digit())?;
        let version: String = word[start..]
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || ".-+_".contains(*letter))
            .collect();
        numbers(&version).map(|_| version)
    })
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor: String = parts.next()?.chars().take_while(char::is_ascii_digit).collect();
    Some((major, minor.parse().ok()?))
}

fn judge(oldest: Option<(u32, u32)>, version: Option<String>) -> Found {
    match (oldest, version.as_deref().and_then(numbers)) {
        (Some(oldest), Some(found)) if found < oldest => Found::TooOld(version.unwrap_or_default()),
        _ => Found::Usable(version.unwrap_or_else(|| "unknown version".to_owned())),
    }
}

/// The command that installs these programs on Debian and Ubuntu, unless one of them has no package.
#[must_use]
pub fn package_command(programs: &[Program]) -> Option<Vec<&'static str>> {
    let mut words = vec!["apt-get", "install", "-y", "--no-install-recommends"];
    for program in programs {
        let package = program.package?;
        if !words.contains(&package) {
            words.push(package);
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        let printed = [
            ("go version go1.26.8 linux/amd64", "1.26.8"),
            ("Apache Maven 3.8.7\nMaven home: /usr/share/maven", "3.8.7"),
            ("openjdk version \"17.0.15\" 2025-04-15", "17.0.15"),
            ("javac 21.0.2", "21.0.2"),
            ("cc (Debian 12.2.0-14+deb12u1) 12.2.0", "12.2.0-14+deb12u1"),
            ("nats-server: v2.15.2", "2.15.2"),
            (
                "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0",
                "7.0.15",
            ),
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
            ("rustfmt 1.9.0-stable (59807616e1 2026-04-14)", "1.9.0-stable"),
        ];
        for (text, version) in printed {
            assert_eq!(version_in(text).as_deref(), Some(version), "{text}");
        }
        assert_eq!(version_in("no version 7 here"), None);
    }

    #[test]
    fn old_versions_are_told_apart() {
        assert_eq!(judge(GO.oldest, Some("1.19.8".into())), Found::TooOld("1.19.8".into()));
        assert_eq!(judge(GO.oldest, Some("1.21".into())), Found::Usable("1.21".into()));
        assert_eq!(judge(JAVA.oldest, Some("17.0.15".into())), Found::Usable("17.0.15".into()));
        assert_eq!(judge(JAVA.oldest, Some("1.8.0_402".into())), Found::TooOld("1.8.0_402".into()));
        assert!(judge(GO.oldest, None).is_usable());
    }

    #[test]
    fn each_package_is_named_once() {
        let words = package_command(&[GO, JAVA, JAVA_COMPILER]).unwrap();
        assert_eq!(
            words.join(" "),
            "apt-get install -y --no-install-recommends golang-go default-jdk-headless"
        );
        let unpackaged = Program { package: None, ..GO };
        assert_eq!(package_command(&[unpackaged]), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_missing() {
        let nothing = Program { name: "foodflow-no-such-program", ..GO };
        assert_eq!(nothing.find(), Found::Missing);
    }
}
