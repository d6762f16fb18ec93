//! One file, judged.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::digest::Sha256;
use super::finding::Finding;
use super::input::{Input, Kind, MOST_CLAIMS};
use super::mlflow::{self, Claim};
use super::publish::Publisher;
use super::subject::Subject;
use super::verdict::{ClaimReport, Findings, MOST_BYTES, Outcome, Verdict};
use crate::archive::Archive;
use crate::audit::{Audit, Reference};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::policy::{Allowance, Mistake, Policy, Rules, Severity, Standing, doubt_of};
use crate::schema::{LATEST_PROTOCOL, Loader};
use crate::text::shown;
use crate::trust::{TrustList, TypeName};

/// How deep a check goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Level {
    /// Container, schema, names, headers of arrays. Contents are checked only of files with names that are allowed if
    /// verified.
    #[default]
    Audit,
    /// Also the contents of all types that promise something, and the checksum and values of every payload.
    Verify,
}

impl Level {
    /// The word that reports have.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Verify => "verify",
        }
    }
}

/// Judges files by a policy. Several threads may use one at once.
#[derive(Debug)]
pub struct Checker {
    policy: Policy,
    rules: Rules,
    level: Level,
    hash: bool,
    regions: bool,
    expected: Option<Sha256>,
    publisher: Option<Publisher>,
    mlmodels: mlflow::Reader,
    /// For each allowance, whether it has covered a name of some file.
    used: Vec<AtomicBool>,
}

/// How many releases of scikit-learn a verdict lists.
const MOST_VERSIONS: usize = 8;

impl Checker {
    /// A checker that goes as deep as [`Level::Audit`] and hashes what it reads.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let used = policy.allowed.iter().map(|_| AtomicBool::new(false)).collect();
        Self {
            rules: policy.rules(),
            policy,
            level: Level::default(),
            hash: true,
            regions: false,
            expected: None,
            publisher: None,
            mlmodels: mlflow::Reader::default(),
            used,
        }
    }

    /// Sets how deep checks go.
    #[must_use]
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Leaves out the SHA-256, which takes as long as reading the whole file does.
    #[must_use]
    pub fn without_hash(mut self) -> Self {
        self.hash = false;
        self
    }

    /// Looks up where in the text of `schema.json` findings are, which takes reading it again.
    #[must_use]
    pub fn with_regions(mut self) -> Self {
        self.regions = true;
        self
    }

    /// Denies every file that has another SHA-256.
    #[must_use]
    pub fn expecting(mut self, sha256: Sha256) -> Self {
        self.expected = Some(sha256);
        self.hash = true;
        self
    }

    /// Publishes the files that pass: exactly the bytes that were checked.
    #[must_use]
    pub fn publishing(mut self, publisher: Publisher) -> Self {
        self.publisher = Some(publisher);
        self
    }

    /// Whether files that pass are published.
    pub(super) fn publishes(&self) -> bool {
        self.publisher.is_some()
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How deep checks go.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The allowances that no file has needed so far.
    pub fn unused(&self) -> impl Iterator<Item = &Allowance> {
        let allowed = self.policy.allowed.iter().zip(&self.used);
        allowed.filter(|(_, used)| !used.load(Ordering::Relaxed)).map(|(allowance, _)| allowance)
    }

    /// The allowances that no file has needed so far, those of presets left out, as doubts about the policy file.
    #[must_use]
    pub fn unused_mistakes(&self) -> Vec<Mistake> {
        let unused = self.unused().filter(|allowance| allowance.preset.is_none());
        unused.map(|allowance| doubt_of(allowance, "is allowed, and no file needs it")).collect()
    }

    /// Judges a regular file.
    #[must_use]
    pub fn check(&self, path: impl AsRef<Path>) -> Verdict {
        self.check_input(&Input::file(path.as_ref()))
    }

    /// Judges bytes in memory; `name` is what the verdict calls them.
    #[must_use]
    pub fn check_bytes(&self, name: &str, bytes: Vec<u8>) -> Verdict {
        self.judge(name.to_owned(), Ok(Subject::from_bytes(bytes, self.hash)), &[])
    }

    /// Judges what a stream holds, which is read to its end first; `name` is what the verdict calls it. Past 1 MiB it
    /// goes to a temporary file without a name.
    #[must_use]
    pub fn check_stream(&self, name: &str, stream: impl Read) -> Verdict {
        self.judge(name.to_owned(), Subject::from_stream(stream, &self.policy.limits), &[])
    }

    /// Judges what was found.
    #[must_use]
    pub fn check_input(&self, input: &Input) -> Verdict {
        let name = input.path.to_string_lossy().into_owned();
        if input.path.to_str().is_none() {
            // Two such paths can look the same in a report.
            return self.failed(name, &Error::new(Code::PathEncoding, "a path that is not Unicode"));
        }
        let claims = match &input.kind {
            Kind::Failed(error) => return self.failed(name, error),
            Kind::File(claims) => claims.as_slice(),
            Kind::Stdin => &[],
        };
        if let Some(publisher) = &self.publisher {
            return self.check_and_publish(publisher, input, claims);
        }
        let subject = match &input.kind {
            Kind::Stdin => Subject::from_stream(std::io::stdin().lock(), &self.policy.limits),
            _ => Subject::open(&input.path, self.hash, &self.policy.limits),
        };
        self.judge(name, subject, claims)
    }

    /// Copies a file, judges the copy, and publishes it if it passes.
    fn check_and_publish(&self, publisher: &Publisher, input: &Input, claims: &[PathBuf]) -> Verdict {
        let name = input.path.to_string_lossy().into_owned();
        let mut copy = match publisher.start() {
            Ok(copy) => copy,
            Err(error) => return self.failed(name, &error),
        };
        let limits = &self.policy.limits;
        let subject = match &input.kind {
            Kind::Stdin => Subject::copied_stream(std::io::stdin().lock(), copy.as_file_mut(), limits),
            _ => Subject::copied(&input.path, copy.as_file_mut(), limits),
        };
        let mut verdict = self.judge(name, subject, claims);
        let Some(sha256) = verdict.sha256.filter(|_| verdict.outcome == Outcome::Pass) else {
            return verdict;
        };
        match publisher.publish(copy, input.name(), sha256) {
            Ok(path) => verdict.published = Some(path.to_string_lossy().into_owned()),
            // It passed, and is not published: the rest of the verdict stands.
            Err(error) => verdict.add(Finding::from(&error)),
        }
        verdict
    }

    /// The verdict on what could not be looked at.
    fn failed(&self, name: String, error: &Error) -> Verdict {
        let severity = self.policy.severities.of(error.code());
        Verdict::with(name, Finding { severity, ..Finding::from(error) })
    }

    /// Judges bytes.
    pub(super) fn judge(&self, name: String, subject: Result<Subject>, claims: &[PathBuf]) -> Verdict {
        let mut subject = match subject {
            Ok(subject) => subject,
            Err(error) => return self.failed(name, &error),
        };
        let mut verdict = Verdict::new(name);
        let mut findings = Findings::default();
        verdict.size = Some(subject.source.size());
        let claims = self.read_claims(claims, &mut findings);
        if let Err(error) = self.look(&subject, &claims, &mut verdict, &mut findings) {
            findings.push(Finding::from(&error));
            verdict.verified = false;
        }
        if self.regions {
            locate(&subject, &self.policy.limits, &mut findings);
        }
        if let Err(error) = subject.finish() {
            // What was found is of something that is no longer there.
            let Verdict { path, .. } = verdict;
            return self.failed(path, &error);
        }
        verdict.sha256 = subject.sha256;
        self.compare_hash(&subject, &mut findings);
        verdict.conclude(findings);
        verdict
    }

    fn compare_hash(&self, subject: &Subject, findings: &mut Findings) {
        let Some(found) = subject.sha256 else { return };
        for expected in self.expected.iter().chain(&subject.expected).filter(|expected| **expected != found) {
            let found = format!("the file has the SHA-256 {found}, where {expected} was expected");
            findings.push(Finding::new(Code::Sha256Mismatch, Severity::Deny, found));
        }
    }

    /// Goes through the stages; an error is why the file cannot be read.
    fn look(
        &self,
        subject: &Subject,
        claims: &[(&Path, Arc<Claim>)],
        verdict: &mut Verdict,
        findings: &mut Findings,
    ) -> Result<()> {
        let archive = Archive::from_source(Arc::clone(&subject.source), self.policy.limits.clone())?;
        let schema = archive.schema()?;
        verdict.protocol = Some(schema.protocol());
        verdict.skops_version = schema.skops_version().map(|version| shown(version).to_string());
        let audit = schema.audit()?;
        let versions = audit.schema().sklearn_versions();
        verdict.sklearn_versions =
            versions.iter().take(MOST_VERSIONS).map(|version| shown(version).to_string()).collect();
        verdict.root_type = Some(audit.schema().root_type());
        let is_conditional = self.names(&audit, findings);
        self.requirements(&audit, &versions, findings);
        self.unused_arrays(&audit, findings);
        let mut room = MOST_BYTES;
        let compare =
            |(path, claim): &(&Path, Arc<Claim>)| self.claim(path, claim, &audit, findings, &mut room);
        verdict.mlflow = claims.iter().map(compare).collect();
        if is_conditional || self.level == Level::Verify {
            verdict.verified = Self::contents(&audit, findings);
        }
        Ok(())
    }

    /// Looks at every name. Returns whether one of them is allowed only if the contents pass every check.
    fn names(&self, audit: &Audit, findings: &mut Findings) -> bool {
        let mut is_conditional = false;
        let mut untrusted = Vec::new();
        for reference in audit.references() {
            self.note_used(&reference);
            match self.policy.standing_by(&self.rules, &reference) {
                Standing::Allowed => {}
                Standing::IfVerified(_) => is_conditional = true,
                // What is denied comes first, should there be too much to list.
                Standing::Untrusted => untrusted.push(reference),
                Standing::Denied(denial) => findings.push_with(Code::DeniedType, Severity::Deny, || {
                    let why = denial.reason.as_ref().map(|reason| format!(": {}", shown(reason)));
                    let found =
                        format!("{}, which the policy denies{}", doing(&reference), why.unwrap_or_default());
                    Finding::new(Code::DeniedType, Severity::Deny, found).about(&reference)
                }),
            }
        }
        let severity = self.policy.severities.of(Code::UntrustedTypes);
        for reference in untrusted {
            findings.push_with(Code::UntrustedTypes, severity, || {
                let found = format!("{}, which is not trusted", doing(&reference));
                let mut finding = Finding::new(Code::UntrustedTypes, severity, found).about(&reference);
                finding.hint = self.hint(&reference);
                finding
            });
        }
        is_conditional
    }

    /// Notes the allowances that cover a name of the file.
    fn note_used(&self, reference: &Reference<'_>) {
        for position in self.rules.allowed(reference) {
            let rule = self.policy.allowed.get(position).zip(self.used.get(position));
            if let Some((_, used)) = rule.filter(|(allowance, _)| allowance.covers(reference)) {
                used.store(true, Ordering::Relaxed);
            }
        }
    }

    /// What to do about a name that is not trusted.
    fn hint(&self, reference: &Reference<'_>) -> String {
        if !self.rules.allowed(reference).is_empty() {
            let (role, loader) = (reference.role(), reference.loader());
            return format!(
                "the policy allows the name, but not in the role `{role}` under the loader `{loader}`"
            );
        }
        let preset = crate::policy::Preset::ALL.iter().find(|preset| {
            preset
                .names()
                .any(|(name, loader)| name == reference.name().as_str() && loader == reference.loader())
        });
        match preset {
            Some(preset) => format!(
                "the preset `{preset}` allows it in files whose contents pass every check: add it to `presets` of the policy"
            ),
            None => "look at what it is for; if it may be loaded, add it to `allow` of the policy".to_owned(),
        }
    }

    fn requirements(
        &self,
        audit: &Audit,
        versions: &std::collections::BTreeSet<String>,
        findings: &mut Findings,
    ) {
        let schema = audit.schema();
        let require = &self.policy.require;
        let root = schema.root_type();
        let is_root = |name: &TypeName| require.root_types.iter().any(|pattern| pattern.matches(name));
        // A type, function or method by name is none of its instances.
        let is_instance = !matches!(schema.root_loader(), Loader::Type | Loader::Function | Loader::Method);
        let is_required =
            require.root_types.is_empty() || (is_instance && root.parse().is_ok_and(|name| is_root(&name)));
        let faults = [
            (Code::SklearnVersion, require.sklearn_fault(versions)),
            (Code::SkopsVersion, require.skops_fault(schema.skops_version())),
            (Code::ProtocolVersion, require.protocol_fault(schema.protocol())),
            (
                Code::RootType,
                (!is_required).then(|| {
                    if is_instance {
                        format!("the object that was saved is a {root}")
                    } else {
                        format!("what was saved is {root} itself, or a method of it, and no object")
                    }
                }),
            ),
        ];
        for (code, fault) in faults {
            if let Some(found) = fault {
                self.by_policy(code, found, findings);
            }
        }
    }

    fn unused_arrays(&self, audit: &Audit, findings: &mut Findings) {
        let mut unused = audit.unreferenced();
        let Some(first) = unused.next() else { return };
        let count = unused.count().saturating_add(1);
        let found = match count {
            1 => format!("the array {}, which no node names", first.name),
            _ => format!("{count} arrays that no node names, {} among them", first.name),
        };
        self.by_policy(Code::UnusedArray, found, findings);
    }

    /// Adds a finding whose severity the policy sets.
    fn by_policy(&self, code: Code, found: String, findings: &mut Findings) {
        let severity = self.policy.severities.of(code);
        findings.push_with(code, severity, || Finding::new(code, severity, found));
    }

    /// Reads what the MLflow models say that have a file loaded: what keeps it from being checked at all is a finding.
    fn read_claims<'p>(&self, paths: &'p [PathBuf], findings: &mut Findings) -> Vec<(&'p Path, Arc<Claim>)> {
        let mut claims = Vec::new();
        let deny = |found: String| Finding::new(Code::MlflowModel, Severity::Deny, found);
        if paths.len() > MOST_CLAIMS {
            findings.push(deny(format!("more than {MOST_CLAIMS} MLmodel files have the file loaded")));
        }
        for path in paths.iter().take(MOST_CLAIMS) {
            let claim = match self.mlmodels.read(path) {
                Ok(claim) => claim,
                Err(error) => {
                    findings.push(Finding::from(&error));
                    continue;
                }
            };
            for format in &claim.other_formats {
                let found = format!(
                    "MLmodel has the file loaded in the format '{}', past every check",
                    shown(format)
                );
                findings.push(deny(found));
            }
            for code in &claim.code {
                self.by_policy(Code::MlflowCode, format!("MLmodel {code}"), findings);
            }
            claims.push((path.as_path(), claim));
        }
        claims
    }

    /// Compares what an MLflow model claims with what the policy trusts and the file names.
    fn claim(
        &self,
        path: &Path,
        claim: &Claim,
        audit: &Audit,
        findings: &mut Findings,
        room: &mut usize,
    ) -> ClaimReport {
        let mut report = ClaimReport { path: path.to_string_lossy().into_owned(), ..ClaimReport::default() };
        let named = find_claimed(claim, audit);
        let is_allowed = |reference: &Reference<'_>| {
            let standing = self.policy.standing_by(&self.rules, reference);
            matches!(standing, Standing::Allowed | Standing::IfVerified(_))
        };
        for text in &claim.trusted {
            let name = text.parse::<TypeName>().ok();
            let named = named.get(text.as_str()).map_or(&[][..], Vec::as_slice);
            let is_trusted = match (&name, named) {
                (None, _) => false,
                (Some(name), []) => self.trusts_by_name(name),
                (_, named) => named.iter().all(is_allowed),
            };
            let shown = shown(text).to_string();
            if !is_trusted {
                let place = if named.is_empty() { ", nor named by the file" } else { "" };
                let found =
                    format!("MLmodel claims trust for {shown}, which is not trusted by the policy{place}");
                self.by_policy(Code::MlflowClaim, found, findings);
            }
            report.add(shown, is_trusted, !named.is_empty(), room);
        }
        report
    }

    /// Whether the policy trusts a name that the file does not have, under some loader.
    fn trusts_by_name(&self, name: &TypeName) -> bool {
        let base = TrustList::new(self.policy.base);
        let by_base = Loader::ALL.iter().any(|loader| base.trusts(*loader, LATEST_PROTOCOL, name));
        !self.rules.denies(name) && (by_base || self.rules.allows(name))
    }

    /// Checks contents and payloads. Returns whether all of them are as they should be.
    fn contents(audit: &Audit, findings: &mut Findings) -> bool {
        let mut is_sound = true;
        let mut note = |fault: Error| {
            is_sound = false;
            findings.push_with(fault.code(), Severity::Deny, || Finding::from(&fault));
        };
        audit.each_violation(&mut note);
        audit.check_payloads().err().into_iter().for_each(note);
        is_sound
    }
}

/// The references to each name that is claimed to be trusted. A file may have very many names, so they are gone through once.
fn find_claimed<'a, 'c>(claim: &'c Claim, audit: &'a Audit) -> HashMap<&'c str, Vec<Reference<'a>>> {
    let mut found: HashMap<_, Vec<_>> =
        claim.trusted.iter().map(|text| (text.as_str(), Vec::new())).collect();
    if found.is_empty() {
        return found;
    }
    for reference in audit.references() {
        for name in reference.names() {
            if let Some(named) = found.get_mut(name.as_str()) {
                named.push(reference);
            }
        }
    }
    found
}

/// What skops would do, in words.
fn doing(reference: &Reference<'_>) -> String {
    use crate::audit::Role;
    let name = reference.name();
    let places = match reference.place_count() {
        1 => String::new(),
        count => format!(" in {count} places"),
    };
    match reference.role() {
        Role::Instantiate => format!("the file makes instances of {name}{places}"),
        Role::Call => format!("the file may call {name}{places}"),
        Role::Reference => format!("the file refers to {name}{places}"),
        Role::Attribute => format!("the file reads the attribute {name}{places}"),
    }
}

/// Looks up where in the text of `schema.json` findings are.
fn locate(subject: &Subject, limits: &Limits, findings: &mut Findings) {
    let pointers = findings.iter_mut().filter_map(|finding| finding.exact.clone()).collect();
    let archive = Archive::from_source(Arc::clone(&subject.source), limits.clone());
    // If it cannot be read again, the findings are none the worse.
    let Ok(regions) = archive.and_then(|archive| crate::schema::locate(&archive, &pointers)) else { return };
    for finding in findings.iter_mut() {
        finding.region = finding.exact.as_ref().and_then(|pointer| regions.get(pointer)).copied();
    }
}
