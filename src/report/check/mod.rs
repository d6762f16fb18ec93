//! Verdicts, written down: for people, for programs, and for the places where pipelines show what they found.
//!
//! ```
//! use std::sync::Arc;
//! use skops_rs::check::{Checker, Summary};
//! use skops_rs::policy::Policy;
//! use skops_rs::report::check::{Format, Head, Writer};
//!
//! let checker = Checker::new(Policy::default());
//! let mut writer = Writer::new(Format::JsonLines, Head::new(&checker), Vec::new());
//! let mut summary = Summary::default();
//! let verdict = Arc::new(checker.check("fixtures/example.skops"));
//! summary.count(&verdict);
//! writer.add(&verdict)?;
//! let text = writer.finish(&summary, &checker)?;
//! assert!(text.starts_with(b"{\"path\":"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Text of a file is escaped and cut before it gets here; paths, which whoever uploads may choose as well, are escaped
//! here, for each format by its own rules. A line of output never starts with text of either, and what the runner of
//! GitHub Actions takes for a command (`::` at the start of a line, `##[` anywhere in it) is never written as such.

mod github;
mod junit;
mod markdown;
mod sarif;
mod text;

use std::io::{self, Write};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::check::{Checker, Level, Outcome, Sha256, Summary, Verdict};
use crate::policy::Allowance;
use crate::text::harmless;

/// How verdicts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// For people: what did not pass, and a line that sums up.
    Text,
    /// One JSON value; `schemas/check.schema.json` describes it.
    Json,
    /// One JSON value a line for each file, as soon as it was judged; `schemas/check.schema.json`, `#/$defs/file`, describes it.
    JsonLines,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for test reports: a test case for each file.
    Junit,
    /// Workflow commands of GitHub Actions, which become annotations.
    GitHub,
    /// A summary for a pull request.
    Markdown,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] =
        &[Self::Text, Self::Json, Self::JsonLines, Self::Sarif, Self::Junit, Self::GitHub, Self::Markdown];

    /// The name that the command line takes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::JsonLines => "jsonl",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::GitHub => "github",
            Self::Markdown => "markdown",
        }
    }

    /// The format with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.as_str() == name)
    }

    /// The format that files with this ending usually have.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension {
            "txt" | "log" => Some(Self::Text),
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "sarif" => Some(Self::Sarif),
            "xml" => Some(Self::Junit),
            "md" => Some(Self::Markdown),
            _ => None,
        }
    }
}

/// What a report says before its first verdict: who judged, and by what.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Head {
    /// `skops-rs`.
    pub tool: &'static str,
    /// The release that judged.
    pub version: &'static str,
    /// How deep it looked.
    pub level: Level,
    /// The policy file; `None` for the default policy, or one made in code.
    pub policy: Option<String>,
    /// SHA-256 of the policy file.
    pub policy_sha256: Option<Sha256>,
}

impl Head {
    /// The head of a report by this checker.
    #[must_use]
    pub fn new(checker: &Checker) -> Self {
        Self {
            tool: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            level: checker.level(),
            policy: None,
            policy_sha256: None,
        }
    }

    /// Names the policy file.
    #[must_use]
    pub fn with_policy(mut self, path: &str, text: &str) -> Self {
        self.policy = Some(path.to_owned());
        self.policy_sha256 = Some(Sha256::of(text.as_bytes()));
        self
    }
}

/// Everything that a report says.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    #[serde(flatten)]
    pub(crate) head: &'a Head,
    /// In the order of the inputs.
    #[serde(serialize_with = "verdicts")]
    pub(crate) files: &'a [Arc<Verdict>],
    /// How many more files there are.
    #[serde(rename = "files_left_out", serialize_with = "count", skip_serializing_if = "is_nothing")]
    pub(crate) left_out: &'a Summary,
    /// Allowances that are about more than one name.
    pub(crate) broad_allowances: Vec<AllowanceReport>,
    /// Allowances that no file has needed.
    pub(crate) unused_allowances: Vec<AllowanceReport>,
    pub(crate) summary: &'a Summary,
}

fn verdicts<S: Serializer>(files: &[Arc<Verdict>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(files.iter().map(|verdict| &**verdict))
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn count<S: Serializer>(left_out: &&Summary, serializer: S) -> Result<S::Ok, S::Error> {
    left_out.files.serialize(serializer)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_nothing(left_out: &&Summary) -> bool {
    left_out.files == 0
}

/// What became of the files that are left out: `2 more files are left out here: 1 passed, 1 denied`.
fn left_out_text(left_out: &Summary) -> String {
    let counts = [
        (left_out.pass, "passed"),
        (left_out.deny, "denied"),
        (left_out.refused, "refused"),
        (left_out.error, "not readable"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let are = if left_out.files == 1 { "file is" } else { "files are" };
    format!("{} more {are} left out here: {}", left_out.files, counts.join(", "))
}

/// An allowance of the policy.
#[derive(Debug, Serialize)]
pub(crate) struct AllowanceReport {
    pub(crate) name: String,
    pub(crate) line: Option<usize>,
}

impl From<&Allowance> for AllowanceReport {
    fn from(allowance: &Allowance) -> Self {
        Self { name: allowance.pattern.to_string(), line: allowance.line }
    }
}

/// Writes verdicts in one format. Text, JSON Lines and GitHub's commands are written at once; the other formats say
/// first how many there are, so verdicts are kept until the end.
pub struct Writer<W> {
    format: Format,
    head: Head,
    kept: Vec<Arc<Verdict>>,
    room: Room,
    /// What the verdicts come to that are not kept.
    left_out: Summary,
    out: W,
}

/// Verdicts that are kept hold about this many bytes at most, and a quarter more of files that do not pass: of each file
/// they hold little, but there may be very many files.
const MOST_KEPT: usize = 256 << 20;

/// How many bytes of verdicts may still be kept.
struct Room {
    /// As they are.
    whole: usize,
    /// Then of files that do not pass, with the first finding only: what passes hides none of them.
    failed: usize,
}

impl Room {
    fn new(bytes: usize) -> Self {
        Self { whole: bytes, failed: bytes / 4 }
    }

    /// The verdict as there is room for it; `None` if there is none.
    fn take(&mut self, verdict: &Arc<Verdict>) -> Option<Arc<Verdict>> {
        if is_taken(&mut self.whole, verdict) {
            return Some(Arc::clone(verdict));
        }
        if verdict.outcome == Outcome::Pass {
            return None;
        }
        // Reports share what is not copied.
        let short = if verdict.is_short() { Arc::clone(verdict) } else { Arc::new(verdict.in_short()) };
        is_taken(&mut self.failed, &short).then_some(short)
    }
}

/// Takes the room of a verdict, if there is any left.
fn is_taken(room: &mut usize, verdict: &Verdict) -> bool {
    *room = room.saturating_sub(verdict.bytes());
    *room > 0
}

impl<W: Write> Writer<W> {
    /// A report that starts with `head`, to be written to `out`.
    pub fn new(format: Format, head: Head, out: W) -> Self {
        let (room, left_out) = (Room::new(MOST_KEPT), Summary::default());
        Self { format, head, kept: Vec::new(), room, left_out, out }
    }

    /// Keeps about this many bytes of verdicts until the end, instead of 256 MiB, and a quarter more of files that do not
    /// pass, with their first finding only. Further files are counted.
    #[must_use]
    pub fn keeping(mut self, bytes: usize) -> Self {
        self.room = Room::new(bytes);
        self
    }

    /// Adds the next verdict.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, verdict: &Arc<Verdict>) -> io::Result<()> {
        match self.format {
            Format::Text => text::write(&mut self.out, verdict),
            Format::JsonLines => super::write_json_line(&mut self.out, &**verdict),
            Format::GitHub => github::write(&mut self.out, verdict),
            _ => {
                self.keep(verdict);
                Ok(())
            }
        }
    }

    /// Keeps a verdict, or, once all of them take too much memory, what it comes to.
    fn keep(&mut self, verdict: &Arc<Verdict>) {
        match self.room.take(verdict) {
            Some(kept) => self.kept.push(kept),
            None => self.left_out.count(verdict),
        }
    }

    /// Writes what comes after the last verdict, and gives back what was written to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, summary: &Summary, checker: &Checker) -> io::Result<W> {
        let broad = checker.policy().allowed.iter().filter(|allowance| allowance.pattern.is_broad());
        let report = Report {
            head: &self.head,
            files: &self.kept,
            left_out: &self.left_out,
            broad_allowances: broad.map(Into::into).collect(),
            // A preset is allowed as a whole, and seldom needed as a whole.
            unused_allowances: checker
                .unused()
                .filter(|allowance| allowance.preset.is_none())
                .map(Into::into)
                .collect(),
            summary,
        };
        let out = &mut self.out;
        match self.format {
            Format::Text => text::write_end(out, &report)?,
            Format::Json => super::write_json(&mut *out, &report)?,
            Format::Sarif => sarif::write(out, &report)?,
            Format::Junit => junit::write(out, &report)?,
            Format::Markdown => markdown::write(out, &report)?,
            Format::GitHub => github::write_end(out, &report)?,
            Format::JsonLines => {}
        }
        out.flush()?;
        Ok(self.out)
    }
}

/// What became of a file, in a few words that go on after its name.
fn short(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "passes, with warnings",
        Outcome::Deny => "denied by the policy",
        Outcome::Refused => "refused",
        Outcome::Error => "could not be checked",
    }
}
