//! Text from a file, made safe to show.
//!
//! A file's author chooses names, keys and values. Shown as they are, they could move the cursor, colour a
//! terminal, forge a line of output or look like another name. So everything but printable ASCII is shown as an
//! escape, and long text is cut. Paths, which people name in their own letters, keep those that can be seen.
//!
//! What runs a pipeline reads its output, too: `##[error]` is a command of GitHub Actions wherever it stands in a line,
//! `##vso[...]` one of Azure Pipelines and `##teamcity[...]` one of `TeamCity`. So a bracket after such a word is escaped.
//! `docs/output.md` says what is escaped where.

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
        let mut opens_command = opens_command();
        for character in characters.by_ref().take(self.length) {
            match character {
                bracket if opens_command(bracket) => write!(f, "{}", bracket.escape_unicode())?,
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

/// How many bytes text takes in a report, where everything but printable ASCII is escaped.
pub(crate) fn json_length(text: &str) -> u64 {
    let length = |character: char| match character {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        // An escape of six bytes for each unit of UTF-16.
        other => {
            if other.len_utf16() == 1 {
                6
            } else {
                12
            }
        }
    };
    text.chars().map(length).fold(0, u64::saturating_add)
}

/// Shows bytes that ought to be text, escaped and cut like [`shown`].
pub(crate) fn shown_bytes(bytes: &[u8]) -> String {
    shown(&String::from_utf8_lossy(bytes)).to_string()
}

/// Finds the brackets that open commands of pipelines, when it is asked for one character after the other: those behind
/// two hashes and a word, which may be empty.
///
/// What reads the commands of GitHub and Azure is written in .NET, which ignores some characters when it looks for text.
/// So all that are no ASCII are passed over here.
pub(crate) fn opens_command() -> impl FnMut(char) -> bool {
    let mut hashes = 0_u8;
    move |character| {
        let is_command = hashes == 2 && character == '[';
        hashes = match character {
            '#' => 2.min(hashes.saturating_add(1)),
            letter if letter.is_ascii_alphabetic() && hashes == 2 => hashes,
            other if !other.is_ascii() => hashes,
            _ => 0,
        };
        is_command
    }
}

/// Text without commands of pipelines.
#[cfg(feature = "gate")]
pub(crate) fn harmless(text: &str) -> String {
    text.split(opens_command()).collect::<Vec<_>>().join("\\u{5b}")
}

/// Whether a character, which is no ASCII, is white space, is not seen, has no meaning that all agree upon, or moves
/// others.
fn is_unseen(character: char) -> bool {
    // The standard library escapes what is no letter, mark, number, punctuation or symbol. A mark it leaves alone behind
    // another character, but some marks and letters cannot be seen.
    ['a', character].iter().collect::<String>().escape_debug().count() > 2
        || matches!(
            character,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
                | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fffc}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether a character stands on the one before it. To be asked of characters that are seen.
fn is_mark(character: char) -> bool {
    character.escape_debug().count() > 1
}

/// Marks on one letter. Those of a language are fewer; a hundred reach into the lines above.
const MOST_MARKS: usize = 4;

/// Shows a path as the caller gave it, with what could forge or reorder a line of output escaped.
///
/// Two paths are never shown alike, so where a backslash does not separate folders, it is escaped, too. A colon at the
/// start is escaped, as `::error::` there would be a command of GitHub Actions.
///
/// ```
/// use skops_rs::text::shown_path;
///
/// assert_eq!(shown_path("größe/a b.skops"), "größe/a b.skops");
/// assert_eq!(shown_path("a\n::error::b\u{202e}"), r"a\n::error::b\u{202e}");
/// assert_eq!(shown_path("::error::##[group]"), r"\u{3a}:error::##\u{5b}group]");
/// ```
#[must_use]
pub fn shown_path(path: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "as long as the path")]
    let mut shown = String::with_capacity(path.len());
    let mut opens_command = opens_command();
    let mut is_start = true;
    let mut marks = MOST_MARKS;
    for character in path.chars() {
        let is_command = opens_command(character) || (is_start && character == ':');
        marks = if !character.is_ascii() && is_mark(character) { marks.saturating_add(1) } else { 0 };
        match character {
            _ if is_command => shown.extend(character.escape_unicode()),
            '\\' if !cfg!(windows) => shown.push_str("\\\\"),
            ascii if ascii.is_ascii_control() => shown.extend(ascii.escape_default()),
            other if !other.is_ascii() && (marks > MOST_MARKS || is_unseen(other)) => {
                shown.extend(other.escape_unicode());
            }
            plain => shown.push(plain),
        }
        // Spaces are passed over there, and so is what .NET ignores.
        is_start &= character == ' ' || !character.is_ascii();
    }
    shown
}
