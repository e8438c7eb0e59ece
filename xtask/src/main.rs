//! `cargo xtask`: the development tasks of this repository.

use std::process::ExitCode;

use clap::Parser as _;
use xtask::cli::Arguments;
use xtask::run::exit_code;

fn main() -> ExitCode {
    match Arguments::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            xtask::report::line(&format!("error: {error:#}"));
            ExitCode::from(exit_code(&error))
        }
    }
}
