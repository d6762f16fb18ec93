//! Verdicts as a summary for a pull request, or for the page of a workflow's run.
//!
//! Text of files, and paths, stand in spans of code, where nothing is markup and nobody is mentioned. Tables hold counts
//! only: what ends a cell is not the same everywhere. What is put within HTML is escaped for it.

use std::cmp::Reverse;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

use super::{AllowanceReport, Report, harmless, short};
use crate::check::{Finding, Outcome, Summary, Verdict};
use crate::text::shown_path;

/// GitHub takes comments of 65,536 characters. Past so many bytes no section is started; there is room for one, and for
/// the end.
const MOST_BYTES: usize = 44_000;

/// The section of a file is about so long at most.
const SECTION_BYTES: usize = 6000;

/// A path longer than this is cut.
const PATH_LENGTH: usize = 300;

/// Up to so many sections are shown open.
const MOST_OPEN: usize = 3;

/// How many allowances are listed.
const MOST_ALLOWANCES: usize = 10;

pub(super) fn write(out: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    let mut text = String::new();
    // Writing to text cannot fail.
    let _ = write_all(&mut text, report);
    out.write_all(harmless(&text).as_bytes())
}

fn write_all(text: &mut String, report: &Report<'_>) -> fmt::Result {
    write_heading(text, report.summary)?;
    write_counts(text, report.summary)?;
    write_sections(text, report)?;
    for (allowances, what) in [
        (&report.broad_allowances, "The policy allows more than one name at once"),
        (&report.unused_allowances, "The policy allows what no file has needed"),
    ] {
        write_allowances(text, allowances, what)?;
    }
    write_end(text, report)
}

fn write_heading(text: &mut String, summary: &Summary) -> fmt::Result {
    let failed = summary.files.saturating_sub(summary.pass);
    match (summary.files, failed) {
        (0, _) => writeln!(text, "## skops-rs: nothing was checked\n"),
        (1, 0) => writeln!(text, "## skops-rs: the model passes\n"),
        (1, _) => writeln!(text, "## skops-rs: the model does not pass\n"),
        (files, 0) => writeln!(text, "## skops-rs: all {files} models pass\n"),
        (files, 1) => writeln!(text, "## skops-rs: 1 of {files} models does not pass\n"),
        (files, failed) => writeln!(text, "## skops-rs: {failed} of {files} models do not pass\n"),
    }
}

fn write_counts(text: &mut String, summary: &Summary) -> fmt::Result {
    writeln!(text, "| | files |\n|---|--:|\n| pass | {} |", summary.pass)?;
    let others = [
        ("of these, with warnings", summary.warned),
        ("denied by the policy", summary.deny),
        ("refused", summary.refused),
        ("could not be checked", summary.error),
        ("not checked, as one before did not pass", summary.not_checked),
        ("skipped, as they are no models", summary.skipped),
    ];
    let mut others = others.iter().filter(|(_, count)| *count > 0);
    others.try_for_each(|(what, count)| writeln!(text, "| {what} | {count} |"))
}

/// Adds sections of the files with findings, the worst first, while there is room.
fn write_sections(text: &mut String, report: &Report<'_>) -> fmt::Result {
    let is_clean = |verdict: &Verdict| verdict.outcome == Outcome::Pass && verdict.findings.is_empty();
    let mut verdicts: Vec<_> = report.files.iter().filter(|verdict| !is_clean(verdict)).collect();
    verdicts.sort_by_key(|verdict| Reverse(verdict.outcome));
    let clean = report.left_out.pass.saturating_sub(report.left_out.warned);
    let mut left = verdicts.len().saturating_add(report.left_out.files.saturating_sub(clean));
    let is_open = left <= MOST_OPEN;
    for verdict in verdicts {
        if text.len() > MOST_BYTES {
            break;
        }
        write_section(text, verdict, is_open)?;
        left = left.saturating_sub(1);
    }
    match left {
        0 => Ok(()),
        left => writeln!(text, "\nAnd {left} more files with findings, which are left out here."),
    }
}

fn write_section(text: &mut String, verdict: &Verdict, is_open: bool) -> fmt::Result {
    let short = short(verdict.outcome);
    let path = cut_path(&verdict.path);
    if is_open {
        writeln!(text, "\n### {}: {short}", code(&path))?;
    } else {
        writeln!(text, "\n<details><summary><code>{}</code>: {short}</summary>", html(&path))?;
    }
    if let Some(sha256) = verdict.sha256 {
        writeln!(text, "\nSHA-256 `{sha256}`")?;
    }
    write_findings(text, verdict)?;
    if is_open { Ok(()) } else { writeln!(text, "\n</details>") }
}

/// Adds findings by kind, with what to do about them said once.
fn write_findings(text: &mut String, verdict: &Verdict) -> fmt::Result {
    let most = text.len().saturating_add(SECTION_BYTES);
    let mut rest = verdict.findings.as_slice();
    while let Some(first) = rest.first().filter(|_| text.len() < most) {
        writeln!(text, "\n**{}: `{}`**\n", first.severity, first.code)?;
        while let Some((finding, others)) = rest.split_first() {
            let is_same =
                (finding.code, finding.severity, &finding.hint) == (first.code, first.severity, &first.hint);
            if !is_same || text.len() > most {
                break;
            }
            write_finding(text, finding)?;
            rest = others;
        }
        writeln!(text, "\nWhat to do: {}.", prose(&first.hint))?;
    }
    match rest.len().saturating_add(verdict.findings_left_out) {
        0 => Ok(()),
        left => writeln!(text, "\nAnd {left} more findings."),
    }
}

fn write_finding(text: &mut String, finding: &Finding) -> fmt::Result {
    writeln!(text, "- {}.", prose(&finding.message))?;
    if let Some(reason) = &finding.reason {
        writeln!(text, "  Beware: {}.", prose(reason))?;
    }
    if let Some(place) = finding.places.first() {
        let path = if place.path.is_empty() { "the root".to_owned() } else { code(&place.path) };
        let more = match finding.place_count.saturating_sub(1) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        return writeln!(text, "  At {path}{more}.");
    }
    if finding.at.is_unknown() {
        return Ok(());
    }
    writeln!(text, "  At {}.", code(&finding.at.to_string()))
}

fn write_allowances(text: &mut String, allowances: &[AllowanceReport], what: &str) -> fmt::Result {
    if allowances.is_empty() {
        return Ok(());
    }
    writeln!(text, "\n{what}:\n")?;
    for allowance in allowances.iter().take(MOST_ALLOWANCES) {
        let line = allowance.line.map(|line| format!(" (line {line})"));
        writeln!(text, "- {}{}", code(&cut_path(&allowance.name)), line.unwrap_or_default())?;
    }
    match allowances.len().saturating_sub(MOST_ALLOWANCES) {
        0 => Ok(()),
        more => writeln!(text, "- and {more} more"),
    }
}

fn write_end(text: &mut String, report: &Report<'_>) -> fmt::Result {
    let head = report.head;
    write!(text, "\n{} {}, level `{}`", head.tool, head.version, head.level.as_str())?;
    if let Some(path) = &head.policy {
        write!(text, ", policy {}", code(&cut_path(path)))?;
    }
    if let Some(sha256) = head.policy_sha256 {
        write!(text, " (SHA-256 `{sha256}`)")?;
    }
    writeln!(text)
}

/// A path for one line; of one that is very long the end, where the name is.
fn cut_path(path: &str) -> String {
    let path = shown_path(path);
    match path.chars().count().saturating_sub(PATH_LENGTH) {
        0 => path,
        cut => format!("...{}", path.chars().skip(cut).collect::<String>()),
    }
}

/// Text as a span of code: fenced by more backticks than it has in a row.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    #[expect(clippy::disallowed_methods, reason = "as many as the text has, and one")]
    let fence = "`".repeat(longest.saturating_add(1));
    // One space at either end is taken off again.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A sentence, with whatever is not a plain word as code. What stands between backticks is code as a whole.
fn prose(text: &str) -> String {
    // It goes on one line, where it starts nothing.
    let text = text.replace(char::is_control, " ");
    #[expect(clippy::disallowed_methods, reason = "as long as the text")]
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('`').enumerate().peekable();
    while let Some((index, part)) = parts.next() {
        // A backtick that none follows starts nothing.
        if index % 2 == 1 && parts.peek().is_some() {
            out.push_str(&code(part));
        } else {
            part.split_inclusive(' ').for_each(|word| push_word(&mut out, word));
        }
    }
    out
}

/// Adds a word, with the space that may follow it.
fn push_word(out: &mut String, text: &str) {
    let start = text.trim_start_matches(['(', '\'', '"']);
    let word = start.trim_end_matches([' ', '.', ',', ';', ':', ')', '\'', '"']);
    let before = text.strip_suffix(start).unwrap_or_default();
    let after = start.strip_prefix(word).unwrap_or_default();
    out.push_str(before);
    if is_plain(word) || is_number(word, after) {
        out.push_str(word);
    } else {
        out.push_str(&code(word));
    }
    out.push_str(after);
}

/// Whether a word is nothing but a word: letters, with hyphens or apostrophes between them.
fn is_plain(word: &str) -> bool {
    let mut parts = word.split(['-', '\'']);
    parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && !may_be_commit(word)
}

/// Whether a number is not one that starts a list.
fn is_number(word: &str, after: &str) -> bool {
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !may_be_commit(word) && !after.starts_with(['.', ')'])
}

/// Whether GitHub may take a word for the name of a commit.
fn may_be_commit(word: &str) -> bool {
    word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Text for HTML: everything but letters, digits and a few others as a reference.
fn html(text: &str) -> String {
    let escaped = |character: char| match character {
        '/' | '.' | '-' | ' ' => character.to_string(),
        other if other.is_alphanumeric() => other.to_string(),
        other => format!("&#{};", u32::from(other)),
    };
    text.chars().map(escaped).collect()
}
