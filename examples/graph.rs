//! Prints all that files hold, as JSON: a line for each path on standard input.
//!
//! It shows how to walk a model. `fixtures/real/crosscheck.sh` compares what it prints with what Python loads, so it
//! prints everything exactly: numbers of any size as decimal text, floats as the bits of an `f64`, bytes in
//! hexadecimal.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, Write as _};

use num_complex::Complex;
use serde_json::{Value as Json, json};
use skops_rs::model::{
    Bound, Dict, Generator, GeneratorState, Identity, Instance, Key, KeyValue, ObjectArray, Slice,
};
use skops_rs::npy::{Dtype, Element, Item, Kind, ScalarDtype, SparseMatrix, StructDtype, StructField};
use skops_rs::{Archive, NdArray, Object, Result, TrustList, Value};

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for path in io::stdin().lock().lines() {
        let path = path?;
        let line = match Archive::open(&path).and_then(|archive| describe(&archive)) {
            Ok(root) => json!({"file": path, "root": root}),
            Err(error) => json!({"file": path, "error": error.code().as_str(), "message": error.to_string()}),
        };
        writeln!(out, "{line}")?;
    }
    out.flush()
}

/// Loads an archive and describes what was saved.
pub(crate) fn describe(archive: &Archive) -> Result<Json> {
    let audit = archive.schema()?.audit()?;
    // Nothing is executed here, so that whatever is named may be looked at. A program that acts upon what it loads has
    // a list of its own.
    let mut trust = TrustList::default();
    for name in audit.untrusted(&TrustList::default()) {
        trust = trust.allow(name.as_str())?;
    }
    let model = audit.vet(&trust)?.load();
    Walk::default().object(model.root())
}

/// A walk over a model: numbers the objects, so that one that is shared is described once.
#[derive(Default)]
struct Walk {
    numbers: HashMap<Identity, usize>,
}

impl Walk {
    fn object(&mut self, object: Object<'_>) -> Result<Json> {
        let value = object.value()?;
        if let Some(plain) = plain(&value) {
            return Ok(plain);
        }
        let next = self.numbers.len();
        let number = *self.numbers.entry(object.identity()).or_insert(next);
        if number != next {
            return Ok(json!({"ref": number}));
        }
        Ok(json!({
            "id": number,
            "class": object.type_name(),
            "at": object.pointer(),
            "value": self.value(&value)?,
            "attrs": self.attributes(object)?,
        }))
    }

    /// The attributes of an instance: the items of its state, where that is a dict.
    fn attributes(&mut self, object: Object<'_>) -> Result<Vec<Json>> {
        object.attrs()?.map(|(name, object)| Ok(json!([name, self.object(object)?]))).collect()
    }

    /// Describes what can be shared.
    fn value(&mut self, value: &Value<'_>) -> Result<Json> {
        Ok(match value {
            Value::Bytes(bytes) => json!({"kind": "bytes", "hex": hex(bytes)}),
            Value::Bytearray(bytes) => json!({"kind": "bytearray", "hex": hex(bytes)}),
            Value::List(items) => json!({"kind": "list", "items": self.objects(items.iter())?}),
            Value::Tuple(items) => json!({"kind": "tuple", "items": self.objects(items.iter())?}),
            Value::NamedTuple(items) => json!({"kind": "namedtuple", "items": self.objects(items.iter())?}),
            Value::Set(items) => json!({"kind": "set", "items": self.objects(items.iter())?}),
            Value::Dict(items) => json!({"kind": "dict", "items": self.dict(items)?}),
            Value::OrderedDict(items) => json!({"kind": "ordereddict", "items": self.dict(items)?}),
            Value::DefaultDict { items, default_factory } => {
                let factory = self.object(*default_factory)?;
                json!({"kind": "defaultdict", "items": self.dict(items)?, "factory": factory})
            }
            Value::Slice(slice) => json!({"kind": "slice", "bounds": bounds(*slice)}),
            Value::Dtype(dtype) => json!({"kind": "dtype", "descr": dtype.as_ref().map(descr)}),
            Value::Array(array) => json!({"kind": "array", "array": self::array(array)?}),
            Value::Scalar(array) => json!({"kind": "scalar", "array": self::array(array)?}),
            Value::ObjectArray(array) => self.object_array(array)?,
            Value::MaskedArray { data, mask } => {
                json!({"kind": "masked", "data": self.object(*data)?, "mask": self.object(*mask)?})
            }
            Value::Sparse(matrix) => sparse(matrix)?,
            Value::RandomState(state) => json!({"kind": "randomstate", "state": self.object(*state)?}),
            Value::Generator(generator) => self.generator(*generator)?,
            Value::Type(name) => json!({"kind": "type", "name": name}),
            Value::Function(name) => json!({"kind": "function", "name": name}),
            Value::Method { object, name } => {
                json!({"kind": "method", "object": self.object(*object)?, "name": name})
            }
            Value::Operator { args } => json!({"kind": "operator", "args": self.object(*args)?}),
            Value::Partial { func, args, keywords, namespace } => json!({
                "kind": "partial",
                "func": self.object(*func)?,
                "args": self.object(*args)?,
                "keywords": self.object(*keywords)?,
                "namespace": self.object(*namespace)?,
            }),
            Value::Instance(instance) => self.instance("instance", *instance)?,
            Value::Tree(instance) => self.instance("tree", *instance)?,
            Value::QuantileForest(instance) => self.instance("quantileforest", *instance)?,
            Value::Loss(instance) => self.instance("loss", *instance)?,
            other => json!({"kind": "unknown", "what": other.kind()}),
        })
    }

    fn objects<'m>(&mut self, objects: impl Iterator<Item = Object<'m>>) -> Result<Vec<Json>> {
        objects.map(|object| self.object(object)).collect()
    }

    fn dict(&mut self, dict: &Dict<'_>) -> Result<Vec<Json>> {
        let item = |(key, object): (Key<'_>, _)| {
            Ok(json!([key.type_name(), key.text(), key_value(key.value()), self.object(object)?]))
        };
        dict.iter().map(item).collect()
    }

    fn object_array(&mut self, array: &ObjectArray<'_>) -> Result<Json> {
        let items = self.objects(array.flat().into_iter())?;
        Ok(json!({"kind": "objectarray", "shape": array.shape(), "items": items}))
    }

    fn generator(&mut self, generator: Generator<'_>) -> Result<Json> {
        let state = match generator.state() {
            GeneratorState::Object(state) => self.object(state)?,
            GeneratorState::Json(text) => json!({"json": text}),
            _ => Json::Null,
        };
        Ok(json!({"kind": "generator", "state": state, "seed": self.optional(generator.seed_sequence())?}))
    }

    /// What an instance was made of.
    fn instance(&mut self, kind: &str, instance: Instance<'_>) -> Result<Json> {
        let args = self.optional(instance.args())?;
        Ok(json!({"kind": kind, "args": args, "state": self.optional(instance.state())?}))
    }

    fn optional(&mut self, object: Option<Object<'_>>) -> Result<Option<Json>> {
        object.map(|object| self.object(object)).transpose()
    }
}

/// Numbers and text, which cannot be shared.
fn plain(value: &Value<'_>) -> Option<Json> {
    Some(match value {
        Value::None => json!({"kind": "none"}),
        Value::Bool(value) => json!({"kind": "bool", "value": value}),
        Value::Int(value) => json!({"kind": "int", "digits": value.as_str()}),
        Value::Float(value) => json!({"kind": "float", "bits": float(*value)}),
        Value::Str(text) => json!({"kind": "str", "text": text}),
        _ => return None,
    })
}

fn key_value(key: KeyValue<'_>) -> Json {
    match key {
        KeyValue::None => json!({"kind": "none"}),
        KeyValue::Bool(value) => json!({"kind": "bool", "value": value}),
        KeyValue::Int(value) => json!({"kind": "int", "digits": value.as_str()}),
        KeyValue::Float(value) => json!({"kind": "float", "bits": float(value)}),
        KeyValue::Str(text) => json!({"kind": "str", "text": text}),
        KeyValue::Other(text) => json!({"kind": "other", "text": text}),
        _ => json!({"kind": "unknown"}),
    }
}

fn bounds(slice: Slice<'_>) -> Vec<Json> {
    let bound = |bound| match bound {
        None => json!({"kind": "none"}),
        Some(Bound::Int(digits)) => json!({"kind": "int", "digits": digits}),
        Some(Bound::Str(text)) => json!({"kind": "str", "text": text}),
        Some(_) => json!({"kind": "unknown"}),
    };
    slice.bounds().into_iter().map(bound).collect()
}

/// All of a sparse matrix: the values that are stored, and where.
fn sparse(matrix: &SparseMatrix) -> Result<Json> {
    let indices = matrix.index_arrays().map(|(name, indices)| Ok((name.to_owned(), array(indices)?)));
    Ok(json!({
        "kind": "sparse",
        "format": matrix.format().as_str(),
        "is_array": matrix.is_array(),
        "shape": matrix.shape(),
        "data": array(matrix.data())?,
        "indices": indices.collect::<Result<serde_json::Map<_, _>>>()?,
    }))
}

/// An array as the file has it, and in each of the ways that one gets at its items.
fn array(array: &NdArray) -> Result<Json> {
    let contents = match array.dtype() {
        Dtype::Scalar(dtype) => values(dtype, array)?,
        Dtype::Struct(dtype) => fields(dtype, array)?,
    };
    Ok(json!({
        "descr": descr(array.dtype()),
        "shape": array.shape(),
        "fortran_order": array.fortran_order(),
        "bytes": array.bytes().map(hex),
        "items": array.items().map(|item| self::item(&item)).collect::<Vec<_>>(),
        "contents": contents,
    }))
}

/// The fields of a structured array, each as an array of its own.
fn fields(dtype: &StructDtype, array: &NdArray) -> Result<Json> {
    let field = |name: &str| Ok(json!([name, self::array(&array.field(name)?)?]));
    dtype.fields.iter().map(|each| field(&each.name)).collect()
}

/// The items in the widest Rust type for their kind.
fn values(dtype: &ScalarDtype, array: &NdArray) -> Result<Json> {
    match (dtype.kind, dtype.size) {
        (Kind::Bool, _) => converted(array, "bool", |value: &bool| json!(value)),
        (Kind::Int | Kind::Datetime | Kind::Timedelta, _) => {
            converted(array, "i64", |value: &i64| json!(value))
        }
        (Kind::Uint, _) => converted(array, "u64", |value: &u64| json!(value)),
        (Kind::Float, 2 | 4 | 8) => converted(array, "f64", |value: &f64| json!(float(*value))),
        (Kind::Complex, 8 | 16) => converted(array, "Complex<f64>", |value| json!(complex(*value))),
        (Kind::Unicode, _) => converted(array, "String", |value: &String| json!(value)),
        _ => converted(array, "Vec<u8>", |value: &Vec<u8>| json!(hex(value))),
    }
}

/// The items in row order, and as an `ndarray`, which lies in memory as the file has it.
fn converted<T: Element>(array: &NdArray, name: &str, show: fn(&T) -> Json) -> Result<Json> {
    let rows: Vec<_> = array.to_vec()?.iter().map(show).collect();
    let ndarray = array.to_array()?;
    let memory: Option<Vec<_>> =
        ndarray.as_slice_memory_order().map(|items| items.iter().map(show).collect());
    Ok(json!({"type": name, "rows": rows, "shape": ndarray.shape(), "memory": memory}))
}

fn item(item: &Item<'_>) -> Json {
    match item {
        Item::Bool(value) => json!(value),
        Item::Int(value) => json!(value),
        Item::Uint(value) => json!(value),
        Item::Float(value) => json!(float(*value)),
        Item::Complex(value) => json!(complex(*value)),
        Item::Datetime(count) | Item::Timedelta(count) => json!(count),
        Item::Text(text) => json!(text),
        Item::LongDouble(bytes) | Item::Bytes(bytes) | Item::Void(bytes) => json!(hex(bytes)),
        Item::Record(record) => {
            record.fields().map(|(field, items)| record_field(field, &items.collect::<Vec<_>>())).collect()
        }
        other => json!(format!("unknown: {other:?}")),
    }
}

fn record_field(field: &StructField, items: &[Item<'_>]) -> Json {
    json!([field.name, items.iter().map(item).collect::<Vec<_>>()])
}

/// A dtype as `numpy.lib.format.dtype_to_descr` has it, but for the padding, which is told by the offsets.
fn descr(dtype: &Dtype) -> Json {
    match dtype {
        Dtype::Scalar(scalar) => json!(scalar.to_string()),
        Dtype::Struct(structure) => {
            let field =
                |field: &StructField| json!([field.name, descr(&field.dtype), field.shape, field.offset]);
            json!({"fields": structure.fields.iter().map(field).collect::<Vec<_>>(), "size": structure.size})
        }
    }
}

fn float(value: f64) -> String {
    format!("{:016x}", value.to_bits())
}

fn complex(value: Complex<f64>) -> [String; 2] {
    [float(value.re), float(value.im)]
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
