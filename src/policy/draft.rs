//! A first policy, written from models: what they need, for a person to decide about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Policy, Preset, Severity, Standing};
use crate::audit::{Audit, Role};
use crate::limits::Limits;
use crate::schema::Loader;
use crate::text::{shown, shown_path};
use crate::trust::{TypeName, reason};

/// What models need, as a commented policy file: `Display` writes it.
///
/// Names that the base does not trust are written as comments, because it is not a model that decides what is allowed;
/// but for those of presets, which are allowed only if the contents pass every check.
///
/// ```
/// use skops_rs::{Archive, policy::{Draft, Policy}};
///
/// let mut draft = Draft::default();
/// draft.add("example.skops", &Archive::open("fixtures/example.skops")?.schema()?.audit()?);
/// let text = draft.to_string();
/// assert!(text.contains(r#"presets = ["trees"]"#));
/// assert!(Policy::from_toml(&text, "draft").is_ok());
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Draft {
    models: usize,
    presets: BTreeSet<Preset>,
    found: BTreeMap<(TypeName, Role, Loader), Found>,
    sklearn_versions: BTreeSet<String>,
    skops_versions: BTreeSet<String>,
    root_types: BTreeSet<String>,
    /// Whether names that were found are written so that they are allowed.
    pub allow_found: bool,
}

/// Where a name was first found.
#[derive(Debug, Clone)]
struct Found {
    models: usize,
    model: String,
    path: String,
}

/// How much of a path in a model is shown.
const PATH_LENGTH: usize = 80;

impl Draft {
    /// Adds what a model needs. `path` is what it is called in comments.
    pub fn add(&mut self, path: &str, audit: &Audit) {
        self.models = self.models.saturating_add(1);
        let presets: Vec<_> =
            Preset::ALL.iter().map(|preset| (*preset, Policy::default().preset(*preset))).collect();
        let mut seen = BTreeSet::new();
        for reference in audit.references() {
            if Policy::default().standing(&reference) == Standing::Allowed {
                continue;
            }
            let by_preset = presets
                .iter()
                .find(|(_, policy)| matches!(policy.standing(&reference), Standing::IfVerified(_)));
            if let Some((preset, _)) = by_preset {
                self.presets.insert(*preset);
                continue;
            }
            let key = (reference.name().clone(), reference.role(), reference.loader());
            if !seen.insert(key.clone()) {
                continue;
            }
            let place = reference.places().next().map(|place| place.path).unwrap_or_default();
            let found = self.found.entry(key).or_insert_with(|| Found {
                models: 0,
                model: shown_path(path),
                path: place.chars().take(PATH_LENGTH).collect(),
            });
            found.models = found.models.saturating_add(1);
        }
        let schema = audit.schema();
        self.sklearn_versions.extend(schema.sklearn_versions());
        self.skops_versions.extend(schema.skops_version().map(str::to_owned));
        self.root_types.insert(schema.root_type());
    }

    fn write_allowed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Preset::ALL.iter().map(|preset| format!("\"{preset}\"")).collect();
        let used: Vec<_> = self.presets.iter().map(|preset| format!("\"{preset}\"")).collect();
        writeln!(
            f,
            "# Names of scikit-learn and scipy that skops does not trust, allowed in files whose contents pass every\n\
             # check (`skops-rs check` checks those files to the bottom). There are {}.\n\
             presets = [{}]\n",
            names.join(", "),
            used.join(", ")
        )?;
        writeln!(
            f,
            "# Names that are allowed besides. A module and all that is in it is written \"xgboost.**\"; `role` and `loader`\n\
             # limit an allowance to what skops does with the name, `if-verified = true` to files that pass every check."
        )?;
        if self.found.is_empty() {
            return writeln!(
                f,
                "allow = [\n    # {{ name = \"mypackage.models.MyEstimator\", reason = \"reviewed by me\" }},\n]\n"
            );
        }
        let mark = if self.allow_found { "" } else { "# " };
        if !self.allow_found {
            writeln!(
                f,
                "# These were found in the models. Decide about each, say why in `reason`, and take away the `# ` before it."
            )?;
        }
        writeln!(f, "allow = [")?;
        for ((name, role, loader), Found { models, model, path }) in &self.found {
            let place = if path.is_empty() { "the root" } else { path };
            writeln!(f, "    # in {models} of {} model(s), {model} at {}", self.models, shown(place))?;
            if let Some(reason) = reason(name) {
                writeln!(f, "    # beware: {reason}")?;
            }
            writeln!(
                f,
                "    {mark}{{ name = \"{name}\", role = \"{role}\", loader = \"{loader}\", reason = \"\" }},"
            )?;
        }
        writeln!(f, "]\n")
    }

    fn write_required(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# What a file must say of itself. Old models are read differently by newer releases of scikit-learn, which is\n\
             # the commonest failure of all; so name the releases that you run.\n[require]"
        )?;
        let found = |versions: &BTreeSet<String>| match versions.len() {
            0 => "none".to_owned(),
            _ => versions
                .iter()
                .take(8)
                .map(|version| shown(version).to_string())
                .collect::<Vec<_>>()
                .join(", "),
        };
        writeln!(f, "# sklearn-version = \">=1.5, <1.8\"   # found: {}", found(&self.sklearn_versions))?;
        writeln!(f, "# skops-version = \">=0.11\"   # found: {}", found(&self.skops_versions))?;
        writeln!(f, "# protocol = \"1..2\"")?;
        writeln!(f, "# root-types = [\"sklearn.pipeline.Pipeline\"]   # found: {}\n", found(&self.root_types))
    }
}

impl fmt::Display for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# What `skops-rs check` lets through. Written by `skops-rs policy init` from {} model(s); docs/policy.md of\n\
             # skops-rs describes all keys, and `skops-rs policy check` checks this file.\n\n\
             # What is trusted before anything is allowed: \"skops-0.16\", what skops 0.16 trusts by default, or \"none\".\n\
             base = \"skops-0.16\"\n",
            self.models
        )?;
        self.write_allowed(f)?;
        writeln!(
            f,
            "# Names that are denied, whatever allows them.\ndeny = [\n    # {{ name = \"operator.**\", reason = \
             \"nothing here needs it\" }},\n]\n"
        )?;
        self.write_required(f)?;
        writeln!(f, "# How much a file may ask for; docs/limits.md has all limits.\n[limits]")?;
        for (name, value, _) in Limits::default().list().into_iter().filter(|(name, ..)| SHOWN.contains(name))
        {
            writeln!(f, "# {name} = {value}")?;
        }
        let severities: Vec<_> = Severity::ALL.iter().map(|severity| format!("\"{severity}\"")).collect();
        writeln!(
            f,
            "\n# What a finding means: {}. All others are denied.\n[severity]",
            severities.join(", ")
        )?;
        for (code, severity) in Policy::default().severities.list() {
            writeln!(f, "# {code} = \"{severity}\"")?;
        }
        Ok(())
    }
}

/// The limits that a gate is most likely to lower.
const SHOWN: [&str; 4] = ["schema-bytes", "array-bytes", "model-bytes", "stream-bytes"];
