//! The items of arrays, of any dtype, one at a time.

use std::fmt;

use num_complex::Complex;

use super::dtype::{Dtype, Kind, ScalarDtype, StructDtype, StructField};
use super::index::Offsets;
use crate::text::shown;

/// An item of an array, as numpy's scalar of its dtype would have it.
///
/// Numbers are kept exactly: a `float16` or `float32` as the `f64` of the same value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// `bool`.
    Bool(bool),
    /// `int8` to `int64`.
    Int(i64),
    /// `uint8` to `uint64`.
    Uint(u64),
    /// `float16`, `float32` or `float64`.
    Float(f64),
    /// `complex64` or `complex128`.
    Complex(Complex<f64>),
    /// A long double, or a complex of two: its bytes in the file's order. What they mean depends on the machine that
    /// wrote them, which the file does not say.
    LongDouble(&'a [u8]),
    /// `datetime64`: a count of the dtype's [unit](ScalarDtype::unit) since 1970. `None` is "not a time".
    Datetime(Option<i64>),
    /// `timedelta64`: a count of the dtype's [unit](ScalarDtype::unit). `None` is "not a time".
    Timedelta(Option<i64>),
    /// `str_`, without the zeros that pad it.
    Text(String),
    /// `bytes_`, without the zeros that pad it.
    Bytes(&'a [u8]),
    /// `void` without fields.
    Void(&'a [u8]),
    /// An item of a structured dtype.
    Record(Record<'a>),
}

impl fmt::Display for Item<'_> {
    /// As Python would show it, escaped and cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => f.write_str(if *value { "True" } else { "False" }),
            Self::Int(value) => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::Float(value) => show_float(*value, f),
            Self::Complex(value) => {
                show_float(value.re, f)?;
                f.write_str(if value.im.is_sign_negative() { "" } else { "+" })?;
                show_float(value.im, f)?;
                f.write_str("j")
            }
            Self::Datetime(None) | Self::Timedelta(None) => f.write_str("NaT"),
            Self::Datetime(Some(count)) | Self::Timedelta(Some(count)) => write!(f, "{count}"),
            Self::Text(text) => write!(f, "'{}'", shown(text)),
            Self::Bytes(bytes) | Self::Void(bytes) | Self::LongDouble(bytes) => {
                write!(f, "b'{}'", shown(&bytes.escape_ascii().to_string()))
            }
            Self::Record(record) => write!(f, "{}", shown(&format!("{record:?}"))),
        }
    }
}

fn show_float(value: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        value if value.is_nan() => f.write_str("nan"),
        value if value.is_infinite() => f.write_str(if value > 0.0 { "inf" } else { "-inf" }),
        value => write!(f, "{value:?}"),
    }
}

/// An item of a structured array.
#[derive(Clone, Copy, PartialEq)]
pub struct Record<'a> {
    dtype: &'a StructDtype,
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The fields in order, each with its items in row order: one, unless the field has a shape.
    #[must_use]
    pub fn fields(self) -> impl ExactSizeIterator<Item = (&'a StructField, FieldItems<'a>)> {
        self.dtype.fields.iter().map(move |field| {
            let start = usize::try_from(field.offset).unwrap_or(usize::MAX);
            let bytes = self.bytes.get(start..).unwrap_or_default();
            let shape: Vec<_> = field.shape.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect();
            let size = usize::try_from(field.dtype.size()).unwrap_or(0);
            (field, FieldItems { dtype: &field.dtype, bytes, offsets: Offsets::contiguous(&shape, size) })
        })
    }
}

/// The items of a field, in row order.
#[derive(Clone)]
pub struct FieldItems<'a> {
    dtype: &'a Dtype,
    bytes: &'a [u8],
    offsets: Offsets,
}

impl<'a> Iterator for FieldItems<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        read(self.dtype, self.bytes.get(self.offsets.next()?..)?)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.offsets.size_hint()
    }
}

impl ExactSizeIterator for FieldItems<'_> {}

/// How many items of a field `Debug` shows.
const MOST_SHOWN: usize = 8;

impl<'a> fmt::Debug for Record<'a> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |items: FieldItems<'a>| items.take(MOST_SHOWN).collect::<Vec<_>>();
        f.debug_map().entries(self.fields().map(|(field, items)| (&field.name, shown(items)))).finish()
    }
}

/// Reads the item at the start of these bytes. `None` when they are too few.
pub(super) fn read<'a>(dtype: &'a Dtype, bytes: &'a [u8]) -> Option<Item<'a>> {
    let bytes = bytes.get(..usize::try_from(dtype.size()).ok()?)?;
    match dtype {
        Dtype::Struct(dtype) => Some(Item::Record(Record { dtype, bytes })),
        Dtype::Scalar(dtype) => read_scalar(dtype, bytes),
    }
}

/// Reads an item of exactly these bytes.
#[inline]
pub(super) fn read_scalar<'a>(dtype: &ScalarDtype, bytes: &'a [u8]) -> Option<Item<'a>> {
    let big = dtype.big_endian;
    Some(match (dtype.kind, bytes.len()) {
        (Kind::Bool, _) => Item::Bool(*bytes.first()? != 0),
        (Kind::Int, 1) => Item::Int(i64::from(number(bytes, big, i8::from_le_bytes)?)),
        (Kind::Int, 2) => Item::Int(i64::from(number(bytes, big, i16::from_le_bytes)?)),
        (Kind::Int, 4) => Item::Int(i64::from(number(bytes, big, i32::from_le_bytes)?)),
        (Kind::Int, _) => Item::Int(number(bytes, big, i64::from_le_bytes)?),
        (Kind::Uint, 1) => Item::Uint(u64::from(number(bytes, big, u8::from_le_bytes)?)),
        (Kind::Uint, 2) => Item::Uint(u64::from(number(bytes, big, u16::from_le_bytes)?)),
        (Kind::Uint, 4) => Item::Uint(u64::from(number(bytes, big, u32::from_le_bytes)?)),
        (Kind::Uint, _) => Item::Uint(number(bytes, big, u64::from_le_bytes)?),
        (Kind::Float, 16) | (Kind::Complex, 32) => Item::LongDouble(bytes),
        (Kind::Float, _) => Item::Float(float(bytes, big)?),
        (Kind::Complex, size) => {
            let (real, imaginary) = bytes.split_at_checked(size / 2)?;
            Item::Complex(Complex::new(float(real, big)?, float(imaginary, big)?))
        }
        (Kind::Datetime, _) => Item::Datetime(time(number(bytes, big, i64::from_le_bytes)?)),
        (Kind::Timedelta, _) => Item::Timedelta(time(number(bytes, big, i64::from_le_bytes)?)),
        (Kind::Unicode, _) => Item::Text(text(bytes, big)?),
        (Kind::Bytes, _) => {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
            Item::Bytes(bytes.get(..end)?)
        }
        (Kind::Void, _) => Item::Void(bytes),
    })
}

/// A number of these bytes, in whichever order they are.
#[inline]
pub(super) fn number<const N: usize, T>(
    bytes: &[u8],
    big_endian: bool,
    from_le: fn([u8; N]) -> T,
) -> Option<T> {
    let mut bytes: [u8; N] = bytes.try_into().ok()?;
    if big_endian {
        bytes.reverse();
    }
    Some(from_le(bytes))
}

fn float(bytes: &[u8], big_endian: bool) -> Option<f64> {
    match bytes.len() {
        2 => number(bytes, big_endian, u16::from_le_bytes).map(half),
        4 => number(bytes, big_endian, f32::from_le_bytes).map(f64::from),
        _ => number(bytes, big_endian, f64::from_le_bytes),
    }
}

/// The value of a half: a sign, five bits of exponent, ten of fraction. Every half is a double.
fn half(pattern: u16) -> f64 {
    let exponent = i32::from((pattern >> 10) & 0x1F);
    let fraction = f64::from(pattern & 0x3FF);
    let magnitude = match exponent {
        0 => fraction * 2_f64.powi(-24),
        // The payload of a NaN is kept in the top bits, as numpy's conversion does.
        0x1F => f64::from_bits(0x7FF0_0000_0000_0000 | u64::from(pattern & 0x3FF) << 42),
        _ => (1024.0 + fraction) * 2_f64.powi(exponent.saturating_sub(25)),
    };
    if pattern >> 15 == 1 { -magnitude } else { magnitude }
}

/// The least integer is "not a time".
fn time(count: i64) -> Option<i64> {
    Some(count).filter(|count| *count != i64::MIN)
}

fn text(bytes: &[u8], big_endian: bool) -> Option<String> {
    let (units, _) = bytes.as_chunks::<4>();
    let end = units.iter().rposition(|unit| *unit != [0; 4]).map_or(0, |last| last.saturating_add(1));
    let of = |unit: &[u8; 4]| char::from_u32(number(unit, big_endian, u32::from_le_bytes)?);
    units.get(..end)?.iter().map(of).collect()
}

/// The first item of some bytes that its dtype does not allow, in words: a bool that is neither 0 nor 1, text that is
/// no Unicode. The bytes hold whole items, one after the other.
pub(super) fn find_invalid(dtype: &Dtype, bytes: &[u8]) -> Option<String> {
    match dtype {
        Dtype::Scalar(dtype) => match dtype.kind {
            Kind::Bool => {
                let at = bytes.iter().position(|byte| *byte > 1)?;
                Some(format!("the byte {} as a bool, item {at}", bytes.get(at)?))
            }
            Kind::Unicode => {
                let (units, _) = bytes.as_chunks::<4>();
                let value = |unit: &[u8; 4]| {
                    if dtype.big_endian { u32::from_be_bytes(*unit) } else { u32::from_le_bytes(*unit) }
                };
                let at = units.iter().position(|unit| char::from_u32(value(unit)).is_none())?;
                let characters = usize::try_from(dtype.size / 4).unwrap_or(0);
                let item = at.checked_div(characters).unwrap_or(0);
                Some(format!("the code point {:#x} in text, item {item}", value(units.get(at)?)))
            }
            _ => None,
        },
        Dtype::Struct(structure) => {
            let checked: Vec<_> =
                structure.fields.iter().filter(|field| field.dtype.is_restricted()).collect();
            let size = usize::try_from(structure.size).ok().filter(|size| *size > 0)?;
            #[expect(clippy::disallowed_methods, reason = "a size of 0 was sorted out")]
            for (index, item) in bytes.chunks_exact(size).enumerate() {
                for field in &checked {
                    let start = usize::try_from(field.offset).ok()?;
                    let end = start.checked_add(usize::try_from(field.size()?).ok()?)?;
                    if let Some(found) = find_invalid(&field.dtype, item.get(start..end)?) {
                        let name = shown(&field.name);
                        return Some(format!("{found} of the field '{name}' of item {index}"));
                    }
                }
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn halves_are_those_of_ieee_754() {
        for (pattern, value) in [
            (0x0000, 0.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x03FF, 6.097_555_160_522_461e-5),
            (0x0400, 6.103_515_625e-5),
            (0x3C00, 1.0),
            (0x3555, 0.333_251_953_125),
            (0xC000, -2.0),
            (0x7BFF, 65504.0),
            (0x7C00, f64::INFINITY),
            (0xFC00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(pattern).to_bits(), f64::to_bits(value), "{pattern:#x}");
        }
        assert!(half(0x8000).is_sign_negative() && half(0x7E00).is_nan());
    }
}
