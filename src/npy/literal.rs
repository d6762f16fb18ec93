//! The part of Python's literals that numpy writes into a header.

use std::borrow::Cow;

use crate::error::{Code, Error, Result};
use crate::text::shown;

/// Reads literals from a header's text. Anything that numpy does not write there is refused.
pub(super) struct Literals<'a> {
    rest: &'a str,
    most_rank: usize,
}

impl<'a> Literals<'a> {
    pub(super) fn new(text: &'a str, most_rank: usize) -> Self {
        Self { rest: text, most_rank }
    }

    /// Takes a character if it comes next after spaces.
    pub(super) fn take(&mut self, character: char) -> bool {
        let trimmed = self.rest.trim_start_matches(' ');
        match trimmed.strip_prefix(character) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn expect(&mut self, character: char) -> Result<()> {
        if self.take(character) { Ok(()) } else { Err(self.unexpected(&format!("`{character}`"))) }
    }

    /// Takes a string in single or double quotes, with the escapes of Python's `repr`.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>> {
        let quote = if self.take('\'') {
            '\''
        } else if self.take('"') {
            '"'
        } else {
            return Err(self.unexpected("a string"));
        };
        let special = |character: char| character == quote || character == '\\' || character.is_control();
        if let Some((text, rest)) = self.rest.find(special).and_then(|end| self.rest.split_at_checked(end))
            && let Some(rest) = rest.strip_prefix(quote)
        {
            self.rest = rest;
            return Ok(Cow::Borrowed(text));
        }
        self.escaped_string(quote).map(Cow::Owned)
    }

    fn escaped_string(&mut self, quote: char) -> Result<String> {
        let mut text = String::new();
        let mut characters = self.rest.chars();
        loop {
            match characters.next() {
                Some(character) if character == quote => break,
                Some('\\') => {
                    text.push(escape(&mut characters).ok_or_else(|| self.unexpected("an escape"))?);
                }
                Some(character) if !character.is_control() => text.push(character),
                _ => return Err(self.unexpected("the end of a string")),
            }
        }
        self.rest = characters.as_str();
        Ok(text)
    }

    pub(super) fn boolean(&mut self) -> Result<bool> {
        self.rest = self.rest.trim_start_matches(' ');
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    /// Takes a tuple of sizes: `()`, `(3,)` or `(3, 4)`.
    pub(super) fn shape(&mut self) -> Result<Vec<u64>> {
        self.expect('(')?;
        let mut shape = Vec::new();
        while !self.take(')') {
            if shape.len() >= self.most_rank {
                let found = format!("an array of more than {} dimensions", self.most_rank);
                return Err(Error::new(Code::LimitArrayRank, found));
            }
            shape.push(self.size()?);
            if !self.take(',') {
                // One item without a comma would be a number in parentheses.
                if shape.len() == 1 {
                    return Err(self.unexpected("a comma"));
                }
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn size(&mut self) -> Result<u64> {
        let trimmed = self.rest.trim_start_matches(' ');
        let digits: &str =
            trimmed.split(|character: char| !character.is_ascii_digit()).next().unwrap_or_default();
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        match digits.parse() {
            // numpy counts items in a signed 64-bit integer.
            Ok(size) if !leading_zero && i64::try_from(size).is_ok() => {
                self.rest = trimmed.strip_prefix(digits).unwrap_or_default();
                Ok(size)
            }
            _ if digits.is_empty() || leading_zero => Err(self.unexpected("a size")),
            _ => Err(Error::new(Code::NpySize, format!("a dimension of {}", shown(digits)))),
        }
    }

    /// Requires that nothing but padding is left: spaces, then one line break.
    pub(super) fn end(&self) -> Result<()> {
        if self.rest.trim_start_matches(' ') == "\n" {
            Ok(())
        } else {
            Err(self.unexpected("the end of the header"))
        }
    }

    pub(super) fn unexpected(&self, expected: &str) -> Error {
        let rest = self.rest.trim_start_matches(' ');
        let found = if rest.is_empty() {
            format!("a header that ends where {expected} ought to be")
        } else {
            format!("a header with '{}' where {expected} ought to be", crate::text::shown_in(rest, 40))
        };
        Error::new(Code::NpyHeader, found)
    }
}

/// The character of an escape, after the backslash.
#[expect(clippy::disallowed_methods, reason = "16 is not more than 36")]
fn escape(characters: &mut std::str::Chars<'_>) -> Option<char> {
    let digits = match characters.next()? {
        character @ ('\\' | '\'' | '"') => return Some(character),
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let mut value = 0_u32;
    for _ in 0..digits {
        value = value.checked_mul(16)?.checked_add(characters.next()?.to_digit(16)?)?;
    }
    char::from_u32(value)
}
