//! What an object is: the values that Python would have, as data.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::graph::Graph;
use super::key::Key;
use super::object::Object;
use crate::error::Result;
use crate::npy::{Dtype, NdArray, SparseMatrix};
use crate::schema::{Children, Content, DictRef, NodeRef, Scalar};
use crate::text::shown;
use crate::trust::tables;

/// What an [`Object`] is. Functions, methods and types are names: nothing here can be called.
#[derive(Clone)]
#[non_exhaustive]
pub enum Value<'m> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An `int` of any size.
    Int(Int<'m>),
    /// A `float`; NaN, the infinities and minus zero included.
    Float(f64),
    /// A `str`.
    Str(Cow<'m, str>),
    /// `bytes`.
    Bytes(Arc<[u8]>),
    /// A `bytearray`.
    Bytearray(Arc<[u8]>),
    /// A `list`, or a subclass of it.
    List(Sequence<'m>),
    /// A `tuple`.
    Tuple(Sequence<'m>),
    /// A named tuple, whose class is called with the items. The file does not have the names.
    NamedTuple(Sequence<'m>),
    /// A `set`, or a subclass of it.
    Set(Sequence<'m>),
    /// A `dict`, or a subclass of it.
    Dict(Dict<'m>),
    /// A `collections.OrderedDict`.
    OrderedDict(Dict<'m>),
    /// A `collections.defaultdict`.
    DefaultDict {
        /// The items.
        items: Dict<'m>,
        /// What makes a value for a key that is not there, or `None`.
        default_factory: Object<'m>,
    },
    /// A `slice`.
    Slice(Slice<'m>),
    /// A numpy dtype; `None` is that of Python objects.
    Dtype(Option<Dtype>),
    /// A numpy array.
    Array(NdArray),
    /// A numpy scalar, such as `numpy.float64`: an array without dimensions.
    Scalar(NdArray),
    /// A numpy array of Python objects.
    ObjectArray(ObjectArray<'m>),
    /// A numpy masked array.
    MaskedArray {
        /// The items: an array.
        data: Object<'m>,
        /// Which of them do not count: an array of bools.
        mask: Object<'m>,
    },
    /// A scipy sparse matrix or array.
    Sparse(Box<SparseMatrix>),
    /// A `numpy.random.RandomState`: its state, a dict.
    RandomState(Object<'m>),
    /// A `numpy.random.Generator`.
    Generator(Generator<'m>),
    /// A class, or a builtin function, by its full name.
    Type(String),
    /// A function or ufunc, by its full name.
    Function(String),
    /// A `functools.partial`.
    Partial {
        /// What is to be called.
        func: Object<'m>,
        /// With these arguments: a tuple.
        args: Object<'m>,
        /// And these keywords: a dict.
        keywords: Object<'m>,
        /// Attributes of the partial itself: a dict, or `None`.
        namespace: Object<'m>,
    },
    /// A method of an object.
    Method {
        /// The object.
        object: Object<'m>,
        /// The method's name.
        name: &'m str,
    },
    /// An `operator.attrgetter`, `itemgetter` or `methodcaller`: see [`Object::class_name`].
    Operator {
        /// The arguments: a tuple.
        args: Object<'m>,
    },
    /// An instance of any other class.
    Instance(Instance<'m>),
    /// A `sklearn.tree._tree.Tree`. Its arguments are the number of features, the numbers of classes (an array), and
    /// the number of outputs.
    Tree(Instance<'m>),
    /// A `quantile_forest._quantile_forest_fast.QuantileForest`.
    QuantileForest(Instance<'m>),
    /// A Cython loss of scikit-learn.
    Loss(Instance<'m>),
}

impl<'m> Value<'m> {
    /// What a node is. Reads the payload of the node itself, if it has one.
    pub(super) fn of(graph: Graph<'m>, node: NodeRef<'m>) -> Result<Self> {
        graph.spend(cost(node))?;
        let object = |node| Object::new(graph, node);
        let sequence = |children| Sequence::new(graph, children);
        Ok(match node.content() {
            Content::Json { text } => Self::json(graph, text)?,
            Content::Array if node.declared().is("numpy", "ndarray") => Self::Array(graph.array(node)?),
            Content::Array => {
                let array = graph.array(node)?;
                // A subclass of ndarray may have no dimensions, too; a scalar has its class in numpy.
                let name = node.declared().to_string();
                let is_scalar = array.ndim() == 0 && (tables::is_scalar(&name) || name == "numpy.record");
                if is_scalar { Self::Scalar(array) } else { Self::Array(array) }
            }
            Content::Bytes { .. } => Self::Bytes(graph.bytes(node)?),
            Content::Bytearray { .. } => Self::Bytearray(graph.bytes(node)?),
            Content::SparseMatrix => Self::Sparse(Box::new(graph.sparse(node)?)),
            Content::List(children) => Self::List(sequence(children)),
            Content::Tuple(children) if node.declared().is("builtins", "tuple") => {
                Self::Tuple(sequence(children))
            }
            Content::Tuple(children) => Self::NamedTuple(sequence(children)),
            Content::Set(children) => Self::Set(sequence(children)),
            Content::Dict(dict) if node.declared().is("collections", "OrderedDict") => {
                Self::OrderedDict(Dict { graph, dict })
            }
            Content::Dict(dict) => Self::Dict(Dict { graph, dict }),
            Content::DefaultDict { main, factory } => {
                Self::DefaultDict { items: Dict::of(graph, main), default_factory: object(factory) }
            }
            Content::DictWithDeprecatedKeys { main, .. } => Self::Dict(Dict::of(graph, main)),
            Content::Slice { bounds } => Self::Slice(Slice { bounds }),
            Content::DType { array } => Self::Dtype(
                graph.audit().dtype_and_shape(array.resolved().id()).map(|(dtype, _)| dtype.clone()),
            ),
            Content::ObjectArray { items, shape } => {
                Self::ObjectArray(ObjectArray { items: sequence(items), shape: sizes(shape) })
            }
            Content::MaskedArray { data, mask } => {
                Self::MaskedArray { data: object(data), mask: object(mask) }
            }
            Content::RandomState { state } => Self::RandomState(object(state)),
            Content::RandomGenerator { bit_generator, seed_seq } => Self::Generator(Generator {
                state: GeneratorState::Object(object(bit_generator)),
                seed_sequence: seed_seq.map(object),
            }),
            Content::RandomGenerator0 { state, .. } => {
                Self::Generator(Generator { state: GeneratorState::Json(state), seed_sequence: None })
            }
            Content::Type => Self::Type(node.declared().to_string()),
            Content::Function { target, .. } => Self::Function(target.to_string()),
            Content::Partial { func, args, kwds, namespace } => Self::Partial {
                func: object(func),
                args: object(args),
                keywords: object(kwds),
                namespace: object(namespace),
            },
            Content::Method { object: of, function } => Self::Method { object: object(of), name: function },
            Content::OperatorFunc { attrs } => Self::Operator { args: object(attrs) },
            Content::Object { state } => Self::Instance(Instance { args: None, state: state.map(object) }),
            Content::ConstructorFromReduce { args } => {
                Self::Instance(Instance { args: Some(object(args)), state: None })
            }
            Content::Reduce { state, args } => {
                let instance = Instance { args: Some(object(args)), state: Some(object(state)) };
                match node.loader() {
                    crate::schema::Loader::Tree => Self::Tree(instance),
                    crate::schema::Loader::QuantileForest => Self::QuantileForest(instance),
                    _ => Self::Loss(instance),
                }
            }
            // Objects are made of nodes that are no references; see `Object::new`.
            Content::Reference { .. } => Self::None,
        })
    }

    fn json(graph: Graph<'m>, text: &'m str) -> Result<Self> {
        let depth = graph.audit().schema().archive().limits().json_depth;
        Ok(match Scalar::parse(text, depth)? {
            Scalar::None => Self::None,
            Scalar::Bool(value) => Self::Bool(value),
            Scalar::Int(digits) => Self::Int(Int { digits }),
            Scalar::Float(value) => Self::Float(value),
            Scalar::Str(text) => Self::Str(text),
        })
    }

    /// What the value is, in words, for errors.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::Float(_) => "a float",
            Self::Str(_) => "a str",
            Self::Bytes(_) => "bytes",
            Self::Bytearray(_) => "a bytearray",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::NamedTuple(_) => "a named tuple",
            Self::Set(_) => "a set",
            Self::Dict(_) => "a dict",
            Self::OrderedDict(_) => "an OrderedDict",
            Self::DefaultDict { .. } => "a defaultdict",
            Self::Slice(_) => "a slice",
            Self::Dtype(_) => "a dtype",
            Self::Array(_) => "an array",
            Self::Scalar(_) => "a numpy scalar",
            Self::ObjectArray(_) => "an array of objects",
            Self::MaskedArray { .. } => "a masked array",
            Self::Sparse(_) => "a sparse matrix",
            Self::RandomState(_) => "a RandomState",
            Self::Generator(_) => "a Generator",
            Self::Type(_) => "a type",
            Self::Function(_) => "a function",
            Self::Partial { .. } => "a partial",
            Self::Method { .. } => "a method",
            Self::Operator { .. } => "an operator",
            Self::Instance(_) => "an instance",
            Self::Tree(_) => "a Tree",
            Self::QuantileForest(_) => "a QuantileForest",
            Self::Loss(_) => "a loss",
        }
    }
}

/// What it takes to look at a node, besides its payload.
fn cost(node: NodeRef<'_>) -> usize {
    match node.content() {
        Content::Json { text } => text.len(),
        // All items may be asked for, which are nodes below this one.
        Content::ObjectArray { .. } => node.id().0.saturating_sub(node.low().0) as usize,
        _ => 1,
    }
}

/// An `int` of any size.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Int<'m> {
    digits: &'m str,
}

impl<'m> Int<'m> {
    pub(super) fn new(digits: &'m str) -> Self {
        Self { digits }
    }

    /// The decimal digits, with a minus sign before a negative one.
    #[must_use]
    pub fn as_str(&self) -> &'m str {
        self.digits
    }

    /// The number, if it fits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        self.digits.parse().ok()
    }

    /// The number, if it fits.
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        self.digits.parse().ok()
    }

    /// The number, if it fits. The state of a `PCG64` needs this many bits.
    #[must_use]
    pub fn to_u128(&self) -> Option<u128> {
        self.digits.parse().ok()
    }
}

impl fmt::Debug for Int<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown(self.digits))
    }
}

/// Objects one after the other.
#[derive(Clone, Copy)]
pub struct Sequence<'m> {
    graph: Graph<'m>,
    children: Children<'m>,
}

impl<'m> Sequence<'m> {
    pub(super) fn new(graph: Graph<'m>, children: Children<'m>) -> Self {
        Self { graph, children }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The object at a position, from zero.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Object<'m>> {
        self.children.get(index).map(|node| Object::new(self.graph, node))
    }

    /// The objects in order; those of a set in the order of the file, which means nothing.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Object<'m>> + use<'m> {
        let graph = self.graph;
        self.children.iter().map(move |node| Object::new(graph, node))
    }
}

/// The items of a dict, in order.
#[derive(Clone, Copy)]
pub struct Dict<'m> {
    graph: Graph<'m>,
    dict: DictRef<'m>,
}

impl<'m> Dict<'m> {
    /// The dict that a node is, of which the audit knows that it is one.
    fn of(graph: Graph<'m>, node: NodeRef<'m>) -> Self {
        Self { graph, dict: DictRef::new(node.resolved()) }
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dict.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = (Key<'m>, Object<'m>)> + use<'m> {
        let graph = self.graph;
        // The audit has checked that there are as many types as keys.
        let types = match self.dict.key_types().resolved().content() {
            Content::List(types) => Some(types),
            _ => None,
        };
        let types = types.into_iter().flat_map(Children::iter);
        self.dict
            .items()
            .zip(types)
            .map(move |((key, value), key_type)| (Key::new(key, key_type), Object::new(graph, value)))
    }

    /// The value of the key that the file writes so: a text as it is, a number as Python writes it. Takes time in
    /// proportion to the number of items; collect a large dict into a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Object<'m>> {
        self.dict.get(key).map(|node| Object::new(self.graph, node))
    }
}

/// A `slice`.
#[derive(Clone, Copy)]
pub struct Slice<'m> {
    bounds: &'m str,
}

/// A bound of a [`Slice`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// An integer, as Python writes it.
    Int(String),
    /// The name of a column: what `ColumnTransformer` takes.
    Str(String),
}

impl Slice<'_> {
    /// The first position, the one after the last, and the step; those that are not `None`.
    #[must_use]
    pub fn bounds(&self) -> [Option<Bound>; 3] {
        // The schema wrote this text itself, as JSON.
        let parts: Vec<&serde_json::value::RawValue> = serde_json::from_str(self.bounds).unwrap_or_default();
        let mut parts = parts.into_iter().map(serde_json::value::RawValue::get).map(|part| match part {
            "null" => None,
            text if text.starts_with('"') => serde_json::from_str(text).ok().map(Bound::Str),
            number => Some(Bound::Int(number.to_owned())),
        });
        std::array::from_fn(|_| parts.next().flatten())
    }
}

/// A numpy array of Python objects.
#[derive(Clone)]
pub struct ObjectArray<'m> {
    items: Sequence<'m>,
    shape: Vec<usize>,
}

impl<'m> ObjectArray<'m> {
    /// Items along each dimension.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The items along the first dimension: with more dimensions than one, these are lists.
    #[must_use]
    pub fn outer(&self) -> Sequence<'m> {
        self.items
    }

    /// All items in row order.
    #[must_use]
    pub fn flat(&self) -> Vec<Object<'m>> {
        let mut level: Vec<_> = self.items.iter().collect();
        for _ in 1..self.shape.len() {
            // The audit has checked that these are lists, of the lengths in `shape`.
            level = level.iter().flat_map(Object::listed).collect();
        }
        level
    }
}

/// The audit has checked that the shape is a tuple of sizes.
fn sizes(shape: NodeRef<'_>) -> Vec<usize> {
    let Content::Tuple(sizes) = shape.resolved().content() else { return Vec::new() };
    let size = |node: NodeRef<'_>| match node.resolved().content() {
        Content::Json { text } => text.trim().parse().ok(),
        _ => None,
    };
    sizes.iter().filter_map(size).collect()
}

/// A `numpy.random.Generator`.
#[derive(Clone, Copy)]
pub struct Generator<'m> {
    state: GeneratorState<'m>,
    seed_sequence: Option<Object<'m>>,
}

/// The state of a bit generator: a dict with its name as `bit_generator`.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum GeneratorState<'m> {
    /// A dict.
    Object(Object<'m>),
    /// JSON, in files of skops up to 0.5.
    Json(&'m str),
}

impl<'m> Generator<'m> {
    /// The state of the bit generator.
    #[must_use]
    pub fn state(&self) -> GeneratorState<'m> {
        self.state
    }

    /// The seed sequence, which skops stores since 0.10.
    #[must_use]
    pub fn seed_sequence(&self) -> Option<Object<'m>> {
        self.seed_sequence
    }
}

/// An instance of a class: what it was made of. See [`Object::attr`] for its attributes.
#[derive(Clone, Copy)]
pub struct Instance<'m> {
    args: Option<Object<'m>>,
    state: Option<Object<'m>>,
}

impl<'m> Instance<'m> {
    /// The arguments of the constructor, a tuple, for the classes that are made by calling them.
    #[must_use]
    pub fn args(&self) -> Option<Object<'m>> {
        self.args
    }

    /// The state: a dict of attributes, or whatever else the class gives to `__setstate__`.
    #[must_use]
    pub fn state(&self) -> Option<Object<'m>> {
        self.state
    }
}
