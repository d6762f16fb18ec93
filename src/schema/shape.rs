//! Which fields a node has, by its loader, and how they are laid out.
//!
//! A field that no skops release writes is refused: readers that ignore it and people who read it would see
//! different things.

use super::build::{Builder, Kept, Slot, Value, duplicate_key, missing};
use super::json;
use super::loader::Loader;
use super::node::{Form, Node, NodeId};
use crate::error::{Code, Error, Result};
use crate::trust::name::is_identifier;

macro_rules! fields {
    ($( $variant:ident = $name:literal; )*) => {
        /// The fields that nodes have.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Field { $($variant,)* }

        impl Field {
            pub(super) fn as_str(self) -> &'static str {
                match self { $(Field::$variant => $name),* }
            }

            /// The field of this name.
            pub(super) fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Field::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

fields! {
    Class = "__class__";
    Module = "__module__";
    Loader = "__loader__";
    Id = "__id__";
    Content = "content";
    IsJson = "is_json";
    KeyTypes = "key_types";
    File = "file";
    Type = "type";
    Shape = "shape";
    Attrs = "attrs";
    Reduce = "__reduce__";
    Protocol = "protocol";
    SkopsVersion = "_skops_version";
}

impl Field {
    /// The field that a text starts with, and how long it is with the quote after it. Knows those that nearly every
    /// key is; comparing eight bytes at once is much faster than looking for the end of a string.
    #[inline]
    pub(super) fn at_start(text: &[u8]) -> Option<(Self, usize)> {
        const fn word(text: [u8; 8]) -> u64 {
            u64::from_le_bytes(text)
        }
        const CLASS: u64 = word(*b"__class_");
        const MODULE: u64 = word(*b"__module");
        const LOADER: u64 = word(*b"__loader");
        const ID: u64 = word(*b"__id__\"\0");
        const CONTENT: u64 = word(*b"content\"");
        const IS_JSON: u64 = word(*b"is_json\"");
        const KEY_TYPES: u64 = word(*b"key_type");
        let (start, rest) = text.split_first_chunk::<8>()?;
        let start = word(*start);
        match (start, rest) {
            (CLASS, [b'_', b'"', ..]) => Some((Self::Class, 10)),
            (MODULE, [b'_', b'_', b'"', ..]) => Some((Self::Module, 11)),
            (LOADER, [b'_', b'_', b'"', ..]) => Some((Self::Loader, 11)),
            (CONTENT, _) => Some((Self::Content, 8)),
            (IS_JSON, _) => Some((Self::IsJson, 8)),
            (KEY_TYPES, [b's', b'"', ..]) => Some((Self::KeyTypes, 10)),
            // The last byte is not the key's any more.
            _ if start & (u64::MAX >> 8) == ID => Some((Self::Id, 7)),
            _ => None,
        }
    }
}

/// The fields of one node, taken out as they are used. No loader has more of them.
pub(super) struct Fields {
    slots: [(Field, Value); MOST_FIELDS],
    count: usize,
}

const MOST_FIELDS: usize = 8;

impl Fields {
    pub(super) fn new() -> Self {
        Self { slots: [(Field::Content, Value::Null); MOST_FIELDS], count: 0 }
    }

    /// Puts a field's value. Refuses a second one of a field, and more than any node has.
    #[inline]
    pub(super) fn put(&mut self, field: Field, value: Value) -> Result<()> {
        if self.position(field).is_some() {
            return Err(duplicate_key(field.as_str()));
        }
        let Some(slot) = self.slots.get_mut(self.count) else {
            return Err(Error::new(Code::UnknownField, "a node with fields of several loaders"));
        };
        *slot = (field, value);
        self.count = self.count.wrapping_add(1);
        Ok(())
    }

    #[inline]
    fn position(&self, field: Field) -> Option<usize> {
        self.slots.iter().take(self.count).position(|(other, _)| *other == field)
    }

    /// Takes a field's value out.
    #[inline]
    pub(super) fn take(&mut self, field: Field) -> Option<Value> {
        let position = self.position(field)?;
        let (_, value) = *self.slots.get(position)?;
        self.count = self.count.saturating_sub(1);
        let last = *self.slots.get(self.count)?;
        *self.slots.get_mut(position)? = last;
        Some(value)
    }

    /// A field that has not been taken.
    pub(super) fn left(&self) -> Option<Field> {
        self.slots.iter().take(self.count).map(|(field, _)| *field).next()
    }
}

impl Builder<'_> {
    /// Lays the fields out in the node, and refuses what its loader does not define.
    pub(super) fn shape(&mut self, node: &mut Node, fields: &mut Fields) -> Result<()> {
        let loader = node.loader;
        match loader {
            Loader::Object => {
                if let Some(content) = fields.take(Field::Content) {
                    self.children(node, &[as_node(loader, Field::Content, content)?]);
                }
            }
            Loader::ConstructorFromReduce | Loader::DType | Loader::RandomState => {
                let content = need_node(loader, fields, Field::Content)?;
                self.children(node, &[content]);
            }
            Loader::OperatorFunc => {
                let attrs = need_node(loader, fields, Field::Attrs)?;
                self.children(node, &[attrs]);
            }
            Loader::Dict => {
                let content = need(loader, fields, Field::Content)?;
                let Value::Map { first, count, keys } = content else {
                    return Err(malformed(loader, "`content` is no object of nodes"));
                };
                (node.first, node.count, node.text) = (first, count, keys);
                node.extra = need_node(loader, fields, Field::KeyTypes)?.0;
            }
            Loader::List | Loader::Tuple | Loader::Set => {
                (node.first, node.count) = need_nodes(loader, fields)?;
            }
            Loader::Json => json(node, fields)?,
            Loader::Type => {}
            Loader::Function => self.function(node, fields)?,
            Loader::DefaultDict => self.fixed(node, fields, &["main", "default_factory"])?,
            Loader::Partial => self.fixed(node, fields, &["func", "args", "kwds", "namespace"])?,
            Loader::MaskedArray => self.fixed(node, fields, &["data", "mask"])?,
            Loader::DictWithDeprecatedKeys => {
                self.fixed(node, fields, &["main", "_deprecated_key_to_new_key"])?;
            }
            Loader::Method => self.method(node, fields)?,
            Loader::Slice => self.slice(node, fields)?,
            Loader::Bytes | Loader::Bytearray => file(node, fields)?,
            Loader::NdArray => self.ndarray(node, fields)?,
            Loader::SparseMatrix => {
                if self.kept(string(loader, fields, Field::Type)?) == "scipy" {
                    file(node, fields)?;
                } else {
                    return Err(malformed(loader, "`type` is not \"scipy\""));
                }
            }
            Loader::RandomGenerator => self.random_generator(node, fields)?,
            Loader::Tree | Loader::Loss | Loader::Sgd | Loader::QuantileForest => {
                self.reduce(node, fields)?;
            }
            Loader::Cached => {
                if node.id == 0 {
                    return Err(missing(loader, Field::Id));
                }
            }
        }
        Ok(())
    }

    fn children(&mut self, node: &mut Node, children: &[NodeId]) {
        (node.first, node.count) = self.keep_children(children);
    }

    fn ndarray(&self, node: &mut Node, fields: &mut Fields) -> Result<()> {
        let kind = self.kept(string(node.loader, fields, Field::Type)?);
        if kind == "numpy" {
            return file(node, fields);
        }
        if kind != "json" {
            return Err(malformed(node.loader, "`type` is neither \"numpy\" nor \"json\""));
        }
        node.form = Form::Objects;
        (node.first, node.count) = need_nodes(node.loader, fields)?;
        node.extra = need_node(node.loader, fields, Field::Shape)?.0;
        Ok(())
    }

    fn reduce(&mut self, node: &mut Node, fields: &mut Fields) -> Result<()> {
        let reduce = need(node.loader, fields, Field::Reduce)?;
        let args = self.members(node.loader, reduce, &["args"])?;
        let content = need_node(node.loader, fields, Field::Content)?;
        let children: Vec<_> = [content].into_iter().chain(args).collect();
        self.children(node, &children);
        Ok(())
    }

    /// A `content` with exactly these keys, each a node; the children are in this order.
    fn fixed(&mut self, node: &mut Node, fields: &mut Fields, keys: &[&str]) -> Result<()> {
        let content = need(node.loader, fields, Field::Content)?;
        let children = self.members(node.loader, content, keys)?;
        self.children(node, &children);
        Ok(())
    }

    fn members(&self, loader: Loader, content: Value, expected: &[&str]) -> Result<Vec<NodeId>> {
        let Value::Map { first, count, keys } = content else {
            return Err(malformed(loader, &format!("what ought to hold {expected:?} is no object of nodes")));
        };
        let range = |first: u32| first as usize..(first as usize).saturating_add(count as usize);
        let children = self.arena.children.get(range(first)).unwrap_or_default();
        let symbols = self.arena.keys.get(range(keys)).unwrap_or_default();
        let texts = symbols.iter().map(|symbol| self.arena.strings.get(*symbol));
        let members: Vec<_> = texts.zip(children).collect();
        if let Some((key, _)) = members.iter().find(|(key, _)| !expected.contains(key)) {
            return Err(unknown_member(loader, key));
        }
        let find = |key: &str| members.iter().find(|(other, _)| *other == key).map(|(_, child)| **child);
        expected.iter().map(|key| find(key).ok_or_else(|| missing_member(loader, key))).collect()
    }

    /// A mixed `content` with exactly these keys; the values are in this order.
    fn mixed(&self, loader: Loader, content: Value, expected: &[&str]) -> Result<Vec<Value>> {
        let slots = self.slots(content).ok_or_else(|| {
            malformed(loader, &format!("`content` is no object with the keys {expected:?}"))
        })?;
        let text = |slot: &Slot| self.key_text(slot.key);
        if let Some(slot) = slots.iter().find(|slot| !expected.contains(&text(slot))) {
            return Err(unknown_member(loader, text(slot)));
        }
        let find = |key: &str| slots.iter().find(|slot| text(slot) == key).map(|slot| slot.value);
        expected.iter().map(|key| find(key).ok_or_else(|| missing_member(loader, key))).collect()
    }

    fn slots(&self, value: Value) -> Option<&[Slot]> {
        let Value::Mixed { first, count, .. } = value else { return None };
        self.parked.get(first as usize..(first as usize).saturating_add(count as usize))
    }

    /// `FunctionNode`: named by its declared type, or in protocol 0 by its content.
    fn function(&mut self, node: &mut Node, fields: &mut Fields) -> Result<()> {
        let Some(content) = fields.take(Field::Content) else { return Ok(()) };
        let values = self.mixed(node.loader, content, &["module_path", "function"])?;
        let [Value::String(module), Value::String(function)] = values[..] else {
            return Err(Error::new(Code::NameSyntax, "a function whose module or name is no text"));
        };
        let (module, function) = (self.kept(module).to_owned(), self.kept(function).to_owned());
        node.form = Form::Protocol0;
        node.extra = self.intern_name(&module, &function)?.0;
        Ok(())
    }

    fn method(&mut self, node: &mut Node, fields: &mut Fields) -> Result<()> {
        let content = need(node.loader, fields, Field::Content)?;
        let values = self.mixed(node.loader, content, &["obj", "func"])?;
        let [Value::Node(object), Value::String(function)] = values[..] else {
            return Err(malformed(node.loader, "`obj` is no node or `func` is no text"));
        };
        self.children(node, &[object]);
        hold(node, function);
        Ok(())
    }

    /// The bounds of a slice are kept as JSON, in the order start, stop, step. They are integers or null; slices
    /// of a data frame's columns, as `ColumnTransformer` takes them, have text.
    fn slice(&mut self, node: &mut Node, fields: &mut Fields) -> Result<()> {
        let content = need(node.loader, fields, Field::Content)?;
        let values = self.mixed(node.loader, content, &["start", "stop", "step"])?;
        let is_bound = |value: &Value| match value {
            Value::Null | Value::String(_) => true,
            Value::Number(number) => is_integer(self.kept(*number)),
            _ => false,
        };
        let bound = |value: &Value| is_bound(value).then(|| self.json_text(*value));
        let bounds: Option<Vec<_>> = values.iter().map(bound).collect();
        let bounds = bounds.ok_or_else(|| malformed(node.loader, "a bound is no integer, text or null"))?;
        hold(node, self.keep(&format!("[{}]", bounds.join(",")))?);
        Ok(())
    }

    /// A value that is no node, as JSON again.
    fn json_text(&self, value: Value) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match value {
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => json::pythons(self.kept(number)).to_owned(),
            Value::String(string) => quoted(self.kept(string)),
            Value::Mixed { .. } => {
                let slots = self.slots(value).unwrap_or_default();
                // Raw JSON is nested two levels at most, so this does not go deep.
                let item = |slot: &Slot| {
                    format!("{}:{}", quoted(self.key_text(slot.key)), self.json_text(slot.value))
                };
                format!("{{{}}}", slots.iter().map(item).collect::<Vec<_>>().join(","))
            }
            _ => "null".to_owned(),
        }
    }

    fn random_generator(&mut self, node: &mut Node, fields: &mut Fields) -> Result<()> {
        let content = need(node.loader, fields, Field::Content)?;
        if matches!(content, Value::Mixed { .. }) {
            return self.random_generator_0(node, content);
        }
        if matches!(content, Value::Map { count: 1, .. }) {
            node.form = Form::Protocol1;
            let children = self.members(node.loader, content, &["bit_generator"])?;
            self.children(node, &children);
            return Ok(());
        }
        let children = self.members(node.loader, content, &["bit_generator", "seed_seq"])?;
        self.children(node, &children);
        Ok(())
    }

    /// Protocol 0 keeps numpy's state as raw JSON: the bit generator's name, integers, and an object of integers.
    fn random_generator_0(&mut self, node: &mut Node, content: Value) -> Result<()> {
        let loader = node.loader;
        let broken = || malformed(loader, "`bit_generator` is no state of a numpy bit generator");
        let values = self.mixed(loader, content, &["bit_generator"])?;
        let [state @ Value::Mixed { .. }] = values[..] else { return Err(broken()) };
        let is_integer =
            |value: Value| matches!(value, Value::Number(number) if is_integer(self.kept(number)));
        let mut name = None;
        for slot in self.slots(state).unwrap_or_default() {
            match slot.value {
                Value::String(text) if self.key_text(slot.key) == "bit_generator" => name = Some(text),
                Value::Number(_) if is_integer(slot.value) => {}
                value @ Value::Mixed { .. } => {
                    let slots = self.slots(value).unwrap_or_default();
                    if !slots.iter().all(|slot| is_integer(slot.value)) {
                        return Err(broken());
                    }
                }
                _ => return Err(broken()),
            }
        }
        let name = self.kept(name.ok_or_else(broken)?).to_owned();
        if !is_identifier(&name) {
            let found = format!("a bit generator named '{}'", crate::text::shown(&name));
            return Err(Error::new(Code::NameSyntax, found));
        }
        let text = self.json_text(state);
        node.form = Form::Protocol0;
        node.extra = self.intern_name("numpy.random", &name)?.0;
        hold(node, self.keep(&text)?);
        Ok(())
    }
}

fn json(node: &mut Node, fields: &mut Fields) -> Result<()> {
    let content = string(node.loader, fields, Field::Content)?;
    match fields.take(Field::IsJson) {
        None | Some(Value::Bool(true)) => {}
        Some(_) => return Err(malformed(node.loader, "`is_json` is not true")),
    }
    hold(node, content);
    Ok(())
}

fn file(node: &mut Node, fields: &mut Fields) -> Result<()> {
    hold(node, string(node.loader, fields, Field::File)?);
    Ok(())
}

/// Lets a node hold text that is kept in the arena.
fn hold(node: &mut Node, text: Kept) {
    (node.text, node.text_len) = (text.start, text.length);
}

fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

fn need(loader: Loader, fields: &mut Fields, field: Field) -> Result<Value> {
    fields.take(field).ok_or_else(|| missing(loader, field))
}

fn string(loader: Loader, fields: &mut Fields, field: Field) -> Result<Kept> {
    match need(loader, fields, field)? {
        Value::String(text) => Ok(text),
        _ => Err(malformed(loader, &format!("`{}` is no text", field.as_str()))),
    }
}

fn need_node(loader: Loader, fields: &mut Fields, field: Field) -> Result<NodeId> {
    let value = need(loader, fields, field)?;
    as_node(loader, field, value)
}

fn as_node(loader: Loader, field: Field, value: Value) -> Result<NodeId> {
    match value {
        Value::Node(node) => Ok(node),
        _ => Err(malformed(loader, &format!("`{}` is no node", field.as_str()))),
    }
}

fn need_nodes(loader: Loader, fields: &mut Fields) -> Result<(u32, u32)> {
    match need(loader, fields, Field::Content)? {
        Value::Nodes { first, count } => Ok((first, count)),
        _ => Err(malformed(loader, "`content` is no list of nodes")),
    }
}

fn malformed(loader: Loader, what: &str) -> Error {
    Error::new(Code::MalformedNode, format!("a {loader} where {what}"))
}

fn missing_member(loader: Loader, key: &str) -> Error {
    Error::new(Code::MissingField, format!("a {loader} without `{key}`"))
}

fn unknown_member(loader: Loader, key: &str) -> Error {
    Error::new(Code::UnknownField, format!("a {loader} with the field '{}'", crate::text::shown(key)))
}
