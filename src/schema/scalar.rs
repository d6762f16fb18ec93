//! The value in a `JsonNode`: text that skops made with `json.dumps` from a str, int, float, bool or None.

use std::borrow::Cow;
use std::fmt;

use super::json;
use crate::error::{Code, Error, Result};

/// The value of a `JsonNode`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar<'a> {
    None,
    Bool(bool),
    /// An int of any size, as Python writes it: an optional minus sign and decimal digits.
    Int(&'a str),
    /// A float; NaN and the infinities included.
    Float(f64),
    Str(Cow<'a, str>),
}

impl<'a> Scalar<'a> {
    /// Parses the text of a `JsonNode`.
    ///
    /// The text is JSON, or `NaN`, `Infinity` or `-Infinity`, which Python's `json` writes for such floats. Python
    /// reads it with white space around, too.
    pub(crate) fn parse(text: &'a str, most_depth: usize) -> Result<Self> {
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        match text {
            "null" => Ok(Self::None),
            "true" => Ok(Self::Bool(true)),
            "false" => Ok(Self::Bool(false)),
            "NaN" => Ok(Self::Float(f64::NAN)),
            "Infinity" => Ok(Self::Float(f64::INFINITY)),
            "-Infinity" => Ok(Self::Float(f64::NEG_INFINITY)),
            _ => match text.as_bytes().first() {
                Some(b'"') => json::whole_string(text).map(Self::Str).map_err(json::Fault::anywhere),
                Some(b'-' | b'0'..=b'9') => Self::number(text),
                Some(b'[' | b'{') => Err(container(text, most_depth)),
                _ => {
                    let found = format!("'{}' in a JsonNode", crate::text::shown(text));
                    Err(Error::new(Code::JsonSyntax, found))
                }
            },
        }
    }

    fn number(text: &'a str) -> Result<Self> {
        let text = json::whole_number(text).map_err(json::Fault::anywhere)?;
        if !text.contains(['.', 'e', 'E']) {
            return Ok(Self::Int(json::pythons(text)));
        }
        match text.parse() {
            Ok(value) if f64::is_finite(value) => Ok(Self::Float(value)),
            _ => {
                let found = format!("{} does not fit a float", crate::text::shown(text));
                Err(Error::new(Code::JsonNumber, found))
            }
        }
    }
}

/// Why a list or object is refused: skops has other nodes for them. Deep ones are named as what they are, an
/// attack on readers that recurse.
fn container(text: &str, most_depth: usize) -> Error {
    let depth = text.bytes().take_while(|byte| matches!(byte, b'[' | b'{' | b' ')).count();
    if depth > most_depth {
        let found = format!("the JSON in a JsonNode is nested {depth} levels, the limit is {most_depth}");
        return Error::new(Code::LimitJsonDepth, found);
    }
    Error::new(Code::ScalarValue, format!("{} in a JsonNode", crate::text::shown(text)))
}

impl fmt::Display for Scalar<'_> {
    /// As Python's `repr` would show it, escaped and cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(digits) => write!(f, "{}", crate::text::shown(digits)),
            Self::Float(value) if value.is_nan() => f.write_str("nan"),
            Self::Float(value) if value.is_infinite() => {
                f.write_str(if *value > 0.0 { "inf" } else { "-inf" })
            }
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Str(text) => write!(f, "'{}'", crate::text::shown(text)),
        }
    }
}
