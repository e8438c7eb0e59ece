//! No lot among its own ancestors.
//!
//! New lots have no descendants, so only a change to the inputs of lots that exist can close a cycle. Such
//! changes take turns on the tenant's [`Genealogy`] stream: two of them at once, each harmless alone, cannot
//! both commit on the same view. What is walked through is read from the log after that stream, not remembered: another
//! process may have given a transformation further inputs since, and no version check would tell.

use std::collections::HashSet;

use foodflow_domain::food_graph::FoodGraphError;
use foodflow_domain::food_graph::batch::Batch;
use foodflow_domain::food_graph::guards::{Genealogy, GenealogyAmended, GenealogyCommand};
use foodflow_domain::food_graph::transformation::Transformation;
use foodflow_domain::ids::{BatchId, TransformationId};

use crate::error::CommandError;
use crate::unit::{Stop, Unit};

/// Most lots that the check may walk through.
const WALKED_LOTS_MAX: usize = 100_000;

/// Refuses where one of `inputs` was made, however indirectly, by `transformation`.
///
/// # Errors
/// `cycle`, at the pointer of the input.
pub async fn refuse_cycle(
    unit: &mut Unit<'_>,
    transformation_id: TransformationId,
    inputs: &[(BatchId, String)],
) -> Result<(), Stop> {
    let amended = GenealogyCommand::Amend(GenealogyAmended { transformation_id });
    unit.decide::<Genealogy>(unit.meta.tenant.0, amended, "").await?;
    let mut seen = HashSet::new();
    for (input, pointer) in inputs {
        let mut waiting = vec![*input];
        while let Some(batch_id) = waiting.pop() {
            if !seen.insert(batch_id) {
                continue;
            }
            if seen.len() > WALKED_LOTS_MAX {
                let detail = format!("the lot has more than {WALKED_LOTS_MAX} ancestors");
                return Err(CommandError::Invalid { pointer: pointer.clone(), detail }.into());
            }
            let batch = unit.current::<Batch>(batch_id.0).await?;
            let Some(origin) = &batch.state.origin else { continue };
            if origin.document_id == transformation_id.0 {
                let cycle = FoodGraphError::Cycle { batch_id };
                return Err(CommandError::refused(&cycle, pointer.as_str()).into());
            }
            let made_by = unit.current::<Transformation>(origin.document_id).await?;
            if let Some(facts) = &made_by.state.facts {
                waiting.extend(facts.inputs.iter().map(|line| line.batch_id));
            }
        }
    }
    Ok(())
}
