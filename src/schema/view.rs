//! Nodes as the rest of the crate sees them: by what they hold, not by how the arena stores it.

use super::loader::Loader;
use super::node::{Arena, Form, NO_NODE, NameId, Node, NodeId};
use super::place;
use crate::intern::Symbol;

/// A node of a schema.
#[derive(Clone, Copy)]
pub(crate) struct NodeRef<'a> {
    arena: &'a Arena,
    id: NodeId,
}

/// What a node holds. Each variant belongs to the loader that it is named for.
pub(crate) enum Content<'a> {
    Object {
        state: Option<NodeRef<'a>>,
    },
    ConstructorFromReduce {
        args: NodeRef<'a>,
    },
    Dict(DictRef<'a>),
    DefaultDict {
        main: NodeRef<'a>,
        factory: NodeRef<'a>,
    },
    List(Children<'a>),
    Tuple(Children<'a>),
    Set(Children<'a>),
    Json {
        text: &'a str,
    },
    Type,
    Function {
        target: TypePath<'a>,
        form: Form,
    },
    Partial {
        func: NodeRef<'a>,
        args: NodeRef<'a>,
        kwds: NodeRef<'a>,
        namespace: NodeRef<'a>,
    },
    Method {
        object: NodeRef<'a>,
        function: &'a str,
    },
    OperatorFunc {
        attrs: NodeRef<'a>,
    },
    /// The bounds as a JSON array: start, stop, step.
    Slice {
        bounds: &'a str,
    },
    Bytes {
        file: &'a str,
    },
    Bytearray {
        file: &'a str,
    },
    Array,
    ObjectArray {
        items: Children<'a>,
        shape: NodeRef<'a>,
    },
    MaskedArray {
        data: NodeRef<'a>,
        mask: NodeRef<'a>,
    },
    DType {
        array: NodeRef<'a>,
    },
    RandomState {
        state: NodeRef<'a>,
    },
    RandomGenerator {
        bit_generator: NodeRef<'a>,
        seed_seq: Option<NodeRef<'a>>,
    },
    /// Protocol 0: the bit generator's type, and its state as raw JSON.
    RandomGenerator0 {
        bit_generator: TypePath<'a>,
        state: &'a str,
    },
    SparseMatrix,
    /// `TreeNode`, `LossNode`, `SGDNode` and `QuantileForestNode`.
    Reduce {
        state: NodeRef<'a>,
        args: NodeRef<'a>,
    },
    DictWithDeprecatedKeys {
        main: NodeRef<'a>,
        keys: NodeRef<'a>,
    },
    /// The node that is meant; `None` until references have been resolved.
    Reference {
        target: Option<NodeRef<'a>>,
    },
}

/// Module and class of a declared type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypePath<'a> {
    pub(crate) module: &'a str,
    pub(crate) class: &'a str,
}

impl TypePath<'_> {
    pub(crate) fn is(self, module: &str, class: &str) -> bool {
        self.module == module && self.class == class
    }
}

impl std::fmt::Display for TypePath<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.module, self.class)
    }
}

/// Nodes in a list.
#[derive(Clone, Copy)]
pub(crate) struct Children<'a> {
    arena: &'a Arena,
    ids: &'a [NodeId],
}

impl<'a> Children<'a> {
    pub(crate) fn len(self) -> usize {
        self.ids.len()
    }

    pub(crate) fn get(self, index: usize) -> Option<NodeRef<'a>> {
        self.ids.get(index).map(|id| NodeRef { arena: self.arena, id: *id })
    }

    pub(crate) fn iter(self) -> impl ExactSizeIterator<Item = NodeRef<'a>> {
        self.ids.iter().map(move |id| NodeRef { arena: self.arena, id: *id })
    }
}

/// A dict: keys as text, in order, with their types and values.
#[derive(Clone, Copy)]
pub(crate) struct DictRef<'a> {
    node: NodeRef<'a>,
}

impl<'a> DictRef<'a> {
    /// The dict that a node is, of which the caller knows that it is one.
    pub(crate) fn new(node: NodeRef<'a>) -> Self {
        Self { node }
    }

    pub(crate) fn len(self) -> usize {
        self.node.node().count as usize
    }

    pub(crate) fn key_types(self) -> NodeRef<'a> {
        self.node.at(NodeId(self.node.node().extra))
    }

    pub(crate) fn items(self) -> impl Iterator<Item = (&'a str, NodeRef<'a>)> {
        let node = self.node;
        (0..).zip(node.children().iter()).map(move |(slot, value)| (node.key(slot), value))
    }

    pub(crate) fn get(self, key: &str) -> Option<NodeRef<'a>> {
        // Strings are interned, so numbers can be compared instead.
        let symbol = self.node.arena.strings.find(key)?;
        let position = self.node.keys().iter().position(|other| *other == symbol)?;
        self.node.children().get(position)
    }
}

/// What stands in for a node that an index does not find, which does not happen for indices of this crate's making.
static NOTHING: Node = Node {
    id: 0,
    name: NameId(0),
    parent: NO_NODE,
    slot: 0,
    low: 0,
    first: 0,
    count: 0,
    extra: NO_NODE,
    text: 0,
    text_len: 0,
    loader: Loader::Json,
    form: Form::Plain,
};

impl<'a> NodeRef<'a> {
    pub(super) fn new(arena: &'a Arena, id: NodeId) -> Self {
        Self { arena, id }
    }

    fn at(self, id: NodeId) -> Self {
        Self { arena: self.arena, id }
    }

    fn node(self) -> &'a Node {
        self.arena.node(self.id).unwrap_or(&NOTHING)
    }

    pub(crate) fn id(self) -> NodeId {
        self.id
    }

    pub(crate) fn loader(self) -> Loader {
        self.node().loader
    }

    pub(crate) fn form(self) -> Form {
        self.node().form
    }

    /// `__id__`, if there is one.
    pub(crate) fn object_id(self) -> Option<u64> {
        Some(self.node().id).filter(|id| *id != 0)
    }

    pub(crate) fn parent(self) -> Option<Self> {
        let parent = self.node().parent;
        (parent != NO_NODE).then(|| self.at(NodeId(parent)))
    }

    /// The first node of the subtree, all of whose nodes come in order up to this one.
    pub(crate) fn low(self) -> NodeId {
        NodeId(self.node().low)
    }

    pub(super) fn slot(self) -> u32 {
        self.node().slot
    }

    /// The key of a dict's item.
    pub(super) fn key(self, slot: u32) -> &'a str {
        let at = (self.node().text as usize).saturating_add(slot as usize);
        self.arena.keys.get(at).map(|symbol| self.arena.strings.get(*symbol)).unwrap_or_default()
    }

    /// The keys of a dict, as symbols that can be compared.
    pub(crate) fn keys(self) -> &'a [Symbol] {
        let node = self.node();
        let range = node.text as usize..(node.text as usize).saturating_add(node.count as usize);
        self.arena.keys.get(range).unwrap_or_default()
    }

    /// For a node of protocol 0, the name that its content gives.
    pub(crate) fn target_id(self) -> NameId {
        NameId(self.node().extra)
    }

    pub(crate) fn name_id(self) -> NameId {
        self.node().name
    }

    /// The declared type.
    pub(crate) fn declared(self) -> TypePath<'a> {
        self.type_path(self.node().name)
    }

    fn type_path(self, name: NameId) -> TypePath<'a> {
        let strings = &self.arena.strings;
        let pair = self.arena.names.get(name.0 as usize);
        pair.map_or(TypePath { module: "", class: "" }, |(module, class)| TypePath {
            module: strings.get(*module),
            class: strings.get(*class),
        })
    }

    /// The children in the order of the fields; a dict's `key_types` and an object array's `shape` are not among
    /// them.
    pub(crate) fn children(self) -> Children<'a> {
        let node = self.node();
        let range = node.first as usize..(node.first as usize).saturating_add(node.count as usize);
        Children { arena: self.arena, ids: self.arena.children.get(range).unwrap_or_default() }
    }

    /// The child beside the others: a dict's `key_types`, an object array's `shape`.
    pub(crate) fn extra_child(self) -> Option<Self> {
        self.node().has_extra_child().then(|| self.at(NodeId(self.node().extra)))
    }

    fn child(self, index: usize) -> Self {
        self.children().ids.get(index).map_or(self, |id| self.at(*id))
    }

    pub(crate) fn text(self) -> &'a str {
        let node = self.node();
        let end = (node.text as usize).saturating_add(node.text_len as usize);
        self.arena.text.get(node.text as usize..end).unwrap_or_default()
    }

    /// The node that is meant: itself, or the one that a reference refers to.
    pub(crate) fn resolved(self) -> Self {
        let node = self.node();
        if node.loader == Loader::Cached && node.extra != NO_NODE {
            self.at(NodeId(node.extra))
        } else {
            self
        }
    }

    /// What the node holds.
    pub(crate) fn content(self) -> Content<'a> {
        let node = self.node();
        match node.loader {
            Loader::Object => Content::Object { state: (node.count > 0).then(|| self.child(0)) },
            Loader::ConstructorFromReduce => Content::ConstructorFromReduce { args: self.child(0) },
            Loader::Dict => Content::Dict(DictRef { node: self }),
            Loader::DefaultDict => Content::DefaultDict { main: self.child(0), factory: self.child(1) },
            Loader::List => Content::List(self.children()),
            Loader::Tuple => Content::Tuple(self.children()),
            Loader::Set => Content::Set(self.children()),
            Loader::Json => Content::Json { text: self.text() },
            Loader::Type => Content::Type,
            Loader::Function if node.form == Form::Protocol0 => {
                Content::Function { target: self.type_path(NameId(node.extra)), form: node.form }
            }
            Loader::Function => Content::Function { target: self.declared(), form: node.form },
            Loader::Partial => Content::Partial {
                func: self.child(0),
                args: self.child(1),
                kwds: self.child(2),
                namespace: self.child(3),
            },
            Loader::Method => Content::Method { object: self.child(0), function: self.text() },
            Loader::OperatorFunc => Content::OperatorFunc { attrs: self.child(0) },
            Loader::Slice => Content::Slice { bounds: self.text() },
            Loader::Bytes => Content::Bytes { file: self.text() },
            Loader::Bytearray => Content::Bytearray { file: self.text() },
            Loader::NdArray if node.form == Form::Objects => {
                Content::ObjectArray { items: self.children(), shape: self.at(NodeId(node.extra)) }
            }
            Loader::NdArray => Content::Array,
            Loader::MaskedArray => Content::MaskedArray { data: self.child(0), mask: self.child(1) },
            Loader::DType => Content::DType { array: self.child(0) },
            Loader::RandomState => Content::RandomState { state: self.child(0) },
            Loader::RandomGenerator if node.form == Form::Protocol0 => Content::RandomGenerator0 {
                bit_generator: self.type_path(NameId(node.extra)),
                state: self.text(),
            },
            Loader::RandomGenerator => Content::RandomGenerator {
                bit_generator: self.child(0),
                seed_seq: (node.count > 1).then(|| self.child(1)),
            },
            Loader::SparseMatrix => Content::SparseMatrix,
            Loader::Tree | Loader::Loss | Loader::Sgd | Loader::QuantileForest => {
                Content::Reduce { state: self.child(0), args: self.child(1) }
            }
            Loader::DictWithDeprecatedKeys => {
                Content::DictWithDeprecatedKeys { main: self.child(0), keys: self.child(1) }
            }
            Loader::Cached => {
                Content::Reference { target: (node.extra != NO_NODE).then(|| self.at(NodeId(node.extra))) }
            }
        }
    }

    /// The JSON pointer to this node.
    pub(crate) fn pointer(self) -> String {
        place::pointer(self)
    }

    /// The path to this node, as one would write it in Python, cut after `most` characters.
    pub(crate) fn path(self, most: usize) -> String {
        place::path(self, most)
    }
}
