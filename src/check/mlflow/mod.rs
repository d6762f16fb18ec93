//! MLflow models: folders with an `MLmodel`, which says how the files beside it are loaded.
//!
//! MLflow passes the model's own `skops_trusted_types` to `skops.io.load` (GHSA-w582-9x45-8mpx): the model says which of its
//! types are to be trusted. Here that list is a claim, which is compared with the policy and reported. And what MLflow
//! would load besides, or otherwise, is said: a pickle, code of the model's own.
//!
//! Source: `mlflow/{sklearn,lightgbm,pyfunc}/__init__.py` of MLflow 3.18; `fixtures/mlflow` has what it really does.

mod yaml;

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::subject::{Seen, open_file};
use crate::error::{Code, Error, Result};
use crate::text::shown;
use yaml::{Flavors, Value};

/// Whether this is the name of the file that makes a folder an MLflow model. Where file names ignore case, so does MLflow.
pub(super) fn is_mlmodel(name: &std::ffi::OsStr) -> bool {
    name.eq_ignore_ascii_case("MLmodel")
}

/// No `MLmodel` is larger; signatures are in it, weights and examples are not.
const MOST_BYTES: u64 = 1 << 20;

/// What an MLflow model says of how files are loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Claim {
    /// Files, or folders, in its folder that are loaded as skops, or as what is taken for it.
    pub(super) targets: Vec<PathBuf>,
    /// `skops_trusted_types`, of all flavors.
    pub(super) trusted: Vec<String>,
    /// In words: code of the model's own that MLflow runs, and loaders that run anything.
    pub(super) code: Vec<String>,
    /// Formats that are not skops.
    pub(super) other_formats: Vec<String>,
}

/// Reads `MLmodel` files, and keeps what the last few of them say: one may be about very many models.
#[derive(Debug, Default)]
pub(super) struct Reader(Mutex<VecDeque<Known>>);

/// What an `MLmodel` says, and how to tell that it is the same file.
#[derive(Debug)]
struct Known {
    path: PathBuf,
    seen: Seen,
    claim: Arc<Claim>,
}

/// How many files are kept. The models of one folder have few `MLmodel` files in common, and come one after the other.
const MOST_KNOWN: usize = 16;

impl Reader {
    /// What an `MLmodel` says, which is nothing if it has nothing to do with skops.
    pub(super) fn read(&self, path: &Path) -> Result<Arc<Claim>> {
        let (file, metadata) = open_file(path)?;
        let seen = Seen::of(&metadata);
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().iter().find(|known| known.path == path && known.seen == seen) {
            return Ok(Arc::clone(&found.claim));
        }
        let claim = Arc::new(read_file(file, path)?.unwrap_or_default());
        let mut known = known();
        if known.len() == MOST_KNOWN {
            known.pop_front();
        }
        known.push_back(Known { path: path.to_owned(), seen, claim: Arc::clone(&claim) });
        Ok(claim)
    }
}

/// Reads an `MLmodel`. `None` when it has nothing to do with skops, and runs no code of its own.
pub(super) fn read(path: &Path) -> Result<Option<Claim>> {
    read_file(open_file(path)?.0, path)
}

fn read_file(file: File, path: &Path) -> Result<Option<Claim>> {
    let failed = |error| Error::cannot("read MLmodel", error);
    let mut text = Vec::new();
    file.take(MOST_BYTES.saturating_add(1)).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(refuse(format!("MLmodel is larger than {MOST_BYTES} bytes")));
    }
    let text = String::from_utf8(text).map_err(|_| refuse("MLmodel is not UTF-8".to_owned()))?;
    let flavors = yaml::read(&text)?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let claim = Flavored(&flavors).claim(folder)?;
    Ok((claim != Claim::default()).then_some(claim))
}

/// The module that loads, for the flavor that every language can load.
const SKLEARN: &str = "mlflow.sklearn";
const LIGHTGBM: &str = "mlflow.lightgbm";

/// What MLflow makes of flavors.
struct Flavored<'a>(&'a Flavors);

impl<'a> Flavored<'a> {
    fn has(&self, flavor: &str) -> bool {
        self.0.contains_key(flavor)
    }

    /// The text at a key of a flavor.
    fn text(&self, flavor: &str, key: &str) -> Option<&'a str> {
        match self.0.get(flavor)?.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn loader(&self) -> Option<&'a str> {
        self.text("python_function", "loader_module")
    }

    /// Whether the flavor `lightgbm` loads with skops or pickle. A booster is text, whatever format is given.
    fn has_lightgbm(&self) -> bool {
        let class = self.text("lightgbm", "model_class").unwrap_or(BOOSTER);
        self.has("lightgbm") && class != BOOSTER
    }

    /// Whether `python_function` loads as one of the other flavors does.
    fn has_pyfunc(&self) -> bool {
        match self.loader() {
            Some(SKLEARN) => true,
            Some(LIGHTGBM) => self.has_lightgbm() || !self.has("lightgbm"),
            _ => false,
        }
    }

    fn claim(&self, folder: &Path) -> Result<Claim> {
        let mut claim = Claim { trusted: self.trusted()?, code: self.code(), ..Claim::default() };
        let sources = [
            (self.has("sklearn"), "sklearn", "pickled_model"),
            (self.has_pyfunc(), "python_function", "model_path"),
            (self.has_pyfunc(), "python_function", "data"),
            (self.has_lightgbm(), "lightgbm", "data"),
        ];
        for (is_loaded, flavor, key) in sources {
            if let Some(target) = self.text(flavor, key).filter(|_| is_loaded) {
                claim.targets.push(resolve(folder, target)?);
            }
        }
        claim.targets.sort_unstable();
        claim.targets.dedup();
        claim.other_formats = self.other_formats();
        Ok(claim)
    }

    /// What is claimed to be trusted.
    fn trusted(&self) -> Result<Vec<String>> {
        let mut trusted = Vec::new();
        for (flavor, keys) in self.0 {
            for (key, value) in keys {
                match (key.as_str(), value) {
                    ("skops_trusted_types", Value::List(names)) => {
                        trusted.extend(
                            names.iter().map(|name| name.clone().unwrap_or_else(|| "null".to_owned())),
                        );
                    }
                    // Releases of skops before 0.10 take `true` for every type.
                    ("skops_trusted_types", Value::Text(_)) | (_, Value::List(_) | Value::Other) => {
                        let place = format!("flavors.{}.{key}", shown(flavor));
                        return Err(refuse(format!("MLmodel has a value of another kind at {place}")));
                    }
                    _ => {}
                }
            }
        }
        Ok(trusted)
    }

    /// What runs code that the model brings or names.
    fn code(&self) -> Vec<String> {
        let mut code = Vec::new();
        for flavor in self.0.keys() {
            if let Some(folder) = self.text(flavor, "code") {
                code.push(format!("puts its folder '{}' on the import path", shown(folder)));
            }
        }
        if let Some(loader) = self.loader().filter(|loader| ![SKLEARN, LIGHTGBM].contains(loader)) {
            code.push(format!("has the folder loaded by the module '{}'", shown(loader)));
        }
        for key in ["python_model", "model_code_path"] {
            if let Some(file) = self.text("python_function", key) {
                code.push(format!("has '{}' run, as {key}", shown(file)));
            }
        }
        code.sort_unstable();
        code.dedup();
        code
    }

    /// Formats that are not skops. MLflow takes a model that gives none for a pickle.
    fn other_formats(&self) -> Vec<String> {
        let sklearn = self.has("sklearn").then_some("sklearn");
        let lightgbm = self.has_lightgbm().then_some("lightgbm");
        let format = |flavor| self.text(flavor, "serialization_format").unwrap_or(NO_FORMAT);
        let mut formats: Vec<_> = sklearn.into_iter().chain(lightgbm).map(format).collect();
        let is_without = match self.loader() {
            Some(SKLEARN) => sklearn.is_none(),
            Some(LIGHTGBM) => !self.has("lightgbm"),
            _ => false,
        };
        formats.extend(is_without.then_some(NO_FORMAT));
        formats.retain(|format| *format != "skops");
        formats.dedup();
        formats.into_iter().map(str::to_owned).collect()
    }
}

/// The class that is loaded by lightgbm itself, also when none is given.
const BOOSTER: &str = "lightgbm.basic.Booster";

/// What is said of a format that is not given.
const NO_FORMAT: &str = "pickle, as none is given";

/// The path of a file that must lie in the model's folder.
fn resolve(folder: &Path, target: &str) -> Result<PathBuf> {
    let parts: PathBuf = Path::new(target).components().filter(|part| *part != Component::CurDir).collect();
    let is_below = parts.components().all(|part| matches!(part, Component::Normal(_)));
    if parts.as_os_str().is_empty() || !is_below {
        return Err(refuse(format!("MLmodel has '{}' loaded", shown(target))));
    }
    Ok(folder.join(parts))
}

fn refuse(found: String) -> Error {
    Error::new(Code::MlflowModel, found)
}
