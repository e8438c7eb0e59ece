//! The questions of traceability, asked of a plant of many lots.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use foodflow_domain::ids::BatchId;
use foodflow_projections::food_graph::queries::{Known, View, impact, trace};
use foodflow_projections::graph::TraceDirection;

use crate::effort::Effort;
use crate::figures::{Figures, show_duration, show_number, show_ratio};
use crate::plant::{Plant, STEPS, Starts};
use crate::projection::{Kind, Store};
use crate::random::Random;
use crate::report::Section;
use crate::targets::Finding;

/// Questions that are asked before any is timed.
const WARM_UP: usize = 5;
/// A row takes no more questions after this long, once it has enough of them.
const PATIENCE: Duration = Duration::from_secs(5);
const ENOUGH: usize = 5;

/// Which lots are asked about, and which way.
struct Question {
    about: &'static str,
    direction: TraceDirection,
    starts: Vec<BatchId>,
    /// Whether the target is about lots like these.
    is_ordinary: bool,
}

/// One way of answering: how long each answer took, and how much it held.
struct Answered {
    name: &'static str,
    took: Figures,
    sizes: Vec<usize>,
}

/// Asks every store of `wanted` about the lots that it holds.
///
/// # Errors
/// Where a store does not answer, or does not know a lot.
pub(crate) async fn bench(
    plant: &Plant,
    stores: &[Store],
    wanted: &[Kind],
    effort: Effort,
) -> anyhow::Result<Section> {
    let (mut rows, mut findings) = (Vec::new(), Vec::new());
    for store in stores.iter().filter(|store| wanted.contains(&store.kind)) {
        let starts = plant.until(store.position);
        ensure!(starts.lots > 0, "{} holds no whole campaign of the plant", store.kind.name());
        for question in questions(&starts, effort) {
            let answers = ask(plant, store, &question).await?;
            rows.extend(answers.iter().map(|one| one.row(starts.lots, store, &question, &answers[0])));
            if question.is_ordinary && plant.lots >= TARGET_LOTS {
                findings.extend(answers[1..].iter().map(|one| one.finding(starts.lots, store, &question)));
            }
        }
    }
    Ok(Section {
        title: format!("Trace: {} lots", show_number(plant.lots as f64)),
        note: format!(
            "Each lot is made of two or three, over {STEPS} steps; other starts each time, one question after \
             another. The base loads the genealogy's edges from the same store and decides nothing; `trace` adds \
             exact shares, numbers, shipments and suppliers, `impact` stock and consignees. The size is in edges for \
             the base, else in lots. A store that was not filled in time holds fewer lots."
        ),
        words: 3,
        header: &[
            "start",
            "store",
            "question",
            "lots held",
            "asked",
            "size p50",
            "largest",
            "p50",
            "p99",
            "p50 ÷ base",
        ],
        rows,
        findings,
    })
}

/// Lots from which on the target counts; a plant's lots are rounded down to whole mixes.
const TARGET_LOTS: usize = 990_000;
const TARGET: Duration = Duration::from_millis(50);

fn questions(lots: &Starts, effort: Effort) -> Vec<Question> {
    let mut random = Random::named("questions");
    let mut some = |lots: &[BatchId], count: usize| -> Vec<BatchId> {
        (0..count).map(|_| lots[random.below(lots.len())]).collect()
    };
    vec![
        Question {
            about: "raw lot, forward",
            direction: TraceDirection::Forward,
            starts: some(&lots.raw, effort.samples),
            is_ordinary: true,
        },
        Question {
            about: "packed lot, backward",
            direction: TraceDirection::Backward,
            starts: some(&lots.packed, effort.samples),
            is_ordinary: true,
        },
        Question {
            about: "bulk lot, forward",
            direction: TraceDirection::Forward,
            starts: some(&lots.bulk, effort.long_samples),
            is_ordinary: false,
        },
    ]
}

impl Answered {
    fn row(&self, lots: usize, store: &Store, question: &Question, base: &Self) -> Vec<String> {
        let largest = self.sizes.last().copied().unwrap_or_default();
        let middle = self.sizes.get(self.sizes.len() / 2).copied().unwrap_or_default();
        vec![
            question.about.to_owned(),
            store.kind.name().to_owned(),
            self.name.to_owned(),
            show_number(lots as f64),
            self.took.count().to_string(),
            show_number(middle as f64),
            show_number(largest as f64),
            show_duration(self.took.p50()),
            show_duration(self.took.p99()),
            show_ratio(self.took.p50().as_secs_f64(), base.took.p50().as_secs_f64()),
        ]
    }

    fn finding(&self, lots: usize, store: &Store, question: &Question) -> Finding {
        let (store, name, lots) = (store.kind.name(), self.name, show_number(lots as f64));
        let target = format!("{store}, {name} of a {} among {lots}: p99 < 50 ms", question.about);
        Finding::at_most(target, self.took.p99(), TARGET)
    }
}

async fn ask(plant: &Plant, store: &Store, question: &Question) -> anyhow::Result<Vec<Answered>> {
    let (graph, tenant, direction) = (&*store.graph, plant.tenant, question.direction);
    let edges = each("edges only", &question.starts, async |lot| {
        Ok(graph.genealogy(tenant, lot.0, direction).await?.len())
    });
    let traced = each("trace", &question.starts, async |lot| {
        let answer = trace(graph, tenant, lot.0, direction, View::NOW).await?;
        Ok(answer.context("an unknown lot")?.batches.len())
    });
    let mut answers = vec![edges.await?, traced.await?];
    if direction == TraceDirection::Forward {
        let impacted = each("impact", &question.starts, async |lot| {
            let answer = impact(graph, tenant, lot.0, Known::Now).await?;
            Ok(answer.context("an unknown lot")?.batches.len())
        });
        answers.push(impacted.await?);
    }
    Ok(answers)
}

/// Asks about each start, one after another; `question` answers with the size of what it found.
async fn each<A>(
    name: &'static str,
    starts: &[BatchId],
    question: impl Fn(BatchId) -> A,
) -> anyhow::Result<Answered>
where
    A: Future<Output = anyhow::Result<usize>>,
{
    for lot in starts.iter().take(WARM_UP) {
        question(*lot).await?;
    }
    let (mut took, mut sizes) = (Vec::with_capacity(starts.len()), Vec::with_capacity(starts.len()));
    let began = Instant::now();
    for lot in starts {
        let asked = Instant::now();
        sizes.push(question(*lot).await?);
        took.push(asked.elapsed());
        if took.len() >= ENOUGH && began.elapsed() > PATIENCE {
            break;
        }
    }
    sizes.sort_unstable();
    Ok(Answered { name, took: Figures::of(&took), sizes })
}
