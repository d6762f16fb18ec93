//! `skops-rs arrays`: the arrays of a file.

use std::io::{self, Write};

use clap::Args;
use skops_rs::inspect::arrays;
use skops_rs::report::{ArrayList, FileReport, List, write_json};

use super::Outcome;
use super::options::{Format, OneFile, outcome};
use super::output;

/// List the arrays in a file: path, dtype, shape and bytes, separated by tabs
///
/// Only the headers of the arrays are read, so nothing needs to be trusted.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    input: OneFile,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<Outcome> {
    let name = arguments.input.file.name();
    let mut out = output::stdout();
    let outcome = match arguments.input.audit() {
        Ok(audit) => {
            output::warn(&name, &audit);
            if arguments.input.format == Format::Json {
                let file = FileReport::audited(name, &audit, &arguments.input.trust.list(), List::Nothing);
                write_json(&mut out, &ArrayList::new(file, Some(arrays(&audit).listed())))?;
            } else {
                let mut arrays = arrays(&audit).listed();
                for array in arrays.by_ref() {
                    let (shape, path) = (array.shown_shape(), &array.path);
                    writeln!(out, "{path}\t{}\t{shape}\t{}", array.dtype, array.bytes)?;
                }
                output::warn_left_out(&name, arrays.left_out(), "arrays");
            }
            Outcome::Done
        }
        Err(error) => {
            output::report(&name, &error);
            if arguments.input.format == Format::Json {
                let file = FileReport::refused(name, &error);
                write_json(&mut out, &ArrayList::new(file, None))?;
            }
            outcome(&error)
        }
    };
    out.flush()?;
    Ok(outcome)
}
