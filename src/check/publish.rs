//! Publishing what was checked: the bytes are copied first, the copy is checked, and only then does it get its name. So
//! whatever happens to the upload meanwhile, what is published is what was checked.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::digest::{self, Sha256};
use super::input::{Input, Kind};
use super::judge::Checker;
use super::subject::{Subject, open_file};
use super::verdict::{Outcome, Verdict};
use crate::error::{Code, Error, Result};
use crate::source::FileSource;

/// A folder that files which pass are published to.
///
/// Each file gets the path that it has within the folder that was given, or its own name. It appears at once and whole:
/// nobody sees a part of it, or a file that has not passed. A file with another content is not replaced, unless that is
/// asked for.
#[derive(Debug, Clone)]
pub struct Publisher {
    folder: PathBuf,
    replace: bool,
}

impl Publisher {
    /// Publishes to a folder, which is made when it is needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), replace: false }
    }

    /// Lets files replace others.
    #[must_use]
    pub fn replacing(mut self) -> Self {
        self.replace = true;
        self
    }

    /// Copies, checks, and publishes what passes.
    pub(super) fn check(&self, checker: &Checker, input: &Input, claims: &[PathBuf]) -> Verdict {
        let name = input.path.to_string_lossy().into_owned();
        let failed = |error: &Error| checker.failed(name.clone(), error);
        let mut copy = match self.start() {
            Ok(copy) => copy,
            Err(error) => return failed(&error),
        };
        let subject = match &input.kind {
            Kind::Stdin => {
                Subject::copied_stream(io::stdin().lock(), copy.as_file_mut(), &checker.policy().limits)
            }
            _ => Subject::copied(&input.path, copy.as_file_mut()),
        };
        let mut verdict = checker.judge(name.clone(), subject, claims);
        let Some(sha256) = verdict.sha256.filter(|_| verdict.outcome == Outcome::Pass) else {
            return verdict;
        };
        match self.publish(copy, &input.name, sha256) {
            Ok(path) => verdict.published = Some(path),
            Err(error) => return failed(&error),
        }
        verdict
    }

    /// A file that nobody else has, where the published ones will be, so that it need not be copied again.
    fn start(&self) -> Result<NamedTempFile> {
        let failed = |error| Error::cannot("write to the folder to publish to", error);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let mut builder = Builder::new();
        builder.prefix(".skops-rs-").suffix(".part");
        #[cfg(unix)]
        {
            // As any other new file: what the umask allows.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        builder.tempfile_in(&self.folder).map_err(failed)
    }

    /// Gives the copy its name.
    fn publish(&self, copy: NamedTempFile, name: &Path, sha256: Sha256) -> Result<PathBuf> {
        let failed = |error| Error::cannot("publish the file", error);
        let target = if name.as_os_str().is_empty() {
            // What came from standard input is named by what it holds.
            self.folder.join(format!("{sha256}.skops"))
        } else {
            self.folder.join(plain(name)?)
        };
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        copy.as_file().sync_all().map_err(failed)?;
        if self.replace {
            copy.persist(&target).map_err(|error| failed(error.error))?;
            return Ok(target);
        }
        match copy.persist_noclobber(&target) {
            Ok(_) => Ok(target),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                if hash_of(&target).is_ok_and(|there| there == sha256) {
                    return Ok(target);
                }
                let shown = crate::text::shown_path(&target.to_string_lossy());
                Err(Error::new(Code::PublishConflict, format!("there is another file at {shown}")))
            }
            Err(error) => Err(failed(error.error)),
        }
    }
}

/// A path that stays below the folder that it is put in.
fn plain(name: &Path) -> Result<&Path> {
    if name.components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(name);
    }
    Err(Error::cannot(
        "publish the file",
        io::Error::new(io::ErrorKind::InvalidInput, "its path leads elsewhere"),
    ))
}

fn hash_of(path: &Path) -> Result<Sha256> {
    let (file, metadata) = open_file(path)?;
    digest::of_source(&FileSource::new(file, metadata.len()))
}
