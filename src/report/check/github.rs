//! Verdicts as workflow commands of GitHub Actions, which become annotations.
//!
//! The first ten errors and the first ten warnings of a step become annotations. So there is one for each file, which has
//! all its findings, the worst first: a file with many does not hide the others. The last line sums up, and is no command:
//! a notice that all is well would stand beside every other run.

use std::io::{self, Write};

use super::{Report, short, text};
use crate::check::{Outcome, Verdict};
use crate::text::shown_path;

/// The runner cuts a message after 4096 characters.
const MOST_BYTES: usize = 3800;

/// A line is cut after so many characters. Only paths and names make longer ones.
const LINE_LENGTH: usize = 900;

/// Writes what is to be said of a file: nothing if it is clean.
pub(super) fn write(out: &mut impl Write, verdict: &Verdict) -> io::Result<()> {
    let failed = verdict.outcome != Outcome::Pass;
    if verdict.findings.is_empty() && !failed {
        return Ok(());
    }
    let command = if failed { "error" } else { "warning" };
    let path = shown_path(&verdict.path);
    let others = verdict.findings.len().saturating_sub(1).saturating_add(verdict.findings_left_out);
    let codes = verdict.findings.first().map(|first| match others {
        0 => format!(" ({})", first.code),
        more => format!(" ({}, and {more} more)", first.code),
    });
    let title = format!("skops-rs: {}{}", short(verdict.outcome), codes.unwrap_or_default());
    let mut message = Vec::new();
    text::write(&mut message, verdict)?;
    let message = cut(&String::from_utf8_lossy(&message));
    writeln!(out, "::{command} file={},title={}::{}", property(&path), property(&title), data(&message))
}

/// Sums up.
pub(super) fn write_end(out: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    text::write_end(out, report)
}

/// Leaves out what is too much.
fn cut(message: &str) -> String {
    let mut lines = message.lines();
    let mut kept = Vec::new();
    let mut room = MOST_BYTES;
    for line in lines.by_ref() {
        let line: String = line.chars().take(LINE_LENGTH).collect();
        let Some(left) = room.checked_sub(line.len().saturating_add(1)) else {
            let count = lines.count().saturating_add(1);
            kept.push(format!("and {count} more lines: see another format of the report"));
            break;
        };
        room = left;
        kept.push(line);
    }
    kept.join("\n")
}

/// Text as the message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text as a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
