//! Tokens of strict JSON (RFC 8259), from text whose UTF-8 has been checked.
//!
//! Stricter than Python's `json`, never laxer: no `NaN` or `Infinity`, no lone surrogates, no control characters
//! in strings, no byte order mark. Nothing here recurses, and nothing allocates but [`Text::decode`].

use std::borrow::Cow;

use crate::error::{Code, Error, Result};

/// Longest number: what Python's `int` takes by default.
const NUMBER_LENGTH: usize = 4300;

/// A string's characters between its quotes, as a range of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Whether a backslash occurs.
    pub(super) escaped: bool,
}

impl Text {
    pub(super) const EMPTY: Self = Self { start: 0, end: 0, escaped: false };

    /// The characters as written.
    pub(super) fn raw(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The characters that are meant.
    pub(super) fn decode(self, text: &str) -> Cow<'_, str> {
        let raw = self.raw(text);
        if self.escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
    }

    /// Whether the meant characters are these.
    pub(super) fn is(self, text: &str, expected: &str) -> bool {
        if self.escaped { unescape(self.raw(text)) == expected } else { self.raw(text) == expected }
    }
}

/// Decodes escapes that [`Lexer::string`] has checked.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut characters = after.chars();
        match characters.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let (character, length) = unescape_unicode(after);
                out.push(character);
                rest = after.get(length..).unwrap_or_default();
                continue;
            }
            Some(other) => out.push(other),
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out
}

/// The character of `uXXXX` or `uXXXX\uXXXX`, and the length of that text.
fn unescape_unicode(text: &str) -> (char, usize) {
    let unit = |at: usize| {
        let digits = text.get(at..at.saturating_add(4))?;
        u16::from_str_radix(digits, 16).ok()
    };
    let units = unit(1).into_iter().chain(unit(7));
    match char::decode_utf16(units).next() {
        Some(Ok(character)) if character.len_utf16() == 2 => (character, 11),
        Some(Ok(character)) => (character, 5),
        // Not reached for text that the lexer accepted.
        _ => (char::REPLACEMENT_CHARACTER, 5),
    }
}

/// What a value starts with, or is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    ObjectStart,
    ArrayStart,
    String(Text),
    /// A number, as a range of the text.
    Number(Text),
    Bool(bool),
    Null,
}

/// Reads tokens from the text, one after the other.
pub(super) struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    /// The caller has checked that the text is shorter than `u32::MAX`.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The offset of the next byte.
    pub(super) fn offset(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        // The text is shorter than 4 GiB, so this never saturates.
        self.at = self.at.saturating_add(count);
    }

    /// The next byte that is not white space, which stays there.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                // Most of a genuine file is indentation: a line break and many spaces.
                Some(b'\n' | b' ') => {
                    self.advance(1);
                    while self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) == Some(&[b' '; 8]) {
                        self.advance(8);
                    }
                }
                Some(b'\r' | b'\t') => self.advance(1),
                other => return other.copied(),
            }
        }
    }

    /// Takes the byte if it comes next after white space.
    #[inline]
    pub(super) fn take(&mut self, expected: u8) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.advance(1);
        }
        found
    }

    /// Takes the byte, or says what was there instead.
    pub(super) fn expect(&mut self, expected: u8, what: &str) -> Result<()> {
        if self.take(expected) { Ok(()) } else { Err(self.unexpected(what)) }
    }

    /// Takes a string and the colon after it.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Text> {
        if !self.take(b'"') {
            return Err(self.unexpected("a key in double quotes"));
        }
        let key = self.string()?;
        self.expect(b':', "a colon after the key")?;
        Ok(key)
    }

    /// Takes the next token of a value.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Token> {
        match self.peek() {
            Some(b'"') => {
                self.advance(1);
                self.string().map(Token::String)
            }
            Some(b'{') => {
                self.advance(1);
                Ok(Token::ObjectStart)
            }
            Some(b'[') => {
                self.advance(1);
                Ok(Token::ArrayStart)
            }
            Some(b'-' | b'0'..=b'9') => self.number().map(Token::Number),
            Some(b't') => self.literal("true", Token::Bool(true)),
            Some(b'f') => self.literal("false", Token::Bool(false)),
            Some(b'n') => self.literal("null", Token::Null),
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Refuses whatever follows the value.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.peek().is_none() {
            return Ok(());
        }
        let found = "more text follows the JSON value";
        Err(Error::new(Code::JsonTrailingData, found).at_offset(self.at as u64))
    }

    fn literal(&mut self, word: &str, token: Token) -> Result<Token> {
        let follows = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
        if !follows {
            return Err(self.unexpected("a value"));
        }
        self.advance(word.len());
        Ok(token)
    }

    /// Takes the rest of a string, after its first quote.
    #[inline]
    fn string(&mut self) -> Result<Text> {
        let start = self.offset();
        let mut escaped = false;
        loop {
            self.skip_plain();
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let end = self.offset();
                    self.advance(1);
                    return Ok(Text { start, end, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.syntax("a control character in a string")),
                None => return Err(self.syntax("the text ends within a string")),
            }
        }
    }

    /// Skips what needs no attention within a string: all but quotes, backslashes and control characters.
    #[inline]
    fn skip_plain(&mut self) {
        const ONES: u64 = u64::from_ne_bytes([1; 8]);
        const HIGH: u64 = ONES << 7;
        // A byte of `word ^ pattern` is zero where they are equal; subtracting one from each byte then sets the
        // high bit of zero bytes (and maybe of bytes above one, which only makes the slow path look).
        let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
        while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*chunk);
            let control = word.wrapping_sub(ONES << 5) & !word & HIGH;
            let special =
                zero(word ^ (ONES.wrapping_mul(0x22))) | zero(word ^ (ONES.wrapping_mul(0x5c))) | control;
            if special != 0 {
                self.advance((special.trailing_zeros() / 8) as usize);
                break;
            }
            self.advance(8);
        }
        while let Some(byte) = self.bytes.get(self.at) {
            if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
                break;
            }
            self.advance(1);
        }
    }

    fn escape(&mut self) -> Result<()> {
        let escape = self.bytes.get(self.at.saturating_add(1)).copied();
        match escape {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.advance(2),
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.syntax("a backslash that starts no escape of JSON")),
        }
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<()> {
        let first =
            self.code_unit(self.at).ok_or_else(|| self.syntax("\\u without four hexadecimal digits"))?;
        let is_low = |unit: u16| (0xDC00..=0xDFFF).contains(&unit);
        let lone = || {
            let found = format!("the lone surrogate \\u{first:04x}");
            Error::new(Code::JsonSurrogate, found).at_offset(self.at as u64)
        };
        match first {
            0xD800..=0xDBFF => {
                let second = self.code_unit(self.at.saturating_add(6));
                second.filter(|unit| is_low(*unit)).ok_or_else(lone)?;
                self.advance(12);
            }
            unit if is_low(unit) => return Err(lone()),
            _ => self.advance(6),
        }
        Ok(())
    }

    /// The unit of an escape `\uXXXX` at this offset.
    fn code_unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at.saturating_add(6))?.strip_prefix("\\u")?;
        if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            u16::from_str_radix(digits, 16).ok()
        } else {
            None
        }
    }

    fn number(&mut self) -> Result<Text> {
        let start = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.advance(1);
        }
        let whole = self.digits();
        let leading_zero = whole > 1 && self.bytes.get(self.at.saturating_sub(whole)) == Some(&b'0');
        let mut sound = whole > 0 && !leading_zero;
        if self.bytes.get(self.at) == Some(&b'.') {
            self.advance(1);
            sound &= self.digits() > 0;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.advance(1);
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.advance(1);
            }
            sound &= self.digits() > 0;
        }
        if !sound {
            return Err(self.syntax("a number that JSON does not allow"));
        }
        let length = self.at.saturating_sub(start);
        if length > NUMBER_LENGTH {
            let found = format!("a number of {length} characters");
            return Err(Error::new(Code::JsonNumber, found).at_offset(start as u64));
        }
        Ok(Text { start: u32::try_from(start).unwrap_or(u32::MAX), end: self.offset(), escaped: false })
    }

    fn digits(&mut self) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.advance(count);
        count
    }

    /// The error for what comes next, where `expected` ought to.
    pub(super) fn unexpected(&mut self, expected: &str) -> Error {
        let found = match self.peek() {
            None => format!("the text ends where {expected} ought to be"),
            Some(byte) => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                if rest.starts_with(b"NaN") || rest.starts_with(b"Infinity") || rest.starts_with(b"-Infinity")
                {
                    "NaN or Infinity, which is not JSON".to_owned()
                } else {
                    format!("{:?} where {expected} ought to be", char::from(byte))
                }
            }
        };
        self.syntax(&found)
    }

    fn syntax(&self, found: &str) -> Error {
        Error::new(Code::JsonSyntax, found).at_offset(self.at as u64)
    }
}
