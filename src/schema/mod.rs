//! `schema.json`: the nodes of the object that was saved, without any payload.
//!
//! The text is strict JSON ([`json`]), read in one pass ([`build`]) into an arena of nodes ([`node`]). Here is
//! refused what no skops release writes: unknown loaders, fields and shapes, text that is no name. Whether a node's
//! declared type fits its loader, and what it makes skops do, is the business of [`crate::audit`].

mod build;
mod json;
mod loader;
#[cfg(feature = "gate")]
mod locate;
mod node;
mod place;
mod scalar;
mod shape;
mod view;

use std::collections::BTreeSet;

pub use loader::Loader;
#[cfg(feature = "gate")]
pub use locate::Region;
#[cfg(feature = "gate")]
pub(crate) use locate::locate;
pub(crate) use scalar::Scalar;

pub(crate) use node::{Form, NameId, NodeId};
pub(crate) use place::{ARGUMENTS, is_storage, label, part};
pub(crate) use view::{Children, Content, DictRef, NodeRef, TypePath};

use crate::archive::{Archive, SCHEMA_NAME};
use crate::error::{Code, Error, Result};
use crate::text::shown;

use build::{Builder, Value};
use json::Fill;
use node::Arena;

/// The protocols that skops has had: see `docs/format.md`.
pub(crate) const LATEST_PROTOCOL: u8 = 2;

/// The nodes of a file's `schema.json`. Nothing has been checked against the other entries yet.
///
/// ```
/// let archive = skops_rs::Archive::open("fixtures/example.skops")?;
/// let schema = archive.schema()?;
/// assert_eq!(schema.protocol(), 2);
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[derive(Debug)]
pub struct Schema {
    archive: Archive,
    arena: Arena,
    root: NodeId,
    protocol: u8,
    skops_version: Option<String>,
}

impl Archive {
    /// Reads `schema.json` into nodes. No other entry is read.
    pub fn schema(&self) -> Result<Schema> {
        let entry = self.entry(SCHEMA_NAME).ok_or_else(|| {
            let count = self.entries().len();
            Error::new(Code::SchemaMissing, format!("none of the archive's {count} entries is schema.json"))
        })?;
        let limit = self.limits().schema_bytes;
        if entry.size > limit.into() {
            let found = format!("schema.json has {} bytes, the limit is {limit}", entry.size);
            return Err(Error::new(Code::LimitSchemaBytes, found).in_entry(SCHEMA_NAME));
        }
        let text = Box::new(self.reader(entry)?);
        Schema::read(self.clone(), text, entry.size).map_err(|error| error.in_entry(SCHEMA_NAME))
    }
}

impl Schema {
    /// Reads the nodes from the text that `fill` gives, which claims to have this size.
    fn read(archive: Archive, fill: Fill<'_>, size: u64) -> Result<Self> {
        let limits = archive.limits().clone();
        let mut builder = Builder::new(fill, size, &limits)?;
        let root = builder.run()?;
        let at_root = |error: Error| error.at_pointer(String::new);
        let (protocol, skops_version) = builder.root_fields;
        let protocol = check_protocol(protocol, &builder).map_err(at_root)?;
        let skops_version = match skops_version {
            None => None,
            Some(Value::String(version)) => Some(builder.kept(version).to_owned()),
            Some(_) => {
                return Err(at_root(Error::new(Code::MalformedNode, "a `_skops_version` that is no text")));
            }
        };
        let Builder { mut arena, .. } = builder;
        arena.shrink();
        let schema = Self { archive, arena, root, protocol, skops_version };
        schema.check_forms()?;
        Ok(schema)
    }

    /// Refuses nodes that are laid out for another protocol than the file's.
    fn check_forms(&self) -> Result<()> {
        for node in self.nodes() {
            let fits = match (node.loader(), node.form()) {
                (Loader::Function, form) => (form == Form::Protocol0) == (self.protocol == 0),
                (Loader::RandomGenerator, Form::Protocol0) => self.protocol == 0,
                (Loader::RandomGenerator, Form::Protocol1) => self.protocol == 1,
                // With `seed_seq`, the readers of protocol 1 ignore it; what it refers to is reported all the same.
                (Loader::RandomGenerator, _) => self.protocol >= 1,
                _ => true,
            };
            if !fits {
                let found =
                    format!("a {} laid out for another protocol than {}", node.loader(), self.protocol);
                return Err(Error::new(Code::UnknownField, found).at_pointer(|| node.pointer()));
            }
        }
        Ok(())
    }

    /// The archive that the schema came from.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The version of the format: 0, 1 or 2.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// The release of skops that claims to have written the file. Text from the file: show it escaped.
    #[must_use]
    pub fn skops_version(&self) -> Option<&str> {
        self.skops_version.as_deref()
    }

    /// The release of scikit-learn that an estimator in the file claims to come from: the root's if it has one,
    /// else the first that has one. Text from the file: show it escaped.
    #[must_use]
    pub fn sklearn_version(&self) -> Option<String> {
        let of_root = match self.root().content() {
            Content::Object { state: Some(state) } => version_in(state),
            _ => None,
        };
        // Without the key no node needs to be looked at.
        self.arena.strings.find(VERSION_KEY)?;
        of_root.or_else(|| self.nodes().find_map(version_in))
    }

    /// All releases of scikit-learn that estimators in the file claim to come from. Text from the file: show it escaped.
    #[must_use]
    pub fn sklearn_versions(&self) -> BTreeSet<String> {
        // Without the key no node needs to be looked at.
        let has_any = self.arena.strings.find(VERSION_KEY).is_some();
        if has_any { self.nodes().filter_map(any_version_in).collect() } else { BTreeSet::new() }
    }

    /// The declared type of the object that was saved: ASCII identifiers joined by dots.
    #[must_use]
    pub fn root_type(&self) -> String {
        self.root().declared().to_string()
    }

    /// The loader of the object that was saved.
    #[must_use]
    pub fn root_loader(&self) -> Loader {
        self.root().loader()
    }

    /// How many nodes there are.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.arena.nodes.len()
    }

    /// How many bytes of memory the nodes and their strings take.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.arena.bytes()
    }

    pub(crate) fn root(&self) -> NodeRef<'_> {
        self.node(self.root)
    }

    pub(crate) fn node(&self, id: NodeId) -> NodeRef<'_> {
        NodeRef::new(&self.arena, id)
    }

    /// All nodes; children before their parents.
    pub(crate) fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeRef<'_>> {
        let count = u32::try_from(self.node_count()).unwrap_or(u32::MAX);
        (0..count).map(|id| self.node(NodeId(id)))
    }

    /// The nodes in a node, and then itself.
    pub(crate) fn subtree(&self, node: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
        (node.low().0..=node.id().0).map(|id| self.node(NodeId(id)))
    }

    pub(crate) fn name_count(&self) -> usize {
        self.arena.names.len()
    }

    /// Lets a reference refer to a node.
    pub(crate) fn resolve(&mut self, reference: NodeId, target: NodeId) {
        if let Some(node) = self.arena.nodes.get_mut(reference.0 as usize) {
            node.extra = target.0;
        }
    }
}

const VERSION_KEY: &str = "_sklearn_version";

/// What an object claims, also where that is no text, as scikit-learn always writes it.
fn any_version_in(node: NodeRef<'_>) -> Option<String> {
    let Content::Dict(dict) = node.content() else { return None };
    let claimed = dict.get(VERSION_KEY)?;
    let text = version_in(node).or_else(|| match claimed.content() {
        Content::Json { text } => Some(text.to_owned()),
        _ => None,
    });
    Some(text.unwrap_or_else(|| format!("a {}", claimed.loader())))
}

fn version_in(node: NodeRef<'_>) -> Option<String> {
    let Content::Dict(dict) = node.content() else { return None };
    let Content::Json { text } = dict.get(VERSION_KEY)?.content() else { return None };
    match Scalar::parse(text, 1) {
        Ok(Scalar::Str(version)) => Some(version.into_owned()),
        _ => None,
    }
}

fn check_protocol(protocol: Option<Value>, builder: &Builder<'_>) -> Result<u8> {
    let found = match protocol {
        Some(Value::Number(number)) => match builder.kept(number).parse() {
            Ok(protocol) if protocol <= LATEST_PROTOCOL => return Ok(protocol),
            _ => format!("protocol {}", shown(builder.kept(number))),
        },
        Some(Value::String(text)) => format!("protocol '{}' as text", shown(builder.kept(text))),
        None => "no protocol".to_owned(),
        Some(_) => "a protocol that is no integer".to_owned(),
    };
    Err(Error::new(Code::Protocol, found))
}
