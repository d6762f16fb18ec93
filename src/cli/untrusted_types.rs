//! `skops-rs untrusted-types`: the names that a file refers to and that are not trusted.

use std::cell::Cell;
use std::io::{self, Write};

use clap::Args;
use serde::{Serialize, Serializer};
use skops_rs::report::{FileReport, List, UntrustedTypes, write_json};
use skops_rs::text::shown_path;
use skops_rs::{Audit, Error, TrustList};

use super::Outcome;
use super::options::{Format, Input, LimitArguments, TrustArguments, outcome};
use super::output;

/// List the types that a file refers to and that are not trusted, one name a line
///
/// With several files, each line is `path: name`. Nothing is loaded, imported or executed.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(crate) struct Arguments {
    /// List every name referred to, trusted or not; in JSON, with role, reason and places
    #[arg(long)]
    all: bool,
    /// In JSON, list the references that are not trusted, with role, reason and places
    #[arg(long)]
    places: bool,
    /// End with exit code 1 when a name is not trusted
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    /// Files to read; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<Input>,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<Outcome> {
    let files = Files { arguments, trust: arguments.trust.list(), worst: Cell::new(Outcome::Done) };
    let mut out = output::stdout();
    match arguments.format {
        Format::Json => write_json(&mut out, &UntrustedTypes { files: &files })?,
        Format::Text => {
            for file in &arguments.files {
                let audit = files.audit(file);
                arguments.print(&mut out, &file.name(), &audit, &files.trust)?;
            }
        }
    }
    out.flush()?;
    Ok(files.worst.get())
}

/// The files, read one after the other: a report can take much more memory than its file.
struct Files<'a> {
    arguments: &'a Arguments,
    trust: TrustList,
    /// How the worst of those that were read ends the command.
    worst: Cell<Outcome>,
}

impl Files<'_> {
    fn audit(&self, file: &Input) -> Result<Audit, Error> {
        let audit = file.audit(self.arguments.limits.limits());
        match &audit {
            Ok(audit) => output::warn(&file.name(), audit),
            Err(error) => output::report(&file.name(), error),
        }
        self.worst.set(self.worst.get().max(self.arguments.outcome(&audit, &self.trust)));
        audit
    }
}

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = |file: &Input| self.arguments.report(file.name(), &self.audit(file), &self.trust);
        serializer.collect_seq(self.arguments.files.iter().map(report))
    }
}

impl Arguments {
    fn outcome(&self, audit: &Result<Audit, Error>, trust: &TrustList) -> Outcome {
        match audit {
            Err(error) => outcome(error),
            Ok(audit) if self.exit_code && !audit.untrusted(trust).is_empty() => Outcome::Findings,
            Ok(_) => Outcome::Done,
        }
    }

    fn print(
        &self,
        out: &mut impl Write,
        path: &str,
        audit: &Result<Audit, Error>,
        trust: &TrustList,
    ) -> io::Result<()> {
        let Ok(audit) = audit else { return Ok(()) };
        let prefix = if self.files.len() > 1 { format!("{}: ", shown_path(path)) } else { String::new() };
        let mut names: Vec<_> = if self.all {
            audit.references().map(|reference| reference.name()).collect()
        } else {
            audit.untrusted(trust).into_iter().collect()
        };
        names.dedup();
        names.into_iter().try_for_each(|name| writeln!(out, "{prefix}{name}"))
    }

    fn report(&self, path: String, audit: &Result<Audit, Error>, trust: &TrustList) -> FileReport {
        let list = match (self.all, self.places) {
            (true, _) => List::All,
            (false, true) => List::Untrusted,
            (false, false) => List::Nothing,
        };
        match audit {
            Ok(audit) => FileReport::audited(path, audit, trust, list),
            Err(error) => FileReport::refused(path, error),
        }
    }
}
