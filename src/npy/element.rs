//! The Rust types that items of arrays become.

use num_complex::Complex;

use super::dtype::{Kind, ScalarDtype};
use super::item::{Item, number, read_scalar};

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that items of an array can become, without any of them changing its value.
///
/// | type | dtypes |
/// |---|---|
/// | `bool` | `bool` |
/// | `i8` to `i64`, `u8` to `u64` | `bool` (as 0 and 1) and integers whose values fit |
/// | `i64` | besides, `datetime64` and `timedelta64`: counts of their unit; "not a time" is `i64::MIN` |
/// | `f32`, `f64` | `bool`, and integers and floats whose values the type holds exactly |
/// | `Complex<f32>`, `Complex<f64>` | the same, and complex numbers |
/// | `String` | `str_` |
/// | `Vec<u8>` | `bytes_`, without the zeros that pad it; `void`; long doubles |
///
/// Any NaN becomes a NaN. Items of the same kind and size keep all of their bits, whatever their byte order.
pub trait Element: sealed::Sealed + Clone + Sized + 'static {
    /// The type in words, for errors.
    #[doc(hidden)]
    const NAME: &'static str;

    /// Whether items of this dtype can become this type, if their values fit.
    #[doc(hidden)]
    fn accepts(dtype: &ScalarDtype) -> bool;

    /// Reads an item of exactly these bytes; `None` if its value does not fit.
    #[doc(hidden)]
    fn read(dtype: &ScalarDtype, bytes: &[u8]) -> Option<Self>;

    /// Looks at bytes as items, if they are of this very dtype and lie where such items may.
    #[doc(hidden)]
    #[must_use]
    fn cast<'a>(_dtype: &ScalarDtype, _bytes: &'a [u8]) -> Option<&'a [Self]> {
        None
    }
}

/// A number whose items can be looked at where they lie. See [`NdArray::view`](super::NdArray::view).
pub trait Number: Element + Copy {}

const HAS_NATIVE_ORDER: bool = cfg!(target_endian = "big");

macro_rules! number {
    ($($type:ty, $kind:ident, $size:literal, $name:literal, $accepts:expr, $from:expr;)*) => {$(
        impl sealed::Sealed for $type {}

        impl Number for $type {}

        impl Element for $type {
            const NAME: &'static str = $name;

            fn accepts(dtype: &ScalarDtype) -> bool {
                let accepts: fn(Kind) -> bool = $accepts;
                accepts(dtype.kind)
            }

            #[inline]
            fn read(dtype: &ScalarDtype, bytes: &[u8]) -> Option<Self> {
                if dtype.kind == Kind::$kind && bytes.len() == $size {
                    return number(bytes, dtype.big_endian, <$type>::from_le_bytes);
                }
                let from: fn(Item<'_>) -> Option<$type> = $from;
                from(read_scalar(dtype, bytes)?)
            }

            fn cast<'a>(dtype: &ScalarDtype, bytes: &'a [u8]) -> Option<&'a [Self]> {
                let is_native = dtype.big_endian == HAS_NATIVE_ORDER || $size == 1;
                let is_same = dtype.kind == Kind::$kind && dtype.size == $size && is_native;
                if is_same { bytemuck::try_cast_slice(bytes).ok() } else { None }
            }
        }
    )*};
}

macro_rules! integers {
    ($($type:ty, $kind:ident, $size:literal, $name:literal;)*) => {
        number! {$(
            $type, $kind, $size, $name, |kind| matches!(kind, Kind::Bool | Kind::Int | Kind::Uint), |item| match item {
                Item::Bool(value) => Some(<$type>::from(value)),
                Item::Int(value) => value.try_into().ok(),
                Item::Uint(value) => value.try_into().ok(),
                _ => None,
            };
        )*}
    };
}

integers! {
    i8, Int, 1, "i8";
    i16, Int, 2, "i16";
    i32, Int, 4, "i32";
    u8, Uint, 1, "u8";
    u16, Uint, 2, "u16";
    u32, Uint, 4, "u32";
    u64, Uint, 8, "u64";
}

number! {
    i64, Int, 8, "i64",
        |kind| matches!(kind, Kind::Bool | Kind::Int | Kind::Uint | Kind::Datetime | Kind::Timedelta),
        |item| match item {
            Item::Bool(value) => Some(i64::from(value)),
            Item::Int(value) => Some(value),
            Item::Uint(value) => value.try_into().ok(),
            Item::Datetime(count) | Item::Timedelta(count) => Some(count.unwrap_or(i64::MIN)),
            _ => None,
        };
    f32, Float, 4, "f32", is_real, |item| real(&item).and_then(single);
    f64, Float, 8, "f64", is_real, |item| real(&item);
}

fn is_real(kind: Kind) -> bool {
    matches!(kind, Kind::Bool | Kind::Int | Kind::Uint | Kind::Float)
}

/// The value as a double, if it is one.
fn real(item: &Item<'_>) -> Option<f64> {
    // Casting an integer rounds it; one that comes back the same was not rounded. The largest ones round to a power
    // of two that is outside of their type and would come back as the type's largest value.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "see above"
    )]
    match *item {
        Item::Bool(value) => Some(f64::from(u8::from(value))),
        Item::Int(value) => Some(value as f64).filter(|float| *float as i64 == value && value != i64::MAX),
        Item::Uint(value) => Some(value as f64).filter(|float| *float as u64 == value && value != u64::MAX),
        Item::Float(value) => Some(value),
        _ => None,
    }
}

fn single(value: f64) -> Option<f32> {
    #[allow(clippy::cast_possible_truncation, reason = "what changes is refused")]
    let single = value as f32;
    let is_same = value.is_nan() || f64::from(single).to_bits() == value.to_bits();
    is_same.then_some(single)
}

macro_rules! complex {
    ($($type:ty, $size:literal, $name:literal, $from:expr;)*) => {$(
        impl sealed::Sealed for Complex<$type> {}

        impl Number for Complex<$type> {}

        impl Element for Complex<$type> {
            const NAME: &'static str = $name;

            fn accepts(dtype: &ScalarDtype) -> bool {
                is_real(dtype.kind) || dtype.kind == Kind::Complex
            }

            fn read(dtype: &ScalarDtype, bytes: &[u8]) -> Option<Self> {
                if dtype.kind == Kind::Complex && bytes.len() == $size {
                    let (real, imaginary) = bytes.split_at_checked($size / 2)?;
                    let part = |bytes| number(bytes, dtype.big_endian, <$type>::from_le_bytes);
                    return Some(Complex::new(part(real)?, part(imaginary)?));
                }
                let from: fn(f64) -> Option<$type> = $from;
                match read_scalar(dtype, bytes)? {
                    Item::Complex(value) => Some(Complex::new(from(value.re)?, from(value.im)?)),
                    item => Some(Complex::new(from(real(&item)?)?, 0.0)),
                }
            }

            fn cast<'a>(dtype: &ScalarDtype, bytes: &'a [u8]) -> Option<&'a [Self]> {
                let is_native = dtype.big_endian == HAS_NATIVE_ORDER;
                let is_same = dtype.kind == Kind::Complex && dtype.size == $size && is_native;
                if is_same { bytemuck::try_cast_slice(bytes).ok() } else { None }
            }
        }
    )*};
}

complex! {
    f32, 8, "Complex<f32>", single;
    f64, 16, "Complex<f64>", Some;
}

impl sealed::Sealed for bool {}

impl Element for bool {
    const NAME: &'static str = "bool";

    fn accepts(dtype: &ScalarDtype) -> bool {
        dtype.kind == Kind::Bool
    }

    fn read(dtype: &ScalarDtype, bytes: &[u8]) -> Option<Self> {
        match read_scalar(dtype, bytes)? {
            Item::Bool(value) => Some(value),
            _ => None,
        }
    }

    fn cast<'a>(dtype: &ScalarDtype, bytes: &'a [u8]) -> Option<&'a [Self]> {
        if dtype.kind == Kind::Bool { bytemuck::checked::try_cast_slice(bytes).ok() } else { None }
    }
}

impl sealed::Sealed for String {}

impl Element for String {
    const NAME: &'static str = "String";

    fn accepts(dtype: &ScalarDtype) -> bool {
        dtype.kind == Kind::Unicode
    }

    fn read(dtype: &ScalarDtype, bytes: &[u8]) -> Option<Self> {
        match read_scalar(dtype, bytes)? {
            Item::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl sealed::Sealed for Vec<u8> {}

impl Element for Vec<u8> {
    const NAME: &'static str = "Vec<u8>";

    fn accepts(dtype: &ScalarDtype) -> bool {
        let is_long = matches!((dtype.kind, dtype.size), (Kind::Float, 16) | (Kind::Complex, 32));
        is_long || matches!(dtype.kind, Kind::Bytes | Kind::Void)
    }

    fn read(dtype: &ScalarDtype, bytes: &[u8]) -> Option<Self> {
        match read_scalar(dtype, bytes)? {
            Item::Bytes(bytes) | Item::Void(bytes) | Item::LongDouble(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}
