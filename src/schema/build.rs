//! From JSON text to nodes, in one pass and without recursion.
//!
//! The fields of a node come in any order: a `TreeNode` names its loader after its content. So an object becomes
//! a node when it ends, from fields whose own nodes are finished. Until then its values wait on a stack.

use super::intern::{IntegerHash, IntegerMap, Symbol};
use super::json::{Lexer, Text, Token};
use super::loader::Loader;
use super::node::{Arena, EXTRA_SLOT, Form, NO_NODE, NameId, Node, NodeId};
use super::shape::{Field, Fields};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::text::shown;
use crate::trust::name;

/// Objects that are neither nodes nor maps of nodes are small: `{"start": 0, "stop": 5, "step": null}`.
const MOST_MIXED: usize = 8;

/// A value that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Text),
    String(Text),
    Node(NodeId),
    /// An array of nodes: a range of `Arena::children`.
    Nodes {
        first: u32,
        count: u32,
    },
    /// An object whose values are nodes: a range of `Arena::children`, and where in `Arena::keys` its keys start.
    Map {
        first: u32,
        count: u32,
        keys: u32,
    },
    /// Any other object: a range of `Builder::parked`, and its text.
    Mixed {
        first: u32,
        count: u32,
        text: Text,
    },
}

/// A value and, within an object, its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) key: Text,
    pub(super) value: Value,
}

/// An object or array that has not ended.
struct Frame {
    is_object: bool,
    /// Where its text starts.
    offset: u32,
    /// Where its slots start on the stack of values.
    first: usize,
    /// How many slots were parked when it started.
    parked: usize,
    /// How many nodes there were when it started.
    low: u32,
    /// The key of the value that is being read.
    key: Text,
}

pub(super) struct Builder<'a> {
    pub(super) lexer: Lexer<'a>,
    pub(super) arena: Arena,
    limits: &'a Limits,
    frames: Vec<Frame>,
    values: Vec<Slot>,
    /// The slots of mixed objects, until the node that holds them ends.
    pub(super) parked: Vec<Slot>,
    /// For each key, the last map that had it, to find duplicates.
    seen: Vec<u32>,
    maps: u32,
    names: IntegerMap<(u32, u32), NameId>,
    recent_names: [(Text, Text, NameId); RECENT_NAMES],
    /// `protocol` and `_skops_version`, once the root has ended.
    pub(super) root_fields: Option<(Option<Value>, Option<Value>)>,
}

/// How many declared types are found again without a look-up: a power of two.
const RECENT_NAMES: usize = 64;

impl<'a> Builder<'a> {
    pub(super) fn new(text: &'a str, limits: &'a Limits) -> Self {
        Self {
            lexer: Lexer::new(text),
            arena: Arena::new(),
            limits,
            frames: Vec::new(),
            values: Vec::new(),
            parked: Vec::new(),
            seen: Vec::new(),
            maps: 0,
            names: IntegerMap::with_hasher(IntegerHash::new()),
            recent_names: [(Text::EMPTY, Text::EMPTY, NameId(u32::MAX)); RECENT_NAMES],
            root_fields: None,
        }
    }

    /// Reads the whole text, which must be one node, and returns it.
    pub(super) fn run(&mut self) -> Result<NodeId> {
        let root = self.read_value().map_err(|error| error.at_pointer(|| self.pointer(self.values.len())))?;
        self.lexer.end()?;
        match root {
            Value::Node(root) => Ok(root),
            _ => {
                Err(Error::new(Code::MalformedNode, "the root of schema.json is no node")
                    .at_pointer(String::new))
            }
        }
    }

    fn read_value(&mut self) -> Result<Value> {
        loop {
            let value = match self.lexer.value()? {
                Token::ObjectStart => {
                    self.open(true)?;
                    if !self.lexer.take(b'}') {
                        self.read_key()?;
                        continue;
                    }
                    self.close()?
                }
                Token::ArrayStart => {
                    self.open(false)?;
                    if !self.lexer.take(b']') {
                        continue;
                    }
                    self.close()?
                }
                Token::String(text) => Value::String(text),
                Token::Number(text) => Value::Number(text),
                Token::Bool(value) => Value::Bool(value),
                Token::Null => Value::Null,
            };
            if let Some(root) = self.attach(value)? {
                return Ok(root);
            }
        }
    }

    /// Gives a value to the container that waits for it, and ends all containers that end here. Returns the root
    /// once it has ended.
    fn attach(&mut self, mut value: Value) -> Result<Option<Value>> {
        loop {
            let Some(frame) = self.frames.last() else { return Ok(Some(value)) };
            self.values.push(Slot { key: frame.key, value });
            let is_object = frame.is_object;
            if self.lexer.take(b',') {
                if is_object {
                    self.read_key()?;
                }
                return Ok(None);
            }
            let (end, expected) = if is_object { (b'}', "a comma or `}`") } else { (b']', "a comma or `]`") };
            self.lexer.expect(end, expected)?;
            value = self.close()?;
        }
    }

    fn read_key(&mut self) -> Result<()> {
        let key = self.lexer.key()?;
        if let Some(frame) = self.frames.last_mut() {
            frame.key = key;
        }
        Ok(())
    }

    fn open(&mut self, is_object: bool) -> Result<()> {
        if self.frames.len() >= self.limits.json_depth {
            let found = format!("schema.json is nested more than {} levels", self.limits.json_depth);
            return Err(Error::new(Code::LimitJsonDepth, found).at_offset(self.lexer.offset().into()));
        }
        self.frames.push(Frame {
            is_object,
            offset: self.lexer.offset().saturating_sub(1),
            first: self.values.len(),
            parked: self.parked.len(),
            low: length(&self.arena.nodes),
            key: Text::EMPTY,
        });
        Ok(())
    }

    /// Ends the innermost container, and makes its value.
    fn close(&mut self) -> Result<Value> {
        let Some(frame) = self.frames.pop() else { return Ok(Value::Null) };
        let closed = if frame.is_object { self.close_object(&frame) } else { self.close_array(&frame) };
        let value = closed.map_err(|error| error.at_pointer(|| self.pointer(frame.first)))?;
        self.values.truncate(frame.first);
        Ok(value)
    }

    fn close_array(&mut self, frame: &Frame) -> Result<Value> {
        let slots = self.values.get(frame.first..).unwrap_or_default();
        let first = length(&self.arena.children);
        for slot in slots {
            let Value::Node(node) = slot.value else {
                return Err(Error::new(Code::MalformedNode, "a list with an item that is no node"));
            };
            self.arena.children.push(node);
        }
        Ok(Value::Nodes { first, count: count(slots) })
    }

    fn close_object(&mut self, frame: &Frame) -> Result<Value> {
        match self.kind_of_object(frame)? {
            ObjectKind::Node(loader) => self.close_node(frame, loader).map(Value::Node),
            ObjectKind::Reference => self.close_reference(frame).map(Value::Node),
            ObjectKind::Map => self.close_map(frame),
            ObjectKind::Mixed => self.close_mixed(frame),
        }
    }

    /// What an object is, by its keys.
    fn kind_of_object(&self, frame: &Frame) -> Result<ObjectKind> {
        let text = self.lexer.text();
        let slots = self.values.get(frame.first..).unwrap_or_default();
        let mut is_map = true;
        let mut looks_like_node = false;
        for slot in slots {
            let is_node = matches!(slot.value, Value::Node(_));
            is_map &= is_node;
            if is_node {
                continue;
            }
            match Field::from_key(slot.key, text) {
                Some(Field::Loader) => {
                    let Value::String(name) = slot.value else {
                        return Err(Error::new(Code::MalformedNode, "a node whose `__loader__` is no text"));
                    };
                    let name = name.decode(text);
                    let loader = Loader::from_name(&name).ok_or_else(|| {
                        Error::new(Code::UnknownLoader, format!("the loader {}", shown(&name)))
                    })?;
                    return Ok(ObjectKind::Node(loader));
                }
                Some(Field::Id) if slots.len() == 1 => return Ok(ObjectKind::Reference),
                Some(Field::Class | Field::Module | Field::Id | Field::Protocol) => looks_like_node = true,
                _ => {}
            }
        }
        if looks_like_node {
            return Err(Error::new(Code::MissingField, "a node without `__loader__`"));
        }
        Ok(if is_map { ObjectKind::Map } else { ObjectKind::Mixed })
    }

    fn close_map(&mut self, frame: &Frame) -> Result<Value> {
        let text = self.lexer.text();
        let first = length(&self.arena.children);
        let keys = length(&self.arena.keys);
        self.maps = self.maps.saturating_add(1);
        let slots = self.values.get(frame.first..).unwrap_or_default();
        for slot in slots {
            let Value::Node(node) = slot.value else { continue };
            let key = slot.key.decode(text);
            let symbol = self.arena.strings.intern(&key).ok_or_else(too_much_text)?;
            let index = symbol.0 as usize;
            if index >= self.seen.len() {
                self.seen.resize(self.arena.strings.len(), 0);
            }
            match self.seen.get_mut(index) {
                Some(last) if *last == self.maps => return Err(duplicate_key(&key)),
                Some(last) => *last = self.maps,
                None => {}
            }
            self.arena.children.push(node);
            self.arena.keys.push(symbol);
        }
        Ok(Value::Map { first, count: count(slots), keys })
    }

    fn close_mixed(&mut self, frame: &Frame) -> Result<Value> {
        let text = self.lexer.text();
        let slots = self.values.get(frame.first..).unwrap_or_default();
        if slots.len() > MOST_MIXED {
            return Err(Error::new(Code::MalformedNode, "an object with a value that is no node"));
        }
        let mut earlier: Vec<_> = Vec::with_capacity(slots.len());
        for slot in slots {
            let key = slot.key.decode(text);
            if earlier.contains(&key) {
                return Err(duplicate_key(&key));
            }
            earlier.push(key);
        }
        let first = length(&self.parked);
        self.parked.extend_from_slice(slots);
        let text = Text { start: frame.offset, end: self.lexer.offset(), escaped: false };
        Ok(Value::Mixed { first, count: count(slots), text })
    }

    fn close_reference(&mut self, frame: &Frame) -> Result<NodeId> {
        let mut fields = self.take_fields(frame)?;
        let id = self.id(&mut fields)?;
        let name = self.intern_name("builtins", "object")?;
        let mut node = Node::empty(Loader::Cached, name, id, frame.low);
        node.form = Form::Bare;
        self.push(node)
    }

    fn close_node(&mut self, frame: &Frame, loader: Loader) -> Result<NodeId> {
        let mut fields = self.take_fields(frame)?;
        if self.frames.is_empty() {
            self.root_fields = Some((fields.take(Field::Protocol), fields.take(Field::SkopsVersion)));
        }
        fields.take(Field::Loader);
        let id = self.id(&mut fields)?;
        let name = self.declared_name(&mut fields, loader)?;
        let mut node = Node::empty(loader, name, id, frame.low);
        self.shape(&mut node, &mut fields)?;
        if let Some(field) = fields.left() {
            let found = format!("a {loader} with the field `{}`", field.as_str());
            return Err(Error::new(Code::UnknownField, found));
        }
        self.parked.truncate(frame.parked);
        self.push(node)
    }

    /// Sorts an object's slots into the fields of a node.
    fn take_fields(&mut self, frame: &Frame) -> Result<Fields> {
        let text = self.lexer.text();
        let mut fields = Fields::default();
        for slot in self.values.get(frame.first..).unwrap_or_default() {
            let Some(field) = Field::from_key(slot.key, text) else {
                let found = format!("a node with the field {:?}", shown(&slot.key.decode(text)).to_string());
                return Err(Error::new(Code::UnknownField, found));
            };
            if fields.put(field, slot.value).is_some() {
                return Err(duplicate_key(field.as_str()));
            }
        }
        Ok(fields)
    }

    /// `__id__`: a positive integer, as an address is. Zero stands for none, so it is refused when written.
    fn id(&self, fields: &mut Fields) -> Result<u64> {
        match fields.take(Field::Id) {
            None => Ok(0),
            Some(Value::Number(number)) => {
                let digits = number.raw(self.lexer.text());
                digits.parse().ok().filter(|id| *id != 0).ok_or_else(|| {
                    Error::new(Code::MalformedNode, format!("a node with the `__id__` {}", shown(digits)))
                })
            }
            Some(_) => Err(Error::new(Code::MalformedNode, "a node whose `__id__` is no number")),
        }
    }

    /// The declared type, from `__module__` and `__class__`. A reference may have null for both.
    fn declared_name(&mut self, fields: &mut Fields, loader: Loader) -> Result<NameId> {
        let (class, module) = (fields.take(Field::Class), fields.take(Field::Module));
        match (module, class) {
            (Some(Value::String(module)), Some(Value::String(class))) => self.name(module, class),
            (None, _) => Err(missing(loader, Field::Module)),
            (_, None) => Err(missing(loader, Field::Class)),
            (Some(Value::Null), Some(Value::Null)) if loader == Loader::Cached => {
                self.intern_name("builtins", "object")
            }
            _ => Err(Error::new(Code::NameSyntax, "a node whose `__module__` or `__class__` is no text")),
        }
    }

    /// The declared type, looked up by its text if it was not seen just now.
    pub(super) fn name(&mut self, module: Text, class: Text) -> Result<NameId> {
        let text = self.lexer.text();
        let mix = |part: Text| {
            let raw = part.raw(text).as_bytes();
            raw.len().wrapping_mul(7).wrapping_add(raw.last().copied().unwrap_or(0).into())
        };
        let place = mix(module).wrapping_add(mix(class).wrapping_mul(5)) & RECENT_NAMES.wrapping_sub(1);
        let same =
            |one: Text, other: Text| !one.escaped && !other.escaped && one.raw(text) == other.raw(text);
        if let Some((recent_module, recent_class, id)) = self.recent_names.get(place)
            && id.0 != u32::MAX
            && same(*recent_class, class)
            && same(*recent_module, module)
        {
            return Ok(*id);
        }
        let id = self.intern_name(&module.decode(text), &class.decode(text))?;
        if let Some(recent) = self.recent_names.get_mut(place) {
            *recent = (module, class, id);
        }
        Ok(id)
    }

    pub(super) fn intern_name(&mut self, module: &str, class: &str) -> Result<NameId> {
        name::check(module, class, self.limits.name_length)?;
        let strings = &mut self.arena.strings;
        let pair = strings.intern(module).zip(strings.intern(class)).ok_or_else(too_much_text)?;
        let names = &mut self.arena.names;
        let next = NameId(length(names));
        Ok(*self.names.entry((pair.0.0, pair.1.0)).or_insert_with(|| {
            names.push(pair);
            next
        }))
    }

    /// Adds text to the arena, and returns where it is.
    pub(super) fn keep_text(&mut self, text: &str) -> (u32, u32) {
        let start = u32::try_from(self.arena.text.len()).unwrap_or(u32::MAX);
        self.arena.text.push_str(text);
        (start, u32::try_from(text.len()).unwrap_or(u32::MAX))
    }

    /// Adds a list of children to the arena, and returns its range.
    pub(super) fn keep_children(&mut self, children: &[NodeId]) -> (u32, u32) {
        let first = length(&self.arena.children);
        self.arena.children.extend_from_slice(children);
        (first, count(children))
    }

    fn push(&mut self, node: Node) -> Result<NodeId> {
        let id = NodeId(length(&self.arena.nodes));
        if id.0 >= self.limits.nodes {
            let found = format!("schema.json has more than {} nodes", self.limits.nodes);
            return Err(Error::new(Code::LimitNodes, found));
        }
        let range = node.first as usize..(node.first as usize).saturating_add(node.count as usize);
        let Arena { nodes, children, .. } = &mut self.arena;
        for (slot, child) in (0..).zip(children.get(range).unwrap_or_default()) {
            if let Some(child) = nodes.get_mut(child.0 as usize) {
                (child.parent, child.slot) = (id.0, slot);
            }
        }
        if node.has_extra_child()
            && let Some(child) = nodes.get_mut(node.extra as usize)
        {
            (child.parent, child.slot) = (id.0, EXTRA_SLOT);
        }
        nodes.push(node);
        Ok(id)
    }

    /// The JSON pointer to what is being read; `end` is where the slots of the innermost container end.
    fn pointer(&self, end: usize) -> String {
        let mut pointer = String::new();
        let ends = self.frames.iter().skip(1).map(|frame| frame.first).chain([end]);
        for (frame, end) in self.frames.iter().zip(ends) {
            if frame.is_object {
                super::place::push_key(&mut pointer, &frame.key.decode(self.lexer.text()));
            } else {
                super::place::push_index(&mut pointer, end.saturating_sub(frame.first));
            }
        }
        pointer
    }
}

enum ObjectKind {
    Node(Loader),
    Reference,
    Map,
    Mixed,
}

impl Node {
    fn empty(loader: Loader, name: NameId, id: u64, low: u32) -> Self {
        Self {
            id,
            name,
            parent: NO_NODE,
            slot: 0,
            low,
            first: 0,
            count: 0,
            extra: NO_NODE,
            text: 0,
            text_len: 0,
            loader,
            form: Form::Plain,
        }
    }

    /// Whether `extra` is a node that is written within this one.
    pub(super) fn has_extra_child(&self) -> bool {
        self.loader == Loader::Dict || (self.loader == Loader::NdArray && self.form == Form::Objects)
    }
}

pub(super) fn missing(loader: Loader, field: Field) -> Error {
    Error::new(Code::MissingField, format!("a {loader} without `{}`", field.as_str()))
}

pub(super) fn duplicate_key(key: &str) -> Error {
    Error::new(Code::JsonDuplicateKey, format!("the key '{}' twice in one object", shown(key)))
}

fn too_much_text() -> Error {
    Error::new(Code::LimitSchemaBytes, "schema.json has more than 4 GiB of names")
}

/// The length of a list that the limits keep below `u32::MAX`.
fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn count<T>(list: &[T]) -> u32 {
    length(list)
}

/// Unused symbols are no keys: a map's keys always come from [`Builder::close_map`].
pub(super) fn symbol_text(arena: &Arena, symbol: Symbol) -> &str {
    arena.strings.get(symbol)
}
