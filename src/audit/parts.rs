//! Parts that the code of scikit-learn, and numpy, works with while a file is loaded.
//!
//! Most of what is trusted by default only keeps what it is given. A few classes read attributes of it, call its methods, or
//! look up keys in it, when their state is set: `Tree` asks its nodes for `dtype` and `astype`, `interp1d` within
//! `IsotonicRegression` and `numpy.array` ask for `__array__`, the bit generators look for `value["state"]["key"]`. The file
//! could put an object of its own there, whose attributes are what it says, or a dict whose `default_factory` is called.
//! So these parts must be of the kind that scikit-learn and numpy put there themselves.

use super::facts::{Fact, Facts};
use super::keys;
use super::state::{self, is_of_sklearn};
use crate::error::{Code, Error, Result};
use crate::schema::{Children, Content, DictRef, Loader, NodeRef, Scalar, Schema, TypePath};
use crate::text::shown;

/// What a part may be.
#[derive(Clone, Copy)]
enum Kind {
    Array,
    SparseMatrix,
    Text,
    /// A tuple of numbers.
    Shape,
    /// An object that was made of its class. Its attributes are found where a `FrozenEstimator` has none itself, special ones
    /// too, and those of a module or a class are not the file's to choose from.
    Instance,
}

/// Longest text that is looked at in each place where it is shared, in bytes.
pub(super) const TEXT_LENGTH: usize = 4096;

/// Classes, wherever scikit-learn or quantile-forest have them, and which attributes of theirs are looked into.
const LOOKED_INTO: [(&str, &[&str], Kind); 7] = [
    ("Tree", &["nodes", "values"], Kind::Array),
    ("TreePredictor", &["nodes"], Kind::Array),
    ("IsotonicRegression", &["X_thresholds_", "y_thresholds_"], Kind::Array),
    ("IsotonicRegression", &["out_of_bounds"], Kind::Text),
    ("QuantileForest", &["matrix1", "matrix2"], Kind::SparseMatrix),
    ("QuantileForest", &["shape1", "shape2"], Kind::Shape),
    ("FrozenEstimator", &["estimator"], Kind::Instance),
];

/// Checks those attributes of an object that are looked into while they are set.
pub(super) fn check_attributes(class: TypePath<'_>, attributes: DictRef<'_>) -> Result<()> {
    // Classes of other modules may be scikit-learn's by another name.
    check_attribute(class, attributes, "_sklearn_version", Kind::Text)?;
    if !is_of_sklearn(class) && !class.module.starts_with("quantile_forest.") {
        return Ok(());
    }
    let looked_into = LOOKED_INTO.iter().filter(|(name, ..)| *name == class.class);
    for (_, names, kind) in looked_into {
        names.iter().try_for_each(|name| check_attribute(class, attributes, name, *kind))?;
    }
    Ok(())
}

fn check_attribute(class: TypePath<'_>, attributes: DictRef<'_>, name: &str, kind: Kind) -> Result<()> {
    let Some(part) = attributes.get(name).map(NodeRef::resolved) else { return Ok(()) };
    let is_usual = match (kind, part.content()) {
        // Other arrays have attributes of their own, which can be set.
        (Kind::Array, Content::Array) => part.declared().is("numpy", "ndarray"),
        (Kind::SparseMatrix, Content::SparseMatrix)
        | (
            Kind::Instance,
            Content::Object { .. } | Content::ConstructorFromReduce { .. } | Content::Reduce { .. },
        ) => true,
        (Kind::Shape, Content::Tuple(sizes)) => {
            let is_number = |size: NodeRef<'_>| size.loader() == Loader::Json;
            state::is_own_kind(part) && sizes.iter().all(is_number)
        }
        // Very many objects can share one text.
        (Kind::Text, Content::Json { text }) => {
            text.len() <= TEXT_LENGTH && matches!(Scalar::parse(text, 1), Ok(Scalar::Str(_)))
        }
        _ => false,
    };
    if is_usual {
        return Ok(());
    }
    let found = format!("a {} as the attribute '{name}' of {class}", part.loader());
    Err(Error::new(Code::MalformedNode, found))
}

/// Checks an item of an array of objects of several dimensions, which is made by `numpy.array`. That takes what has a length
/// and items for more lists, a `Pipeline` and other ensembles, too, which ask for their `steps`; and it asks anything else for
/// `__array__`, also the functions and modules that the file only refers to. So only what is known to be no such thing is one.
pub(super) fn check_item(item: NodeRef<'_>, facts: &Facts) -> Result<()> {
    let mut items = vec![item];
    while let Some(item) = items.pop() {
        let is_safe = match item.content() {
            Content::List(inner) | Content::Tuple(inner) => {
                items.extend(inner.iter());
                state::is_own_kind(item)
            }
            _ => is_item(item.resolved(), facts),
        };
        if !is_safe {
            let found = format!(
                "a {} of {} in an array of objects of several dimensions, where numpy would look into it",
                item.loader(),
                item.declared()
            );
            return Err(Error::new(Code::MalformedNode, found));
        }
    }
    Ok(())
}

fn is_item(item: NodeRef<'_>, facts: &Facts) -> bool {
    let declared = item.declared();
    match item.content() {
        Content::Json { .. }
        | Content::ObjectArray { .. }
        | Content::MaskedArray { .. }
        | Content::SparseMatrix
        | Content::Bytes { .. }
        | Content::Bytearray { .. }
        | Content::Slice { .. }
        | Content::DType { .. }
        | Content::DefaultDict { .. } => true,
        // These are called, whatever they are.
        Content::Array => facts.is_of_numpy(item) || is_array_of_numpy(declared),
        Content::RandomState { .. } | Content::RandomGenerator { .. } => is_generator(declared),
        Content::Type => declared.module == "builtins" || facts.of(item) == Fact::Scalar,
        Content::Dict(_) | Content::Set(_) => state::is_own_kind(item),
        Content::Object { .. } if facts.of(item) == Fact::Estimator => !has_items(declared),
        _ => false,
    }
}

/// Whether an object of scikit-learn has items, or may lend them: its `__iter__` or `__getitem__` asks what the file put there.
pub(super) fn has_items(object: TypePath<'_>) -> bool {
    const OTHERS: [&str; 4] = ["ColumnTransformer", "FeatureUnion", "FrozenEstimator", "Pipeline"];
    is_of_sklearn(object) && (OTHERS.contains(&object.class) || object.module.starts_with("sklearn.ensemble"))
}

/// Whether a generator is of numpy's own classes.
pub(super) fn is_generator(declared: TypePath<'_>) -> bool {
    declared.is("numpy.random.mtrand", "RandomState") || declared.is("numpy.random._generator", "Generator")
}

pub(super) fn is_array_of_numpy(declared: TypePath<'_>) -> bool {
    ["matrix", "memmap", "recarray"].contains(&declared.class)
        && (declared.module == "numpy" || declared.module.starts_with("numpy."))
}

/// Whether there is nothing but numbers or text, so that nobody is asked for anything.
pub(super) fn is_value(part: NodeRef<'_>, facts: &Facts) -> bool {
    match part.content() {
        Content::Json { .. } => true,
        Content::Array => facts.is_of_numpy(part),
        _ => false,
    }
}

/// Checks what the class of a tree, a loss or a forest is called with. It makes numbers and truths of that: whatever else were
/// there would be asked for them.
pub(super) fn check_arguments(args: Children<'_>, facts: &Facts) -> Result<()> {
    match args.iter().map(NodeRef::resolved).find(|item| !is_value(*item, facts)) {
        None => Ok(()),
        Some(item) => {
            let found = format!("a {} of {} among arguments", item.loader(), item.declared());
            Err(Error::new(Code::MalformedNode, found))
        }
    }
}

/// Checks that there is nothing in the state of a generator but what states of generators are made of.
pub(super) fn check_generator(schema: &Schema, facts: &Facts, state: NodeRef<'_>) -> Result<()> {
    for part in schema.subtree(state) {
        let is_plain = match part.content() {
            Content::Json { .. } | Content::Array => is_value(part, facts),
            Content::Reference { .. } => is_value(part.resolved(), facts),
            Content::Dict(_) => part.declared().is("builtins", "dict"),
            Content::List(_) | Content::Tuple(_) => part.declared().module == "builtins",
            Content::Type => part.parent().is_some_and(keys::is_key_types),
            _ => false,
        };
        if !is_plain {
            let found = format!("a {} of {} in the state of a generator", part.loader(), part.declared());
            return Err(Error::new(Code::MalformedNode, found));
        }
    }
    Ok(())
}

/// Checks the keys of a dict of a class of its own: a `Bunch` has them for attributes, special ones too.
pub(super) fn check_keys(class: TypePath<'_>, dict: DictRef<'_>) -> Result<()> {
    if ["builtins", "collections"].contains(&class.module) {
        return Ok(());
    }
    keys::check_text(dict, "a dict that may have its keys for attributes")?;
    match dict.items().find(|(key, _)| state::is_special(key)) {
        None => Ok(()),
        Some((key, _)) => {
            let found = format!("the key '{}' of a {class}, which may be an attribute", shown(key));
            Err(Error::new(Code::AttributeName, found))
        }
    }
}
