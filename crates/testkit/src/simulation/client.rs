//! What people do in a simulation, and what they were answered.
//!
//! Clients share a small stock, so that they meet on the same lots. A command that was not answered is given again
//! under the same id, by the same client or, after a crash, by another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foodflow_commands::food_graph::batches::{AdjustBatch, BarBatch, BarKind};
use foodflow_commands::food_graph::master_data::{RegisterIngredient, RegisterLocation};
use foodflow_commands::food_graph::receipts::RecordReceipt;
use foodflow_commands::food_graph::shipments::RecordShipment;
use foodflow_commands::food_graph::transformations::RecordTransformation;
use foodflow_commands::{Accepted, CommandError, CommandMeta, Executor};
use foodflow_domain::food_graph::batch::AdjustmentKind;
use foodflow_domain::food_graph::facts::{
    Item, LotQuantity, OutputFacts, ReceiptFacts, ShipmentFacts, TransformationFacts,
};
use foodflow_domain::ids::{BatchId, CommandId, IngredientId, LocationId};
use foodflow_domain::{Quantity, TenantId, Unit};
use foodflow_log::PayloadHash;
use jiff::Timestamp;
use uuid::Uuid;

use super::dice::Dice;

/// When everything here happened.
pub(super) const OCCURRED_AT: Timestamp = Timestamp::UNIX_EPOCH;
/// How often a client gives a command again before it gives up.
const TRIES_MAX: u32 = 6;

/// A command, so that it can be given again word for word.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// Register the place.
    Location(LocationId),
    /// Register the ingredient.
    Ingredient(IngredientId),
    /// Receive so many kilograms as a lot of this number.
    Receive { number: String, kilograms: u32 },
    /// Take a sample.
    Sample { lot: BatchId, kilograms: u32 },
    /// Ship of two lots, all or nothing.
    Ship { lots: [BatchId; 2], kilograms: u32 },
    /// Mix two lots into a new one.
    Mix { lots: [BatchId; 2], kilograms: u32, number: String },
    /// Put a lot on hold, or release it.
    Bar { lot: BatchId, hold: bool },
}

/// An order under its id.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// The command's id.
    pub(super) command_id: Uuid,
    /// Whose.
    pub(super) tenant: TenantId,
    /// What.
    pub(super) order: Order,
}

/// What a client was answered: position of the commit, and ids of its events.
pub(super) type Answer = (u64, Vec<Uuid>);

/// One tenant's plant, as its people know it.
#[derive(Debug, Clone)]
pub(super) struct Plant {
    /// The tenant.
    pub(super) tenant: TenantId,
    /// Its place.
    pub(super) location: LocationId,
    /// What it receives.
    pub(super) ingredient: IngredientId,
}

/// What all clients know together: it outlives every crash of the program.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    /// Lots that were answered for, per tenant.
    pub(super) lots: BTreeMap<TenantId, Vec<BatchId>>,
    /// Every order that was given.
    pub(super) given: Vec<Given>,
    /// What was answered for each command; every answer of a command must be the same.
    pub(super) answers: BTreeMap<Uuid, Answer>,
    /// Commands that were answered differently.
    pub(super) contradictions: Vec<String>,
    /// Rebuilds that came to their end, and how many of them switched.
    pub(super) rebuilds: u64,
    pub(super) switches: u64,
}

/// A notebook that clients share.
pub(super) type SharedNotebook = Arc<Mutex<Notebook>>;

/// The notebook, locked.
pub(super) fn open(notebook: &SharedNotebook) -> MutexGuard<'_, Notebook> {
    notebook.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notebook {
    fn note(&mut self, given: &Given, answer: Answer) {
        match self.answers.get(&given.command_id) {
            Some(before) if *before != answer => {
                self.contradictions.push(format!("{given:?} was answered {before:?}, then {answer:?}"));
            }
            _ => {
                self.answers.insert(given.command_id, answer);
            }
        }
    }

    /// An order that nobody has an answer to, if chance finds one.
    fn unanswered(&self, dice: &Dice) -> Option<Given> {
        let open: Vec<_> =
            self.given.iter().filter(|given| !self.answers.contains_key(&given.command_id)).collect();
        (!open.is_empty()).then(|| open[dice.below(open.len() as u64) as usize].clone())
    }
}

fn kilograms(count: u32) -> Quantity {
    Quantity::new(count.into(), Unit::Kgm)
}

/// A new order of `plant`, by chance.
fn order(dice: &Dice, lots: &[BatchId]) -> Order {
    let number = || format!("L-{}", dice.below(1_000_000));
    if lots.len() < 2 || dice.chance(3, 10) {
        return Order::Receive { number: number(), kilograms: 1 + dice.below(40) as u32 };
    }
    let pick = || lots[dice.below(lots.len() as u64) as usize];
    let pair = || {
        let first = pick();
        let second = lots.iter().copied().find(|lot| *lot != first).unwrap_or(first);
        [first, second]
    };
    let amount = 1 + dice.below(12) as u32;
    match dice.below(8) {
        0 | 1 => Order::Sample { lot: pick(), kilograms: amount },
        2..=4 => Order::Ship { lots: pair(), kilograms: amount },
        5 | 6 => Order::Mix { lots: pair(), kilograms: amount, number: number() },
        _ => Order::Bar { lot: pick(), hold: dice.chance(1, 2) },
    }
}

/// Gives `given` once.
async fn give(executor: &Executor, plant: &Plant, given: &Given) -> Result<Accepted, CommandError> {
    let meta = CommandMeta {
        tenant: plant.tenant,
        actor: "simulated".to_owned(),
        command_id: CommandId(given.command_id),
        repeatable: true,
        command_hash: PayloadHash::of(format!("{:?}", given.order).as_bytes()),
        correlation_id: given.command_id,
        causation_id: None,
        if_match: None,
    };
    match given.order.clone() {
        Order::Location(id) => executor.execute(&meta, &register_location(id)).await,
        Order::Ingredient(id) => executor.execute(&meta, &register_ingredient(id)).await,
        Order::Receive { number, kilograms } => {
            executor.execute(&meta, &receive(plant, number, kilograms)).await
        }
        Order::Sample { lot, kilograms: count } => {
            let (kind, reason) = (AdjustmentKind::Sample, None);
            let (batch_id, quantity, occurred_at) = (lot, kilograms(count), OCCURRED_AT);
            executor.execute(&meta, &AdjustBatch { batch_id, kind, quantity, occurred_at, reason }).await
        }
        Order::Ship { lots, kilograms } => executor.execute(&meta, &ship(plant, lots, kilograms)).await,
        Order::Mix { lots, kilograms, number } => {
            executor.execute(&meta, &mix(plant, lots, kilograms, number)).await
        }
        Order::Bar { lot, hold } => {
            let kind = if hold { BarKind::Hold } else { BarKind::Release };
            let reason = "simulated".to_owned();
            let (occurred_at, quantity) = (None, None);
            executor.execute(&meta, &BarBatch { batch_id: lot, kind, reason, occurred_at, quantity }).await
        }
    }
}

fn register_location(id: LocationId) -> RegisterLocation {
    let (name, location_type) = ("Plant".to_owned(), "plant".to_owned());
    RegisterLocation { id: Some(id), name, location_type, address: None, coordinates: None, gln: None }
}

fn register_ingredient(id: IngredientId) -> RegisterIngredient {
    RegisterIngredient {
        id: Some(id),
        name: "Flour".to_owned(),
        allergens: Vec::new(),
        origin_country: None,
        supplier_ids: Vec::new(),
        contains: Vec::new(),
    }
}

fn receive(plant: &Plant, batch_number: String, count: u32) -> RecordReceipt {
    let facts = ReceiptFacts {
        batch_id: BatchId::default(),
        batch_number,
        item: Item::Ingredient(plant.ingredient),
        supplier_id: None,
        quantity: kilograms(count),
        location_id: plant.location,
        received_at: OCCURRED_AT,
        production_date: None,
        expiry_date: None,
        sscc: None,
        documents: Vec::new(),
    };
    RecordReceipt { id: None, batch_id: None, facts }
}

fn lines(lots: [BatchId; 2], count: u32) -> Vec<LotQuantity> {
    lots.map(|batch_id| LotQuantity { batch_id, quantity: kilograms(count) }).to_vec()
}

fn ship(plant: &Plant, lots: [BatchId; 2], count: u32) -> RecordShipment {
    let facts = ShipmentFacts {
        lines: lines(lots, count),
        from_location_id: plant.location,
        to_location_id: plant.location,
        shipped_at: OCCURRED_AT,
        sscc: None,
        documents: Vec::new(),
    };
    RecordShipment { id: None, facts }
}

fn mix(plant: &Plant, lots: [BatchId; 2], count: u32, batch_number: String) -> RecordTransformation {
    let output = OutputFacts {
        batch_id: BatchId::default(),
        batch_number,
        item: Item::Ingredient(plant.ingredient),
        sku_id: None,
        quantity: kilograms(count * 2),
        production_date: None,
        expiry_date: None,
    };
    let facts = TransformationFacts {
        inputs: lines(lots, count),
        outputs: vec![output],
        location_id: plant.location,
        line: None,
        occurred_at: OCCURRED_AT,
        loss: None,
        documents: Vec::new(),
    };
    RecordTransformation { id: None, output_ids: Vec::new(), facts }
}

/// Gives `given` until it is answered for good, or the client loses patience.
async fn insist(executor: &Executor, plant: &Plant, notebook: &SharedNotebook, dice: &Dice, given: &Given) {
    for _ in 0..TRIES_MAX {
        match give(executor, plant, given).await {
            Ok(accepted) => {
                let mut notebook = open(notebook);
                let events = accepted.events.iter().map(|event| event.id).collect();
                notebook.note(given, (accepted.position.0, events));
                let lots = accepted.reply.batch_ids.clone().unwrap_or_default();
                let made = match given.order {
                    Order::Receive { .. } => accepted.reply.batch_id.into_iter().collect(),
                    _ => lots,
                };
                let known = notebook.lots.entry(plant.tenant).or_default();
                for lot in made.into_iter().map(BatchId) {
                    if !known.contains(&lot) {
                        known.push(lot);
                    }
                }
                return;
            }
            // A refusal stands nowhere in the log: said again later, the same command may be accepted.
            Err(CommandError::Refused { .. } | CommandError::NotFound { .. }) => return,
            Err(error @ (CommandError::CommandIdReused | CommandError::Internal { .. })) => {
                let text = format!("{given:?} was answered {error}");
                open(notebook).contradictions.push(text);
                return;
            }
            Err(_) => dice.pause(Duration::from_millis(200)).await,
        }
    }
}

/// One client: gives `orders` orders, some of them those that nobody has an answer to.
pub(super) async fn work(
    executor: Arc<Executor>,
    plant: Plant,
    notebook: SharedNotebook,
    dice: Dice,
    orders: u32,
) {
    for _ in 0..orders {
        dice.pause(Duration::from_millis(60)).await;
        let again = if dice.chance(1, 4) { open(&notebook).unanswered(&dice) } else { None };
        let given = match again.filter(|given| given.tenant == plant.tenant) {
            Some(given) => given,
            None => {
                let mut notebook = open(&notebook);
                let lots = notebook.lots.get(&plant.tenant).cloned().unwrap_or_default();
                let given = Given { command_id: dice.id(), tenant: plant.tenant, order: order(&dice, &lots) };
                notebook.given.push(given.clone());
                given
            }
        };
        insist(&executor, &plant, &notebook, &dice, &given).await;
    }
}

/// Registers the plant's master data, for as long as it takes.
pub(super) async fn found(executor: &Executor, plant: &Plant, notebook: &SharedNotebook, dice: &Dice) {
    for order in [Order::Location(plant.location), Order::Ingredient(plant.ingredient)] {
        let given = Given { command_id: dice.id(), tenant: plant.tenant, order };
        open(notebook).given.push(given.clone());
        while !open(notebook).answers.contains_key(&given.command_id) {
            insist(executor, plant, notebook, dice, &given).await;
        }
    }
}
