//! Keys of dicts.
//!
//! JSON has only text for keys, so skops stores each key's type beside it, and calls the type with the text. That is
//! harmless for the types of ordinary keys. A key must be written as Python writes it, and no two may become equal.

use std::collections::HashSet;

use crate::error::{Code, Error, Result};
use crate::schema::{Content, DictRef, Loader, NodeRef};
use crate::text::shown;
use crate::trust::tables;

/// Whether a list holds the types of a dict's keys.
pub(super) fn is_key_types(list: NodeRef<'_>) -> bool {
    let Some(dict) = list.parent() else { return false };
    dict.loader() == Loader::Dict && dict.extra_child().is_some_and(|key_types| key_types.id() == list.id())
}

/// What the text of a key becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
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
    pub(crate) fn of(node: NodeRef<'_>) -> Option<Self> {
        let declared = node.declared();
        let signed = |bits: u32| {
            let most = i128::MAX >> 128_u32.saturating_sub(bits);
            Self::Int { least: !most, most }
        };
        let unsigned = |bits: u32| Self::Int { least: 0, most: i128::MAX >> 127_u32.saturating_sub(bits) };
        let double = Self::Float { exponent: 11, fraction: 52 };
        match (declared.module, declared.class) {
            ("builtins", "str") | ("numpy", "str_") => Some(Self::Text),
            ("builtins" | "numpy", "bool") | ("numpy", "bool_") => Some(Self::Bool),
            ("builtins", "int") => Some(Self::Int { least: i128::MIN, most: i128::MAX }),
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
            ("builtins", "float") | ("numpy", "float64" | "longdouble" | "float128" | "float96") => {
                Some(double)
            }
            ("builtins", "list" | "set" | "map" | "tuple") => None,
            _ if tables::is_scalar(&declared.to_string()) => None,
            _ => Some(Self::Reported),
        }
    }

    /// Whether a key becomes what is written, and so equals no other.
    const fn is_kept(self) -> bool {
        !matches!(self, Self::Bool | Self::Reported)
    }
}

/// A key's value, such that equal keys of Python are equal.
#[derive(Debug, PartialEq, Eq, Hash)]
enum KeyValue {
    /// An integer, or a float or bool that equals one: the shortest decimal digits.
    Int(String),
    /// The bits of a float that equals no integer.
    Float(u64),
    /// NaN, which equals nothing, not even itself.
    NotANumber,
    None,
}

/// Refuses keys that could turn into other text: those of a type that skops calls and that is not known here. The
/// items of some dicts are looked up by name, and `" a"` can become `"a"`.
pub(super) fn check_text(dict: DictRef<'_>, what: &str) -> Result<()> {
    let Content::List(types) = dict.key_types().resolved().content() else { return Ok(()) };
    let reported =
        types.iter().map(NodeRef::resolved).find(|node| KeyKind::of(*node) == Some(KeyKind::Reported));
    match reported {
        None => Ok(()),
        Some(node) => Err(Error::new(Code::KeyType, format!("a key of type {} in {what}", node.declared()))),
    }
}

/// Whether keys that are two in the file may be one for skops: of a type that is not known here, or bools, which are all true.
pub(super) fn may_merge(dict: DictRef<'_>) -> bool {
    let Content::List(types) = dict.key_types().resolved().content() else { return true };
    let merges = |node: NodeRef<'_>| !matches!(KeyKind::of(node.resolved()), Some(kind) if kind.is_kept());
    types.iter().any(merges)
}

pub(super) fn check(dict: DictRef<'_>) -> Result<()> {
    // Nor a reference to one, which skops does not write: whether a type is called is said of it where it stands.
    let Content::List(types) = dict.key_types().content() else {
        return Err(Error::new(Code::MalformedNode, "`key_types` that is no ListNode"));
    };
    // Of another class, other types could come out of it.
    if !dict.key_types().declared().is("builtins", "list") {
        let found = format!("`key_types` that is a {}", dict.key_types().declared());
        return Err(Error::new(Code::TypeMismatch, found));
    }
    if types.len() != dict.len() {
        let found = format!("{} key types for {} keys", types.len(), dict.len());
        return Err(Error::new(Code::MalformedNode, found));
    }
    let mut numbers = HashSet::new();
    let mut recent = None;
    for ((key, _), key_type) in dict.items().zip(types.iter()) {
        let kind = match recent {
            Some((name, kind)) if name == key_type.name_id() && key_type.loader() == Loader::Type => kind,
            _ => kind_of(key_type)?,
        };
        recent = Some((key_type.name_id(), kind));
        if kind == KeyKind::Text || kind == KeyKind::Reported {
            // Text is unequal to numbers, and the object of keys has no key twice.
            continue;
        }
        let Some(value) = parse(key, kind) else {
            let found = format!("the key '{}' of type {}", shown(key), key_type.declared());
            return Err(Error::new(Code::KeyValue, found));
        };
        if value != KeyValue::NotANumber && !numbers.insert(value) {
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

/// The value of a key, or `None` when the text is not how Python writes a value of this kind.
fn parse(key: &str, kind: KeyKind) -> Option<KeyValue> {
    match (kind, key) {
        // Both are read as what they say. skops calls `bool` with the text, and any text but the empty one is true: it
        // reads its own {True: .., False: ..} as {True: ..}.
        (KeyKind::Bool, "true") => Some(KeyValue::Int("1".to_owned())),
        (KeyKind::Bool, "false") => Some(KeyValue::Int("0".to_owned())),
        (KeyKind::None, "null") => Some(KeyValue::None),
        (KeyKind::Int { least, most }, _) => is_int(key, least, most).then(|| of_int(key)),
        (KeyKind::Float { exponent, fraction }, _) => parse_float(key, exponent, fraction),
        _ => None,
    }
}

fn is_int(key: &str, least: i128, most: i128) -> bool {
    let digits = key.strip_prefix('-').unwrap_or(key);
    let has_no_zeros = key == "0" || !digits.starts_with('0');
    let is_plain = (1..=4300).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_any = (least, most) == (i128::MIN, i128::MAX);
    is_plain && has_no_zeros && (is_any || key.parse().is_ok_and(|value| (least..=most).contains(&value)))
}

fn parse_float(key: &str, exponent: u32, fraction: u32) -> Option<KeyValue> {
    let value = match key {
        "NaN" => return Some(KeyValue::NotANumber),
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ => {
            // Python always writes a float with a point or an exponent.
            let is_numeric = key.bytes().all(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte));
            let is_float = is_numeric && key.contains(['.', 'e']);
            key.parse().ok().filter(|value: &f64| is_float && value.is_finite())?
        }
    };
    if !fits(value, exponent, fraction) {
        return None;
    }
    Some(of_float(value))
}

/// Floats up to here that are integers are compared as integers, others by their bits.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The value of a float. Minus zero equals zero, and what equals an integer is that integer.
fn of_float(value: f64) -> KeyValue {
    let is_small_integer = value.fract() == 0.0 && value.abs() < EXACT;
    if is_small_integer {
        KeyValue::Int(format!("{:.0}", value + 0.0))
    } else {
        KeyValue::Float(value.to_bits())
    }
}

/// The value of an integer. One that is too large for the above may still equal a float.
fn of_int(key: &str) -> KeyValue {
    let float: Option<f64> = key.parse().ok().filter(|_| key.len() > 15);
    let equal = float.filter(|float| float.abs() >= EXACT && format!("{float:.0}") == key);
    equal.map_or_else(|| KeyValue::Int(key.to_owned()), of_float)
}

/// Whether a float of this format holds the value exactly.
fn fits(value: f64, exponent: u32, fraction: u32) -> bool {
    if !value.is_finite() || value == 0.0 || fraction >= 52 {
        return true;
    }
    let pattern = value.to_bits();
    let bias = (1_i64 << exponent.saturating_sub(1)).saturating_sub(1);
    let power = i64::try_from((pattern >> 52) & 0x7FF).unwrap_or(0).saturating_sub(1023);
    // Below the normal range each step down costs one more bit of the fraction.
    let below = u32::try_from(1_i64.saturating_sub(bias).saturating_sub(power)).unwrap_or(0);
    let unused = 52_u32.saturating_sub(fraction).saturating_add(below);
    power <= bias && unused <= 52 && pattern.trailing_zeros() >= unused
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: KeyKind = KeyKind::Float { exponent: 5, fraction: 10 };
    const SINGLE: KeyKind = KeyKind::Float { exponent: 8, fraction: 23 };

    #[test]
    fn floats_are_those_that_the_type_holds_exactly() {
        for (key, kind, expected) in [
            ("0.5", HALF, true),
            ("65504.0", HALF, true),
            ("65536.0", HALF, false),
            ("0.1", HALF, false),
            ("0.0999755859375", HALF, true),
            // The least subnormal half, and half of it.
            ("5.960464477539063e-08", HALF, true),
            ("2.9802322387695312e-08", HALF, false),
            ("0.10000000149011612", SINGLE, true),
            ("0.1", SINGLE, false),
            ("1.401298464324817e-45", SINGLE, true),
        ] {
            assert_eq!(parse(key, kind).is_some(), expected, "{key} {kind:?}");
        }
    }

    #[test]
    fn equal_keys_of_different_types_have_one_value() {
        let double = KeyKind::Float { exponent: 11, fraction: 52 };
        let int = KeyKind::Int { least: i128::MIN, most: i128::MAX };
        assert_eq!(parse("1", int), parse("1.0", double));
        assert_eq!(parse("1", int), parse("true", KeyKind::Bool));
        assert_eq!(parse("0", int), parse("-0.0", double));
        assert_eq!(parse("100000000000000000000", int), parse("1e+20", double));
        assert_ne!(parse("1", int), parse("1.5", double));
    }

    #[test]
    fn integers_are_written_as_python_does() {
        let byte = KeyKind::Int { least: -128, most: 127 };
        for (key, expected) in
            [("-128", true), ("128", false), ("01", false), ("-0", false), ("+1", false), ("", false)]
        {
            assert_eq!(parse(key, byte).is_some(), expected, "{key}");
        }
    }
}
