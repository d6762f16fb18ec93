//! The container: a zip archive that every reader sees the same way.
//!
//! Zip readers disagree when they may choose: between the central directory and the headers before the data,
//! between two entries of one name, between two end records. Here there is nothing to choose. The entries lie one
//! after the other from the first byte of the file, in the order of the central directory; the directory follows
//! the last of them, and the end record follows the directory and ends the file. Every byte is accounted for, and
//! everything that is stated twice is stated the same.

mod bytes;
mod directory;
mod end;
mod local;
mod payload;

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::intern::{Interner, Symbol};
use crate::limits::Limits;
use crate::source::{self, Source, Window};

pub(crate) use directory::{check_payload_size, check_ratio};

/// The entry that says what all others are.
pub const SCHEMA_NAME: &str = "schema.json";

/// How an entry is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Not at all; what skops writes unless told otherwise.
    Stored,
    /// With deflate.
    Deflated,
    /// With bzip2; read with the feature `bzip2`.
    Bzip2,
    /// With LZMA; read with the feature `lzma`.
    Lzma,
}

impl Method {
    fn from_number(number: u16) -> Option<Self> {
        match number {
            0 => Some(Self::Stored),
            8 => Some(Self::Deflated),
            12 => Some(Self::Bzip2),
            14 => Some(Self::Lzma),
            _ => None,
        }
    }
}

/// One entry of an [`Archive`]. Its data has not been read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name: ASCII letters, digits, `.`, `_` and `-`.
    pub name: Box<str>,
    /// How the data is compressed.
    pub method: Method,
    /// The CRC-32 that the data must have.
    pub crc32: u32,
    /// Bytes that the data takes in the archive.
    pub compressed: u64,
    /// Bytes of the data once decompressed.
    pub size: u64,
    /// Where in the source the compressed data starts.
    pub(crate) data_offset: u64,
    /// The first bytes of STORED data, as a range of `Inner::heads`.
    head: (u32, u32),
}

/// Which entry of its archive, by position in the central directory.
pub(crate) type EntryIndex = u32;

/// A zip archive whose structure has been checked, and whose data has not been read.
///
/// Cloning is cheap: clones share the source.
///
/// ```
/// let archive = skops_rs::Archive::open("fixtures/example.skops")?;
/// assert!(archive.entries().iter().any(|entry| &*entry.name == "schema.json"));
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[derive(Clone)]
pub struct Archive(Arc<Inner>);

struct Inner {
    source: Arc<dyn Source>,
    limits: Limits,
    entries: Vec<Entry>,
    /// The first bytes of entries. They came with the headers before them, and are what the header of an array is.
    heads: Vec<u8>,
    /// The lower-cased names, in the order of the entries: names must differ by more than case.
    names: Interner,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive")
            .field("size", &self.0.source.size())
            .field("entries", &self.0.entries.len())
            .finish()
    }
}

impl Archive {
    /// Opens a file with the default [`Limits`]. What is no regular file, such as a pipe, is read into memory.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path, Limits::default())
    }

    /// Opens a file with limits of the caller's.
    pub fn open_with(path: impl AsRef<Path>, limits: Limits) -> Result<Self> {
        let source = source::open(path.as_ref(), &limits)?;
        Self::from_source(source, limits)
    }

    /// Reads a stream into memory, such as standard input, and opens what it held.
    pub fn from_stream(stream: impl Read, limits: Limits) -> Result<Self> {
        let source = source::read_stream(stream, &limits)?;
        Self::from_source(source, limits)
    }

    /// Opens an archive that is in memory.
    pub fn from_bytes(bytes: Vec<u8>, limits: Limits) -> Result<Self> {
        Self::from_source(Arc::new(bytes), limits)
    }

    /// Opens an archive from any [`Source`].
    pub fn from_source(source: Arc<dyn Source>, limits: Limits) -> Result<Self> {
        limits.check_file_bytes(source.size())?;
        let directory = end::find(&*source)?;
        if directory.entries > limits.entries {
            let found =
                format!("the archive has {} entries, the limit is {}", directory.entries, limits.entries);
            return Err(Error::new(Code::LimitEntries, found));
        }
        if directory.size > limits.directory_bytes {
            let found = format!(
                "the central directory has {} bytes, the limit is {}",
                directory.size, limits.directory_bytes
            );
            return Err(Error::new(Code::LimitDirectoryBytes, found));
        }
        let (entries, heads) = read_entries(&*source, &directory, &limits)?;
        let names = index(&entries)?;
        Ok(Self(Arc::new(Inner { source, limits, entries, heads, names })))
    }

    /// Opens an archive that is an entry of this one.
    pub(crate) fn open_nested(&self, entry: &Entry, depth: usize) -> Result<Self> {
        let limits = self.limits();
        if depth > limits.archive_depth {
            let found = format!("an archive at depth {depth}, the limit is {}", limits.archive_depth);
            return Err(Error::new(Code::LimitArchiveDepth, found).in_entry(&entry.name));
        }
        let source: Arc<dyn Source> = if entry.method == Method::Stored {
            Arc::new(Window::new(Arc::clone(&self.0.source), entry.data_offset, entry.size))
        } else if entry.size > limits.nested_bytes {
            let found = format!("the archive has {} bytes, the limit is {}", entry.size, limits.nested_bytes);
            return Err(Error::new(Code::LimitNestedBytes, found).in_entry(&entry.name));
        } else {
            Arc::new(self.read(entry)?)
        };
        Self::from_source(source, limits.clone()).map_err(|error| error.within_entry(&entry.name))
    }

    /// The limits that the archive was opened with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// How many bytes the archive has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.0.source.size()
    }

    /// The entries in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0.entries
    }

    /// The entry with exactly this name.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.position(name).and_then(|position| self.entry_at(position))
    }

    pub(crate) fn position(&self, name: &str) -> Option<EntryIndex> {
        let position = self.0.names.find(&lower(name))?.0;
        self.entry_at(position).filter(|entry| &*entry.name == name).map(|_| position)
    }

    pub(crate) fn entry_at(&self, position: EntryIndex) -> Option<&Entry> {
        self.0.entries.get(usize::try_from(position).ok()?)
    }

    /// Reads the whole data of an entry, and checks its size and CRC-32.
    pub fn read(&self, entry: &Entry) -> Result<Vec<u8>> {
        payload::read(&*self.0.source, entry)
    }

    /// Reads the whole data of an entry without keeping it, to check its size and CRC-32.
    pub(crate) fn check(&self, entry: &Entry) -> Result<()> {
        let mut fill = self.reader(entry)?;
        #[expect(clippy::disallowed_methods, reason = "a buffer")]
        let mut buffer = vec![0; 64 << 10];
        while fill(&mut buffer)? == buffer.len() {}
        Ok(())
    }

    /// Reads the first bytes of an entry, as many as there are up to `count`. Their checksum is not known.
    pub(crate) fn prefix(&self, entry: &Entry, count: usize) -> Result<Cow<'_, [u8]>> {
        let head = self.head(entry);
        if let Some(wanted) = head.get(..count) {
            return Ok(Cow::Borrowed(wanted));
        }
        if head.len() as u64 == entry.size {
            return Ok(Cow::Borrowed(head));
        }
        payload::prefix(&*self.0.source, entry, count).map(Cow::Owned)
    }

    /// The first bytes of an entry, as many as are at hand.
    fn head(&self, entry: &Entry) -> &[u8] {
        let (start, end) = entry.head;
        self.0.heads.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Whether two entries hold the same bytes. Both are read whole, and their checksums checked.
    pub(crate) fn same_data(&self, one: &Entry, other: &Entry) -> Result<bool> {
        if (one.size, one.crc32) != (other.size, other.crc32) {
            return Ok(false);
        }
        let data = self.head(one);
        let is_whole = data.len() as u64 == one.size && data == self.head(other);
        if is_whole && crc32fast::hash(data) == one.crc32 {
            return Ok(true);
        }
        payload::same(&*self.0.source, one, other)
    }

    /// Reads an entry's data from its start: fills a buffer, and returns how much of it. Less than all of it is the
    /// end, and then size and CRC-32 have been checked.
    pub(crate) fn reader<'a>(
        &'a self,
        entry: &'a Entry,
    ) -> Result<impl FnMut(&mut [u8]) -> Result<usize> + 'a> {
        let mut data = payload::Checked::new(&*self.0.source, entry)?;
        Ok(move |buffer: &mut [u8]| data.fill(buffer))
    }
}

/// One pass over the central directory. Each entry must start where the one before it ended. Returns the entries, and
/// the first bytes of their data.
fn read_entries(
    source: &dyn Source,
    directory: &end::Directory,
    limits: &Limits,
) -> Result<(Vec<Entry>, Vec<u8>)> {
    #[expect(
        clippy::disallowed_methods,
        reason = "it lies within the source, and `directory-bytes` bounds it"
    )]
    let mut bytes = vec![0; usize::try_from(directory.size).unwrap_or_default()];
    source
        .read_exact_at(&mut bytes, directory.offset)
        .map_err(|error| Error::io("cannot read the central directory", error))?;
    let mut fields = bytes::Fields::new(&bytes);
    let end = directory.offset;
    let mut walk = Walk { source, limits, expected: 0, end, entries: Vec::new(), heads: Vec::new() };
    let mut pending: Option<directory::Record<'_>> = None;
    while !fields.is_empty() {
        let at = directory.offset.saturating_add((bytes.len().saturating_sub(fields.len())) as u64);
        let record = directory::next(&mut fields, at)?;
        let next = record.offset;
        if let Some(previous) = pending.replace(record) {
            walk.finish(&previous, next)?;
        }
    }
    if let Some(last) = pending {
        walk.finish(&last, directory.offset)?;
    }
    if walk.expected != directory.offset {
        return Err(gap(walk.expected, directory.offset, "the central directory"));
    }
    if walk.entries.len() as u64 != directory.entries {
        let found =
            format!("the end record says {} entries, there are {}", directory.entries, walk.entries.len());
        return Err(Error::new(Code::ZipDirectory, found));
    }
    Ok((walk.entries, walk.heads))
}

/// Goes from entry to entry through the file.
struct Walk<'a> {
    source: &'a dyn Source,
    limits: &'a Limits,
    /// Where the next entry must start.
    expected: u64,
    /// Where the last one must end at the latest.
    end: u64,
    entries: Vec<Entry>,
    heads: Vec<u8>,
}

impl Walk<'_> {
    /// How many bytes of heads are kept; entries after that are read again when their header is asked for.
    const MOST_HEADS: usize = 4 << 20;

    /// Checks an entry, once it is known where the next one, or the central directory, starts.
    fn finish(&mut self, record: &directory::Record<'_>, next: u64) -> Result<()> {
        if record.offset != self.expected {
            let gap = gap(self.expected, record.offset, &crate::text::shown_bytes(record.name));
            let kind = end::before_archive(self.source).filter(|_| self.expected == 0);
            return Err(kind.map_or(gap, |kind| {
                Error::new(Code::ZipGap, format!("{kind}, with an archive behind it")).at_offset(0)
            }));
        }
        let name = directory::check_name(record.name)?;
        let mut buffer = local::buffer();
        let end = next.min(self.end);
        let (local, head) = local::read(self.source, record, end, &mut buffer)?;
        let mut entry = directory::entry(record, name, local.data_offset, self.limits)?;
        if entry.method == Method::Stored && self.heads.len() < Self::MOST_HEADS {
            let start = self.heads.len();
            let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
            self.heads.extend_from_slice(head.get(..size).unwrap_or(head));
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            entry.head = (offset(start), offset(self.heads.len()));
        }
        self.entries.push(entry);
        self.expected = local::end(self.source, record, local, next)?;
        Ok(())
    }
}

fn gap(expected: u64, found: u64, what: &str) -> Error {
    if found < expected {
        let text = format!("{what} starts at byte {found}, within what ends at byte {expected}");
        Error::new(Code::ZipOverlap, text).at_offset(found)
    } else {
        let text = format!("{} bytes before {what} belong to no entry", found.saturating_sub(expected));
        Error::new(Code::ZipGap, text).at_offset(expected)
    }
}

/// Numbers the lower-cased names. The number of one that was there before is not its position.
fn index(entries: &[Entry]) -> Result<Interner> {
    let mut names = Interner::new();
    for (position, entry) in (0..).zip(entries) {
        if names.intern(&lower(&entry.name)) != Some(Symbol(position)) {
            let found = format!("two entries are named {}, ignoring case", entry.name);
            return Err(Error::new(Code::EntryDuplicate, found).in_entry(&entry.name));
        }
    }
    Ok(names)
}

fn lower(name: &str) -> Cow<'_, str> {
    let has_upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
    if has_upper { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) }
}
