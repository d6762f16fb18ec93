//! Places where the same bytes can be: what is read must not depend on them.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use skops_rs::Source;

/// A stream that gives one byte at a time.
pub struct Trickle<'a>(pub &'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(1);
        self.0.read(&mut buffer[..count])
    }
}

/// Bytes whose reader may not ask for any that are not there, and is watched for how many it asks for.
pub struct Watched {
    bytes: Vec<u8>,
    read: AtomicU64,
}

impl Watched {
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), read: AtomicU64::new(0) }
    }

    /// How many bytes have been read so far.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Source for Watched {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).expect("a read beyond all numbers");
        assert!(end <= self.size(), "bytes {offset} to {end} were asked for, of {}", self.size());
        self.read.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        self.bytes.read_exact_at(buffer, offset)
    }
}
