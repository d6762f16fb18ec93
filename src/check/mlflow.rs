//! MLflow models: folders with an `MLmodel`, which says how the files beside it are loaded.
//!
//! MLflow passes the model's own `skops_trusted_types` to `skops.io.load` (GHSA-w582-9x45-8mpx): the model says which of its
//! types are to be trusted. Here that list is a claim, which is compared with the policy and reported.
//!
//! `MLmodel` is YAML. What other readers of YAML could see differently (aliases, tags, keys that stand twice, a second
//! document) is refused. Source: `mlflow/sklearn/__init__.py` and `mlflow/lightgbm/__init__.py` of MLflow 3.18.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::error::{Code, Error, Result};
use crate::text::shown;

/// The name of the file that makes a folder an MLflow model.
pub(super) const FILE_NAME: &str = "MLmodel";

/// No `MLmodel` is larger; signatures and examples are in it, weights are not.
const MOST_BYTES: u64 = 4 << 20;

/// How deep its values may be nested.
const MOST_LEVELS: usize = 64;

/// How many types it may claim to be trusted; models name a few dozen at most.
const MOST_CLAIMS: usize = 256;

/// How long keys and values may be that are read.
const MOST_LENGTH: usize = 1024;

/// What an MLflow model says of the files that it has loaded as skops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Claim {
    /// Files in its folder that are loaded.
    pub(super) targets: Vec<PathBuf>,
    /// `skops_trusted_types`, of all flavors.
    pub(super) trusted: Vec<String>,
    /// Folders that are put on the import path.
    pub(super) code: Vec<String>,
    /// Formats that are not skops.
    pub(super) other_formats: Vec<String>,
}

/// Reads an `MLmodel`. `None` when nothing that it loads is said to be of scikit-learn or skops.
pub(super) fn read(path: &Path) -> Result<Option<Claim>> {
    let failed = |error| Error::cannot("read MLmodel", error);
    let mut text = Vec::new();
    let (file, _) = super::subject::open_file(path)?;
    File::take(file, MOST_BYTES.saturating_add(1)).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(refuse(format!("MLmodel is larger than {MOST_BYTES} bytes")));
    }
    let text = String::from_utf8(text).map_err(|_| refuse("MLmodel is not UTF-8".to_owned()))?;
    // YAML 1.1 and 1.2 differ about where such lines end.
    if let Some(odd) =
        text.chars().find(|character| matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}'))
    {
        return Err(refuse(format!("MLmodel has the character {}", odd.escape_unicode())));
    }
    let flavors = Flavors::read(&text)?;
    if !flavors.is_relevant() {
        return Ok(None);
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    flavors.claim(folder).map(Some)
}

/// What the flavors of a model say, as far as it matters here.
#[derive(Default)]
struct Flavors(BTreeMap<String, BTreeMap<String, Value>>);

/// The value of a key.
#[derive(Debug)]
enum Value {
    Null,
    Text(String),
    List(Vec<Option<String>>),
    Other,
}

/// The keys of a flavor that are read.
const KEYS: [&str; 8] = [
    "code",
    "data",
    "loader_module",
    "model_class",
    "model_path",
    "pickled_model",
    "serialization_format",
    "skops_trusted_types",
];

/// The modules of MLflow that load with skops.
const LOADERS: [&str; 2] = ["mlflow.sklearn", "mlflow.lightgbm"];

impl Flavors {
    /// What stands at a key of a flavor.
    fn text(&self, flavor: &str, key: &str) -> Option<&str> {
        match self.0.get(flavor)?.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn is_loaded_by_pyfunc(&self) -> bool {
        self.text("python_function", "loader_module").is_some_and(|module| LOADERS.contains(&module))
    }

    /// A booster is loaded by lightgbm itself, whatever format is given.
    fn is_booster(&self) -> bool {
        self.text("lightgbm", "model_class").is_some_and(|class| class.ends_with(".Booster"))
    }

    /// Whether MLflow would load something with skops, or could be taken for doing so.
    fn is_relevant(&self) -> bool {
        let has = |flavor: &str| self.0.contains_key(flavor);
        let has_list = || self.0.values().any(|flavor| flavor.contains_key("skops_trusted_types"));
        has("sklearn") || !self.is_booster() && (has("lightgbm") || has_list() || self.is_loaded_by_pyfunc())
    }

    /// What is claimed.
    fn claim(&self, folder: &Path) -> Result<Claim> {
        let mut claim = Claim::default();
        for (flavor, keys) in &self.0 {
            for (key, value) in keys {
                match (key.as_str(), value) {
                    ("skops_trusted_types", Value::List(names)) => {
                        claim.trusted.extend(
                            names.iter().map(|name| name.clone().unwrap_or_else(|| "null".to_owned())),
                        );
                    }
                    (_, Value::Null) => {}
                    // Releases of skops before 0.10 take `true` for every type.
                    (_, Value::Other | Value::List(_)) | ("skops_trusted_types", _) => {
                        return Err(refuse(format!(
                            "MLmodel has a value of another kind at flavors.{}.{key}",
                            shown(flavor)
                        )));
                    }
                    ("code", Value::Text(code)) => claim.code.push(code.clone()),
                    _ => {}
                }
            }
        }
        claim.code.sort_unstable();
        claim.code.dedup();
        let targets = [
            ("sklearn", "pickled_model"),
            ("python_function", "model_path"),
            ("python_function", "data"),
            ("lightgbm", "data"),
        ];
        for (flavor, key) in targets {
            if let Some(target) = self.text(flavor, key) {
                claim.targets.push(resolve(folder, target)?);
            }
        }
        claim.targets.sort_unstable();
        claim.targets.dedup();
        claim.other_formats = self.other_formats();
        Ok(claim)
    }

    /// Formats that are not skops. MLflow takes a model that gives none for a pickle.
    fn other_formats(&self) -> Vec<String> {
        let loaded: Vec<_> =
            ["sklearn", "lightgbm"].into_iter().filter(|flavor| self.0.contains_key(*flavor)).collect();
        if loaded.is_empty() && self.is_loaded_by_pyfunc() {
            return vec![NO_FORMAT.to_owned()];
        }
        let formats =
            loaded.into_iter().map(|flavor| self.text(flavor, "serialization_format").unwrap_or(NO_FORMAT));
        formats.filter(|format| *format != "skops").map(str::to_owned).collect()
    }
}

/// What is said of a format that is not given.
const NO_FORMAT: &str = "pickle, as none is given";

/// The path of a file that must lie in the model's folder.
fn resolve(folder: &Path, target: &str) -> Result<PathBuf> {
    let target = Path::new(target);
    let mut parts = target.components().filter(|part| *part != Component::CurDir).peekable();
    let is_below = parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)));
    if !is_below {
        return Err(refuse(format!("MLmodel has '{}' loaded", shown(&target.to_string_lossy()))));
    }
    Ok(folder.join(target.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>()))
}

fn refuse(found: String) -> Error {
    Error::new(Code::MlflowModel, found)
}

impl Flavors {
    /// Reads what stands below the key `flavors`.
    fn read(text: &str) -> Result<Self> {
        let mut walk = Walk::default();
        let mut documents = 0_usize;
        for event in Parser::new_from_str(text) {
            let (event, span) =
                event.map_err(|error| refuse(format!("MLmodel is no YAML: {}", shown(error.info()))))?;
            let refuse = |what: &str| refuse(format!("MLmodel has {what} in line {}", span.start.line()));
            match event {
                Event::Alias(_) => return Err(refuse("an alias")),
                Event::DocumentStart(_) => {
                    documents = documents.saturating_add(1);
                    if documents > 1 {
                        return Err(refuse("a second document"));
                    }
                }
                Event::Scalar(.., Some(_))
                | Event::MappingStart(_, Some(_))
                | Event::SequenceStart(_, Some(_)) => {
                    return Err(refuse("a tag"));
                }
                Event::Scalar(value, style, ..) => {
                    let words = ["", "~", "null", "Null", "NULL"];
                    let is_null = style == ScalarStyle::Plain && words.contains(&&*value);
                    walk.scalar((!is_null).then_some(&*value)).map_err(|what| refuse(&what))?;
                }
                Event::MappingStart(..) => walk.open(true).map_err(|what| refuse(&what))?,
                Event::SequenceStart(..) => walk.open(false).map_err(|what| refuse(&what))?,
                Event::MappingEnd | Event::SequenceEnd => walk.close(),
                _ => {}
            }
        }
        Ok(walk.flavors)
    }
}

/// Where in the document the parser is.
#[derive(Default)]
struct Walk {
    levels: Vec<Level>,
    flavors: Flavors,
}

/// A mapping or list that is open.
#[derive(Default)]
struct Level {
    is_mapping: bool,
    /// The key whose value comes next; what it is matters only where it is read.
    key: Option<String>,
    /// The keys that have been, where they are read.
    seen: HashSet<String>,
}

/// Keys that lead to a value are read this deep: `flavors`, a flavor, its key.
const READ_LEVELS: usize = 3;

impl Walk {
    /// Whether what comes next is a key.
    fn expects_key(&self) -> bool {
        self.levels.last().is_some_and(|level| level.is_mapping && level.key.is_none())
    }

    /// Whether the innermost mapping is one whose keys are read.
    fn is_read(&self) -> bool {
        let is_of_flavors =
            || self.levels.first().is_some_and(|level| level.key.as_deref() == Some("flavors"));
        self.levels.len() <= 1 || (self.levels.len() <= READ_LEVELS && is_of_flavors())
    }

    /// The key of a flavor whose value is open or comes next, if it is one that is read.
    fn value(&mut self) -> Option<&mut Value> {
        let [top, flavors, flavor, ..] = self.levels.as_slice() else { return None };
        let is_flavor = top.key.as_deref() == Some("flavors") && flavor.is_mapping;
        let key = flavor.key.as_deref().filter(|key| is_flavor && KEYS.contains(key))?;
        let keys = self.flavors.0.entry(flavors.key.clone()?).or_default();
        Some(keys.entry(key.to_owned()).or_insert(Value::Null))
    }

    fn open(&mut self, is_mapping: bool) -> std::result::Result<(), String> {
        if self.expects_key() {
            return Err("a key that is no text".to_owned());
        }
        if self.levels.len() == MOST_LEVELS {
            return Err(format!("more than {MOST_LEVELS} levels"));
        }
        match self.levels.as_slice() {
            [] if !is_mapping => return Err("a list, where a mapping is expected,".to_owned()),
            [top] if top.key.as_deref() == Some("flavors") && !is_mapping => {
                return Err("a list, where flavors are expected,".to_owned());
            }
            // A flavor without keys is one all the same.
            [top, flavors] if top.key.as_deref() == Some("flavors") => {
                self.flavors.0.entry(flavors.key.clone().unwrap_or_default()).or_default();
            }
            _ => {}
        }
        let is_direct = self.levels.len() == READ_LEVELS;
        if let Some(value) = self.value() {
            *value = if is_direct && !is_mapping { Value::List(Vec::new()) } else { Value::Other };
        }
        self.levels.push(Level { is_mapping, ..Level::default() });
        Ok(())
    }

    fn close(&mut self) {
        self.levels.pop();
        self.value_ends();
    }

    fn value_ends(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.key = None;
        }
    }

    fn scalar(&mut self, text: Option<&str>) -> std::result::Result<(), String> {
        if self.expects_key() {
            return self.key(text.unwrap_or_default());
        }
        let levels = self.levels.len();
        if let Some(value) = self.value() {
            if text.is_some_and(|text| text.len() > MOST_LENGTH) {
                return Err(format!("a value of more than {MOST_LENGTH} bytes"));
            }
            match value {
                Value::List(items) if levels == READ_LEVELS.saturating_add(1) => {
                    if items.len() == MOST_CLAIMS {
                        return Err(format!("a list of more than {MOST_CLAIMS} items"));
                    }
                    items.push(text.map(str::to_owned));
                }
                // Something within a list or mapping that is of no use.
                Value::List(_) | Value::Other if levels > READ_LEVELS => {}
                value => *value = text.map_or(Value::Null, |text| Value::Text(text.to_owned())),
            }
        }
        self.value_ends();
        Ok(())
    }

    fn key(&mut self, key: &str) -> std::result::Result<(), String> {
        if key == "<<" {
            return Err("a merged mapping".to_owned());
        }
        let is_read = self.is_read();
        if is_read && key.len() > MOST_LENGTH {
            return Err(format!("a key of more than {MOST_LENGTH} bytes"));
        }
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        if is_read && !level.seen.insert(key.to_owned()) {
            return Err(format!("the key '{}' twice", shown(key)));
        }
        level.key = Some(if is_read { key.to_owned() } else { String::new() });
        Ok(())
    }
}
