//! Nodes with the same `__id__` are the same object.
//!
//! skops keeps the first body that it meets and never looks at a later one. Which body that is depends on the order
//! in which a release reads, and a person reads all of them; so they must be the same: equal once `__id__` values
//! are ignored and the names of entries are replaced by their bytes. Each pair of nodes is compared once, and nodes
//! that were found equal are merged, so this takes time linear in the schema.

use super::sharing;
use crate::error::{Code, Error, Result};
use crate::intern::{IntegerHash, IntegerMap};
use crate::schema::{Form, Loader, NodeId, NodeRef, Schema};

/// The nodes that are an object which an earlier node is already. Nodes of immutable values are left out: most ids are
/// theirs, and nobody asks whether two of them are the same.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// Sorted by node; the first node of the same object.
    nodes: Vec<(NodeId, NodeId)>,
    /// The first nodes of objects that stand in several places. Sorted.
    shared: Vec<NodeId>,
}

impl Repeats {
    /// The first node of the object that a node is.
    pub(super) fn first(&self, node: NodeId) -> NodeId {
        let found = self.nodes.binary_search_by_key(&node, |(node, _)| *node);
        found.ok().and_then(|at| self.nodes.get(at)).map_or(node, |(_, first)| *first)
    }

    /// Whether the object that a node is stands in another place, too.
    pub(super) fn is_shared(&self, node: NodeId) -> bool {
        self.shared.binary_search(&self.first(node)).is_ok()
    }
}

/// Checks bodies that share an id, and resolves references.
pub(super) fn resolve(schema: &mut Schema) -> Result<Repeats> {
    let mut repeats = Repeats::default();
    let mut first = IntegerMap::with_capacity_and_hasher(schema.node_count(), IntegerHash::new());
    let mut references = Vec::new();
    let mut equality = Equality::new(schema);
    for node in schema.nodes() {
        let Some(id) = node.object_id() else { continue };
        if node.loader() == Loader::Cached {
            references.push(node.id());
            continue;
        }
        let earlier = *first.entry(id).or_insert_with(|| node.id());
        if earlier == node.id() {
            continue;
        }
        if earlier >= node.low() {
            return Err(cycle(node));
        }
        if !equality.same(schema.node(earlier), node)? {
            let found = format!("the id {id} again, with another body");
            return Err(Error::new(Code::IdConflict, found).at_pointer(|| node.pointer()));
        }
        if !is_immutable(node) {
            repeats.nodes.push((node.id(), earlier));
        }
    }
    let mut targets = Vec::new();
    for reference in references {
        let target = find_target(schema, schema.node(reference), &first)?;
        schema.resolve(reference, target);
        targets.push((reference, target));
    }
    sharing::check(schema, &repeats.nodes, &targets)?;
    targets.retain(|(_, target)| !is_immutable(schema.node(*target)));
    repeats.shared = repeats.nodes.iter().chain(&targets).map(|(_, first)| *first).collect();
    repeats.shared.sort_unstable();
    repeats.shared.dedup();
    Ok(repeats)
}

fn is_immutable(node: NodeRef<'_>) -> bool {
    matches!(node.loader(), Loader::Json | Loader::Type | Loader::Function)
}

/// The node that a reference refers to. It must have ended before the reference.
fn find_target(schema: &Schema, reference: NodeRef<'_>, first: &IntegerMap<u64, NodeId>) -> Result<NodeId> {
    let target = reference.object_id().and_then(|id| first.get(&id)).copied();
    let Some(target) = target else { return Err(dangling(reference, "of no node")) };
    let node = schema.node(target);
    if target > reference.id() {
        let is_within = node.low() <= reference.id();
        return Err(if is_within { cycle(reference) } else { dangling(reference, "of a later node") });
    }
    // A bare `{"__id__": N}` is what skops reads but never writes. Of a container it says that the container is
    // shared. Of a value that cannot be shared it only hides the value from whoever reads this place.
    let is_container = matches!(node.loader(), Loader::List | Loader::Tuple | Loader::Set | Loader::Dict);
    if reference.form() == Form::Bare && !is_container {
        let found = format!("a node without `__loader__`, in the place of a {}", node.loader());
        return Err(Error::new(Code::MissingField, found).at_pointer(|| reference.pointer()));
    }
    Ok(target)
}

fn dangling(reference: NodeRef<'_>, of: &str) -> Error {
    let id = reference.object_id().unwrap_or_default();
    Error::new(Code::IdDangling, format!("a reference to the id {id} {of}"))
        .at_pointer(|| reference.pointer())
}

fn cycle(node: NodeRef<'_>) -> Error {
    let id = node.object_id().unwrap_or_default();
    Error::new(Code::IdCycle, format!("the id {id} within the object of that id"))
        .at_pointer(|| node.pointer())
}

/// Compares nodes, and remembers which nodes and which entries are equal.
struct Equality<'a> {
    schema: &'a Schema,
    nodes: Classes,
    entries: Classes,
}

impl<'a> Equality<'a> {
    fn new(schema: &'a Schema) -> Self {
        Self { schema, nodes: Classes::default(), entries: Classes::default() }
    }

    fn same(&mut self, one: NodeRef<'a>, other: NodeRef<'a>) -> Result<bool> {
        let mut pairs = vec![(one, other)];
        while let Some((one, other)) = pairs.pop() {
            if self.nodes.leader(one.id().0) == self.nodes.leader(other.id().0) {
                continue;
            }
            if !self.same_fields(one, other)? {
                return Ok(false);
            }
            let (left, right) = (one.children(), other.children());
            let extra = one.extra_child().zip(other.extra_child());
            if left.len() != 0 || extra.is_some() {
                // Their children are still to be compared, but one that differs ends it all.
                self.nodes.merge(one.id().0, other.id().0, self.schema.node_count());
            }
            pairs.extend(left.iter().zip(right.iter()).chain(extra));
        }
        Ok(true)
    }

    /// Whether two nodes are equal but for their children, which are compared by the caller.
    fn same_fields(&mut self, one: NodeRef<'_>, other: NodeRef<'_>) -> Result<bool> {
        let kind = |node: NodeRef<'_>| (node.loader(), node.form(), node.name_id(), node.children().len());
        if kind(one) != kind(other) {
            return Ok(false);
        }
        match one.loader() {
            Loader::Dict => Ok(one.keys() == other.keys()),
            Loader::Cached => Ok(one.object_id() == other.object_id()),
            Loader::Bytes | Loader::Bytearray | Loader::SparseMatrix => self.same_entries(one, other),
            Loader::NdArray if one.form() == Form::Plain => self.same_entries(one, other),
            Loader::Function | Loader::RandomGenerator if one.form() == Form::Protocol0 => {
                Ok(one.target_id() == other.target_id() && one.text() == other.text())
            }
            Loader::Json | Loader::Slice | Loader::Method => Ok(one.text() == other.text()),
            _ => Ok(true),
        }
    }

    /// Whether two nodes name the same entry, or entries with the same data.
    fn same_entries(&mut self, one: NodeRef<'_>, other: NodeRef<'_>) -> Result<bool> {
        let archive = self.schema.archive();
        let positions = archive.position(one.text()).zip(archive.position(other.text()));
        let Some((left, right)) = positions else { return Ok(false) };
        if self.entries.leader(left) == self.entries.leader(right) {
            return Ok(true);
        }
        let entries = archive.entry_at(left).zip(archive.entry_at(right));
        let same = entries.map_or(Ok(false), |(left, right)| archive.same_data(left, right))?;
        if same {
            self.entries.merge(left, right, archive.entries().len());
        }
        Ok(same)
    }
}

/// Classes of equal things, by number: each leads to an earlier one of its class, or is the first.
#[derive(Default)]
struct Classes {
    /// Empty until two things are merged.
    leaders: Vec<u32>,
}

impl Classes {
    fn leader(&mut self, of: u32) -> u32 {
        let mut leader = of;
        loop {
            let next = self.next(leader);
            if next == leader {
                return leader;
            }
            // Halving the path keeps all later searches short.
            let after = self.next(next);
            if let Some(slot) = self.leaders.get_mut(leader as usize) {
                *slot = after;
            }
            leader = after;
        }
    }

    fn next(&self, of: u32) -> u32 {
        self.leaders.get(of as usize).copied().unwrap_or(of)
    }

    fn merge(&mut self, one: u32, other: u32, count: usize) {
        if self.leaders.is_empty() {
            self.leaders = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
        }
        let (one, other) = (self.leader(one), self.leader(other));
        if let Some(slot) = self.leaders.get_mut(one.max(other) as usize) {
            *slot = one.min(other);
        }
    }
}
