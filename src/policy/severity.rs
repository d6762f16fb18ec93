//! What a finding does to a verdict.

use std::fmt;

use serde::Serialize;

use crate::error::{Blame, Code};

/// What a finding does to the verdict of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing, and it is not reported.
    Allow,
    /// Nothing, but it is reported.
    Warn,
    /// The file does not pass.
    Deny,
}

impl Severity {
    /// Every severity.
    pub const ALL: &'static [Self] = &[Self::Allow, Self::Warn, Self::Deny];

    /// The name that a policy file and reports have.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }

    /// The severity with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|severity| severity.as_str() == name)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The codes whose severity a policy sets, and what it is otherwise. All others are denied: a file that can be read in
/// two ways, or not safely, is not the keeper of a policy's to accept, nor is a name that the policy denies.
const ADJUSTABLE: &[(Code, Severity)] = &[
    (Code::UntrustedTypes, Severity::Deny),
    (Code::SklearnVersion, Severity::Deny),
    (Code::SkopsVersion, Severity::Deny),
    (Code::ProtocolVersion, Severity::Deny),
    (Code::RootType, Severity::Deny),
    (Code::UnusedArray, Severity::Warn),
    (Code::MlflowClaim, Severity::Warn),
    (Code::MlflowCode, Severity::Deny),
    (Code::NoModels, Severity::Deny),
];

/// The severity of each code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Severities(Vec<(Code, Severity)>);

impl Default for Severities {
    fn default() -> Self {
        Self(ADJUSTABLE.to_vec())
    }
}

impl Severities {
    /// The codes whose severity can be set, with what it is.
    pub fn list(&self) -> impl Iterator<Item = (Code, Severity)> {
        self.0.iter().copied()
    }

    /// The severity of a code.
    #[must_use]
    pub fn of(&self, code: Code) -> Severity {
        self.0
            .iter()
            .find(|(adjustable, _)| *adjustable == code)
            .map_or(Severity::Deny, |(_, severity)| *severity)
    }

    /// Sets the severity of a code.
    ///
    /// # Errors
    /// Why that cannot be, in words.
    pub fn set(&mut self, code: Code, severity: Severity) -> Result<(), &'static str> {
        if let Some((_, own)) = self.0.iter_mut().find(|(adjustable, _)| *adjustable == code) {
            *own = severity;
            return Ok(());
        }
        Err(match code.blame() {
            Blame::Malformed | Blame::Hostile | Blame::Limit | Blame::Unsupported | Blame::Invariant => {
                "it makes a file ambiguous or unsafe to read, so it is always denied"
            }
            Blame::Policy => "it is always denied",
            _ => "it is no finding in a file",
        })
    }
}
