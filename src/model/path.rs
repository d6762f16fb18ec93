//! Paths to objects, as one would write them in Python.

use crate::error::{Code, Error, Result};
use crate::schema::ARGUMENTS;
use crate::text::shown;

/// A step of a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// `.name`
    Attribute(String),
    /// `[3]`
    Index(usize),
    /// `['key']`, without its escapes.
    Key(String),
}

/// Parses a path such as `steps[1][1].vocabulary_['word']`. The escapes in a key are those that [`shown`] writes.
pub(super) fn parse(path: &str) -> Result<Vec<Step>> {
    let broken = |rest: &str, expected: &str| {
        let found = if rest.is_empty() { "its end".to_owned() } else { format!("'{}'", shown(rest)) };
        let text = format!("the path '{}', which has {found} where {expected} ought to be", shown(path));
        Error::new(Code::PathSyntax, text)
    };
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("['") {
            let (key, after) = key(quoted).ok_or_else(|| broken(quoted, "a key and `']`"))?;
            steps.push(Step::Key(key));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('[') {
            let expected = "a position and `]`";
            let (digits, after) = inner.split_once(']').ok_or_else(|| broken(inner, expected))?;
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let index = digits.parse().ok().filter(|_| is_number).ok_or_else(|| broken(inner, expected))?;
            steps.push(Step::Index(index));
            rest = after;
        } else {
            let start = match rest.strip_prefix('.') {
                Some(after) if !steps.is_empty() => after,
                None if steps.is_empty() => rest,
                _ => return Err(broken(rest, "`.` and a name, or `[`")),
            };
            let (name, after) = name(start).ok_or_else(|| broken(start, "a name"))?;
            steps.push(Step::Attribute(name.to_owned()));
            rest = after;
        }
    }
    Ok(steps)
}

/// The name at the start, and what follows it.
fn name(text: &str) -> Option<(&str, &str)> {
    if text.starts_with(ARGUMENTS) {
        return text.split_at_checked(ARGUMENTS.len());
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(name, _)| !name.is_empty())
}

/// The key at the start, without its escapes, and what follows `']`.
fn key(text: &str) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut characters = text.chars();
    loop {
        // A quote ends the key only before a bracket: `shown` does not escape quotes.
        if let Some(after) = characters.as_str().strip_prefix("']")
            && (after.is_empty() || after.starts_with(['.', '[']))
        {
            return Some((key, after));
        }
        key.push(match characters.next()? {
            '\\' => escape(&mut characters)?,
            character => character,
        });
    }
}

fn escape(characters: &mut std::str::Chars<'_>) -> Option<char> {
    match characters.next()? {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '\\' => Some('\\'),
        '\'' => Some('\''),
        'u' => {
            let (digits, after) = characters.as_str().strip_prefix('{')?.split_once('}')?;
            *characters = after.chars();
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_they_are_written() {
        let steps = parse(r"steps[1].v['a\u{301}\\ b'][0]['it']s'].x").unwrap_or_default();
        let expected = [
            Step::Attribute("steps".into()),
            Step::Index(1),
            Step::Attribute("v".into()),
            Step::Key("a\u{301}\\ b".into()),
            Step::Index(0),
            Step::Key("it']s".into()),
            Step::Attribute("x".into()),
        ];
        assert_eq!(steps, expected);
        assert_eq!(parse("").unwrap_or_else(|_| vec![Step::Index(9)]), []);
    }

    #[test]
    fn other_text_is_refused() {
        for path in [".a", "a.", "a..b", "a[", "a[x]", "a[-1]", "a['x", "a[1]b", "a[]", "a['\\q']"] {
            assert_eq!(parse(path).map_err(|error| error.code()), Err(Code::PathSyntax), "{path}");
        }
    }
}
