//! The command line, one file a command. It is a thin user of the library: what it can do, a program can.

mod arrays;
#[cfg(feature = "gate")]
mod check;
mod completions;
mod export;
mod inspect;
mod options;
mod output;
#[cfg(feature = "gate")]
mod policy;
#[cfg(feature = "serve")]
mod serve;
mod untrusted_types;
mod whole;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use skops_rs::text::shown_path;

/// How a command ended, from best to worst. With several files, the worst of them counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Done.
    Done = 0,
    /// Something was found that the caller asked to be told by exit code, or that keeps a model from being built.
    Findings = 1,
    /// The arguments do not go together. What is wrong with each by itself, clap says.
    Usage = 2,
    /// A file was refused.
    Refused = 3,
    /// A file or the output could not be read or written.
    Io = 4,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome as u8)
    }
}

/// How a command ends that judged files.
#[cfg(feature = "gate")]
pub(crate) fn outcome_of(judged: skops_rs::check::Outcome) -> Outcome {
    use skops_rs::check::Outcome as Judged;
    match judged {
        Judged::Pass => Outcome::Done,
        Judged::Deny => Outcome::Findings,
        Judged::Error => Outcome::Io,
        _ => Outcome::Refused,
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done; for `untrusted-types` whatever was found, unless --exit-code is given
  1  findings: for `check`, what the policy does not let through; with --exit-code, a name that is not trusted;
     for `export`, whenever one is not
  2  usage: an argument or the policy is wrong
  3  a file was refused: it is malformed, ambiguous, hostile, over a limit, or its contents break a rule
  4  input or output failed
With several files, the highest of theirs. A closed pipe is success, but for `check`, whose verdict stands.";

/// Read scikit-learn models in the .skops format without Python: say which types a file refers to, and refuse what
/// cannot be read in one way only
#[derive(Debug, Parser)]
#[command(name = "skops-rs", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    UntrustedTypes(untrusted_types::Arguments),
    Inspect(inspect::Arguments),
    Arrays(arrays::Arguments),
    Export(export::Arguments),
    #[cfg(feature = "gate")]
    Check(check::Arguments),
    #[cfg(feature = "gate")]
    Policy(policy::Arguments),
    #[cfg(feature = "serve")]
    Serve(Box<serve::Arguments>),
    Completions(completions::CompletionArguments),
    Man(completions::ManArguments),
}

/// The arguments. What is wrong with them is said of the arguments as they are shown: a script may pass names that others
/// chose.
fn arguments() -> Result<Cli, Outcome> {
    let error = match Cli::try_parse() {
        Ok(arguments) => return Ok(arguments),
        Err(error) if error.use_stderr() => error,
        // Help, or the version.
        Err(error) => error.exit(),
    };
    let shown = std::env::args_os().map(|argument| shown_path(&argument.to_string_lossy()));
    match Cli::try_parse_from(shown) {
        Err(same) if same.kind() == error.kind() => same.exit(),
        _ => Err(output::usage("an argument has characters that it cannot have")),
    }
}

pub(crate) fn main() -> ExitCode {
    let command = match arguments() {
        Ok(Cli { command }) => command,
        Err(outcome) => return outcome.into(),
    };
    let result = match command {
        Command::UntrustedTypes(arguments) => untrusted_types::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Arrays(arguments) => arrays::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        #[cfg(feature = "gate")]
        Command::Check(arguments) => check::run(&arguments),
        #[cfg(feature = "gate")]
        Command::Policy(arguments) => policy::run(&arguments),
        #[cfg(feature = "serve")]
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Completions(arguments) => completions::complete(&arguments),
        Command::Man(arguments) => completions::man(&arguments),
    };
    output::end(result).into()
}
