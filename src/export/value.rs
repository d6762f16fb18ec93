//! Values as JSON.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::Node;
use super::array::{self, Dtype, Float};
use crate::model::{Bound, Dict, GeneratorState, Instance, KeyValue, Object, Sequence, Slice, Value};

type Ends<S> = std::result::Result<<S as Serializer>::Ok, <S as Serializer>::Error>;

impl<'m> Node<'_, 'm> {
    pub(super) fn serialize_value<S: Serializer>(&self, value: Value<'m>, serializer: S) -> Ends<S> {
        match value {
            Value::None => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(value),
            Value::Int(value) if is_small(value.as_str()) => number(value.as_str(), serializer),
            Value::Int(value) => self.tagged(serializer, |map| map.serialize_entry("value", value.as_str())),
            Value::Float(value) if value.is_finite() => serializer.serialize_f64(value),
            Value::Float(value) => self.tagged(serializer, |map| map.serialize_entry("value", &Float(value))),
            Value::Str(text) => serializer.serialize_str(&text),
            Value::List(items) if self.object.type_name() == "builtins.list" => self.list(items, serializer),
            Value::List(items) | Value::Tuple(items) | Value::NamedTuple(items) | Value::Set(items) => {
                self.tagged(serializer, |map| map.serialize_entry("items", &self.objects(items)))
            }
            Value::Dict(dict) | Value::OrderedDict(dict) => {
                self.tagged(serializer, |map| self.dict(dict, map))
            }
            Value::DefaultDict { items, default_factory } => self.tagged(serializer, |map| {
                self.part(map, "default_factory", default_factory)?;
                self.dict(items, map)
            }),
            Value::Instance(instance)
            | Value::Tree(instance)
            | Value::QuantileForest(instance)
            | Value::Loss(instance) => self.tagged(serializer, |map| self.instance(instance, map)),
            Value::Array(array) => self.tagged(serializer, |map| array::entries(self, &array, map)),
            Value::Scalar(array) => self.tagged(serializer, |map| array::scalar(&array, map)),
            Value::ObjectArray(objects) => self.tagged(serializer, |map| {
                map.serialize_entry("dtype", "|O")?;
                map.serialize_entry("shape", objects.shape())?;
                map.serialize_entry("items", &Objects { node: self, objects: objects.flat() })
            }),
            Value::Sparse(matrix) => self.tagged(serializer, |map| {
                map.serialize_entry("format", matrix.format().as_str())?;
                map.serialize_entry("shape", matrix.shape())?;
                array::part(self, map, "data", matrix.data())?;
                matrix.index_arrays().try_for_each(|(name, indices)| array::part(self, map, name, indices))
            }),
            other => self.serialize_rare(other, serializer),
        }
    }

    /// What models have seldom, or in one place.
    fn serialize_rare<S: Serializer>(&self, value: Value<'m>, serializer: S) -> Ends<S> {
        self.tagged(serializer, |map| match value {
            Value::Bytes(bytes) | Value::Bytearray(bytes) => map.serialize_entry("hex", &array::hex(&bytes)),
            Value::Slice(slice) => slice_bounds(slice, map),
            Value::Dtype(dtype) => map.serialize_entry("dtype", &dtype.as_ref().map(Dtype)),
            Value::MaskedArray { data, mask } => {
                self.part(map, "data", data)?;
                self.part(map, "mask", mask)
            }
            Value::RandomState(state) => self.part(map, "state", state),
            Value::Generator(generator) => {
                match generator.state() {
                    GeneratorState::Object(state) => self.part(map, "state", state)?,
                    GeneratorState::Json(text) => map.serialize_entry("state", &raw(text))?,
                }
                generator.seed_sequence().map_or(Ok(()), |seed| self.part(map, "seed_sequence", seed))
            }
            Value::Type(name) => map.serialize_entry("type", &name),
            Value::Function(name) => map.serialize_entry("function", &name),
            Value::Partial { func, args, keywords, namespace } => {
                let parts =
                    [("func", func), ("args", args), ("keywords", keywords), ("namespace", namespace)];
                parts.into_iter().try_for_each(|(name, part)| self.part(map, name, part))
            }
            Value::Method { object, name } => {
                self.part(map, "object", object)?;
                map.serialize_entry("method", name)
            }
            Value::Operator { args } => self.part(map, "args", args),
            // All others are written by `serialize_value`.
            _ => Ok(()),
        })
    }

    /// An object with the class, and what `entries` adds.
    fn tagged<S: Serializer>(
        &self,
        serializer: S,
        entries: impl FnOnce(&mut S::SerializeMap) -> std::result::Result<(), S::Error>,
    ) -> Ends<S> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("class", &self.object.type_name())?;
        entries(&mut map)?;
        map.end()
    }

    fn part<M: SerializeMap>(&self, map: &mut M, name: &str, object: Object<'m>) -> Result<(), M::Error> {
        map.serialize_entry(name, &self.below(object))
    }

    fn objects(&self, items: Sequence<'m>) -> Objects<'_, '_, 'm> {
        Objects { node: self, objects: items.iter().collect() }
    }

    fn list<S: Serializer>(&self, items: Sequence<'m>, serializer: S) -> Ends<S> {
        self.objects(items).serialize(serializer)
    }

    /// A dict whose keys are all text, as an object; any other as pairs.
    fn dict<M: SerializeMap>(&self, dict: Dict<'m>, map: &mut M) -> Result<(), M::Error> {
        let has_text = dict.iter().all(|(key, _)| key.type_name() == "builtins.str");
        if has_text {
            let items = dict.iter().map(|(key, value)| (key.text(), value)).collect();
            map.serialize_entry("items", &Named { node: self, objects: items })
        } else {
            map.serialize_entry("pairs", &Pairs { node: self, dict })
        }
    }

    /// Attributes, sorted as scikit-learn names them: parameters of the constructor, what fitting has set, and others.
    fn instance<M: SerializeMap>(&self, instance: Instance<'m>, map: &mut M) -> Result<(), M::Error> {
        if let Some(args) = instance.args() {
            self.part(map, "args", args)?;
        }
        let mut groups = [("params", Vec::new()), ("fitted", Vec::new()), ("other", Vec::new())];
        let attributes = self.object.attrs().map_err(|error| self.export.fail(error))?;
        for (name, object) in attributes {
            let group = match (name.starts_with('_'), name.ends_with('_')) {
                (false, false) => 0,
                (false, true) => 1,
                (true, _) => 2,
            };
            if let Some((_, objects)) = groups.get_mut(group) {
                objects.push((name, object));
            }
        }
        // A state that is no dict has no attributes.
        if let Some(state) = instance.state().filter(|state| {
            groups.iter().all(|(_, objects)| objects.is_empty())
                && !state.is_none()
                && state.item_count() != Some(0)
        }) {
            self.part(map, "state", state)?;
        }
        for (group, objects) in groups {
            if !objects.is_empty() {
                map.serialize_entry(group, &Named { node: self, objects })?;
            }
        }
        Ok(())
    }
}

/// Objects as a list.
struct Objects<'b, 'a, 'm> {
    node: &'b Node<'a, 'm>,
    objects: Vec<Object<'m>>,
}

impl Serialize for Objects<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Ends<S> {
        serializer.collect_seq(self.objects.iter().map(|object| self.node.below(*object)))
    }
}

/// Objects by name.
struct Named<'b, 'a, 'm> {
    node: &'b Node<'a, 'm>,
    objects: Vec<(&'m str, Object<'m>)>,
}

impl Serialize for Named<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Ends<S> {
        serializer.collect_map(self.objects.iter().map(|(name, object)| (name, self.node.below(*object))))
    }
}

/// The items of a dict as pairs of a key and a value. A key that is no plain text, number, bool or `None` of Python's
/// is an object with its class.
struct Pairs<'b, 'a, 'm> {
    node: &'b Node<'a, 'm>,
    dict: Dict<'m>,
}

impl Serialize for Pairs<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Ends<S> {
        serializer.collect_seq(self.dict.iter().map(|(key, value)| (Key(key), self.node.below(value))))
    }
}

struct Key<'m>(crate::model::Key<'m>);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Ends<S> {
        let class = self.0.type_name();
        let is_plain = match self.0.value() {
            KeyValue::Float(value) => value.is_finite(),
            KeyValue::Int(value) => is_small(value.as_str()),
            KeyValue::Other(_) => false,
            _ => true,
        };
        let is_plain = is_plain && class.starts_with("builtins.");
        if is_plain {
            return KeyText(self.0).serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("class", &class)?;
        map.serialize_entry("value", &KeyText(self.0))?;
        map.end()
    }
}

struct KeyText<'m>(crate::model::Key<'m>);

impl Serialize for KeyText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Ends<S> {
        match self.0.value() {
            KeyValue::None => serializer.serialize_unit(),
            KeyValue::Bool(value) => serializer.serialize_bool(value),
            KeyValue::Int(value) if is_small(value.as_str()) => number(value.as_str(), serializer),
            KeyValue::Int(value) => serializer.serialize_str(value.as_str()),
            KeyValue::Float(value) => Float(value).serialize(serializer),
            KeyValue::Str(text) | KeyValue::Other(text) => serializer.serialize_str(text),
        }
    }
}

fn slice_bounds<M: SerializeMap>(slice: Slice<'_>, map: &mut M) -> Result<(), M::Error> {
    for (name, bound) in ["start", "stop", "step"].into_iter().zip(slice.bounds()) {
        match bound {
            None => map.serialize_entry(name, &())?,
            Some(Bound::Int(digits)) if is_small(&digits) => map.serialize_entry(name, &raw(&digits))?,
            Some(Bound::Int(digits)) => map.serialize_entry(name, &digits)?,
            Some(Bound::Str(text)) => map.serialize_entry(name, &text)?,
        }
    }
    Ok(())
}

/// Whether an integer has no more than 64 bits: of others, readers of JSON lose digits or refuse them.
fn is_small(digits: &str) -> bool {
    digits.parse::<i64>().is_ok() || digits.parse::<u64>().is_ok()
}

/// An integer, digit by digit.
fn number<S: Serializer>(digits: &str, serializer: S) -> Ends<S> {
    raw(digits).serialize(serializer)
}

/// JSON that was read as such, as it is.
fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(json.to_owned()).ok()
}
