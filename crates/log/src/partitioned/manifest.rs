//! What a folder of partitions says of itself: one small JSON file, written once and last.
//!
//! It must never be there before every partition's file is: who finds it may rely on all of them.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use crate::event_log::LogError;

/// Its file in the folder.
pub(super) const FILE: &str = "log.json";
/// The format that this program writes.
const FORMAT: u32 = 1;

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Version of the folder's format.
    pub(super) format: u32,
    /// Number of partitions, hence of files.
    pub(super) partitions: u16,
    /// Where the log is that this was made a copy of, without credentials; `None` where it was made for itself.
    pub(super) copy_of: Option<String>,
    /// When it was made.
    pub(super) created_at: Timestamp,
}

impl Manifest {
    pub(super) fn new(partitions: u16, copy_of: Option<&str>) -> Self {
        let copy_of = copy_of.map(str::to_owned);
        Self { format: FORMAT, partitions, copy_of, created_at: Timestamp::now() }
    }

    /// Reads it; `None` where the folder has none.
    pub(super) async fn read(folder: &Path) -> Result<Option<Self>, LogError> {
        let path = folder.join(FILE);
        let text = match fs::read(&path).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&path, &error.to_string())),
        };
        Self::parse(&text).map(Some).map_err(|reason| unusable(&path, &reason))
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if format != FORMAT {
            return Err(format!(
                "it has format {format}, and this program knows format {FORMAT}. Use the FoodFlow version that wrote \
                 it, or a newer one"
            ));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if manifest.partitions == 0 {
            return Err("a log has at least one partition".to_owned());
        }
        Ok(manifest)
    }

    /// Writes it so that it is there whole, or not at all, and on disk.
    pub(super) async fn write(&self, folder: &Path) -> Result<(), LogError> {
        let (path, unfinished) = (folder.join(FILE), unfinished(folder));
        let written = async {
            let mut file = fs::File::create(&unfinished).await?;
            file.write_all(&serde_json::to_vec_pretty(self)?).await?;
            file.sync_all().await?;
            drop(file);
            fs::rename(&unfinished, &path).await?;
            if cfg!(unix) {
                fs::File::open(folder).await?.sync_all().await?;
            }
            std::io::Result::Ok(())
        };
        written.await.map_err(|error| unusable(&path, &format!("it cannot be written: {error}")))
    }
}

/// The manifest on its way to disk.
pub(super) fn unfinished(folder: &Path) -> PathBuf {
    folder.join(format!("{FILE}.unfinished"))
}

fn unusable(path: &Path, reason: &str) -> LogError {
    LogError::Configuration { reason: format!("{}: {reason}", path.display()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_does_not_know_is_refused() {
        let written = serde_json::to_vec(&Manifest::new(4, Some("nats://log:4222"))).unwrap();
        assert_eq!(Manifest::parse(&written).unwrap().partitions, 4);
        for (text, told) in [
            (r#"{"format":2,"shards":4}"#, "format 2"),
            (r#"{"format":1,"partitions":4}"#, "created_at"),
            (r#"{"format":1,"partitions":0,"created_at":"2026-03-05T12:00:00Z"}"#, "at least one"),
            (r#"{"partitions":4}"#, "format"),
            ("", "EOF"),
        ] {
            let error = Manifest::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
