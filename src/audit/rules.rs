//! What each loader refers to, and which types it may declare.
//!
//! A loader either builds what a node declares, and then the name is reported, or it builds something of its own,
//! and then the node must declare exactly that. What skops does, by loader, is written down in `docs/format.md`.

use super::facts::{Fact, Facts};
use super::handed::Handed;
use super::identity::Repeats;
use super::methods::Methods;
use super::pairs::Pairs;
use super::payloads::{PayloadContent, Payloads};
use super::state::States;
use super::{Mentions, Role, keys, parts};
use crate::error::{Code, Error, Result};
use crate::npy::npz::SparseHeader;
use crate::npy::{ArrayHeader, Dtype, Kind, show_dtype, show_shape};
use crate::schema::{Children, Content, Form, Loader, NodeId, NodeRef, Scalar, Schema, TypePath};
use crate::text::shown;
use crate::trust::{SEED_SEQUENCE, name};

/// Checks all nodes, and collects what they refer to. Gives what is left to check once the headers of payloads are known.
pub(super) fn collect<'a>(
    schema: &'a Schema,
    facts: &'a Facts,
    repeats: &'a Repeats,
    mentions: &mut Mentions,
) -> Result<Pairs<'a>> {
    let depth = schema.archive().limits().json_depth;
    let mut rules = Rules {
        schema,
        facts,
        depth,
        states: States::new(facts, repeats),
        key_types: None,
        methods: Methods::new(schema, facts, repeats),
        handed: Handed::new(schema, facts),
    };
    for node in schema.nodes() {
        rules.check(node, mentions).map_err(|error| error.at_pointer(|| node.pointer()))?;
    }
    Ok(rules.states.into_pairs())
}

struct Rules<'a> {
    schema: &'a Schema,
    facts: &'a Facts,
    /// How deep the JSON in a `JsonNode` may be.
    depth: usize,
    states: States<'a>,
    /// The list that was asked about last, and whether it holds the types of keys.
    key_types: Option<(NodeId, bool)>,
    methods: Methods<'a>,
    handed: Handed<'a>,
}

impl Rules<'_> {
    fn check(&mut self, node: NodeRef<'_>, mentions: &mut Mentions) -> Result<()> {
        match node.content() {
            Content::Object { state } => self.object(node, state, mentions),
            Content::Json { text } => self.json(node, text),
            Content::Type => {
                let role = if self.is_key_type(node) { Role::Call } else { self.handed.role(node) };
                mentions.declared(node, role);
                Ok(())
            }
            Content::Array => {
                let is_ndarray = self.facts.of(node) == Fact::Ndarray;
                mentions.declared(node, if is_ndarray { Role::Instantiate } else { Role::Call });
                Ok(())
            }
            Content::Reduce { state, args } => {
                self.state(node, state)?;
                reduce(node, args, self.facts, mentions)
            }
            // What 0.16 puts into the `__dict__` of a partial is as good as the state of an object.
            Content::Partial { namespace, .. } => {
                check(node, mentions)?;
                self.state(node, namespace)
            }
            Content::MaskedArray { mask, .. } => {
                check(node, mentions)?;
                // It is turned into an array of bools, and objects are asked which they are.
                let mask = mask.resolved();
                if self.facts.is_of_numpy(mask) && matches!(mask.content(), Content::Array) {
                    Ok(())
                } else {
                    Err(mismatch(mask, "is the mask of an array, which may ask objects"))
                }
            }
            Content::RandomState { state } => {
                check(node, mentions)?;
                parts::check_generator(self.schema, self.facts, state)
            }
            Content::RandomGenerator { bit_generator, seed_seq } => {
                check(node, mentions)?;
                parts::check_generator(self.schema, self.facts, bit_generator)?;
                seed_seq.map_or(Ok(()), |seeds| parts::check_generator(self.schema, self.facts, seeds))
            }
            Content::Method { object, function } => {
                self.methods.check(node, object.resolved(), function, self.handed.is_handed(node), mentions)
            }
            Content::Function { target, form } => {
                function(node, target, form, self.handed.role(node), mentions)
            }
            Content::ObjectArray { items, shape } => {
                exactly(node, "numpy", "ndarray", mentions)?;
                object_array(items, shape, self.facts)
            }
            _ => check(node, mentions),
        }
    }

    /// Whether a `TypeNode` gives the type of a dict's key. Most do, and come in long lists.
    fn is_key_type(&mut self, node: NodeRef<'_>) -> bool {
        let Some(list) = node.parent() else { return false };
        match self.key_types {
            Some((known, is_key_types)) if known == list.id() => is_key_types,
            _ => {
                let is_key_types = keys::is_key_types(list);
                self.key_types = Some((list.id(), is_key_types));
                is_key_types
            }
        }
    }

    fn json(&self, node: NodeRef<'_>, text: &str) -> Result<()> {
        if self.facts.of(node) != Fact::Str {
            declares(node, "builtins", "str")?;
        }
        Scalar::parse(text, self.depth).map(drop)
    }

    fn object(
        &mut self,
        node: NodeRef<'_>,
        state: Option<NodeRef<'_>>,
        mentions: &mut Mentions,
    ) -> Result<()> {
        let declared = node.declared();
        if declared == TREE {
            return Err(mismatch(node, "a Tree is only built by a TreeNode"));
        }
        mentions.declared(node, Role::Instantiate);
        state.map_or(Ok(()), |state| self.state(node, state))
    }

    fn state(&mut self, owner: NodeRef<'_>, state: NodeRef<'_>) -> Result<()> {
        self.states.check(owner, state)
    }
}

fn check(node: NodeRef<'_>, mentions: &mut Mentions) -> Result<()> {
    match node.content() {
        Content::ConstructorFromReduce { args } => constructor(node, args, mentions),
        Content::Dict(dict) => {
            container(node, "dict", mentions)?;
            parts::check_keys(node.declared(), dict)?;
            keys::check(dict)
        }
        Content::DefaultDict { main, .. } => {
            declares(node, "collections", "defaultdict")?;
            holds(main, Loader::Dict, "main")?;
            declares(main.resolved(), "builtins", "dict")?;
            mentions.declared(node, Role::Instantiate);
            Ok(())
        }
        Content::List(_) => container(node, "list", mentions),
        Content::Tuple(_) => container(node, "tuple", mentions),
        Content::Set(_) => container(node, "set", mentions),
        Content::Partial { args, kwds, namespace, .. } => {
            declares(node, "functools", "partial")?;
            holds(args, Loader::Tuple, "args")?;
            holds(kwds, Loader::Dict, "kwds")?;
            declares(kwds.resolved(), "builtins", "dict")?;
            // `__dict__`, or null when there is none. Python does not look whether it is a dict.
            if !matches!(namespace.content(), Content::Json { text: "null" }) {
                holds(namespace, Loader::Dict, "namespace")?;
                declares(namespace.resolved(), "builtins", "dict")?;
            }
            mentions.declared(node, Role::Instantiate);
            Ok(())
        }
        Content::OperatorFunc { attrs } => operator(node, attrs, mentions),
        Content::Slice { .. } => exactly(node, "builtins", "slice", mentions),
        // `numpy.bytes_` is a subclass of bytes. skops writes it so, reports it, and reads plain bytes.
        Content::Bytes { .. } if node.declared().is("numpy", "bytes_") => {
            mentions.declared(node, Role::Reference);
            Ok(())
        }
        Content::Bytes { .. } => exactly(node, "builtins", "bytes", mentions),
        Content::Bytearray { .. } => exactly(node, "builtins", "bytearray", mentions),
        Content::MaskedArray { data, mask } => {
            holds(data, Loader::NdArray, "data")?;
            holds(mask, Loader::NdArray, "mask")?;
            masked_array(node, mentions)
        }
        Content::DType { array } => dtype(node, array, mentions),
        Content::RandomState { state } => {
            holds(state, Loader::Dict, "content")?;
            mentions.declared(node, Role::Call);
            Ok(())
        }
        Content::RandomGenerator { bit_generator, seed_seq } => {
            random_generator(node, bit_generator, seed_seq, mentions)
        }
        Content::RandomGenerator0 { bit_generator, .. } => {
            mentions.declared(node, Role::Call);
            mentions.other(node, Role::Call, bit_generator.to_string());
            Ok(())
        }
        Content::SparseMatrix => {
            mentions.declared(node, Role::Instantiate);
            Ok(())
        }
        Content::DictWithDeprecatedKeys { main, keys } => {
            holds(main, Loader::Dict, "main")?;
            holds(keys, Loader::Dict, "_deprecated_key_to_new_key")?;
            declares(main.resolved(), "builtins", "dict")?;
            exactly(node, "sklearn.covariance._graph_lasso", "_DictWithDeprecatedKeys", mentions)
        }
        // The others need more than themselves: see `Rules`.
        Content::Reference { .. }
        | Content::Object { .. }
        | Content::Json { .. }
        | Content::Type
        | Content::Array
        | Content::Function { .. }
        | Content::Method { .. }
        | Content::ObjectArray { .. }
        | Content::Reduce { .. } => Ok(()),
    }
}

const TREE: TypePath<'_> = TypePath { module: "sklearn.tree._tree", class: "Tree" };
/// The other name that Python's own library has for `builtins.globals`.
const GLOBALS: TypePath<'_> = TypePath { module: "timeit", class: "_globals" };
const QUANTILE_FOREST: TypePath<'_> =
    TypePath { module: "quantile_forest._quantile_forest_fast", class: "QuantileForest" };

/// Refuses a node that declares another type than the one that its loader builds.
fn declares(node: NodeRef<'_>, module: &str, class: &str) -> Result<()> {
    if node.declared().is(module, class) {
        return Ok(());
    }
    Err(mismatch(node, &format!("builds {module}.{class}")))
}

fn mismatch(node: NodeRef<'_>, but: &str) -> Error {
    let found =
        format!("a {} that declares {} but {but}", node.loader(), shown(&node.declared().to_string()));
    Error::new(Code::TypeMismatch, found)
}

fn exactly(node: NodeRef<'_>, module: &str, class: &str, mentions: &mut Mentions) -> Result<()> {
    declares(node, module, class)?;
    mentions.declared(node, Role::Instantiate);
    Ok(())
}

/// Refuses a part of a node that is of another kind than skops gives it.
fn holds(part: NodeRef<'_>, loader: Loader, field: &str) -> Result<()> {
    let found = part.resolved().loader();
    if found == loader {
        return Ok(());
    }
    let found = format!("a node whose `{field}` is a {found}, where skops writes a {loader}");
    Err(Error::new(Code::MalformedNode, found))
}

/// A container of its builtin type is made by the loader. Any other type is called: with the items, or without any, and then
/// it is filled. Nothing else in `builtins` is such a type, and what `globals` returns would be filled, too.
fn container(node: NodeRef<'_>, builtin: &str, mentions: &mut Mentions) -> Result<()> {
    let declared = node.declared();
    let is_builtin = declared.is("builtins", builtin);
    if (declared.module == "builtins" && !is_builtin) || declared == GLOBALS {
        return Err(mismatch(node, &format!("of `builtins` it makes only {builtin}")));
    }
    let is_made = is_builtin || (builtin == "dict" && declared.is("collections", "OrderedDict"));
    mentions.declared(node, if is_made { Role::Instantiate } else { Role::Call });
    Ok(())
}

fn constructor(node: NodeRef<'_>, args: NodeRef<'_>, mentions: &mut Mentions) -> Result<()> {
    let declared = node.declared();
    if declared == TREE || declared == QUANTILE_FOREST {
        return Err(mismatch(
            node,
            "is not the loader for it, so arguments of the file's choice would be passed",
        ));
    }
    holds(args, Loader::Tuple, "content")?;
    mentions.declared(node, Role::Call);
    Ok(())
}

fn function(
    node: NodeRef<'_>,
    target: TypePath<'_>,
    form: Form,
    role: Role,
    mentions: &mut Mentions,
) -> Result<()> {
    if form != Form::Protocol0 {
        mentions.declared(node, role);
        return Ok(());
    }
    let declared = node.declared();
    let is_function = declared.class == "function" && declared.module == target.module;
    if !is_function && !declared.is("numpy", "ufunc") {
        return Err(mismatch(node, &format!("refers to {target}")));
    }
    mentions.other(node, role, target.to_string());
    Ok(())
}

fn operator(node: NodeRef<'_>, attrs: NodeRef<'_>, mentions: &mut Mentions) -> Result<()> {
    let declared = node.declared();
    let classes = ["attrgetter", "itemgetter", "methodcaller"];
    if declared.module != "operator" || !classes.contains(&declared.class) {
        return Err(mismatch(node, "builds only operator.attrgetter, itemgetter and methodcaller"));
    }
    holds(attrs, Loader::Tuple, "attrs")?;
    mentions.declared(node, Role::Call);
    Ok(())
}

/// numpy's own subclasses (`numpy.ma.core.MaskedConstant`) are genuine, and reported.
fn masked_array(node: NodeRef<'_>, mentions: &mut Mentions) -> Result<()> {
    let declared = node.declared();
    if declared.module != "numpy.ma" && !declared.module.starts_with("numpy.ma.") {
        return Err(mismatch(node, "builds numpy.ma.MaskedArray"));
    }
    mentions.declared(node, Role::Instantiate);
    Ok(())
}

fn dtype(node: NodeRef<'_>, array: NodeRef<'_>, mentions: &mut Mentions) -> Result<()> {
    declares(node, "numpy", "dtype")?;
    holds(array, Loader::NdArray, "content")?;
    // Only an array itself has a dtype of numpy's making; its subclasses may say what they like.
    declares(array.resolved(), "numpy", "ndarray")?;
    mentions.declared(node, Role::Instantiate);
    Ok(())
}

/// skops reads the bit generator's name from the text of the node, not from the object, so it must stand there: no
/// reference, no other kind of dict.
fn random_generator(
    node: NodeRef<'_>,
    bit_generator: NodeRef<'_>,
    seed_seq: Option<NodeRef<'_>>,
    mentions: &mut Mentions,
) -> Result<()> {
    let broken =
        || Error::new(Code::MalformedNode, "a RandomGeneratorNode without the name of a bit generator");
    let Content::Dict(state) = bit_generator.content() else { return Err(broken()) };
    declares(bit_generator, "builtins", "dict")?;
    keys::check_text(state, "the state of a bit generator")?;
    let Some(Content::Json { text }) = state.get("bit_generator").map(NodeRef::content) else {
        return Err(broken());
    };
    let Ok(Scalar::Str(name)) = Scalar::parse(text, 1) else { return Err(broken()) };
    if !name::is_identifier(&name) {
        let found = format!("a bit generator named '{}'", shown(&name));
        return Err(Error::new(Code::NameSyntax, found));
    }
    mentions.declared(node, Role::Call);
    mentions.other(node, Role::Call, format!("numpy.random.{name}"));
    if let Some(seed_seq) = seed_seq {
        holds(seed_seq, Loader::Dict, "seed_seq")?;
        mentions.other(node, Role::Call, SEED_SEQUENCE.to_owned());
    }
    Ok(())
}

fn reduce(node: NodeRef<'_>, args: NodeRef<'_>, facts: &Facts, mentions: &mut Mentions) -> Result<()> {
    holds(args, Loader::Tuple, "__reduce__.args")?;
    declares(args.resolved(), "builtins", "tuple")?;
    parts::check_arguments(args.resolved().children(), facts)?;
    match node.loader() {
        Loader::Tree => exactly(node, TREE.module, TREE.class, mentions),
        Loader::QuantileForest => exactly(node, QUANTILE_FOREST.module, QUANTILE_FOREST.class, mentions),
        _ => loss(node, mentions),
    }
}

/// The modules of scikit-learn's Cython losses. `_loss` is what those of scikit-learn 1.5 to 1.8 say of themselves.
const LOSS_MODULES: [&str; 3] = ["sklearn.linear_model._sgd_fast", "sklearn._loss._loss", "_loss"];

/// skops 0.9 to 0.13 import the class, ask it for its module and name, and import it from there again. So only classes may
/// be declared of which it is known what they answer. The same modules have `np` and `time`, too: for the former, all
/// modules in memory are searched for what has the name `numpy`; the latter is `time.time`, and is called.
fn loss(node: NodeRef<'_>, mentions: &mut Mentions) -> Result<()> {
    let declared = node.declared();
    let rest = match declared.module {
        "sklearn.linear_model._sgd_fast" => Some(declared.class),
        _ => declared.class.strip_prefix("Cy"),
    };
    let is_class = rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()));
    if !is_class || !LOSS_MODULES.contains(&declared.module) {
        return Err(mismatch(node, "builds a Cython loss of scikit-learn"));
    }
    mentions.declared(node, Role::Call);
    if declared.module == "sklearn._loss._loss" {
        mentions.alias(node, Role::Call, format!("_loss.{}", declared.class));
    }
    Ok(())
}

/// The items of an object array must be as many as its shape says, along each dimension. skops itself ignores the
/// shape and counts; then a file could show one shape to a person and another to the program.
fn object_array(items: Children<'_>, shape: NodeRef<'_>, facts: &Facts) -> Result<()> {
    let sizes = read_shape(shape)?;
    let check = |count: usize, size: u64| {
        if count as u64 == size {
            return Ok(());
        }
        let shown = show_shape(&sizes);
        let found = format!("an object array of shape {shown} with {count} items where it has {size}");
        Err(Error::new(Code::ShapeMismatch, found))
    };
    let Some((first, others)) = sizes.split_first() else { return Ok(()) };
    check(items.len(), *first)?;
    let mut level: Vec<_> = items.iter().collect();
    for size in others {
        let mut below = Vec::new();
        for node in level {
            // References are not followed: lists that share lists would make this endless.
            let Content::List(items) = node.content() else {
                return Err(mismatch(node, "stands where an object array has a list"));
            };
            declares(node, "builtins", "list")?;
            check(items.len(), *size)?;
            below.extend(items.iter());
        }
        level = below;
    }
    if others.is_empty() {
        Ok(())
    } else {
        level.into_iter().try_for_each(|item| parts::check_item(item, facts))
    }
}

fn read_shape(shape: NodeRef<'_>) -> Result<Vec<u64>> {
    let refused = || Error::new(Code::ShapeMismatch, "an object array whose shape is no tuple of sizes");
    let Content::Tuple(sizes) = shape.resolved().content() else { return Err(refused()) };
    declares(shape.resolved(), "builtins", "tuple")?;
    let size = |node: NodeRef<'_>| match node.resolved().content() {
        Content::Json { text } => match Scalar::parse(text, 1) {
            Ok(Scalar::Int(digits)) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    };
    // An array without dimensions is its one item, which skops writes in a way that it cannot read.
    if !(1..=64).contains(&sizes.len()) {
        return Err(refused());
    }
    sizes.iter().map(size).collect::<Option<_>>().ok_or_else(refused)
}

/// Checks declared types against what the headers of payloads say.
pub(super) fn check_payload_types(schema: &Schema, facts: &Facts, payloads: &Payloads) -> Result<()> {
    for (node, content) in payloads.iter() {
        let node = schema.node(node);
        let checked = match content {
            PayloadContent::Array(array) => check_scalar(node, facts, array),
            PayloadContent::Sparse(sparse) => check_sparse(node, sparse),
        };
        checked.map_err(|error| error.at_pointer(|| node.pointer()))?;
    }
    Ok(())
}

/// A numpy scalar is stored as an array without dimensions. skops calls its class with the array, which converts an
/// item of another dtype: 200 becomes -56 as an `int8`.
fn check_scalar(node: NodeRef<'_>, facts: &Facts, array: &ArrayHeader) -> Result<()> {
    if facts.of(node) != Fact::Scalar {
        return Ok(());
    }
    if !array.shape.is_empty() {
        let found = format!("a {} of shape {}", node.declared(), show_shape(&array.shape));
        return Err(Error::new(Code::ShapeMismatch, found));
    }
    let fits = match &array.dtype {
        Dtype::Scalar(dtype) => is_of_class(node.declared().class, dtype.kind, dtype.size),
        Dtype::Struct(_) => node.declared().class == "void",
    };
    let dtype = show_dtype(&array.dtype);
    if fits { Ok(()) } else { Err(mismatch(node, &format!("holds an item of dtype {dtype}"))) }
}

/// Whether a class of numpy scalars has this dtype.
fn is_of_class(class: &str, kind: Kind, size: u64) -> bool {
    let sized =
        |prefix: &str, bits: u64| class.strip_prefix(prefix).and_then(|rest| rest.parse().ok()) == Some(bits);
    let bits = size.saturating_mul(8);
    match kind {
        Kind::Bool => matches!(class, "bool" | "bool_"),
        Kind::Int => sized("int", bits) || (class == "longlong" && size == 8),
        Kind::Uint => sized("uint", bits) || (class == "ulonglong" && size == 8),
        Kind::Float => sized("float", bits) || (class == "longdouble" && size == 16),
        Kind::Complex => sized("complex", bits) || (class == "clongdouble" && size == 32),
        Kind::Datetime => class == "datetime64",
        Kind::Timedelta => class == "timedelta64",
        Kind::Bytes => class == "bytes_",
        Kind::Unicode => class == "str_",
        Kind::Void => class == "void",
    }
}

/// `load_npz` builds what the payload says, so the declared type must be that.
fn check_sparse(node: NodeRef<'_>, sparse: &SparseHeader) -> Result<()> {
    let declared = node.declared();
    let format = sparse.format.as_str();
    let expected = |is_array: bool| format!("{format}_{}", if is_array { "array" } else { "matrix" });
    let fits = match sparse.is_array {
        Some(is_array) => declared.class == expected(is_array),
        // scipy before 1.12 does not say, and later releases say it of arrays only. What does not say so is read as a
        // matrix, even where an array was written.
        None => [true, false].map(expected).iter().any(|name| declared.class == name),
    };
    // Where scipy keeps its classes, and kept them before 1.8. Elsewhere below `scipy.sparse` there might be anything.
    let is_home = match declared.module.strip_prefix("scipy.sparse.") {
        Some(module) => module == "_arrays" || module.strip_prefix('_').unwrap_or(module) == format,
        None => declared.module == "scipy.sparse",
    };
    if fits && is_home {
        return Ok(());
    }
    let built = expected(sparse.is_array.unwrap_or(false));
    Err(mismatch(node, &format!("holds what scipy reads as {built}")))
}
