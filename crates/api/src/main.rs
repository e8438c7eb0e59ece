//! The `foodflow` program.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    foodflow_api::cli::main(foodflow_api::cli::Arguments::parse())
}
