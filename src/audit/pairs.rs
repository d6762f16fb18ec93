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
use crate::npy::{Dtype, Kind};
use crate::schema::{Children, Content, NodeId, NodeRef, Scalar, Schema, TypePath};

/// Checks pairs, each once: states can have one in common.
pub(super) struct Pairs<'a> {
    facts: &'a Facts,
    repeats: &'a Repeats,
    known: HashSet<NodeId>,
    /// The arrays that are a state, or a pair in one.
    arrays: Vec<NodeId>,
}

impl<'a> Pairs<'a> {
    pub(super) fn new(facts: &'a Facts, repeats: &'a Repeats) -> Self {
        Self { facts, repeats, known: HashSet::new(), arrays: Vec::new() }
    }

    /// Checks the names in the items of a state, if they could be taken for pairs.
    pub(super) fn check(&mut self, class: TypePath<'_>, items: Children<'_>) -> Result<()> {
        if items.len() == 0 || !items.iter().all(|item| may_be_pair(item.resolved(), self.facts)) {
            return Ok(());
        }
        if is_of_sklearn(class) {
            let found = format!("the attributes of {class} in pairs, where scikit-learn has a dict");
            return Err(Error::new(Code::MalformedNode, found));
        }
        for pair in items.iter().map(NodeRef::resolved) {
            if self.known.insert(pair.id()) {
                self.check_pair(pair)?;
            }
        }
        Ok(())
    }

    /// The first of a pair must be a name that stands in the file, or no name at all.
    fn check_pair(&mut self, pair: NodeRef<'_>) -> Result<()> {
        let is_own_kind = is_own_kind(pair);
        match pair.content() {
            // One that two letters make has no special name.
            Content::Json { .. } | Content::Bytes { .. } | Content::Bytearray { .. } => Ok(()),
            Content::Array if self.facts.of(pair) == Fact::Ndarray => {
                self.array(pair);
                Ok(())
            }
            Content::Tuple(items) if is_own_kind => check_first(items),
            _ if self.repeats.is_shared(pair.id()) => Err(unclear("in what another place shares")),
            Content::List(items) if is_own_kind => check_first(items),
            Content::ObjectArray { items, .. } => check_first(items),
            // The items of a set come in any order.
            Content::Set(items) if is_own_kind => items.iter().try_for_each(check_first_item),
            Content::Dict(_) if is_own_kind => check_keys(pair),
            Content::DefaultDict { main, .. } => check_keys(main),
            _ => Err(unclear("made while the file is loaded")),
        }
    }

    /// Keeps an array in mind, until its header is known. Nothing in it can be called, but text in it can be a name.
    pub(super) fn array(&mut self, array: NodeRef<'_>) {
        self.arrays.push(array.id());
    }

    /// Refuses arrays from which names could be taken.
    pub(super) fn check_arrays(&self, schema: &Schema, payloads: &Payloads) -> Result<()> {
        let may_name = |node: NodeId| match payloads.get(node) {
            Some(PayloadContent::Array(array)) => match &array.dtype {
                Dtype::Scalar(dtype) => dtype.kind == Kind::Unicode && array.shape.contains(&2),
                Dtype::Struct(_) => true,
            },
            _ => false,
        };
        match self.arrays.iter().find(|node| may_name(**node)) {
            None => Ok(()),
            Some(node) => {
                let error = unclear("in an array of text or of records");
                Err(error.at_pointer(|| schema.node(*node).pointer()))
            }
        }
    }
}

/// Whether `__dict__.update` may take an item for a name and a value. What nobody can tell, may be.
fn may_be_pair(item: NodeRef<'_>, facts: &Facts) -> bool {
    let is_own_kind = is_own_kind(item);
    match item.content() {
        Content::List(items) | Content::Tuple(items) | Content::Set(items) if is_own_kind => items.len() == 2,
        Content::ObjectArray { items, .. } => items.len() == 2,
        Content::Dict(dict) if is_own_kind => dict.len() == 2,
        Content::DefaultDict { main, .. } => main.resolved().children().len() == 2,
        Content::Json { text } if text.len() <= parts::TEXT_LENGTH => match Scalar::parse(text, 1) {
            Ok(Scalar::Str(text)) => text.chars().count() == 2,
            _ => false,
        },
        // These have no items, or numbers.
        Content::Partial { .. }
        | Content::OperatorFunc { .. }
        | Content::Slice { .. }
        | Content::DType { .. }
        | Content::SparseMatrix => false,
        Content::Type => facts.of(item) != Fact::Scalar && item.declared().module != "builtins",
        Content::Array => facts.of(item) != Fact::Scalar,
        Content::Object { .. } => {
            facts.of(item) != Fact::Estimator || parts::is_taken_for_list(item.declared())
        }
        _ => true,
    }
}

fn check_keys(pair: NodeRef<'_>) -> Result<()> {
    let Content::Dict(dict) = pair.resolved().content() else { return Ok(()) };
    keys::check_text(dict, "a state of pairs")?;
    dict.items().try_for_each(|(key, _)| check_name(key))
}

fn check_first(items: Children<'_>) -> Result<()> {
    items.get(0).map_or(Ok(()), check_first_item)
}

fn check_first_item(item: NodeRef<'_>) -> Result<()> {
    match item.resolved().content() {
        // Very many pairs can share one text.
        Content::Json { text } if text.len() <= parts::TEXT_LENGTH => match Scalar::parse(text, 1) {
            Ok(Scalar::Str(name)) => check_name(&name),
            // Another check refuses what is no scalar.
            _ => Ok(()),
        },
        Content::Json { .. } => Err(unclear("very long")),
        _ => Err(unclear("made while the file is loaded")),
    }
}

fn unclear(what: &str) -> Error {
    Error::new(Code::MalformedNode, format!("a state of pairs, where a name is {what}"))
}
