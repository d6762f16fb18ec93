//! Publishing what was checked: the bytes are copied first, the copy is checked, and only then does it get its name. So
//! whatever happens to the upload meanwhile, what is published is what was checked.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::{Builder, NamedTempFile};

use super::digest::{self, Sha256};
use super::subject::open_file;
use crate::error::{Code, Error, Result};
use crate::source::FileSource;

/// A folder that files which pass are published to.
///
/// Each file gets the path that it has within the folder that was given, or its own name. It appears at once and whole:
/// nobody sees a part of it, or a file that has not passed. A file with another content is not replaced, unless that is
/// asked for.
#[derive(Debug)]
pub struct Publisher {
    folder: PathBuf,
    replace: bool,
    /// What has been published, so that no two files get one name.
    published: Mutex<HashMap<PathBuf, Sha256>>,
}

impl Publisher {
    /// Publishes to a folder, which is made when it is needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), replace: false, published: Mutex::default() }
    }

    /// Lets files replace others.
    #[must_use]
    pub fn replacing(mut self) -> Self {
        self.replace = true;
        self
    }

    /// A file that nobody else has, where the published ones will be, so that it need not be copied again.
    pub(super) fn start(&self) -> Result<NamedTempFile> {
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
    pub(super) fn publish(&self, copy: NamedTempFile, name: &Path, sha256: Sha256) -> Result<PathBuf> {
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
        let conflict = || {
            let shown = crate::text::shown_path(&target.to_string_lossy());
            Error::new(Code::PublishConflict, format!("there is another file at {shown}"))
        };
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if published.get(&target).is_some_and(|before| *before != sha256) {
            return Err(conflict());
        }
        copy.as_file().sync_all().map_err(failed)?;
        if self.replace {
            copy.persist(&target).map_err(|error| failed(error.error))?;
        } else if let Err(error) = copy.persist_noclobber(&target) {
            if error.error.kind() != io::ErrorKind::AlreadyExists {
                return Err(failed(error.error));
            }
            if hash_of(&target).ok() != Some(sha256) {
                return Err(conflict());
            }
        }
        published.insert(target.clone(), sha256);
        Ok(target)
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
    // A link would be somebody else's to change.
    let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let (file, metadata) = open_file(path).and_then(|opened| {
        if is_file {
            Ok(opened)
        } else {
            Err(Error::new(Code::NotAFile, "a link, where a regular file is expected"))
        }
    })?;
    digest::of_source(&FileSource::new(file, metadata.len()), |_, _| {})
}
