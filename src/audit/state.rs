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

use super::facts::{Fact, Facts};
use super::identity::Repeats;
use super::pairs::{Order, Pairs};
use super::{keys, parts};
use crate::error::{Code, Error, Result};
use crate::schema::{Content, DictRef, Loader, NameId, NodeId, NodeRef, TypePath};
use crate::text::shown;
use crate::trust::tables;

/// Checks states, each once for each class: objects can have one in common.
pub(super) struct States<'a> {
    facts: &'a Facts,
    dicts: HashSet<(NodeId, NameId)>,
    pairs: Pairs<'a>,
}

impl<'a> States<'a> {
    pub(super) fn new(facts: &'a Facts, repeats: &'a Repeats) -> Self {
        Self { facts, dicts: HashSet::new(), pairs: Pairs::new(facts, repeats) }
    }

    /// Checks what becomes the attributes of `owner`.
    pub(super) fn check(&mut self, owner: NodeRef<'_>, state: NodeRef<'_>) -> Result<()> {
        let state = state.resolved();
        let declared = owner.declared();
        // skops itself asks the state of a loss for its truth, and objects in an array would answer.
        let is_loss = matches!(owner.loader(), Loader::Loss | Loader::Sgd);
        let is_looked_into =
            self.facts.of(owner) == Fact::Estimator || matches!(owner.content(), Content::Reduce { .. });
        if is_looked_into && !is_usual(state) && !(is_loss && self.is_tuple_of_values(state)) {
            let loader = state.loader();
            let found = format!("the state of {declared} in a {loader}, where it has a dict");
            return Err(Error::new(Code::MalformedNode, found));
        }
        let items = match state.content() {
            Content::Dict(items) if is_own_kind(state) => items,
            Content::List(items) | Content::Tuple(items) if is_own_kind(state) => {
                return self.pairs.check(declared, items, Order::Kept);
            }
            Content::ObjectArray { items, .. } => return self.pairs.check(declared, items, Order::Kept),
            Content::Set(items) if is_own_kind(state) => {
                return self.pairs.check(declared, items, Order::Any);
            }
            Content::Array if self.pairs.check_array(state) => return Ok(()),
            Content::Json { .. } | Content::Bytes { .. } | Content::Bytearray { .. } => return Ok(()),
            _ => {
                let found =
                    format!("the state of {declared} in a {} of {}", state.loader(), state.declared());
                return Err(Error::new(Code::MalformedNode, found));
            }
        };
        if self.dicts.insert((state.id(), owner.name_id())) {
            check_dict(declared, items)?;
        }
        Ok(())
    }

    /// Whether it is what a loss of scikit-learn 1.8 has, whose items become numbers.
    fn is_tuple_of_values(&self, state: NodeRef<'_>) -> bool {
        let is_value = |item: NodeRef<'_>| parts::is_value(item.resolved(), self.facts);
        matches!(state.content(), Content::Tuple(items) if is_own_kind(state) && items.iter().all(is_value))
    }

    /// What could not be checked without the headers of payloads.
    pub(super) fn into_pairs(self) -> Pairs<'a> {
        self.pairs
    }
}

/// Whether a container is of the kind that its node shows. Of another class it is made by the class: other items can come
/// out of it than went in, it can look them up otherwise, and it can be one that other places fill, too.
pub(super) fn is_own_kind(container: NodeRef<'_>) -> bool {
    let declared = container.declared();
    match container.loader() {
        Loader::Dict => declared.is("builtins", "dict") || declared.is("collections", "OrderedDict"),
        Loader::List => declared.is("builtins", "list"),
        Loader::Tuple => declared.is("builtins", "tuple"),
        Loader::Set => declared.is("builtins", "set"),
        _ => false,
    }
}

/// Whether a container is of another class, which is called for it.
pub(super) fn is_made_by_its_class(node: NodeRef<'_>) -> bool {
    matches!(node.loader(), Loader::Dict | Loader::List | Loader::Tuple | Loader::Set) && !is_own_kind(node)
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
pub(super) fn check_name(name: &str) -> Result<()> {
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
        Content::Dict(_) => is_own_kind(state),
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
        _ => false,
    }
}
