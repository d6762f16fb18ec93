//! What a check comes to: for one file, and for all of them.

use serde::Serialize;

use super::digest::Sha256;
use super::finding::{Finding, is_zero};
use crate::error::{Blame, Code};
use crate::policy::Severity;

/// The short of a verdict, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// The policy lets the file through. There may be warnings.
    Pass,
    /// The file was read, and the policy does not let it through.
    Deny,
    /// The file is malformed, ambiguous, hostile, over a limit, or its contents break a rule.
    Refused,
    /// The file could not be read.
    Error,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &'static [Self] = &[Self::Pass, Self::Deny, Self::Refused, Self::Error];

    /// The word that reports have.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Deny => "deny",
            Self::Refused => "refused",
            Self::Error => "error",
        }
    }

    /// The exit code of the command line: 0, 1, 3 or 4.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Deny => 1,
            Self::Refused => 3,
            Self::Error => 4,
        }
    }

    /// What a finding that is denied makes of its file.
    fn of(code: Code) -> Self {
        match code.blame() {
            Blame::Policy | Blame::Untrusted => Self::Deny,
            Blame::Io | Blame::Caller => Self::Error,
            _ => Self::Refused,
        }
    }
}

/// What was found in one file.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Verdict {
    /// The path as it was given, or found in a folder.
    pub path: String,
    /// The short of it.
    #[serde(rename = "verdict")]
    pub outcome: Outcome,
    /// SHA-256 of the bytes that were checked, in lower-case hexadecimal; `None` when the file could not be read, or
    /// nobody asked.
    pub sha256: Option<Sha256>,
    /// How many bytes they are.
    pub size: Option<u64>,
    /// The version of the format, if the file was read so far.
    pub protocol: Option<u8>,
    /// The release of skops that the file claims to come from, escaped and cut.
    pub skops_version: Option<String>,
    /// The releases of scikit-learn that its objects claim to come from, escaped and cut; the first few.
    pub sklearn_versions: Vec<String>,
    /// The type of the object that was saved.
    pub root_type: Option<String>,
    /// Whether the contents passed every check of the level `verify`.
    pub verified: bool,
    /// What is not as it should be, the worst first.
    pub findings: Vec<Finding>,
    /// How many more findings there are.
    pub findings_left_out: usize,
    /// What the MLflow models say that have this file loaded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mlflow: Vec<ClaimReport>,
    /// Where the bytes that were checked have been published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
}

/// What an MLflow model claims to be trusted in its file, beside what the policy trusts and what the file names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClaimReport {
    /// The `MLmodel` file.
    pub path: String,
    /// What it claims to be trusted (`skops_trusted_types`), escaped and cut.
    pub claimed: Vec<String>,
    /// Those that the policy does not trust.
    pub not_trusted: Vec<String>,
    /// Those that the file does not name.
    pub not_named: Vec<String>,
    /// How many more it claims to be trusted, which are left out above.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

impl ClaimReport {
    /// Adds a claim, if there is room for it.
    pub(super) fn add(&mut self, claimed: String, is_trusted: bool, is_named: bool, room: &mut usize) {
        if *room == 0 {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        *room = room.saturating_sub(claimed.len().saturating_add(24));
        if !is_trusted {
            self.not_trusted.push(claimed.clone());
        }
        if !is_named {
            self.not_named.push(claimed.clone());
        }
        self.claimed.push(claimed);
    }
}

impl Verdict {
    /// A verdict on a file of which nothing is known.
    pub(super) fn new(path: String) -> Self {
        Self {
            path,
            outcome: Outcome::Pass,
            sha256: None,
            size: None,
            protocol: None,
            skops_version: None,
            sklearn_versions: Vec::new(),
            root_type: None,
            verified: false,
            findings: Vec::new(),
            findings_left_out: 0,
            mlflow: Vec::new(),
            published: None,
        }
    }

    /// A verdict with one finding.
    pub(super) fn with(path: String, finding: Finding) -> Self {
        let mut findings = Findings::default();
        findings.push(finding);
        let mut verdict = Self::new(path);
        verdict.conclude(findings);
        verdict
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let names =
            self.mlflow.iter().flat_map(|claim| [&claim.claimed, &claim.not_trusted, &claim.not_named]);
        let names = names.flatten().map(|name| name.len().saturating_add(24));
        let findings = self.findings.iter().map(Finding::bytes);
        let claims = self.mlflow.iter().map(|claim| claim.path.len());
        let known = [&self.skops_version, &self.root_type, &self.published].into_iter().flatten();
        let known = known.chain(&self.sklearn_versions).map(String::len);
        // SARIF holds the path once more, as a URI.
        let path = self.path.len().saturating_mul(2);
        names.chain(findings).chain(claims).chain(known).chain([path]).fold(512, usize::saturating_add)
    }

    /// Whether there is nothing to be left out of it.
    pub(crate) fn is_short(&self) -> bool {
        self.findings.len() <= 1 && self.mlflow.is_empty()
    }

    /// The same with its first finding only; the others are counted.
    pub(crate) fn in_short(&self) -> Self {
        let findings: Vec<_> = self.findings.iter().take(1).cloned().collect();
        let left_out = self.findings.len().saturating_sub(findings.len());
        Self {
            findings,
            findings_left_out: self.findings_left_out.saturating_add(left_out),
            mlflow: Vec::new(),
            ..self.clone()
        }
    }

    /// Adds what was found later.
    pub(super) fn add(&mut self, finding: Finding) {
        self.outcome = self.outcome.max(Outcome::of(finding.code));
        #[expect(clippy::disallowed_methods, reason = "there is always a first place")]
        self.findings.insert(0, finding);
        self.findings.shrink_to_fit();
    }

    /// Draws the conclusion from what was found.
    pub(super) fn conclude(&mut self, findings: Findings) {
        self.outcome = findings.worst;
        self.findings_left_out = findings.left_out;
        self.findings = findings.list;
        self.findings.sort_by_key(|finding| std::cmp::Reverse((finding.severity, Outcome::of(finding.code))));
        // A list starts with room for four, and verdicts of very many files may be kept.
        self.findings.shrink_to_fit();
    }
}

/// Collects findings; once they take too much room, only what they come to.
#[derive(Debug)]
pub(super) struct Findings {
    list: Vec<Finding>,
    left_out: usize,
    worst: Outcome,
    /// For warnings, and for what is denied: neither takes the other's.
    room: [usize; 2],
}

/// Findings of one file take about twice this many bytes at most, and so do claims; the others are counted.
pub(super) const MOST_BYTES: usize = 128 << 10;

impl Default for Findings {
    fn default() -> Self {
        Self { list: Vec::new(), left_out: 0, worst: Outcome::Pass, room: [MOST_BYTES; 2] }
    }
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        let Finding { code, severity, .. } = finding;
        self.push_with(code, severity, || finding);
    }

    /// Adds a finding that is only made if there is room for it.
    pub(super) fn push_with(&mut self, code: Code, severity: Severity, make: impl FnOnce() -> Finding) {
        match severity {
            Severity::Allow => return,
            Severity::Warn => {}
            Severity::Deny => self.worst = self.worst.max(Outcome::of(code)),
        }
        let [warnings, denied] = &mut self.room;
        let room = if severity == Severity::Deny { denied } else { warnings };
        if *room == 0 {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let finding = make();
        *room = room.saturating_sub(finding.bytes());
        self.list.push(finding);
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Finding> {
        self.list.iter_mut()
    }
}

/// What all verdicts come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Files that were checked.
    pub files: usize,
    /// Those that the policy lets through, with or without warnings.
    pub pass: usize,
    /// Those that it does not.
    pub deny: usize,
    /// Those that are malformed, ambiguous, hostile, over a limit, or whose contents break a rule.
    pub refused: usize,
    /// Those that could not be read.
    pub error: usize,
    /// Those that pass, with warnings.
    pub warned: usize,
    /// Files in folders that are no models, and were left alone.
    pub skipped: usize,
    /// Files that were not checked because one before them did not pass.
    pub not_checked: usize,
    /// Bytes that were checked.
    pub bytes: u64,
}

impl Summary {
    /// Counts a verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        let field = match verdict.outcome {
            Outcome::Pass => &mut self.pass,
            Outcome::Deny => &mut self.deny,
            Outcome::Refused => &mut self.refused,
            Outcome::Error => &mut self.error,
        };
        *field = field.saturating_add(1);
        self.files = self.files.saturating_add(1);
        self.bytes = self.bytes.saturating_add(verdict.size.unwrap_or(0));
        if verdict.outcome == Outcome::Pass && !verdict.findings.is_empty() {
            self.warned = self.warned.saturating_add(1);
        }
    }

    /// The worst outcome of all.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self { error: 1.., .. } => Outcome::Error,
            Self { refused: 1.., .. } => Outcome::Refused,
            Self { deny: 1.., .. } => Outcome::Deny,
            _ => Outcome::Pass,
        }
    }
}
