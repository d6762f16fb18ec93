//! The header before an entry's data, and the descriptor that may follow the data.
//!
//! Readers differ in which they believe, the central directory or these, so they must agree.

use super::bytes::Fields;
use super::directory::{Common, DESCRIPTOR_FLAG, Record, Zip64};
use crate::error::{Code, Error, Result};
use crate::source::Source;
use crate::text::shown_bytes;

const SIGNATURE: u32 = 0x0403_4b50;
const DESCRIPTOR_SIGNATURE: u32 = 0x0807_4b50;
/// How much is read at an entry's start: its header, and usually the header of the array in it.
const READ: usize = 512;

/// Room for what is read at an entry's start.
pub(super) fn buffer() -> [u8; READ] {
    [0; READ]
}

/// Where an entry's data starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Local {
    pub(super) data_offset: u64,
    has_zip64: bool,
}

/// Reads and compares the header at the record's offset. Nothing at or after `end` belongs to the entry. Returns what
/// follows the header in the buffer, too.
pub(super) fn read<'a>(
    source: &dyn Source,
    record: &Record<'_>,
    end: u64,
    buffer: &'a mut [u8; READ],
) -> Result<(Local, &'a [u8])> {
    let room = usize::try_from(end.saturating_sub(record.offset)).unwrap_or(usize::MAX);
    let buffer = buffer.get_mut(..room.min(READ)).unwrap_or_default();
    source
        .read_exact_at(buffer, record.offset)
        .map_err(|error| Error::io("cannot read an entry's header", error))?;
    let mut fields = Fields::new(buffer);
    // Names are short, and a zip64 field is the only extra one there may be: a header that is cut here is refused.
    let header = Header::take(&mut fields)
        .ok_or_else(|| refused(record, Code::ZipHeaderMismatch, "has no complete header before its data"))?;
    header.compare(record)?;
    let has_zip64 = header.compare_sizes(record)?;
    let data = fields.rest();
    let header_size = buffer.len().saturating_sub(data.len()) as u64;
    Ok((Local { data_offset: record.offset.saturating_add(header_size), has_zip64 }, data))
}

struct Header<'a> {
    signature: u32,
    common: Common,
    name: &'a [u8],
    extra: &'a [u8],
}

impl<'a> Header<'a> {
    fn take(fields: &mut Fields<'a>) -> Option<Self> {
        let signature = fields.u32()?;
        let common = Common::take(fields)?;
        let (name_length, extra_length) = (fields.u16()?, fields.u16()?);
        let name = fields.bytes(name_length.into())?;
        let extra = fields.bytes(extra_length.into())?;
        Some(Self { signature, common, name, extra })
    }

    fn compare(&self, record: &Record<'_>) -> Result<()> {
        let differs = if self.signature != SIGNATURE {
            "no header before its data"
        } else if self.name != record.name {
            "another name in the header before its data"
        } else if self.common.flags != record.flags {
            "other flags in the header before its data"
        } else if self.common.method != record.method {
            "another compression method in the header before its data"
        } else if self.common.modified != record.modified {
            "another date in the header before its data"
        } else {
            // The directory's version may be another: it is higher where only the entry's offset needs zip64.
            return self.common.check_version().map_err(|found| refused(record, Code::ZipFlags, &found));
        };
        Err(refused(record, Code::ZipHeaderMismatch, &format!("has {differs}")))
    }

    /// The sizes must be the directory's. With a data descriptor they may be left open: the sizes zero (or, for
    /// zip64, saturated with zeros in the extra field) and the checksum zero.
    fn compare_sizes(&self, record: &Record<'_>) -> Result<bool> {
        let wide = self.wide_sizes().map_err(|(code, found)| refused(record, code, found))?;
        let (size, compressed) = wide.unwrap_or((self.common.size.into(), self.common.compressed.into()));
        let stated = (self.common.crc32, compressed, size);
        let open = record.flags & DESCRIPTOR_FLAG != 0 && stated == (0, 0, 0);
        if open || stated == (record.crc32, record.compressed, record.size) {
            return Ok(wide.is_some());
        }
        let found = format!(
            "says CRC-32 {:08x}, {compressed} and {size} bytes before its data, but {:08x}, {} and {} in the central directory",
            self.common.crc32, record.crc32, record.compressed, record.size
        );
        Err(refused(record, Code::ZipHeaderMismatch, &found))
    }

    /// Size and compressed size from the zip64 field, which holds both or is not there at all.
    fn wide_sizes(&self) -> std::result::Result<Option<(u64, u64)>, (Code, &'static str)> {
        if self.common.size != u32::MAX && self.common.compressed != u32::MAX && self.extra.is_empty() {
            return Ok(None);
        }
        let mut wide = Zip64::parse(self.extra)?;
        let both = (wide.widen(self.common.size)?, wide.widen(self.common.compressed)?);
        wide.finish()?;
        let saturated = self.common.size == u32::MAX && self.common.compressed == u32::MAX;
        if saturated { Ok(Some(both)) } else { Err((Code::ZipSizeMismatch, "has only one zip64 size")) }
    }
}

/// Where the entry ends: after its data, or after the data descriptor. `next` is where the next entry or the
/// central directory starts, so the descriptor is what lies between.
pub(super) fn end(source: &dyn Source, record: &Record<'_>, local: Local, next: u64) -> Result<u64> {
    let data_end = local
        .data_offset
        .checked_add(record.compressed)
        .filter(|data_end| *data_end <= next)
        .ok_or_else(|| refused(record, Code::ZipOverlap, "has data that runs into what follows it"))?;
    if record.flags & DESCRIPTOR_FLAG == 0 {
        return Ok(data_end);
    }
    let length = next.saturating_sub(data_end);
    let lengths: &[u64] = if local.has_zip64 { &[20, 24] } else { &[12, 16] };
    let mut buffer = [0; 24];
    let size = usize::try_from(length).ok().filter(|_| lengths.contains(&length));
    let Some(descriptor) = size.and_then(|size| buffer.get_mut(..size)) else {
        return Err(refused(
            record,
            Code::ZipGap,
            &format!("is followed by {length} bytes that are no data descriptor"),
        ));
    };
    source
        .read_exact_at(descriptor, data_end)
        .map_err(|error| Error::io("cannot read a data descriptor", error))?;
    if matches_descriptor(descriptor, record, local.has_zip64) {
        Ok(next)
    } else {
        Err(refused(
            record,
            Code::ZipHeaderMismatch,
            "has a data descriptor that differs from the central directory",
        ))
    }
}

fn matches_descriptor(descriptor: &[u8], record: &Record<'_>, wide: bool) -> bool {
    let mut fields = Fields::new(descriptor);
    if matches!(descriptor.len(), 16 | 24) && fields.u32() != Some(DESCRIPTOR_SIGNATURE) {
        return false;
    }
    let size = |fields: &mut Fields<'_>| if wide { fields.u64() } else { fields.u32().map(u64::from) };
    fields.u32() == Some(record.crc32)
        && size(&mut fields) == Some(record.compressed)
        && size(&mut fields) == Some(record.size)
}

fn refused(record: &Record<'_>, code: Code, found: &str) -> Error {
    Error::new(code, format!("entry {} {found}", shown_bytes(record.name))).at_offset(record.offset)
}
