//! The nodes of `schema.json`, in an arena.
//!
//! A node is stored once its object ends, so children come before their parents and a node's whole subtree is a
//! contiguous range that ends with the node. Strings that repeat (names, keys) are interned, all others lie in one
//! text. The arena does not borrow from `schema.json`, whose bytes are mostly white space and can be dropped.

use super::loader::Loader;
use crate::intern::{Interner, Symbol};

/// Which node of its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(crate) u32);

/// Which declared type (a pair of module and class) of its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NameId(pub(crate) u32);

/// "No node", where a node is optional.
pub(super) const NO_NODE: u32 = u32::MAX;

/// How a node's fields are laid out, for the loaders that have more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As the loader has it now.
    Plain,
    /// `FunctionNode` and `RandomGeneratorNode` of protocol 0, which hold raw JSON.
    Protocol0,
    /// `RandomGeneratorNode` of protocol 1, without `seed_seq`.
    Protocol1,
    /// `NdArrayNode` with `type: "json"`: an array of objects, each a node.
    Objects,
    /// `{"__id__": N}` alone: a reference that skops reads but never writes.
    Bare,
}

/// A node. What `first`, `count`, `extra`, `text` and `text_len` hold depends on the loader: see [`super::Content`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// `__id__`; 0 when there is none.
    pub(super) id: u64,
    /// The declared type.
    pub(super) name: NameId,
    pub(super) parent: u32,
    /// Which child of its parent: the position among `children`, or [`EXTRA_SLOT`].
    pub(super) slot: u32,
    /// The first node of the subtree, which ends with the node itself.
    pub(super) low: u32,
    /// The children, as a range of `Arena::children`.
    pub(super) first: u32,
    pub(super) count: u32,
    /// One more child: a dict's `key_types`, an object array's `shape`. For a reference, the node that is meant.
    pub(super) extra: u32,
    /// A range of `Arena::text`; for a dict, where in `Arena::keys` its keys start.
    pub(super) text: u32,
    pub(super) text_len: u32,
    pub(super) loader: Loader,
    pub(super) form: Form,
}

/// The slot of the child in `Node::extra`.
pub(super) const EXTRA_SLOT: u32 = u32::MAX;

/// All nodes of a schema, and what they hold.
#[derive(Debug)]
pub(super) struct Arena {
    pub(super) nodes: Vec<Node>,
    pub(super) children: Vec<NodeId>,
    /// Keys of dicts, in the order of their children.
    pub(super) keys: Vec<Symbol>,
    pub(super) text: String,
    pub(super) strings: Interner,
    /// Module and class of each declared type.
    pub(super) names: Vec<(Symbol, Symbol)>,
}

impl Arena {
    pub(super) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            children: Vec::new(),
            keys: Vec::new(),
            text: String::new(),
            strings: Interner::new(),
            names: Vec::new(),
        }
    }

    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// Gives back what vectors have grown beyond need.
    pub(super) fn shrink(&mut self) {
        self.nodes.shrink_to_fit();
        self.children.shrink_to_fit();
        self.keys.shrink_to_fit();
        self.text.shrink_to_fit();
    }

    /// How many bytes of memory the arena takes.
    pub(super) fn bytes(&self) -> usize {
        let of = |count: usize, size: usize| count.saturating_mul(size);
        of(self.nodes.capacity(), size_of::<Node>())
            .saturating_add(of(self.children.capacity(), size_of::<NodeId>()))
            .saturating_add(of(self.keys.capacity(), size_of::<Symbol>()))
            .saturating_add(self.text.capacity())
            .saturating_add(self.strings.bytes())
    }
}
