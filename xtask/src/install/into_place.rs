//! A folder that appears when it is complete.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// Fills a folder beside its final place and moves it there when it is complete.
pub(super) fn into_place(place: &Path, fill: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
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
