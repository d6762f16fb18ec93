//! Writing arrays, as numpy does.

use std::fmt::Write as _;
use std::io;

use super::array::NdArray;
use super::dtype::{Dtype, StructDtype};
use super::show_shape;

impl NdArray {
    /// Writes the array as an `.npy` file: the same dtype, shape, order and bytes.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write_npy(&self, mut out: impl io::Write) -> io::Result<()> {
        let in_file_order = self.bytes();
        let shape: Vec<_> = self.shape().iter().map(|size| *size as u64).collect();
        let is_fortran = in_file_order.is_some() && self.fortran_order();
        let mut descr = String::new();
        describe(self.dtype(), &mut descr);
        let order = if is_fortran { "True" } else { "False" };
        let text =
            format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {}, }}", show_shape(&shape));
        out.write_all(&header(&text)?)?;
        match in_file_order {
            Some(bytes) => out.write_all(bytes),
            None => self.raw_items().try_for_each(|item| out.write_all(item)),
        }
    }
}

/// The magic bytes, the version, and the text, padded so that the items start at a multiple of 64.
#[expect(clippy::disallowed_methods, reason = "the alignment is not 0, and padding is shorter than it")]
fn header(text: &str) -> io::Result<Vec<u8>> {
    const ALIGNMENT: usize = 64;
    let whole =
        |before: usize| before.saturating_add(text.len()).saturating_add(1).next_multiple_of(ALIGNMENT);
    // Version 2 has four bytes for the length instead of two. The text is ASCII, so version 3 is not needed.
    let short = whole(10).saturating_sub(10);
    let (mut header, length) = if let Ok(length) = u16::try_from(short) {
        ([super::MAGIC, &[1, 0], &length.to_le_bytes()].concat(), short)
    } else {
        let long = whole(12).saturating_sub(12);
        let length = u32::try_from(long).map_err(|_| io::Error::other("a dtype whose text is too long"))?;
        ([super::MAGIC, &[2, 0], &length.to_le_bytes()].concat(), long)
    };
    let end = header.len().saturating_add(length);
    header.extend(text.as_bytes());
    header.resize(end.saturating_sub(1), b' ');
    header.push(b'\n');
    Ok(header)
}

/// A dtype as numpy describes it: `'<f8'`, or a list of fields, with padding as fields without a name.
pub(crate) fn describe(dtype: &Dtype, out: &mut String) {
    match dtype {
        // Writing to a string does not fail.
        Dtype::Scalar(scalar) => drop(write!(out, "'{scalar}'")),
        Dtype::Struct(structure) => describe_fields(structure, out),
    }
}

fn describe_fields(structure: &StructDtype, out: &mut String) {
    #[expect(clippy::disallowed_methods, reason = "as many as there are fields")]
    let mut parts = Vec::with_capacity(structure.fields.len());
    let mut end = 0;
    let padding = |from: u64, to: u64| {
        let bytes = to.checked_sub(from).filter(|bytes| *bytes > 0)?;
        Some(format!("('', '|V{bytes}')"))
    };
    for field in &structure.fields {
        parts.extend(padding(end, field.offset));
        let mut part = String::from("(");
        quote(&field.name, &mut part);
        part.push_str(", ");
        describe(&field.dtype, &mut part);
        if !field.shape.is_empty() {
            part.extend([", ", &show_shape(&field.shape)]);
        }
        part.push(')');
        parts.push(part);
        end = field.offset.saturating_add(field.size().unwrap_or(0));
    }
    parts.extend(padding(end, structure.size));
    out.extend(["[", &parts.join(", "), "]"]);
}

/// Text as Python's `ascii` writes it.
fn quote(text: &str, out: &mut String) {
    out.push('\'');
    for character in text.chars() {
        let code = u32::from(character);
        let _ = match character {
            '\\' | '\'' => write!(out, "\\{character}"),
            ' '..='~' => write!(out, "{character}"),
            _ if code < 0x100 => write!(out, "\\x{code:02x}"),
            _ if code < 0x1_0000 => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out.push('\'');
}
