//! Who trusts what: the default tables, and the caller's own list.

pub(crate) mod name;
mod reasons;
pub(crate) mod tables;

pub use name::TypeName;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::error::{Code, Error, Result};
use crate::schema::Loader;

/// The class that skops calls for every `Generator` of protocol 2, without it being named in the file.
pub(crate) const SEED_SEQUENCE: &str = "numpy.random.bit_generator.SeedSequence";

/// What is trusted before the caller adds anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Base {
    /// What skops 0.16 trusts by default beside any of scikit-learn 1.2 to 1.9: public estimators, containers,
    /// arrays, ufuncs. Trees are not among them, nor are sparse matrices. See `src/trust/tables/README.md`.
    #[default]
    Skops016,
    /// Nothing at all.
    None,
}

impl Base {
    /// The name that the command line takes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skops016 => "skops-0.16",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The names that a caller trusts.
///
/// What the base trusts, it trusts for a loader: an estimator as the type of a stored object, not as a function to
/// call. What the caller allows is allowed wherever it is named. Nothing in a file changes either.
///
/// ```
/// use skops_rs::{Base, TrustList};
///
/// let trust = TrustList::default().allow("sklearn.tree._tree.Tree")?;
/// let strict = TrustList::new(Base::None).allow("builtins.dict")?;
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustList {
    base: Base,
    allowed: BTreeSet<TypeName>,
}

impl TrustList {
    /// A list with this base and nothing else.
    #[must_use]
    pub fn new(base: Base) -> Self {
        Self { base, allowed: BTreeSet::new() }
    }

    /// Adds a name.
    ///
    /// # Errors
    /// [`Code::BadTypeName`] for text that is no name.
    pub fn allow(self, name: &str) -> Result<Self> {
        Ok(self.allow_name(TypeName::from_str(name)?))
    }

    /// Adds a name that has been parsed.
    #[must_use]
    pub fn allow_name(mut self, name: TypeName) -> Self {
        self.allowed.insert(name);
        self
    }

    /// Whether a name is trusted under a loader, in a file of this protocol.
    #[must_use]
    pub fn trusts(&self, loader: Loader, protocol: u8, name: &TypeName) -> bool {
        self.allowed.contains(name)
            || match self.base {
                Base::Skops016 => tables::trusts(loader, protocol, name.as_str()),
                Base::None => false,
            }
    }
}

/// What to know before trusting a name, where that is not obvious. `None` says nothing about its safety.
///
/// ```
/// let tree = "sklearn.tree._tree.Tree".parse()?;
/// assert!(skops_rs::reason(&tree).unwrap().contains("bounds checks"));
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[must_use]
pub fn reason(name: &TypeName) -> Option<&'static str> {
    let last = name.as_str().rsplit('.').next().unwrap_or_default();
    let is_dunder = last.len() > 4 && last.starts_with("__") && last.ends_with("__");
    reasons::reason(name.as_str()).or_else(|| is_dunder.then_some(reasons::DUNDER))
}

impl FromStr for Base {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Skops016, Self::None].into_iter().find(|base| base.as_str() == text).ok_or_else(|| {
            let found = format!("there is no base named {}", crate::text::shown(text));
            Error::new(Code::BadTypeName, found)
        })
    }
}
