//! Streams that hold an invariant wider than one aggregate, written in the same commit as what they guard.
//!
//! - [`Reservation`]: one holder for a unique name (a lot number of one item and supplier, a SKU code);
//! - [`Genealogy`]: orders the tenant's changes to inputs of lots that exist, so that two of them at once
//!   cannot close a cycle that neither sees;
//! - [`CommandRecord`]: remembers a command that the client named, whatever it touched.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::FoodGraphError;
use crate::ids::TransformationId;
use crate::{Context, aggregate, event_set};

/// A unique name was taken or given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameHeld {
    /// What kind of name, e.g. `lot number`.
    pub kind: String,
    /// The name.
    pub name: String,
    /// Who holds it.
    pub holder: Uuid,
}

event_set! {
    /// Events of a reservation.
    pub enum ReservationEvent {
        /// The name was taken.
        Taken(NameHeld) = "foodflow.food_graph.reservation.taken.v1",
        /// The name is free again.
        GivenUp(NameHeld) = "foodflow.food_graph.reservation.given_up.v1",
    }
}

/// What may be asked of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationCommand {
    /// Take the name.
    Take(NameHeld),
    /// Give it up.
    GiveUp(NameHeld),
}

/// State of a reservation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Who holds the name now.
    pub holder: Option<Uuid>,
}

impl Reservation {
    fn decide(
        &self,
        command: ReservationCommand,
        _: &Context,
    ) -> Result<Vec<ReservationEvent>, FoodGraphError> {
        match command {
            ReservationCommand::Take(name) => match self.holder {
                Some(holder) if holder == name.holder => Ok(vec![]),
                Some(_) => {
                    let id = format!("{} {}", name.kind, name.name);
                    Err(FoodGraphError::AlreadyExists { what: "the", id })
                }
                None => Ok(vec![ReservationEvent::Taken(name)]),
            },
            ReservationCommand::GiveUp(name) if self.holder == Some(name.holder) => {
                Ok(vec![ReservationEvent::GivenUp(name)])
            }
            ReservationCommand::GiveUp(_) => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: ReservationEvent) {
        self.holder = match event {
            ReservationEvent::Taken(name) => Some(name.holder),
            ReservationEvent::GivenUp(_) => None,
        };
    }
}

aggregate!(Reservation, "food_graph", "reservation", ReservationCommand, ReservationEvent, FoodGraphError);

/// The inputs of lots that exist were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenealogyAmended {
    /// The transformation whose inputs changed.
    pub transformation_id: TransformationId,
}

event_set! {
    /// Events of the tenant's genealogy.
    pub enum GenealogyEvent {
        /// Inputs of lots that exist were changed.
        Amended(GenealogyAmended) = "foodflow.food_graph.genealogy.amended.v1",
    }
}

/// What may be asked of the tenant's genealogy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenealogyCommand {
    /// Take a turn in changing it.
    Amend(GenealogyAmended),
}

/// State of the tenant's genealogy: how often it was amended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genealogy {
    /// Count of amendments.
    pub amendments: u64,
}

impl Genealogy {
    fn decide(&self, command: GenealogyCommand, _: &Context) -> Result<Vec<GenealogyEvent>, FoodGraphError> {
        let GenealogyCommand::Amend(data) = command;
        Ok(vec![GenealogyEvent::Amended(data)])
    }

    fn evolve(&mut self, _: GenealogyEvent) {
        self.amendments += 1;
    }
}

aggregate!(Genealogy, "food_graph", "genealogy", GenealogyCommand, GenealogyEvent, FoodGraphError);

/// A command that the client named was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandAccepted {
    /// What it did, e.g. `receipts`.
    pub operation: String,
}

event_set! {
    /// Events of a command record.
    pub enum CommandRecordEvent {
        /// The command was accepted.
        Accepted(CommandAccepted) = "foodflow.food_graph.command.accepted.v1",
    }
}

/// What may be asked of a command record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandRecordCommand {
    /// Remember the command.
    Accept(CommandAccepted),
}

/// State of a command record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// What the command did.
    pub operation: Option<String>,
}

impl CommandRecord {
    fn decide(
        &self,
        command: CommandRecordCommand,
        _: &Context,
    ) -> Result<Vec<CommandRecordEvent>, FoodGraphError> {
        let CommandRecordCommand::Accept(data) = command;
        if self.operation.is_some() {
            return Err(FoodGraphError::AlreadyExists { what: "command of", id: data.operation });
        }
        Ok(vec![CommandRecordEvent::Accepted(data)])
    }

    fn evolve(&mut self, event: CommandRecordEvent) {
        let CommandRecordEvent::Accepted(data) = event;
        self.operation = Some(data.operation);
    }
}

aggregate!(CommandRecord, "food_graph", "command", CommandRecordCommand, CommandRecordEvent, FoodGraphError);
