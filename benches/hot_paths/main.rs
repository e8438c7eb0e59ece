//! Measures the hot paths, each against a raw baseline of the same store in the same run.
//!
//! Absolute times of a shared machine mean little; ratios to what the bare server or file does at that moment mean
//! more. What must never happen here: a figure that was not measured in this run, a baseline with weaker durability
//! than what it is compared with, or a server or file of anybody else being touched: every store is a new one.
//!
//! - [`append`]: commands and commits on each log, at 1 and 64 clients;
//! - [`load`]: an aggregate with 10, 1,000 and 100,000 events, with and without its snapshot;
//! - [`history`]: the histories that are loaded;
//! - [`projection`], [`trace`]: a plant of 100,000 lots into each read model, and the questions it answers;
//! - [`mirror`]: that plant's log into other logs;
//! - [`plant`], [`site`], [`random`]: what is measured with, the same in every run;
//! - [`race`], [`figures`], [`report`]: measuring, and what is shown.

mod append;
mod arguments;
mod effort;
mod figures;
mod history;
mod load;
mod logs;
mod mirror;
mod plant;
mod projection;
mod race;
mod random;
mod report;
mod site;
mod trace;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use crate::arguments::{Arguments, HELP};
use crate::report::{Report, machine};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody reads any more where this fails.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    if arguments.help {
        return Ok(write!(std::io::stdout(), "{HELP}")?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(&arguments))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut report = Report::new(machine());
    for adapter in logs::Adapter::ALL {
        if arguments.wants(&format!("append/{}", adapter.name())) {
            report.add(append::bench(adapter, arguments.effort).await?)?;
        }
    }
    if arguments.wants("load") {
        report.add(load::bench(arguments.effort).await?)?;
    }
    let stores = projection::Kind::ALL;
    let projected = stores.into_iter().filter(|kind| arguments.wants(&format!("projection/{}", kind.name())));
    let traced = stores.into_iter().filter(|kind| arguments.wants(&format!("trace/{}", kind.name())));
    let (projected, traced): (Vec<_>, Vec<_>) = (projected.collect(), traced.collect());
    let (mirrors, reads_models) = (arguments.wants("mirror"), !projected.is_empty() || !traced.is_empty());
    if mirrors || reads_models {
        let plant = plant::Plant::build(arguments.effort.lots).await?;
        if mirrors {
            report.add(mirror::bench(&plant).await?)?;
        }
        if reads_models {
            bench_read_models(&mut report, &plant, arguments.effort, (&projected, &traced)).await?;
        }
    }
    report.finish(began.elapsed())?;
    match &arguments.write {
        Some(file) => report.write_into(file),
        None => Ok(()),
    }
}

/// Fills the stores of both lists, and asks those of the second.
async fn bench_read_models(
    report: &mut Report,
    plant: &plant::Plant,
    effort: effort::Effort,
    (projected, traced): (&[projection::Kind], &[projection::Kind]),
) -> anyhow::Result<()> {
    let warm_up = plant::Plant::build(effort.warm_up_lots).await?;
    let filled = [projected, traced].concat();
    let (section, stores) = projection::bench(plant, &warm_up, &filled).await?;
    report.add(section)?;
    if !traced.is_empty() {
        report.add(trace::bench(plant, &stores, traced, effort).await?)?;
    }
    Ok(())
}
