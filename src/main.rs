//! The command line: see `skops-rs --help`.

// As in the library.
#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}
