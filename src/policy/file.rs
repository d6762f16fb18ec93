//! Policies as TOML. Whatever is wrong with one is said with line and column, all of it at once where that is possible.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;

use super::require::parse_protocols;
use super::{Allowance, Denial, Pattern, Policy, Preset, Severity, VersionRange};
use crate::audit::Role;
use crate::error::{Code, Error, Result};
use crate::schema::Loader;
use crate::text::{PLACE_LENGTH, shown, shown_in, shown_path};
use crate::trust::{Base, tables};

/// How the file is named that a policy is looked for in.
pub const FILE_NAME: &str = "skops-policy.toml";

/// No policy is larger.
const MOST_BYTES: u64 = 4 << 20;

/// Something in a policy file that cannot be meant, or may not be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// What is wrong with a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    /// What the file is called.
    origin: String,
    /// At least one.
    list: Vec<Mistake>,
}

impl Mistakes {
    /// What is wrong, in the order of the file.
    #[must_use]
    pub fn list(&self) -> &[Mistake] {
        &self.list
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.list.iter().enumerate() {
            let line_break = if index == 0 { "" } else { "\n" };
            let Mistake { line, column, message } = mistake;
            write!(f, "{line_break}{}:{line}:{column}: {message}", shown_path(&self.origin))?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

impl From<Mistakes> for Error {
    fn from(mistakes: Mistakes) -> Self {
        Self::new(Code::PolicySyntax, mistakes.to_string())
    }
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// [`Code::PolicySyntax`] with all [`Mistakes`], or [`Code::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Ok(Self::from_toml(&Self::read_text(path)?, &path.to_string_lossy())
            .map_err(|(mistakes, _)| mistakes)?
            .0)
    }

    /// Reads the text of a policy file, which is no larger than 4 MiB.
    ///
    /// # Errors
    /// [`Code::Io`], or [`Code::PolicySyntax`] for what is no text.
    pub fn read_text(path: impl AsRef<Path>) -> Result<String> {
        read(path.as_ref())
    }

    /// What is allowed by prefixes, as doubts: more than anyone has looked at.
    #[must_use]
    pub fn broad_allowances(&self) -> Vec<Mistake> {
        let broad = self.allowed.iter().filter(|allowance| allowance.pattern.is_broad());
        broad
            .map(|allowance| {
                doubt_of(allowance, "allows every name below it, those of later releases included")
            })
            .collect()
    }

    /// Reads a policy; `origin` is what it is called in messages. With it come doubts: what is allowed, but may be a
    /// slip, such as a name that is nearly another.
    ///
    /// # Errors
    /// What is wrong with it, and the doubts.
    pub fn from_toml(
        text: &str,
        origin: &str,
    ) -> std::result::Result<(Self, Vec<Mistake>), (Mistakes, Vec<Mistake>)> {
        let mut reading = Reading { text, wrong: Vec::new(), doubts: Vec::new() };
        let policy = match toml::from_str::<File>(text) {
            Ok(file) => reading.policy(file),
            Err(error) => {
                // It may quote a key, which is text as any other.
                let message = error.message().replace('\n', ", ");
                reading.wrong(error.span().unwrap_or_default(), shown_in(&message, PLACE_LENGTH).to_string());
                Self::default()
            }
        };
        let Reading { wrong, doubts, .. } = reading;
        if wrong.is_empty() {
            return Ok((policy, doubts));
        }
        Err((Mistakes { origin: origin.to_owned(), list: wrong }, doubts))
    }
}

/// Reads the text of a policy file.
fn read(path: &Path) -> Result<String> {
    let at = |error: Error| error.about(&shown_path(&path.to_string_lossy()));
    let failed = |error| at(Error::cannot("read the policy", error));
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MOST_BYTES.saturating_add(1)).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(at(Error::new(
            Code::PolicySyntax,
            format!("the policy is larger than {MOST_BYTES} bytes"),
        )));
    }
    String::from_utf8(text).map_err(|_| at(Error::new(Code::PolicySyntax, "the policy is not UTF-8")))
}

// ---- how the file is laid out; `schemas/policy.schema.json` describes it, too

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    base: Option<Spanned<String>>,
    #[serde(default)]
    presets: Vec<Spanned<String>>,
    #[serde(default)]
    allow: Vec<Spanned<Name>>,
    #[serde(default)]
    deny: Vec<Spanned<Name>>,
    #[serde(default)]
    require: Require,
    #[serde(default)]
    limits: BTreeMap<Spanned<String>, Spanned<i64>>,
    #[serde(default)]
    severity: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Require {
    sklearn_version: Option<Spanned<String>>,
    skops_version: Option<Spanned<String>>,
    protocol: Option<Spanned<String>>,
    #[serde(default)]
    root_types: Vec<Spanned<String>>,
}

/// A name alone, or with what goes with it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Detailed {
    name: Spanned<String>,
    reason: Option<String>,
    role: Option<Spanned<String>>,
    loader: Option<Spanned<String>>,
    #[serde(default)]
    if_verified: Option<Spanned<bool>>,
}

enum Name {
    Plain(String),
    Detailed(Detailed),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, or a table such as { name = \"a.b.C\", reason = \"...\" }")
            }

            fn visit_str<E>(self, name: &str) -> std::result::Result<Name, E> {
                Ok(Name::Plain(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Name, A::Error> {
                Detailed::deserialize(MapAccessDeserializer::new(map)).map(Name::Detailed)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

// ---- from there to a policy

/// What is read, and what was found wrong with it.
struct Reading<'t> {
    text: &'t str,
    wrong: Vec<Mistake>,
    doubts: Vec<Mistake>,
}

impl Reading<'_> {
    fn policy(&mut self, file: File) -> Policy {
        let mut policy = Policy::default();
        if let Some(base) = file.base {
            let names = [Base::Skops016, Base::None].map(Base::as_str);
            if let Some(found) = self.one_of("base", &base, Base::from_str(base.get_ref()).ok(), &names) {
                policy.base = found;
            }
        }
        for name in &file.presets {
            let names: Vec<_> = Preset::ALL.iter().map(|preset| preset.as_str()).collect();
            let line = Some(self.position(name.span().start).0);
            if let Some(preset) = self.one_of("preset", name, Preset::from_name(name.get_ref()), &names) {
                policy
                    .allowed
                    .extend(Allowance::of_preset(preset).map(|allowance| Allowance { line, ..allowance }));
            }
        }
        let allowed = file.allow.into_iter().filter_map(|name| self.allowance(name)).collect::<Vec<_>>();
        policy.allowed.extend(allowed);
        policy.denied = file.deny.into_iter().filter_map(|name| self.denial(name)).collect();
        self.require(&file.require, &mut policy);
        for (name, value) in &file.limits {
            self.limit(name, value, &mut policy);
        }
        for (code, severity) in &file.severity {
            self.severity(code, severity, &mut policy);
        }
        self.wrong.sort_by_key(|mistake| (mistake.line, mistake.column));
        self.doubts.sort_by_key(|mistake| (mistake.line, mistake.column));
        policy
    }

    /// An allowance; what is wrong with it makes the policy as a whole unusable.
    fn allowance(&mut self, entry: Spanned<Name>) -> Option<Allowance> {
        let span = entry.span();
        let line = Some(self.position(span.start).0);
        let detailed = match entry.into_inner() {
            Name::Plain(name) => {
                let pattern = self.pattern(&name, span)?;
                return Some(Allowance { line, ..Allowance::new(pattern) });
            }
            Name::Detailed(detailed) => detailed,
        };
        let pattern = self.pattern(detailed.name.get_ref(), detailed.name.span());
        let roles = [Role::Instantiate, Role::Call, Role::Reference, Role::Attribute];
        let role = detailed.role.as_ref().and_then(|role| {
            let found = roles.into_iter().find(|known| known.as_str() == role.get_ref());
            self.one_of("role", role, found, &roles.map(Role::as_str))
        });
        let loader = detailed.loader.as_ref().and_then(|loader| {
            let names: Vec<_> = Loader::ALL.iter().map(|loader| loader.as_str()).collect();
            self.one_of("loader", loader, Loader::from_name(loader.get_ref()), &names)
        });
        Some(Allowance {
            role,
            loader,
            if_verified: detailed.if_verified.is_some_and(Spanned::into_inner),
            reason: detailed.reason,
            line,
            ..Allowance::new(pattern?)
        })
    }

    fn denial(&mut self, entry: Spanned<Name>) -> Option<Denial> {
        let span = entry.span();
        let line = Some(self.position(span.start).0);
        let (pattern, reason) = match entry.into_inner() {
            Name::Plain(name) => (self.pattern(&name, span), None),
            Name::Detailed(Detailed { name, reason, role, loader, if_verified }) => {
                let spans = [
                    ("role", role.map(|role| role.span())),
                    ("loader", loader.map(|loader| loader.span())),
                    ("if-verified", if_verified.map(|flag| flag.span())),
                ];
                for (key, span) in spans {
                    if let Some(span) = span {
                        self.wrong(
                            span,
                            format!("`{key}` goes with an allowance; what is denied is denied anywhere"),
                        );
                    }
                }
                (self.pattern(name.get_ref(), name.span()), reason)
            }
        };
        Some(Denial { reason, line, ..Denial::new(pattern?) })
    }

    /// The names that a text means; a doubt when it is nearly, but not quite, a name that is known.
    fn pattern(&mut self, text: &str, span: Range<usize>) -> Option<Pattern> {
        match text.parse() {
            Ok(pattern) => {
                if let Pattern::Name(name) = &pattern
                    && let Some(known) = near_miss(name.as_str())
                {
                    self.doubt(span, format!("{name} is no name that is known here; did you mean {known}?"));
                }
                Some(pattern)
            }
            Err(error) => {
                self.wrong(span, Error::found(&error).to_owned());
                None
            }
        }
    }

    fn require(&mut self, require: &Require, policy: &mut Policy) {
        policy.require.sklearn_version = self.range(require.sklearn_version.as_ref());
        policy.require.skops_version = self.range(require.skops_version.as_ref());
        if let Some(protocol) = &require.protocol {
            policy.require.protocol = parse_protocols(protocol.get_ref());
            if policy.require.protocol.is_none() {
                let found = shown(protocol.get_ref()).to_string();
                let usage = "write \"2\", \"1..2\" or \"1..\"";
                self.wrong(protocol.span(), format!("{found:?} is no range of protocols: {usage}"));
            }
        }
        for name in &require.root_types {
            if let Some(pattern) = self.pattern(name.get_ref(), name.span()) {
                policy.require.root_types.push(pattern);
            }
        }
    }

    fn range(&mut self, text: Option<&Spanned<String>>) -> Option<VersionRange> {
        let text = text?;
        text.get_ref().parse().map_err(|wrong| self.wrong(text.span(), wrong)).ok()
    }

    fn limit(&mut self, name: &Spanned<String>, value: &Spanned<i64>, policy: &mut Policy) {
        let limits: Vec<_> = policy.limits.list().iter().map(|(name, ..)| *name).collect();
        let known = limits.contains(&name.get_ref().as_str()).then_some(());
        if self.one_of("limit", name, known, &limits).is_none() {
            return;
        }
        let Ok(number) = u64::try_from(*value.get_ref()) else {
            self.wrong(value.span(), "a limit is no less than 0".to_owned());
            return;
        };
        if let Err(error) = policy.limits.set(name.get_ref(), number) {
            self.wrong(value.span(), error.found().to_owned());
        }
    }

    fn severity(&mut self, code: &Spanned<String>, severity: &Spanned<String>, policy: &mut Policy) {
        let codes: Vec<_> = policy.severities.list().map(|(code, _)| code.as_str()).collect();
        let severities: Vec<_> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
        let found = Code::ALL.iter().copied().find(|known| known.as_str() == code.get_ref());
        let found = self.one_of("code", code, found, &codes);
        let wanted = Severity::from_name(severity.get_ref());
        let wanted = self.one_of("severity", severity, wanted, &severities);
        if let (Some(found), Some(wanted)) = (found, wanted)
            && let Err(why) = policy.severities.set(found, wanted)
        {
            self.wrong(code.span(), format!("the severity of {found} cannot be set: {why}"));
        }
    }

    /// What a text stands for, if it is one of the words for it.
    fn one_of<T>(
        &mut self,
        what: &str,
        text: &Spanned<String>,
        found: Option<T>,
        known: &[&str],
    ) -> Option<T> {
        if found.is_none() {
            let own = text.get_ref();
            let hint = match nearest(own, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", known.join(", ")),
            };
            self.wrong(text.span(), format!("there is no {what} `{}`; {hint}", shown(own)));
        }
        found
    }

    fn wrong(&mut self, span: Range<usize>, message: String) {
        let (line, column) = self.position(span.start);
        self.wrong.push(Mistake { line, column, message });
    }

    fn doubt(&mut self, span: Range<usize>, message: String) {
        let (line, column) = self.position(span.start);
        self.doubts.push(Mistake { line, column, message });
    }

    /// Line and column of an offset.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
        (line, column)
    }
}

/// A doubt about an allowance.
pub(crate) fn doubt_of(allowance: &Allowance, what: &str) -> Mistake {
    let line = allowance.line.unwrap_or(1);
    Mistake { line, column: 1, message: format!("`{}` {what}", allowance.pattern) }
}

/// The word that was most likely meant.
#[expect(clippy::disallowed_methods, reason = "3 is not 0")]
fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|word| (strsim::damerau_levenshtein(text, word), word));
    scored.min().filter(|(distance, word)| *distance <= word.len().div_ceil(3)).map(|(_, word)| word)
}

/// The known name that a name differs from by one letter.
fn near_miss(name: &str) -> Option<&'static str> {
    let presets = || Preset::ALL.iter().flat_map(|preset| preset.names()).map(|(name, _)| name);
    let is_near =
        |known: &&str| known.len().abs_diff(name.len()) <= 1 && strsim::damerau_levenshtein(known, name) == 1;
    let is_known = tables::names().chain(presets()).any(|known| known == name);
    if is_known { None } else { tables::names().chain(presets()).find(is_near) }
}
