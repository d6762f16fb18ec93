//! Access to objects: attributes, items, arrays.

use std::fmt;

use ndarray::{Array1, Array2, ArrayD};

use super::graph::Graph;
use super::path::{self, Step};
use super::value::{Dict, Sequence, Value};
use crate::error::{Code, Error, Result};
use crate::npy::{Dtype, Element, NdArray, SparseMatrix};
use crate::schema::{Content, DictRef, Loader, NodeId, NodeRef, Scalar, part};
use crate::text::{PLACE_LENGTH, cut, shown};

/// An object of a model. Cheap to copy; it refers to the model.
///
/// Nothing is read until it is asked for. Before anything in an object is looked at, its contents are checked, if it is
/// of a type whose contents other software follows blindly: see [`Model`](crate::Model).
#[derive(Clone, Copy)]
pub struct Object<'m> {
    graph: Graph<'m>,
    /// Never a reference.
    node: NodeRef<'m>,
}

/// Which object an [`Object`] is: equal for the same object, as Python's `is` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(NodeId);

/// Steps for looking through the keys of a dict, of which eight are as quick as visiting a node.
fn looking_up(dict: DictRef<'_>) -> usize {
    (dict.len() / 8).saturating_add(1)
}

/// How many names an error lists.
const MOST_NAMES: usize = 12;

impl<'m> Object<'m> {
    pub(super) fn new(graph: Graph<'m>, node: NodeRef<'m>) -> Self {
        Self { graph, node: node.resolved() }
    }

    pub(crate) fn node(&self) -> NodeRef<'m> {
        self.node
    }

    /// The full name of the class, such as `sklearn.linear_model._logistic.LogisticRegression`. For a `str`, number,
    /// `bool` or `None` that of the value.
    #[must_use]
    pub fn type_name(&self) -> String {
        match self.scalar_class() {
            Some(class) => format!("builtins.{class}"),
            None => self.node.declared().to_string(),
        }
    }

    /// The name of the class, such as `LogisticRegression`.
    #[must_use]
    pub fn class_name(&self) -> &'m str {
        self.scalar_class().unwrap_or(self.node.declared().class)
    }

    /// Skops declares all of them as `str`.
    fn scalar_class(&self) -> Option<&'static str> {
        let Content::Json { text } = self.node.content() else { return None };
        Some(match Scalar::parse(text, 1) {
            Ok(Scalar::None) => "NoneType",
            Ok(Scalar::Bool(_)) => "bool",
            Ok(Scalar::Int(_)) => "int",
            Ok(Scalar::Float(_)) => "float",
            Ok(Scalar::Str(_)) | Err(_) => "str",
        })
    }

    /// The path from the root, as one would write it in Python: `steps[1][1].coef_`. Empty for the root. Text from the
    /// file in it is escaped and cut.
    #[must_use]
    pub fn path(&self) -> String {
        self.node.path(usize::MAX)
    }

    /// The JSON pointer (RFC 6901) into `schema.json`, cut after 8 KiB, which no genuine one has. Show it escaped.
    #[must_use]
    pub fn pointer(&self) -> String {
        self.node.pointer()
    }

    /// Which object this is. Arrays, containers and instances that Python would share are the same object here.
    /// Numbers and text are not looked up: two of them are never the same.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity(self.graph.first(self.node))
    }

    /// Whether two are the same object, as Python's `is` has it.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    /// What the object is. Of an array, sparse matrix or bytes, this reads the payload.
    ///
    /// # Errors
    /// When a payload cannot be read or is damaged, or the contents are not what the type promises.
    pub fn value(&self) -> Result<Value<'m>> {
        self.check()?;
        Value::of(self.graph, self.node).map_err(|error| self.place(error))
    }

    /// Dtype and shape of an array, numpy scalar or sparse matrix, known without reading it.
    #[must_use]
    pub fn array_info(&self) -> Option<(&'m Dtype, &'m [u64])> {
        self.graph.audit().dtype_and_shape(self.node.id())
    }

    /// Checks the contents of this object, if its type has anything to check. Access does this by itself.
    ///
    /// # Errors
    /// A code `invariant-...`, or why a payload cannot be read.
    pub fn check(&self) -> Result<()> {
        self.graph.check(self.node)
    }

    // ---- attributes

    /// The attribute of an instance. Of what has parts with fixed names, the part: `func`, `args`, `kwds` and
    /// `namespace` of a partial, `data` and `mask` of a masked array.
    ///
    /// # Errors
    /// [`Code::NoAttribute`].
    pub fn attr(&self, name: &str) -> Result<Self> {
        self.get_attr(name)?.ok_or_else(|| {
            let mut names: Vec<_> = self.attribute_names().take(MOST_NAMES.saturating_add(1)).collect();
            let more = if names.len() > MOST_NAMES { ", ..." } else { "" };
            names.truncate(MOST_NAMES);
            let names: Vec<_> = names.into_iter().map(|name| shown(name).to_string()).collect();
            let has = if names.is_empty() {
                "has none".to_owned()
            } else {
                format!("has {}{more}", names.join(", "))
            };
            self.refuse(Code::NoAttribute, &format!("has no attribute '{}'; it {has}", shown(name)))
        })
    }

    /// As [`Object::attr`], or `None` when there is no such attribute.
    ///
    /// # Errors
    /// When the contents are not what the type promises.
    pub fn get_attr(&self, name: &str) -> Result<Option<Self>> {
        self.check()?;
        let attributes = self.attributes();
        self.graph.spend(attributes.map_or(1, looking_up))?;
        let attribute = attributes.and_then(|dict| dict.get(name));
        Ok(attribute.or_else(|| part(self.node, name)).map(|node| Self::new(self.graph, node)))
    }

    /// The attributes of an instance, in order. What is no instance has none.
    ///
    /// # Errors
    /// When the contents are not what the type promises.
    pub fn attrs(&self) -> Result<impl Iterator<Item = (&'m str, Self)> + use<'m>> {
        self.check()?;
        let graph = self.graph;
        graph.spend(self.attributes().map_or(1, DictRef::len))?;
        let items = self.attributes().into_iter().flat_map(DictRef::items);
        Ok(items.map(move |(name, node)| (name, Self::new(graph, node))))
    }

    /// The attributes that are parameters of a scikit-learn estimator's constructor: those whose name neither starts
    /// nor ends with an underscore.
    ///
    /// # Errors
    /// As [`Object::attrs`].
    pub fn params(&self) -> Result<impl Iterator<Item = (&'m str, Self)> + use<'m>> {
        Ok(self.attrs()?.filter(|(name, _)| !name.starts_with('_') && !name.ends_with('_')))
    }

    /// The attributes that fitting a scikit-learn estimator sets: those whose name ends with an underscore.
    ///
    /// # Errors
    /// As [`Object::attrs`].
    pub fn fitted(&self) -> Result<impl Iterator<Item = (&'m str, Self)> + use<'m>> {
        Ok(self.attrs()?.filter(|(name, _)| !name.starts_with('_') && name.ends_with('_')))
    }

    /// The dict that holds an instance's attributes.
    fn attributes(&self) -> Option<DictRef<'m>> {
        let state = match self.node.content() {
            Content::Object { state } => state?,
            Content::Reduce { state, .. } => state,
            _ => return None,
        };
        match state.resolved().content() {
            Content::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    fn attribute_names(&self) -> impl Iterator<Item = &'m str> + use<'m> {
        self.attributes().into_iter().flat_map(DictRef::items).map(|(name, _)| name)
    }

    // ---- items

    /// How many items a container has. `None` for what is no container.
    #[must_use]
    pub fn item_count(&self) -> Option<usize> {
        match self.node.content() {
            Content::List(items)
            | Content::Tuple(items)
            | Content::Set(items)
            | Content::ObjectArray { items, .. } => Some(items.len()),
            _ => self.dict().map(DictRef::len),
        }
    }

    /// The item at a position of a list, tuple or array of objects, from zero.
    ///
    /// # Errors
    /// [`Code::NoItem`] past the end, [`Code::ValueType`] for what has no positions.
    pub fn index(&self, index: usize) -> Result<Self> {
        let Some(items) = self.sequence()? else {
            return Err(self.unlike("a list, tuple or array of objects"));
        };
        items.get(index).ok_or_else(|| {
            self.refuse(Code::NoItem, &format!("has {} items, so none at position {index}", items.len()))
        })
    }

    /// The value of a key of a dict: a text as it is, a number as Python writes it.
    ///
    /// # Errors
    /// [`Code::NoItem`] when there is no such key, [`Code::ValueType`] for what is no dict.
    pub fn key(&self, key: &str) -> Result<Self> {
        let dict = self.dict().ok_or_else(|| self.unlike("a dict"))?;
        self.graph.spend(looking_up(dict))?;
        dict.get(key).map(|node| Self::new(self.graph, node)).ok_or_else(|| {
            self.refuse(
                Code::NoItem,
                &format!("has {} items, none with the key '{}'", dict.len(), shown(key)),
            )
        })
    }

    /// The items of a list, tuple, set or array of objects, or the values of a dict.
    ///
    /// # Errors
    /// [`Code::ValueType`] for what is no container.
    pub fn items(&self) -> Result<Vec<Self>> {
        self.graph.spend(self.item_count().unwrap_or(1))?;
        if let Some(items) = self.sequence()? {
            return Ok(items.iter().collect());
        }
        let dict = self.dict().ok_or_else(|| self.unlike("a container"))?;
        Ok(dict.items().map(|(_, node)| Self::new(self.graph, node)).collect())
    }

    /// The items of what is a list, without a check.
    pub(super) fn listed(&self) -> Vec<Self> {
        match self.node.content() {
            Content::List(items) => items.iter().map(|node| Self::new(self.graph, node)).collect(),
            _ => Vec::new(),
        }
    }

    /// The items of a list, tuple, set, or along the first dimension of an array of objects.
    fn sequence(&self) -> Result<Option<Sequence<'m>>> {
        self.check()?;
        Ok(match self.node.content() {
            Content::List(items) | Content::Tuple(items) | Content::Set(items) => {
                Some(Sequence::new(self.graph, items))
            }
            Content::ObjectArray { items, .. } => Some(Sequence::new(self.graph, items)),
            _ => None,
        })
    }

    fn dict(&self) -> Option<DictRef<'m>> {
        let of = |node: NodeRef<'m>| match node.resolved().content() {
            Content::Dict(dict) => Some(dict),
            _ => None,
        };
        match self.node.content() {
            Content::Dict(dict) => Some(dict),
            Content::DefaultDict { main, .. } | Content::DictWithDeprecatedKeys { main, .. } => of(main),
            _ => None,
        }
    }

    /// The items of a dict, with their keys.
    ///
    /// # Errors
    /// [`Code::ValueType`] for what is no dict.
    pub fn as_dict(&self) -> Result<Dict<'m>> {
        self.graph.spend(self.item_count().unwrap_or(1))?;
        match self.value()? {
            Value::Dict(items) | Value::OrderedDict(items) | Value::DefaultDict { items, .. } => Ok(items),
            _ => Err(self.unlike("a dict")),
        }
    }

    /// The object at a path from this one, such as `steps[1][1].coef_` or `vocabulary_['word']`.
    ///
    /// # Errors
    /// [`Code::PathSyntax`], or why a step of the path cannot be taken.
    pub fn at(&self, path: &str) -> Result<Self> {
        let mut object = *self;
        for step in path::parse(path)? {
            object = match step {
                Step::Attribute(name) => object.attr(&name)?,
                Step::Index(index) => match object.dict() {
                    Some(_) => object.key(&index.to_string())?,
                    None => object.index(index)?,
                },
                // Attributes whose names are no identifiers are written so, too.
                Step::Key(key) => match object.dict() {
                    Some(_) => object.key(&key)?,
                    None => object.attr(&key)?,
                },
            };
        }
        Ok(object)
    }

    // ---- values

    /// Whether the object is `None`.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.scalar_class() == Some("NoneType")
    }

    /// A `bool`, Python's or numpy's.
    ///
    /// # Errors
    /// [`Code::ValueType`] for anything else.
    pub fn as_bool(&self) -> Result<bool> {
        match self.value()? {
            Value::Bool(value) => Ok(value),
            Value::Scalar(array) => self.single(&array),
            _ => Err(self.unlike("a bool")),
        }
    }

    /// An `int`, Python's or numpy's.
    ///
    /// # Errors
    /// [`Code::ValueType`] for anything else, [`Code::ValueRange`] for one that does not fit.
    pub fn as_i64(&self) -> Result<i64> {
        match self.value()? {
            Value::Int(value) => value.to_i64().ok_or_else(|| {
                self.refuse(Code::ValueRange, &format!("is {value:?}, which an i64 cannot hold"))
            }),
            Value::Scalar(array) => self.single(&array),
            _ => Err(self.unlike("an int")),
        }
    }

    /// A `float`, Python's or numpy's; or an `int` that a float holds exactly.
    ///
    /// # Errors
    /// [`Code::ValueType`] for anything else, [`Code::ValueRange`] for an int that does not fit.
    pub fn as_f64(&self) -> Result<f64> {
        match self.value()? {
            Value::Float(value) => Ok(value),
            Value::Int(value) => {
                // Printing a float exactly and comparing tells whether it was rounded, at any size.
                let float: Option<f64> = value.as_str().parse().ok();
                float.filter(|float| format!("{float:.0}") == value.as_str()).ok_or_else(|| {
                    self.refuse(Code::ValueRange, &format!("is {value:?}, which an f64 cannot hold exactly"))
                })
            }
            Value::Scalar(array) => self.single(&array),
            _ => Err(self.unlike("a float")),
        }
    }

    /// A `str`, Python's or numpy's.
    ///
    /// # Errors
    /// [`Code::ValueType`] for anything else.
    pub fn as_str(&self) -> Result<String> {
        match self.value()? {
            Value::Str(text) => Ok(text.into_owned()),
            Value::Scalar(array) => self.single(&array),
            _ => Err(self.unlike("a str")),
        }
    }

    fn single<T: Element>(&self, array: &NdArray) -> Result<T> {
        let items = array.to_vec().map_err(|error| self.place(error))?;
        items.into_iter().next().ok_or_else(|| self.unlike("a scalar"))
    }

    // ---- arrays

    /// The array that the object is, as the file has it.
    ///
    /// # Errors
    /// [`Code::ValueType`] for what is no array, or why it cannot be read.
    pub fn ndarray(&self) -> Result<NdArray> {
        match self.node.content() {
            Content::Array => {
                self.check()?;
                self.graph.array(self.node).map_err(|error| self.place(error))
            }
            _ => Err(self.unlike("an array")),
        }
    }

    /// The array that the object is, with items of this type. [`Element`] says which dtypes become which types; no
    /// value changes.
    ///
    /// # Errors
    /// [`Code::ValueType`] for what is no array or has another dtype, [`Code::ValueRange`] when a value does not fit,
    /// or why it cannot be read.
    pub fn array<T: Element>(&self) -> Result<ArrayD<T>> {
        self.ndarray()?.to_array().map_err(|error| self.place(error))
    }

    /// As [`Object::array`], of one dimension.
    ///
    /// # Errors
    /// As [`Object::array`], and [`Code::ValueShape`] for another number of dimensions.
    pub fn array1<T: Element>(&self) -> Result<Array1<T>> {
        self.ndarray()?.to_array1().map_err(|error| self.place(error))
    }

    /// As [`Object::array`], of two dimensions: rows and columns.
    ///
    /// # Errors
    /// As [`Object::array`], and [`Code::ValueShape`] for another number of dimensions.
    pub fn array2<T: Element>(&self) -> Result<Array2<T>> {
        self.ndarray()?.to_array2().map_err(|error| self.place(error))
    }

    /// The sparse matrix that the object is.
    ///
    /// # Errors
    /// [`Code::ValueType`] for what is none, or why it cannot be read.
    pub fn sparse(&self) -> Result<SparseMatrix> {
        match self.node.content() {
            Content::SparseMatrix => self.graph.sparse(self.node).map_err(|error| self.place(error)),
            _ => Err(self.unlike("a sparse matrix")),
        }
    }

    /// How large the file is, once decompressed: bytes of the nodes, and of the payloads of all objects.
    pub(super) fn size(&self) -> u64 {
        let audit = self.graph.audit();
        audit.payload_bytes().saturating_add(audit.schema().memory_bytes() as u64)
    }

    /// The objects that this one is made of, whatever it is.
    pub(crate) fn parts(&self) -> Vec<Self> {
        self.node.children().iter().map(|node| Self::new(self.graph, node)).collect()
    }

    /// Whether it matters that two objects are the same one. Of numbers, text and names it does not.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.node.loader(), Loader::Json | Loader::Type | Loader::Function)
    }

    /// Whether a payload belongs to the object itself.
    pub(super) fn has_payload(&self) -> bool {
        matches!(
            self.node.content(),
            Content::Array | Content::SparseMatrix | Content::Bytes { .. } | Content::Bytearray { .. }
        )
    }

    /// Whether the object is an array, or numpy scalar, of no more bytes than this.
    pub(crate) fn small_array(&self, most: usize) -> bool {
        let bytes = |(dtype, shape): (&Dtype, &[u64])| {
            shape.iter().fold(dtype.size(), |bytes, size| bytes.saturating_mul(*size))
        };
        let bytes = self.array_info().map(bytes).filter(|_| self.node.loader() == Loader::NdArray);
        bytes.is_some_and(|bytes| bytes <= most as u64)
    }

    /// Reads the payload, if there is one, so that it is at hand.
    pub(super) fn read(&self) -> Result<()> {
        let read = match self.node.content() {
            Content::Array => self.graph.array(self.node).map(drop),
            Content::SparseMatrix => self.graph.sparse(self.node).map(drop),
            Content::Bytes { .. } | Content::Bytearray { .. } => self.graph.bytes(self.node).map(drop),
            _ => Ok(()),
        };
        read.map_err(|error| self.place(error))
    }

    // ---- errors

    /// Something else was asked for.
    fn unlike(&self, asked: &str) -> Error {
        let found = match self.array_info() {
            Some((dtype, shape)) => {
                let dtype = cut(dtype, PLACE_LENGTH);
                format!(
                    "is {} of dtype {dtype} and shape {}",
                    self.type_name(),
                    crate::npy::show_shape(shape)
                )
            }
            None => format!("is {}", self.type_name()),
        };
        self.refuse(Code::ValueType, &format!("{found}, where {asked} was asked for"))
    }

    /// An error about this object, whose text goes on after its path.
    pub(crate) fn refuse(&self, code: Code, found: &str) -> Error {
        Error::new(code, format!("{} {found}", self.shown_path())).at_pointer(|| self.node.pointer())
    }

    /// The path, cut after 400 characters.
    pub(crate) fn short_path(&self) -> String {
        self.node.path(PLACE_LENGTH)
    }

    fn shown_path(&self) -> String {
        let path = self.short_path();
        if path.is_empty() { "the root".to_owned() } else { path }
    }

    /// Says where an error happened.
    pub(super) fn place(&self, error: Error) -> Error {
        error.about(&self.shown_path()).at_pointer(|| self.node.pointer())
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.type_name(), self.shown_path())
    }
}
