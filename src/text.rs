//! Text from a file, made safe to show.
//!
//! A file's author chooses names, keys and values. Shown as they are, they could move the cursor, colour a
//! terminal, forge a line of output or look like another name. So everything but printable ASCII is shown as an
//! escape, and long text is cut.

use std::fmt::{self, Write as _};

/// How many characters of a file's text are shown at most before it is cut.
pub const SHOWN_LENGTH: usize = 120;

/// How many characters of a path or pointer into a file are shown at most.
pub const PLACE_LENGTH: usize = 400;

/// Shows `text` escaped, and cut after [`SHOWN_LENGTH`] characters.
///
/// ```
/// let evil = "os\u{1b}[2K\rfine\u{202e}";
/// assert_eq!(skops_rs::text::shown(evil).to_string(), r"os\u{1b}[2K\rfine\u{202e}");
/// ```
#[must_use]
pub fn shown(text: &str) -> Shown<'_> {
    shown_in(text, SHOWN_LENGTH)
}

/// Shows `text` escaped, and cut after `length` characters.
#[must_use]
pub fn shown_in(text: &str, length: usize) -> Shown<'_> {
    Shown { text, length }
}

/// What [`shown`] returns: text that is escaped and cut when it is displayed.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    text: &'a str,
    length: usize,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.text.chars();
        for character in characters.by_ref().take(self.length) {
            match character {
                ' '..='~' if character != '\\' => f.write_char(character)?,
                '\\' | '\n' | '\r' | '\t' => write!(f, "{}", character.escape_default())?,
                other => write!(f, "{}", other.escape_unicode())?,
            }
        }
        // Counting characters would take as long as the text is.
        match characters.as_str().len() {
            0 => Ok(()),
            cut => write!(f, "...({cut} more bytes)"),
        }
    }
}

/// Formats what may be long, and stops after `length` bytes. What is formatted is ASCII.
pub(crate) fn cut(value: impl fmt::Display, length: usize) -> String {
    struct Bounded(String, usize);
    impl fmt::Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = self.1.saturating_sub(self.0.len());
            self.0.push_str(text.get(..room).unwrap_or(text));
            if text.len() > room { Err(fmt::Error) } else { Ok(()) }
        }
    }
    let mut out = Bounded(String::new(), length);
    if write!(out, "{value}").is_err() {
        out.0.push_str("...");
    }
    out.0
}

/// Shows bytes that ought to be text, escaped and cut like [`shown`].
pub(crate) fn shown_bytes(bytes: &[u8]) -> String {
    shown(&String::from_utf8_lossy(bytes)).to_string()
}

/// Whether a character is not seen, or moves others: marks of direction, joiners, fillers, tags.
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Shows a path as the caller gave it, with what could forge or reorder a line of output escaped.
#[must_use]
pub fn shown_path(path: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "as long as the path")]
    let mut shown = String::with_capacity(path.len());
    for character in path.chars() {
        if character.is_control() || is_unseen(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}
