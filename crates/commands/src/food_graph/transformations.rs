//! Transformation, late inputs, and correction.

use foodflow_domain::food_graph::batch::ledger::OutflowKind;
use foodflow_domain::food_graph::batch::{Batch, BatchCommand, Movement, Origin};
use foodflow_domain::food_graph::facts::{LotQuantity, OutputFacts, TransformationFacts};
use foodflow_domain::food_graph::transformation::{Transformation, TransformationCommand};
use foodflow_domain::ids::{BatchId, TransformationId};
use foodflow_log::StreamId;
use jiff::Timestamp;

use super::receipts::{LOT_NUMBER, lot_name};
use super::shipments::Restatement;
use super::{ancestry, chosen_or_derived, give_up_name, in_time, references, reply_of, take_name};
use crate::error::CommandError;
use crate::execute::{CommandMeta, Operation, Reply};
use crate::unit::{Stop, Unit, stream_of};

/// `POST /v1/transformations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordTransformation {
    /// The id that the client chose.
    pub id: Option<TransformationId>,
    /// The output lot ids that the client chose, in the order of the outputs.
    pub output_ids: Vec<Option<BatchId>>,
    /// What is declared; the outputs' `batch_id`s count for nothing here.
    pub facts: TransformationFacts,
}

impl RecordTransformation {
    fn id(&self, meta: &CommandMeta) -> TransformationId {
        chosen_or_derived(meta, self.id.map(|id| id.0), "transformation").into()
    }

    fn outputs(&self, meta: &CommandMeta) -> Vec<OutputFacts> {
        let with_id = |(index, output): (usize, &OutputFacts)| {
            let chosen = self.output_ids.get(index).copied().flatten().map(|id| id.0);
            let batch_id = chosen_or_derived(meta, chosen, &format!("batch/{index}")).into();
            OutputFacts { batch_id, ..output.clone() }
        };
        self.facts.outputs.iter().enumerate().map(with_id).collect()
    }
}

impl Operation for RecordTransformation {
    type Primary = Transformation;

    fn reply(&self, meta: &CommandMeta) -> Reply {
        let reply = reply_of::<Self::Primary>("transformations", self.id(meta).0, true);
        let batch_ids = self.outputs(meta).iter().map(|output| output.batch_id.0).collect();
        Reply { batch_ids: Some(batch_ids), ..reply }
    }

    fn locks(&self, meta: &CommandMeta) -> Vec<StreamId> {
        let inputs = self.facts.inputs.iter().map(|line| stream_of::<Batch>(line.batch_id.0));
        inputs.chain([stream_of::<Transformation>(self.id(meta).0)]).collect()
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let transformation_id = self.id(unit.meta);
        let facts = TransformationFacts { outputs: self.outputs(unit.meta), ..self.facts.clone() };
        in_time(unit, facts.occurred_at, "/occurred_at")?;
        refer(unit, &facts, "").await?;
        let record = TransformationCommand::Record { transformation_id, facts: facts.clone() };
        unit.create::<Transformation>(transformation_id.0, record, "/id").await?;
        consume(unit, transformation_id, &facts.inputs, facts.occurred_at).await?;
        for (index, output) in facts.outputs.iter().enumerate() {
            produce(unit, transformation_id, &facts, output, &format!("/outputs/{index}")).await?;
        }
        Ok(())
    }
}

/// `POST /v1/transformations/{id}/inputs`: late rework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddInputs {
    /// The transformation.
    pub transformation_id: TransformationId,
    /// What went in besides.
    pub inputs: Vec<LotQuantity>,
    /// Event time.
    pub occurred_at: Timestamp,
}

impl Operation for AddInputs {
    type Primary = Transformation;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("transformations/inputs", self.transformation_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        let inputs = self.inputs.iter().map(|line| stream_of::<Batch>(line.batch_id.0));
        inputs.chain([stream_of::<Transformation>(self.transformation_id.0)]).collect()
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let Self { transformation_id, inputs, occurred_at } = self.clone();
        in_time(unit, occurred_at, "/occurred_at")?;
        let existing = unit.load::<Transformation>(transformation_id.0).await?.current(transformation_id);
        existing.map_err(|error| CommandError::refused(&error, ""))?;
        let add = TransformationCommand::AddInputs { transformation_id, inputs: inputs.clone(), occurred_at };
        unit.decide::<Transformation>(transformation_id.0, add, "/inputs").await?;
        ancestry::refuse_cycle(unit, transformation_id, &pointed(&inputs, "/inputs")).await?;
        consume(unit, transformation_id, &inputs, occurred_at).await
    }
}

/// `POST /v1/transformations/{id}/correction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectTransformation {
    /// The transformation.
    pub transformation_id: TransformationId,
    /// Why.
    pub reason: String,
    /// What it should have declared.
    pub restated: Option<RecordTransformation>,
}

impl CorrectTransformation {
    /// The restated facts, each output with the lot that it restates or a new one.
    ///
    /// An output restates the lot that it names by id, else the one of its item and number. Where one output and one lot of
    /// its item are left over, its number is what is corrected: what holds the lot goes on to hold it.
    fn restated(&self, meta: &CommandMeta, retired: &[OutputFacts]) -> Option<TransformationFacts> {
        let restated = self.restated.as_ref()?;
        let named = |(index, output): (usize, &OutputFacts)| {
            let chosen = restated.output_ids.get(index).copied().flatten();
            let same =
                |old: &&OutputFacts| old.batch_number == output.batch_number && old.item == output.item;
            chosen.or_else(|| retired.iter().find(same).map(|old| old.batch_id))
        };
        let mut lots: Vec<Option<BatchId>> = restated.facts.outputs.iter().enumerate().map(named).collect();
        let mut left_over = retired.iter().filter(|old| !lots.contains(&Some(old.batch_id)));
        let mut unnamed = (0..lots.len()).filter(|index| lots[*index].is_none());
        let only = match (left_over.next(), left_over.next(), unnamed.next(), unnamed.next()) {
            (Some(old), None, Some(index), None) if restated.facts.outputs[index].item == old.item => {
                Some((index, old.batch_id))
            }
            _ => None,
        };
        if let Some((index, lot)) = only {
            lots[index] = Some(lot);
        }
        let with_id = |((index, output), lot): ((usize, &OutputFacts), &Option<BatchId>)| {
            let new = || chosen_or_derived(meta, None, &format!("batch/{index}")).into();
            OutputFacts { batch_id: lot.unwrap_or_else(new), ..output.clone() }
        };
        let outputs = restated.facts.outputs.iter().enumerate().zip(&lots).map(with_id).collect();
        Some(TransformationFacts { outputs, ..restated.facts.clone() })
    }

    async fn correct_outputs(
        &self,
        unit: &mut Unit<'_>,
        retired: &[OutputFacts],
        restated: Option<&TransformationFacts>,
    ) -> Result<(), Stop> {
        let outputs = restated.map(|facts| facts.outputs.as_slice()).unwrap_or_default();
        let name = |output: &OutputFacts| lot_name(output.item, None, &output.batch_number);
        let mut renamed = Vec::new();
        for old in retired {
            let position = outputs.iter().position(|output| output.batch_id == old.batch_id);
            let (new, pointer) = match position {
                Some(index) => (Some(&outputs[index]), format!("/restated/outputs/{index}")),
                None => (None, String::new()),
            };
            let origin =
                new.zip(restated).map(|(output, facts)| origin(self.transformation_id, facts, output));
            let correct = BatchCommand::CorrectOrigin {
                batch_id: old.batch_id,
                reason: self.reason.clone(),
                restated: origin,
            };
            unit.decide::<Batch>(old.batch_id.0, correct, &pointer).await?;
            let (old_name, new_name) = (name(old), new.map(name));
            if new_name.as_ref() != Some(&old_name) {
                give_up_name(unit, LOT_NUMBER, &old_name, old.batch_id.0).await?;
                renamed.extend(new_name.map(|new| (new, old.batch_id, format!("{pointer}/batch_number"))));
            }
        }
        // Only when all are given up: two lots may exchange their numbers.
        for (name, lot, pointer) in renamed {
            take_name(unit, LOT_NUMBER, &name, lot.0, &pointer).await?;
        }
        for (index, output) in outputs.iter().enumerate() {
            if let Some(facts) =
                restated.filter(|_| !retired.iter().any(|old| old.batch_id == output.batch_id))
            {
                let pointer = format!("/restated/outputs/{index}");
                produce(unit, self.transformation_id, facts, output, &pointer).await?;
            }
        }
        Ok(())
    }
}

impl Operation for CorrectTransformation {
    type Primary = Transformation;

    fn reply(&self, _: &CommandMeta) -> Reply {
        reply_of::<Self::Primary>("transformations/correction", self.transformation_id.0, false)
    }

    fn locks(&self, _: &CommandMeta) -> Vec<StreamId> {
        vec![stream_of::<Transformation>(self.transformation_id.0)]
    }

    async fn run(&self, unit: &mut Unit<'_>) -> Result<(), Stop> {
        let transformation_id = self.transformation_id;
        let retired = unit.load::<Transformation>(transformation_id.0).await?.facts.clone();
        let old_outputs = retired.as_ref().map(|facts| facts.outputs.clone()).unwrap_or_default();
        let restated = self.restated(unit.meta, &old_outputs);
        if let Some(facts) = &restated {
            in_time(unit, facts.occurred_at, "/restated/occurred_at")?;
            refer(unit, facts, "/restated").await?;
            each_lot_once(&facts.outputs)?;
        }
        let correct = TransformationCommand::Correct {
            transformation_id,
            reason: self.reason.clone(),
            restated: restated.clone(),
        };
        unit.decide::<Transformation>(transformation_id.0, correct, "").await?;
        if let Some(facts) = &restated {
            ancestry::refuse_cycle(unit, transformation_id, &pointed(&facts.inputs, "/restated/inputs"))
                .await?;
        }
        self.correct_outputs(unit, &old_outputs, restated.as_ref()).await?;
        let before = retired.map(|facts| facts.inputs).unwrap_or_default();
        let (after, occurred_at) = match &restated {
            Some(facts) => (facts.inputs.as_slice(), facts.occurred_at),
            None => (&[][..], unit.context.now),
        };
        let restatement = Restatement {
            document_id: transformation_id.0,
            kind: OutflowKind::Used,
            reason: &self.reason,
            before: &before,
            after,
            occurred_at,
            pointer: "/restated/inputs",
        };
        restatement.decide(unit).await
    }
}

/// An output without an id restates the lot of its item and number, which another output may name as well.
fn each_lot_once(outputs: &[OutputFacts]) -> Result<(), CommandError> {
    let repeated = |(index, output): &(usize, &OutputFacts)| {
        outputs[..*index].iter().any(|other| other.batch_id == output.batch_id)
    };
    match outputs.iter().enumerate().find(repeated) {
        None => Ok(()),
        Some((index, output)) => Err(CommandError::Invalid {
            pointer: format!("/restated/outputs/{index}"),
            detail: format!("restates the lot {} like another output", output.batch_id.0),
        }),
    }
}

fn pointed(inputs: &[LotQuantity], pointer: &str) -> Vec<(BatchId, String)> {
    inputs.iter().enumerate().map(|(index, line)| (line.batch_id, format!("{pointer}/{index}"))).collect()
}

async fn consume(
    unit: &mut Unit<'_>,
    transformation_id: TransformationId,
    inputs: &[LotQuantity],
    occurred_at: Timestamp,
) -> Result<(), Stop> {
    for (index, line) in inputs.iter().enumerate() {
        let consume = BatchCommand::Consume(Movement {
            batch_id: line.batch_id,
            document_id: transformation_id.0,
            quantity: line.quantity,
            occurred_at,
        });
        unit.decide::<Batch>(line.batch_id.0, consume, &format!("/inputs/{index}")).await?;
    }
    Ok(())
}

async fn produce(
    unit: &mut Unit<'_>,
    transformation_id: TransformationId,
    facts: &TransformationFacts,
    output: &OutputFacts,
    pointer: &str,
) -> Result<(), Stop> {
    let produce = BatchCommand::Produce(output.batch_id, origin(transformation_id, facts, output));
    unit.create::<Batch>(output.batch_id.0, produce, &format!("{pointer}/batch_id")).await?;
    let name = lot_name(output.item, None, &output.batch_number);
    take_name(unit, LOT_NUMBER, &name, output.batch_id.0, &format!("{pointer}/batch_number")).await
}

async fn refer(unit: &mut Unit<'_>, facts: &TransformationFacts, pointer: &str) -> Result<(), Stop> {
    references::location(unit, facts.location_id, &format!("{pointer}/location_id")).await?;
    for (index, output) in facts.outputs.iter().enumerate() {
        let pointer = format!("{pointer}/outputs/{index}");
        references::item(unit, output.item, &pointer).await?;
        if let Some(id) = output.sku_id {
            references::sku(unit, id, output.item, &pointer).await?;
        }
    }
    Ok(())
}

fn origin(transformation_id: TransformationId, facts: &TransformationFacts, output: &OutputFacts) -> Origin {
    Origin {
        document_id: transformation_id.0,
        batch_number: output.batch_number.clone(),
        item: output.item,
        supplier_id: None,
        sku_id: output.sku_id,
        quantity: output.quantity,
        location_id: facts.location_id,
        line: facts.line.clone(),
        occurred_at: facts.occurred_at,
        production_date: output.production_date,
        expiry_date: output.expiry_date,
        sscc: None,
        documents: facts.documents.clone(),
    }
}
