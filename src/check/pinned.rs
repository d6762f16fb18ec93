//! A file that others may write to while it is checked.
//!
//! Time stamps do not show every change: a page that is mapped into memory can be written to without one. So what is read
//! for the checks is remembered by its hash, piece by piece, and compared when the whole file is hashed at the end. Then
//! the verdict and the SHA-256 are of the same bytes, or there is no verdict.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::digest::{self, CHUNK, Sha256};
use crate::error::Result;
use crate::source::{FileSource, Source};

/// The smallest piece: what is read of an array's header lies within one or two.
const PIECE: u64 = 4 << 10;
/// How many pieces a file has at most; those of large files are larger.
const MOST_PIECES: u64 = 1 << 18;

pub(super) struct Pinned {
    file: FileSource,
    piece: u64,
    seen: Mutex<HashMap<u64, Sha256>>,
    /// The pieces that were read last, and where they start: what is asked for next mostly lies in them, too.
    recent: Mutex<(u64, Vec<u8>)>,
    changed: AtomicBool,
}

impl Pinned {
    pub(super) fn new(file: FileSource) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "no constant is 0, and what is rounded up is at most a 4096th of u64::MAX"
        )]
        let piece = file.size().div_ceil(MOST_PIECES).next_power_of_two().clamp(PIECE, CHUNK as u64);
        Self {
            file,
            piece,
            seen: Mutex::default(),
            recent: Mutex::default(),
            changed: AtomicBool::new(false),
        }
    }

    /// Whether something that was read twice was not the same.
    pub(super) fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// The SHA-256 of the whole file. What was read before is compared with what is there now.
    pub(super) fn hash(&self) -> Result<Sha256> {
        digest::of_source(&self.file, |at, chunk| self.compare(at, chunk, false))
    }

    /// Compares whole pieces, from this offset on, with what they were before; `remember` keeps those that are new.
    #[expect(clippy::disallowed_methods, reason = "a piece is never empty")]
    fn compare(&self, at: u64, bytes: &[u8], remember: bool) {
        let piece = usize::try_from(self.piece).unwrap_or(CHUNK);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let first = at.checked_div(self.piece).unwrap_or_default();
        for (number, bytes) in (first..).zip(bytes.chunks(piece)) {
            match seen.get(&number) {
                Some(before) if *before == Sha256::of(bytes) => {}
                Some(_) => self.changed.store(true, Ordering::Relaxed),
                None if remember => drop(seen.insert(number, Sha256::of(bytes))),
                None => {}
            }
        }
    }
}

impl Source for Pinned {
    fn size(&self) -> u64 {
        self.file.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.size());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mask = self.piece.saturating_sub(1);
        let start = offset & !mask;
        let whole = end.saturating_add(mask) & !mask;
        let length = whole.min(self.size()).saturating_sub(start);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (recent_start, pieces) = &mut *recent;
        let is_there = offset >= *recent_start && end <= recent_start.saturating_add(pieces.len() as u64);
        if !is_there {
            pieces.clear();
            #[expect(
                clippy::disallowed_methods,
                reason = "a chunk at most, but for what a caller reads at once"
            )]
            pieces.resize(usize::try_from(length).unwrap_or_default(), 0);
            *recent_start = start;
            if let Err(error) = self.file.read_exact_at(pieces, start) {
                pieces.clear();
                return Err(error);
            }
            self.compare(start, pieces, true);
        }
        let skip = usize::try_from(offset.saturating_sub(*recent_start)).unwrap_or_default();
        let wanted = pieces.get(skip..).and_then(|rest| rest.get(..buffer.len()));
        #[expect(clippy::disallowed_methods, reason = "the range has the length of the buffer")]
        buffer.copy_from_slice(wanted.ok_or(io::ErrorKind::UnexpectedEof)?);
        if self.has_changed() { Err(io::Error::other("the file was changed meanwhile")) } else { Ok(()) }
    }
}

#[cfg(test)]
#[cfg(unix)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    /// A file of a megabyte that can be written to, and the same as it is checked.
    fn pinned() -> (File, Pinned) {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![7; 1 << 20], 0).unwrap();
        let source = FileSource::new(file.try_clone().unwrap(), 1 << 20);
        (file, Pinned::new(source))
    }

    #[test]
    fn what_was_read_and_changed_before_the_hash_is_seen() {
        let (file, pinned) = pinned();
        let mut bytes = [0; 10];
        pinned.read_exact_at(&mut bytes, 5_000).unwrap();
        assert_eq!(bytes, [7; 10]);
        file.write_all_at(&[8], 5_003).unwrap();
        assert_ne!(pinned.hash().unwrap(), Sha256::of(&vec![7; 1 << 20]));
        assert!(pinned.has_changed());
    }

    #[test]
    fn what_is_read_twice_must_be_the_same() {
        let (file, pinned) = pinned();
        let mut bytes = vec![0; 100_000];
        pinned.read_exact_at(&mut bytes, 123).unwrap();
        file.write_all_at(&[8], 90_000).unwrap();
        pinned.read_exact_at(&mut [0; 10], 500_000).unwrap(); // so that it is read again
        assert!(pinned.read_exact_at(&mut bytes[..1], 89_999).is_err());
        assert!(pinned.has_changed());
    }

    #[test]
    fn what_was_not_read_is_of_the_hash_alone() {
        let (file, pinned) = pinned();
        pinned.read_exact_at(&mut [0; 10], 0).unwrap();
        file.write_all_at(&[8], 500_000).unwrap();
        let mut now = vec![7; 1 << 20];
        now[500_000] = 8;
        assert_eq!(pinned.hash().unwrap(), Sha256::of(&now));
        assert!(!pinned.has_changed());
        assert!(pinned.read_exact_at(&mut [0; 10], (1 << 20) - 5).is_err());
    }
}
