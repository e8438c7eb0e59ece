//! Commands by name: the path of the contract without `/v1/`, for files and the demo.

use foodflow_commands::{Accepted, CommandError, CommandMeta, Executor};
use uuid::Uuid;

use super::batches::{AdjustmentBody, DisposeBody, HoldBody, RecallBody, ReleaseBody};
use super::documents::{CorrectionBody, InputsBody, ReceiptBody, ShipmentBody, TransformationBody};
use super::master_data::{
    CustomerBody, IngredientBody, LocationBody, ProductBody, RecipeBody, SkuBody, SupplierBody,
};
use super::{Body, FieldError};

/// Why a named command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum NamedError {
    /// No command has that name.
    #[error("`{0}` is no command; a command is a path of the contract without `/v1/`, such as `receipts`")]
    UnknownCommand(String),
    /// The body is not what the command takes.
    #[error("{}", list(.0))]
    InvalidBody(Vec<FieldError>),
    /// It is refused, or failed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

fn list(errors: &[FieldError]) -> String {
    let one = |error: &FieldError| format!("{}: {}", error.pointer, error.detail);
    errors.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Carries out the command `name` with a body in the words of the contract.
///
/// # Errors
/// [`NamedError`]; nothing was written.
pub async fn execute(
    executor: &Executor,
    meta: &CommandMeta,
    name: &str,
    json: &[u8],
) -> Result<Accepted, NamedError> {
    let run = Run { executor, meta, json };
    let segments: Vec<&str> = name.trim_matches('/').split('/').collect();
    let id_of = |text: &str| Uuid::parse_str(text).map_err(|_| NamedError::UnknownCommand(name.to_owned()));
    match segments.as_slice() {
        ["locations"] => run.one::<LocationBody>(Uuid::nil()).await,
        ["suppliers"] => run.one::<SupplierBody>(Uuid::nil()).await,
        ["ingredients"] => run.one::<IngredientBody>(Uuid::nil()).await,
        ["products"] => run.one::<ProductBody>(Uuid::nil()).await,
        ["skus"] => run.one::<SkuBody>(Uuid::nil()).await,
        ["receipts"] => run.one::<ReceiptBody>(Uuid::nil()).await,
        ["transformations"] => run.one::<TransformationBody>(Uuid::nil()).await,
        ["shipments"] => run.one::<ShipmentBody>(Uuid::nil()).await,
        ["suppliers", id, "customers"] => run.one::<CustomerBody>(id_of(id)?).await,
        ["products", id, "recipe"] => run.one::<RecipeBody>(id_of(id)?).await,
        ["receipts", id, "correction"] => run.one::<CorrectionBody<ReceiptBody>>(id_of(id)?).await,
        ["transformations", id, "correction"] => {
            run.one::<CorrectionBody<TransformationBody>>(id_of(id)?).await
        }
        ["transformations", id, "inputs"] => run.one::<InputsBody>(id_of(id)?).await,
        ["shipments", id, "correction"] => run.one::<CorrectionBody<ShipmentBody>>(id_of(id)?).await,
        ["batches", id, "hold"] => run.one::<HoldBody>(id_of(id)?).await,
        ["batches", id, "release"] => run.one::<ReleaseBody>(id_of(id)?).await,
        ["batches", id, "dispose"] => run.one::<DisposeBody>(id_of(id)?).await,
        ["batches", id, "recall"] => run.one::<RecallBody>(id_of(id)?).await,
        ["batches", id, "adjustments"] => run.one::<AdjustmentBody>(id_of(id)?).await,
        _ => Err(NamedError::UnknownCommand(name.to_owned())),
    }
}

struct Run<'a> {
    executor: &'a Executor,
    meta: &'a CommandMeta,
    json: &'a [u8],
}

impl Run<'_> {
    async fn one<B: Body>(&self, path_id: Uuid) -> Result<Accepted, NamedError> {
        let operation = super::read::<B>(self.json, path_id).map_err(NamedError::InvalidBody)?;
        Ok(Box::pin(self.executor.execute(self.meta, &operation)).await?)
    }
}
