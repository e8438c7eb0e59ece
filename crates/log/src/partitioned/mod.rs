//! A log of several partitions in one folder: an embedded log file for each, and a manifest.
//!
//! It is what a copy of a JetStream log is without a server, and is read, served and restored from like any log.
//! `partition-<number>.sqlite` holds one partition; in that file it stands as partition 0. The records beside the log
//! are those of the first file.
//!
//! What must never happen here: a partition whose file is gone and that is taken for an empty one.

mod manifest;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use foodflow_domain::TenantId;
use futures::StreamExt as _;
use futures::future::{join_all, try_join_all};

use self::manifest::Manifest;
use crate::embedded::EmbeddedLog;
use crate::event_log::{
    AppendError, Appended, Commit, EventLog, LogError, MessageStream, PARTITIONS_MAX, Page, Partition,
    Position, ReadQuery, StoredMessage, StreamId, check_run,
};
use crate::records::SharedRecords;

/// The partition of an embedded log.
const ONLY: Partition = Partition(0);

/// The event log in a folder of embedded logs.
pub struct PartitionedEmbedded {
    folder: PathBuf,
    manifest: Manifest,
    files: Vec<EmbeddedLog>,
}

impl PartitionedEmbedded {
    /// Opens the log in `folder`; `None` where there is none. Changes nothing.
    ///
    /// # Errors
    /// [`LogError::Configuration`] where its manifest is not known or a file cannot be opened,
    /// [`LogError::Corrupt`] where a partition's file is gone.
    pub async fn open(folder: &Path) -> Result<Option<Self>, LogError> {
        let Some(manifest) = Manifest::read(folder).await? else { return Ok(None) };
        for partition in (0..manifest.partitions).map(Partition) {
            let path = file(folder, partition);
            if !tokio::fs::try_exists(&path).await.unwrap_or(false) {
                let place = path.display().to_string();
                let reason = format!(
                    "the file is gone, though the folder is a log of {} partition(s). Put it back, or make the copy \
                     anew in another folder",
                    manifest.partitions
                );
                return Err(LogError::Corrupt { place, reason });
            }
        }
        Self::with(folder, manifest).await.map(Some)
    }

    /// Opens the log in `folder`, and makes one of `partitions` partitions where there is none; `copy_of` says for
    /// people what it is a copy of, if it is one. One that exists keeps its own number.
    ///
    /// # Errors
    /// As [`Self::open`]; also where the folder holds something else.
    pub async fn open_or_create(
        folder: &Path,
        partitions: u16,
        copy_of: Option<&str>,
    ) -> Result<Self, LogError> {
        if let Some(found) = Self::open(folder).await? {
            return Ok(found);
        }
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            let reason = format!("a log has 1 to {PARTITIONS_MAX} partitions");
            return Err(LogError::Configuration { reason });
        }
        refuse_other_content(folder, partitions).await?;
        let log = Self::with(folder, Manifest::new(partitions, copy_of)).await?;
        for partition in (0..partitions).map(Partition) {
            if log.head(partition).await? > Position(0) {
                let reason = format!(
                    "{} holds partitions, but no {}: put that file back, or choose another folder",
                    folder.display(),
                    manifest::FILE
                );
                return Err(LogError::Configuration { reason });
            }
        }
        log.manifest.write(folder).await?;
        Ok(log)
    }

    async fn with(folder: &Path, manifest: Manifest) -> Result<Self, LogError> {
        let folder = &std::path::absolute(folder).map_err(|error| LogError::Configuration {
            reason: format!("`{}` is not a usable path: {error}", folder.display()),
        })?;
        let files = (0..manifest.partitions)
            .map(|number| async move { EmbeddedLog::open(&file(folder, Partition(number))).await });
        let files = try_join_all(files).await?;
        Ok(Self { folder: folder.to_owned(), manifest, files })
    }

    fn file(&self, partition: Partition) -> Result<&EmbeddedLog, LogError> {
        self.files.get(usize::from(partition.0)).ok_or_else(|| LogError::Configuration {
            reason: format!(
                "there is no partition {}; the log in {} has {}",
                partition.0,
                self.folder.display(),
                self.files.len()
            ),
        })
    }
}

/// The file of `partition` in `folder`.
fn file(folder: &Path, partition: Partition) -> PathBuf {
    folder.join(format!("partition-{}.sqlite", partition.0))
}

/// Refuses a folder with anything in it but what a creation that was cut short has left.
async fn refuse_other_content(folder: &Path, partitions: u16) -> Result<(), LogError> {
    let refusal =
        |reason: String| LogError::Configuration { reason: format!("{}: {reason}", folder.display()) };
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(refusal(format!("{error}. A copy is a folder that this user may write to")));
        }
    };
    let own = |path: &Path| {
        let name = path.as_os_str().to_string_lossy().into_owned();
        let is_file = |partition| {
            let records = folder.join(format!("partition-{partition}-records.sqlite"));
            [file(folder, Partition(partition)), records].iter().any(|path| {
                let path = path.display();
                ["", "-wal", "-shm", "-journal"].iter().any(|end| name == format!("{path}{end}"))
            })
        };
        path == manifest::unfinished(folder) || (0..partitions).any(is_file)
    };
    while let Some(entry) = entries.next_entry().await.map_err(|error| refusal(error.to_string()))? {
        if !own(&entry.path()) {
            let name = entry.file_name().to_string_lossy().into_owned();
            return Err(refusal(format!(
                "it holds `{name}`, which is no part of a log. Choose an empty folder"
            )));
        }
    }
    Ok(())
}

fn within(partition: Partition, message: StoredMessage) -> StoredMessage {
    StoredMessage { partition, ..message }
}

fn within_all(partition: Partition, messages: Vec<StoredMessage>) -> Vec<StoredMessage> {
    messages.into_iter().map(|message| within(partition, message)).collect()
}

impl fmt::Debug for PartitionedEmbedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, manifest, .. } = self;
        f.debug_struct("PartitionedEmbedded").field("folder", folder).field("manifest", manifest).finish()
    }
}

#[async_trait]
impl EventLog for PartitionedEmbedded {
    fn partition_count(&self) -> u16 {
        self.manifest.partitions
    }

    async fn append(&self, commit: Commit) -> Result<Appended, AppendError> {
        self.file(self.partition_of(commit.tenant))?.append(commit).await
    }

    async fn append_after(
        &self,
        partition: Partition,
        after: Position,
        commits: Vec<Commit>,
    ) -> Result<Position, AppendError> {
        let file = self.file(partition)?;
        check_run(self.partition_count(), partition, &commits)?;
        file.append_after(ONLY, after, commits).await.map_err(|error| match error {
            AppendError::Moved { expected, .. } => AppendError::Moved { partition, expected },
            other => other,
        })
    }

    async fn load_page(
        &self,
        tenant: TenantId,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Page, LogError> {
        let partition = self.partition_of(tenant);
        let page = self.file(partition)?.load_page(tenant, stream, after, limit).await?;
        Ok(Page { messages: within_all(partition, page.messages), ..page })
    }

    async fn head(&self, partition: Partition) -> Result<Position, LogError> {
        self.file(partition)?.head(ONLY).await
    }

    async fn read(&self, partition: Partition, query: ReadQuery) -> Result<Vec<StoredMessage>, LogError> {
        Ok(within_all(partition, self.file(partition)?.read(ONLY, query).await?))
    }

    async fn subscribe(
        &self,
        partition: Partition,
        tenant: Option<TenantId>,
        after: Position,
    ) -> Result<MessageStream, LogError> {
        let messages = self.file(partition)?.subscribe(ONLY, tenant, after).await?;
        Ok(messages.map(move |message| message.map(|message| within(partition, message))).boxed())
    }

    fn records(&self) -> SharedRecords {
        // There is at least one.
        self.files[0].records()
    }

    fn describe(&self) -> String {
        format!("log in folder {}, {} partition(s)", self.folder.display(), self.files.len())
    }

    async fn close(&self) {
        join_all(self.files.iter().map(EventLog::close)).await;
    }
}
