//! What skops makes the attributes of an object.
//!
//! The state is handed to `__setstate__` where the class has one, and else to `__dict__.update`. That asks whatever it is
//! given for `keys`, and calls them; of anything else it takes the items as pairs of a name and a value. So a state may only
//! be of a kind that has no `keys` of the file's choice, and all names are looked at.
//!
//! Python looks an attribute up on the instance before the class. `IsotonicRegression.__setstate__` calls `self._build_f`
//! with other attributes, and an estimator that is told of another release of scikit-learn shows what it was told, by way of
//! `get_params`: an attribute of such a name would be called while the file is being loaded.

use std::collections::HashSet;

use super::facts::Fact;
use super::keys::{self, KeyKind};
use super::parts;
use crate::error::{Code, Error, Result};
use crate::schema::{Children, Content, DictRef, Loader, NameId, NodeId, NodeRef, Scalar, TypePath};
use crate::text::shown;
use crate::trust::tables;

/// The states that were checked, for each class, and pairs in them: objects can have one in common.
#[derive(Default)]
pub(super) struct States {
    dicts: HashSet<(NodeId, NameId)>,
    pairs: HashSet<NodeId>,
}

impl States {
    /// Checks what becomes the attributes of `owner`, which is `fact`.
    pub(super) fn check(&mut self, owner: NodeRef<'_>, fact: Fact, state: NodeRef<'_>) -> Result<()> {
        let state = state.resolved();
        let declared = owner.declared();
        let is_looked_into =
            fact == Fact::Estimator || matches!(owner.loader(), Loader::Tree | Loader::QuantileForest);
        if is_looked_into && !is_usual(state) {
            let loader = state.loader();
            let found = format!("the state of {declared} in a {loader}, where it has a dict");
            return Err(Error::new(Code::MalformedNode, found));
        }
        let dict = match state.content() {
            Content::Dict(_) => state,
            Content::DefaultDict { main, .. } if main.loader() == Loader::Cached => {
                let found = "the attributes of an object in a dict that stands elsewhere";
                return Err(Error::new(Code::MalformedNode, found));
            }
            Content::DefaultDict { main, .. } => main,
            Content::List(items)
            | Content::Tuple(items)
            | Content::Set(items)
            | Content::ObjectArray { items, .. } => return self.pairs(declared, items),
            Content::Json { .. } | Content::Array | Content::Bytes { .. } | Content::Bytearray { .. } => {
                return Ok(());
            }
            _ => {
                let found = format!("the state of {declared} in a {}", state.loader());
                return Err(Error::new(Code::MalformedNode, found));
            }
        };
        // Another rule refuses a `main` that is no dict.
        let Content::Dict(items) = dict.content() else { return Ok(()) };
        if self.dicts.insert((dict.id(), owner.name_id())) {
            check_dict(declared, items)?;
        }
        Ok(())
    }

    /// Checks the names in what could be taken for pairs. If one of the items is none, `__dict__.update` fails.
    fn pairs(&mut self, class: TypePath<'_>, items: Children<'_>) -> Result<()> {
        if items.len() == 0 || !items.iter().all(|item| pair_length(item.resolved()) == Some(2)) {
            return Ok(());
        }
        if is_of_sklearn(class) {
            let found = format!("the attributes of {class} in pairs, where scikit-learn has a dict");
            return Err(Error::new(Code::MalformedNode, found));
        }
        for pair in items.iter().map(NodeRef::resolved) {
            if self.pairs.insert(pair.id()) {
                check_pair(pair)?;
            }
        }
        Ok(())
    }
}

fn check_dict(class: TypePath<'_>, dict: DictRef<'_>) -> Result<()> {
    keys::check_text(dict, "an object's attributes")?;
    dict.items().try_for_each(|(name, _)| check_name(name))?;
    let is_hidden = |name: &str| CALLED.contains(&name) || (has_methods(class) && hides(name));
    let hidden = dict.items().find(|(name, _)| is_hidden(name));
    if let Some((name, _)) = hidden {
        let found = format!("the attribute '{}' of {class}, which is its class's", shown(name));
        return Err(Error::new(Code::AttributeName, found));
    }
    parts::check_attributes(class, dict)
}

/// How many items there are in what has items. An array of numbers or text is left out: nothing in it can be called.
fn pair_length(node: NodeRef<'_>) -> Option<usize> {
    match node.content() {
        Content::List(items)
        | Content::Tuple(items)
        | Content::Set(items)
        | Content::ObjectArray { items, .. } => Some(items.len()),
        Content::Dict(dict) => Some(dict.len()),
        Content::DefaultDict { main, .. } => Some(main.resolved().children().len()),
        _ => None,
    }
}

/// The first of a pair must be a name that stands in the file, or no name at all.
fn check_pair(pair: NodeRef<'_>) -> Result<()> {
    let unclear = |what: &str| {
        Err(Error::new(Code::MalformedNode, format!("a state of pairs, where a name is {what}")))
    };
    match pair.content() {
        Content::Dict(_) | Content::DefaultDict { .. } => {
            let dict =
                if pair.loader() == Loader::Dict { pair } else { pair.children().get(0).unwrap_or(pair) };
            let Content::Dict(dict) = dict.resolved().content() else { return Ok(()) };
            let Content::List(types) = dict.key_types().resolved().content() else { return Ok(()) };
            if types.iter().any(|node| KeyKind::of(node.resolved()) == Some(KeyKind::Reported)) {
                return unclear("the key of a dict, of a type that is called");
            }
            dict.items().try_for_each(|(key, _)| check_name(key))
        }
        // The items of a set come in any order.
        Content::Set(items) => items.iter().try_for_each(|item| match item.resolved().content() {
            Content::Json { text } => check_text(text),
            _ => unclear("made while the file is loaded"),
        }),
        _ => match pair.children().get(0).map(|first| first.resolved().content()) {
            Some(Content::Json { text }) => check_text(text),
            _ => unclear("made while the file is loaded"),
        },
    }
}

fn check_text(text: &str) -> Result<()> {
    // Another check refuses what is no scalar.
    match Scalar::parse(text, 1) {
        Ok(Scalar::Str(name)) => check_name(&name),
        _ => Ok(()),
    }
}

/// Special attributes that only describe an object. scipy's frozen distributions have `__doc__`, enums `__objclass__`.
const DESCRIPTIVE: [&str; 7] = [
    "__annotations__",
    "__doc__",
    "__module__",
    "__name__",
    "__objclass__",
    "__orig_class__",
    "__qualname__",
];

/// `__class__` and its like would replace what Python looks up on the object itself.
fn check_name(name: &str) -> Result<()> {
    if is_special(name) {
        return Err(Error::new(Code::AttributeName, format!("the attribute '{}'", shown(name))));
    }
    Ok(())
}

pub(super) fn is_special(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__") && !DESCRIPTIVE.contains(&name)
}

fn is_usual(state: NodeRef<'_>) -> bool {
    match state.content() {
        Content::Dict(_) => true,
        // What `object.__getstate__` gives for an object without state.
        Content::Json { text } => text == "null",
        _ => false,
    }
}

/// The classes of scikit-learn whose instances do have attributes that are named like methods of others.
const HAVE_METHOD_NAMES: [&str; 2] = ["MetadataRequest", "_BisectingTree"];

/// Methods that scikit-learn calls while it takes a state, or shows an estimator. A class of another module may be one of its own.
const CALLED: [&str; 5] = ["_build_f", "_get_param_names", "get_params", "_repr_html_", "_repr_mimebundle_"];

/// Attributes of classes that choose what native code does, and that no instance has of its own.
const CLASS_ATTRIBUTES: [&str; 3] = ["_impl", "_sparse_kernels", "is_multiclass"];

/// Whether no instance of a class has attributes that [`hides`] is true of.
pub(crate) fn has_methods(class: TypePath<'_>) -> bool {
    is_of_sklearn(class) && !HAVE_METHOD_NAMES.contains(&class.class)
}

pub(super) fn is_of_sklearn(class: TypePath<'_>) -> bool {
    class.module == "sklearn" || class.module.starts_with("sklearn.")
}

/// Whether an attribute of this name would be found in the place of a method, or of another attribute of the class.
fn hides(name: &str) -> bool {
    tables::is_method(name) || CLASS_ATTRIBUTES.contains(&name)
}

/// Whether a node is what its parent makes attributes of.
pub(super) fn is_state(node: NodeRef<'_>) -> bool {
    let of = |part: NodeRef<'_>| part.id() == node.id();
    match node.parent().map(NodeRef::content) {
        Some(Content::Object { state: Some(state) } | Content::Reduce { state, .. }) => of(state),
        Some(Content::Partial { namespace, .. }) => of(namespace),
        Some(Content::DefaultDict { main, .. }) => of(main) && node.parent().is_some_and(is_state),
        _ => false,
    }
}
