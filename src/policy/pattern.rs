//! Which names a rule is about: one, or all below a module.

use std::fmt;
use std::str::FromStr;

use crate::error::{Code, Error, Result};
use crate::text::shown;
use crate::trust::TypeName;
use crate::trust::name::is_identifier;

/// A name, or a module and everything in it, written `xgboost.**`.
///
/// ```
/// use skops_rs::policy::Pattern;
///
/// let pattern: Pattern = "xgboost.**".parse()?;
/// assert!(pattern.matches(&"xgboost.sklearn.XGBClassifier".parse()?));
/// assert!(!pattern.matches(&"xgboost_lookalike.Thing".parse()?));
/// assert!("**".parse::<Pattern>().is_err() && "xgboost.*".parse::<Pattern>().is_err());
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// This name and no other.
    Name(TypeName),
    /// Every name that starts with these modules; the text ends with a dot.
    Within(Box<str>),
}

/// How a prefix is told from a name.
const WITHIN: &str = "**";

impl Pattern {
    /// Whether the pattern is about the name.
    #[must_use]
    pub fn matches(&self, name: &TypeName) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Within(prefix) => name.as_str().starts_with(&**prefix),
        }
    }

    /// Whether the pattern is about more than one name.
    #[must_use]
    pub fn is_broad(&self) -> bool {
        matches!(self, Self::Within(_))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Within(prefix) => write!(f, "{prefix}{WITHIN}"),
        }
    }
}

impl FromStr for Pattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if !text.contains('*') {
            return text.parse().map(Self::Name);
        }
        let prefix = text.strip_suffix(WITHIN).filter(|prefix| prefix.len() < TypeName::LENGTH);
        let is_module = |prefix: &&str| {
            prefix.strip_suffix('.').is_some_and(|module| module.split('.').all(is_identifier))
        };
        let Some(prefix) = prefix.filter(is_module) else {
            let found = format!(
                "{:?} is no pattern: everything below a module is written `module.**`, and there is no way to mean \
                 everything",
                shown(text).to_string()
            );
            return Err(Error::new(Code::BadTypeName, found));
        };
        Ok(Self::Within(prefix.into()))
    }
}
