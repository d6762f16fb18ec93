//! What is promised of every file, whatever is in it.

use std::sync::Arc;

use skops_rs::{Archive, Audit, Blame, Code, Error, Limits, Method, Model, TrustList};

use super::common::{Entry, Zip, trust_all};
use super::memory;
use super::sources::{Trickle, Watched};

/// Limits that a file of 64 KiB can reach, so that each is met.
pub fn small() -> Limits {
    let mut limits = Limits::default();
    limits.entries = 512;
    limits.directory_bytes = 48 << 10;
    limits.schema_bytes = 256 << 10;
    limits.json_depth = 64;
    limits.nodes = 8192;
    limits.name_length = 200;
    limits.array_rank = 32;
    limits.array_bytes = 256 << 10;
    limits.model_bytes = 1 << 20;
    limits.ratio_floor = 64 << 10;
    limits.nested_bytes = 256 << 10;
    limits.file_bytes = 1 << 20;
    limits.stream_bytes = 1 << 20;
    limits
}

/// Limits that are larger, each of them. The default ones let a file of 64 KiB expand to 48 MiB, which takes too long to
/// read a dozen times for each input.
pub fn larger() -> Limits {
    let mut limits = small();
    for (name, value, _) in small().list() {
        let factor = if name == "archive-depth" { 1 } else { 4 };
        limits.set(name, value * factor).expect("a limit of this name");
    }
    limits
}

/// What came of reading a file, as far as it must not depend on how that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// All that is known of it, in words.
    Accepted(String),
    Refused {
        code: Code,
        found: String,
        at: skops_rs::Location,
    },
}

impl Answer {
    pub fn refused(error: &Error) -> Self {
        assert_shown(&error.to_string());
        assert_shown(&error.at().to_string());
        assert!(error.to_string().len() < 16_384, "{} bytes of message", error.to_string().len());
        Self::Refused { code: error.code(), found: error.to_string(), at: error.at().clone() }
    }

    /// Without what depends on where in the file things are.
    pub fn in_short(&self) -> Result<&str, (Code, Option<&str>)> {
        match self {
            Self::Accepted(text) => Ok(text),
            Self::Refused { code, at, .. } => Err((*code, at.pointer.as_deref())),
        }
    }

    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted(_))
    }

    /// Whether it was refused because it asks for too much.
    pub fn is_over_limit(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code.blame() == Blame::Limit)
    }
}

/// Text that is shown to people holds nothing that could move a cursor or look like something else.
pub fn assert_shown(text: &str) {
    let odd = text.chars().find(|character| !matches!(character, ' '..='~'));
    assert_eq!(odd, None, "in {text:?}");
}

/// Asserts that reading bytes in some way gives the same, wherever they are and however they come, and that what
/// small limits let through, larger ones do as well. `answer` reads an archive, or says what is wrong with it.
pub fn check_ways(data: &[u8], answer: impl Fn(Result<Archive, Error>) -> Answer) -> Answer {
    let limits = small();
    let first = answer(Archive::from_bytes(data.to_vec(), limits.clone()));
    assert_eq!(first, answer(Archive::from_bytes(data.to_vec(), limits.clone())), "the second time");
    let trickling = Archive::from_stream(Trickle(data), limits.clone());
    assert_eq!(first, answer(trickling), "one byte at a time");
    let watched = Arc::new(Watched::new(data));
    assert_eq!(first, answer(Archive::from_source(watched.clone(), limits)), "from a source of one's own");
    // Each entry is read a few times at most: its header, its data, and to be compared with others.
    let most = 16 * data.len() as u64 + 65_536;
    assert!(watched.read() <= most, "{} bytes were read of {}", watched.read(), data.len());
    let large = answer(Archive::from_bytes(data.to_vec(), larger()));
    // What is refused because it asks for too much may be refused for another reason once it may ask for more.
    if !first.is_over_limit() {
        assert_eq!(first, large, "with larger limits");
    }
    first
}

/// The names and contents of an archive's entries, if all are sound.
pub fn unpack(data: &[u8], limits: Limits) -> Option<Vec<(String, Vec<u8>)>> {
    let archive = Archive::from_bytes(data.to_vec(), limits).ok()?;
    let read = |entry: &skops_rs::Entry| Some((entry.name.to_string(), archive.read(entry).ok()?));
    archive.entries().iter().map(read).collect()
}

/// An archive of these entries, all of them STORED or all of them deflated.
pub fn pack(parts: &[(String, Vec<u8>)], deflate: bool) -> Vec<u8> {
    let entry = |(name, data): &(String, Vec<u8>)| {
        let stored = Entry::stored(name, data.clone());
        if !deflate {
            return stored;
        }
        let data = deflated(data);
        Entry { method: 8, compressed: u32::try_from(data.len()).expect("a small entry"), data, ..stored }
    };
    Zip::new(parts.iter().map(entry).collect()).build()
}

/// Data as deflate has it that does not compress, in blocks that are short for its reader to meet many. To compress would
/// take longer than all the rest.
fn deflated(data: &[u8]) -> Vec<u8> {
    const LONGEST: usize = 1000;
    let mut out = Vec::with_capacity(data.len() + data.len() / 100 + 8);
    for block in data.chunks(LONGEST) {
        let length = block.len() as u16;
        out.push(0);
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    // The last one is empty.
    out.extend([1, 0, 0, 0xff, 0xff]);
    out
}

/// Bytes of memory that opening an archive may take: its directory, and an entry for each record of it, which is no
/// shorter than 46 bytes.
fn most_to_open(size: usize) -> usize {
    256 * 1024 + 24 * size
}

/// Bytes of memory that the schema and its audit may take: see `docs/limits.md`. Beside them there is a window onto
/// the text, and what decompresses it.
fn most_to_audit(archive: &Archive, schema: usize) -> usize {
    768 * 1024 + 24 * schema + 24 * archive.size() as usize + room_to_decompress(archive)
}

/// Bytes of memory beside its data that may be taken to decompress an entry, or one of an archive within it: four for each
/// byte of a block of bzip2, which has up to 900,000, and two tables of LZMA.
pub fn room_to_decompress(archive: &Archive) -> usize {
    let is_simple = |entry: &skops_rs::Entry| match entry.method {
        Method::Stored => archive.read(entry).is_ok_and(|data| !data.windows(3).any(|magic| magic == b"BZh")),
        Method::Deflated => entry.name.ends_with(".json"),
        _ => false,
    };
    if archive.entries().iter().all(is_simple) { 0 } else { 5 << 20 }
}

/// What is listed of the arrays of a sound archive, and its model, with all trusted that it refers to; or why it is refused.
pub fn model(archive: &Archive) -> Result<(String, Model), Answer> {
    let audit = audit(archive).map_err(|error| Answer::refused(&error))?;
    let listed: Vec<_> = skops_rs::inspect::arrays(&audit).map(|item| format!("{item:?}")).collect();
    let trust = trust_all(&audit);
    let model = audit.vet(&trust).expect("all was trusted").load();
    Ok((format!("{listed:?}"), model))
}

/// Opens an archive, in memory that is in proportion.
pub fn open(data: &[u8], limits: Limits) -> Result<Archive, Error> {
    memory::within(most_to_open(data.len()), "opening", || Archive::from_bytes(data.to_vec(), limits))
}

/// The audit of an archive, with what is promised of every audit.
pub fn audit(archive: &Archive) -> Result<Audit, Error> {
    let text = archive.entry(skops_rs::SCHEMA_NAME).map_or(0, |entry| entry.size as usize);
    // Larger ones are refused before any of it is read.
    let text = text.min(archive.limits().schema_bytes as usize);
    let most = most_to_audit(archive, text);
    let audit = memory::within(most, "the audit", || archive.schema()?.audit())?;
    assert!(
        audit.schema().memory_bytes() <= 8 * text + 16_384,
        "{} for {text}",
        audit.schema().memory_bytes()
    );
    Ok(audit)
}

/// All that an audit says.
pub fn describe(audit: &Audit) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    let schema = audit.schema();
    let claims = (schema.protocol(), schema.skops_version(), schema.sklearn_versions(), schema.root_type());
    let _ = writeln!(text, "{claims:?} {} nodes", schema.node_count());
    for reference in audit.references() {
        let places: Vec<_> = reference.places().collect();
        assert_eq!(places.len(), reference.place_count());
        assert!(!places.is_empty(), "{} is nowhere", reference.name());
        assert_shown(reference.name().as_str());
        let of = (reference.name(), reference.role(), reference.loader());
        let _ = writeln!(text, "{of:?} {places:?}");
    }
    for array in skops_rs::inspect::arrays(audit) {
        let _ = writeln!(text, "{array:?}");
    }
    let unreferenced: Vec<_> = audit.unreferenced().map(|entry| &entry.name).collect();
    let _ = writeln!(text, "{unreferenced:?} {:?}", audit.untrusted(&TrustList::default()));
    text
}
