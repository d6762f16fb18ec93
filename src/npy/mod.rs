//! numpy's array files: what their headers say, and whether it is true.
//!
//! A header is text from the file's author, in Python's syntax. `numpy` evaluates it with `ast.literal_eval`, which
//! takes far more than numpy writes; here is read what numpy writes, and the size of the payload must be exactly
//! what the header says. Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

mod array;
mod block;
mod dtype;
mod element;
mod index;
mod item;
mod literal;
pub(crate) mod npz;
mod sparse;
mod write;

pub use array::NdArray;
pub use dtype::{Dtype, Kind, ScalarDtype, StructDtype, StructField};
pub use element::{Element, Number};
pub use item::{FieldItems, Item, Record};
pub use npz::SparseFormat;
pub use sparse::SparseMatrix;

use std::borrow::Cow;

use crate::archive::{Archive, Entry};
use crate::error::{Code, Error, Result};
use literal::Literals;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header that numpy reads without being told to (`max_header_size`).
const MOST_HEADER: usize = 10_000;
/// Enough for the header of nearly every array.
const FIRST_READ: usize = 512;

/// What the header of an array says; its size has been compared with the payload's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArrayHeader {
    /// The dtype of the items.
    pub(crate) dtype: Dtype,
    /// Items along each dimension.
    pub(crate) shape: Vec<u64>,
    /// Whether the first dimension varies fastest in the payload.
    pub(crate) fortran_order: bool,
    /// Bytes before the items.
    pub(crate) data_offset: u64,
}

impl ArrayHeader {
    /// Reads the header of an entry, and nothing after it.
    pub(crate) fn read(archive: &Archive, entry: &Entry) -> Result<Self> {
        Self::read_entry(archive, entry).map_err(|error| error.in_entry(&entry.name))
    }

    fn read_entry(archive: &Archive, entry: &Entry) -> Result<Self> {
        let mut start = archive.prefix(entry, FIRST_READ)?;
        let (version, text_at, text_end) = Self::extent(&start)?;
        if text_end > start.len() {
            start = archive.prefix(entry, text_end)?;
        }
        let bytes = start
            .get(text_at..text_end)
            .ok_or_else(|| Error::new(Code::NpyHeader, "the entry ends within its header"))?;
        let text = match std::str::from_utf8(bytes) {
            Ok(text) if version == 3 || text.is_ascii() => Cow::Borrowed(text),
            _ if version < 3 => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
            _ => return Err(Error::new(Code::NpyHeader, "a header of version 3 that is no UTF-8")),
        };
        let header = Self::parse(&text, text_end as u64, archive.limits().array_rank)?;
        header.check_size(entry.size)?;
        Ok(header)
    }

    /// The version, and where the header's text starts and ends.
    fn extent(start: &[u8]) -> Result<(u8, usize, usize)> {
        let Some(rest) = start.strip_prefix(MAGIC) else {
            let looks_like = match start {
                [0x80, 2..=5, ..] => "a Python pickle",
                [b'P', b'K', ..] => "a zip archive",
                [] => "nothing",
                _ => "other bytes",
            };
            return Err(Error::new(Code::NpyMagic, format!("an array whose entry starts with {looks_like}")));
        };
        let (version, text_at, length) = match rest {
            [1, 0, low, high, ..] => (1, 10, usize::from(u16::from_le_bytes([*low, *high]))),
            [version @ (2 | 3), 0, a, b, c, d, ..] => {
                (*version, 12, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
            }
            [major, minor, ..] if !matches!((major, minor), (1..=3, 0)) => {
                return Err(Error::new(Code::NpyVersion, format!("numpy format version {major}.{minor}")));
            }
            _ => return Err(Error::new(Code::NpyHeader, "the entry ends within its header")),
        };
        if length > MOST_HEADER {
            return Err(Error::new(Code::NpyHeader, format!("a header of {length} bytes")));
        }
        Ok((version, text_at, text_at.saturating_add(length)))
    }

    /// Parses the dictionary: the three keys, in any order.
    fn parse(text: &str, data_offset: u64, most_rank: usize) -> Result<Self> {
        let mut literals = Literals::new(text, most_rank);
        let (mut dtype, mut order, mut shape) = (None, None, None);
        literals.expect('{')?;
        while !literals.take('}') {
            let key = literals.string()?;
            literals.expect(':')?;
            let is_new = match &*key {
                "descr" => dtype.replace(Dtype::parse(&mut literals)?).is_none(),
                "fortran_order" => order.replace(literals.boolean()?).is_none(),
                "shape" => shape.replace(literals.shape()?).is_none(),
                _ => false,
            };
            if !is_new {
                let found = format!("a header with the key '{}', or with it twice", crate::text::shown(&key));
                return Err(Error::new(Code::NpyHeader, found));
            }
            if !literals.take(',') {
                literals.expect('}')?;
                break;
            }
        }
        literals.end()?;
        match (dtype, order, shape) {
            (Some(dtype), Some(fortran_order), Some(shape)) => {
                Ok(Self { dtype, shape, fortran_order, data_offset })
            }
            _ => Err(Error::new(Code::NpyHeader, "a header without `descr`, `fortran_order` or `shape`")),
        }
    }

    /// The payload must be exactly as long as the header says. Items of no bytes are refused when there are any:
    /// their count would be bounded by nothing.
    fn check_size(&self, entry_size: u64) -> Result<()> {
        let payload = entry_size.saturating_sub(self.data_offset);
        let wrong = |size: String| {
            let found = format!(
                "an array of shape {} and dtype {} takes {size} bytes, the entry has {payload}",
                show_shape(&self.shape),
                self.dtype
            );
            Err(Error::new(Code::NpySize, found))
        };
        if self.dtype.size() == 0 && !self.shape.contains(&0) {
            return Err(Error::new(Code::NpyDtype, format!("items of no bytes, dtype {}", self.dtype)));
        }
        match bytes_of(&self.shape, self.dtype.size()) {
            Some(size) if size == payload => Ok(()),
            Some(size) => wrong(size.to_string()),
            None => wrong("more than 2**63".to_owned()),
        }
    }
}

/// Bytes of an array. `None` when they, or the product of the dimensions that are not zero, exceed what numpy
/// counts in.
fn bytes_of(shape: &[u64], item: u64) -> Option<u64> {
    let mut bytes = item.max(1);
    for size in shape.iter().filter(|size| **size != 0) {
        bytes = bytes.checked_mul(*size).filter(|bytes| i64::try_from(*bytes).is_ok())?;
    }
    Some(if shape.contains(&0) || item == 0 { 0 } else { bytes })
}

/// A dtype as numpy writes it, cut when it is long.
pub(crate) fn show_dtype(dtype: &Dtype) -> String {
    crate::text::cut(dtype, 200)
}

/// A shape as Python writes it: `()`, `(3,)`, `(3, 4)`.
pub(crate) fn show_shape(shape: &[u64]) -> String {
    if let [one] = shape {
        return format!("({one},)");
    }
    let sizes: Vec<_> = shape.iter().map(u64::to_string).collect();
    format!("({})", sizes.join(", "))
}
