//! What a gate lets through: names, releases, limits, and what each finding means.
//!
//! A [`Policy`] is made in code, or read from a file that lies with the gate (`docs/policy.md` describes it). Nothing in a
//! model, or beside it, changes it.
//!
//! ```
//! use skops_rs::policy::{Policy, Preset};
//!
//! let policy = Policy::default().preset(Preset::Trees);
//! let model = policy.load("fixtures/example.skops")?; // its trees are allowed because their contents pass the checks
//! # Ok::<(), skops_rs::Error>(())
//! ```

mod draft;
mod file;
mod index;
mod pattern;
mod preset;
mod require;
mod rule;
mod severity;

pub use draft::Draft;
pub(crate) use file::doubt_of;
pub use file::{FILE_NAME, Mistake, Mistakes};
pub(crate) use index::Rules;
pub use pattern::Pattern;
pub use preset::Preset;
pub use require::{Requirements, VersionRange};
pub use rule::{Allowance, Denial, Standing};
pub use severity::{Severities, Severity};

use std::path::Path;

use crate::archive::Archive;
use crate::audit::{Audit, Reference};
use crate::error::Result;
use crate::limits::Limits;
use crate::model::{Model, Vetted};
use crate::trust::{Base, TrustList};

/// What a gate lets through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// What is trusted before anything is allowed.
    pub base: Base,
    /// Names that are allowed, those of presets included.
    pub allowed: Vec<Allowance>,
    /// Names that are denied, whatever allows them.
    pub denied: Vec<Denial>,
    /// What a file must say of itself.
    pub require: Requirements,
    /// How much a file may ask for.
    pub limits: Limits,
    /// What each finding means.
    pub severities: Severities,
}

impl Policy {
    /// Allows the names.
    #[must_use]
    pub fn allow(mut self, allowance: Allowance) -> Self {
        self.allowed.push(allowance);
        self
    }

    /// Denies the names.
    #[must_use]
    pub fn deny(mut self, denial: Denial) -> Self {
        self.denied.push(denial);
        self
    }

    /// Allows what the preset stands for.
    #[must_use]
    pub fn preset(mut self, preset: Preset) -> Self {
        self.allowed.extend(Allowance::of_preset(preset));
        self
    }

    /// How the policy stands to a reference.
    #[must_use]
    pub fn standing(&self, reference: &Reference<'_>) -> Standing<'_> {
        self.stand(reference, self.denied.iter(), self.allowed.iter())
    }

    /// As [`Policy::standing`], for whoever asks about many references: `rules` are this policy's.
    pub(crate) fn standing_by(&self, rules: &Rules, reference: &Reference<'_>) -> Standing<'_> {
        let denied = rules.denied(reference);
        let allowed = rules.allowed(reference);
        self.stand(
            reference,
            denied.iter().filter_map(|position| self.denied.get(*position)),
            allowed.iter().filter_map(|position| self.allowed.get(*position)),
        )
    }

    /// How the policy stands to a reference; all rules that are about its names are among these.
    fn stand<'p>(
        &self,
        reference: &Reference<'_>,
        mut denied: impl Iterator<Item = &'p Denial>,
        allowed: impl Iterator<Item = &'p Allowance>,
    ) -> Standing<'p> {
        if let Some(denial) = denied.find(|denial| denial.covers(reference)) {
            return Standing::Denied(denial);
        }
        if reference.is_trusted(&TrustList::new(self.base)) {
            return Standing::Allowed;
        }
        let mut if_verified = None;
        for allowance in allowed.filter(|allowance| allowance.covers(reference)) {
            if !allowance.if_verified {
                return Standing::Allowed;
            }
            if_verified = if_verified.or(Some(allowance));
        }
        if_verified.map_or(Standing::Untrusted, Standing::IfVerified)
    }

    /// The rules, to be looked up by name.
    pub(crate) fn rules(&self) -> Rules {
        Rules::new(&self.allowed, &self.denied)
    }

    /// Permission to build what was audited, if the policy allows every name in it; with names that are allowed if
    /// verified, only once the contents have passed every check. Requirements and severities are for verdicts: here
    /// they do not count.
    ///
    /// # Errors
    /// [`Code::UntrustedTypes`](crate::Code::UntrustedTypes) with the names that are not allowed, or what a check found.
    pub fn vet(&self, audit: Audit) -> Result<Vetted> {
        let rules = self.rules();
        let needs_checks = audit
            .references()
            .any(|reference| matches!(self.standing_by(&rules, &reference), Standing::IfVerified(_)));
        let is_allowed = |reference: &Reference<'_>| {
            matches!(self.standing_by(&rules, reference), Standing::Allowed | Standing::IfVerified(_))
        };
        let vetted = audit.vet_by(is_allowed)?;
        if needs_checks {
            vetted.audit().verify()?;
        }
        Ok(vetted)
    }

    /// Loads a model that the policy allows.
    ///
    /// # Errors
    /// When the file is refused, or [`Policy::vet`] gives no permission.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Model> {
        let archive = Archive::open_with(path, self.limits.clone())?;
        Ok(self.vet(archive.schema()?.audit()?)?.load())
    }
}
