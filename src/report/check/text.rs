//! Verdicts for people.

use std::io::{self, Write};

use super::{Report, harmless, short};
use crate::check::{Finding, Outcome, Verdict};
use crate::text::shown_path;

/// Writes what is to be said of a file: nothing if it is clean.
pub(super) fn write(out: &mut impl Write, verdict: &Verdict) -> io::Result<()> {
    if verdict.findings.is_empty() {
        return Ok(());
    }
    let mark = if verdict.outcome == Outcome::Pass { "warn" } else { "FAIL" };
    writeln!(out, "{mark}  {}: {}", shown_path(&verdict.path), short(verdict.outcome))?;
    let mut rest = verdict.findings.as_slice();
    while let Some(first) = rest.first() {
        // Findings of one kind stand together, and what to do about them is said once.
        let is_same = |finding: &Finding| {
            (finding.code, finding.severity, &finding.hint) == (first.code, first.severity, &first.hint)
        };
        let count = rest.iter().take_while(|finding| is_same(finding)).count();
        let (group, others) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        writeln!(out, "  {}[{}]", first.severity, first.code)?;
        group.iter().try_for_each(|finding| write_finding(out, finding))?;
        writeln!(out, "    hint: {}", harmless(&first.hint))?;
        rest = others;
    }
    if verdict.findings_left_out > 0 {
        writeln!(out, "  and {} more findings", verdict.findings_left_out)?;
    }
    Ok(())
}

fn write_finding(out: &mut impl Write, finding: &Finding) -> io::Result<()> {
    writeln!(out, "    - {}", harmless(&finding.message))?;
    if let Some(reason) = &finding.reason {
        writeln!(out, "      beware: {}", harmless(reason))?;
    }
    if let Some(place) = finding.places.first() {
        let path = if place.path.is_empty() { "the root" } else { &place.path };
        let more = match finding.place_count.saturating_sub(1) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        return writeln!(out, "      at: {}{more}", harmless(path));
    }
    if !finding.at.is_unknown() {
        writeln!(out, "      at: {}", harmless(&finding.at.to_string()))?;
    }
    Ok(())
}

/// Sums up.
pub(super) fn write_end(out: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    let summary = report.summary;
    let passed = match (summary.pass, summary.warned) {
        (count, 0) => format!("{count} passed"),
        (count, warned) => format!("{count} passed ({warned} with warnings)"),
    };
    let mut counts = if summary.pass > 0 { vec![passed] } else { Vec::new() };
    let others = [
        (summary.deny, "denied"),
        (summary.refused, "refused"),
        (summary.error, "not readable"),
        (summary.not_checked, "not checked"),
    ];
    let others = others.into_iter().filter(|(count, _)| *count > 0);
    counts.extend(others.map(|(count, word)| format!("{count} {word}")));
    let files = if summary.files == 1 { "file" } else { "files" };
    write!(out, "{} {files} checked", summary.files)?;
    if let Some(policy) = &report.head.policy {
        write!(out, " by {}", shown_path(policy))?;
    }
    if !counts.is_empty() {
        write!(out, ": {}", counts.join(", "))?;
    }
    if summary.skipped > 0 {
        let are =
            if summary.skipped == 1 { "file that is no model was" } else { "files that are no models were" };
        write!(out, "; {} {are} skipped", summary.skipped)?;
    }
    writeln!(out)
}
