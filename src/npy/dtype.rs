//! numpy dtypes, as the header of an `.npy` file has them.
//!
//! The grammar is that of `numpy.lib.format.dtype_to_descr`:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>

use std::borrow::Cow;
use std::fmt;

use super::literal::Literals;
use crate::error::{Code, Error, Result};
use crate::text::shown;

/// numpy keeps an item's size in a C int.
const MOST_ITEM_BYTES: u64 = i32::MAX as u64;

/// Levels of structured dtypes within structured dtypes. The parser below recurses, this many times at most.
const MOST_LEVELS: usize = 16;

/// What kind of item a dtype describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `?`: one byte, 0 or 1.
    Bool,
    /// `i`: a signed integer of 1, 2, 4 or 8 bytes.
    Int,
    /// `u`: an unsigned integer of 1, 2, 4 or 8 bytes.
    Uint,
    /// `f`: a float of 2, 4 or 8 bytes, or a long double in 16.
    Float,
    /// `c`: two floats.
    Complex,
    /// `m`: a count of time units.
    Timedelta,
    /// `M`: a count of time units since 1970.
    Datetime,
    /// `S`: bytes, padded with zeros.
    Bytes,
    /// `U`: text of four bytes a character, padded with zeros.
    Unicode,
    /// `V`: bytes without meaning.
    Void,
}

/// The dtype of an array's items.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// One value.
    Scalar(ScalarDtype),
    /// Named fields.
    Struct(StructDtype),
}

/// The dtype of one value, such as `<f8`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ScalarDtype {
    /// What the value is.
    pub kind: Kind,
    /// Whether the most significant byte comes first. `false` where that makes no difference.
    pub big_endian: bool,
    /// Bytes of an item.
    pub size: u64,
    /// The unit of a datetime or timedelta, such as `ns` or `25s`; empty for the generic one.
    pub unit: String,
}

/// A structured dtype.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StructDtype {
    /// The fields, without padding.
    pub fields: Vec<StructField>,
    /// Bytes of an item, with padding.
    pub size: u64,
}

/// A field of a structured dtype.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StructField {
    /// The name. Text from the file: show it escaped.
    pub name: String,
    /// The dtype of the field's items.
    pub dtype: Dtype,
    /// The shape of the field within each item; empty for a single value.
    pub shape: Vec<u64>,
    /// Where in an item the field starts, in bytes.
    pub offset: u64,
}

impl Dtype {
    /// Bytes of an item.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Scalar(scalar) => scalar.size,
            Self::Struct(structure) => structure.size,
        }
    }

    /// Parses the value of `descr`.
    pub(super) fn parse(literals: &mut Literals<'_>) -> Result<Self> {
        Self::parse_level(literals, 0)
    }

    fn parse_level(literals: &mut Literals<'_>, level: usize) -> Result<Self> {
        if level >= MOST_LEVELS {
            return Err(refused(format!("structured dtypes nested more than {MOST_LEVELS} levels")));
        }
        if literals.take('[') {
            return StructDtype::parse(literals, level).map(Self::Struct);
        }
        let text = literals.string()?;
        ScalarDtype::parse(&text).map(Self::Scalar)
    }

    /// Whether some bytes of the right length are no item: bools are 0 or 1, text is Unicode.
    pub(crate) fn is_restricted(&self) -> bool {
        match self {
            Self::Scalar(scalar) => matches!(scalar.kind, Kind::Bool | Kind::Unicode),
            Self::Struct(structure) => structure.fields.iter().any(|field| field.dtype.is_restricted()),
        }
    }

    fn is_padding(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if scalar.kind == Kind::Void)
    }
}

impl StructField {
    /// Bytes that the field takes in an item.
    pub(super) fn size(&self) -> Option<u64> {
        super::bytes_of(&self.shape, self.dtype.size())
    }
}

impl StructDtype {
    /// Parses fields up to the closing bracket: `(name, descr)` or `(name, descr, shape)`.
    fn parse(literals: &mut Literals<'_>, level: usize) -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "eight")]
        let mut structure = Self { fields: Vec::with_capacity(8), size: 0 };
        let mut titles = Vec::new();
        while !literals.take(']') {
            literals.expect('(')?;
            let (title, name) = field_name(literals)?;
            literals.expect(',')?;
            let dtype = Dtype::parse_level(literals, level.saturating_add(1))?;
            let shape = if literals.take(',') { literals.shape()? } else { Vec::new() };
            literals.expect(')')?;
            if let Some(title) = title {
                if name.is_empty() {
                    return Err(refused(format!("a field that has only a title: '{}'", shown(&title))));
                }
                titles.push(title);
            }
            structure.push(name, dtype, shape)?;
            if !literals.take(',') {
                literals.expect(']')?;
                break;
            }
        }
        structure.check_titles(&titles)?;
        Ok(structure)
    }

    /// A title finds a field as its name does, so all titles and names must differ.
    fn check_titles(&self, titles: &[Cow<'_, str>]) -> Result<()> {
        let names = self.fields.iter().map(|field| field.name.as_str());
        let mut all: Vec<_> = titles.iter().map(AsRef::as_ref).chain(names).collect();
        all.sort_unstable();
        match all.iter().zip(all.iter().skip(1)).find(|(name, next)| name == next) {
            Some((twice, _)) => Err(refused(format!("two fields that are found as '{}'", shown(twice)))),
            None => Ok(()),
        }
    }

    fn push(&mut self, name: String, dtype: Dtype, shape: Vec<u64>) -> Result<()> {
        let offset = self.size;
        let size = super::bytes_of(&shape, dtype.size());
        self.size = size
            .and_then(|size| size.checked_add(offset))
            .filter(|size| *size <= MOST_ITEM_BYTES)
            .ok_or_else(|| refused("an item of more than 2 GiB".to_owned()))?;
        if name.is_empty() && dtype.is_padding() && shape.is_empty() {
            return Ok(());
        }
        if dtype.size() == 0 && !shape.is_empty() {
            return Err(refused("a field that is an array of items of no bytes".to_owned()));
        }
        if name.is_empty() || self.fields.iter().any(|field| field.name == name) {
            return Err(refused(format!("a second field, or one without a name: '{}'", shown(&name))));
        }
        self.fields.push(StructField { name, dtype, shape, offset });
        Ok(())
    }
}

/// A name, or a title and a name.
fn field_name<'a>(literals: &mut Literals<'a>) -> Result<(Option<Cow<'a, str>>, String)> {
    if !literals.take('(') {
        return Ok((None, literals.string()?.into_owned()));
    }
    let title = literals.string()?;
    literals.expect(',')?;
    let name = literals.string()?.into_owned();
    literals.expect(')')?;
    Ok((Some(title), name))
}

impl ScalarDtype {
    fn parse(text: &str) -> Result<Self> {
        // `O` after any byte order: Python objects, pickled.
        if text.get(1..2) == Some("O") {
            return Err(Error::new(Code::NpyObject, format!("the dtype '{}'", shown(text))));
        }
        Self::parse_text(text).ok_or_else(|| refused(format!("the dtype '{}'", shown(text))))
    }

    fn parse_text(text: &str) -> Option<Self> {
        let (order, letter, rest) = (text.get(..1)?, text.get(1..2)?, text.get(2..)?);
        let (kind, size, unit) = match letter {
            "M" => (Kind::Datetime, 8, parse_unit(rest.strip_prefix('8')?)?),
            "m" => (Kind::Timedelta, 8, parse_unit(rest.strip_prefix('8')?)?),
            _ => {
                let (kind, size) = parse_kind(letter, parse_size(rest)?)?;
                (kind, size, "")
            }
        };
        let has_order = size > 1 && !matches!(kind, Kind::Bytes | Kind::Void) || kind == Kind::Unicode;
        let big_endian = match order {
            "<" => false,
            ">" => has_order,
            // What `|` means where the order matters differs between numpy and others.
            "|" if !has_order => false,
            _ => return None,
        };
        (size <= MOST_ITEM_BYTES).then(|| Self { kind, big_endian, size, unit: unit.to_owned() })
    }
}

fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !(text.len() > 1 && text.starts_with('0'));
    if digits { text.parse().ok() } else { None }
}

/// The kind, and the size in bytes, for a letter and the number after it.
fn parse_kind(letter: &str, size: u64) -> Option<(Kind, u64)> {
    let kind = match (letter, size) {
        ("b", 1) => Kind::Bool,
        ("i", 1 | 2 | 4 | 8) => Kind::Int,
        ("u", 1 | 2 | 4 | 8) => Kind::Uint,
        ("f", 2 | 4 | 8 | 16) => Kind::Float,
        ("c", 8 | 16 | 32) => Kind::Complex,
        ("S", _) => Kind::Bytes,
        ("V", _) => Kind::Void,
        ("U", characters) => return Some((Kind::Unicode, characters.checked_mul(4)?)),
        _ => return None,
    };
    Some((kind, size))
}

/// `[ns]`, `[25s]`, or nothing for the generic unit. The brackets are left out of what is returned.
fn parse_unit(text: &str) -> Option<&str> {
    const UNITS: [&str; 13] = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"];
    if text.is_empty() {
        return Some("");
    }
    let unit = text.strip_prefix('[')?.strip_suffix(']')?;
    let letters = unit.trim_start_matches(|character: char| character.is_ascii_digit());
    let count = unit.strip_suffix(letters)?;
    // numpy writes a count from 2 on, and keeps it in a C int.
    let counts =
        count.is_empty() || (!count.starts_with('0') && count.parse::<i32>().is_ok_and(|count| count > 1));
    (counts && UNITS.contains(&letters)).then_some(unit)
}

fn refused(found: String) -> Error {
    Error::new(Code::NpyDtype, found)
}

impl fmt::Display for Dtype {
    /// As numpy writes it: `<f8`, or `[('left', '<i8'), ('right', '<i8')]`. Names are escaped and cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => scalar.fmt(f),
            Self::Struct(structure) => structure.fmt(f),
        }
    }
}

impl fmt::Display for ScalarDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (letter, size) = match self.kind {
            Kind::Bool => ('b', self.size),
            Kind::Int => ('i', self.size),
            Kind::Uint => ('u', self.size),
            Kind::Float => ('f', self.size),
            Kind::Complex => ('c', self.size),
            Kind::Timedelta => ('m', self.size),
            Kind::Datetime => ('M', self.size),
            Kind::Bytes => ('S', self.size),
            Kind::Unicode => ('U', self.size / 4),
            Kind::Void => ('V', self.size),
        };
        let no_order = matches!(self.kind, Kind::Bool | Kind::Bytes | Kind::Void)
            || (self.size == 1 && matches!(self.kind, Kind::Int | Kind::Uint));
        let order = if no_order {
            '|'
        } else if self.big_endian {
            '>'
        } else {
            '<'
        };
        write!(f, "{order}{letter}{size}")?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, "[{}]", self.unit) }
    }
}

impl fmt::Display for StructDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        let mut separator = "";
        for field in &self.fields {
            write!(f, "{separator}('{}', ", shown(&field.name))?;
            match &field.dtype {
                Dtype::Scalar(scalar) => write!(f, "'{scalar}'")?,
                Dtype::Struct(structure) => structure.fmt(f)?,
            }
            if !field.shape.is_empty() {
                write!(f, ", {}", super::show_shape(&field.shape))?;
            }
            f.write_str(")")?;
            separator = ", ";
        }
        f.write_str("]")
    }
}
