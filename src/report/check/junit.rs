//! Verdicts as `JUnit` XML: a test case for each file.
//!
//! A case has one `failure` or one `error`, whose text lists all findings: of several, most readers show the first. What
//! else is known of a file stands in its `system-out`, as Jenkins allows no properties of a case.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Report, harmless, left_out_text, short, text};
use crate::check::{Outcome, Summary, Verdict};
use crate::text::shown_path;

const SUITE: &str = "skops-rs check";
const CLASS: &str = "skops-rs.check";
const LEFT_OUT: &str = "skops-rs.left-out";

pub(super) fn write(out: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let summary = report.summary;
    let tests = summary.files.to_string();
    let failures = summary.deny.to_string();
    let errors = summary.refused.saturating_add(summary.error).to_string();
    let counts = [
        ("name", SUITE),
        ("tests", tests.as_str()),
        ("failures", failures.as_str()),
        ("errors", errors.as_str()),
    ];
    xml.create_element("testsuites").with_attributes(counts).write_inner_content(|xml| {
        let suite = xml.create_element("testsuite").with_attributes(counts).with_attribute(("skipped", "0"));
        suite.write_inner_content(|xml| {
            write_properties(xml, report)?;
            report.files.iter().try_for_each(|verdict| write_case(xml, verdict))?;
            write_left_out(xml, report.left_out)
        })?;
        Ok(())
    })?;
    writeln!(out)
}

/// What holds for all files.
fn write_properties(xml: &mut Writer<impl Write>, report: &Report<'_>) -> io::Result<()> {
    let (head, summary) = (report.head, report.summary);
    let mut properties = vec![
        ("tool", head.tool.to_owned()),
        ("version", head.version.to_owned()),
        ("level", head.level.as_str().to_owned()),
        ("files.skipped", summary.skipped.to_string()),
        ("files.not-checked", summary.not_checked.to_string()),
    ];
    let left_out = report.left_out.files;
    properties.extend((left_out > 0).then(|| ("files.left-out", left_out.to_string())));
    properties.extend(head.policy.as_ref().map(|path| ("policy", valid(&shown_path(path)))));
    properties.extend(head.policy_sha256.map(|sha256| ("policy.sha256", sha256.to_string())));
    xml.create_element("properties").write_inner_content(|xml| {
        properties.iter().try_for_each(|(name, value)| {
            let property = xml.create_element("property").with_attribute(("name", *name));
            property.with_attribute(("value", value.as_str())).write_empty().map(drop)
        })
    })?;
    Ok(())
}

fn write_case(xml: &mut Writer<impl Write>, verdict: &Verdict) -> io::Result<()> {
    let name = valid(&shown_path(&verdict.path));
    let mut findings = Vec::new();
    text::write(&mut findings, verdict)?;
    let findings = valid(&String::from_utf8_lossy(&findings));
    let case =
        xml.create_element("testcase").with_attributes([("name", name.as_str()), ("classname", CLASS)]);
    case.write_inner_content(|xml| {
        let mut known = known(verdict);
        if let Some(element) = element(verdict.outcome) {
            write_fault(xml, element, verdict, &findings)?;
        } else {
            known.push_str(&findings);
        }
        xml.create_element("system-out").write_text_content(BytesText::new(&known)).map(drop)
    })?;
    Ok(())
}

/// What a case has if its file does not pass.
fn element(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Pass => None,
        Outcome::Deny => Some("failure"),
        Outcome::Refused | Outcome::Error => Some("error"),
    }
}

/// Writes one case for all files that are left out: readers count cases, and one of these may not pass. Its class tells
/// it from a file of that name.
fn write_left_out(xml: &mut Writer<impl Write>, left_out: &Summary) -> io::Result<()> {
    if left_out.files == 0 {
        return Ok(());
    }
    let text = left_out_text(left_out);
    let case =
        xml.create_element("testcase").with_attributes([("name", "left out"), ("classname", LEFT_OUT)]);
    case.write_inner_content(|xml| {
        if let Some(element) = element(left_out.outcome()) {
            let fault = xml.create_element(element).with_attribute(("message", text.as_str()));
            fault.with_attribute(("type", "")).write_empty()?;
        }
        xml.create_element("system-out").write_text_content(BytesText::new(&text)).map(drop)
    })?;
    Ok(())
}

/// Writes why a file does not pass.
fn write_fault(
    xml: &mut Writer<impl Write>,
    element: &str,
    verdict: &Verdict,
    findings: &str,
) -> io::Result<()> {
    let first = verdict.findings.first();
    let more = match verdict.findings.len().saturating_sub(1).saturating_add(verdict.findings_left_out) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let message = first.map_or_else(|| short(verdict.outcome).into(), |first| harmless(&first.message));
    let message = valid(&format!("{message}{more}"));
    let fault = xml.create_element(element).with_attribute(("message", message.as_str()));
    let fault = fault.with_attribute(("type", first.map_or("", |first| first.code.as_str())));
    fault.write_text_content(BytesText::new(findings)).map(drop)
}

/// What is known of a file, passed or not. No line starts with text of the file's.
fn known(verdict: &Verdict) -> String {
    let lines = [
        ("verdict", Some(verdict.outcome.as_str().to_owned())),
        ("sha256", verdict.sha256.map(|sha256| sha256.to_string())),
        ("size", verdict.size.map(|size| size.to_string())),
        ("root-type", verdict.root_type.as_deref().map(harmless)),
        ("verified", Some(verdict.verified.to_string())),
    ];
    let lines = lines.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}\n", valid(&value?))));
    lines.collect()
}

/// Text with what XML 1.0 cannot hold, even escaped, as it is written in Rust.
fn valid(text: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "as long as the text")]
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let is_valid = match character {
            '\t' | '\n' => true,
            '\u{fffe}' | '\u{ffff}' => false,
            other => !other.is_control(),
        };
        if is_valid {
            out.push(character);
        } else {
            out.extend(character.escape_unicode());
        }
    }
    out
}
