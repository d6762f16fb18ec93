//! What may not be shared.
//!
//! skops, scikit-learn and numpy look into some parts once these have been built, apart from their owner: types of keys, which
//! are called; the state of a generator, where names and numbers are looked up; the state of an object; what `numpy.array` is
//! given; and other parts with attributes of their own that are looked for. If another place had the part, too, what the file
//! calls there could have changed it by then, and the nodes would not show it. skops writes each of them for its owner alone.

use super::{keys, state};
use crate::error::{Code, Error, Result};
use crate::intern::{IntegerHash, IntegerMap};
use crate::schema::{Content, Loader, NodeId, NodeRef, Schema};

/// Checks the nodes that are an object which an earlier node is already: repeated bodies, and references, which are resolved.
/// An object may stand twice within one owner. When it stands anywhere else, too, all its places are looked at.
pub(super) fn check(
    schema: &Schema,
    repeats: &[(NodeId, NodeId)],
    references: &[(NodeId, NodeId)],
) -> Result<()> {
    let mut sharing = Sharing { schema, holders: IntegerMap::with_hasher(IntegerHash::new()) };
    let mut within = Vec::new();
    let mut apart: Vec<_> = references.iter().map(|(_, first)| *first).collect();
    for (node, first) in repeats {
        if sharing.are_of_one_object(schema.node(*first), schema.node(*node)) {
            within.push((*node, *first));
        } else {
            sharing.check_unshared(schema.node(*node))?;
            apart.push(*first);
        }
    }
    for (reference, _) in references {
        sharing.check_unshared(schema.node(*reference))?;
    }
    apart.sort_unstable();
    apart.dedup();
    for first in &apart {
        sharing.check_unshared(schema.node(*first))?;
    }
    for (node, first) in within {
        if apart.binary_search(&first).is_ok() {
            sharing.check_unshared(schema.node(node))?;
        }
    }
    Ok(())
}

struct Sharing<'a> {
    schema: &'a Schema,
    /// For each container that was asked about, what holds it, by way of other containers.
    holders: IntegerMap<u32, Option<NodeId>>,
}

impl<'a> Sharing<'a> {
    /// Whether two places of an object are in the same owner. What is written twice is written with all that is in it, and is
    /// built once.
    fn are_of_one_object(&mut self, one: NodeRef<'a>, other: NodeRef<'a>) -> bool {
        let same = |one: NodeRef<'_>, other: NodeRef<'_>| {
            one.id() == other.id() || (one.object_id().is_some() && one.object_id() == other.object_id())
        };
        // What is called for a container sees what is in it before its owner does.
        let owners = one.parent().zip(other.parent());
        if owners.is_some_and(|(one, other)| same(one, other) && !state::is_made_by_its_class(one)) {
            return true;
        }
        let holders = self.holder(one).zip(self.holder(other));
        holders.is_some_and(|(one, other)| looked_through(one).is_some() && same(one, other))
    }

    fn check_unshared(&mut self, node: NodeRef<'a>) -> Result<()> {
        let what = if keys::is_key_types(node) {
            "the types of a dict's keys"
        } else if state::is_state(node) && node.resolved().loader() != Loader::Json {
            "the state of an object"
        } else if is_masked_data(node) {
            "the data of a masked array, of a class of its own"
        } else if is_matrix_of_forest(node) {
            "a sparse matrix of a QuantileForest"
        } else {
            match self.holder(node).and_then(looked_through) {
                Some(what) => what,
                None => return Ok(()),
            }
        };
        let found = format!("{what}, which another place shares");
        Err(Error::new(Code::MalformedNode, found).at_pointer(|| node.pointer()))
    }

    /// What holds a container, or what else can be changed, by way of other containers.
    fn holder(&mut self, node: NodeRef<'a>) -> Option<NodeRef<'a>> {
        if is_shape(node) || !is_changeable(node.resolved()) {
            return None;
        }
        let mut containers = Vec::new();
        let mut above = node.parent();
        let holder = loop {
            match above {
                // One that only holds what is in it.
                Some(container) if state::is_own_kind(container) => {
                    if let Some(known) = self.holders.get(&container.id().0) {
                        break *known;
                    }
                    containers.push(container.id());
                    above = container.parent();
                }
                _ => break above.map(NodeRef::id),
            }
        };
        for container in containers {
            self.holders.insert(container.0, holder);
        }
        holder.map(|holder| self.schema.node(holder))
    }
}

/// Of an array of objects. Another check wants numbers there.
fn is_shape(node: NodeRef<'_>) -> bool {
    match node.parent().map(NodeRef::content) {
        Some(Content::ObjectArray { shape, .. }) => shape.id() == node.id(),
        _ => false,
    }
}

/// The longest tuple of which each item is looked at wherever it stands.
const SHORT: usize = 64;

/// Whether an object, or what is in it, can be changed, or attributes can be set. In a tuple of values they cannot.
fn is_changeable(node: NodeRef<'_>) -> bool {
    let items = node.children();
    match node.loader() {
        Loader::Tuple if items.len() <= SHORT => {
            items.iter().any(|item| item.resolved().loader() != Loader::Json)
        }
        Loader::Tuple | Loader::Dict | Loader::List | Loader::Object | Loader::SparseMatrix => true,
        _ => false,
    }
}

/// What a part is of whose containers are looked into by their owner.
fn looked_through(holder: NodeRef<'_>) -> Option<&'static str> {
    match (holder.loader(), holder.content()) {
        (Loader::RandomState | Loader::RandomGenerator, _) => Some("a part of the state of a generator"),
        (_, Content::ObjectArray { shape, .. }) if shape.resolved().children().len() > 1 => {
            Some("a part of an array of objects of several dimensions")
        }
        _ => None,
    }
}

/// numpy copies attributes from the data of a masked array. A plain array has none.
fn is_masked_data(node: NodeRef<'_>) -> bool {
    match node.parent().map(NodeRef::content) {
        Some(Content::MaskedArray { data, .. }) => {
            data.id() == node.id() && !node.resolved().declared().is("numpy", "ndarray")
        }
        _ => false,
    }
}

fn is_matrix_of_forest(node: NodeRef<'_>) -> bool {
    let is_in_state = || {
        let state = node.parent().filter(|parent| state::is_state(*parent));
        state.and_then(NodeRef::parent).is_some_and(|owner| owner.loader() == Loader::QuantileForest)
    };
    node.resolved().loader() == Loader::SparseMatrix && is_in_state()
}
