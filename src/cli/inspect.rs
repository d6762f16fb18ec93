//! `skops-rs inspect`: the tree of objects in a file.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use skops_rs::inspect::{Branches, Item, Items, Options, Show, describe, items, items_of_model};
use skops_rs::report::{FileReport, Inspection, List, write_json};
use skops_rs::{Audit, Error};

use super::Outcome;
use super::options::{Format, OneFile, outcome};
use super::output;

/// Show the tree of objects in a file: attributes, types, values, and what is not trusted
///
/// When all types are trusted, the first items of small arrays are shown, too, and contents are checked. Otherwise nothing
/// is loaded: values come from schema.json, dtypes and shapes from the headers of the arrays.
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
    input: OneFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    All,
    Untrusted,
    Trusted,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<Outcome> {
    let name = arguments.input.file.name();
    let mut out = output::stdout();
    let outcome = match arguments.input.audit() {
        Ok(audit) => {
            output::warn(&name, &audit);
            let fault = arguments.print(&mut out, &name, audit)?;
            out.flush()?;
            fault.map_or(Outcome::Done, |error| {
                output::report(&name, &error);
                outcome(&error)
            })
        }
        Err(error) => {
            output::report(&name, &error);
            if arguments.input.format == Format::Json {
                let file = FileReport::refused(name, &error);
                write_json(&mut out, &Inspection::new(file, None))?;
            }
            outcome(&error)
        }
    };
    out.flush()?;
    Ok(outcome)
}

impl Arguments {
    /// Prints the objects: of a model, with values, when all that the file names is trusted. Returns what was wrong
    /// with the contents.
    fn print(&self, out: &mut impl Write, name: &str, audit: Audit) -> io::Result<Option<Error>> {
        let trust = self.input.trust.list();
        let show = match self.show {
            Which::All => Show::All,
            Which::Untrusted => Show::Untrusted,
            Which::Trusted => Show::Trusted,
        };
        let options = Options { show, depth: self.depth };
        let report = |audit: &Audit| FileReport::audited(name.to_owned(), audit, &trust, List::Nothing);
        if !audit.untrusted(&trust).is_empty() {
            return self.print_items(out, report(&audit), items(&audit, &trust, options));
        }
        match audit.vet(&trust) {
            Ok(vetted) => {
                let model = vetted.load();
                self.print_items(out, report(model.audit()), items_of_model(&model, options))
            }
            Err(error) => Ok(Some(error)),
        }
    }

    fn print_items(
        &self,
        out: &mut impl Write,
        file: FileReport,
        items: Items<'_>,
    ) -> io::Result<Option<Error>> {
        if self.input.format == Format::Json {
            let inspection = Inspection::new(file, Some(items.listed()));
            write_json(out, &inspection)?;
            return Ok(inspection.items.into_inner().and_then(Items::into_fault));
        }
        let colour = output::wants_colour();
        let mut branches = Branches::default();
        let mut items = items.listed();
        for item in items.by_ref() {
            let before = branches.before(&item);
            writeln!(out, "{before}{}: {}", item.key, paint(&item, describe(&item), colour))?;
        }
        output::warn_left_out(&file.path, items.left_out(), "objects");
        Ok(items.into_inner().into_fault())
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
