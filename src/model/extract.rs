//! Extraction into the caller's own types, by way of serde.
//!
//! An instance is read as its attributes, a dict as a map, a container as a sequence, an array as nested sequences of
//! its items, or as an `ndarray` array of its rank. What is not asked for is not read.

use std::cell::Cell;
use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::key::{Key, KeyValue};
use super::object::Object;
use super::value::{Dict, GeneratorState, Value};
use crate::error::{Code, Error, Result};
use crate::npy::{FieldItems, Item, NdArray, Record, StructField};
use crate::text::cut;

impl Object<'_> {
    /// Reads the object into a type of the caller's.
    ///
    /// ```
    /// use ndarray::Array1;
    /// use skops_rs::TrustList;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Scaler {
    ///     with_mean: bool,
    ///     mean_: Array1<f64>,
    ///     scale_: Vec<f64>,
    /// }
    ///
    /// let trust = TrustList::default().allow("sklearn.tree._tree.Tree")?;
    /// let model = skops_rs::load("fixtures/example.skops", &trust)?;
    /// let scaler: Scaler = model.at("steps[0][1]")?.extract()?;
    /// assert!(scaler.with_mean && scaler.mean_.len() == scaler.scale_.len());
    /// # Ok::<(), skops_rs::Error>(())
    /// ```
    ///
    /// Numbers become those of the type as serde has it: integers must fit, floats are rounded to an `f32`.
    /// [`Object::array`] changes no value.
    ///
    /// # Errors
    /// [`Code::ValueType`] with the path of what is not as the type has it, or why something cannot be read.
    pub fn extract<T: DeserializeOwned>(&self) -> Result<T> {
        let left = Left(Cell::new(self.size().saturating_mul(4).saturating_add(1 << 20)));
        let reader = Reader { object: *self, depth: 0, left: &left };
        T::deserialize(reader).map_err(|failure| failure.0)
    }
}

/// Deserializing recurses as deep as the type asks for. Types that hold themselves ask for all there is.
const MOST_DEPTH: usize = 128;

/// An error on its way through serde.
#[derive(Debug)]
struct Failure(Error);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl serde::de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Error::new(Code::ValueType, crate::text::shown(&message.to_string()).to_string()))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

type Read<T> = std::result::Result<T, Failure>;

/// Reads an object.
#[derive(Clone, Copy)]
struct Reader<'m, 'a> {
    object: Object<'m>,
    depth: usize,
    left: &'a Left,
}

/// How many objects, items and bytes of text may still be read: some four times what the file has. Objects that share
/// parts would otherwise be read without end, and so would the rows of an array without columns.
struct Left(Cell<u64>);

impl Left {
    fn take(&self, count: usize) -> Read<()> {
        match self.0.get().checked_sub(count as u64) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err(Error::new(
                Code::LimitExtraction,
                "more objects and items than four times what the file has",
            )
            .into()),
        }
    }
}

impl<'m> Reader<'m, '_> {
    fn below(self, object: Object<'m>) -> Self {
        Self { object, depth: self.depth.saturating_add(1), ..self }
    }

    /// What the object is; counts it.
    fn value(self) -> Read<Value<'m>> {
        if self.depth > MOST_DEPTH {
            let found = format!("is {MOST_DEPTH} levels below what is extracted");
            return Err(self.object.refuse(Code::LimitJsonDepth, &found).into());
        }
        self.left.take(1)?;
        Ok(self.object.value()?)
    }

    /// Says where something went wrong, unless that is known.
    fn place<T>(self, read: Read<T>) -> Read<T> {
        read.map_err(|Failure(error)| match error.at().pointer {
            Some(_) => Failure(error),
            None => Failure(self.object.place(error)),
        })
    }

    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.value()? {
            Value::None => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Int(value) => match (value.to_i64(), value.to_u64(), value.to_u128()) {
                (Some(value), ..) => visitor.visit_i64(value),
                (_, Some(value), _) => visitor.visit_u64(value),
                (_, _, Some(value)) => visitor.visit_u128(value),
                _ => visitor.visit_str(value.as_str()),
            },
            Value::Float(value) => visitor.visit_f64(value),
            Value::Str(text) => {
                self.left.take(text.len())?;
                visitor.visit_str(&text)
            }
            Value::Bytes(bytes) | Value::Bytearray(bytes) => {
                self.left.take(bytes.len())?;
                visitor.visit_bytes(&bytes)
            }
            Value::List(items) | Value::Tuple(items) | Value::NamedTuple(items) | Value::Set(items) => {
                self.visit_objects(items.iter(), visitor)
            }
            Value::ObjectArray(array) => self.visit_objects(array.outer().iter(), visitor),
            Value::Dict(dict) | Value::OrderedDict(dict) | Value::DefaultDict { items: dict, .. } => {
                self.visit_dict(dict, visitor)
            }
            Value::Dtype(dtype) => {
                visitor.visit_string(dtype.map_or("|O".to_owned(), |dtype| cut(dtype, usize::MAX)))
            }
            Value::Array(array) | Value::Scalar(array) => visit_array(&array, self.left, visitor),
            Value::Type(name) | Value::Function(name) => visitor.visit_string(name),
            Value::MaskedArray { data, mask } => self.visit_parts(&[("data", data), ("mask", mask)], visitor),
            Value::RandomState(state) => self.below(state).visit(visitor),
            Value::Generator(generator) => match generator.state() {
                GeneratorState::Object(state) => self.below(state).visit(visitor),
                GeneratorState::Json(text) => visitor.visit_str(text),
            },
            Value::Partial { func, args, keywords, .. } => {
                self.visit_parts(&[("func", func), ("args", args), ("keywords", keywords)], visitor)
            }
            Value::Operator { args } => self.below(args).visit(visitor),
            Value::Instance(_) | Value::Tree(_) | Value::QuantileForest(_) | Value::Loss(_) => {
                let attributes: Vec<_> = self.object.attrs()?.collect();
                self.visit_parts(&attributes, visitor)
            }
            Value::Sparse(_) | Value::Method { .. } | Value::Slice(_) => {
                Err(Failure::custom(format!("{}, which cannot be extracted", self.object.type_name())))
            }
        }
    }

    fn visit_objects<'de, V: Visitor<'de>>(
        self,
        objects: impl ExactSizeIterator<Item = Object<'m>>,
        visitor: V,
    ) -> Read<V::Value> {
        visitor.visit_seq(Objects { reader: self, objects })
    }

    fn visit_dict<'de, V: Visitor<'de>>(self, dict: Dict<'m>, visitor: V) -> Read<V::Value> {
        visitor.visit_map(Items { reader: self, left: dict.iter(), value: None })
    }

    fn visit_parts<'de, V: Visitor<'de>>(
        self,
        parts: &[(&'m str, Object<'m>)],
        visitor: V,
    ) -> Read<V::Value> {
        visitor.visit_map(Parts { reader: self, left: parts.iter(), value: None })
    }
}

impl<'de> Deserializer<'de> for Reader<'_, '_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        self.place(self.visit(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        if self.object.is_none() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Read<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    /// `ndarray` reads an array as a struct of this name with a version, the shape, and the items in row order.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        if (name, fields) != ("Array", &["v", "dim", "data"]) {
            return self.deserialize_any(visitor);
        }
        let read = || match self.value()? {
            Value::Array(array) | Value::Scalar(array) => {
                self.left.take(array.nbytes())?;
                visitor.visit_map(ArrayFields { array: &array, left: self.left, next: ArrayField::Version })
            }
            _ => Err(Failure::custom(format!("{}, where an array was asked for", self.object.type_name()))),
        };
        self.place(read())
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Read<V::Value> {
        let read = || {
            let text = self.object.as_str()?;
            visitor.visit_enum(IntoDeserializer::<Failure>::into_deserializer(text))
        };
        self.place(read())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier
    }
}

struct Objects<'m, 'a, I> {
    reader: Reader<'m, 'a>,
    objects: I,
}

impl<'de, 'm, I: ExactSizeIterator<Item = Object<'m>>> SeqAccess<'de> for Objects<'m, '_, I> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        self.objects.next().map(|object| seed.deserialize(self.reader.below(object))).transpose()
    }
}

/// The items of a dict.
struct Items<'m, 'a, I> {
    reader: Reader<'m, 'a>,
    left: I,
    value: Option<Object<'m>>,
}

impl<'de, 'm, I: Iterator<Item = (Key<'m>, Object<'m>)>> MapAccess<'de> for Items<'m, '_, I> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        let Some((key, value)) = self.left.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(KeyReader(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<V::Value> {
        next_value(self.reader, &mut self.value, seed)
    }
}

fn next_value<'de, 'm, V: DeserializeSeed<'de>>(
    reader: Reader<'m, '_>,
    value: &mut Option<Object<'m>>,
    seed: V,
) -> Read<V::Value> {
    let value = value.take().ok_or_else(|| Failure::custom("a value that was asked for before its key"))?;
    seed.deserialize(reader.below(value))
}

/// Parts with names: the attributes of an instance.
struct Parts<'m, 'a, I> {
    reader: Reader<'m, 'a>,
    left: I,
    value: Option<Object<'m>>,
}

impl<'de, 'm: 'b, 'b, I: Iterator<Item = &'b (&'m str, Object<'m>)>> MapAccess<'de> for Parts<'m, '_, I> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        let Some((name, value)) = self.left.next() else { return Ok(None) };
        self.value = Some(*value);
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<V::Value> {
        next_value(self.reader, &mut self.value, seed)
    }
}

/// Reads a key.
struct KeyReader<'m>(Key<'m>);

impl<'de> Deserializer<'de> for KeyReader<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.0.value() {
            KeyValue::None => visitor.visit_unit(),
            KeyValue::Bool(value) => visitor.visit_bool(value),
            KeyValue::Int(value) => match (value.to_i64(), value.to_u64()) {
                (Some(value), _) => visitor.visit_i64(value),
                (_, Some(value)) => visitor.visit_u64(value),
                _ => visitor.visit_str(value.as_str()),
            },
            KeyValue::Float(value) => visitor.visit_f64(value),
            KeyValue::Str(text) | KeyValue::Other(text) => visitor.visit_str(text),
        }
    }

    /// Any key can be had as text.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_str(self.0.text())
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_str(self.0.text())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The fields that `ndarray` reads an array from.
struct ArrayFields<'a> {
    array: &'a NdArray,
    left: &'a Left,
    next: ArrayField,
}

#[derive(Clone, Copy)]
enum ArrayField {
    Version,
    Shape,
    Items,
    End,
}

impl<'de> MapAccess<'de> for ArrayFields<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Read<Option<K::Value>> {
        let name = match self.next {
            ArrayField::Version => "v",
            ArrayField::Shape => "dim",
            ArrayField::Items => "data",
            ArrayField::End => return Ok(None),
        };
        seed.deserialize(StrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Read<V::Value> {
        match self.next {
            ArrayField::Version => {
                self.next = ArrayField::Shape;
                seed.deserialize(1_u8.into_deserializer())
            }
            ArrayField::Shape => {
                self.next = ArrayField::Items;
                let shape = self.array.shape().iter().copied();
                seed.deserialize(SeqDeserializer::new(shape))
            }
            ArrayField::Items | ArrayField::End => {
                self.next = ArrayField::End;
                let shape = [self.array.len()];
                let mut items = self.array.items();
                seed.deserialize(Nested { shape: &shape, items: &mut items, left: self.left })
            }
        }
    }
}

/// The items of an array that are still to be read, as sequences within sequences.
struct Nested<'a, 'b> {
    shape: &'a [usize],
    items: &'a mut dyn Iterator<Item = Item<'b>>,
    left: &'a Left,
}

fn visit_array<'de, V: Visitor<'de>>(array: &NdArray, left: &Left, visitor: V) -> Read<V::Value> {
    // Text and bytes in items are as long as the dtype says.
    left.take(array.nbytes())?;
    Nested { shape: array.shape(), items: &mut array.items(), left }.deserialize_any(visitor)
}

impl<'de> Deserializer<'de> for Nested<'_, '_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        match self.shape.split_first() {
            Some((count, shape)) => {
                visitor.visit_seq(Rows { count: *count, shape, items: self.items, left: self.left })
            }
            None => match self.items.next() {
                Some(item) => visit_item(item, self.left, visitor),
                None => Err(Failure::custom("an array that has no more items")),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Read<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// The rows of an array: items, or arrays of one dimension less.
struct Rows<'a, 'b> {
    count: usize,
    shape: &'a [usize],
    items: &'a mut dyn Iterator<Item = Item<'b>>,
    left: &'a Left,
}

impl<'de> SeqAccess<'de> for Rows<'_, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Read<Option<T::Value>> {
        let Some(count) = self.count.checked_sub(1) else { return Ok(None) };
        self.count = count;
        self.left.take(1)?;
        seed.deserialize(Nested { shape: self.shape, items: &mut *self.items, left: self.left }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.count)
    }
}

fn visit_item<'de, V: Visitor<'de>>(item: Item<'_>, left: &Left, visitor: V) -> Read<V::Value> {
    let parts = |values: [f64; 2]| SeqDeserializer::new(values.into_iter());
    match item {
        Item::Bool(value) => visitor.visit_bool(value),
        Item::Int(value) => visitor.visit_i64(value),
        Item::Uint(value) => visitor.visit_u64(value),
        Item::Float(value) => visitor.visit_f64(value),
        // As `num_complex` has it.
        Item::Complex(value) => visitor.visit_seq(parts([value.re, value.im])),
        Item::Datetime(count) | Item::Timedelta(count) => match count {
            Some(count) => visitor.visit_i64(count),
            None => visitor.visit_none(),
        },
        Item::Text(text) => visitor.visit_string(text),
        Item::Bytes(bytes) | Item::Void(bytes) | Item::LongDouble(bytes) => visitor.visit_bytes(bytes),
        Item::Record(record) => visit_record(record, left, visitor),
    }
}

/// An item of a structured array is a map of its fields; a field with a shape is a sequence of all its items.
fn visit_record<'de, V: Visitor<'de>>(record: Record<'_>, left: &Left, visitor: V) -> Read<V::Value> {
    let fields =
        record.fields().map(|(field, items)| (field.name.as_str(), Field { dtype: field, items, left }));
    visitor.visit_map(MapDeserializer::new(fields))
}

/// A field of an item.
struct Field<'a> {
    dtype: &'a StructField,
    items: FieldItems<'a>,
    left: &'a Left,
}

impl IntoDeserializer<'_, Failure> for Field<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Field<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Read<V::Value> {
        let Self { dtype, mut items, left } = self;
        let shape = [items.len()];
        let shape: &[usize] = if dtype.shape.is_empty() { &[] } else { &shape };
        Nested { shape, items: &mut items, left }.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
