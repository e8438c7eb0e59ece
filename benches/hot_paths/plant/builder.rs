//! The commands of a plant's campaigns.

use anyhow::Context as _;
use foodflow_commands::food_graph::master_data::{RegisterProduct, RegisterSku};
use foodflow_commands::food_graph::shipments::RecordShipment;
use foodflow_commands::food_graph::transformations::RecordTransformation;
use foodflow_domain::TenantId;
use foodflow_domain::food_graph::facts::{
    Item, LotQuantity, OutputFacts, ShipmentFacts, TransformationFacts,
};
use foodflow_domain::ids::{BatchId, LocationId, ProductId, SkuId};
use foodflow_log::SharedLog;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{STEPS, Starts};
use crate::random::Random;
use crate::site::{Site, kilograms};

/// Lots that one mix makes.
const OUTPUTS: usize = 4;
/// Lots before and after its own time that a mix takes from.
const NEARBY: usize = 200;
/// How many mixes a lot is enough for.
const PORTIONS: u32 = 16;
/// Raw lots of a campaign that last long, and for how many mixes.
const BULK_LOTS: usize = 5;
const BULK_PORTIONS: u32 = 1_000;
/// Lots of one shipment, and consignees.
const SHIPPED_LOTS: usize = 2;
const CONSIGNEES: usize = 40;
/// When the first lot came in, in seconds since 1970: 2025-01-01.
const FIRST_DAY_S: i64 = 1_735_689_600;
/// How long a step takes.
const STEP: SignedDuration = SignedDuration::from_hours(24);

/// A lot, and what can still be taken from it.
struct Lot {
    id: BatchId,
    portion: Decimal,
    left: u32,
}

/// Whoever commands in the plant.
pub(super) struct Builder {
    site: Site,
    random: Random,
    dough: ProductId,
    bread: ProductId,
    loaf: SkuId,
    consignees: Vec<LocationId>,
    /// Number of the campaign, from 0.
    campaign: usize,
}

impl Builder {
    /// Registers what lots refer to.
    ///
    /// # Errors
    /// Where a command is refused.
    pub(super) async fn new(log: SharedLog, lots: usize) -> anyhow::Result<Self> {
        let mut random = Random::named(&format!("plant of {lots} lots"));
        let site = Site::open(log, &mut random).await?;
        let mut consignees = Vec::with_capacity(CONSIGNEES);
        for number in 0..CONSIGNEES {
            consignees.push(site.register_location(&mut random, &format!("Depot {number}")).await?);
        }
        let dough = register_product(&site, &mut random, "Dough").await?;
        let bread = register_product(&site, &mut random, "Bread").await?;
        let (sku_code, size, unit) = ("BREAD-500".to_owned(), "500".to_owned(), "GRM".to_owned());
        let loaf = RegisterSku { id: None, product_id: bread, sku_code, size, unit };
        let loaf = site.execute(&mut random, &loaf).await?.reply.id.into();
        Ok(Self { site, random, dough, bread, loaf, consignees, campaign: 0 })
    }

    pub(super) const fn tenant(&self) -> TenantId {
        self.site.tenant
    }

    /// Receives, mixes, packs and ships about `lots` lots.
    ///
    /// # Errors
    /// Where a command is refused.
    pub(super) async fn campaign(&mut self, lots: usize) -> anyhow::Result<Starts> {
        let mut received = self.receive(lots / 5).await?;
        let mixes = lots * 4 / 5 / STEPS / OUTPUTS;
        let mut made = self.mix(&mut received, 1, mixes).await?;
        let mut count = received.len() + made.len();
        for step in 2..=STEPS {
            made = self.mix(&mut made, step, mixes).await?;
            count += made.len();
        }
        self.ship(&made).await?;
        self.campaign += 1;
        let (bulk, raw) = received.split_at(BULK_LOTS.min(received.len()));
        let used = |lots: &[Lot], portions: u32| -> Vec<BatchId> {
            lots.iter().filter(|lot| lot.left < portions).map(|lot| lot.id).collect()
        };
        Ok(Starts {
            lots: count,
            bulk: used(bulk, BULK_PORTIONS),
            raw: used(raw, PORTIONS),
            packed: made.iter().map(|lot| lot.id).collect(),
        })
    }

    /// When a step of this campaign happens; a campaign begins each day.
    fn instant(&self, step: usize) -> anyhow::Result<Timestamp> {
        let days = i32::try_from(self.campaign + step)?;
        Ok(Timestamp::from_second(FIRST_DAY_S)?.checked_add(STEP * days)?)
    }

    async fn receive(&mut self, count: usize) -> anyhow::Result<Vec<Lot>> {
        let received_at = self.instant(0)?;
        let portion = Decimal::from(1_500);
        let mut lots = Vec::with_capacity(count);
        for number in 0..count {
            let left = if number < BULK_LOTS { BULK_PORTIONS } else { PORTIONS };
            let quantity = kilograms(portion * Decimal::from(left));
            let name = format!("RAW-{}-{number:06}", self.campaign);
            let id = self.site.receive(&mut self.random, name, quantity, received_at).await?;
            lots.push(Lot { id, portion, left });
        }
        Ok(lots)
    }

    async fn mix(&mut self, from: &mut [Lot], step: usize, mixes: usize) -> anyhow::Result<Vec<Lot>> {
        let mut made = Vec::with_capacity(mixes * OUTPUTS);
        for mix in 0..mixes {
            let around = mix * from.len() / mixes;
            let inputs = self.take(from, step, around)?;
            let total: Decimal = inputs.iter().map(|line| line.quantity.value).sum();
            let weight = (total * Decimal::new(98, 2) / Decimal::from(OUTPUTS)).round_dp(4);
            let campaign = self.campaign;
            let item = Item::Product(if step == STEPS { self.bread } else { self.dough });
            let output = |number| OutputFacts {
                batch_id: BatchId::default(),
                batch_number: format!("S{step}-{campaign}-{mix:06}-{number}"),
                item,
                sku_id: (step == STEPS).then_some(self.loaf),
                quantity: kilograms(weight),
                production_date: None,
                expiry_date: None,
            };
            let facts = TransformationFacts {
                inputs,
                outputs: (0..OUTPUTS).map(output).collect(),
                location_id: self.site.location,
                line: Some("Line 1".to_owned()),
                occurred_at: self.instant(step)?,
                loss: None,
                documents: Vec::new(),
            };
            let operation = RecordTransformation { id: None, output_ids: vec![None; OUTPUTS], facts };
            let accepted = self.site.execute(&mut self.random, &operation).await?;
            let portion = (weight / Decimal::from(PORTIONS))
                .round_dp_with_strategy(6, rust_decimal::RoundingStrategy::ToZero);
            let outputs = accepted.reply.batch_ids.context("a mix without lots")?;
            made.extend(outputs.into_iter().map(|id| Lot { id: BatchId(id), portion, left: PORTIONS }));
        }
        Ok(made)
    }

    /// Two or three different lots near `around`.
    fn take(&mut self, from: &mut [Lot], step: usize, around: usize) -> anyhow::Result<Vec<LotQuantity>> {
        let wanted = 2 + self.random.below(2);
        let mut chosen: Vec<usize> = Vec::with_capacity(wanted);
        if step == 1 && self.random.below(4) == 0 {
            chosen.push(self.random.below(BULK_LOTS.min(from.len())));
        }
        let (first, last) = (around.saturating_sub(NEARBY), (around + NEARBY).min(from.len()));
        for _ in 0..1_000 {
            if chosen.len() == wanted {
                break;
            }
            let one = first + self.random.below(last - first);
            if from[one].left > 0 && !chosen.contains(&one) {
                chosen.push(one);
            }
        }
        anyhow::ensure!(chosen.len() == wanted, "nothing is left near lot {around} of step {step}");
        let line = |number: usize| {
            let lot = &mut from[number];
            lot.left -= 1;
            LotQuantity { batch_id: lot.id, quantity: kilograms(lot.portion) }
        };
        Ok(chosen.into_iter().map(line).collect())
    }

    async fn ship(&mut self, lots: &[Lot]) -> anyhow::Result<()> {
        for lots in lots.chunks(SHIPPED_LOTS) {
            let line = |lot: &Lot| {
                let half = lot.portion * Decimal::from(PORTIONS / 2);
                LotQuantity { batch_id: lot.id, quantity: kilograms(half) }
            };
            let facts = ShipmentFacts {
                lines: lots.iter().map(line).collect(),
                from_location_id: self.site.location,
                to_location_id: self.consignees[self.random.below(CONSIGNEES)],
                shipped_at: self.instant(STEPS + 1)?,
                sscc: None,
                documents: Vec::new(),
            };
            self.site.execute(&mut self.random, &RecordShipment { id: None, facts }).await?;
        }
        Ok(())
    }
}

async fn register_product(site: &Site, random: &mut Random, name: &str) -> anyhow::Result<ProductId> {
    let operation = RegisterProduct {
        id: None,
        name: name.to_owned(),
        category: "bakery".to_owned(),
        brand: None,
        gtin: None,
        food_traceability_list: false,
        location_ids: vec![site.location],
    };
    Ok(site.execute(random, &operation).await?.reply.id.into())
}
