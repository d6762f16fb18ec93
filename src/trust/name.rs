//! Names of Python types, which text must earn.

use std::fmt;
use std::str::FromStr;

use crate::error::{Code, Error, Result};
use crate::text::shown;

/// What Python calls a function that has no name. skops writes it as such, and it is no identifier.
const LAMBDA: &str = "<lambda>";

/// The full name of a Python type, function or attribute: ASCII identifiers joined by dots.
///
/// Python allows more. But a name is read by people, who cannot tell a Cyrillic letter from a Latin one, and by
/// terminals, which follow escape codes; so other text does not become a name. The one exception is a last part
/// `<lambda>`, as Python calls functions without a name.
///
/// ```
/// use skops_rs::TypeName;
///
/// let name: TypeName = "sklearn.tree._tree.Tree".parse()?;
/// assert_eq!(name.as_str(), "sklearn.tree._tree.Tree");
/// assert!("sklearn.tree._tree .Tree".parse::<TypeName>().is_err());
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeName(Box<str>);

impl TypeName {
    /// Longest name that a caller may pass. What a file may hold is set by the limit `name-length`.
    pub const LENGTH: usize = 1024;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name whose parts have been checked.
    pub(crate) fn from_checked(name: String) -> Self {
        Self(name.into_boxed_str())
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for TypeName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for TypeName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why: &str| {
            let found = format!("{:?} is no type name: {why}", shown(text).to_string());
            Err(Error::new(Code::BadTypeName, found))
        };
        if text.len() > Self::LENGTH {
            return refuse("it is too long");
        }
        let Some((module, last)) = text.rsplit_once('.') else {
            return refuse("it has no module, as in `builtins.list`");
        };
        if !module.split('.').all(is_identifier) || !(is_identifier(last) || last == LAMBDA) {
            return refuse("a part of it is no ASCII identifier");
        }
        Ok(Self(text.into()))
    }
}

/// Whether text is an ASCII identifier of Python.
pub(crate) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Refuses a module and class that are no names. Where Python splits the two must not be left to a reader, so the
/// class is one identifier.
pub(crate) fn check(module: &str, class: &str, most_length: usize) -> Result<()> {
    let length = module.len().saturating_add(class.len()).saturating_add(1);
    if length > most_length && length > LAMBDA.len() {
        let found = format!("a type name of {length} characters, the limit is {most_length}");
        return Err(Error::new(Code::LimitNameLength, found));
    }
    if !module.split('.').all(is_identifier) {
        let found = format!("the module {:?}", shown(module).to_string());
        return Err(Error::new(Code::NameSyntax, found));
    }
    if !is_identifier(class) && class != LAMBDA {
        let found = format!("the class {:?}", shown(class).to_string());
        return Err(Error::new(Code::NameSyntax, found));
    }
    Ok(())
}
