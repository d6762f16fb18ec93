//! An entry's data: decompressed as it is read, never past its stated size, checked at the end.

use std::io::{self, BufRead, BufReader, Read};

use super::{Entry, Method};
use crate::error::{Code, Error, Result};
use crate::source::Source;

const CHUNK: usize = 64 << 10;

/// The compressed bytes of an entry.
struct Compressed<'a> {
    source: &'a dyn Source,
    offset: u64,
    left: u64,
}

impl Read for Compressed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let Some(buffer) = buffer.get_mut(..count) else { return Ok(0) };
        self.source.read_exact_at(buffer, self.offset)?;
        self.offset = self.offset.saturating_add(count as u64);
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

type Input<'a> = BufReader<Compressed<'a>>;

/// The decompressed bytes of an entry.
enum Decoder<'a> {
    Stored(Compressed<'a>),
    Deflated(Box<flate2::bufread::DeflateDecoder<Input<'a>>>),
    #[cfg(feature = "bzip2")]
    Bzip2(Box<bzip2::bufread::BzDecoder<Input<'a>>>),
    #[cfg(feature = "lzma")]
    Lzma(Box<lzma_rust2::LzmaReader<Input<'a>>>),
}

impl<'a> Decoder<'a> {
    fn new(source: &'a dyn Source, entry: &Entry) -> Result<Self> {
        let compressed = Compressed { source, offset: entry.data_offset, left: entry.compressed };
        #[expect(clippy::disallowed_methods, reason = "1 is less than a chunk")]
        let capacity = usize::try_from(entry.compressed).unwrap_or(usize::MAX).clamp(1, CHUNK);
        let buffered = |compressed| BufReader::with_capacity(capacity, compressed);
        match entry.method {
            Method::Stored => Ok(Self::Stored(compressed)),
            Method::Deflated => {
                Ok(Self::Deflated(Box::new(flate2::bufread::DeflateDecoder::new(buffered(compressed)))))
            }
            #[cfg(feature = "bzip2")]
            Method::Bzip2 => Ok(Self::Bzip2(Box::new(bzip2::bufread::BzDecoder::new(buffered(compressed))))),
            #[cfg(feature = "lzma")]
            Method::Lzma => lzma(buffered(compressed), entry.size).map_err(|error| broken(entry, &error)),
            #[cfg(not(all(feature = "bzip2", feature = "lzma")))]
            method => {
                let found = format!("the entry is compressed with {}", format!("{method:?}").to_uppercase());
                Err(Error::new(Code::CompressionFeature, found).in_entry(&entry.name))
            }
        }
    }

    /// Whether the stream took all of the entry's compressed bytes. To be asked once it has ended.
    fn took_all(&mut self) -> io::Result<bool> {
        match self {
            Self::Stored(compressed) => Ok(compressed.left == 0),
            Self::Deflated(decoder) => is_empty(decoder.get_mut()),
            #[cfg(feature = "bzip2")]
            Self::Bzip2(decoder) => is_empty(decoder.get_mut()),
            #[cfg(feature = "lzma")]
            Self::Lzma(decoder) => is_empty(decoder.inner_mut()),
        }
    }
}

fn is_empty(input: &mut Input<'_>) -> io::Result<bool> {
    input.fill_buf().map(<[u8]>::is_empty)
}

/// The header that zip puts before an LZMA stream: a version, the size of the properties (5), the properties.
#[cfg(feature = "lzma")]
fn lzma(mut input: Input<'_>, size: u64) -> io::Result<Decoder<'_>> {
    /// As Python's `lzma` and the zip specification have it; a larger one would be memory on demand.
    const MOST_DICTIONARY: u32 = 64 << 20;
    let malformed = |found| Err(io::Error::new(io::ErrorKind::InvalidData, found));
    let mut header = [0; 9];
    input.read_exact(&mut header)?;
    let [_, _, 5, 0, properties, d0, d1, d2, d3] = header else {
        return malformed("the LZMA header is malformed");
    };
    // Python's `lzma` refuses them, too; with them, the tables alone would take 6 MiB.
    let (literal_context, literal_position) = (properties % 9, properties / 9 % 5);
    if literal_context.saturating_add(literal_position) > 4 {
        return malformed("the LZMA header asks for more than 4 bits of context");
    }
    let dictionary = u32::from_le_bytes([d0, d1, d2, d3]);
    if dictionary > MOST_DICTIONARY {
        return malformed("the LZMA dictionary is larger than 64 MiB");
    }
    // Nothing before the data's own start is looked back at; Python asks for 8 MiB, however short the data is.
    let dictionary = dictionary.min(u32::try_from(size).unwrap_or(u32::MAX));
    let mut reader = lzma_rust2::LzmaReader::new_with_props(input, u64::MAX, properties, dictionary, None)?;
    reader.set_relaxed_end_condition(false);
    Ok(Decoder::Lzma(Box::new(reader)))
}

impl Read for Decoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(compressed) => compressed.read(buffer),
            Self::Deflated(decoder) => decoder.read(buffer),
            #[cfg(feature = "bzip2")]
            Self::Bzip2(decoder) => decoder.read(buffer),
            #[cfg(feature = "lzma")]
            Self::Lzma(decoder) => decoder.read(buffer),
        }
    }
}

/// Reads an entry chunk by chunk, and checks size and CRC-32 when it ends.
pub(super) struct Checked<'a> {
    decoder: Decoder<'a>,
    entry: &'a Entry,
    crc: crc32fast::Hasher,
    count: u64,
}

impl<'a> Checked<'a> {
    pub(super) fn new(source: &'a dyn Source, entry: &'a Entry) -> Result<Self> {
        Ok(Self { decoder: Decoder::new(source, entry)?, entry, crc: crc32fast::Hasher::new(), count: 0 })
    }

    /// Fills as much of `buffer` as the data has left; less than asked for means that it ended, and is sound.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let filled = fill(&mut self.decoder, buffer).map_err(|error| broken(self.entry, &error))?;
        self.crc.update(buffer.get(..filled).unwrap_or_default());
        self.count = self.count.saturating_add(filled as u64);
        if self.count > self.entry.size {
            return Err(self.wrong_size());
        }
        if filled < buffer.len() {
            self.finish()?;
        }
        Ok(filled)
    }

    fn finish(&mut self) -> Result<()> {
        let took_all = self.decoder.took_all().map_err(|error| broken(self.entry, &error))?;
        if self.count != self.entry.size || !took_all {
            return Err(self.wrong_size());
        }
        let crc32 = self.crc.clone().finalize();
        if crc32 != self.entry.crc32 {
            let found = format!("the data has CRC-32 {crc32:08x}, the header says {:08x}", self.entry.crc32);
            return Err(Error::new(Code::ZipCrc, found).in_entry(&self.entry.name));
        }
        Ok(())
    }

    fn wrong_size(&self) -> Error {
        let relation = if self.count < self.entry.size { "only " } else { "at least " };
        let found = format!(
            "{} bytes of compressed data hold {relation}{} bytes, the header says {}",
            self.entry.compressed, self.count, self.entry.size
        );
        Error::new(Code::ZipSizeMismatch, found).in_entry(&self.entry.name)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no more than lies in the source, or than twice what has arrived"
)]
pub(super) fn read(source: &dyn Source, entry: &Entry) -> Result<Vec<u8>> {
    let mut checked = Checked::new(source, entry)?;
    let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
    // STORED data is as long as the entry, which lies within the source. Anything else grows as it arrives.
    let mut room = if entry.method == Method::Stored { size } else { size.min(CHUNK) };
    let mut data = vec![0; room.saturating_add(1)];
    let mut start = 0_usize;
    loop {
        let filled = checked.fill(data.get_mut(start..).unwrap_or_default())?;
        start = start.saturating_add(filled);
        if filled <= room {
            data.truncate(start);
            return Ok(data);
        }
        room = size.saturating_sub(start).min(start);
        data.resize(start.saturating_add(room).saturating_add(1), 0);
    }
}

pub(super) fn prefix(source: &dyn Source, entry: &Entry, count: usize) -> Result<Vec<u8>> {
    let count = usize::try_from(entry.size).unwrap_or(usize::MAX).min(count);
    if let Some(data) = inflate_prefix(source, entry, count)? {
        return Ok(data);
    }
    let mut decoder = Decoder::new(source, entry)?;
    #[expect(clippy::disallowed_methods, reason = "callers ask for the head of an array, at most 64 kB")]
    let mut data = vec![0; count];
    let filled = fill(&mut decoder, &mut data).map_err(|error| broken(entry, &error))?;
    data.truncate(filled);
    Ok(data)
}

/// The first bytes of deflated data in one call, from about as many compressed ones: a file may have thousands of
/// arrays, and making a reader for the header of each takes three times as long. `None` when that does not do.
#[expect(clippy::disallowed_methods, reason = "callers ask for the head of an array, at most 64 kB")]
fn inflate_prefix(source: &dyn Source, entry: &Entry, count: usize) -> Result<Option<Vec<u8>>> {
    /// Deflating may make short data longer, and starts with a table of codes.
    const MORE: usize = 512;
    if entry.method != Method::Deflated {
        return Ok(None);
    }
    let compressed = usize::try_from(entry.compressed).unwrap_or(usize::MAX).min(count.saturating_add(MORE));
    let mut input = vec![0; compressed];
    source.read_exact_at(&mut input, entry.data_offset).map_err(|error| broken(entry, &error))?;
    let mut data = Vec::with_capacity(count);
    let mut inflate = flate2::Decompress::new(false);
    let status = inflate.decompress_vec(&input, &mut data, flate2::FlushDecompress::Finish);
    Ok((status.is_ok() && data.len() == count).then_some(data))
}

pub(super) fn same(source: &dyn Source, one: &Entry, other: &Entry) -> Result<bool> {
    // One byte more than the data, so that its end is seen.
    let size = usize::try_from(one.size).unwrap_or(usize::MAX).saturating_add(1).min(CHUNK);
    let (mut one, mut other) = (Checked::new(source, one)?, Checked::new(source, other)?);
    #[expect(clippy::disallowed_methods, reason = "a chunk at most")]
    let (mut left, mut right) = (vec![0; size], vec![0; size]);
    loop {
        let counts = (one.fill(&mut left)?, other.fill(&mut right)?);
        if counts.0 != counts.1 || left.get(..counts.0) != right.get(..counts.1) {
            return Ok(false);
        }
        if counts.0 < size {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or the data ends.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0_usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What a decoder says about bad data comes as an I/O error too, but of other kinds than a failing read.
fn broken(entry: &Entry, error: &io::Error) -> Error {
    let bad_data = matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other
    );
    let cut = error.kind() == io::ErrorKind::UnexpectedEof && entry.method != Method::Stored;
    if bad_data || cut {
        let found = format!("the compressed data is broken: {}", crate::text::shown(&error.to_string()));
        return Error::new(Code::ZipData, found).in_entry(&entry.name);
    }
    Error::io("cannot read an entry", io::Error::new(error.kind(), error.to_string())).in_entry(&entry.name)
}
