//! From JSON text to nodes, in one pass and without recursion.
//!
//! The fields of a node come in any order: a `TreeNode` names its loader after its content. So an object becomes
//! a node when it ends, from fields whose own nodes are finished. Until then its values wait on a stack. What a
//! value says is kept in the arena at once, because the text that it came from is not.

use super::json::{Fill, Reader, Span, Token};
use super::loader::Loader;
use super::node::{Arena, EXTRA_SLOT, Form, NO_NODE, NameId, Node, NodeId};
use super::shape::{Field, Fields};
use crate::error::{Code, Error, Result};
use crate::intern::{IntegerHash, IntegerMap, Symbol};
use crate::limits::Limits;
use crate::text::shown;
use crate::trust::name;

/// Objects that are neither nodes nor maps of nodes are small: `{"start": 0, "stop": 5, "step": null}`.
const MOST_MIXED: usize = 8;

/// How many loaders are found again by their symbol: a power of two.
const LOADERS: usize = 64;

/// Text that is kept in the arena.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) start: u32,
    pub(super) length: u32,
}

/// A value that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Kept),
    String(Kept),
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
    /// Any other object: a range of `Builder::parked`.
    Mixed {
        first: u32,
        count: u32,
    },
}

/// A key of an object: the name of a field, or any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Field(Field),
    Other(Symbol),
}

/// A value and, within an object, its key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) key: Key,
    pub(super) value: Value,
}

/// An object or array that has not ended.
struct Frame {
    is_object: bool,
    /// Where its slots start on the stack of values.
    first: usize,
    /// How many slots were parked when it started.
    parked: usize,
    /// How many nodes there were when it started.
    low: u32,
    /// The key of the value that is being read.
    key: Key,
    /// What every node has. Only texts and a number come here, so the items of a dict do not.
    head: Head,
}

#[derive(Default, Clone, Copy)]
struct Head {
    class: Option<Symbol>,
    module: Option<Symbol>,
    loader: Option<Loader>,
    id: Option<u64>,
}

pub(super) struct Builder<'a> {
    reader: Reader<'a>,
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
    /// Loaders that were met, by the last digits of their name's symbol.
    loaders: [Option<(Symbol, Loader)>; LOADERS],
    /// `protocol` and `_skops_version`, once the root has ended.
    pub(super) root_fields: (Option<Value>, Option<Value>),
}

impl<'a> Builder<'a> {
    /// Starts with a text of this size, which only says how much memory to set aside.
    pub(super) fn new(fill: Fill<'a>, size: u64, limits: &'a Limits) -> Result<Self> {
        Ok(Self {
            reader: Reader::new(fill, size)?,
            arena: Arena::new(),
            limits,
            frames: Vec::new(),
            values: Vec::new(),
            parked: Vec::new(),
            seen: Vec::new(),
            maps: 0,
            names: IntegerMap::with_hasher(IntegerHash::new()),
            loaders: [None; LOADERS],
            root_fields: (None, None),
        })
    }

    /// Reads the whole text, which must be one node, and returns it.
    pub(super) fn run(&mut self) -> Result<NodeId> {
        match self.read_root() {
            Ok(root) => Ok(root),
            Err(error) => {
                // Data that is damaged is no JSON either; then the damage is what there is to say.
                self.reader.drain()?;
                Err(error)
            }
        }
    }

    fn read_root(&mut self) -> Result<NodeId> {
        let root = self.read_value().map_err(|error| error.at_pointer(|| self.pointer(self.values.len())))?;
        self.reader.end()?;
        if let Value::Node(root) = root {
            return Ok(root);
        }
        let found = "the root of schema.json is no node";
        Err(Error::new(Code::MalformedNode, found).at_pointer(String::new))
    }

    fn read_value(&mut self) -> Result<Value> {
        loop {
            let value = match self.reader.value()? {
                Token::ObjectStart => {
                    self.open(true)?;
                    if self.read_usual_key(true) {
                        continue;
                    }
                    if !self.reader.take(b'}')? {
                        self.read_key()?;
                        continue;
                    }
                    Some(self.close()?)
                }
                Token::ArrayStart => {
                    self.open(false)?;
                    if !self.reader.take(b']')? {
                        continue;
                    }
                    Some(self.close()?)
                }
                Token::String(text) => self.string(text)?,
                Token::Number(text) => self.number(text)?,
                Token::Bool(value) => Some(Value::Bool(value)),
                Token::Null => Some(Value::Null),
            };
            if let Some(root) = self.attach(value)? {
                return Ok(root);
            }
        }
    }

    /// A string: one of the head of a node goes there, any other becomes a value.
    #[inline]
    fn string(&mut self, text: Span) -> Result<Option<Value>> {
        let key = self.frames.last().filter(|frame| frame.is_object).map(|frame| frame.key);
        match key {
            Some(Key::Field(Field::Class)) => {
                let symbol = self.intern(text)?;
                self.set_head(Field::Class, |head| head.class.replace(symbol).is_some())
            }
            Some(Key::Field(Field::Module)) => {
                let symbol = self.intern(text)?;
                self.set_head(Field::Module, |head| head.module.replace(symbol).is_some())
            }
            Some(Key::Field(Field::Loader)) => {
                let loader = self.loader(text)?;
                self.set_head(Field::Loader, |head| head.loader.replace(loader).is_some())
            }
            _ => {
                let text = self.reader.text(text);
                Ok(Some(Value::String(keep(&mut self.arena.text, &text)?)))
            }
        }
    }

    /// A number: an id goes to the head, any other becomes a value.
    #[inline]
    fn number(&mut self, text: Span) -> Result<Option<Value>> {
        let text = self.reader.text(text);
        let is_id =
            self.frames.last().is_some_and(|frame| frame.key == Key::Field(Field::Id) && frame.is_object);
        if !is_id {
            return Ok(Some(Value::Number(keep(&mut self.arena.text, &text)?)));
        }
        // An address is positive; zero stands for none.
        let id = text.parse().ok().filter(|id| *id != 0).ok_or_else(|| {
            Error::new(Code::MalformedNode, format!("a node with the `__id__` {}", shown(&text)))
        })?;
        self.set_head(Field::Id, |head| head.id.replace(id).is_some())
    }

    /// The loader of this name, which is interned so that it is compared only once.
    #[inline]
    fn loader(&mut self, text: Span) -> Result<Loader> {
        let symbol = self.intern(text)?;
        if let Some((known, loader)) =
            self.loaders.get(symbol.0 as usize & LOADERS.wrapping_sub(1)).copied().flatten()
            && known == symbol
        {
            return Ok(loader);
        }
        let name = self.arena.strings.get(symbol);
        let loader = Loader::from_name(name)
            .ok_or_else(|| Error::new(Code::UnknownLoader, format!("the loader '{}'", shown(name))))?;
        if let Some(slot) = self.loaders.get_mut(symbol.0 as usize & LOADERS.wrapping_sub(1)) {
            *slot = Some((symbol, loader));
        }
        Ok(loader)
    }

    fn set_head(&mut self, field: Field, set: impl FnOnce(&mut Head) -> bool) -> Result<Option<Value>> {
        let is_repeated = self.frames.last_mut().is_some_and(|frame| set(&mut frame.head));
        if is_repeated { Err(duplicate_key(field.as_str())) } else { Ok(None) }
    }

    /// Gives a value (unless it went to the head) to the container that waits for it, and goes on: to the next
    /// value, or to the end of all containers that end here. Returns the root once it has ended.
    fn attach(&mut self, value: Option<Value>) -> Result<Option<Value>> {
        let mut value = value;
        loop {
            let Some(frame) = self.frames.last() else { return Ok(value) };
            let is_object = frame.is_object;
            if let Some(value) = value {
                self.values.push(Slot { key: frame.key, value });
            }
            if is_object && self.read_usual_key(false) {
                return Ok(None);
            }
            if self.reader.take(b',')? {
                if is_object {
                    self.read_key()?;
                }
                return Ok(None);
            }
            let (end, expected) = if is_object { (b'}', "a comma or `}`") } else { (b']', "a comma or `]`") };
            self.reader.expect(end, expected)?;
            value = Some(self.close()?);
        }
    }

    /// Reads the key of an object's next value, if it is one that nodes have and is written as skops does.
    #[inline]
    fn read_usual_key(&mut self, starts: bool) -> bool {
        match (self.reader.usual_key(starts, Field::at_start), self.frames.last_mut()) {
            (Some(field), Some(frame)) => {
                frame.key = Key::Field(field);
                true
            }
            _ => false,
        }
    }

    fn read_key(&mut self) -> Result<()> {
        self.reader.key_start()?;
        let key = if let Some(field) = self.reader.known(Field::at_start) {
            Key::Field(field)
        } else {
            let text = self.reader.string()?;
            self.other_key(text)?
        };
        self.reader.colon()?;
        if let Some(frame) = self.frames.last_mut() {
            frame.key = key;
        }
        Ok(())
    }

    fn other_key(&mut self, text: Span) -> Result<Key> {
        let symbol = self.intern(text)?;
        let field = Field::from_name(self.arena.strings.get(symbol));
        Ok(field.map_or(Key::Other(symbol), Key::Field))
    }

    fn open(&mut self, is_object: bool) -> Result<()> {
        if self.frames.len() >= self.limits.json_depth {
            let found = format!("schema.json is nested more than {} levels", self.limits.json_depth);
            return Err(Error::new(Code::LimitJsonDepth, found).at_offset(self.reader.offset()));
        }
        self.frames.push(Frame {
            is_object,
            first: self.values.len(),
            parked: self.parked.len(),
            low: length(&self.arena.nodes),
            key: Key::Field(Field::Content),
            head: Head::default(),
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
        Ok(Value::Nodes { first, count: length(slots) })
    }

    fn close_object(&mut self, frame: &Frame) -> Result<Value> {
        let Head { class, module, loader, id } = frame.head;
        if let Some(loader) = loader {
            return self.close_node(frame, loader).map(Value::Node);
        }
        let slots = self.values.get(frame.first..).unwrap_or_default();
        if let (None, None, Some(id), []) = (class, module, id, slots) {
            return self.close_reference(frame, id).map(Value::Node);
        }
        let is_map = slots.iter().all(|slot| matches!(slot.value, Value::Node(_)));
        if class.is_some() || module.is_some() || id.is_some() {
            return Err(Error::new(Code::MissingField, "a node without `__loader__`"));
        }
        if is_map {
            return self.close_map(frame);
        }
        let is_no_text =
            |slot: &Slot| slot.key == Key::Field(Field::Loader) && !matches!(slot.value, Value::Node(_));
        if slots.iter().any(is_no_text) {
            return Err(Error::new(Code::MalformedNode, "a node whose `__loader__` is no text"));
        }
        self.close_mixed(frame)
    }

    fn close_map(&mut self, frame: &Frame) -> Result<Value> {
        let first = length(&self.arena.children);
        let keys = length(&self.arena.keys);
        self.maps = self.maps.saturating_add(1);
        let slots = self.values.get(frame.first..).unwrap_or_default();
        for slot in slots {
            let Value::Node(node) = slot.value else { continue };
            let symbol = match slot.key {
                Key::Other(symbol) => symbol,
                Key::Field(field) => self.arena.strings.intern(field.as_str()).ok_or_else(too_much_text)?,
            };
            let index = symbol.0 as usize;
            if index >= self.seen.len() {
                #[expect(clippy::disallowed_methods, reason = "as many as there are strings")]
                self.seen.resize(self.arena.strings.len(), 0);
            }
            match self.seen.get_mut(index) {
                Some(last) if *last == self.maps => {
                    return Err(duplicate_key(self.arena.strings.get(symbol)));
                }
                Some(last) => *last = self.maps,
                None => {}
            }
            self.arena.children.push(node);
            self.arena.keys.push(symbol);
        }
        Ok(Value::Map { first, count: length(slots), keys })
    }

    fn close_mixed(&mut self, frame: &Frame) -> Result<Value> {
        let slots = self.values.get(frame.first..).unwrap_or_default();
        if slots.len() > MOST_MIXED {
            return Err(Error::new(Code::MalformedNode, "an object with a value that is no node"));
        }
        let later = |index: usize| slots.get(index.saturating_add(1)..).unwrap_or_default();
        let repeated =
            |(index, slot): &(usize, &Slot)| later(*index).iter().any(|other| other.key == slot.key);
        if let Some((_, slot)) = slots.iter().enumerate().find(repeated) {
            return Err(duplicate_key(self.key_text(slot.key)));
        }
        let first = length(&self.parked);
        self.parked.extend_from_slice(slots);
        Ok(Value::Mixed { first, count: length(slots) })
    }

    fn close_reference(&mut self, frame: &Frame, id: u64) -> Result<NodeId> {
        let name = self.intern_name("builtins", "object")?;
        let mut node = Node::empty(Loader::Cached, name, id, frame.low);
        node.form = Form::Bare;
        self.push(node)
    }

    fn close_node(&mut self, frame: &Frame, loader: Loader) -> Result<NodeId> {
        let mut fields = self.take_fields(frame)?;
        if self.frames.is_empty() {
            self.root_fields = (fields.take(Field::Protocol), fields.take(Field::SkopsVersion));
        }
        let name = self.declared_name(&frame.head, &mut fields, loader)?;
        if fields.take(Field::Id).is_some() {
            return Err(Error::new(Code::MalformedNode, "a node whose `__id__` is no number"));
        }
        let mut node = Node::empty(loader, name, frame.head.id.unwrap_or(0), frame.low);
        self.shape(&mut node, &mut fields)?;
        if let Some(field) = fields.left() {
            let found = format!("a {loader} with the field `{}`", field.as_str());
            return Err(Error::new(Code::UnknownField, found));
        }
        self.parked.truncate(frame.parked);
        self.push(node)
    }

    /// Sorts an object's slots into the fields of a node.
    #[inline]
    fn take_fields(&self, frame: &Frame) -> Result<Fields> {
        let mut fields = Fields::new();
        for slot in self.values.get(frame.first..).unwrap_or_default() {
            let Key::Field(field) = slot.key else {
                let found = format!("a node with the field '{}'", shown(self.key_text(slot.key)));
                return Err(Error::new(Code::UnknownField, found));
            };
            fields.put(field, slot.value)?;
        }
        Ok(fields)
    }

    /// The declared type, from `__module__` and `__class__`. A reference may have null for both.
    fn declared_name(&mut self, head: &Head, fields: &mut Fields, loader: Loader) -> Result<NameId> {
        if let (Some(module), Some(class)) = (head.module, head.class) {
            return self.name(module, class);
        }
        match (head.module, head.class, fields.take(Field::Module), fields.take(Field::Class)) {
            (None, None, Some(Value::Null), Some(Value::Null)) if loader == Loader::Cached => {
                self.intern_name("builtins", "object")
            }
            (None, _, None, _) => Err(missing(loader, Field::Module)),
            (_, None, _, None) => Err(missing(loader, Field::Class)),
            _ => Err(Error::new(Code::NameSyntax, "a node whose `__module__` or `__class__` is no text")),
        }
    }

    /// The name of a module and a class; new ones are checked.
    fn name(&mut self, module: Symbol, class: Symbol) -> Result<NameId> {
        let Arena { names, strings, .. } = &mut self.arena;
        if let Some(known) = self.names.get(&(module.0, class.0)) {
            return Ok(*known);
        }
        name::check(strings.get(module), strings.get(class), self.limits.name_length)?;
        let id = NameId(length(names));
        names.push((module, class));
        self.names.insert((module.0, class.0), id);
        Ok(id)
    }

    pub(super) fn intern_name(&mut self, module: &str, class: &str) -> Result<NameId> {
        let strings = &mut self.arena.strings;
        let pair = strings.intern(module).zip(strings.intern(class)).ok_or_else(too_much_text)?;
        self.name(pair.0, pair.1)
    }

    #[inline]
    fn intern(&mut self, text: Span) -> Result<Symbol> {
        let strings = &mut self.arena.strings;
        let symbol = match self.reader.plain(text) {
            Some(bytes) => strings.intern_bytes(bytes),
            None => strings.intern(&self.reader.text(text)),
        };
        symbol.ok_or_else(too_much_text)
    }

    /// The text of a key.
    pub(super) fn key_text(&self, key: Key) -> &str {
        match key {
            Key::Field(field) => field.as_str(),
            Key::Other(symbol) => self.arena.strings.get(symbol),
        }
    }

    /// Text that was kept in the arena.
    pub(super) fn kept(&self, kept: Kept) -> &str {
        let end = (kept.start as usize).saturating_add(kept.length as usize);
        self.arena.text.get(kept.start as usize..end).unwrap_or_default()
    }

    /// Keeps text of our own making in the arena.
    pub(super) fn keep(&mut self, text: &str) -> Result<Kept> {
        keep(&mut self.arena.text, text)
    }

    /// Adds a list of children to the arena, and returns its range.
    pub(super) fn keep_children(&mut self, children: &[NodeId]) -> (u32, u32) {
        let first = length(&self.arena.children);
        self.arena.children.extend_from_slice(children);
        (first, length(children))
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
                super::place::push_key(&mut pointer, self.key_text(frame.key));
            } else {
                super::place::push_index(&mut pointer, end.saturating_sub(frame.first));
            }
        }
        pointer
    }
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
    Error::new(Code::LimitSchemaBytes, "schema.json has more than 4 GiB of text")
}

fn keep(all: &mut String, text: &str) -> Result<Kept> {
    let start = u32::try_from(all.len()).map_err(|_| too_much_text())?;
    let length = u32::try_from(text.len()).map_err(|_| too_much_text())?;
    all.push_str(text);
    Ok(Kept { start, length })
}

/// The length of a list that the limits keep below `u32::MAX`.
fn length<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}
