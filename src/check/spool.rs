//! Bytes that come in parts, kept where nobody else can change them until all are there.

use std::io::{self, Write};

use tempfile::SpooledTempFile;

use super::digest::{Hasher, Sha256};
use super::judge::Checker;
use super::subject::{IN_MEMORY, Subject};
use super::verdict::Verdict;

/// Takes what somebody sends, part by part, and hashes it on the way. Past 1 MiB it goes to a temporary file that has no
/// name, so it is gone when the spool is dropped, or with the process.
///
/// ```
/// use std::io::Write;
/// use skops_rs::check::{Checker, Outcome, Spool};
/// use skops_rs::policy::Policy;
///
/// let mut spool = Spool::default();
/// spool.write_all(b"no archive")?;
/// let verdict = Checker::new(Policy::default()).check_spool("upload", spool, None);
/// assert_eq!(verdict.outcome, Outcome::Refused);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Spool {
    file: SpooledTempFile,
    hasher: Hasher,
    size: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self { file: SpooledTempFile::new(IN_MEMORY), hasher: Hasher::default(), size: 0 }
    }
}

impl Spool {
    /// How many bytes there are so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.add(bytes.get(..count).unwrap_or(bytes));
        self.size = self.size.saturating_add(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Checker {
    /// Judges what was spooled; `name` is what the verdict calls it. With `expected`, it is denied if it has another
    /// SHA-256, as by [`Checker::expecting`].
    #[must_use]
    pub fn check_spool(&self, name: &str, spool: Spool, expected: Option<Sha256>) -> Verdict {
        let Spool { file, hasher, size } = spool;
        let subject = Subject::from_spool(file, Some(hasher.finish()), size).expecting(expected);
        self.judge(name.to_owned(), Ok(subject), &[])
    }
}
