//! The end of the archive: where the central directory is.
//!
//! Python's `zipfile` looks at the last 22 bytes first and searches backwards only when they are no end record.
//! Other readers search differently, so the end record must be those 22 bytes and have no comment. The zip64
//! records, written for files past 2 GiB, must say the same as the plain one wherever that one says anything.

use super::bytes::Fields;
use crate::error::{Code, Error, Result};
use crate::source::Source;

const END_SIGNATURE: u32 = 0x0605_4b50;
const END_SIZE: u64 = 22;
const LOCATOR64_SIGNATURE: u32 = 0x0706_4b50;
const LOCATOR64_SIZE: u64 = 20;
const END64_SIGNATURE: u32 = 0x0606_4b50;
const END64_SIZE: u64 = 56;
/// How far before the end a record with a comment can start.
const SEARCHED: u64 = END_SIZE + 0xFFFF;

/// Where the central directory is, and how many records it has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) entries: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
}

pub(super) fn find(source: &dyn Source) -> Result<Directory> {
    let size = source.size();
    let Some(end_at) = size.checked_sub(END_SIZE) else {
        return Err(not_zip(source));
    };
    let record = read(source, end_at, END_SIZE)?;
    let plain = parse_end(&record).ok_or_else(|| missing_end(source))?;
    let (directory, tail_at) = match find_zip64(source, end_at)? {
        Some((wide, tail_at)) => (agree(&plain, &wide, tail_at)?, tail_at),
        None => (plain, end_at),
    };
    if directory.offset.checked_add(directory.size) != Some(tail_at) {
        let found = format!(
            "the end record puts {} bytes of central directory at byte {}, but the end records start at byte {tail_at}",
            directory.size, directory.offset
        );
        let after = directory.offset.saturating_add(directory.size);
        // A directory that ends early is how a file looks after something was put before it or after it.
        let code = if after < tail_at { Code::ZipGap } else { Code::ZipEndRecord };
        let error = Error::new(code, found).at_offset(end_at);
        return Err(before_archive(source)
            .map_or(error, |kind| Error::new(code, format!("{kind}, with an archive behind it"))));
    }
    Ok(directory)
}

/// The end record, when the bytes are one that has no comment and one disk.
fn parse_end(record: &[u8]) -> Option<Directory> {
    let mut fields = Fields::new(record);
    let signature = fields.u32()?;
    let disks = (fields.u16()?, fields.u16()?);
    let (entries_here, entries) = (fields.u16()?, fields.u16()?);
    let (size, offset) = (fields.u32()?, fields.u32()?);
    let comment = fields.u16()?;
    (signature == END_SIGNATURE && disks == (0, 0) && entries_here == entries && comment == 0)
        .then(|| Directory { entries: entries.into(), offset: offset.into(), size: size.into() })
}

/// The zip64 end record, when a locator stands before the plain one, and where it starts.
fn find_zip64(source: &dyn Source, end_at: u64) -> Result<Option<(Directory, u64)>> {
    let Some(locator_at) = end_at.checked_sub(LOCATOR64_SIZE) else {
        return Ok(None);
    };
    let locator = read(source, locator_at, LOCATOR64_SIZE)?;
    let mut fields = Fields::new(&locator);
    if fields.u32() != Some(LOCATOR64_SIGNATURE) {
        return Ok(None);
    }
    let wrong = |found: &str| Error::new(Code::ZipEndRecord, found).at_offset(locator_at);
    let stated = (fields.u32(), fields.u64(), fields.u32());
    let end64_at = locator_at.checked_sub(END64_SIZE);
    if stated != (Some(0), end64_at, Some(1)) {
        return Err(wrong("the zip64 locator does not point at a record right before itself"));
    }
    let end64_at = end64_at.unwrap_or_default();
    let record = read(source, end64_at, END64_SIZE)?;
    parse_end64(&record)
        .map(|wide| Some((wide, end64_at)))
        .ok_or_else(|| wrong("the zip64 end record is malformed or spans disks"))
}

fn parse_end64(record: &[u8]) -> Option<Directory> {
    let mut fields = Fields::new(record);
    let signature = fields.u32()?;
    let rest = fields.u64()?;
    let _versions = fields.bytes(4)?;
    let disks = (fields.u32()?, fields.u32()?);
    let (entries_here, entries) = (fields.u64()?, fields.u64()?);
    let (size, offset) = (fields.u64()?, fields.u64()?);
    (signature == END64_SIGNATURE
        && rest == END64_SIZE.saturating_sub(12)
        && disks == (0, 0)
        && entries_here == entries)
        .then_some(Directory { entries, offset, size })
}

/// The zip64 values, once the plain record agrees: it may say less (all bits set), never something else.
fn agree(plain: &Directory, wide: &Directory, end64_at: u64) -> Result<Directory> {
    let same = |narrow: u64, wide: u64, most: u64| narrow == wide || (narrow == most && wide >= most);
    let agrees = same(plain.entries, wide.entries, u16::MAX.into())
        && same(plain.size, wide.size, u32::MAX.into())
        && same(plain.offset, wide.offset, u32::MAX.into());
    if !agrees {
        let found = "the zip64 end record and the plain one describe different central directories";
        return Err(Error::new(Code::ZipEndRecord, found).at_offset(end64_at));
    }
    Ok(Directory { entries: wide.entries, offset: wide.offset, size: wide.size })
}

/// Says why the last 22 bytes are no end record, by looking for one before them.
fn missing_end(source: &dyn Source) -> Error {
    let size = source.size();
    let start = size.saturating_sub(SEARCHED);
    let Ok(tail) = read(source, start, size.saturating_sub(start)) else {
        return not_zip(source);
    };
    let signature = END_SIGNATURE.to_le_bytes();
    #[expect(clippy::disallowed_methods, reason = "a signature has four bytes")]
    let Some(position) = tail.windows(signature.len()).rposition(|window| window == signature) else {
        return not_zip(source);
    };
    let record_at = start.saturating_add(position as u64);
    let record = tail.get(position..).unwrap_or_default();
    let mut fields = Fields::new(record);
    let comment = fields.bytes(20).and_then(|_| fields.u16());
    let (code, found) = match comment {
        None => (Code::NotZip, "the file ends within an end record".to_owned()),
        Some(0) if fields.is_empty() => {
            (Code::ZipEndRecord, "the end record is malformed or spans disks".to_owned())
        }
        Some(length) if usize::from(length) == fields.len() => {
            (Code::ZipComment, format!("the archive has a comment of {length} bytes"))
        }
        Some(_) => (Code::ZipTrailingData, format!("{} bytes follow the end record", fields.len())),
    };
    Error::new(code, found).at_offset(record_at)
}

/// Says what a file without an end record looks like instead.
fn not_zip(source: &dyn Source) -> Error {
    let found = match &*start(source) {
        [] => "the file is empty",
        [b'P', b'K', ..] => "the file starts like a zip archive but has no end record, so it was cut",
        other => other_kind(other).unwrap_or("the file is not a zip archive"),
    };
    Error::new(Code::NotZip, found)
}

/// What a file is that has something before its archive, if that is known.
pub(super) fn before_archive(source: &dyn Source) -> Option<&'static str> {
    other_kind(&start(source))
}

/// What a file of another kind is, by its first bytes.
fn other_kind(start: &[u8]) -> Option<&'static str> {
    match start {
        [0x80, 2..=5, ..] => {
            Some("the file is a Python pickle (joblib files are, too), whatever its name says")
        }
        [b'P', b'Y', ..] | [0x1f, 0x8b, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => {
            Some("the file is a compressed file of another kind, not a zip archive")
        }
        [0x93, b'N', b'U', b'M', ..] => Some("the file is a single numpy array, not a zip archive"),
        _ => None,
    }
}

/// The first bytes of the file, as far as they can be read.
fn start(source: &dyn Source) -> Vec<u8> {
    read(source, 0, source.size().min(8)).unwrap_or_default()
}

fn read(source: &dyn Source, offset: u64, size: u64) -> Result<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "callers ask for 66 kB at most")]
    let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
    source
        .read_exact_at(&mut bytes, offset)
        .map_err(|error| Error::io("cannot read the end of the archive", error))?;
    Ok(bytes)
}
