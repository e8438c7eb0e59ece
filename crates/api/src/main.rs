//! The `foodflow` program.

use std::process::ExitCode;

use clap::Parser as _;

/// A command, and a batch of a projector, is many small allocations by several threads: with the allocator of the C library
/// JetStream commands come to two thirds of the rate at 256 clients (docs/PERFORMANCE.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    foodflow_api::cli::main(foodflow_api::cli::Arguments::parse())
}
