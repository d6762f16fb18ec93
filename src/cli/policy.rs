//! `skops-rs policy`: policies written and checked; and how all commands find theirs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use skops_rs::check::{Checker, Finder, Outcome as Judged, Pace};
use skops_rs::policy::{Draft, FILE_NAME, Mistake, Policy};
use skops_rs::report::check::Head;
use skops_rs::text::shown_path;
use skops_rs::{Archive, Error, Limits};

use super::Outcome;
use super::options::outcome;
use super::output;
use super::whole::Whole;

/// Which policy to judge by.
#[derive(Debug, Args)]
pub(crate) struct PolicyArguments {
    /// Judge by this policy; otherwise by `skops-policy.toml` in the working directory, or by what skops 0.16 trusts
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Judge by what skops 0.16 trusts, whatever policy lies in the working directory
    #[arg(long, conflicts_with = "policy")]
    no_policy: bool,
}

/// A policy, and where it came from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) policy: Policy,
    /// The path and the text of its file; `None` for the built-in one.
    pub(crate) file: Option<(String, String)>,
}

impl Found {
    /// The head of a report by a checker that has this policy.
    pub(crate) fn head(&self, checker: &Checker) -> Head {
        let head = Head::new(checker);
        match &self.file {
            Some((path, text)) => head.with_policy(path, text),
            None => head,
        }
    }
}

impl PolicyArguments {
    /// Reads the policy. What is wrong with it has been said when this is an outcome.
    pub(crate) fn read(&self) -> Result<Found, Outcome> {
        let path = match &self.policy {
            Some(path) => path.clone(),
            None if self.is_implied() => FILE_NAME.into(),
            None => return Ok(Found::default()),
        };
        let (found, doubts) = read(&path)?;
        say_doubts(&path, &doubts);
        Ok(found)
    }

    /// The policy of the working directory, if nobody said that it is theirs.
    pub(crate) fn is_implied(&self) -> bool {
        // One that cannot be looked at is there: reading it will say what is wrong.
        let is_there = || Path::new(FILE_NAME).try_exists().unwrap_or(true);
        self.policy.is_none() && !self.no_policy && is_there()
    }
}

fn read(path: &Path) -> Result<(Found, Vec<Mistake>), Outcome> {
    let name = path.to_string_lossy().into_owned();
    let text = match Policy::read_text(path) {
        Ok(text) => text,
        Err(error) => {
            output::report(&name, &error);
            return Err(if error.io_error().is_some() { Outcome::Io } else { Outcome::Usage });
        }
    };
    match Policy::from_toml(&text, &name) {
        Ok((policy, doubts)) => Ok((Found { policy, file: Some((name, text)) }, doubts)),
        Err((mistakes, doubts)) => {
            say_doubts(path, &doubts);
            for line in mistakes.to_string().lines() {
                output::say(&format!("error[policy-syntax]: {line}\n"));
            }
            output::say(&format!("  hint: {}\n", skops_rs::Code::PolicySyntax.hint()));
            Err(Outcome::Usage)
        }
    }
}

fn say_doubts(path: &Path, doubts: &[Mistake]) {
    let name = shown_path(&path.to_string_lossy());
    for Mistake { line, column, message, .. } in doubts {
        output::say(&format!("warning: {name}:{line}:{column}: {message}\n"));
    }
}

/// Write a policy for `check`, or check one
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Init),
    Check(Check),
}

/// Write a commented start of a policy, from models
///
/// Names in the models that are not trusted are written as comments, to be decided about one by one; names of trees,
/// neighbours and sparse matrices are allowed in files whose contents pass every check.
#[derive(Debug, Args)]
struct Init {
    /// Write to this file, which must not exist, instead of standard output
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Allow all names that are in the models, for models that you have made yourself
    #[arg(long)]
    allow_found: bool,
    /// Models, or folders of them
    #[arg(value_name = "PATH")]
    models: Vec<PathBuf>,
}

/// Check a policy: that it can be read, and with models, that it has no allowance which none of them needs
#[derive(Debug, Args)]
struct Check {
    /// End with exit code 1 when there are warnings
    #[arg(long)]
    exit_code: bool,
    /// The policy
    #[arg(value_name = "POLICY", default_value = FILE_NAME)]
    policy: PathBuf,
    /// Models, or folders of them, that the policy is for
    #[arg(value_name = "PATH")]
    models: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<Outcome> {
    match &arguments.command {
        Command::Init(init) => init.run(),
        Command::Check(check) => check.run(),
    }
}

impl Init {
    fn run(&self) -> io::Result<Outcome> {
        let mut draft = Draft::default();
        draft.allow_found = self.allow_found;
        let mut worst = Outcome::Done;
        for input in Finder::default().find(self.models.iter().cloned()).inputs {
            let name = input.path.to_string_lossy().into_owned();
            let audit = Archive::open_with(&input.path, Limits::default())
                .and_then(|archive| archive.schema()?.audit());
            match audit {
                Ok(audit) => draft.add(&name, &audit),
                Err(error) => {
                    output::report(&name, &error);
                    worst = worst.max(outcome(&error));
                }
            }
        }
        if worst > Outcome::Done {
            return Ok(worst);
        }
        let Some(path) = &self.output else {
            let mut out = output::stdout();
            write!(out, "{draft}")?;
            out.flush()?;
            return Ok(Outcome::Done);
        };
        let name = path.to_string_lossy();
        if path.exists() {
            return Ok(output::usage(&format!(
                "{} is there already; remove it, or write elsewhere",
                shown_path(&name)
            )));
        }
        let write = || {
            let mut whole = Whole::create(path)?;
            write!(whole, "{draft}")?;
            whole.finish()
        };
        Ok(write().map_or_else(
            |error| {
                output::report(&name, &Error::cannot("write the policy", error));
                Outcome::Io
            },
            |()| Outcome::Done,
        ))
    }
}

impl Check {
    fn run(&self) -> io::Result<Outcome> {
        let (found, mut doubts) = match read(&self.policy) {
            Ok(read) => read,
            Err(outcome) => return Ok(outcome),
        };
        doubts.extend(found.policy.broad_allowances());
        let mut worst = Outcome::Done;
        let checker = Checker::new(found.policy).without_hash();
        if !self.models.is_empty() {
            let inputs = Finder::default().find(self.models.iter().cloned()).inputs;
            checker.run(&inputs, &Pace::default(), |verdict| {
                if verdict.outcome > Judged::Deny {
                    for finding in &verdict.findings {
                        output::say(&format!(
                            "error[{}]: {}: {}\n",
                            finding.code,
                            shown_path(&verdict.path),
                            finding.message
                        ));
                    }
                    worst = worst.max(super::outcome_of(verdict.outcome));
                }
                Ok(())
            })?;
            doubts.extend(checker.unused_mistakes());
        }
        doubts.sort_by_key(|doubt| (doubt.line, doubt.column));
        say_doubts(&self.policy, &doubts);
        if self.exit_code && !doubts.is_empty() {
            worst = worst.max(Outcome::Findings);
        }
        let policy = checker.policy();
        let mut out = output::stdout();
        let name = shown_path(&self.policy.to_string_lossy());
        let (allowed, denied, warnings) = (policy.allowed.len(), policy.denied.len(), doubts.len());
        writeln!(
            out,
            "{name}: {allowed} allowances (presets included), {denied} denials, {warnings} warnings"
        )?;
        out.flush()?;
        Ok(worst)
    }
}
