//! Tokens of strict JSON (RFC 8259), from bytes that are read as they are needed.
//!
//! Stricter than Python's `json`, never laxer: no `NaN` or `Infinity`, no lone surrogates, no control characters
//! in strings, no byte order mark. Nothing here recurses. The text is never in memory as a whole: most of it is
//! indentation, and a window that stays in the processor's cache is read twice as fast as fresh memory.

use std::borrow::Cow;

use crate::error::{Code, Error, Result};

/// Longest number, without its sign: what Python's `int` takes by default.
const NUMBER_LENGTH: usize = 4300;

/// How much text is read at once.
const WINDOW: usize = 128 << 10;

/// No token but a string is longer than this; so much is there before a token is read.
const MARGIN: usize = 8 << 10;

/// Where the text comes from: fills a buffer; less than that is the end, which has been checked.
pub(super) type Fill<'a> = Box<dyn FnMut(&mut [u8]) -> Result<usize> + 'a>;

/// A string's characters between its quotes, as a range of the window. It holds until the next token is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    start: usize,
    end: usize,
    escaped: bool,
}

/// What a value starts with, or is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token {
    ObjectStart,
    ArrayStart,
    String(Span),
    Number(Span),
    Bool(bool),
    Null,
}

/// Reads tokens, one after the other.
pub(super) struct Reader<'a> {
    fill: Fill<'a>,
    window: Vec<u8>,
    /// The next byte in the window.
    at: usize,
    /// Where the text in the window ends.
    end: usize,
    /// Where in the whole text the window starts.
    base: u64,
    /// Whether the window holds the end of the text.
    ended: bool,
}

impl<'a> Reader<'a> {
    /// Starts to read a text of this size, which only says how much memory to set aside.
    pub(super) fn new(fill: Fill<'a>, size: u64) -> Result<Self> {
        let length = usize::try_from(size).unwrap_or(WINDOW).saturating_add(1).min(WINDOW);
        #[expect(clippy::disallowed_methods, reason = "a window at most")]
        let mut reader = Self { fill, window: vec![0; length], at: 0, end: 0, base: 0, ended: false };
        reader.refill(0)?;
        reader.check_encoding()?;
        Ok(reader)
    }

    fn check_encoding(&self) -> Result<()> {
        let found = match self.rest() {
            [0xEF, 0xBB, 0xBF, ..] => "a byte order mark",
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, ..] | [_, 0, ..] => "UTF-16 or UTF-32",
            _ => return Ok(()),
        };
        Err(Error::new(Code::JsonEncoding, found).at_offset(0))
    }

    /// The offset of the next byte in the whole text.
    pub(super) fn offset(&self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    /// The text in the window that has not been read.
    #[inline]
    fn rest(&self) -> &[u8] {
        self.window.get(self.at..self.end).unwrap_or_default()
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        // Never past the end of the window, so this never wraps. (Saturating costs a sixth of the whole parse.)
        self.at = self.at.wrapping_add(count);
    }

    /// Reads more text, and keeps that of the window from `keep` on. What is kept moves to the front.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is kept lies in the window, which doubles only when it is full"
    )]
    fn refill(&mut self, keep: usize) -> Result<()> {
        let kept = self.end.saturating_sub(keep);
        self.window.copy_within(keep..self.end, 0);
        self.base = self.base.saturating_add(keep as u64);
        self.at = self.at.saturating_sub(keep);
        self.end = kept;
        if kept.saturating_add(MARGIN) > self.window.len() {
            // A long string; doubling keeps the copying in proportion.
            let length = self.window.len().saturating_mul(2);
            self.window.resize(length, 0);
        }
        let space = self.window.get_mut(kept..).unwrap_or_default();
        let wanted = space.len();
        let count = (self.fill)(space)?;
        self.end = kept.saturating_add(count);
        self.ended = count < wanted;
        Ok(())
    }

    /// Sees to it that a whole token is in the window, unless it is a long string.
    #[inline]
    fn prepare(&mut self) -> Result<()> {
        if self.end.wrapping_sub(self.at) < MARGIN && !self.ended { self.refill(self.at) } else { Ok(()) }
    }

    /// The next byte that is not white space, which stays there.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<Option<u8>> {
        // No white space: a colon after its key, a comma after its value.
        if let Some(next) = self.rest().first().filter(|next| **next > b' ') {
            return Ok(Some(*next));
        }
        loop {
            let rest = self.rest();
            let skipped = space_length(rest);
            let next = rest.get(skipped).copied();
            self.advance(skipped);
            if next.is_some() || self.ended {
                return Ok(next);
            }
            self.refill(self.at)?;
        }
    }

    /// Takes the byte if it comes next after white space.
    #[inline]
    pub(super) fn take(&mut self, expected: u8) -> Result<bool> {
        let found = self.peek()? == Some(expected);
        if found {
            self.advance(1);
        }
        Ok(found)
    }

    /// Takes the byte, or says what was there instead.
    #[inline]
    pub(super) fn expect(&mut self, expected: u8, what: &str) -> Result<()> {
        if self.take(expected)? { Ok(()) } else { Err(self.unexpected(what)) }
    }

    /// Takes the quote that a key starts with.
    #[inline]
    pub(super) fn key_start(&mut self) -> Result<()> {
        self.prepare()?;
        self.expect(b'"', "a key in double quotes")
    }

    /// Takes the colon after a key, and the space that usually follows.
    #[inline]
    pub(super) fn colon(&mut self) -> Result<()> {
        self.expect(b':', "a colon after the key")?;
        if self.rest().first() == Some(&b' ') {
            self.advance(1);
        }
        Ok(())
    }

    /// Takes what comes before a key (a comma, unless the object has just started), a key that `find` knows with the
    /// length of its text and quote, the colon and the space: `,\n    "content": `. Takes nothing if anything is
    /// otherwise than in nearly every file. One look at the window for all of it is a fifth faster than five.
    #[inline]
    pub(super) fn usual_key<T>(
        &mut self,
        starts: bool,
        find: impl FnOnce(&[u8]) -> Option<(T, usize)>,
    ) -> Option<T> {
        let mut rest = self.rest();
        if !starts {
            rest = rest.strip_prefix(b",")?;
        }
        let quoted = rest.get(space_length(rest)..)?.strip_prefix(b"\"")?;
        let (key, length) = find(quoted)?;
        let value = quoted.get(length..)?.strip_prefix(b": ")?;
        self.at = self.end.wrapping_sub(value.len());
        Some(key)
    }

    /// Takes a known word and the quote after it, if `find` knows the text that comes next and how long it is.
    #[inline]
    pub(super) fn known<T>(&mut self, find: impl FnOnce(&[u8]) -> Option<(T, usize)>) -> Option<T> {
        let (word, length) = find(self.rest())?;
        self.advance(length);
        Some(word)
    }

    /// Takes the next token of a value.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Token> {
        let next = self.peek()?;
        // Not before: white space can be so long that the token starts at the window's end.
        self.prepare()?;
        let token = match next {
            Some(b'"') => {
                self.advance(1);
                return self.string().map(Token::String);
            }
            Some(b'{') => Token::ObjectStart,
            Some(b'[') => Token::ArrayStart,
            Some(b'-' | b'0'..=b'9') => return self.number().map(Token::Number),
            Some(b't') => return self.literal("true", Token::Bool(true)),
            Some(b'f') => return self.literal("false", Token::Bool(false)),
            Some(b'n') => return self.literal("null", Token::Null),
            _ => return Err(self.unexpected("a value")),
        };
        self.advance(1);
        Ok(token)
    }

    /// The bytes of a string or number, unless they hold escapes.
    #[inline]
    pub(super) fn plain(&self, span: Span) -> Option<&[u8]> {
        if span.escaped { None } else { self.window.get(span.start..span.end) }
    }

    /// The text of a string or number.
    #[inline]
    pub(super) fn text(&self, span: Span) -> Cow<'_, str> {
        // The bytes were checked when the span was made.
        let text = self.window.get(span.start..span.end).and_then(|bytes| std::str::from_utf8(bytes).ok());
        let text = text.unwrap_or_default();
        if span.escaped { Cow::Owned(unescape(text)) } else { Cow::Borrowed(text) }
    }

    /// Refuses whatever follows the value.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.peek()?.is_none() {
            return Ok(());
        }
        let found = "more text follows the JSON value";
        Err(Error::new(Code::JsonTrailingData, found).at_offset(self.offset()))
    }

    /// Reads what is left, without a look at it. What checks the text as a whole may have something to say.
    pub(super) fn drain(&mut self) -> Result<()> {
        while !self.ended {
            self.refill(self.end)?;
        }
        Ok(())
    }

    fn literal(&mut self, word: &str, token: Token) -> Result<Token> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.unexpected("a value"));
        }
        self.advance(word.len());
        Ok(token)
    }

    /// Takes the rest of a string, after its first quote.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Span> {
        let mut start = self.at;
        let mut escaped = false;
        let mut high = 0;
        loop {
            let plain = plain_length(self.rest(), &mut high);
            self.advance(plain);
            match self.rest().first() {
                Some(b'"') => {
                    let span = Span { start, end: self.at, escaped };
                    self.advance(1);
                    return if high == 0 { Ok(span) } else { self.check_utf8(span) };
                }
                Some(b'\\') if self.ended || self.rest().len() >= LONGEST_ESCAPE => {
                    escaped = true;
                    let length = escape_length(self.rest()).map_err(|fault| fault.at(self.offset()))?;
                    self.advance(length);
                }
                Some(b'\\') | None if !self.ended => {
                    self.refill(start)?;
                    start = 0;
                }
                Some(_) => return Err(self.syntax("a control character in a string")),
                None => return Err(self.syntax("the text ends within a string")),
            }
        }
    }

    fn check_utf8(&self, span: Span) -> Result<Span> {
        let bytes = self.window.get(span.start..span.end).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(_) => Ok(span),
            Err(error) => {
                let offset = self.base.saturating_add(span.start.saturating_add(error.valid_up_to()) as u64);
                Err(Error::new(Code::JsonEncoding, "bytes that are no UTF-8").at_offset(offset))
            }
        }
    }

    fn number(&mut self) -> Result<Span> {
        let length = number_length(self.rest()).map_err(|fault| fault.at(self.offset()))?;
        let start = self.at;
        self.advance(length);
        Ok(Span { start, end: self.at, escaped: false })
    }

    /// The error for what comes next, where `expected` ought to.
    pub(super) fn unexpected(&mut self, expected: &str) -> Error {
        let next = match self.peek() {
            Ok(next) => next,
            Err(error) => return error,
        };
        let found = match next {
            None => format!("the text ends where {expected} ought to be"),
            Some(byte) => {
                let words: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
                if words.iter().any(|word| self.rest().starts_with(word)) {
                    "NaN or Infinity, which is not JSON".to_owned()
                } else if byte.is_ascii() {
                    format!("{:?} where {expected} ought to be", char::from(byte))
                } else {
                    format!("the byte {byte:#04x} where {expected} ought to be")
                }
            }
        };
        self.syntax(&found)
    }

    fn syntax(&self, found: &str) -> Error {
        Error::new(Code::JsonSyntax, found).at_offset(self.offset())
    }
}

/// What is wrong with a token.
#[derive(Debug)]
pub(super) struct Fault {
    code: Code,
    found: Cow<'static, str>,
}

impl Fault {
    fn syntax(found: &'static str) -> Self {
        Self { code: Code::JsonSyntax, found: found.into() }
    }

    /// The error, where the token starts.
    pub(super) fn at(self, offset: u64) -> Error {
        self.anywhere().at_offset(offset)
    }

    /// The error, where an offset would say nothing.
    pub(super) fn anywhere(self) -> Error {
        Error::new(self.code, self.found)
    }
}

/// How many bytes of white space come first. Most of a genuine file is indentation: a line break and many spaces.
#[inline]
pub(super) fn space_length(bytes: &[u8]) -> usize {
    const SPACES: u64 = u64::from_le_bytes([b' '; 8]);
    let mut length = 0_usize;
    while let Some(b'\n' | b' ' | b'\r' | b'\t') = bytes.get(length) {
        length = length.wrapping_add(1);
        while let Some(chunk) = bytes.get(length..).and_then(<[u8]>::first_chunk::<8>) {
            let others = u64::from_le_bytes(*chunk) ^ SPACES;
            if others != 0 {
                length = length.wrapping_add((others.trailing_zeros() / 8) as usize);
                break;
            }
            // A constant, so that the next step need not wait for this one.
            length = length.wrapping_add(8);
        }
    }
    length
}

/// How many bytes of a string come before what needs attention: a quote, a backslash, a control character or the
/// end. `high` becomes other than zero when one of them is not ASCII.
#[inline]
fn plain_length(bytes: &[u8], high: &mut u64) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // A byte of `word ^ pattern` is zero where they are equal; subtracting one from each byte then sets the high
    // bit of zero bytes, and maybe of bytes above one. So the lowest bit that is set is right.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut length = 0_usize;
    while let Some(chunk) = bytes.get(length..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES << 5) & !word & HIGH;
        let special = zero(word ^ ONES.wrapping_mul(0x22)) | zero(word ^ ONES.wrapping_mul(0x5c)) | control;
        if special != 0 {
            // The bits below the first special byte: those of the bytes before it.
            let below = special.wrapping_sub(1) & !special;
            *high |= word & HIGH & below;
            return length.wrapping_add((special.trailing_zeros() / 8) as usize);
        }
        *high |= word & HIGH;
        length = length.wrapping_add(8);
    }
    while let Some(byte) = bytes.get(length) {
        if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            break;
        }
        *high |= u64::from(byte & 0x80);
        length = length.wrapping_add(1);
    }
    length
}

/// `\uD83D\uDE00`
const LONGEST_ESCAPE: usize = 12;

/// The length of the escape that the bytes start with.
fn escape_length(bytes: &[u8]) -> std::result::Result<usize, Fault> {
    match bytes.get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => return Ok(2),
        Some(b'u') => {}
        _ => return Err(Fault::syntax("a backslash that starts no escape of JSON")),
    }
    let is_low = |unit: u16| (0xDC00..=0xDFFF).contains(&unit);
    let Some(first) = code_unit(bytes) else {
        return Err(Fault::syntax("\\u without four hexadecimal digits"));
    };
    let pairs = || bytes.get(6..).and_then(code_unit).is_some_and(is_low);
    match first {
        0xD800..=0xDBFF if pairs() => Ok(LONGEST_ESCAPE),
        0xD800..=0xDFFF => Err(Fault {
            code: Code::JsonSurrogate,
            found: format!("the lone surrogate \\u{first:04x}").into(),
        }),
        _ => Ok(6),
    }
}

/// The unit of the escape `\uXXXX` that the bytes start with.
#[expect(clippy::disallowed_methods, reason = "16 is not more than 36")]
fn code_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.get(..6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0_u16, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).and_then(|digit| u16::try_from(digit).ok())?;
        unit.checked_mul(16)?.checked_add(digit)
    })
}

/// The length of the number that the bytes start with.
#[inline]
fn number_length(bytes: &[u8]) -> std::result::Result<usize, Fault> {
    let digits = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let minus = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(minus);
    let leading_zero = whole > 1 && bytes.get(minus) == Some(&b'0');
    let mut sound = whole > 0 && !leading_zero;
    let mut length = minus.saturating_add(whole);
    if bytes.get(length) == Some(&b'.') {
        let fraction = digits(length.saturating_add(1));
        sound &= fraction > 0;
        length = length.saturating_add(1).saturating_add(fraction);
    }
    if let Some(b'e' | b'E') = bytes.get(length) {
        let sign = usize::from(matches!(bytes.get(length.saturating_add(1)), Some(b'+' | b'-')));
        let exponent = digits(length.saturating_add(1).saturating_add(sign));
        sound &= exponent > 0;
        length = length.saturating_add(1).saturating_add(sign).saturating_add(exponent);
    }
    if !sound {
        return Err(Fault::syntax("a number that JSON does not allow"));
    }
    if length.saturating_sub(minus) > NUMBER_LENGTH {
        return Err(Fault {
            code: Code::JsonNumber,
            found: format!("a number of at least {length} characters").into(),
        });
    }
    Ok(length)
}

/// A whole text that is one string, decoded.
pub(super) fn whole_string(text: &str) -> std::result::Result<Cow<'_, str>, Fault> {
    let inner = text.strip_prefix('"').ok_or_else(|| Fault::syntax("a string without quotes"))?;
    let bytes = inner.as_bytes();
    let mut length = 0_usize;
    let mut escaped = false;
    loop {
        let rest = bytes.get(length..).unwrap_or_default();
        length = length.saturating_add(plain_length(rest, &mut 0));
        let rest = bytes.get(length..).unwrap_or_default();
        match rest.first() {
            Some(b'"') => break,
            Some(b'\\') => {
                escaped = true;
                length = length.saturating_add(escape_length(rest)?);
            }
            Some(_) => return Err(Fault::syntax("a control character in a string")),
            None => return Err(Fault::syntax("the text ends within a string")),
        }
    }
    let (content, after) = inner.split_at_checked(length).unwrap_or((inner, ""));
    if after != "\"" {
        let found = "more text follows the JSON value".into();
        return Err(Fault { code: Code::JsonTrailingData, found });
    }
    Ok(if escaped { Cow::Owned(unescape(content)) } else { Cow::Borrowed(content) })
}

/// Checks that a whole text is one number.
pub(super) fn whole_number(text: &str) -> std::result::Result<&str, Fault> {
    let length = number_length(text.as_bytes())?;
    if length == text.len() {
        return Ok(text);
    }
    Err(Fault { code: Code::JsonTrailingData, found: "more text follows the JSON value".into() })
}

/// A number as Python writes it: JSON allows `-0`, which `json` reads as the integer zero. `-0.0` is a float.
pub(super) fn pythons(number: &str) -> &str {
    if number == "-0" { "0" } else { number }
}

/// Decodes escapes that [`escape_length`] has checked.
fn unescape(raw: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "as long as the text")]
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
        // Not reached for text that was checked.
        _ => (char::REPLACEMENT_CHARACTER, 5),
    }
}
