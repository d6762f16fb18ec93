//! `skops-rs untrusted-types`: the names that a file refers to and that are not trusted.

use std::io::{self, Write};

use clap::Args;
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
    let trust = arguments.trust.list();
    let mut worst = Outcome::Done;
    let mut reports = UntrustedTypes::default();
    let mut out = output::stdout();
    for file in &arguments.files {
        let name = file.name();
        let audit = file.audit(arguments.limits.limits());
        match &audit {
            Ok(audit) => output::warn(&name, audit),
            Err(error) => output::report(&name, error),
        }
        worst = worst.max(arguments.outcome(&audit, &trust));
        match arguments.format {
            Format::Text => arguments.print(&mut out, &name, &audit, &trust)?,
            Format::Json => reports.files.push(arguments.report(name, &audit, &trust)),
        }
    }
    if arguments.format == Format::Json {
        write_json(&mut out, &reports)?;
    }
    out.flush()?;
    Ok(worst)
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
