//! The value in a `JsonNode`: text that skops made with `json.dumps` from a str, int, float, bool or None.

use std::fmt;

use super::json::{Lexer, Token};
use crate::error::{Code, Error, Result};

/// The value of a `JsonNode`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An int of any size, as Python writes it: an optional minus sign and decimal digits.
    Int(String),
    /// A float; NaN and the infinities included.
    Float(f64),
    /// A str.
    Str(String),
}

impl Scalar {
    /// Parses the text of a `JsonNode`.
    ///
    /// The text is JSON, or `NaN`, `Infinity` or `-Infinity`, which Python's `json` writes for such floats.
    pub(crate) fn parse(text: &str, most_depth: usize) -> Result<Self> {
        match text {
            "NaN" => return Ok(Self::Float(f64::NAN)),
            "Infinity" => return Ok(Self::Float(f64::INFINITY)),
            "-Infinity" => return Ok(Self::Float(f64::NEG_INFINITY)),
            _ => {}
        }
        let mut lexer = Lexer::new(text);
        let value = match lexer.value()? {
            Token::Null => Self::None,
            Token::Bool(value) => Self::Bool(value),
            Token::String(value) => Self::Str(value.decode(text).into_owned()),
            Token::Number(number) => Self::number(number.raw(text))?,
            Token::ObjectStart | Token::ArrayStart => return Err(container(text, most_depth)),
        };
        lexer.end()?;
        Ok(value)
    }

    fn number(text: &str) -> Result<Self> {
        if !text.contains(['.', 'e', 'E']) {
            return Ok(Self::Int(text.to_owned()));
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

impl fmt::Display for Scalar {
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
