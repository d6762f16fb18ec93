//! The central directory: one pass over its records.

use super::bytes::Fields;
use super::{Entry, Method};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::text::shown_bytes;

const SIGNATURE: u32 = 0x0201_4b50;
const ZIP64_TAG: u16 = 1;
const NAME_LENGTH: usize = 255;

/// What Python's `zipfile` reads: version 6.3 of the format. Some of what came later, or may yet, changes what an entry
/// means.
const LATEST_VERSION: u16 = 63;

/// Flags that change nothing about what a reader sees: compression options (bits 1 and 2), a data descriptor
/// (bit 3) and a UTF-8 name (bit 11; names are ASCII anyway).
const HARMLESS_FLAGS: u16 = 0b0000_1000_0000_1110;
pub(super) const DESCRIPTOR_FLAG: u16 = 1 << 3;

/// What a central record says, before the entry's own header has been compared with it.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) modified: u32,
    pub(super) crc32: u32,
    pub(super) compressed: u64,
    pub(super) size: u64,
    pub(super) offset: u64,
    pub(super) name: &'a [u8],
}

/// Reads the next record. `fields` stands at its start, which is `offset` in the file.
pub(super) fn next<'a>(fields: &mut Fields<'a>, offset: u64) -> Result<Record<'a>> {
    let malformed = || {
        Error::new(Code::ZipDirectory, "the central directory is cut or a record in it is malformed")
            .at_offset(offset)
    };
    let raw = RawRecord::take(fields).filter(|raw| raw.signature == SIGNATURE).ok_or_else(malformed)?;
    let refused = |code, found: &str| {
        Error::new(code, format!("entry {} {found}", shown_bytes(raw.name))).at_offset(offset)
    };
    if raw.comment_length != 0 {
        return Err(refused(Code::ZipComment, "has a comment"));
    }
    if raw.common.flags & !HARMLESS_FLAGS != 0 || raw.disk != 0 {
        let encrypted = if raw.common.flags & 1 == 1 { ": it is encrypted" } else { "" };
        return Err(refused(Code::ZipFlags, &format!("has the flags {:#06x}{encrypted}", raw.common.flags)));
    }
    raw.common.check_version().map_err(|found| refused(Code::ZipFlags, &found))?;
    check_type(&raw).map_err(|found| refused(Code::EntryType, found))?;
    let sizes = Sizes::of_directory(&raw).map_err(|(code, found)| refused(code, found))?;
    Ok(Record {
        flags: raw.common.flags,
        method: raw.common.method,
        modified: raw.common.modified,
        crc32: raw.common.crc32,
        compressed: sizes.compressed,
        size: sizes.size,
        offset: sizes.offset,
        name: raw.name,
    })
}

/// What a record and the header before its entry's data both say, in this order.
pub(super) struct Common {
    version_needed: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) modified: u32,
    pub(super) crc32: u32,
    pub(super) compressed: u32,
    pub(super) size: u32,
}

impl Common {
    pub(super) fn take(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            version_needed: fields.u16()?,
            flags: fields.u16()?,
            method: fields.u16()?,
            modified: fields.u32()?,
            crc32: fields.u32()?,
            compressed: fields.u32()?,
            size: fields.u32()?,
        })
    }

    pub(super) fn check_version(&self) -> std::result::Result<(), String> {
        if self.version_needed > LATEST_VERSION {
            return Err(format!("needs version {} of zip", self.version_needed));
        }
        Ok(())
    }
}

struct RawRecord<'a> {
    signature: u32,
    common: Common,
    comment_length: u16,
    disk: u16,
    attributes: u32,
    offset: u32,
    name: &'a [u8],
    extra: &'a [u8],
}

impl<'a> RawRecord<'a> {
    fn take(fields: &mut Fields<'a>) -> Option<Self> {
        let signature = fields.u32()?;
        let _made_by = fields.u16()?;
        let common = Common::take(fields)?;
        let (name_length, extra_length, comment_length) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let disk = fields.u16()?;
        let _internal_attributes = fields.u16()?;
        let (attributes, offset) = (fields.u32()?, fields.u32()?);
        let name = fields.bytes(name_length.into())?;
        let extra = fields.bytes(extra_length.into())?;
        let _comment = fields.bytes(comment_length.into())?;
        Some(Self { signature, common, comment_length, disk, attributes, offset, name, extra })
    }
}

/// Refuses folders, links and devices: by the Unix mode in the upper half of the attributes, whichever system
/// the record claims to come from, and by the DOS folder and volume bits.
fn check_type(raw: &RawRecord<'_>) -> std::result::Result<(), &'static str> {
    const REGULAR: u32 = 0o10;
    const DOS_VOLUME_OR_FOLDER: u32 = 0x18;
    let kind = raw.attributes >> 28;
    match kind {
        0 | REGULAR if raw.attributes & DOS_VOLUME_OR_FOLDER == 0 => Ok(()),
        0o4 => Err("is a folder"),
        0o12 => Err("is a symbolic link"),
        0 | REGULAR => Err("is a folder or volume"),
        _ => Err("is a device or another special file"),
    }
}

/// The sizes and offset of an entry, with zip64 resolved.
struct Sizes {
    compressed: u64,
    size: u64,
    offset: u64,
}

impl Sizes {
    /// A zip64 field must be there exactly when a 32-bit one is saturated, and hold exactly those: Python's
    /// `zipfile` ignores what it does not need, other readers may not.
    fn of_directory(raw: &RawRecord<'_>) -> std::result::Result<Self, (Code, &'static str)> {
        let mut wide = Zip64::parse(raw.extra)?;
        let size = wide.widen(raw.common.size)?;
        let compressed = wide.widen(raw.common.compressed)?;
        let offset = wide.widen(raw.offset)?;
        wide.finish()?;
        Ok(Self { compressed, size, offset })
    }
}

/// The zip64 extra field, if there is one. No other extra field is allowed.
pub(super) struct Zip64<'a> {
    fields: Option<Fields<'a>>,
}

type Refused = (Code, &'static str);

impl<'a> Zip64<'a> {
    pub(super) fn parse(extra: &'a [u8]) -> std::result::Result<Self, Refused> {
        if extra.is_empty() {
            return Ok(Self { fields: None });
        }
        let mut fields = Fields::new(extra);
        let whole = fields.u16() == Some(ZIP64_TAG)
            && fields.u16().is_some_and(|length| usize::from(length) == fields.len());
        if whole {
            Ok(Self { fields: Some(fields) })
        } else {
            Err((Code::ZipExtraField, "has an extra field that is not a lone zip64 one"))
        }
    }

    /// The 64-bit value of a field, which must be in the extra field when the 32-bit one is saturated.
    pub(super) fn widen(&mut self, narrow: u32) -> std::result::Result<u64, Refused> {
        if narrow != u32::MAX {
            return Ok(narrow.into());
        }
        self.fields
            .as_mut()
            .and_then(Fields::u64)
            .ok_or((Code::ZipSizeMismatch, "lacks the zip64 size that its header calls for"))
    }

    pub(super) fn finish(&self) -> std::result::Result<(), Refused> {
        match &self.fields {
            Some(fields) if !fields.is_empty() => {
                Err((Code::ZipSizeMismatch, "has a zip64 field besides sizes that need none"))
            }
            _ => Ok(()),
        }
    }
}

/// Checks what does not depend on the entry's own header, and makes the entry.
pub(super) fn entry(record: &Record<'_>, name: &str, data_offset: u64, limits: &Limits) -> Result<Entry> {
    let method = Method::from_number(record.method).ok_or_else(|| {
        let found = format!("the entry is compressed with method {}", record.method);
        Error::new(Code::CompressionUnsupported, found).in_entry(name)
    })?;
    if method == Method::Stored && record.compressed != record.size {
        let found = format!("the entry is STORED with sizes {} and {}", record.compressed, record.size);
        return Err(Error::new(Code::ZipSizeMismatch, found).in_entry(name));
    }
    let entry = Entry {
        name: name.into(),
        method,
        crc32: record.crc32,
        compressed: record.compressed,
        size: record.size,
        data_offset,
        head: (0, 0),
    };
    check_payload_size(entry.size, entry.compressed, limits).map_err(|error| error.in_entry(name))?;
    Ok(entry)
}

/// Refuses a payload that is too large, or expands too far.
pub(crate) fn check_payload_size(size: u64, compressed: u64, limits: &Limits) -> Result<()> {
    if size > limits.array_bytes {
        let found = format!("the entry has {size} bytes, the limit is {}", limits.array_bytes);
        return Err(Error::new(Code::LimitArrayBytes, found));
    }
    check_ratio(size, compressed, limits)
}

/// Refuses data that expands too far.
pub(crate) fn check_ratio(size: u64, compressed: u64, limits: &Limits) -> Result<()> {
    if size <= limits.ratio_floor || size <= compressed.saturating_mul(limits.compression_ratio) {
        return Ok(());
    }
    let found = format!("{compressed} bytes expand to {size}, more than {} times", limits.compression_ratio);
    Err(Error::new(Code::LimitCompressionRatio, found))
}

/// The name of an entry, which is plain.
pub(super) fn check_name(name: &[u8]) -> Result<&str> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let valid =
        (1..=NAME_LENGTH).contains(&name.len()) && name.first() != Some(&b'.') && name.iter().all(plain);
    match std::str::from_utf8(name) {
        Ok(text) if valid => Ok(text),
        _ => Err(Error::new(Code::EntryName, format!("an entry is named {:?}", shown_bytes(name)))),
    }
}
