//! The `foodflow` program.

use std::process::ExitCode;

use clap::Parser as _;

/// A command is many small allocations by several threads: a profile had a quarter of the program's time in the allocator of
/// the C library and in copying (docs/PERFORMANCE.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    foodflow_api::cli::main(foodflow_api::cli::Arguments::parse())
}
