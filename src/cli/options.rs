//! Options that several commands have, and how they become the library's.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use skops_rs::{Archive, Audit, Base, Code, Error, Limits, TrustList, TypeName};

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, and for tools that take one name a line.
    Text,
    /// For programs; see `schemas/` for what it looks like.
    Json,
}

/// Who is trusted.
#[derive(Debug, Args)]
pub(crate) struct TrustArguments {
    /// What is trusted before --trust adds to it: `skops-0.16` for what skops 0.16 trusts by default, `none` for nothing
    #[arg(long, value_name = "BASE", default_value_t = Base::Skops016, value_parser = parse_base)]
    base: Base,
    /// Trust this name, wherever it is referred to; may be given several times
    #[arg(long = "trust", value_name = "NAME", value_parser = parse_name)]
    names: Vec<TypeName>,
}

impl TrustArguments {
    pub(crate) fn list(&self) -> TrustList {
        self.names.iter().cloned().fold(TrustList::new(self.base), TrustList::allow_name)
    }
}

/// How much a file may ask for.
#[derive(Debug, Args)]
pub(crate) struct LimitArguments {
    /// Set a limit, such as `schema-bytes=67108864`; may be given several times. docs/limits.md lists them
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = parse_limit)]
    limits: Vec<(String, u64)>,
}

impl LimitArguments {
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for (name, value) in &self.limits {
            // Parsing has tried it already.
            let _ = limits.set(name, *value);
        }
        limits
    }
}

fn parse_base(text: &str) -> Result<Base, String> {
    text.parse()
        .map_err(|_: Error| format!("there is no such base; use {} or {}", Base::Skops016, Base::None))
}

fn parse_name(text: &str) -> Result<TypeName, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

fn parse_limit(text: &str) -> Result<(String, u64), String> {
    let usage = || "give a limit as NAME=NUMBER, such as schema-bytes=67108864".to_owned();
    let (name, number) = text.split_once('=').ok_or_else(usage)?;
    let number = number.parse().map_err(|_| usage())?;
    let mut limits = Limits::default();
    match limits.set(name, number) {
        Ok(()) => Ok((name.to_owned(), number)),
        Err(error) => {
            let names: Vec<_> = limits.list().iter().map(|(name, ..)| *name).collect();
            Err(format!("{}; the limits are {}", error.found(), names.join(", ")))
        }
    }
}

/// A file to read: a path, or `-` for standard input.
#[derive(Debug, Clone)]
pub(crate) struct Input(pub(crate) PathBuf);

impl From<OsString> for Input {
    fn from(path: OsString) -> Self {
        Self(path.into())
    }
}

impl Input {
    /// The path as text, for reports.
    pub(crate) fn name(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    pub(crate) fn audit(&self, limits: Limits) -> Result<Audit, Error> {
        let archive = if self.0.as_os_str() == "-" {
            Archive::from_stream(io::stdin().lock(), limits)?
        } else {
            Archive::open_with(&self.0, limits)?
        };
        archive.schema()?.audit()
    }
}

/// What commands that look at one file take.
#[derive(Debug, Args)]
pub(crate) struct OneFile {
    #[command(flatten)]
    pub(crate) trust: TrustArguments,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    /// How to print
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// File to read; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: Input,
}

impl OneFile {
    pub(crate) fn audit(&self) -> Result<Audit, Error> {
        self.file.audit(self.limits.limits())
    }
}

/// How a file's error ends the command.
pub(crate) fn outcome(error: &Error) -> super::Outcome {
    match error.code() {
        Code::Io => super::Outcome::Io,
        Code::UntrustedTypes => super::Outcome::Findings,
        _ => super::Outcome::Refused,
    }
}
