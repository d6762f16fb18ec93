//! The verdict on a whole file, and the reports of it.

use std::sync::Arc;

use serde_json::Value;
use skops_rs::check::{Checker, Finding, Level, Outcome, Region, Summary, Verdict};
use skops_rs::policy::Policy;
use skops_rs::report::check::{Format, Head, Writer};
use skops_rs::{Archive, Audit, Error, SCHEMA_NAME, TrustList};

use super::files;
use super::memory;
use super::pointer;
use super::sources::Trickle;

/// Whatever the file is: its verdict is that of the audit, also when it comes one byte at a time; what is verified can be
/// built; findings point at what they are about; and reports are in proportion and free of control characters.
pub fn check(data: &[u8]) {
    let checker = checker(Level::Audit);
    let first = checker.check_bytes("model.skops", data.to_vec());
    assert_same(&first, &checker.check_stream("model.skops", Trickle(data)));
    let audit =
        Archive::from_bytes(data.to_vec(), files::small()).and_then(|archive| archive.schema()?.audit());
    check_outcome(&first, &audit);
    check_verified(data, &first);
    let text = text_of_schema(data);
    for finding in &first.findings {
        files::assert_shown(&finding.message);
        files::assert_shown(&finding.hint);
        if let (Some(region), Some(text)) = (&finding.region, &text) {
            check_region(finding, *region, text);
        }
    }
    check_reports(&checker, &Arc::new(first), data.len());
}

fn checker(level: Level) -> Checker {
    let mut policy = Policy::default();
    policy.limits = files::small();
    Checker::new(policy).with_level(level).with_regions()
}

fn assert_same(one: &Verdict, other: &Verdict) {
    let [one, other] = [one, other].map(|verdict| serde_json::to_string(verdict).expect("a verdict is JSON"));
    assert_eq!(one, other, "one byte at a time");
}

fn check_outcome(verdict: &Verdict, audit: &Result<Audit, Error>) {
    let expected = match audit {
        Err(_) => Outcome::Refused,
        Ok(audit) if audit.untrusted(&TrustList::default()).is_empty() => Outcome::Pass,
        Ok(_) => Outcome::Deny,
    };
    assert_eq!(verdict.outcome, expected, "{:?}", verdict.findings);
}

/// A verdict that goes deeper is no better, and says `verified` of nothing that cannot be read.
fn check_verified(data: &[u8], shallow: &Verdict) {
    let deep = checker(Level::Verify).check_bytes("model.skops", data.to_vec());
    assert!(deep.outcome >= shallow.outcome, "{:?} {:?}", deep.findings, shallow.findings);
    if deep.verified {
        let built = super::load::outcome(data, &files::small());
        let is_sound = built.as_ref().is_ok_and(|built| built.starts_with("Ok(()) Ok(()) Ok("));
        assert!(is_sound, "{built:?}");
    }
}

fn text_of_schema(data: &[u8]) -> Option<String> {
    let archive = Archive::from_bytes(data.to_vec(), files::small()).ok()?;
    String::from_utf8(archive.read(archive.entry(SCHEMA_NAME)?).ok()?).ok()
}

/// A region lies within the text, says the same in lines and in bytes, and is a value that the pointer leads to.
fn check_region(finding: &Finding, region: Region, text: &str) {
    let start = region.byte_offset as usize;
    let end = start + region.byte_length as usize;
    let found = text.get(start..end).unwrap_or_else(|| panic!("bytes {start} to {end} of {}", text.len()));
    assert_eq!(found.trim(), found, "{finding:?}");
    assert_eq!((region.line, region.column), line_and_column(&text[..start]), "{finding:?}");
    assert_eq!((region.end_line, region.end_column), line_and_column(&text[..end]), "{finding:?}");
    let pointer = finding.places.first().map(|place| &place.pointer).or(finding.at.pointer.as_ref());
    let Some(pointer) = pointer.filter(|pointer| pointer.len() < skops_rs::text::PLACE_LENGTH) else {
        return;
    };
    // Where keys stand twice it is one of them: the file is refused for that, or for something before the second.
    let values = pointer::values(text.trim(), pointer);
    let is_one = values.iter().any(|value| std::ptr::eq(*value, found));
    assert!(is_one || !is_json(text), "{found} from {start} on, at {pointer}, is none of {values:?}");
}

/// Whether it is JSON for another reader, which has a limit of its own for its depth.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

fn line_and_column(before: &str) -> (u64, u64) {
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() as u64 + 1, line.chars().count() as u64 + 1)
}

fn check_reports(checker: &Checker, verdict: &Arc<Verdict>, size: usize) {
    let most = (1 << 20) + 256 * size;
    for format in Format::ALL {
        let write = || report(*format, checker, verdict);
        let text = memory::within(8 * most, "a report", write);
        assert!(text.len() <= most, "{} bytes of {} for {size}", text.len(), format.as_str());
        assert_eq!(text, write(), "the second time");
        let text = String::from_utf8(text).expect("a report is text");
        let odd = text.chars().find(|character| character.is_control() && *character != '\n');
        assert_eq!(odd, None, "in {}", format.as_str());
        if matches!(format, Format::Json | Format::JsonLines | Format::Sarif) {
            serde_json::from_str::<Value>(&text).expect("JSON");
        }
    }
}

fn report(format: Format, checker: &Checker, verdict: &Arc<Verdict>) -> Vec<u8> {
    let mut writer = Writer::new(format, Head::new(checker), Vec::new());
    let mut summary = Summary::default();
    summary.count(verdict);
    writer.add(verdict).expect("memory can be written to");
    writer.finish(&summary, checker).expect("memory can be written to")
}
