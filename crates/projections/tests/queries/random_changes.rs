//! Random plants: what is said to have changed is exactly what differs, and the named event is where it did.

use std::collections::BTreeSet;

use foodflow_log::Position;
use foodflow_projections::food_graph::queries::impact_changes::ChangeKind;
use foodflow_projections::food_graph::queries::{Known, impact};
use jiff::{Span, ToSpan as _};
use proptest::prelude::*;
use uuid::Uuid;

use super::world::{World, at, id, ingredient, mixing, product};

/// Something that is recorded; numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    Make { inputs: Vec<usize>, sold: bool },
    Add { transformation: usize, input: usize },
    Restate { transformation: usize, inputs: Vec<usize> },
    Withdraw { transformation: usize },
    Ship { lot: usize },
    Unship { shipment: usize },
    Pack,
}

fn step() -> impl Strategy<Value = Step> {
    let some = || prop::collection::vec(0_usize..100, 1..4);
    prop_oneof![
        4 => (some(), any::<bool>()).prop_map(|(inputs, sold)| Step::Make { inputs, sold }),
        2 => (0_usize..100, 0_usize..100).prop_map(|(transformation, input)| Step::Add { transformation, input }),
        2 => (0_usize..100, some()).prop_map(|(transformation, inputs)| Step::Restate { transformation, inputs }),
        1 => (0_usize..100).prop_map(|transformation| Step::Withdraw { transformation }),
        2 => (0_usize..100).prop_map(|lot| Step::Ship { lot }),
        1 => (0_usize..100).prop_map(|shipment| Step::Unship { shipment }),
        1 => Just(Step::Pack),
    ]
}

/// A plant while its steps are recorded. Lot 0 is received; lot `i` is the output of transformation `i`.
struct Plant {
    world: World,
    withdrawn: BTreeSet<usize>,
    lots: usize,
    shipments: Vec<bool>,
    packed: bool,
    /// Between one recorded time and the next.
    pace: Span,
}

fn lot(number: usize) -> String {
    format!("L-{number}")
}

impl Plant {
    async fn new(pace: Span) -> Self {
        let mut world = World::new().await;
        world.location("Plant A").await;
        world.location("DC-East").await;
        world.ingredient("flour").await;
        world.product("bread").await;
        world.product("dough").await;
        world.receive(&lot(0), ingredient("flour"), None, "1000 KGM", at("02-01 07:00")).await;
        world.receive("other", ingredient("flour"), None, "1000 KGM", at("02-01 07:00")).await;
        Self { world, withdrawn: BTreeSet::new(), lots: 1, shipments: Vec::new(), packed: false, pace }
    }

    fn facts(
        &self,
        number: usize,
        inputs: &[usize],
        sold: bool,
    ) -> foodflow_domain::food_graph::facts::TransformationFacts {
        // Inputs come from lots before it, so that there is no cycle; some are of the other flour.
        let names: Vec<String> = inputs
            .iter()
            .map(|input| if input % 7 == 6 { "other".to_owned() } else { lot(input % number) })
            .collect();
        let inputs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1 KGM")).collect();
        let item = if sold { product("bread") } else { product("dough") };
        mixing(&inputs, &[(&lot(number), item, "10 KGM")], at("02-02 07:00"))
    }

    fn transformation(&self, number: usize) -> Option<usize> {
        let made: Vec<usize> = (1..self.lots).filter(|lot| !self.withdrawn.contains(lot)).collect();
        made.get(number % made.len().max(1)).copied()
    }

    async fn record(&mut self, step: &Step) {
        self.world.now += self.pace;
        match step {
            Step::Make { inputs, sold } => {
                let facts = self.facts(self.lots, inputs, *sold);
                self.world.transform(&format!("T-{}", self.lots), facts).await;
                self.lots += 1;
            }
            Step::Add { transformation, input } => {
                let Some(number) = self.transformation(*transformation) else { return };
                let input = lot(input % number);
                let name = format!("T-{number}");
                self.world.add_inputs(&name, &[(&input, "1 KGM")], at("02-02 07:30")).await;
            }
            Step::Restate { transformation, inputs } => {
                let Some(number) = self.transformation(*transformation) else { return };
                let facts = self.facts(number, inputs, number % 2 == 0);
                self.world.correct_transformation(&format!("T-{number}"), Some(facts)).await;
            }
            Step::Withdraw { transformation } => {
                let Some(number) = self.transformation(*transformation) else { return };
                self.world.correct_transformation(&format!("T-{number}"), None).await;
                self.withdrawn.insert(number);
            }
            Step::Ship { lot: number } => {
                let (name, shipped) = (format!("S-{}", self.shipments.len()), lot(number % self.lots));
                self.world.ship(&name, &[(&shipped, "1 KGM")], "DC-East", at("02-02 08:00")).await;
                self.shipments.push(true);
            }
            Step::Unship { shipment } => {
                let active: Vec<usize> =
                    (0..self.shipments.len()).filter(|&number| self.shipments[number]).collect();
                let Some(&number) = active.get(shipment % active.len().max(1)) else { return };
                self.world.correct_shipment(&format!("S-{number}"), None).await;
                self.shipments[number] = false;
            }
            Step::Pack if self.packed => {}
            Step::Pack => {
                self.world.sku("bread 500 g", "bread").await;
                self.packed = true;
            }
        }
    }

    async fn scope(&self, known: Known) -> BTreeSet<Uuid> {
        let impact = impact(&*self.world.store, self.world.tenant, id(&lot(0)), known).await.unwrap();
        impact.into_iter().flat_map(|impact| impact.batches).map(|batch| batch.batch_id).collect()
    }
}

async fn check(steps: Vec<Step>, cuts: (prop::sample::Index, prop::sample::Index), pace: Span) {
    let mut plant = Plant::new(pace).await;
    let mut points = vec![Known::Position(Position(0)), plant.world.known()];
    for step in &steps {
        plant.record(step).await;
        points.push(plant.world.known());
    }
    let (one, other) = (cuts.0.index(points.len()), cuts.1.index(points.len() - 1) + 1);
    let (from, to) = (points[one.min(other)], points[one.max(other)]);
    let changes = plant.world.changes(&lot(0), from, to).await;
    let (before, after) = (plant.scope(from).await, plant.scope(to).await);
    let of = |kind: ChangeKind| -> BTreeSet<Uuid> {
        changes.iter().filter(|change| change.change == kind).map(|change| change.batch_id).collect()
    };
    assert_eq!(of(ChangeKind::Entered), &after - &before);
    assert_eq!(of(ChangeKind::Left), &before - &after);
    // Commits that share their recorded time may be taken for one.
    for change in changes.iter().filter(|_| !pace.is_zero()) {
        let end = points.iter().position(|point| known_position(*point) >= change.position.0).unwrap();
        let is_in = change.change == ChangeKind::Entered;
        assert_eq!(plant.scope(points[end]).await.contains(&change.batch_id), is_in, "{change:?}");
        assert_eq!(plant.scope(points[end - 1]).await.contains(&change.batch_id), !is_in, "{change:?}");
        assert!(known_position(from) < change.position.0 && change.position.0 <= known_position(to));
    }
}

fn known_position(known: Known) -> u64 {
    match known {
        Known::Position(position) => position.0,
        other => panic!("{other:?} is no position"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn changes_are_what_differs_and_happened_where_they_say(
        steps in prop::collection::vec(step(), 1..25),
        cuts in any::<(prop::sample::Index, prop::sample::Index)>(),
        minutes in 0_i64..3,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(steps, cuts, minutes.minutes()));
    }
}
