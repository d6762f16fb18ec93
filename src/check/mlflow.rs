//! MLflow models: folders with an `MLmodel`, which says how the files beside it are loaded.
//!
//! MLflow passes the model's own `skops_trusted_types` to `skops.io.load` (GHSA-w582-9x45-8mpx): the model says which of its
//! types are to be trusted. Here that list is a claim, which is compared with the policy and reported.
//!
//! `MLmodel` is YAML. What other readers of YAML could see differently (aliases, tags, keys that stand twice, a second
//! document) is refused. Source: `mlflow/sklearn/__init__.py` and `mlflow/lightgbm/__init__.py` of MLflow 3.18.

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

/// How many types it may claim to be trusted.
const MOST_CLAIMS: usize = 4096;

/// What an MLflow model says of the files that it has loaded as skops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The `MLmodel` file.
    pub(crate) path: PathBuf,
    /// Files in its folder that are loaded.
    pub(crate) targets: Vec<PathBuf>,
    /// `skops_trusted_types`, of all flavors.
    pub(crate) trusted: Vec<String>,
    /// Folders that are put on the import path.
    pub(crate) code: Vec<String>,
    /// Formats that are not skops.
    pub(crate) other_formats: Vec<String>,
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
    let mut claim = Claim { path: path.to_owned(), ..Claim::default() };
    let mut formats = Vec::new();
    let mut has_flavor = false;
    for (keys, value) in scalars(&text)? {
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let ["flavors", flavor, rest @ ..] = keys.as_slice() else { continue };
        match (*flavor, rest) {
            (_, ["skops_trusted_types", ""]) => {
                if claim.trusted.len() == MOST_CLAIMS {
                    return Err(refuse(format!("MLmodel claims more than {MOST_CLAIMS} types")));
                }
                has_flavor = true;
                claim.trusted.extend(value);
            }
            ("sklearn", ["pickled_model"]) => {
                has_flavor = true;
                claim.targets.extend(value.map(PathBuf::from));
            }
            ("python_function", ["model_path"]) | ("lightgbm", ["data"]) => {
                claim.targets.extend(value.map(PathBuf::from));
            }
            (_, ["code"]) => claim.code.extend(value),
            ("sklearn", ["serialization_format"]) => formats.push(value),
            _ => {}
        }
    }
    if !has_flavor {
        return Ok(None);
    }
    // MLflow takes a model without a format for a pickle.
    if formats.is_empty() && claim.trusted.is_empty() {
        formats.push(None);
    }
    let others =
        formats.into_iter().map(|format| format.unwrap_or_else(|| "pickle, as none is given".to_owned()));
    claim.other_formats = others.filter(|format| format != "skops").collect();
    claim.code.sort_unstable();
    claim.code.dedup();
    resolve(&mut claim)?;
    Ok(Some(claim))
}

/// Makes paths of the names of files, which must lie in the model's folder.
fn resolve(claim: &mut Claim) -> Result<()> {
    let folder = claim.path.parent().unwrap_or_else(|| Path::new("."));
    for target in &mut claim.targets {
        let is_below =
            target.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !is_below || target.as_os_str().is_empty() {
            return Err(refuse(format!("MLmodel has '{}' loaded", shown(&target.to_string_lossy()))));
        }
        *target = folder.join(target.components().as_path());
    }
    claim.targets.sort_unstable();
    claim.targets.dedup();
    Ok(())
}

fn refuse(found: String) -> Error {
    Error::new(Code::MlflowModel, found)
}

/// Keys that lead to a value; an item of a list has an empty one.
type Keys = Vec<String>;

/// The scalars below the key `flavors`, with the keys that lead there. A null is `None`.
fn scalars(text: &str) -> Result<Vec<(Keys, Option<String>)>> {
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
                let is_null =
                    style == ScalarStyle::Plain && matches!(&*value, "" | "~" | "null" | "Null" | "NULL");
                walk.scalar((!is_null).then(|| value.into_owned())).map_err(|what| refuse(&what))?;
            }
            Event::MappingStart(..) => walk.open(true).map_err(|what| refuse(&what))?,
            Event::SequenceStart(..) => walk.open(false).map_err(|what| refuse(&what))?,
            Event::MappingEnd | Event::SequenceEnd => walk.close(),
            _ => {}
        }
    }
    Ok(walk.found)
}

/// Where in the document the parser is.
#[derive(Default)]
struct Walk {
    levels: Vec<Level>,
    found: Vec<(Keys, Option<String>)>,
}

/// A mapping or list that is open.
struct Level {
    is_mapping: bool,
    /// The key whose value comes next.
    key: Option<String>,
    /// The keys that have been; kept where they matter.
    seen: Vec<String>,
}

/// Below so many levels nothing is read: `flavors`, a flavor, its keys, a list.
const READ_LEVELS: usize = 4;

impl Walk {
    /// Whether what comes next is a key.
    fn expects_key(&self) -> bool {
        self.levels.last().is_some_and(|level| level.is_mapping && level.key.is_none())
    }

    fn open(&mut self, is_mapping: bool) -> std::result::Result<(), String> {
        if self.expects_key() {
            return Err("a key that is no text".to_owned());
        }
        if self.levels.len() == MOST_LEVELS {
            return Err(format!("more than {MOST_LEVELS} levels"));
        }
        self.levels.push(Level { is_mapping, key: None, seen: Vec::new() });
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

    fn scalar(&mut self, value: Option<String>) -> std::result::Result<(), String> {
        let depth = self.levels.len();
        let is_read = depth <= READ_LEVELS
            && (depth <= 1
                || self.levels.first().is_some_and(|level| level.key.as_deref() == Some("flavors")));
        if !self.expects_key() {
            if is_read {
                let keys = self.levels.iter().map(|level| level.key.clone().unwrap_or_default());
                self.found.push((keys.collect(), value));
            }
            self.value_ends();
            return Ok(());
        }
        let key = value.unwrap_or_default();
        if key == "<<" {
            return Err("a merged mapping".to_owned());
        }
        if let Some(level) = self.levels.last_mut() {
            if is_read && level.seen.contains(&key) {
                return Err(format!("the key '{}' twice", shown(&key)));
            }
            if is_read {
                level.seen.push(key.clone());
            }
            level.key = Some(key);
        }
        Ok(())
    }
}
