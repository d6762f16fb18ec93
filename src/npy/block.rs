//! The bytes of an array, as its entry has them.

use crate::archive::{Archive, Entry, Method};
use crate::error::{Code, Error, Result};

/// Bytes read at once. Few enough to stay in the processor's cache until their checksum has been taken.
const CHUNK: usize = 128 << 10;

/// Compressed data may be far less than it claims, so memory for it grows, from this many bytes on.
const FIRST: usize = 1 << 20;

const WORD: usize = size_of::<u64>();

/// Bytes at an address where any number may start, so that they can be looked at as numbers where they lie.
pub(crate) struct Block {
    words: Vec<u64>,
    len: usize,
}

impl Block {
    /// Reads what an entry holds after its first `skip` bytes. Size and CRC-32 of the whole entry are checked.
    #[expect(clippy::disallowed_methods, reason = "a header at most, and a word is not empty")]
    pub(crate) fn read(archive: &Archive, entry: &Entry, skip: u64) -> Result<Self> {
        let mut fill = archive.reader(entry)?;
        let mut skipped = vec![0; usize::try_from(skip).unwrap_or_default()];
        fill(&mut skipped)?;
        let too_large = |_| {
            let found = format!("no memory is left for {} bytes", entry.size);
            Error::new(Code::OutOfMemory, found).in_entry(&entry.name)
        };
        let size = usize::try_from(entry.size.saturating_sub(skip)).unwrap_or(usize::MAX);
        let mut block = Self { words: Vec::new(), len: 0 };
        while block.len < size {
            if block.len == block.room() {
                // STORED data lies in the file, as long as the entry says.
                let more = if entry.method == Method::Stored { size } else { block.len.max(FIRST) };
                let more = more.min(size.saturating_sub(block.len));
                block.words.try_reserve_exact(more.div_ceil(WORD)).map_err(too_large)?;
            }
            let chunk = CHUNK.min(size.saturating_sub(block.len)).min(block.room().saturating_sub(block.len));
            let filled = fill(block.grow(chunk))?;
            block.len = block.len.saturating_add(filled);
            if filled < chunk {
                // The entry ended early, which `fill` refuses by itself.
                break;
            }
        }
        fill(&mut [0])?;
        Ok(block)
    }

    /// How many bytes fit without more memory.
    fn room(&self) -> usize {
        self.words.capacity().saturating_mul(WORD)
    }

    /// Adds zeros for so many bytes, and gives them to be filled.
    #[expect(clippy::disallowed_methods, reason = "memory for it was reserved, and words are bytes")]
    fn grow(&mut self, bytes: usize) -> &mut [u8] {
        let end = self.len.saturating_add(bytes);
        self.words.resize(end.div_ceil(WORD), 0);
        bytemuck::cast_slice_mut(&mut self.words).get_mut(self.len..end).unwrap_or_default()
    }

    #[expect(clippy::disallowed_methods, reason = "words are bytes")]
    pub(crate) fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.words).get(..self.len).unwrap_or_default()
    }
}
