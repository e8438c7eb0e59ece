//! Carries out one record through the ordinary write path.
//!
//! What is no fault of the record stops the import: a store that does not answer must never look like a refusal.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use foodflow_commands::unit::stream_of;
use foodflow_commands::{Accepted, CommandError, CommandMeta, Executor};
use foodflow_domain::TenantId;
use foodflow_domain::food_graph::receipt::Receipt;
use foodflow_domain::food_graph::shipment::Shipment;
use foodflow_domain::food_graph::transformation::Transformation;
use foodflow_domain::ids::{self, CommandId};
use foodflow_log::{Envelope, Position};
use uuid::Uuid;

use super::csv::Reading;
use super::csv::columns::Kind;
use super::csv::document::Document;
use super::csv::translate::{Untranslated, translate};
use super::names::Names;
use super::outcome::{Failure, LineError, Outcome, Recorded, Refusal};
use super::record::{Command, Identity, Record, Work};
use crate::bodies::FieldError;
use crate::bodies::named;

/// How often a record is tried again that lost a race or met a full queue.
const TRIES_MAX: u32 = 10;
/// Pause before it is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Carries out records of one tenant.
pub struct Importer {
    /// The write path.
    pub executor: Arc<Executor>,
    /// The tenant.
    pub tenant: TenantId,
    /// Who acts: the actor of every event.
    pub actor: String,
    /// The names that the tenant's documents use.
    pub names: Names,
    /// Whether what is recorded is noted for later records, before the read model shows it.
    pub takes_note: bool,
}

impl Importer {
    /// Carries out a record of a file whose cells are read so.
    ///
    /// # Errors
    /// Where a store does not answer or holds something unexpected; it is safe to run the import again.
    pub async fn carry_out(&self, record: &Record, reading: &Reading) -> anyhow::Result<Outcome> {
        let stopped = || format!("line {} cannot be recorded now", record.line);
        match &record.work {
            Work::Refused(refusal) => Ok(Outcome::Refused(refusal.clone())),
            Work::Command(command) => self.command(record.line, command).await.with_context(stopped),
            Work::Document(document) => self.document(document, reading).await.with_context(stopped),
        }
    }

    async fn command(&self, line: u64, command: &Command) -> anyhow::Result<Outcome> {
        let placed = |errors: Vec<FieldError>| {
            let one = |FieldError { pointer, detail }: FieldError| LineError {
                pointer: Some(pointer),
                ..LineError::line(line, detail)
            };
            errors.into_iter().map(one).collect()
        };
        match self.execute(&command.identity, &command.name, &command.body).await {
            Ok(accepted) => {
                let recorded = recorded(&accepted);
                if self.takes_note {
                    let body =
                        serde_json::from_str(&command.body).context("a body was accepted that is no JSON")?;
                    self.names.note(&command.name, &body, &recorded);
                }
                Ok(Outcome::Accepted(Box::new(recorded)))
            }
            Err(Failure::Refused(code, errors)) => {
                Ok(Outcome::Refused(Refusal { code, errors: placed(errors) }))
            }
            Err(Failure::Stopped(error)) => Err(error),
            Err(Failure::TryAgain(error)) => Err(error.into()),
        }
    }

    async fn document(&self, document: &Document, reading: &Reading) -> anyhow::Result<Outcome> {
        let translation = match translate(document, &self.names, reading).await {
            Ok(translation) => translation,
            Err(Untranslated::Store(error)) => return Err(error.into()),
            Err(Untranslated::Refused(refusal)) => {
                // A name may have become ambiguous since: what is recorded stays recorded.
                let before = self.recorded_before(document).await?;
                return Ok(before
                    .map_or(Outcome::Refused(refusal), |recorded| Outcome::Accepted(Box::new(recorded))));
            }
        };
        let name = document.kind.command();
        match self.execute(&document.identity, name, &translation.body.to_string()).await {
            Ok(accepted) => {
                let recorded = recorded(&accepted);
                self.names.note(name, &translation.body, &recorded);
                Ok(Outcome::Accepted(Box::new(recorded)))
            }
            Err(Failure::Refused("command-id-reused", _)) => Ok(Outcome::Refused(reused(document))),
            Err(Failure::Refused(code, errors)) => {
                Ok(Outcome::Refused(Refusal { code, errors: translation.place(errors) }))
            }
            Err(Failure::Stopped(error)) => Err(error),
            Err(Failure::TryAgain(error)) => Err(error.into()),
        }
    }

    async fn execute(&self, identity: &Identity, name: &str, body: &str) -> Result<Accepted, Failure> {
        let meta = CommandMeta {
            tenant: self.tenant,
            actor: self.actor.clone(),
            command_id: identity.command_id,
            repeatable: true,
            command_hash: identity.command_hash,
            correlation_id: identity.command_id.0,
            causation_id: None,
            if_match: None,
        };
        let mut tries = 0;
        loop {
            let outcome = Box::pin(named::execute(&self.executor, &meta, name, body.as_bytes())).await;
            match outcome.map_err(Failure::from) {
                Err(Failure::TryAgain(error)) => {
                    tries += 1;
                    if tries == TRIES_MAX {
                        return Err(Failure::TryAgain(error));
                    }
                    tokio::time::sleep(pause(&error)).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// The document as it was recorded by an earlier run, where it was, with the same content.
    async fn recorded_before(&self, document: &Document) -> anyhow::Result<Option<Recorded>> {
        let CommandId(command_id) = document.identity.command_id;
        let derive = |role: &str| ids::derive(self.tenant, document.identity.command_id, role);
        let (stream, id, batch_id, batch_ids) = match document.kind {
            Kind::Receipts => {
                let id = derive("receipt");
                (stream_of::<Receipt>(id), id, Some(derive("batch")), None)
            }
            Kind::Transformations => {
                let id = derive("transformation");
                let is_output = |role: &str| role.eq_ignore_ascii_case("output");
                let outputs =
                    document.rows.iter().filter(|row| row.text("role").is_some_and(is_output)).count();
                let lots: Vec<Uuid> = (0..outputs).map(|index| derive(&format!("batch/{index}"))).collect();
                (stream_of::<Transformation>(id), id, None, Some(lots))
            }
            Kind::Shipments => {
                let id = derive("shipment");
                (stream_of::<Shipment>(id), id, None, None)
            }
        };
        let first = self.executor.log().load_page(self.tenant, &stream, Position(0), 1).await?;
        let Some(message) = first.messages.first() else { return Ok(None) };
        let envelopes = Envelope::decode_batch(&message.payload).map_err(|error| {
            anyhow!("the log holds something unexpected at {}: {error}", message.position)
        })?;
        let is_same = envelopes.first().is_some_and(|first| {
            first.commandid == command_id && first.commandhash == document.identity.command_hash
        });
        let position = envelopes.first().map_or(0, |first| {
            message.position.0 + u64::from(first.commitsize.saturating_sub(first.commitindex + 1))
        });
        Ok(is_same.then_some(Recorded { repeated: true, id, batch_id, batch_ids, position }))
    }
}

fn pause(error: &CommandError) -> Duration {
    match error {
        CommandError::Overloaded { retry_after_s } => Duration::from_secs(u64::from(*retry_after_s)),
        _ => TRY_AGAIN_AFTER,
    }
}

fn recorded(accepted: &Accepted) -> Recorded {
    Recorded {
        repeated: accepted.repeated,
        id: accepted.reply.id,
        batch_id: accepted.reply.batch_id,
        batch_ids: accepted.reply.batch_ids.clone(),
        position: accepted.position.0,
    }
}

/// Another content under a number or key that was recorded.
fn reused(document: &Document) -> Refusal {
    let column = document.kind.number_column().unwrap_or("key");
    let number = document.number.as_deref().or_else(|| document.rows[0].text("key")).unwrap_or_default();
    let detail = match document.kind.number_column() {
        Some(word) => format!(
            "{word} \"{number}\" was recorded with other rows; rows of one {word} must adjoin, and what is recorded \
             is amended by a correction, not by another import"
        ),
        None => format!(
            "\"{number}\" was recorded with another content; what is recorded is amended by a correction, not by \
             another import"
        ),
    };
    Refusal {
        code: "command-id-reused",
        errors: vec![LineError::cell(document.rows[0].line, column, detail)],
    }
}
