//! SHA-256, which ties a verdict to bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use sha2::Digest as _;

use crate::error::{Error, Result};
use crate::source::Source;

/// The SHA-256 of a file; written in lower-case hexadecimal.
///
/// ```
/// use skops_rs::check::Sha256;
///
/// let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// assert_eq!(Sha256::of(b""), empty.parse().unwrap());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The SHA-256 of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Sha256 {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let usage =
            || format!("a SHA-256 is 64 hexadecimal digits, as `sha256sum` prints it, not {}", text.len());
        let mut bytes = [0; 32];
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(usage()) };
        if pairs.len() != bytes.len() {
            return Err(usage());
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let digits = std::str::from_utf8(pair).ok().filter(|digits| !digits.starts_with('+'));
            *byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or_else(usage)?;
        }
        Ok(Self(bytes))
    }
}

/// Takes bytes as they come.
#[derive(Default)]
pub(super) struct Hasher(sha2::Sha256);

impl Hasher {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Sha256 {
        Sha256(self.0.finalize().into())
    }
}

/// Bytes that are read at once.
pub(super) const CHUNK: usize = 256 << 10;

/// The SHA-256 of everything in a source. `each` sees what is hashed, and where it starts: whole chunks but for the last.
pub(super) fn of_source(source: &dyn Source, mut each: impl FnMut(u64, &[u8])) -> Result<Sha256> {
    let mut hasher = Hasher::default();
    #[expect(clippy::disallowed_methods, reason = "a buffer")]
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    while at < source.size() {
        let length = usize::try_from(source.size().saturating_sub(at)).unwrap_or(CHUNK).min(CHUNK);
        let chunk = buffer.get_mut(..length).unwrap_or_default();
        source.read_exact_at(chunk, at).map_err(|error| Error::cannot("read the file", error))?;
        hasher.add(chunk);
        each(at, chunk);
        at = at.saturating_add(length as u64);
    }
    Ok(hasher.finish())
}
