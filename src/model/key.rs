//! Keys of dicts, with the types that they have in Python.

use std::fmt;

use super::value::Int;
use crate::audit::KeyKind;
use crate::schema::{NodeRef, TypePath};
use crate::text::shown;

/// A key of a dict.
#[derive(Clone, Copy)]
pub struct Key<'m> {
    text: &'m str,
    declared: TypePath<'m>,
    kind: Option<KeyKind>,
}

/// What a [`Key`] is.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum KeyValue<'m> {
    /// `None`.
    None,
    /// `True` or `False`, Python's or numpy's.
    Bool(bool),
    /// An integer, Python's or numpy's.
    Int(Int<'m>),
    /// A float, Python's or numpy's.
    Float(f64),
    /// Text.
    Str(&'m str),
    /// A key of another type, which was trusted: the text that the type makes it of.
    Other(&'m str),
}

impl<'m> Key<'m> {
    pub(super) fn new(text: &'m str, key_type: NodeRef<'m>) -> Self {
        let key_type = key_type.resolved();
        Self { text, declared: key_type.declared(), kind: KeyKind::of(key_type) }
    }

    /// The key as the file has it: as text. Text from the file: show it escaped.
    #[must_use]
    pub fn text(&self) -> &'m str {
        self.text
    }

    /// The full name of the key's type, such as `builtins.str` or `numpy.int64`.
    #[must_use]
    pub fn type_name(&self) -> String {
        self.declared.to_string()
    }

    /// What the key is. `True` and `False` are what they say, although skops reads any bool as `True`.
    #[must_use]
    pub fn value(&self) -> KeyValue<'m> {
        let float = || match self.text {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        };
        match self.kind {
            Some(KeyKind::Text) => KeyValue::Str(self.text),
            Some(KeyKind::Bool) => KeyValue::Bool(self.text == "true"),
            Some(KeyKind::Int { .. }) => KeyValue::Int(Int::new(self.text)),
            Some(KeyKind::Float { .. }) => float().map_or(KeyValue::Other(self.text), KeyValue::Float),
            Some(KeyKind::None) => KeyValue::None,
            Some(KeyKind::Reported) | None => KeyValue::Other(self.text),
        }
    }
}

impl fmt::Debug for Key<'_> {
    /// As Python's `repr` would show it, escaped and cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            KeyValue::None => f.write_str("None"),
            KeyValue::Bool(true) => f.write_str("True"),
            KeyValue::Bool(false) => f.write_str("False"),
            KeyValue::Int(_) | KeyValue::Float(_) => write!(f, "{}", shown(self.text)),
            KeyValue::Str(text) => write!(f, "'{}'", shown(text)),
            KeyValue::Other(text) => write!(f, "{}('{}')", self.declared, shown(text)),
        }
    }
}
