//! What reports say, and that nothing in a file, or in its name, can say something else in them.
#![cfg(feature = "gate")]
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use common::*;
use quick_xml::events::Event;
use serde_json::{Value, json};
use skops_rs::check::{Checker, Level, Outcome, Sha256, Summary, Verdict};
use skops_rs::policy::{Denial, Policy, Preset, Severity};
use skops_rs::report::check::{Format, Head, Writer};
use skops_rs::text::shown_path;
use skops_rs::{Archive, Code};

// ---- what is reported

/// Verdicts, and what judged them.
struct Checked {
    checker: Checker,
    verdicts: Vec<Arc<Verdict>>,
    summary: Summary,
}

impl Checked {
    fn new(checker: Checker, verdicts: Vec<Verdict>) -> Self {
        let mut summary = Summary::default();
        verdicts.iter().for_each(|verdict| summary.count(verdict));
        Self { checker, verdicts: verdicts.into_iter().map(Arc::new).collect(), summary }
    }

    fn files(checker: Checker, paths: &[PathBuf]) -> Self {
        let verdicts = paths.iter().map(|path| checker.check(path)).collect();
        Self::new(checker, verdicts)
    }

    fn named(checker: Checker, files: &[(&str, Vec<u8>)]) -> Self {
        let verdicts = files.iter().map(|(name, bytes)| checker.check_bytes(name, bytes.clone())).collect();
        Self::new(checker, verdicts)
    }

    fn report(&self, format: Format) -> String {
        self.report_with(format, Head::new(&self.checker))
    }

    fn report_with(&self, format: Format, head: Head) -> String {
        let mut writer = Writer::new(format, head, Vec::new());
        self.verdicts.iter().for_each(|verdict| writer.add(verdict).unwrap());
        String::from_utf8(writer.finish(&self.summary, &self.checker).unwrap()).unwrap()
    }

    fn sarif(&self) -> Value {
        serde_json::from_str(&self.report(Format::Sarif)).unwrap()
    }

    fn findings(&self) -> usize {
        self.verdicts.iter().map(|verdict| verdict.findings.len()).sum()
    }
}

fn hostile() -> Vec<PathBuf> {
    files("hostile/files", ".skops")
}

/// Every seventh of the real files of each release.
fn real() -> Vec<PathBuf> {
    let real = files("real", ".skops");
    let some: Vec<_> = real.into_iter().step_by(7).collect();
    assert!(some.len() >= 100, "{}", some.len());
    some
}

/// A policy under which most files have findings, with text that attacks.
fn strict() -> Policy {
    let mut denial = Denial::new("sklearn.**".parse().unwrap());
    denial.reason = Some(EVIL.to_owned());
    Policy::default().deny(denial)
}

fn lenient() -> Policy {
    let mut policy = Policy::default().preset(Preset::Trees).preset(Preset::Sparse);
    policy.severities.set(Code::UntrustedTypes, Severity::Warn).unwrap();
    policy
}

const EVIL: &str =
    "##[error]x ::error::y @everyone #123 [a](http://b.c) {0} <img src=x> `z` |c| & ]]> </failure>";

/// Names that whoever uploads a file could choose.
const NASTY: &[&str] = &[
    "plain.skops",
    "::error file=a::forged",
    "  ::warning::forged",
    "::set-output name=a::b",
    "a\n::error::forged",
    "a\r::error::forged",
    "a\u{2028}::error::forged",
    "##[error]forged",
    "a##[group]forged",
    "###[error]forged",
    "%0A::error::forged",
    "%3A%3A%25",
    "a,title=forged,file=b",
    "a::forged",
    "@everyone",
    "org/team#123",
    "#123",
    "GH-123",
    "<img src=x onerror=alert(1)>",
    "<!-- a",
    "</details></summary></code>",
    "[a](http://evil.example)",
    "![a](http://evil.example)",
    "[a](1) {0} {{1}}",
    "http://evil.example/a",
    "www.evil.example",
    "a`b",
    "```",
    "`a",
    "a``b`c```d`",
    "|a|b|",
    "a\\|b\\",
    "*a* _b_ ~~c~~ $`d`$",
    "&amp;&lt;&#64;a",
    "# a",
    "- a",
    "---",
    "1. a",
    " a ",
    "deadbeefdeadbeef",
    "]]>",
    "</failure>",
    "\"'><a b=\"",
    "\u{202e}a\u{200b}",
    "\u{1b}[31ma\u{7}\u{0}\u{9f}",
    "\u{fffe}\u{ffff}\u{10ffff}",
    "größe 模型 \u{1f916}.skops",
    "/abs/a b.skops",
    "//abs",
    "./models/../a.skops",
    "C:\\a\\b.skops",
    "a:b",
    "",
];

/// A file in whose findings there is text that attacks, as far as a file can bring it there.
fn evil_file() -> Vec<u8> {
    let object = node("ObjectNode", "os.Evil", json!({"content": dict(vec![])}));
    skops(dict(vec![(EVIL, object.clone()), ("größe\n::error::x", list(vec![object]))]), &[])
}

/// Files that are refused with text of theirs in the message.
fn evil_refusals() -> Vec<Vec<u8>> {
    vec![
        skops(node(EVIL, "a.B", json!({})), &[]),
        skops(node("ObjectNode", "a.B", json!({EVIL: 1})), &[]),
        skops(json!({"__class__": EVIL, "__module__": "a", "__loader__": "TypeNode"}), &[]),
        skops_text(&format!("{{{0}: 1, {0}: 1}}", json!(EVIL)), &[]),
        skops(list(vec![]), &[(EVIL, vec![1])]),
        skops(array(EVIL), &[]),
    ]
}

fn nasty_files() -> Vec<(&'static str, Vec<u8>)> {
    let example = std::fs::read(fixtures().join("example.skops")).unwrap();
    let refusals = evil_refusals();
    let files = NASTY.iter().enumerate().flat_map(|(index, name)| {
        let refused = refusals[index % refusals.len()].clone();
        [(*name, example.clone()), (*name, refused), (*name, evil_file())]
    });
    files.collect()
}

/// Some reports that have everything in them.
fn nasty() -> Vec<Checked> {
    [strict(), lenient(), Policy::default()]
        .map(|policy| Checked::named(Checker::new(policy).with_regions(), &nasty_files()))
        .into_iter()
        .collect()
}

#[test]
fn the_files_that_attack_have_findings_with_the_text_they_attack_with() {
    let checked = Checked::named(Checker::new(strict()), &nasty_files());
    let text = checked.report(Format::JsonLines);
    for attack in ["::error::y", "@everyone", "[a](http://b.c)", "<img src=x>", "]]>", "größe"] {
        let escaped = attack.replace('ö', "\\\\u{f6}").replace('ß', "\\\\u{df}");
        assert!(text.contains(&escaped), "{attack}");
    }
    let codes: BTreeSet<_> =
        checked.verdicts.iter().flat_map(|one| &one.findings).map(|one| one.code).collect();
    for code in [
        Code::UnknownLoader,
        Code::UnknownField,
        Code::NameSyntax,
        Code::JsonDuplicateKey,
        Code::EntryName,
        Code::DeniedType,
        Code::UntrustedTypes,
    ] {
        assert!(codes.contains(&code), "{code}: {codes:?}");
    }
}

// ---- SARIF

fn official_schema() -> Vec<u8> {
    std::fs::read(fixtures().join("sarif/sarif-schema-2.1.0.json")).unwrap()
}

fn sarif_validator() -> jsonschema::Validator {
    let text = String::from_utf8(official_schema()).unwrap();
    // The pattern of `language`, which we do not write, has a bracket too many for this validator.
    let bracket = "[a-zA-Z]{2}]?$";
    assert_eq!(text.matches(bracket).count(), 2);
    let schema: Value = serde_json::from_str(&text.replace(bracket, "[a-zA-Z]{2}$")).unwrap();
    jsonschema::draft7::options().should_validate_formats(true).build(&schema).unwrap()
}

#[track_caller]
fn assert_valid(validator: &jsonschema::Validator, sarif: &Value) {
    if let Some(error) = validator.iter_errors(sarif).next() {
        panic!("{error} at {}", error.instance_path());
    }
}

#[test]
fn the_schema_of_sarif_is_the_one_that_its_readme_names() {
    let text = std::fs::read_to_string(fixtures().join("sarif/README.md")).unwrap();
    assert!(text.contains(&Sha256::of(&official_schema()).to_string()));
    let schema: Value = serde_json::from_slice(&official_schema()).unwrap();
    assert!(
        text.contains(schema["$id"].as_str().unwrap()) && text.contains(schema["title"].as_str().unwrap())
    );
}

#[test]
fn sarif_is_as_the_official_schema_says() {
    let validator = sarif_validator();
    let (hostile, real) = (hostile(), real());
    for (paths, policy, regions, level) in [
        (&hostile, Policy::default(), false, Level::Audit),
        (&hostile, lenient(), true, Level::Verify),
        (&real, strict(), true, Level::Audit),
        (&real, lenient(), false, Level::Verify),
    ] {
        let checker = Checker::new(policy).with_level(level);
        let checked = Checked::files(if regions { checker.with_regions() } else { checker }, paths);
        let sarif = checked.sarif();
        assert_valid(&validator, &sarif);
        assert_consistent(&checked, &sarif);
    }
    for checked in nasty() {
        let sarif = checked.sarif();
        assert_valid(&validator, &sarif);
        assert_consistent(&checked, &sarif);
    }
    assert_valid(&validator, &Checked::new(Checker::new(Policy::default()), Vec::new()).sarif());
}

/// A validator that accepts everything would pass the test above.
#[test]
fn the_official_schema_refuses_what_is_no_sarif() {
    let validator = sarif_validator();
    let checked = Checked::files(Checker::new(strict()).with_regions(), &[fixtures().join("example.skops")]);
    let sarif = checked.sarif();
    assert_valid(&validator, &sarif);
    for (pointer, value) in [
        ("/version", json!("2.0.0")),
        ("/runs/0/results/0/level", json!("deny")),
        ("/runs/0/results/0/locations/0/physicalLocation/region/startLine", json!(0)),
        ("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri", json!("a b")),
        ("/runs/0/artifacts/0/roles", json!(["model"])),
        ("/runs/0/columnKind", json!("bytes")),
        ("/runs/0/results/0/message", json!({})),
    ] {
        let mut wrong = sarif.clone();
        *wrong.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        assert!(!validator.is_valid(&wrong), "{pointer}");
    }
}

/// What the schema cannot say: what refers to something refers to the right thing.
#[track_caller]
fn assert_consistent(checked: &Checked, sarif: &Value) {
    let run = &sarif["runs"][0];
    let artifacts = run["artifacts"].as_array().unwrap();
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), checked.findings());
    let findings =
        checked.verdicts.iter().flat_map(|verdict| verdict.findings.iter().map(move |one| (verdict, one)));
    let mut fingerprints = BTreeSet::new();
    for (result, (verdict, finding)) in results.iter().zip(findings) {
        assert_eq!(result["ruleId"], finding.code.as_str());
        assert_eq!(rules[result["ruleIndex"].as_u64().unwrap() as usize]["id"], result["ruleId"]);
        let level = if finding.severity == Severity::Deny { "error" } else { "warning" };
        assert_eq!(result["level"], level);
        assert!(is_plain_message(result["message"]["text"].as_str().unwrap()), "{result}");
        assert!(
            fingerprints.insert(result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap())
        );

        let model = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        let artifact = &artifacts[model["index"].as_u64().unwrap() as usize];
        assert_eq!(artifact["location"], *model);
        assert!(artifact.get("parentIndex").is_none());
        assert_eq!(artifact["length"].as_u64(), verdict.size);
        let sha256 = verdict.sha256.map(|sha256| sha256.to_string());
        assert_eq!(artifact["hashes"]["sha-256"].as_str(), sha256.as_deref());
        assert!(result["locations"][0]["physicalLocation"]["region"]["startLine"].is_u64());

        let none = Vec::new();
        for location in result["relatedLocations"].as_array().unwrap_or(&none) {
            let to = &location["physicalLocation"]["artifactLocation"];
            let artifact = &artifacts[to["index"].as_u64().unwrap() as usize];
            assert_eq!(artifact["location"], *to);
            assert!(to == model || artifact["parentIndex"] == model["index"], "{result}");
        }
    }
    let used: BTreeSet<_> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    let named: Vec<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), used);
    assert_eq!(named.len(), used.len());
    assert_eq!(run["invocations"][0]["exitCode"], checked.summary.outcome().exit_code());
}

/// Whether a reader of SARIF sees neither links nor arguments in a message, as the standard defines them (3.11).
fn is_plain_message(text: &str) -> bool {
    let braces = text.replace("{{", "").replace("}}", "");
    // Not all readers know that a backslash before a bracket makes it no link.
    !braces.contains(['{', '}']) && !text.contains("](")
}

#[test]
fn messages_with_links_and_arguments_are_told_from_others() {
    for (text, is_plain) in [
        ("a", true),
        ("{{0}}", true),
        ("{0}", false),
        ("[a](b)", false),
        ("\\[a\\](b)", false),
        ("a[0][1]", true),
    ] {
        assert_eq!(is_plain_message(text), is_plain, "{text}");
    }
}

/// The text of `schema.json` of a file.
fn schema_text(path: &PathBuf) -> Option<Vec<u8>> {
    let archive = Archive::open(path).ok()?;
    archive.read(archive.entry("schema.json")?).ok()
}

#[test]
fn a_region_is_where_its_pointer_leads() {
    let mut paths = real();
    paths.extend(hostile());
    paths.push(fixtures().join("example.skops"));
    let (mut checked_regions, mut checked_names) = (0, 0);
    for path in &paths {
        let checked = Checked::files(Checker::new(strict()).with_regions(), std::slice::from_ref(path));
        let Some(text) = schema_text(path) else { continue };
        let schema: Option<Value> = serde_json::from_slice(&text).ok();
        for result in checked.sarif()["runs"][0]["results"].as_array().unwrap() {
            let Some(location) = result["relatedLocations"].as_array().and_then(|related| related.first())
            else {
                continue;
            };
            let (logical, region) =
                (&location["logicalLocations"][0], &location["physicalLocation"]["region"]);
            let Some(length) = region["byteLength"].as_u64().filter(|length| *length > 0) else { continue };
            let start = region["byteOffset"].as_u64().unwrap() as usize;
            let part = &text[start..start + length as usize];
            let [first, last] = [start, start + part.len()].map(|byte| position(&text, byte));
            assert_eq!(first, json!([region["startLine"], region["startColumn"]]), "{path:?}");
            assert_eq!(last, json!([region["endLine"], region["endColumn"]]), "{path:?}");
            checked_regions += 1;
            // What is no JSON for others cannot be compared, nor can what they take the other of two keys of.
            let Some(schema) = schema.as_ref().filter(|_| result["ruleId"] != "json-duplicate-key") else {
                continue;
            };
            let value: Value = serde_json::from_slice(part).unwrap();
            let pointer = logical["fullyQualifiedName"].as_str().unwrap();
            assert_eq!(Some(&value), schema.pointer(pointer), "{path:?} {pointer}");
            if logical["kind"] == "object" {
                assert!(value.is_object());
                let name = result["properties"]["name"].as_str().unwrap();
                let last = name.rsplit('.').next().unwrap();
                assert!(
                    part.windows(last.len()).any(|window| window == last.as_bytes()),
                    "{name} in {path:?}"
                );
                checked_names += 1;
            }
        }
    }
    assert!(checked_regions > 400 && checked_names > 300, "{checked_regions} {checked_names}");
}

/// Line and column of a byte, as JSON.
fn position(text: &[u8], byte: usize) -> Value {
    let before = String::from_utf8_lossy(&text[..byte]);
    let line = before.rsplit('\n').next().unwrap();
    json!([before.matches('\n').count() + 1, line.chars().count() + 1])
}

#[test]
fn a_byte_of_the_file_is_in_a_location_of_the_file() {
    let path = fixtures().join("hostile/files/zip_comment.skops");
    let checked = Checked::files(Checker::new(Policy::default()), std::slice::from_ref(&path));
    let related = &checked.sarif()["runs"][0]["results"][0]["relatedLocations"][0]["physicalLocation"];
    assert_eq!(related["artifactLocation"]["index"], 0);
    let byte = related["region"]["byteOffset"].as_u64().unwrap() as usize;
    assert_eq!(std::fs::read(path).unwrap()[byte..byte + 4], *b"PK\x05\x06");
    assert!(related["region"].get("startLine").is_none());
}

#[test]
fn a_path_can_be_read_back_from_its_uri() {
    let files: Vec<_> = NASTY.iter().map(|name| (*name, Vec::new())).collect();
    let checked = Checked::named(Checker::new(Policy::default()), &files);
    let sarif = checked.sarif();
    let uris = sarif["runs"][0]["artifacts"].as_array().unwrap();
    for (name, artifact) in NASTY.iter().zip(uris) {
        let uri = artifact["location"]["uri"].as_str().unwrap();
        assert!(uri.is_ascii() && !uri.contains([' ', '\\', '"', '<', '#', '?', '\n']), "{uri}");
        if cfg!(windows) {
            continue;
        }
        let (scheme, path) = uri.split_at(if uri.starts_with("file://") { 7 } else { 0 });
        assert_eq!(scheme.is_empty(), !name.starts_with('/'));
        // Nobody takes the first part of a relative path for a scheme.
        assert!(!scheme.is_empty() || !uri.contains(':'), "{uri}");
        assert_eq!(decoded(path), name.trim_start_matches("./"), "{uri}");
    }
}

fn decoded(uri: &str) -> String {
    let mut bytes = Vec::new();
    let mut parts = uri.split('%');
    bytes.extend(parts.next().unwrap().bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_finding_keeps_its_fingerprint() {
    let fingerprints = |checked: &Checked| -> Vec<String> {
        let sarif = checked.sarif();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        let of =
            |result: &Value| result["partialFingerprints"]["skopsFinding/v1"].as_str().unwrap().to_owned();
        results.iter().map(of).collect()
    };
    let bytes = |path: &str| std::fs::read(fixtures().join(path)).unwrap();
    let file = ("a.skops", bytes("example.skops"));
    let one = fingerprints(&Checked::named(Checker::new(strict()), std::slice::from_ref(&file)));
    assert!(one.len() > 2);
    // Not where names stand, what else is checked or how deep changes it.
    let again = Checker::new(strict()).with_regions().with_level(Level::Verify);
    assert_eq!(one, fingerprints(&Checked::named(again, std::slice::from_ref(&file))));
    let other = ("b.skops", file.1.clone());
    let both = fingerprints(&Checked::named(Checker::new(strict()), &[other, file.clone()]));
    assert_eq!(both[one.len()..], one);
    // The same model, as an item of a list.
    let Edit { mut schema, payloads, .. } = Edit::real("example.skops");
    for key in ["protocol", "_skops_version"] {
        schema.as_object_mut().unwrap().remove(key).unwrap();
    }
    let payloads: Vec<_> = payloads.iter().map(|(name, data)| (name.as_str(), data.clone())).collect();
    let moved = Checked::named(Checker::new(strict()), &[(file.0, skops(list(vec![schema]), &payloads))]);
    assert_eq!(fingerprints(&moved), one);
}

#[test]
fn sarif_has_what_is_to_be_said_of_the_run_and_the_policy() {
    let text = "[[allow]]\nname = \"a.b.**\"\nreason = \"x\"\n[[allow]]\nname = \"c.D\"\nreason = \"x\"\n";
    let (policy, _) = Policy::from_toml(text, "p").map_err(|(mistakes, _)| mistakes.to_string()).unwrap();
    let paths = [fixtures().join("no/such"), fixtures().join("example.skops")];
    let mut checked = Checked::files(Checker::new(policy).with_level(Level::Verify), &paths);
    checked.summary.not_checked = 3;
    let head = Head::new(&checked.checker).with_policy("the policy.toml", text);
    let sarif: Value = serde_json::from_str(&checked.report_with(Format::Sarif, head)).unwrap();
    assert_valid(&sarif_validator(), &sarif);
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["exitCode"], 4);
    assert_eq!(invocation["properties"]["level"], "verify");
    assert_eq!(invocation["properties"]["policySha256"], Sha256::of(text.as_bytes()).to_string());
    let said = |key: &str| -> Vec<_> {
        let list = invocation[key].as_array().unwrap().clone();
        list.iter().map(|one| (one["level"].clone(), one["message"]["text"].clone())).collect()
    };
    let execution = said("toolExecutionNotifications");
    assert_eq!(execution.len(), 2, "{execution:?}");
    assert_eq!(execution[0].0, "error");
    assert!(execution[0].1.as_str().unwrap().starts_with("cannot open the file"));
    assert_eq!(execution[1].0, "warning");
    let configuration = said("toolConfigurationNotifications");
    assert_eq!(configuration.len(), 3, "{configuration:?}");
    let note = &invocation["toolConfigurationNotifications"][2]["locations"][0]["physicalLocation"];
    assert_eq!(note["artifactLocation"]["uri"], "the%20policy.toml");
    assert_eq!(note["region"], json!({"startLine": 4}));
}

/// GitHub refuses reports that are too large, and shows nothing of them then.
#[test]
fn sarif_has_no_more_results_than_github_takes() {
    let many = Checker::new(Policy::default()).check_bytes("many", many_names(600));
    let small = Checker::new(Policy::default()).check_bytes("small", many_names(1));
    let each = many.findings.len();
    let mut verdicts: Vec<_> = (0..25_000 / each + 2).map(|_| many.clone()).collect();
    verdicts.push(small);
    let checked = Checked::new(Checker::new(Policy::default()), verdicts);
    let sarif = checked.sarif();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert!(results.len() <= 25_000 && results.len() > 24_000, "{}", results.len());
    let last = &results[results.len() - 1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(last, "small");
    let notifications = sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    let number =
        |one: &Value| one["message"]["text"].as_str().unwrap().split(' ').nth(2).unwrap().parse::<usize>();
    let said: usize = notifications.iter().map(|one| number(one).unwrap()).sum();
    let left_out: usize = checked.verdicts.iter().map(|one| one.findings_left_out).sum();
    assert_eq!(results.len() + said, checked.findings() + left_out);
}

// ---- JUnit

/// An element of a report: its name, attributes, text, and those within it.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn named(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// Reads XML strictly: well-formed, of characters that XML 1.0 has.
fn xml(text: &str) -> Element {
    let is_valid = |character: char| {
        let is_control = character < ' ' && !"\t\n\r".contains(character);
        !is_control && !['\u{fffe}', '\u{ffff}'].contains(&character)
    };
    assert!(text.chars().all(is_valid));
    let mut reader = quick_xml::Reader::from_str(text);
    let mut open = vec![Element::default()];
    let started = |start: &quick_xml::events::BytesStart<'_>| {
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            let value = quick_xml::escape::unescape(&attribute.value).unwrap().into_owned();
            (attribute.key.as_ref().to_owned(), value)
        });
        let name = start.name().as_ref().to_owned();
        Element { name, attributes: attributes.collect(), ..Element::default() }
    };
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Start(start) => open.push(started(&start)),
            Event::Empty(start) => open.last_mut().unwrap().children.push(started(&start)),
            Event::End(_) => {
                let element = open.pop().unwrap();
                open.last_mut().unwrap().children.push(element);
            }
            Event::Text(part) => open.last_mut().unwrap().text.push_str(&part),
            Event::GeneralRef(part) => {
                let reference = format!("&{};", &*part);
                open.last_mut().unwrap().text.push_str(&quick_xml::escape::unescape(&reference).unwrap());
            }
            Event::Decl(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let mut root = open.pop().unwrap();
    assert!(open.is_empty());
    assert_eq!(root.children.len(), 1);
    root.children.pop().unwrap()
}

fn characters_of_xml(text: &str) -> String {
    let shown = shown_path(text).replace("##[", "##\\u{5b}");
    shown.replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}")
}

#[track_caller]
fn assert_junit(checked: &Checked) {
    let report = checked.report(Format::Junit);
    let suites = xml(&report);
    let suite = &suites.children[0];
    assert_eq!((suites.name.as_str(), suite.name.as_str()), ("testsuites", "testsuite"));
    let cases: Vec<_> = suite.named("testcase").collect();
    let count = |name: &str| cases.iter().filter(|case| case.named(name).count() > 0).count();
    for element in [&suites, suite] {
        for (attribute, count) in
            [("tests", cases.len()), ("failures", count("failure")), ("errors", count("error"))]
        {
            assert_eq!(element.attributes[attribute], count.to_string(), "{attribute}");
        }
    }
    assert_eq!(count("failure"), checked.summary.deny);
    assert_eq!(count("error"), checked.summary.refused + checked.summary.error);
    assert_eq!(cases.len(), checked.verdicts.len());
    for (case, verdict) in cases.iter().zip(&checked.verdicts) {
        assert_eq!(case.attributes["name"], characters_of_xml(&verdict.path));
        assert_eq!(case.attributes["classname"], "skops-rs.check");
        let faults: Vec<_> = case.children.iter().filter(|child| child.name != "system-out").collect();
        assert!(faults.len() <= 1, "more than one is more than most readers read");
        assert_eq!(faults.is_empty(), verdict.outcome == Outcome::Pass);
        let out = &case.named("system-out").next().unwrap().text;
        if let Some(sha256) = verdict.sha256 {
            assert!(out.contains(&format!("sha256: {sha256}\n")));
        }
        let text = faults.first().map_or(out, |fault| &fault.text);
        for finding in &verdict.findings {
            assert!(text.contains(&finding.message.replace("##[", "##\\u{5b}")), "{text}");
        }
        if let (Some(fault), Some(first)) = (faults.first(), verdict.findings.first()) {
            assert_eq!(fault.attributes["type"], first.code.as_str());
        }
    }
}

#[test]
fn junit_is_xml_and_counts_what_it_has() {
    for (paths, policy) in [(hostile(), Policy::default()), (real(), strict()), (real(), lenient())] {
        assert_junit(&Checked::files(Checker::new(policy), &paths));
    }
    nasty().iter().for_each(assert_junit);
    assert_junit(&Checked::files(Checker::new(Policy::default()), &[fixtures().join("no/such")]));
    let nothing = Checked::new(Checker::new(Policy::default()), Vec::new());
    assert_eq!(xml(&nothing.report(Format::Junit)).attributes["tests"], "0");
}

#[test]
fn junit_names_policy_and_level() {
    let checker = Checker::new(Policy::default()).with_level(Level::Verify);
    let checked = Checked::files(checker, &[fixtures().join("example.skops")]);
    let head = Head::new(&checked.checker).with_policy("a\n<b>\u{ffff}", "text");
    let suites = xml(&checked.report_with(Format::Junit, head));
    let properties = suites.children[0].named("properties").next().unwrap();
    let value = |name: &str| {
        let property = properties.children.iter().find(|one| one.attributes["name"] == name).unwrap();
        property.attributes["value"].clone()
    };
    assert_eq!(value("level"), "verify");
    assert_eq!(value("policy"), "a\\n<b>\\u{ffff}");
    assert_eq!(value("policy.sha256"), Sha256::of(b"text").to_string());
}

// ---- GitHub

/// A command, as the runner of GitHub Actions reads it.
#[derive(Debug, PartialEq)]
struct Command {
    name: String,
    properties: BTreeMap<String, String>,
    data: String,
}

const COMMANDS: &[&str] = &[
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "internal-set-repo-path",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
];

/// What the runner makes of a line of output: as `ActionCommand` of actions/runner does, in both of its forms.
fn command(line: &str) -> Option<Command> {
    current_command(line).or_else(|| legacy_command(line))
}

fn current_command(line: &str) -> Option<Command> {
    let (info, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let unescaped = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n");
    let property = |text: &str| unescaped(text).replace("%3A", ":").replace("%2C", ",").replace("%25", "%");
    named_command(info, ',', property, unescaped(data).replace("%25", "%"))
}

fn legacy_command(line: &str) -> Option<Command> {
    let (_, rest) = line.split_once("##[")?;
    let (info, data) = rest.split_once(']')?;
    named_command(info, ';', str::to_owned, data.to_owned())
}

fn named_command(
    info: &str,
    separator: char,
    value: impl Fn(&str) -> String,
    data: String,
) -> Option<Command> {
    let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
    let properties = properties.trim().split(separator).filter_map(|one| one.split_once('='));
    let properties = properties.map(|(key, text)| (key.to_owned(), value(text))).collect();
    COMMANDS.contains(&name).then(|| Command { name: name.to_owned(), properties, data })
}

#[test]
fn the_runner_of_the_tests_takes_commands_for_what_they_are() {
    let expected = |name: &str, properties: &[(&str, &str)], data: &str| Command {
        name: name.to_owned(),
        properties: properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        data: data.to_owned(),
    };
    assert_eq!(
        command("  ::error file=a%2Cb%3A%25,title=c::d%0Ae%25::f"),
        Some(expected("error", &[("file", "a,b:%"), ("title", "c")], "d\ne%::f"))
    );
    assert_eq!(command("a ##[group]b"), Some(expected("group", &[], "b")));
    assert_eq!(command("##[set-env name=A;]b"), Some(expected("set-env", &[("name", "A")], "b")));
    for line in ["a ::error::b", ":: error::b", "::nothing::b", "##[nothing]b", "##\\u{5b}error]b"] {
        assert_eq!(command(line), None, "{line}");
    }
}

#[test]
fn no_report_has_a_command_that_it_does_not_mean() {
    for checked in nasty() {
        let policy = "::error::x\n##[error]y";
        for format in Format::ALL {
            let head = Head::new(&checked.checker).with_policy(policy, "");
            let report = checked.report_with(*format, head);
            // What the runner takes for the end of a line.
            let commands: Vec<_> = report.split(['\n', '\r']).filter_map(command).collect();
            if *format != Format::GitHub {
                assert_eq!(commands, [], "{format:?}");
                continue;
            }
            let mut lines = report.lines();
            assert!(lines.next_back().unwrap().contains(" files checked"));
            assert_eq!(lines.clone().count(), commands.len());
            let said: Vec<_> = checked.verdicts.iter().filter(|one| !one.findings.is_empty()).collect();
            assert_eq!(said.len(), commands.len());
            for (verdict, command) in said.iter().zip(commands) {
                let name = if verdict.outcome == Outcome::Pass { "warning" } else { "error" };
                assert_eq!(command.name, name);
                let keys: Vec<_> = command.properties.keys().map(String::as_str).collect();
                assert_eq!(keys, ["file", "title"]);
                let path = shown_path(&verdict.path).replace("##[", "##\\u{5b}");
                assert_eq!(command.properties["file"], path);
                assert!(command.properties["title"].starts_with("skops-rs: "));
                assert!(command.properties["title"].contains(verdict.findings[0].code.as_str()));
                // Nor would it be one if the message were printed again.
                assert_eq!(command.data.lines().filter_map(self::command).collect::<Vec<_>>(), []);
                assert!(command.data.contains(&verdict.findings[0].message.replace("##[", "##\\u{5b}")));
            }
        }
    }
}

#[test]
fn an_annotation_is_no_longer_than_the_runner_takes() {
    let long = "ö/".repeat(2000);
    let checked =
        Checked::named(Checker::new(strict()), &[(&long, many_names(400)), ("short", many_names(400))]);
    let report = checked.report(Format::GitHub);
    let commands: Vec<_> = report.lines().filter_map(command).collect();
    assert_eq!(commands.len(), 2);
    for command in &commands {
        assert!(command.data.chars().count() <= 4096 && command.data.len() > 3000, "{}", command.data.len());
        assert!(command.data.contains(" more lines"), "{}", command.data);
    }
    // All lines but the one that says how many are missing.
    let whole = checked.report(Format::Text);
    let lines = whole.lines().skip_while(|line| *line != "FAIL  short: denied by the policy");
    let lines = lines.take_while(|line| line.starts_with([' ', 'F'])).count();
    let (kept, last) = commands[1].data.rsplit_once('\n').unwrap();
    let more: usize = last.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert_eq!(kept.lines().count() + more, lines);
}

/// A file with many names that nobody trusts.
fn many_names(count: usize) -> Vec<u8> {
    let nodes = (0..count).map(|index| type_node(&format!("module{index}.sub.Class{index}"))).collect();
    skops(list(nodes), &[])
}

// ---- Markdown

/// What is left of a line of Markdown without its spans of code, and what stands in them.
fn without_code(line: &str) -> (String, Vec<String>) {
    let (mut rest, mut plain, mut spans) = (line, String::new(), Vec::new());
    while let Some(start) = rest.find('`') {
        let fence = rest[start..].chars().take_while(|character| *character == '`').count();
        let inside = &rest[start + fence..];
        let Some((length, next)) = closing(inside, fence) else {
            // All of these backticks stand for themselves.
            plain.push_str(&rest[..start + fence]);
            rest = inside;
            continue;
        };
        plain.push_str(&rest[..start]);
        let span = &inside[..length];
        let is_padded = span.starts_with(' ') && span.ends_with(' ') && span.trim() != "";
        spans.push(if is_padded { span[1..span.len() - 1].to_owned() } else { span.to_owned() });
        rest = &inside[next..];
    }
    plain.push_str(rest);
    (plain, spans)
}

/// Where a run of exactly so many backticks starts and ends.
fn closing(text: &str, fence: usize) -> Option<(usize, usize)> {
    let mut at = 0;
    while let Some(start) = text[at..].find('`').map(|start| at + start) {
        let length = text[start..].chars().take_while(|character| *character == '`').count();
        if length == fence {
            return Some((start, start + length));
        }
        at = start + length;
    }
    None
}

#[test]
fn spans_of_code_are_found_as_commonmark_says() {
    for (line, plain, spans) in [
        ("a `b` c", "a  c", &["b"][..]),
        ("`` a`b `` `", " `", &["a`b"]),
        ("``a` b", "``a` b", &[]),
        ("```a`` ` ```", "", &["a`` ` "]),
        ("` `` ` x", " x", &["``"]),
    ] {
        let (found, codes) = without_code(line);
        assert_eq!(
            (found.as_str(), codes.iter().map(String::as_str).collect::<Vec<_>>()),
            (plain, spans.to_vec())
        );
    }
}

/// The text between two others.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.strip_prefix(start)?.split_once(end)?.0)
}

/// Makes sure that nothing in a summary is markup but what we put there. Returns the paths that it names.
#[track_caller]
fn assert_markdown(report: &str) -> Vec<String> {
    let mut paths = Vec::new();
    let mut open = 0_i32;
    for line in report.lines() {
        if let Some(rest) = line.strip_prefix("<details><summary><code>") {
            let (path, rest) = rest.split_once("</code>").unwrap();
            assert!(rest.starts_with(": ") && rest.ends_with("</summary>"), "{line}");
            assert!(rest[2..rest.len() - 10].chars().all(is_word), "{line}");
            paths.push(from_html(path));
            open += 1;
            assert_eq!(open, 1, "{line}");
            continue;
        }
        if line == "</details>" {
            open -= 1;
            continue;
        }
        if line.starts_with('|') {
            assert!(line.chars().all(|character| is_word(character) || "|:".contains(character)), "{line}");
            continue;
        }
        let (plain, spans) = without_code(line);
        let heading = plain.starts_with("### ");
        if heading {
            paths.push(spans.first().cloned().unwrap_or_default());
        }
        let rest = plain.trim_start_matches("### ").trim_start_matches("## ");
        let rest = rest.strip_prefix("**").and_then(|bold| bold.strip_suffix("**")).unwrap_or(rest);
        // A mention, a number of an issue, a link, a tag, emphasis, a reference, mathematics: all need one of the others.
        let is_harmless = |character: char| is_word(character) || ":;.()'\"".contains(character);
        assert!(rest.chars().all(is_harmless), "{line}");
        assert!(!rest.contains("://") && !rest.contains("www."), "{line}");
        let commit = |word: &str| word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(!rest.split(|character: char| !character.is_alphanumeric()).any(commit), "{line}");
        let item = plain.trim_start().strip_prefix("- ").unwrap_or("x");
        let digits = item.trim_start_matches(|character: char| character.is_ascii_digit());
        assert!(!item.starts_with(['-', '+', '#', '>', '=']), "{line}");
        assert!(digits.len() == item.len() || !digits.starts_with(['.', ')']), "{line}");
    }
    assert_eq!(open, 0);
    paths
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || " -,".contains(character)
}

fn from_html(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(reference) = between(rest, "&#", ";") {
            out.push(char::from_u32(reference.parse().unwrap()).unwrap());
            rest = &rest[reference.len() + 3..];
            continue;
        }
        assert!(character.is_alphanumeric() || "/.- ".contains(character), "{text}");
        out.push(character);
        rest = &rest[character.len_utf8()..];
    }
    out
}

#[test]
fn markup_is_noticed() {
    for line in [
        "a @b",
        "#123",
        "a #1",
        "<img>",
        "[a](b)",
        "*a*",
        "a_b",
        "&amp;",
        "$a$",
        "a `b @c",
        "**a** <b>",
        "- # a",
        "- 1. a",
        "a deadbeef1",
        "http://a",
        "| <a> |",
        "a | b",
        "</summary>",
        "\\@a",
    ] {
        assert!(std::panic::catch_unwind(|| assert_markdown(line)).is_err(), "{line}");
    }
    for line in ["a `@b`", "## a", "**deny: `a`**", "- 1 a", "| a | 1 |"] {
        assert_markdown(line);
    }
}

#[test]
fn nothing_in_a_summary_is_markup_of_a_file() {
    for (paths, policy) in [(hostile(), Policy::default()), (real(), strict()), (real(), lenient())] {
        let checked = Checked::files(Checker::new(policy).with_level(Level::Verify), &paths);
        assert_markdown(&checked.report(Format::Markdown));
        // Each by itself, so that none is left out.
        for verdict in &checked.verdicts {
            let one = Checked::new(Checker::new(Policy::default()), vec![(**verdict).clone()]);
            assert_markdown(&one.report(Format::Markdown));
        }
    }
    for (index, (name, bytes)) in nasty_files().into_iter().enumerate() {
        let policy = if index % 2 == 0 { strict() } else { Policy::default() };
        let one = Checked::named(Checker::new(policy), &[(name, bytes.clone())]);
        let many = Checked::named(
            Checker::new(Policy::default()),
            &[(name, bytes), ("a", vec![]), ("b", vec![]), ("c", vec![])],
        );
        for checked in [one, many] {
            let head = Head::new(&checked.checker).with_policy(name, "");
            let paths = assert_markdown(&checked.report_with(Format::Markdown, head));
            let shown = shown_path(name).replace("##[", "##\\u{5b}");
            assert!(paths.contains(&shown), "{paths:?} {shown:?}");
        }
    }
}

#[test]
fn a_summary_has_an_end() {
    let many = many_names(300);
    let long = "<|`@\u{1f916}".repeat(700);
    let names: Vec<_> = (0..200).map(|index| format!("{index}{long}")).collect();
    let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), many.clone())).collect();
    files.push(("the worst", vec![]));
    let mut policy = strict();
    for index in 0..100 {
        let name = format!("module{index}{}.**", "_x".repeat(200));
        policy = policy.allow(skops_rs::policy::Allowance::new(name.parse().unwrap()));
    }
    let checked = Checked::named(Checker::new(policy), &files);
    let report = checked.report(Format::Markdown);
    assert!(report.chars().count() <= 60_000 && report.len() > 40_000, "{}", report.chars().count());
    let paths = assert_markdown(&report);
    assert_eq!(paths[0], "the worst");
    let line = report.lines().find(|line| line.contains("more files with findings")).unwrap();
    let left: usize = line.split(' ').find_map(|word| word.parse().ok()).unwrap();
    assert_eq!(paths.len() + left, files.len());
    assert!(report.contains("## skops-rs: 201 of 201 models do not pass"));
    // Of each file that is shown, it says how many findings are not.
    let shown = report.lines().filter(|line| line.starts_with("- the file refers to ")).count();
    let more =
        report.lines().filter_map(|line| between(line, "And ", " more findings.")?.parse::<usize>().ok());
    assert_eq!(shown + more.sum::<usize>(), 300 * (paths.len() - 1));
}

#[test]
fn a_summary_of_files_that_pass_is_short() {
    let policy = Policy::default().preset(Preset::Trees);
    let checked = Checked::files(Checker::new(policy), &[fixtures().join("example.skops")]);
    let report = checked.report(Format::Markdown);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        report,
        format!(
            "## skops-rs: the model passes\n\n| | files |\n|---|--:|\n| pass | 1 |\n\n\
             skops-rs {version}, level `audit`\n"
        )
    );
}

// ---- all of them

/// Warnings may take all the room that findings have, and leave none for what is denied.
#[test]
fn a_file_that_fails_fails_in_every_report() {
    let mut policy = lenient();
    policy.require.root_types = vec!["a.B".parse().unwrap()];
    let checked = Checked::named(Checker::new(policy), &[("many", many_names(1500))]);
    let verdict = &checked.verdicts[0];
    assert_eq!(verdict.outcome, Outcome::Deny);
    assert!(verdict.findings_left_out > 0);
    let sarif = checked.sarif();
    assert_valid(&sarif_validator(), &sarif);
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["exitCode"], 1);
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let is_error = |one: &Value| one["level"] == "error";
    let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
    assert!(results.iter().any(is_error) || notifications.iter().any(is_error));
    assert_junit(&checked);
    assert!(checked.report(Format::GitHub).starts_with("::error file=many,"));
    assert!(checked.report(Format::Markdown).starts_with("## skops-rs: the model does not pass\n"));
}

/// However many files there are, what is kept of them has an end, and each report says how many it is without.
#[test]
fn files_past_the_room_are_counted_in_every_report() {
    let checker = || Checker::new(Policy::default());
    let clean = Checker::new(lenient()).check_bytes("clean", skops(list(vec![]), &[]));
    let many = Checker::new(lenient()).check_bytes("warned", many_names(3));
    assert_eq!((clean.findings.len(), many.outcome, many.findings.len()), (0, Outcome::Pass, 3));
    let broken = checker().check_bytes("broken", Vec::new());
    let missing = checker().check(fixtures().join("no/such"));
    let (passing, failing) = (vec![clean; 300], vec![many, broken, missing]);
    let verdicts = |count: usize| passing.iter().chain(failing.iter().cycle().take(count)).cloned().collect();
    for (count, are_all_kept) in [(3, true), (300, false)] {
        let checked = Checked::new(checker(), verdicts(count));
        let report = |format: Format| {
            let mut writer = Writer::new(format, Head::new(&checked.checker), Vec::new()).keeping(65_536);
            checked.verdicts.iter().for_each(|verdict| writer.add(verdict).unwrap());
            String::from_utf8(writer.finish(&checked.summary, &checked.checker).unwrap()).unwrap()
        };
        let json: Value = serde_json::from_str(&report(Format::Json)).unwrap();
        let schema: Value = serde_json::from_str(include_str!("../schemas/check.schema.json")).unwrap();
        jsonschema::validate(&schema, &json).unwrap();
        let whole: Value = serde_json::from_str(&checked.report(Format::Json)).unwrap();
        assert_eq!(json["summary"], whole["summary"]);
        assert!(whole.get("files_left_out").is_none());
        let files = json["files"].as_array().unwrap();
        let left_out = usize::try_from(json["files_left_out"].as_u64().unwrap()).unwrap();
        assert_eq!(files.len() + left_out, checked.verdicts.len());
        // As many as pass hide none of the few that do not.
        let failed = files.iter().filter(|one| one["verdict"] != "pass").count();
        assert_eq!(failed == checked.summary.refused + checked.summary.error, are_all_kept);
        assert!(files.len() > 100 && failed > 0 && report(Format::Json).len() < 3 * 65_536);

        let sarif: Value = serde_json::from_str(&report(Format::Sarif)).unwrap();
        assert_valid(&sarif_validator(), &sarif);
        let invocation = &sarif["runs"][0]["invocations"][0];
        assert_eq!(invocation["exitCode"], 4);
        let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
        let last = &notifications[notifications.len() - 1];
        let text = last["message"]["text"].as_str().unwrap();
        assert!(text.starts_with(&format!("{left_out} more files are left out here: ")), "{text}");
        assert_eq!(last["level"], if are_all_kept { "warning" } else { "error" });

        let suites = xml(&report(Format::Junit));
        let cases: Vec<_> = suites.children[0].named("testcase").collect();
        let one = cases[cases.len() - 1];
        assert_eq!(cases.len(), files.len() + 1);
        assert_eq!(suites.attributes["tests"], checked.summary.files.to_string());
        assert_eq!(suites.attributes["failures"], "0");
        assert_eq!(one.attributes["classname"], "skops-rs.left-out");
        assert_eq!(one.named("error").count(), usize::from(!are_all_kept));
        let properties = suites.children[0].named("properties").next().unwrap();
        let property = |one: &&Element| one.attributes["name"] == "files.left-out";
        let property = properties.children.iter().find(property).unwrap();
        assert_eq!(property.attributes["value"], left_out.to_string());

        let markdown = report(Format::Markdown);
        let is_section = |line: &&str| line.starts_with("### ") || line.starts_with("<details>");
        let sections = markdown.lines().filter(is_section).count();
        let more = markdown.lines().find(|line| line.contains("more files with findings"));
        let more = more.map_or(0, |line| between(line, "And ", " more").unwrap().parse().unwrap());
        assert_eq!(sections + more, count);
        for format in [Format::Text, Format::JsonLines, Format::GitHub] {
            assert_eq!(report(format), checked.report(format), "what is written at once is not kept");
        }
    }
}

/// A path may be longer than all else that is kept of a file.
#[test]
fn paths_take_room() {
    let checker = Checker::new(Policy::default());
    let verdict = Arc::new(checker.check_bytes(&"x".repeat(30_000), Vec::new()));
    let mut writer = Writer::new(Format::Json, Head::new(&checker), Vec::new()).keeping(200_000);
    (0..9).for_each(|_| writer.add(&verdict).unwrap());
    let report = writer.finish(&Summary::default(), &checker).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!((report["files"].as_array().unwrap().len(), &report["files_left_out"]), (3, &json!(6)));
}

#[test]
fn the_same_verdicts_make_the_same_report() {
    let paths = [fixtures().join("example.skops"), fixtures().join("hostile/files/zip_comment.skops")];
    let once = Checked::files(Checker::new(strict()).with_regions(), &paths);
    let twice = Checked::files(Checker::new(strict()).with_regions(), &paths);
    for format in Format::ALL {
        assert_eq!(once.report(*format), twice.report(*format), "{format:?}");
    }
}

/// Names that a file system takes, and uploads have.
#[test]
#[cfg(unix)]
fn files_with_nasty_names_are_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let names = NASTY.iter().filter(|name| !name.contains(['/', '\0']) && !name.is_empty());
    let paths: Vec<_> = names.map(|name| folder.path().join(name)).collect();
    for path in &paths {
        std::fs::copy(fixtures().join("example.skops"), path).unwrap();
    }
    let checked = Checked::files(Checker::new(strict()), &paths);
    assert_eq!(checked.summary.deny, paths.len());
    let sarif = checked.sarif();
    assert_valid(&sarif_validator(), &sarif);
    assert_consistent(&checked, &sarif);
    assert_junit(&checked);
    assert_markdown(&checked.report(Format::Markdown));
    let github = checked.report(Format::GitHub);
    assert_eq!(github.split(['\n', '\r']).filter_map(command).count(), paths.len());
    for (path, artifact) in paths.iter().zip(
        sarif["runs"][0]["artifacts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one.get("parentIndex").is_none()),
    ) {
        let uri = artifact["location"]["uri"].as_str().unwrap();
        assert_eq!(decoded(uri.strip_prefix("file://").unwrap()), path.to_str().unwrap());
    }
}
