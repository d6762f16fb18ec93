//! `skops-rs inspect`: the tree of objects in a file.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use skops_rs::Audit;
use skops_rs::inspect::{Branches, Item, ItemList, Options, Show, describe, items};
use skops_rs::report::{FileReport, Inspection, List, write_json};

use super::Outcome;
use super::options::{Format, Input, LimitArguments, TrustArguments, outcome};
use super::output;

/// Show the tree of objects in a file: attributes, types, values, and what is not trusted
///
/// Nothing is loaded: values come from schema.json, dtypes and shapes from the headers of the arrays.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(crate) struct Arguments {
    /// Which objects to show: all, those that are not trusted or hold one, or those that are trusted
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Which::All)]
    show: Which,
    /// Show so many levels below the root
    #[arg(long, value_name = "LEVELS")]
    depth: Option<usize>,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    /// File to read; `-` is standard input
    #[arg(value_name = "FILE")]
    file: Input,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    All,
    Untrusted,
    Trusted,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<Outcome> {
    let name = arguments.file.name();
    let mut out = output::stdout();
    let outcome = match arguments.file.audit(arguments.limits.limits()) {
        Ok(audit) => {
            output::warn(&name, &audit);
            arguments.print(&mut out, name, &audit)?;
            Outcome::Done
        }
        Err(error) => {
            output::report(&name, &error);
            if arguments.format == Format::Json {
                let file = FileReport::refused(name, &error);
                write_json(&mut out, &Inspection { file, items: ItemList(None) })?;
            }
            outcome(&error)
        }
    };
    out.flush()?;
    Ok(outcome)
}

impl Arguments {
    fn print(&self, out: &mut impl Write, name: String, audit: &Audit) -> io::Result<()> {
        let trust = self.trust.list();
        let show = match self.show {
            Which::All => Show::All,
            Which::Untrusted => Show::Untrusted,
            Which::Trusted => Show::Trusted,
        };
        let options = Options { show, depth: self.depth };
        if self.format == Format::Json {
            let file = FileReport::audited(name, audit, &trust, List::Nothing);
            return write_json(out, &Inspection { file, items: ItemList(Some((audit, &trust, options))) });
        }
        let colour = output::wants_colour();
        let mut branches = Branches::default();
        for item in items(audit, &trust, options) {
            let before = branches.before(&item);
            writeln!(out, "{before}{}: {}", item.key, paint(&item, describe(&item), colour))?;
        }
        Ok(())
    }
}

/// Red for what is not trusted, yellow for what holds it. The text says the former without colour, too.
fn paint(item: &Item, text: String, colour: bool) -> String {
    match (colour, item.trusted, item.holds_untrusted) {
        (true, false, _) => format!("\u{1b}[31m{text}\u{1b}[0m"),
        (true, true, true) => format!("\u{1b}[33m{text}\u{1b}[0m"),
        _ => text,
    }
}
