//! Where bytes come from: anything that can be read at an offset.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::limits::Limits;

/// Bytes of a known length that can be read at any offset, by several threads at once.
pub trait Source: Send + Sync {
    /// How many bytes there are.
    fn size(&self) -> u64;

    /// Fills `buffer` with the bytes that start at `offset`.
    ///
    /// # Errors
    /// When the bytes cannot be read, or there are fewer than `buffer` holds.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A regular file. Its length is taken once, when it is opened: a file that grows later is read as it was, and
/// one that shrinks gives an error when the missing bytes are asked for.
pub(crate) struct FileSource {
    file: File,
    size: u64,
}

impl FileSource {
    /// A file that is open, and was of this size then.
    pub(crate) fn new(file: File, size: u64) -> Self {
        Self { file, size }
    }
}

impl Source for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    #[cfg(unix)]
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        use std::os::windows::fs::FileExt;
        let mut rest = buffer;
        let mut offset = offset;
        while !rest.is_empty() {
            let count = self.file.seek_read(rest, offset)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            rest = rest.get_mut(count..).unwrap_or_default();
            offset = offset.saturating_add(count as u64);
        }
        Ok(())
    }
}

impl Source for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        let end = start.and_then(|start| start.checked_add(buffer.len()));
        let bytes = start.zip(end).and_then(|(start, end)| self.get(start..end));
        #[expect(clippy::disallowed_methods, reason = "the range has the length of the buffer")]
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A part of another source, such as an archive that is stored within an archive.
pub(crate) struct Window {
    source: Arc<dyn Source>,
    start: u64,
    size: u64,
}

impl Window {
    /// The caller has checked that the window lies within the source.
    pub(crate) fn new(source: Arc<dyn Source>, start: u64, size: u64) -> Self {
        Self { source, start, size }
    }
}

impl Source for Window {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.source.read_exact_at(buffer, self.start.saturating_add(offset))
    }
}

/// Opens a path. What is not a regular file (a pipe, a device) is read into memory as a stream.
pub(crate) fn open(path: &Path, limits: &Limits) -> Result<Arc<dyn Source>> {
    let failed = |error| Error::io("cannot open the file", error);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    if metadata.is_file() {
        return Ok(Arc::new(FileSource::new(file, metadata.len())));
    }
    read_stream(file, limits)
}

/// Reads a stream to its end, within the limit `stream-bytes`.
pub(crate) fn read_stream(stream: impl Read, limits: &Limits) -> Result<Arc<dyn Source>> {
    let mut bytes = Vec::new();
    let most = limits.stream_bytes.saturating_add(1);
    stream.take(most).read_to_end(&mut bytes).map_err(|error| Error::io("cannot read the stream", error))?;
    if bytes.len() as u64 > limits.stream_bytes {
        let found = format!("the stream has more than {} bytes", limits.stream_bytes);
        return Err(Error::new(Code::LimitStreamBytes, found));
    }
    Ok(Arc::new(bytes))
}
