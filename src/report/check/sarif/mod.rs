//! Verdicts as SARIF 2.1.0.
//!
//! Rules are the codes that occur, not all hundred of them: each stands with its whole text, and `docs/error-codes.md` has
//! the others.
//!
//! A finding is in two places. `locations` has the model as it was given, the only place that GitHub's code scanning
//! shows. `relatedLocations` has the entry within it, mostly `schema.json`, as a nested artifact: there regions are exact.
//!
//! GitHub requires a region in lines, and a model, which is binary, has none. So the region in `locations` is the empty
//! one before the first character: it is at byte 0 in any encoding, and claims nothing of what follows. Where it is known
//! which byte a finding is about, a related location has that.
//!
//! GitHub tells findings apart by `primaryLocationLineHash` alone. If it is missing it is made from the file's first
//! line, so it would be the same for all findings in a model, and another one after each `dump`. So the fingerprint is
//! given under that name, too. It is of what the finding is about: of a name, in its role, wherever it stands; else of
//! the place.

mod format;
mod rule;
mod uri;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::rc::Rc;

use super::{AllowanceReport, Report, left_out_text};
use crate::archive::SCHEMA_NAME;
use crate::check::{Finding, Outcome, Sha256, Verdict};
use crate::error::{Code, Place};
use crate::policy::Severity;
use format::{
    Artifact, ArtifactProperties, Driver, Fingerprints, Hashes, Invocation, InvocationProperties, Location,
    Log, LogicalLocation, Message, Notification, PhysicalLocation, Reference, Region, ResultObject,
    ResultProperties, RuleReference, Run, Tool,
};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// GitHub refuses a report with more than 25,000 results.
const MOST_RESULTS: usize = 25_000;

pub(super) fn write(out: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run(report)] };
    crate::report::write_json(out, &log)
}

fn run<'a>(report: &'a Report<'a>) -> Run<'a> {
    let findings = report.files.iter().flat_map(|verdict| &verdict.findings);
    let codes: BTreeSet<_> = findings.map(|finding| finding.code).collect();
    let mut builder = Builder {
        codes: codes.into_iter().collect(),
        // The worst finding of each file has its place.
        room: MOST_RESULTS.saturating_sub(report.files.len()),
        ..Builder::default()
    };
    for verdict in report.files {
        builder.add(verdict);
    }
    let configuration = builder.configuration(report);
    let Builder { codes, artifacts, results, mut notifications, .. } = builder;
    if report.summary.not_checked > 0 {
        let text =
            format!("{} files were not checked: one before them did not pass.", report.summary.not_checked);
        notifications.push(notification("warning", text));
    }
    if report.left_out.files > 0 {
        let level = if report.left_out.outcome() == Outcome::Pass { "warning" } else { "error" };
        notifications.push(notification(level, format!("{}.", left_out_text(report.left_out))));
    }
    let outcome = report.summary.outcome();
    let head = report.head;
    Run {
        tool: Tool {
            driver: Driver {
                name: head.tool,
                version: head.version,
                semantic_version: head.version,
                rules: codes.into_iter().map(rule::rule).collect(),
            },
        },
        invocations: [Invocation {
            // A file that is refused is what the check is for; one that could not be read was not checked.
            execution_successful: outcome != Outcome::Error,
            exit_code: outcome.exit_code(),
            tool_execution_notifications: notifications,
            tool_configuration_notifications: configuration,
            properties: InvocationProperties {
                level: head.level,
                policy: head.policy.as_deref(),
                policy_sha256: head.policy_sha256,
                summary: report.summary,
            },
        }],
        column_kind: "unicodeCodePoints",
        artifacts,
        results,
    }
}

/// What verdicts come to.
#[derive(Default)]
struct Builder<'a> {
    /// The rules, sorted.
    codes: Vec<Code>,
    artifacts: Vec<Artifact>,
    results: Vec<ResultObject<'a>>,
    notifications: Vec<Notification>,
    /// How many findings are about the same, which is hashed: paths may be long.
    seen: HashMap<Sha256, usize>,
    /// How many more results there may be, besides the first of each file.
    room: usize,
}

impl<'a> Builder<'a> {
    fn add(&mut self, verdict: &'a Verdict) {
        let model = self.artifact(|index| Artifact {
            length: verdict.size,
            roles: &["analysisTarget"],
            hashes: verdict.sha256.map(|sha256| Hashes { sha256 }),
            properties: Some(ArtifactProperties { verdict: verdict.outcome, verified: verdict.verified }),
            ..artifact(reference(uri::of_path(&verdict.path), index))
        });
        let mut entries = BTreeMap::new();
        let (first, others) = verdict.findings.split_at_checked(1).unwrap_or((&verdict.findings, &[]));
        let (others, cut) = others.split_at_checked(self.room).unwrap_or((others, &[]));
        self.room = self.room.saturating_sub(others.len());
        for finding in first.iter().chain(others) {
            let related = self.related(finding, &model, &mut entries);
            self.result(verdict, finding, &model, related);
        }
        let left_out = verdict.findings_left_out.saturating_add(cut.len());
        if left_out > 0 {
            let text = format!("There are {left_out} more findings in this file.");
            let level = if verdict.outcome == Outcome::Pass { "warning" } else { "error" };
            self.notifications
                .push(Notification { locations: vec![whole(&model)], ..notification(level, text) });
        }
    }

    fn result(
        &mut self,
        verdict: &'a Verdict,
        finding: &'a Finding,
        model: &Reference,
        related: Vec<Location>,
    ) {
        let rule_index = self.codes.binary_search(&finding.code).unwrap_or_default();
        let message = message_of(finding);
        let logical = related.first().map(|location| location.logical_locations.clone()).unwrap_or_default();
        if verdict.outcome == Outcome::Error && finding.severity == Severity::Deny {
            self.notifications.push(Notification {
                locations: vec![whole(model)],
                associated_rule: Some(RuleReference { id: finding.code, index: rule_index }),
                ..notification("error", message.clone())
            });
        }
        let fingerprint = self.fingerprint(finding, model);
        self.results.push(ResultObject {
            rule_id: finding.code,
            rule_index,
            level: level(finding.severity),
            message: Message { text: plain(&message) },
            locations: [Location { logical_locations: logical, ..whole(model) }],
            related_locations: related,
            partial_fingerprints: Fingerprints {
                skops_finding: fingerprint,
                primary_location_line_hash: fingerprint,
            },
            properties: properties(verdict, finding),
        });
    }

    /// Adds an artifact, and gives back what refers to it.
    fn artifact(&mut self, make: impl FnOnce(usize) -> Artifact) -> Reference {
        let artifact = make(self.artifacts.len());
        let reference = artifact.location.clone();
        self.artifacts.push(artifact);
        reference
    }

    /// Where within the model a finding is.
    fn related(
        &mut self,
        finding: &'a Finding,
        model: &Reference,
        entries: &mut BTreeMap<&'a str, Reference>,
    ) -> Vec<Location> {
        let at = &finding.at;
        let mut related = self.in_schema(finding, model, entries);
        let byte = at.offset.map(byte);
        match &at.entry {
            None if byte.is_some() => related.push(location(model.clone(), byte, Vec::new())),
            Some(name) if is_plain(name) && (related.is_empty() || name != SCHEMA_NAME) => {
                related.push(location(self.entry(name, model, entries), byte, Vec::new()));
            }
            _ => {}
        }
        for (index, location) in related.iter_mut().enumerate() {
            location.id = Some(index.saturating_add(1));
        }
        related
    }

    /// Where in `schema.json` a finding is. The region is that of the first place; others have not been looked up.
    fn in_schema(
        &mut self,
        finding: &'a Finding,
        model: &Reference,
        entries: &mut BTreeMap<&'a str, Reference>,
    ) -> Vec<Location> {
        let at = &finding.at;
        let mut nodes: Vec<_> = finding.places.iter().map(node).collect();
        if nodes.is_empty() {
            nodes.extend(at.pointer.as_deref().map(value));
        }
        if nodes.is_empty() {
            return Vec::new();
        }
        let schema = self.entry(SCHEMA_NAME, model, entries);
        // What breaks off has no region, but the byte where it does.
        let broken = || at.offset.filter(|_| at.entry.as_deref() == Some(SCHEMA_NAME)).map(byte);
        let mut region = finding.region.map(Region::from).or_else(broken);
        nodes.into_iter().map(|node| location(schema.clone(), region.take(), vec![node])).collect()
    }

    /// An entry of the model, as an artifact of its own.
    fn entry(
        &mut self,
        name: &'a str,
        model: &Reference,
        entries: &mut BTreeMap<&'a str, Reference>,
    ) -> Reference {
        let make = || {
            self.artifact(|index| Artifact {
                parent_index: Some(model.index),
                mime_type: (name == SCHEMA_NAME).then_some("application/json"),
                ..artifact(reference(uri::encoded(name), index))
            })
        };
        entries.entry(name).or_insert_with(make).clone()
    }

    /// Tells a finding from others, and knows it again in the next run.
    fn fingerprint(&mut self, finding: &Finding, model: &Reference) -> Sha256 {
        let at = &finding.at;
        let about = match &finding.name {
            Some(name) => [Some(name.as_str()), finding.role, finding.loader],
            None => [at.entry.as_deref(), at.pointer.as_deref(), None],
        };
        let [first, second, third] = about.map(Option::unwrap_or_default);
        let identity = format!("{}\n{}\n{first}\n{second}\n{third}", finding.code, model.uri);
        let count = self.seen.entry(Sha256::of(identity.as_bytes())).or_default();
        *count = count.saturating_add(1);
        Sha256::of(format!("{identity}\n{count}").as_bytes())
    }

    /// What is to be said of the policy.
    fn configuration(&mut self, report: &Report<'_>) -> Vec<Notification> {
        let head = report.head;
        let policy = head.policy.as_ref().map(|path| {
            self.artifact(|index| Artifact {
                roles: &["userSpecifiedConfiguration"],
                hashes: head.policy_sha256.map(|sha256| Hashes { sha256 }),
                ..artifact(reference(uri::of_path(path), index))
            })
        });
        let note = |allowance: &AllowanceReport, what: &str| {
            let at_line = |line| Region { start_line: Some(line as u64), ..Region::default() };
            let region = allowance.line.map(at_line);
            let text = format!("The policy allows `{}`, {what}.", allowance.name);
            let place = policy.clone().map(|policy| location(policy, region, Vec::new()));
            Notification { locations: place.into_iter().collect(), ..notification("note", text) }
        };
        let broad = report.broad_allowances.iter().map(|one| note(one, "which is about more than one name"));
        let unused = report.unused_allowances.iter().map(|one| note(one, "which no file has needed"));
        broad.chain(unused).collect()
    }
}

/// The level of SARIF that a severity is.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Deny => "error",
        Severity::Warn => "warning",
        Severity::Allow => "none",
    }
}

fn reference(uri: String, index: usize) -> Reference {
    Reference { uri: Rc::from(uri), index }
}

fn artifact(location: Reference) -> Artifact {
    Artifact {
        location,
        parent_index: None,
        length: None,
        roles: &[],
        mime_type: None,
        hashes: None,
        properties: None,
    }
}

fn notification(level: &'static str, text: impl AsRef<str>) -> Notification {
    let message = Message { text: plain(text.as_ref()) };
    Notification { level, message, locations: Vec::new(), associated_rule: None }
}

fn location(to: Reference, region: Option<Region>, logical_locations: Vec<LogicalLocation>) -> Location {
    let physical_location = PhysicalLocation { artifact_location: to, region };
    Location { id: None, physical_location, logical_locations }
}

/// A model as a whole: the empty region before its first character.
fn whole(model: &Reference) -> Location {
    let one = Some(1);
    let region =
        Region { start_line: one, start_column: one, end_line: one, end_column: one, ..Region::default() };
    location(model.clone(), Some(region), Vec::new())
}

/// A region before one byte.
fn byte(offset: u64) -> Region {
    Region { byte_offset: Some(offset), byte_length: Some(0), ..Region::default() }
}

impl From<crate::schema::Region> for Region {
    fn from(region: crate::schema::Region) -> Self {
        Self {
            start_line: Some(region.line),
            start_column: Some(region.column),
            end_line: Some(region.end_line),
            end_column: Some(region.end_column),
            byte_offset: Some(region.byte_offset),
            byte_length: Some(region.byte_length),
        }
    }
}

/// A node that a name stands in.
fn node(place: &Place) -> LogicalLocation {
    let name = if place.path.is_empty() { "root" } else { &place.path };
    let (name, pointer) = (name.to_owned(), place.pointer.clone());
    LogicalLocation { name, fully_qualified_name: pointer, kind: "object" }
}

/// Anything that a pointer leads to.
fn value(pointer: &str) -> LogicalLocation {
    let name = pointer.rsplit_once('/').map_or("root", |(_, last)| last);
    LogicalLocation { name: name.to_owned(), fully_qualified_name: pointer.to_owned(), kind: "value" }
}

/// Whether the name of an entry is the entry's, not escaped or cut, and leads nowhere else.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_plain))
}

/// What there is to say of a finding: GitHub shows nothing else. Where room is short, it shows the first sentence.
fn message_of(finding: &Finding) -> String {
    let mut sentences = vec![format!("{}.", finding.message)];
    sentences.extend(finding.reason.as_ref().map(|reason| format!("Beware: {reason}.")));
    if let Some(place) = finding.places.first() {
        let path = if place.path.is_empty() { "the root" } else { &place.path };
        let more = match finding.place_count.saturating_sub(1) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        sentences.push(format!("At: {path}{more}."));
    } else if !finding.at.is_unknown() {
        sentences.push(format!("At: {}.", finding.at));
    }
    sentences.push(format!("Hint: {}.", finding.hint));
    sentences.join(" ")
}

/// Text in which a reader of SARIF sees neither links, `[text](target)`, nor arguments, `{0}`. The standard has backslashes
/// against the former, but the viewer of Visual Studio Code sees a link behind them, so the parenthesis is escaped.
fn plain(text: &str) -> String {
    text.replace("](", "]\\u{28}").replace('{', "{{").replace('}', "}}")
}

fn properties<'a>(verdict: &Verdict, finding: &'a Finding) -> ResultProperties<'a> {
    ResultProperties {
        verdict: verdict.outcome,
        hint: &finding.hint,
        name: finding.name.as_deref(),
        role: finding.role,
        loader: finding.loader,
        reason: finding.reason.as_deref(),
        entry: finding.at.entry.as_deref(),
        pointer: finding.at.pointer.as_deref(),
        offset: finding.at.offset,
    }
}
