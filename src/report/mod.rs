//! What `skops-rs untrusted-types --format json` says, as types that serialize.
//!
//! The JSON is described by `schemas/untrusted-types.schema.json`. Names come out as they are: they are ASCII. All
//! other text of a file is escaped and cut; JSON pointers are exact, unless they have more than 8 KiB.

#[cfg(feature = "gate")]
pub mod check;
mod json;
mod list;

pub(crate) use json::write_json_with;
pub use json::{write_json, write_json_line};
pub use list::{JsonList, Listed, Row, Rows};

use serde::Serialize;

use crate::audit::{Audit, Reference};
use crate::error::{Error, Location, Place};
use crate::inspect::{Arrays, Items};
use crate::text::shown;
use crate::trust::{TrustList, reason};

/// The reports of several files. All of them take memory at once, unless `F` is something that makes them while it is written.
#[derive(Debug, Default, Serialize)]
pub struct UntrustedTypes<F = Vec<FileReport>> {
    /// One report for each file, in the order of the arguments.
    pub files: F,
}

/// The tree of one file, and what was found in it. `schemas/inspect.schema.json` describes the JSON.
#[derive(Serialize)]
pub struct Inspection<'a> {
    /// What was found; references are not listed.
    #[serde(flatten)]
    pub file: FileReport,
    /// The objects from the root down; none when the file was refused.
    #[serde(flatten)]
    pub items: JsonList<Items<'a>>,
}

impl<'a> Inspection<'a> {
    /// The first objects, as many as the limit `report-bytes` lets through. How many are left out is known, and the contents of all
    /// are checked, once it has been serialized.
    #[must_use]
    pub fn new(file: FileReport, items: Option<Listed<Items<'a>>>) -> Self {
        Self { file, items: JsonList::new(["items", "items_left_out"], items) }
    }
}

/// The arrays of one file. `schemas/arrays.schema.json` describes the JSON.
#[derive(Serialize)]
pub struct ArrayList<'a> {
    /// What was found; references are not listed.
    #[serde(flatten)]
    pub file: FileReport,
    /// The arrays in the order of the file; none when the file was refused.
    #[serde(flatten)]
    pub arrays: JsonList<Arrays<'a>>,
}

impl<'a> ArrayList<'a> {
    /// The first arrays, as many as the limit `report-bytes` lets through; the others are counted.
    #[must_use]
    pub fn new(file: FileReport, arrays: Option<Listed<Arrays<'a>>>) -> Self {
        Self { file, arrays: JsonList::new(["arrays", "arrays_left_out"], arrays) }
    }
}

/// What was found in one file.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct FileReport {
    /// The path as it was given.
    pub path: String,
    /// The short of it.
    pub verdict: FileState,
    /// The version of the format, if the file was read so far.
    pub protocol: Option<u8>,
    /// The release of skops that the file claims to come from, escaped and cut.
    pub skops_version: Option<String>,
    /// The release of scikit-learn that the file claims to come from, escaped and cut.
    pub sklearn_version: Option<String>,
    /// Names that are not trusted, sorted, each once.
    pub untrusted: Vec<String>,
    /// Every reference that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references: Option<Vec<ReferenceReport>>,
    /// Why the file was refused or could not be read.
    pub error: Option<ErrorReport>,
}

/// The short of a file's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FileState {
    /// All names are trusted.
    Clean,
    /// Some names are not.
    Untrusted,
    /// The file was refused or could not be read; what it refers to is not known.
    Refused,
}

/// A name, under one loader and in one role.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ReferenceReport {
    /// The name.
    pub name: String,
    /// What skops does with it: `instantiate`, `call`, `reference` or `attribute`.
    pub role: &'static str,
    /// The class of skops that does it.
    pub loader: &'static str,
    /// Whether it is trusted.
    pub trusted: bool,
    /// What to know before trusting it, where that is not obvious.
    pub reason: Option<&'static str>,
    /// Where it is referred to.
    pub places: Vec<Place>,
    /// How many places were left out because the report would have become too large.
    #[serde(skip_serializing_if = "is_zero")]
    pub places_left_out: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Why a file was refused or could not be read.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ErrorReport {
    /// The stable code.
    pub code: &'static str,
    /// What was found and what is allowed.
    pub message: String,
    /// Where it was found. What does not apply is null.
    pub at: Location,
}

impl From<&Error> for ErrorReport {
    fn from(error: &Error) -> Self {
        Self { code: error.code().as_str(), message: error.to_string(), at: error.at().cut() }
    }
}

/// Which references a report lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// None: only the names that are not trusted.
    Nothing,
    /// Those that are not trusted, with their places.
    Untrusted,
    /// All of them, with their places.
    All,
}

impl FileReport {
    /// Reports what an audit found.
    #[must_use]
    pub fn audited(path: String, audit: &Audit, trust: &TrustList, list: List) -> Self {
        let untrusted: Vec<_> = audit.untrusted(trust).into_iter().map(ToString::to_string).collect();
        let schema = audit.schema();
        Self {
            path,
            verdict: if untrusted.is_empty() { FileState::Clean } else { FileState::Untrusted },
            protocol: Some(schema.protocol()),
            skops_version: schema.skops_version().map(|version| shown(version).to_string()),
            sklearn_version: schema.sklearn_version().map(|version| shown(&version).to_string()),
            untrusted,
            references: references(audit, trust, list),
            error: None,
        }
    }

    /// Reports why a file was refused or could not be read.
    #[must_use]
    pub fn refused(path: String, error: &Error) -> Self {
        Self {
            path,
            verdict: FileState::Refused,
            protocol: None,
            skops_version: None,
            sklearn_version: None,
            untrusted: Vec::new(),
            references: None,
            error: Some(error.into()),
        }
    }
}

fn references(audit: &Audit, trust: &TrustList, list: List) -> Option<Vec<ReferenceReport>> {
    let is_listed = |reference: &Reference<'_>| list == List::All || !reference.is_trusted(trust);
    let mut left = audit.report_bytes();
    (list != List::Nothing).then(|| {
        let listed = audit.references().filter(is_listed);
        listed.map(|reference| report(reference, trust, &mut left)).collect()
    })
}

/// Reports a reference; its places must fit into the bytes that are left.
fn report(reference: Reference<'_>, trust: &TrustList, left: &mut u64) -> ReferenceReport {
    let places = reference.places_within(left);
    ReferenceReport {
        name: reference.name().to_string(),
        role: reference.role().as_str(),
        loader: reference.loader().as_str(),
        trusted: reference.is_trusted(trust),
        reason: reason(reference.name()),
        places_left_out: reference.place_count().saturating_sub(places.len()),
        places,
    }
}
