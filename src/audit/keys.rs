//! Keys of dicts.
//!
//! JSON has only text for keys, so skops stores each key's type beside it, and calls the type with the text. That is
//! harmless for the types of ordinary keys. A key must be written as Python writes it, and no two may become equal.

use std::collections::HashSet;

use crate::error::{Code, Error, Result};
use crate::schema::{Content, DictRef, Loader, NodeRef};
use crate::text::shown;
use crate::trust::tables;

/// Whether a `TypeNode` gives the type of a dict's key.
pub(super) fn is_key_type(node: NodeRef<'_>) -> bool {
    let Some(list) = node.parent() else { return false };
    let Some(dict) = list.parent() else { return false };
    dict.loader() == Loader::Dict && dict.extra_child().is_some_and(|key_types| key_types.id() == list.id())
}

/// What the text of a key becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    /// Text: `str` and `numpy.str_`.
    Text,
    Bool,
    /// An integer, within a range for numpy's.
    Int {
        least: i128,
        most: i128,
    },
    /// A float with this many bits of exponent and of fraction.
    Float {
        exponent: u32,
        fraction: u32,
    },
    /// `None`, which is written `null`.
    None,
    /// A type that is reported, and whose text means what the type makes of it.
    Reported,
}

impl KeyKind {
    /// `None` for types that are trusted by default but make no sense for a key.
    fn of(node: NodeRef<'_>) -> Option<Self> {
        const ANY_INT: KeyKind = KeyKind::Int { least: i128::MIN, most: i128::MAX };
        let declared = node.declared();
        let signed = |bits: u32| {
            let most = i128::MAX >> 128_u32.saturating_sub(bits);
            Self::Int { least: !most, most }
        };
        let unsigned = |bits: u32| Self::Int { least: 0, most: i128::MAX >> 127_u32.saturating_sub(bits) };
        const DOUBLE: KeyKind = KeyKind::Float { exponent: 11, fraction: 52 };
        match (declared.module, declared.class) {
            ("builtins", "str") | ("numpy", "str_") => Some(Self::Text),
            ("builtins" | "numpy", "bool") | ("numpy", "bool_") => Some(Self::Bool),
            ("builtins", "int") => Some(ANY_INT),
            ("builtins", "float") => Some(DOUBLE),
            ("builtins", "NoneType") => Some(Self::None),
            ("numpy", "int8") => Some(signed(8)),
            ("numpy", "int16") => Some(signed(16)),
            ("numpy", "int32" | "intc") => Some(signed(32)),
            ("numpy", "int64" | "longlong" | "intp" | "int_") => Some(signed(64)),
            ("numpy", "uint8") => Some(unsigned(8)),
            ("numpy", "uint16") => Some(unsigned(16)),
            ("numpy", "uint32" | "uintc") => Some(unsigned(32)),
            ("numpy", "uint64" | "ulonglong" | "uintp" | "uint") => Some(unsigned(64)),
            ("numpy", "float16") => Some(Self::Float { exponent: 5, fraction: 10 }),
            ("numpy", "float32") => Some(Self::Float { exponent: 8, fraction: 23 }),
            ("numpy", "float64" | "longdouble" | "float128" | "float96") => Some(DOUBLE),
            ("builtins", "list" | "set" | "map" | "tuple") => None,
            _ if tables::is_scalar(&declared.to_string()) => None,
            _ => Some(Self::Reported),
        }
    }
}

/// A key's value, such that equal keys of Python are equal.
#[derive(Debug, PartialEq, Eq, Hash)]
enum KeyValue {
    Int(String),
    /// The bits of a float that is no integer.
    Float(u64),
    None,
}

pub(super) fn check(dict: DictRef<'_>) -> Result<()> {
    let key_types = dict.key_types().resolved();
    let Content::List(types) = key_types.content() else {
        return Err(Error::new(Code::MalformedNode, "`key_types` that is no ListNode"));
    };
    if types.len() != dict.len() {
        let found = format!("{} key types for {} keys", types.len(), dict.len());
        return Err(Error::new(Code::MalformedNode, found));
    }
    let mut numbers = HashSet::new();
    let mut recent = None;
    for ((key, _), key_type) in dict.items().zip(types.iter()) {
        let key_type = key_type.resolved();
        let kind = match recent {
            Some((name, kind)) if name == key_type.name_id() && key_type.loader() == Loader::Type => kind,
            _ => kind_of(key_type)?,
        };
        recent = Some((key_type.name_id(), kind));
        if kind == KeyKind::Text || kind == KeyKind::Reported {
            // Text is unequal to numbers, and the object of keys has no key twice.
            continue;
        }
        let value = parse(key, kind).ok_or_else(|| {
            let found = format!("the key '{}' of type {}", shown(key), key_type.declared());
            Error::new(Code::KeyValue, found)
        })?;
        if value.is_some_and(|value| !numbers.insert(value)) {
            let found = format!(
                "the key '{}', which equals another once it is a {}",
                shown(key),
                key_type.declared()
            );
            return Err(Error::new(Code::KeyCollision, found));
        }
    }
    Ok(())
}

fn kind_of(node: NodeRef<'_>) -> Result<KeyKind> {
    if node.loader() != Loader::Type {
        return Err(Error::new(Code::MalformedNode, format!("a {} as the type of a key", node.loader())));
    }
    KeyKind::of(node).ok_or_else(|| Error::new(Code::KeyType, format!("a key of type {}", node.declared())))
}

/// The value of a key: `None` when the text is not how Python writes a value of this kind, `Some(None)` for NaN,
/// which equals nothing.
fn parse(key: &str, kind: KeyKind) -> Option<Option<KeyValue>> {
    match kind {
        KeyKind::Bool => match key {
            "true" => Some(Some(KeyValue::Int("1".to_owned()))),
            "false" => Some(Some(KeyValue::Int("0".to_owned()))),
            _ => None,
        },
        KeyKind::None => (key == "null").then_some(Some(KeyValue::None)),
        KeyKind::Int { least, most } => {
            let digits = key.strip_prefix('-').unwrap_or(key);
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let shortest = (digits == "0" && key == "0") || !digits.starts_with('0');
            let bounded = (least, most) != (i128::MIN, i128::MAX);
            let in_range = !bounded || key.parse().is_ok_and(|value| (least..=most).contains(&value));
            (plain && shortest && in_range && digits.len() <= 4300)
                .then(|| Some(KeyValue::Int(key.to_owned())))
        }
        KeyKind::Float { exponent, fraction } => parse_float(key, exponent, fraction),
        KeyKind::Text | KeyKind::Reported => Some(None),
    }
}

fn parse_float(key: &str, exponent: u32, fraction: u32) -> Option<Option<KeyValue>> {
    let value = match key {
        "NaN" => return Some(None),
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ => {
            let plain =
                key.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e'));
            let value: f64 = key.parse().ok().filter(|value: &f64| plain && value.is_finite())?;
            // Python always writes a float with a point or an exponent.
            key.contains(['.', 'e']).then_some(value)?
        }
    };
    if !fits(value, exponent, fraction) {
        return None;
    }
    if value.fract() == 0.0 {
        return Some(Some(KeyValue::Int(format!("{value:.0}").replace("-0", "0").to_owned()).normal(value)));
    }
    Some(Some(KeyValue::Float(value.to_bits())))
}

impl KeyValue {
    /// Minus zero equals zero.
    fn normal(self, value: f64) -> Self {
        if value == 0.0 { Self::Int("0".to_owned()) } else { self }
    }
}

/// Whether a float of this format holds the value exactly.
fn fits(value: f64, exponent: u32, fraction: u32) -> bool {
    if !value.is_finite() || value == 0.0 || fraction >= 52 {
        return true;
    }
    let bits = value.to_bits();
    let lost = 52_u32.saturating_sub(fraction);
    let bias = (1_i64 << exponent.saturating_sub(1)).saturating_sub(1);
    let power = i64::try_from((bits >> 52) & 0x7FF).unwrap_or(0).saturating_sub(1023);
    let least_normal = 1_i64.saturating_sub(bias);
    // Below the normal range each step down costs one more bit of the fraction.
    let below = u32::try_from(least_normal.saturating_sub(power)).unwrap_or(0);
    let lost = lost.saturating_add(below);
    power <= bias && lost <= 52 && bits.trailing_zeros() >= lost.min(52)
}
