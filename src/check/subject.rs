//! The bytes that are checked: opened once, so that hash, checks and copy are of the same.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::{SpooledData, SpooledTempFile};

use super::digest::{CHUNK, Hasher, Sha256};
use super::pinned::Pinned;
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::source::{FileSource, Source};

/// Up to so many bytes are kept in memory, where nobody can change them.
pub(super) const IN_MEMORY: usize = 1 << 20;

/// Files up to this size are read whole, once: that is faster than to compare what was read with what is hashed. Each
/// thread that judges files takes so much.
const READ_WHOLE: u64 = 16 << 20;

/// Bytes to be checked.
pub(super) struct Subject {
    pub(super) source: Arc<dyn Source>,
    pub(super) sha256: Option<Sha256>,
    /// What its SHA-256 ought to be, if the caller knows that of this one.
    pub(super) expected: Option<Sha256>,
    /// What was opened, if others may change it.
    watch: Option<Watch>,
    /// The same as `source`, if it is to be compared with what is hashed at the end.
    pinned: Option<Arc<Pinned>>,
}

impl Subject {
    /// Opens a regular file. A small one is read now; a large one is watched.
    pub(super) fn open(path: &Path, hash: bool, limits: &Limits) -> Result<Self> {
        let (mut file, metadata) = open_file(path)?;
        let size = metadata.len();
        let watch = Some(Watch { path: path.to_owned(), seen: Seen::of(&metadata) });
        if size <= READ_WHOLE {
            #[expect(clippy::disallowed_methods, reason = "at most READ_WHOLE")]
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            (&mut file).take(READ_WHOLE.saturating_add(1)).read_to_end(&mut bytes).map_err(cannot_read)?;
            if bytes.len() as u64 != size {
                return Err(changed("its size"));
            }
            let sha256 = hash.then(|| Sha256::of(&bytes));
            return Ok(Self { source: Arc::new(bytes), sha256, expected: None, watch, pinned: None });
        }
        let file = FileSource::new(file, size);
        limits.check_file_bytes(size)?;
        if !hash {
            return Ok(Self { source: Arc::new(file), sha256: None, expected: None, watch, pinned: None });
        }
        let pinned = Arc::new(Pinned::new(file));
        let source = Arc::clone(&pinned);
        Ok(Self { source, sha256: None, expected: None, watch, pinned: Some(pinned) })
    }

    /// Completes the hash of a file that was not read as a whole. To be called after all checks.
    pub(super) fn finish(&mut self) -> Result<()> {
        if let Some(pinned) = &self.pinned {
            let sha256 = pinned.hash();
            // A file that shrinks is a file that was changed.
            self.sha256 = Some(sha256.map_err(|error| self.unchanged().err().unwrap_or(error))?);
        }
        self.unchanged()
    }

    /// Takes a stream to its end, within the limit `stream-bytes`. Past 1 MiB it goes to a temporary file that has no
    /// name, so it is gone with the process.
    pub(super) fn from_stream(stream: impl Read, limits: &Limits) -> Result<Self> {
        let mut spool = SpooledTempFile::new(IN_MEMORY);
        let (sha256, size) = copy(stream, &mut spool, limits.stream_bytes)?;
        Ok(Self::from_spool(spool, Some(sha256), size))
    }

    /// Takes what was spooled, with its SHA-256.
    pub(super) fn from_spool(spool: SpooledTempFile, sha256: Option<Sha256>, size: u64) -> Self {
        let source: Arc<dyn Source> = match spool.into_inner() {
            SpooledData::InMemory(bytes) => Arc::new(bytes.into_inner()),
            SpooledData::OnDisk(file) => Arc::new(FileSource::new(file, size)),
        };
        Self { source, sha256, expected: None, watch: None, pinned: None }
    }

    /// Takes bytes that are in memory.
    pub(super) fn from_bytes(bytes: Vec<u8>, hash: bool) -> Self {
        let sha256 = hash.then(|| Sha256::of(&bytes));
        Self { source: Arc::new(bytes), sha256, expected: None, watch: None, pinned: None }
    }

    /// Copies a file into another that only this process has, and takes that.
    pub(super) fn copied(path: &Path, into: &mut File, limits: &Limits) -> Result<Self> {
        let (file, metadata) = open_file(path)?;
        // One that grows for ever is not copied for ever.
        limits.check_file_bytes(metadata.len())?;
        let (sha256, size) = copy(file.take(metadata.len().saturating_add(1)), into, u64::MAX)?;
        if size != metadata.len() {
            return Err(changed("its size"));
        }
        Self::of_copy(into, sha256, size)
    }

    /// As [`Subject::copied`], from a stream.
    pub(super) fn copied_stream(stream: impl Read, into: &mut File, limits: &Limits) -> Result<Self> {
        let (sha256, size) = copy(stream, into, limits.stream_bytes)?;
        Self::of_copy(into, sha256, size)
    }

    fn of_copy(copy: &File, sha256: Sha256, size: u64) -> Result<Self> {
        let file = copy.try_clone().map_err(|error| Error::cannot("read the copy", error))?;
        let source = Arc::new(FileSource::new(file, size));
        Ok(Self { source, sha256: Some(sha256), expected: None, watch: None, pinned: None })
    }

    /// Says what its SHA-256 ought to be.
    pub(super) fn expecting(self, expected: Option<Sha256>) -> Self {
        Self { expected, ..self }
    }

    /// Refuses a file that is no longer what was opened.
    fn unchanged(&self) -> Result<()> {
        if self.pinned.as_ref().is_some_and(|pinned| pinned.has_changed()) {
            return Err(changed("what is in the file"));
        }
        let Some(Watch { path, seen }) = &self.watch else { return Ok(()) };
        match path.metadata().map(|metadata| Seen::of(&metadata)) {
            Ok(now) if now == *seen => Ok(()),
            Ok(_) => Err(changed("the file at its path")),
            Err(error) => Err(Error::new(Code::FileChanged, format!("the file is no longer there: {error}"))),
        }
    }
}

/// A file that others may change.
struct Watch {
    path: PathBuf,
    seen: Seen,
}

/// What tells a file from another, and from itself once it was written to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    size: u64,
    #[cfg(unix)]
    times_and_number: [i64; 6],
    #[cfg(not(unix))]
    modified: Option<std::time::SystemTime>,
}

impl Seen {
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let times_and_number = [
            metadata.dev().cast_signed(),
            metadata.ino().cast_signed(),
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ctime(),
            metadata.ctime_nsec(),
        ];
        Self { size: metadata.len(), times_and_number }
    }

    #[cfg(not(unix))]
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Opens a regular file for reading. Whatever else it is, opening it does not wait.
pub(super) fn open_file(path: &Path) -> Result<(File, Metadata)> {
    let failed = |error| Error::cannot("open the file", error);
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        // A pipe that nobody writes to would be waited for.
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK);
    }
    // Opening some devices does something: look first.
    let before = path.metadata().map_err(failed)?;
    refuse_what_is_no_file(&before)?;
    let file = options.open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    refuse_what_is_no_file(&metadata)?;
    Ok((file, metadata))
}

fn refuse_what_is_no_file(metadata: &Metadata) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let found = if metadata.is_dir() { "a folder" } else { "a pipe, socket or device" };
    Err(Error::new(Code::NotAFile, format!("{found}, where a regular file is expected")))
}

/// Copies a stream, and hashes it on the way.
fn copy(mut from: impl Read, to: &mut impl Write, most: u64) -> Result<(Sha256, u64)> {
    let mut hasher = Hasher::default();
    #[expect(clippy::disallowed_methods, reason = "a buffer")]
    let mut buffer = vec![0; CHUNK];
    let mut size = 0_u64;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(cannot_read(error)),
        };
        size = size.saturating_add(count as u64);
        if size > most {
            let found = format!("the stream has more than {most} bytes");
            return Err(Error::new(Code::LimitStreamBytes, found));
        }
        let chunk = buffer.get(..count).unwrap_or_default();
        hasher.add(chunk);
        to.write_all(chunk).map_err(|error| Error::cannot("write the copy", error))?;
    }
    to.flush().map_err(|error| Error::cannot("write the copy", error))?;
    Ok((hasher.finish(), size))
}

fn cannot_read(error: io::Error) -> Error {
    Error::cannot("read the file", error)
}

fn changed(what: &str) -> Error {
    Error::new(Code::FileChanged, format!("{what} changed while it was checked"))
}
