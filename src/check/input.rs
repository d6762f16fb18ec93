//! What is to be checked: files, and what is found in folders.

use std::collections::BTreeMap;
use std::fs::FileType;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use super::mlflow;
use super::subject::open_file;
use crate::archive::SCHEMA_NAME;
use crate::error::{Code, Error, Result};
use crate::source::{FileSource, Source};

/// A file to be checked, or why something cannot be.
#[derive(Debug)]
pub struct Input {
    /// The path.
    pub path: PathBuf,
    /// The folder that was given, if it was found in one. Shared, as the name is not kept: there may be very many files.
    root: Option<Arc<Path>>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A regular file, or so it is expected, and the `MLmodel` files that have it loaded.
    File(Vec<PathBuf>),
    /// Standard input.
    Stdin,
    /// Something that cannot be checked, and why.
    Failed(Error),
}

impl Input {
    /// A file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), root: None, kind: Kind::File(Vec::new()) }
    }

    /// Standard input, called `-`.
    #[must_use]
    pub fn stdin() -> Self {
        Self { path: "-".into(), root: None, kind: Kind::Stdin }
    }

    /// The path within the folder that was given, or the file's name: what a published copy is called. Standard input has
    /// none.
    #[must_use]
    pub fn name(&self) -> &Path {
        if matches!(self.kind, Kind::Stdin) {
            return Path::new("");
        }
        let within = self.root.as_deref().and_then(|root| self.path.strip_prefix(root).ok());
        within.or_else(|| self.path.file_name().map(Path::new)).unwrap_or(Path::new(""))
    }

    /// Notes that an `MLmodel` has the file loaded. How many more do than anyone looks at does not matter.
    fn claim(&mut self, mlmodel: &Path) {
        if let Kind::File(claims) = &mut self.kind
            && claims.len() <= MOST_CLAIMS
        {
            claims.push(mlmodel.to_owned());
        }
    }

    fn failed(path: &Path, error: Error) -> Self {
        Self { kind: Kind::Failed(error), ..Self::file(path) }
    }
}

/// How many MLflow models may have one file loaded: one is usual.
pub(super) const MOST_CLAIMS: usize = 8;

/// Finds what is to be checked.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Finder {
    /// Whether links to folders, within folders, are followed. Otherwise they are errors: what they lead to is not
    /// checked.
    pub follow_links: bool,
}

/// What was found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Found {
    /// In the order of the arguments, and in folders by path.
    pub inputs: Vec<Input>,
    /// Files in folders that are no models.
    pub skipped: usize,
}

impl Finder {
    /// Finds what paths stand for: `-` for standard input; a folder for the models in it, which are the files that are
    /// named `.skops`, and those that hold a `.skops` archive whatever they are named; anything else for itself.
    #[must_use]
    pub fn find(&self, paths: impl IntoIterator<Item = PathBuf>) -> Found {
        let mut found = Found::default();
        for path in paths {
            if path.as_os_str() == "-" {
                found.inputs.push(Input::stdin());
            } else if path.is_dir() {
                self.walk(&path, &mut found);
            } else {
                found.inputs.push(Input::file(path));
            }
        }
        found
    }

    fn walk(&self, root: &Path, found: &mut Found) {
        let mut inputs = BTreeMap::new();
        let mut claims = Vec::new();
        for entry in WalkDir::new(root).follow_links(self.follow_links).sort_by_file_name() {
            match entry {
                Err(error) => {
                    let path = error.path().unwrap_or(root).to_owned();
                    inputs.insert(path.clone(), Input::failed(&path, walk_error(error)));
                }
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) if mlflow::is_mlmodel(entry.file_name()) && !entry.path().is_dir() => {
                    match mlflow::read(entry.path()) {
                        // What else it says is read when a file is judged: folders may hold very many.
                        Ok(claim) => claims.extend(claim.map(|claim| (entry.into_path(), claim.targets))),
                        Err(error) => {
                            inputs.insert(entry.path().to_owned(), Input::failed(entry.path(), error));
                        }
                    }
                }
                Ok(entry) => match is_model(entry.path(), entry.file_type()) {
                    Ok(true) => {
                        inputs.insert(entry.path().to_owned(), Input::file(entry.path()));
                    }
                    Ok(false) => found.skipped = found.skipped.saturating_add(1),
                    Err(error) => {
                        inputs.insert(entry.path().to_owned(), Input::failed(entry.path(), error));
                    }
                },
            }
        }
        for (path, targets) in &claims {
            claim(&mut inputs, path, targets);
        }
        claim_below(
            &mut inputs,
            claims.iter().filter(|(_, targets)| targets.is_empty()).map(|(path, _)| path),
        );
        if inputs.is_empty() {
            let text = format!("none of the {} files in the folder is a model", found.skipped);
            inputs.insert(root.to_owned(), Input::failed(root, Error::new(Code::NoModels, text)));
        }
        let root: Arc<Path> = root.into();
        let within = |input| Input { root: Some(Arc::clone(&root)), ..input };
        found.inputs.extend(inputs.into_values().map(within));
    }
}

/// Notes that `MLmodel` files which have nothing loaded as skops are about all models in their folders, because then it is code
/// that loads them. A folder may hold very many of both, so each is looked at once: paths come in order, and the folders that
/// a path is in are those that are still open.
fn claim_below<'a>(inputs: &mut BTreeMap<PathBuf, Input>, mlmodels: impl Iterator<Item = &'a PathBuf>) {
    let folder = |mlmodel: &'a PathBuf| (mlmodel.parent().unwrap_or(mlmodel), mlmodel);
    let mut waiting: Vec<_> = mlmodels.map(folder).collect();
    waiting.sort_unstable();
    let mut waiting = waiting.into_iter().peekable();
    let mut open: Vec<(&Path, &PathBuf)> = Vec::new();
    for (path, input) in inputs {
        while let Some(next) = waiting.next_if(|(folder, _)| *folder <= path.as_path()) {
            close(&mut open, next.0);
            open.push(next);
        }
        close(&mut open, path);
        open.iter().take(MOST_CLAIMS.saturating_add(1)).for_each(|(_, mlmodel)| input.claim(mlmodel));
    }
}

/// Leaves the folders that a path is not in.
fn close(open: &mut Vec<(&Path, &PathBuf)>, path: &Path) {
    while open.pop_if(|(folder, _)| !path.starts_with(folder)).is_some() {}
}

/// Notes what files an `MLmodel` has loaded.
fn claim(inputs: &mut BTreeMap<PathBuf, Input>, mlmodel: &Path, targets: &[PathBuf]) {
    for target in targets {
        if !target.is_dir() {
            inputs.entry(target.clone()).or_insert_with(|| Input::file(target)).claim(mlmodel);
            continue;
        }
        // MLflow goes on with the MLmodel in there, which is found as any other.
        if !target.join("MLmodel").exists() {
            let found = "MLmodel has a folder loaded in which there is no MLmodel";
            inputs.insert(target.clone(), Input::failed(target, Error::new(Code::MlflowModel, found)));
        }
    }
}

/// Reads a list of paths, one a line, or ended by NUL characters.
///
/// # Errors
/// When it cannot be read.
pub fn read_list(mut list: impl BufRead, by_nul: bool) -> io::Result<Vec<PathBuf>> {
    let end = if by_nul { 0 } else { b'\n' };
    let mut paths = Vec::new();
    let mut line = Vec::new();
    while list.read_until(end, &mut line)? > 0 {
        let mut path = line.strip_suffix(&[end]).unwrap_or(&line);
        if cfg!(windows) && !by_nul {
            path = path.strip_suffix(b"\r").unwrap_or(path);
        }
        if !path.is_empty() {
            // In a list, all are paths: standard input has no place there.
            paths.push(if path == b"-" { PathBuf::from("./-") } else { path_of(path) });
        }
        line.clear();
    }
    Ok(paths)
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(bytes).into()
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn walk_error(error: walkdir::Error) -> Error {
    if let Some(ancestor) = error.loop_ancestor() {
        let found =
            format!("a link to {}, which it is in", crate::text::shown_path(&ancestor.to_string_lossy()));
        return Error::new(Code::FolderLoop, found);
    }
    let cause = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
    Error::cannot("read the folder", cause)
}

/// Whether a file in a folder is a model, by name or by content.
fn is_model(path: &Path, kind: FileType) -> Result<bool> {
    let is_named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("skops"));
    if kind.is_symlink() && path.is_dir() {
        return Err(Error::new(Code::FolderLink, "a link to a folder, which is not followed"));
    }
    if is_named {
        return Ok(true);
    }
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {}
        // Pipes and the like, and links that lead nowhere, hold nothing.
        _ => return Ok(false),
    }
    let (file, metadata) = open_file(path)?;
    holds_schema(&FileSource::new(file, metadata.len()))
}

/// What the end record of a zip archive starts with.
const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
/// How far before the end of the file readers look for it.
const TAIL: u64 = 0xFFFF + 22;
/// What is looked through at once.
const WINDOW: u64 = 1 << 20;

/// Whether this is, for some reader of zip archives, one that holds `schema.json`: readers find an end record near the end
/// of the file, and the name stands as it is somewhere before it. Where, they do not agree upon, so all of the file is looked
/// through. Whether it is sound, the check says.
fn holds_schema(source: &impl Source) -> Result<bool> {
    let finds = |start: u64, end: u64, what: &[u8]| -> Result<bool> {
        #[expect(clippy::disallowed_methods, reason = "a window at most")]
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(start)).unwrap_or_default()];
        source.read_exact_at(&mut bytes, start).map_err(|error| Error::cannot("read the file", error))?;
        Ok(memchr::memmem::find(&bytes, what).is_some())
    };
    let size = source.size();
    if !finds(size.saturating_sub(TAIL), size, &END_SIGNATURE)? {
        return Ok(false);
    }
    let mut start = 0;
    while start < size {
        let end = start.saturating_add(WINDOW).min(size);
        if finds(start, end, SCHEMA_NAME.as_bytes())? {
            return Ok(true);
        }
        if end == size {
            break;
        }
        // The name may lie across two windows.
        start = end.saturating_sub(SCHEMA_NAME.len() as u64);
    }
    Ok(false)
}
