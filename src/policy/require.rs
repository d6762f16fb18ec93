//! What a file must say of itself.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use super::pattern::Pattern;
use crate::text::shown;

/// What a file must say of itself. It is only what the file *says*: it finds old models, not forged ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirements {
    /// Releases of scikit-learn, for every estimator in the file that names one.
    pub sklearn_version: Option<VersionRange>,
    /// Releases of skops.
    pub skops_version: Option<VersionRange>,
    /// Versions of the format.
    pub protocol: Option<RangeInclusive<u8>>,
    /// Types of the object that was saved; any when empty.
    pub root_types: Vec<Pattern>,
}

/// Releases of a Python package, written as pip takes them: `>=1.3, <1.8`.
///
/// ```
/// let range: skops_rs::policy::VersionRange = ">=1.3, <1.8".parse().unwrap();
/// assert!(range.contains("1.7.2").is_ok());
/// assert!(range.contains("1.10").is_err()); // ten is more than eight
/// assert!(range.contains("newest").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange {
    text: String,
    specifiers: VersionSpecifiers,
}

/// No release has a longer name.
const VERSION_LENGTH: usize = 64;

impl VersionRange {
    /// The range as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a release is in the range.
    ///
    /// # Errors
    /// What it is instead, in words.
    pub fn contains(&self, version: &str) -> Result<(), String> {
        let parsed = (version.len() <= VERSION_LENGTH).then(|| Version::from_str(version));
        match parsed {
            Some(Ok(parsed)) if self.specifiers.contains(&parsed) => Ok(()),
            Some(Ok(_)) => Err(format!("{}, which is not in {}", shown(version), shown(&self.text))),
            _ => Err(format!("'{}', which is no version", shown(version))),
        }
    }
}

impl FromStr for VersionRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = "a range is written like \">=1.3, <1.8\", \"==1.5.*\" or \"~=1.4.2\"";
        match VersionSpecifiers::from_str(text) {
            Ok(specifiers) if !specifiers.is_empty() => Ok(Self { text: text.to_owned(), specifiers }),
            _ => Err(format!("{:?} is no range of versions: {usage}", shown(text).to_string())),
        }
    }
}

/// A range of protocols, written `1`, `1..2` or `1..`.
pub(super) fn parse_protocols(text: &str) -> Option<RangeInclusive<u8>> {
    let text = text.trim();
    let number = |text: &str, missing: u8| match text.trim() {
        "" => Some(missing),
        digits => digits.parse().ok(),
    };
    let (first, last) = match text.split_once("..") {
        Some((first, last)) if !(first.is_empty() && last.is_empty()) => {
            (number(first, 0)?, number(last, u8::MAX)?)
        }
        Some(_) => return None,
        None => (text.parse().ok()?, text.parse().ok()?),
    };
    (first <= last).then_some(first..=last)
}

impl Requirements {
    /// What is wrong with the releases of scikit-learn that a file names.
    pub(crate) fn sklearn_fault(&self, versions: &BTreeSet<String>) -> Option<String> {
        let range = self.sklearn_version.as_ref()?;
        if versions.is_empty() {
            return Some(format!(
                "no object in the file says from which release it comes, where {} is required",
                range.text
            ));
        }
        let faults: Vec<_> = versions.iter().filter_map(|version| range.contains(version).err()).collect();
        let first = faults.first()?;
        Some(match faults.len().saturating_sub(1) {
            0 => format!("the file comes from scikit-learn {first}"),
            more => format!(
                "the file comes from scikit-learn {first}, and from {more} other releases that are not"
            ),
        })
    }

    /// What is wrong with the release of skops that a file names.
    pub(crate) fn skops_fault(&self, version: Option<&str>) -> Option<String> {
        let range = self.skops_version.as_ref()?;
        match version {
            None => Some(format!(
                "the file does not say from which release of skops it comes, where {} is required",
                range.text
            )),
            Some(version) => {
                range.contains(version).err().map(|fault| format!("the file comes from skops {fault}"))
            }
        }
    }

    /// What is wrong with the protocol of a file.
    pub(crate) fn protocol_fault(&self, protocol: u8) -> Option<String> {
        let range = self.protocol.as_ref().filter(|range| !range.contains(&protocol))?;
        let (first, last) = (range.start(), range.end());
        let required = match *last {
            u8::MAX => format!("{first} or later"),
            last if last == *first => format!("{first}"),
            last => format!("{first} to {last}"),
        };
        Some(format!("the file is in protocol {protocol}, where {required} is required"))
    }
}
