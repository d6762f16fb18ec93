//! What a policy says of a name.

use super::pattern::Pattern;
use super::preset::Preset;
use crate::audit::{Reference, Role};
use crate::schema::Loader;

/// A name, or all names below a module, that may be in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allowance {
    /// The names.
    pub pattern: Pattern,
    /// Only in this role; in any when `None`.
    pub role: Option<Role>,
    /// Only under this loader; under any when `None`.
    pub loader: Option<Loader>,
    /// Only in a file whose contents pass every check of [`Audit::verify`](crate::Audit::verify).
    pub if_verified: bool,
    /// Why it is allowed, for whoever reads a report.
    pub reason: Option<String>,
    /// The preset that it comes from.
    pub preset: Option<Preset>,
    /// Where in the policy file it stands.
    pub line: Option<usize>,
}

impl Allowance {
    /// Allows the names in any role, under any loader, whatever the file holds besides.
    #[must_use]
    pub fn new(pattern: Pattern) -> Self {
        Self { pattern, role: None, loader: None, if_verified: false, reason: None, preset: None, line: None }
    }

    /// What a preset stands for.
    pub(super) fn of_preset(preset: Preset) -> impl Iterator<Item = Self> {
        preset.names().filter_map(move |(name, loader)| {
            Some(Self {
                loader: Some(loader),
                if_verified: true,
                reason: Some(format!("preset {preset}: its contents are checked")),
                preset: Some(preset),
                ..Self::new(name.parse().ok()?)
            })
        })
    }

    /// Whether the reference is one that is meant.
    #[must_use]
    pub fn covers(&self, reference: &Reference<'_>) -> bool {
        self.role.is_none_or(|role| role == reference.role())
            && self.loader.is_none_or(|loader| loader == reference.loader())
            && reference.names().any(|name| self.pattern.matches(name))
    }
}

/// A name, or all names below a module, that may be in no file. Nothing overrides it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denial {
    /// The names.
    pub pattern: Pattern,
    /// Why it is denied, for whoever reads a report.
    pub reason: Option<String>,
    /// Where in the policy file it stands.
    pub line: Option<usize>,
}

impl Denial {
    /// Denies the names.
    #[must_use]
    pub fn new(pattern: Pattern) -> Self {
        Self { pattern, reason: None, line: None }
    }

    /// Whether the reference is one that is meant.
    #[must_use]
    pub fn covers(&self, reference: &Reference<'_>) -> bool {
        reference.names().any(|name| self.pattern.matches(name))
    }
}

/// How a policy stands to a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing<'p> {
    /// A denial covers it.
    Denied(&'p Denial),
    /// The base trusts it, or an allowance covers it.
    Allowed,
    /// An allowance covers it, if the contents of the file pass every check.
    IfVerified(&'p Allowance),
    /// Nothing covers it.
    Untrusted,
}
