//! The questions of traceability, asked of a plant of many lots.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use foodflow_domain::ids::BatchId;
use foodflow_projections::food_graph::queries::{Known, View, impact, trace};
use foodflow_projections::graph::TraceDirection;

use crate::effort::Effort;
use crate::figures::{Figures, show_duration, show_number, show_ratio};
use crate::plant::{Plant, STEPS};
use crate::projection::{Kind, Store};
use crate::random::Random;
use crate::report::Section;

/// Questions that are asked before any is timed.
const WARM_UP: usize = 5;
/// A row takes no more questions after this long, once it has enough of them.
const PATIENCE: Duration = Duration::from_secs(20);
const ENOUGH: usize = 5;

/// Which lots are asked about, and which way.
struct Question {
    about: &'static str,
    direction: TraceDirection,
    starts: Vec<BatchId>,
}

/// One way of answering: how long each answer took, and how much it held.
struct Answered {
    took: Figures,
    sizes: Vec<usize>,
}

/// Asks every store of `wanted`.
///
/// # Errors
/// Where a store does not answer, or does not know a lot.
pub(crate) async fn bench(
    plant: &Plant,
    stores: &[Store],
    wanted: &[Kind],
    effort: Effort,
) -> anyhow::Result<Section> {
    let questions = questions(plant, effort);
    let mut rows = Vec::new();
    for store in stores.iter().filter(|store| wanted.contains(&store.kind)) {
        for question in &questions {
            rows.extend(ask(plant, store, question).await?);
        }
    }
    Ok(Section {
        title: format!("Trace: {} lots", show_number(plant.lots as f64)),
        note: format!(
            "Each lot is made of two or three, over {STEPS} steps; other starts each time, one question after \
             another. The base loads the genealogy's edges from the same store and decides nothing; `trace` adds \
             exact shares, numbers, shipments and suppliers, `impact` stock and consignees. The size is in edges for \
             the base, else in lots."
        ),
        words: 3,
        header: &["start", "store", "question", "asked", "size p50", "largest", "p50", "p99", "p50 ÷ base"],
        rows,
    })
}

fn questions(plant: &Plant, effort: Effort) -> Vec<Question> {
    let mut random = Random::named("questions");
    let mut some = |lots: &[BatchId], count: usize| -> Vec<BatchId> {
        (0..count).map(|_| lots[random.below(lots.len())]).collect()
    };
    vec![
        Question {
            about: "raw lot, forward",
            direction: TraceDirection::Forward,
            starts: some(&plant.raw, effort.samples),
        },
        Question {
            about: "packed lot, backward",
            direction: TraceDirection::Backward,
            starts: some(&plant.packed, effort.samples),
        },
        Question {
            about: "bulk lot, forward",
            direction: TraceDirection::Forward,
            starts: some(&plant.bulk, effort.long_samples),
        },
    ]
}

async fn ask(plant: &Plant, store: &Store, question: &Question) -> anyhow::Result<Vec<Vec<String>>> {
    let (graph, tenant, direction) = (&*store.graph, plant.tenant, question.direction);
    let edges =
        each(&question.starts, async |lot| Ok(graph.genealogy(tenant, lot.0, direction).await?.len()))
            .await?;
    let traced = each(&question.starts, async |lot| {
        let answer = trace(graph, tenant, lot.0, direction, View::NOW).await?;
        Ok(answer.context("an unknown lot")?.batches.len())
    })
    .await?;
    let mut answers = vec![("edges only", edges), ("trace", traced)];
    if direction == TraceDirection::Forward {
        let impacted = each(&question.starts, async |lot| {
            let answer = impact(graph, tenant, lot.0, Known::Now).await?;
            Ok(answer.context("an unknown lot")?.batches.len())
        });
        answers.push(("impact", impacted.await?));
    }
    let base = answers[0].1.took.p50().as_secs_f64();
    let row = |(name, answered): &(&str, Answered)| {
        let largest = answered.sizes.last().copied().unwrap_or_default();
        let middle = answered.sizes.get(answered.sizes.len() / 2).copied().unwrap_or_default();
        vec![
            question.about.to_owned(),
            store.kind.name().to_owned(),
            (*name).to_owned(),
            answered.took.count().to_string(),
            show_number(middle as f64),
            show_number(largest as f64),
            show_duration(answered.took.p50()),
            show_duration(answered.took.p99()),
            show_ratio(answered.took.p50().as_secs_f64(), base),
        ]
    };
    Ok(answers.iter().map(row).collect())
}

/// Asks about each start, one after another; `question` answers with the size of what it found.
async fn each<A>(starts: &[BatchId], question: impl Fn(BatchId) -> A) -> anyhow::Result<Answered>
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
    Ok(Answered { took: Figures::of(&took), sizes })
}
