//! Measures the hot paths, each against a raw baseline of the same store in the same run.
//!
//! Absolute times of a shared machine mean little; ratios to what the bare server or file does at that moment mean
//! more. What must never happen here: a figure that was not measured in this run, a baseline with weaker durability
//! than what it is compared with, or a server or file of anybody else being touched: every store is a new one.
//!
//! - [`append`]: commands and commits on each log, at 1 to 256 clients, and beside what others do with PostgreSQL;
//! - [`load`]: an aggregate with 10, 1,000 and 100,000 events, with and without its snapshot;
//! - [`history`]: the histories that are loaded;
//! - [`lag`]: how soon a command can be read, under a steady load;
//! - [`tables`], [`lots_table`]: a plant of 100,000 lots into a table, beside `COPY` and `postgres-es`;
//! - [`admission`], [`neighbours`]: what it costs to let a request go on, and what a limit is good for;
//! - [`table_reads`]: rows out of such a table, behind row-level security;
//! - [`mirror`]: a plant's log into other logs;
//! - [`projection`], [`trace`]: plants of 10,000 to 1,000,000 lots into each graph, and the questions it answers;
//! - [`memory`], [`resident`]: what each process holds with a history of 1,000,000 events;
//! - [`plant`], [`site`], [`random`]: what is measured with, the same in every run;
//! - [`filling`]: filling a read model for a limited time;
//! - [`programs`], [`peer`]: programs that are measured in processes of their own;
//! - [`race`], [`figures`], [`targets`], [`report`]: measuring, and what is shown.

mod admission;
mod append;
mod arguments;
mod effort;
mod figures;
mod filling;
mod history;
mod lag;
mod load;
mod logs;
mod lots_table;
mod memory;
mod mirror;
mod neighbours;
mod peer;
mod plant;
mod programs;
mod projection;
mod race;
mod random;
mod report;
mod resident;
mod site;
mod table_reads;
mod tables;
mod targets;
mod trace;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use crate::arguments::{Arguments, HELP};
use crate::programs::Program;
use crate::report::{Report, machine};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

/// Builds what runs in processes of its own, so that no compiler disturbs what is measured.
async fn build(arguments: &Arguments) -> anyhow::Result<()> {
    if ["append/beside", "tables"].iter().any(|name| arguments.wants(name)) {
        programs::built(Program::Peer).await?;
    }
    if ["memory", "neighbours"].iter().any(|name| arguments.wants(name)) {
        programs::built(Program::Foodflow).await?;
    }
    Ok(())
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    build(arguments).await?;
    let began = Instant::now();
    let mut report = Report::new(machine());
    for adapter in logs::Adapter::ALL {
        if arguments.wants(&format!("append/{}", adapter.name())) {
            report.add(append::bench(adapter, arguments.effort).await?)?;
        }
    }
    if arguments.wants("append/beside") {
        report.add(append::beside(arguments.effort).await?)?;
    }
    if arguments.wants("load") {
        report.add(load::bench(arguments.effort).await?)?;
    }
    let lags = lag::Into::ALL.into_iter().filter(|into| arguments.wants(&format!("lag/{}", into.name())));
    let lags: Vec<_> = lags.collect();
    if !lags.is_empty() {
        report.add(Box::pin(lag::bench(&lags, arguments.effort)).await?)?;
    }
    if arguments.wants("tables") {
        report.add(Box::pin(tables::bench(arguments.effort)).await?)?;
    }
    if arguments.wants("admission") {
        report.add(admission::bench(arguments.effort).await?)?;
    }
    if arguments.wants("neighbours") {
        report.add(Box::pin(neighbours::bench(arguments.effort)).await?)?;
    }
    if arguments.wants("tables/read") {
        report.add(Box::pin(table_reads::bench(arguments.effort)).await?)?;
    }
    if arguments.wants("mirror") {
        let plant = plant::Plant::build(arguments.effort.lots).await?;
        report.add(mirror::bench(&plant).await?)?;
    }
    graphs(arguments, &mut report).await?;
    if arguments.wants("memory") {
        report.add(memory::bench(arguments.effort).await?)?;
    }
    report.finish(began.elapsed())?;
    match &arguments.write {
        Some(file) => report.write_into(file),
        None => Ok(()),
    }
}

/// Plants of growing size into each graph, and the questions that it answers then.
async fn graphs(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let effort = arguments.effort;
    let chosen = |what: &str| -> Vec<projection::Kind> {
        let wanted = |kind: &projection::Kind| arguments.wants(&format!("{what}/{}", kind.name()));
        projection::Kind::ALL.into_iter().filter(wanted).collect()
    };
    let (projected, traced) = (chosen("projection"), chosen("trace"));
    if projected.is_empty() && traced.is_empty() {
        return Ok(());
    }
    let warm_up = plant::Plant::build(effort.warm_up_lots).await?;
    for lots in effort.traced_lots {
        let mut kinds = traced.clone();
        if lots == effort.lots {
            kinds.extend(&projected);
        }
        if kinds.is_empty() {
            continue;
        }
        let plant = plant::Plant::build(lots).await?;
        let (section, stores) = projection::bench(&plant, &warm_up, &kinds, effort).await?;
        report.add(section)?;
        if !traced.is_empty() {
            report.add(trace::bench(&plant, &stores, &traced, effort).await?)?;
        }
    }
    Ok(())
}
