//! Erasing a person: what was sealed cannot be opened any more, what was shown is shown no more, and what was done is
//! signed.
//!
//! In this order: the decision goes into the log, from whose position on read models show nothing of the person; the keys
//! go; the stores write anew what still held the rows of before; a signed record says what was erased, never what it was.
//! Each step is safe to repeat. What was decided and is not recorded as erased is finished by the processes that serve,
//! whoever asked for it and whatever became of them.
//!
//! - [`undone`]: what the log says is decided and not done yet;
//! - [`worker`]: follows the log, lets go of who is forgotten, and finishes what is undone.

pub mod undone;
pub mod worker;

use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::Signer as _;
use foodflow_commands::identity::authenticate::meta_of;
use foodflow_commands::identity::users::{Forget, NoteErasure};
use foodflow_commands::{CommandError, CommandMeta, Executor};
use foodflow_domain::TenantId;
use foodflow_domain::identity::user::{User, UserErased, UserStatus};
use foodflow_domain::ids::{PersonId, UserId};
use foodflow_log::Position;
use foodflow_log::audit::KeyId;
use foodflow_log::hex::Hex;
use foodflow_projections::runner::WaitError;
use foodflow_projections::store::StoreError;
use foodflow_projections::tables::TableStore;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use self::undone::Decision;
use crate::cli::audit::key_in_force;
use crate::config::Config;
use crate::http::view::Model;

/// How long a read model may take to apply the decision.
const APPLIED_WITHIN: Duration = Duration::from_secs(30);

/// Why a person is not erased yet; the same may be asked again.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The command is refused, or the log or the keys do not answer.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The read model has not applied the decision.
    #[error(transparent)]
    Behind(#[from] WaitError),
    /// A store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record cannot be signed.
    #[error("the record of the erasure cannot be signed: {0:#}")]
    Key(anyhow::Error),
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Erasure {
    /// The user.
    pub user_id: Uuid,
    /// Log position to hand to `After`.
    pub position: u64,
    /// What was erased, never what it was: a JSON document.
    pub record: String,
    /// Signature over the bytes of the record (Ed25519), in hexadecimal digits.
    pub signature: String,
    /// The key that signed it: of the trail of `foodflow audit key`.
    pub key_id: String,
}

/// What a record says.
#[derive(Serialize)]
struct Record<'a> {
    tenant_id: TenantId,
    user_id: UserId,
    /// On what ground.
    reason: &'a str,
    /// Position of the decision.
    decided_at: Position,
    /// When the keys went.
    keys_erased_at: Timestamp,
    /// What is erased by that, and what was written anew.
    erased: [&'static str; 4],
    /// What the program could not erase, and what an operator may do about it.
    left: Vec<String>,
}

/// What erases.
#[derive(Clone)]
pub struct Eraser {
    /// The write path.
    pub executor: Arc<Executor>,
    /// The read model that shows people.
    pub identity: Model<dyn TableStore>,
    /// The settings: where the key is that signs.
    pub config: Arc<Config>,
}

impl Eraser {
    /// Erases a user, or goes on with it.
    ///
    /// # Errors
    /// [`ErasureError`]; what was done is done, and the same may be asked again.
    pub async fn erase(&self, meta: &CommandMeta, operation: &Forget) -> Result<Erasure, ErasureError> {
        let (tenant, user_id) = (meta.tenant, operation.user_id);
        let before = self.executor.state_of::<User>(tenant, user_id.0).await?;
        let decided_at = match before.state.status {
            UserStatus::Forgotten => before.position,
            _ => self.executor.execute(meta, operation).await?.position,
        };
        let reason = operation.reason.clone();
        self.finish(&Decision { tenant, user_id, reason, decided_at }, &meta.actor).await
    }

    /// Carries out what was decided, and writes down that it is done.
    ///
    /// # Errors
    /// As [`Self::erase`].
    pub async fn finish(&self, decision: &Decision, actor: &str) -> Result<Erasure, ErasureError> {
        let Self { executor, identity, config } = self;
        let Decision { tenant, user_id, decided_at, .. } = *decision;
        let forgotten = executor.forget_person(tenant, PersonId(user_id.0)).await?;
        let partition = executor.log().partition_of(tenant);
        identity.progress.wait_for(partition, decided_at, APPLIED_WITHIN).await?;
        // A generation that was filled before would show the person again.
        identity.store.discard().await?;
        let left = identity.store.scrub().await?;
        if !left.is_empty() {
            tracing::warn!(%tenant, %user_id, left = left.join("; "), "something of a forgotten person is left");
        }
        identity.forget(tenant);

        let record = Record {
            tenant_id: tenant,
            user_id,
            reason: &decision.reason,
            decided_at,
            keys_erased_at: forgotten.erased_at,
            erased: [
                "the keys of the person: what they sealed in events, snapshots and copies of the log cannot be opened",
                "the rows of the person in the tables of identity: name, e-mail address, password, second factor",
                "generations of these tables beside the live one",
                "replays of the past in this process",
            ],
            left,
        };
        let record = serde_json::to_string(&record).map_err(|error| ErasureError::Key(error.into()))?;
        let key = key_in_force(config, executor.log()).await.map_err(ErasureError::Key)?;
        let signature = Hex(key.sign(record.as_bytes()).to_bytes()).to_string();
        let key_id = KeyId::of_signer(&key).to_string();
        let erased = UserErased { user_id, record, signature, key_id };
        let position = self.note(tenant, actor, &erased).await?.unwrap_or(decided_at);
        let UserErased { record, signature, key_id, .. } = erased;
        Ok(Erasure { user_id: user_id.0, position: position.0, record, signature, key_id })
    }

    /// Writes the record down, unless that is done; of several processes that finish at once one does.
    async fn note(
        &self,
        tenant: TenantId,
        actor: &str,
        erased: &UserErased,
    ) -> Result<Option<Position>, ErasureError> {
        let is_noted = async || -> Result<bool, CommandError> {
            Ok(self.executor.state_of::<User>(tenant, erased.user_id.0).await?.state.is_erased)
        };
        if is_noted().await? {
            return Ok(None);
        }
        let meta = meta_of(tenant, actor.to_owned(), None);
        match self.executor.execute(&meta, &NoteErasure(erased.clone())).await {
            Ok(accepted) => Ok(Some(accepted.position)),
            Err(_) if is_noted().await? => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
