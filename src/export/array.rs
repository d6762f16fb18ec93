//! Arrays as JSON: dtype, shape, and the items in row order.

use std::cell::Cell;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use super::{Arrays, Node};
use crate::npy::{self, FieldItems, Item, NdArray, Record, StructField};

/// Adds what an array is to the object that stands for it.
pub(super) fn entries<M: SerializeMap>(
    node: &Node<'_, '_>,
    array: &NdArray,
    map: &mut M,
) -> Result<(), M::Error> {
    map.serialize_entry("dtype", &OneLine(&Dtype(array.dtype()), &node.export.on_one_line))?;
    map.serialize_entry("shape", &OneLine(array.shape(), &node.export.on_one_line))?;
    match node.export.arrays {
        Arrays::Inline => {
            map.serialize_entry("data", &Items { array, on_one_line: &node.export.on_one_line })
        }
        Arrays::Left => Ok(()),
        Arrays::Saved(save) => match save(array, &node.object.path()) {
            Ok(file) => map.serialize_entry("file", &file),
            Err(error) => Err(node.export.fail(crate::Error::io("cannot write an array", error))),
        },
    }
}

/// Adds an array that is part of something else, such as the indices of a sparse matrix.
pub(super) fn part<M: SerializeMap>(
    node: &Node<'_, '_>,
    map: &mut M,
    name: &str,
    array: &NdArray,
) -> Result<(), M::Error> {
    map.serialize_entry(name, &Part { node, array })
}

struct Part<'b, 'a, 'm> {
    node: &'b Node<'a, 'm>,
    array: &'b NdArray,
}

impl Serialize for Part<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("class", "numpy.ndarray")?;
        entries(self.node, self.array, &mut map)?;
        map.end()
    }
}

/// Adds what a numpy scalar is to the object that stands for it.
pub(super) fn scalar<M: SerializeMap>(array: &NdArray, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("dtype", &Dtype(array.dtype()))?;
    map.serialize_entry("value", &array.item().map(Json))
}

/// A dtype: numpy's text for it, or a list of fields.
pub(super) struct Dtype<'a>(pub(super) &'a npy::Dtype);

impl Serialize for Dtype<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            npy::Dtype::Scalar(scalar) => serializer.collect_str(scalar),
            npy::Dtype::Struct(structure) => serializer.collect_seq(structure.fields.iter().map(Field)),
        }
    }
}

struct Field<'a>(&'a StructField);

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("dtype", &Dtype(&self.0.dtype))?;
        if !self.0.shape.is_empty() {
            map.serialize_entry("shape", &self.0.shape)?;
        }
        map.end()
    }
}

/// The items of an array in row order.
struct Items<'a> {
    array: &'a NdArray,
    on_one_line: &'a Cell<bool>,
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.on_one_line.set(true);
        let written = list(self.array.items().map(Json), serializer);
        self.on_one_line.set(false);
        written
    }
}

/// Something short, on one line.
struct OneLine<'a, T: ?Sized>(&'a T, &'a Cell<bool>);

impl<T: Serialize + ?Sized> Serialize for OneLine<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.1.set(true);
        let written = self.0.serialize(serializer);
        self.1.set(false);
        written
    }
}

/// An item.
struct Json<'a>(Item<'a>);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Item::Bool(value) => serializer.serialize_bool(*value),
            Item::Int(value) => serializer.serialize_i64(*value),
            Item::Uint(value) => serializer.serialize_u64(*value),
            Item::Float(value) => Float(*value).serialize(serializer),
            Item::Complex(value) => [Float(value.re), Float(value.im)].serialize(serializer),
            Item::Datetime(count) | Item::Timedelta(count) => match count {
                Some(count) => serializer.serialize_i64(*count),
                None => serializer.serialize_str("NaT"),
            },
            Item::Text(text) => serializer.serialize_str(text),
            Item::Bytes(bytes) | Item::Void(bytes) | Item::LongDouble(bytes) => {
                serializer.serialize_str(&hex(bytes))
            }
            Item::Record(record) => JsonRecord(*record).serialize(serializer),
        }
    }
}

/// An item of a structured array: its fields in order. A field with a shape is the list of its items in row order.
struct JsonRecord<'a>(Record<'a>);

impl Serialize for JsonRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.fields().map(|(field, items)| JsonField { field, items }))
    }
}

struct JsonField<'a> {
    field: &'a StructField,
    items: FieldItems<'a>,
}

impl Serialize for JsonField<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = self.items.clone();
        if self.field.shape.is_empty() {
            return items.next().map(Json).serialize(serializer);
        }
        list(items.map(Json), serializer)
    }
}

/// A float; what JSON does not have is text.
pub(super) struct Float(pub(super) f64);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_str("NaN"),
            value if value > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Items as a list, one after the other.
fn list<S: Serializer, T: Serialize>(
    items: impl Iterator<Item = T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut list = serializer.serialize_seq(None)?;
    for item in items {
        list.serialize_element(&item)?;
    }
    list.end()
}
