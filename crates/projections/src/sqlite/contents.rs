//! What is in the files of one embedded store.

use std::collections::BTreeMap;
use std::future::Future;

use foodflow_domain::TenantId;
use foodflow_log::Partition;
use sqlx::SqliteConnection;

use crate::store::{DigestScope, StoreError};

/// The part of an embedded store that depends on what it holds. Connections come within a transaction; checkpoints,
/// claims and generations are not its business.
pub trait Contents: Clone + Send + Sync + 'static {
    /// What the projection asks for.
    type Change: Send + 'static;

    /// The projection that the files hold.
    fn projection(&self) -> &'static str;

    /// Creates the tables, those of checkpoints and holds included. What an older layout left is dropped: what it held
    /// is read from the log again.
    ///
    /// # Errors
    /// `Corrupt` for the layout of a newer program.
    fn migrate(
        &self,
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Names of tables and indexes that [`migrate`](Self::migrate) would make.
    ///
    /// # Errors
    /// `Unavailable`.
    fn missing_schema(
        &self,
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<Vec<String>, StoreError>> + Send;

    /// Applies the changes of a batch.
    ///
    /// # Errors
    /// [`StoreError`]; then the transaction is taken back.
    fn apply(
        &self,
        connection: &mut SqliteConnection,
        partition: Partition,
        changes: Vec<(TenantId, Self::Change)>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes everything of the partition's tenants.
    ///
    /// # Errors
    /// `Unavailable`.
    fn clear(
        &self,
        connection: &mut SqliteConnection,
        partition: Partition,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The digest of what `scope` covers.
    ///
    /// # Errors
    /// [`StoreError`].
    fn digest(
        &self,
        connection: &mut SqliteConnection,
        scope: DigestScope,
    ) -> impl Future<Output = Result<String, StoreError>> + Send;

    /// How many rows of each kind `scope` covers.
    ///
    /// # Errors
    /// [`StoreError`].
    fn counts(
        &self,
        connection: &mut SqliteConnection,
        scope: DigestScope,
    ) -> impl Future<Output = Result<BTreeMap<String, u64>, StoreError>> + Send;

    /// Removes the rows of a tenant from the file `main`.
    ///
    /// # Errors
    /// `Unavailable`.
    fn remove_tenant(
        &self,
        connection: &mut SqliteConnection,
        tenant: TenantId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Copies the rows of a tenant from one attached file to another that has none of them.
    ///
    /// # Errors
    /// `Corrupt` where the two files have the tenant in different partitions.
    fn copy_tenant(
        &self,
        connection: &mut SqliteConnection,
        from: &'static str,
        to: &'static str,
        tenant: TenantId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
