//! States that are no dicts.
//!
//! Without a `__setstate__`, `__dict__.update` takes the items of such a state for pairs of a name and a value, and fails at
//! the first that is none. A file does not say whether a class has one, and many states are tuples; so the names are looked at
//! where all items may be pairs.

use std::collections::HashSet;

use super::facts::{Fact, Facts};
use super::identity::Repeats;
use super::payloads::{PayloadContent, Payloads};
use super::state::{check_name, is_of_sklearn, is_own_kind};
use super::{keys, parts};
use crate::error::{Code, Error, Result};
use crate::npy::{ArrayHeader, Dtype, Kind};
use crate::schema::{Children, Content, DictRef, NodeId, NodeRef, Scalar, Schema, TypePath};

/// Checks pairs, each once: states can have one in common.
pub(super) struct Pairs<'a> {
    facts: &'a Facts,
    repeats: &'a Repeats,
    known: HashSet<NodeId>,
    /// What is left to check once the headers of payloads are known. Nothing in an array can be called, but text can be a name.
    arrays: Vec<Arrays>,
}

/// The order that the items of a state come in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// That of the file.
    Kept,
    /// Any: it is a set.
    Any,
}

enum Arrays {
    /// It is a state itself.
    State(NodeId),
    /// They are items of one state, and what else is in it may be pairs.
    Items(Vec<NodeId>),
}

impl<'a> Pairs<'a> {
    pub(super) fn new(facts: &'a Facts, repeats: &'a Repeats) -> Self {
        Self { facts, repeats, known: HashSet::new(), arrays: Vec::new() }
    }

    /// Checks the names in the items of a state, if all could be taken for pairs. Up to the first that cannot be, each is
    /// asked for its items, and only what numpy, scipy and Python answer by themselves is known.
    pub(super) fn check(&mut self, class: TypePath<'_>, items: Children<'_>, order: Order) -> Result<()> {
        let may_be_pair = |item: &NodeRef<'_>| self.may_be_pair(*item);
        let count = items.iter().map(NodeRef::resolved).take_while(may_be_pair).count();
        let asked = if order == Order::Any { items.len() } else { count };
        if let Some(item) = items.iter().take(asked).map(NodeRef::resolved).find(|item| self.may_run(*item)) {
            let found = format!(
                "a {} of {} in a state that is no dict, where it would be asked for its items",
                item.loader(),
                item.declared()
            );
            return Err(Error::new(Code::MalformedNode, found));
        }
        if count == 0 || count < items.len() {
            return Ok(());
        }
        if is_of_sklearn(class) {
            let found = format!("the attributes of {class} in pairs, where scikit-learn has a dict");
            return Err(Error::new(Code::MalformedNode, found));
        }
        let mut arrays = Vec::new();
        for pair in items.iter().map(NodeRef::resolved) {
            if let Some(array) = self.array_in(pair) {
                arrays.push(array.id());
            } else if self.known.insert(pair.id()) {
                self.check_pair(pair)?;
            }
        }
        if !arrays.is_empty() {
            self.arrays.push(Arrays::Items(arrays));
        }
        Ok(())
    }

    /// The first of a pair must be a name that stands in the file, or nothing that could be a name.
    fn check_pair(&self, pair: NodeRef<'_>) -> Result<()> {
        let is_own_kind = is_own_kind(pair);
        match pair.content() {
            // One that two letters make has no special name, and in others there are numbers or parts of themselves.
            Content::Json { .. }
            | Content::Bytes { .. }
            | Content::Bytearray { .. }
            | Content::SparseMatrix
            | Content::DType { .. } => Ok(()),
            Content::Array if self.facts.of(pair) == Fact::Scalar => Ok(()),
            Content::Tuple(items) if is_own_kind => self.check_first(items),
            _ if self.is_shared(pair) => Err(unclear("in what another place shares")),
            Content::List(items) if is_own_kind => self.check_first(items),
            Content::ObjectArray { items, .. } => self.check_first(items),
            // The items of a set come in any order.
            Content::Set(items) if is_own_kind => items.iter().try_for_each(|item| self.check_name_of(item)),
            Content::Dict(_) if is_own_kind => check_keys(pair),
            Content::DefaultDict { main, .. } => check_keys(main),
            _ => Err(unclear("made while the file is loaded")),
        }
    }

    fn check_first(&self, items: Children<'_>) -> Result<()> {
        items.get(0).map_or(Ok(()), |first| self.check_name_of(first))
    }

    fn check_name_of(&self, first: NodeRef<'_>) -> Result<()> {
        let first = first.resolved();
        let is_never_text = match first.content() {
            // Very many pairs can share one text.
            Content::Json { text } if text.len() <= parts::TEXT_LENGTH => match Scalar::parse(text, 1) {
                Ok(Scalar::Str(name)) => return check_name(&name),
                // Another check refuses what is no scalar.
                _ => true,
            },
            Content::Json { .. } => return Err(unclear("very long")),
            Content::ObjectArray { .. }
            | Content::SparseMatrix
            | Content::Partial { .. }
            | Content::Slice { .. }
            | Content::DType { .. }
            | Content::Bytes { .. } => true,
            Content::Array => match self.facts.of(first) {
                Fact::Scalar => !["str_", "void"].contains(&first.declared().class),
                fact => fact == Fact::Ndarray,
            },
            Content::Type => self.is_plain_type(first),
            Content::Object { .. } => self.facts.of(first) == Fact::Estimator,
            _ => is_own_kind(first),
        };
        if is_never_text { Ok(()) } else { Err(unclear("made while the file is loaded")) }
    }

    /// Whether `__dict__.update` may take an item for a name and a value. What nobody can tell, may be; and what another
    /// place has, too, may have more or less items by then.
    fn may_be_pair(&self, item: NodeRef<'_>) -> bool {
        let is_own_kind = is_own_kind(item);
        match item.content() {
            Content::Tuple(items) if is_own_kind => items.len() == 2,
            Content::List(_) | Content::Set(_) | Content::Dict(_) | Content::ObjectArray { .. }
                if self.is_shared(item) =>
            {
                true
            }
            Content::List(items) if is_own_kind => items.len() == 2,
            Content::ObjectArray { items, .. } => items.len() == 2,
            // Equal ones are one.
            Content::Set(items) if is_own_kind => items.len() >= 2,
            Content::Dict(dict) if is_own_kind => may_have_two(dict),
            Content::DefaultDict { main, .. } => match main.resolved().content() {
                Content::Dict(dict) => self.is_shared(item) || may_have_two(dict),
                _ => true,
            },
            Content::Json { text } if text.len() <= parts::TEXT_LENGTH => match Scalar::parse(text, 1) {
                Ok(Scalar::Str(text)) => text.chars().count() == 2,
                _ => false,
            },
            Content::Partial { .. } | Content::OperatorFunc { .. } | Content::Slice { .. } => false,
            Content::RandomState { .. } | Content::RandomGenerator { .. } => {
                !parts::is_generator(item.declared())
            }
            Content::Type => !self.is_plain_type(item),
            Content::Array => {
                let with_items = ["bytes_", "str_", "void"];
                self.facts.of(item) != Fact::Scalar || with_items.contains(&item.declared().class)
            }
            Content::Object { .. } => {
                self.facts.of(item) != Fact::Estimator || parts::has_items(item.declared())
            }
            _ => true,
        }
    }

    /// Whether code runs when an item is asked for its own that works with what the file put there. An `__iter__` can be of any
    /// class; scikit-learn has some that ask further, and classes that are found in other modules than their own.
    fn may_run(&self, item: NodeRef<'_>) -> bool {
        let is_made_by_a_class = match item.content() {
            Content::Json { .. }
            | Content::ObjectArray { .. }
            | Content::DefaultDict { .. }
            | Content::SparseMatrix
            | Content::Bytes { .. }
            | Content::Bytearray { .. }
            | Content::DType { .. } => false,
            Content::List(_) | Content::Tuple(_) | Content::Set(_) | Content::Dict(_) => !is_own_kind(item),
            Content::MaskedArray { .. } => self.array_in(item).is_none(),
            Content::Array => !self.facts.is_of_numpy(item) && !parts::is_array_of_numpy(item.declared()),
            _ => true,
        };
        is_made_by_a_class && self.may_be_pair(item)
    }

    fn is_shared(&self, node: NodeRef<'_>) -> bool {
        match node.content() {
            Content::DefaultDict { main, .. } if self.repeats.is_shared(main.resolved().id()) => true,
            _ => self.repeats.is_shared(node.id()),
        }
    }

    fn is_plain_type(&self, node: NodeRef<'_>) -> bool {
        self.facts.of(node) == Fact::Scalar || node.declared().module == "builtins"
    }

    /// Whether what is there is an array, or a record, as its header says.
    fn is_array(&self, node: NodeRef<'_>) -> bool {
        let is_record = || self.facts.of(node) == Fact::Scalar && node.declared().class == "void";
        matches!(node.content(), Content::Array) && (self.facts.of(node) == Fact::Ndarray || is_record())
    }

    fn array_in<'b>(&self, node: NodeRef<'b>) -> Option<NodeRef<'b>> {
        let array = match node.content() {
            Content::MaskedArray { data, .. } => data.resolved(),
            _ => node,
        };
        Some(array).filter(|array| self.is_array(*array))
    }

    /// Takes a state that is an array or a scalar, whose header is to be seen. Gives whether it is one.
    pub(super) fn check_array(&mut self, state: NodeRef<'_>) -> bool {
        let is_array = self.is_array(state);
        if is_array {
            self.arrays.push(Arrays::State(state.id()));
        }
        is_array || (matches!(state.content(), Content::Array) && self.facts.of(state) == Fact::Scalar)
    }

    /// Refuses arrays from which names could be taken.
    pub(super) fn check_arrays(&self, schema: &Schema, payloads: &Payloads) -> Result<()> {
        let header = |node: NodeId| match payloads.get(node) {
            Some(PayloadContent::Array(array)) => Some(array),
            _ => None,
        };
        for arrays in &self.arrays {
            let names = match arrays {
                Arrays::State(node) => Some(*node).filter(|node| header(*node).is_some_and(has_pairs)),
                Arrays::Items(nodes) if nodes.iter().all(|node| header(*node).is_some_and(is_pair)) => {
                    nodes.iter().copied().find(|node| header(*node).is_some_and(is_name_and_text))
                }
                Arrays::Items(_) => None,
            };
            if let Some(node) = names {
                let error = unclear("in an array of text or of records");
                return Err(error.at_pointer(|| schema.node(node).pointer()));
            }
        }
        Ok(())
    }
}

/// Whether the rows of an array, or its records, could be pairs of a name and a value.
fn has_pairs(array: &ArrayHeader) -> bool {
    match &array.dtype {
        Dtype::Scalar(dtype) => dtype.kind == Kind::Unicode && array.shape.get(1) == Some(&2),
        Dtype::Struct(_) => true,
    }
}

fn is_pair(array: &ArrayHeader) -> bool {
    match array.shape.first() {
        Some(size) => *size == 2,
        None => matches!(array.dtype, Dtype::Struct(_)),
    }
}

fn is_name_and_text(array: &ArrayHeader) -> bool {
    match &array.dtype {
        Dtype::Scalar(dtype) => dtype.kind == Kind::Unicode && array.shape.len() == 1,
        Dtype::Struct(_) => array.shape.is_empty(),
    }
}

/// Whether a dict has two keys, or more of which some may become equal.
fn may_have_two(dict: DictRef<'_>) -> bool {
    dict.len() == 2 || (dict.len() > 2 && keys::may_merge(dict))
}

fn check_keys(pair: NodeRef<'_>) -> Result<()> {
    let Content::Dict(dict) = pair.resolved().content() else { return Ok(()) };
    keys::check_text(dict, "a state of pairs")?;
    dict.items().try_for_each(|(key, _)| check_name(key))
}

fn unclear(what: &str) -> Error {
    Error::new(Code::MalformedNode, format!("a state of pairs, where a name is {what}"))
}
