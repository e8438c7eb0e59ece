//! Programs of the operating system: installed where this process may do so, else asked for in exact words.

use anyhow::bail;

use crate::launch::tools::{find_program, path_folders};
use crate::programs::{Found, Program, package_command};
use crate::report;
use crate::run::run;
use crate::workspace::Workspace;

/// Makes sure that these programs are usable.
pub(super) fn ensure_programs(workspace: &Workspace, programs: &[Program]) -> anyhow::Result<()> {
    let missing = unusable(programs);
    if missing.is_empty() {
        return Ok(());
    }
    let has_apt = find_program("apt-get", &path_folders()).is_some();
    let command = package_command(&missing.iter().map(|(program, _)| *program).collect::<Vec<_>>());
    if let (true, true, Some(words)) = (has_apt, rustix::process::geteuid().is_root(), &command) {
        report::line(&format!("running {}", words.join(" ")));
        run(workspace.command("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(["update", "-qq"]))?;
        run(workspace.command(words[0]).env("DEBIAN_FRONTEND", "noninteractive").args(&words[1..]))?;
    }
    let missing = unusable(programs);
    if missing.is_empty() { Ok(()) } else { bail!(explanation(&missing, command.filter(|_| has_apt))) }
}

fn unusable(programs: &[Program]) -> Vec<(Program, Found)> {
    let found = programs.iter().map(|program| (*program, program.find()));
    found.filter(|(_, found)| !found.is_usable()).collect()
}

fn explanation(missing: &[(Program, Found)], command: Option<Vec<&str>>) -> String {
    let mut text = String::from("programs are missing:");
    for (program, found) in missing {
        let state = match found {
            Found::TooOld(version) => format!("is too old ({version})"),
            _ => "is not on PATH".to_owned(),
        };
        text.push_str(&format!("\n  {} {state}: {} ({})", program.name, program.advice, program.purpose));
    }
    let only_absent = missing.iter().all(|(_, found)| *found == Found::Missing);
    if let Some(words) = command.filter(|_| only_absent) {
        text.push_str(&format!("\non this system: sudo {}", words.join(" ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::{GO, JAVA};

    #[test]
    fn what_is_absent_is_asked_for_with_the_exact_command() {
        let text = explanation(&[(JAVA, Found::Missing)], package_command(&[JAVA]));
        assert!(text.contains("java is not on PATH"), "{text}");
        assert!(
            text.ends_with("sudo apt-get install -y --no-install-recommends default-jdk-headless"),
            "{text}"
        );
    }

    #[test]
    fn a_package_that_is_too_old_is_not_recommended_again() {
        let text = explanation(&[(GO, Found::TooOld("1.19.8".into()))], package_command(&[GO]));
        assert!(text.contains("go is too old (1.19.8): install Go 1.21 or newer"), "{text}");
        assert!(!text.contains("apt-get"), "{text}");
    }
}
