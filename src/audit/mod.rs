//! What a file refers to: every name that skops would import, call, or read as an attribute while loading it.
//!
//! The guarantee is soundness: for a file that is accepted, no skops release from 0.3 to 0.16 touches a name that is
//! not among the references. Where a release could be made to see something else than what is reported, the file is
//! refused. The parts: [`identity`] (nodes with one `__id__` are one object), [`sharing`] (which may not stand in several
//! places), [`rules`] (what each loader refers to, and which types it may declare), [`handed`] (what code may call that nobody
//! has looked at), [`methods`] (what is read from an object by name), [`state`] (what becomes the attributes of an object;
//! [`pairs`] where that is no dict), [`parts`] (what is looked into meanwhile), [`keys`] (keys of dicts), [`payloads`] (the
//! headers of arrays and sparse matrices, and that each entry belongs to a node), [`refusal`] (what is not trusted).

mod facts;
mod handed;
mod identity;
mod intact;
mod keys;
mod methods;
mod pairs;
mod parts;
mod payloads;
mod refusal;
mod rules;
mod sharing;
mod state;

use std::collections::BTreeSet;
use std::fmt;

use crate::archive::{Entry, EntryIndex, SCHEMA_NAME};
use crate::error::{Place, Result};
use crate::intern::{IntegerHash, IntegerMap};
use crate::npy::{ArrayHeader, Dtype};
use crate::schema::{Loader, NameId, NodeId, NodeRef, Schema};
use crate::trust::{TrustList, TypeName};

use facts::Facts;
use identity::Repeats;
pub(crate) use keys::KeyKind;
pub(crate) use payloads::PayloadContent;
use payloads::Payloads;
pub(crate) use state::has_methods;

/// What skops does with a name while it loads a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Role {
    /// It makes an instance, in a way that the loader fixes.
    Instantiate,
    /// It calls what the name refers to, with data from the file; or hands it to code that may call it, of a class that is not
    /// trusted by default; or reads an attribute that may call what is in the object.
    Call,
    /// It imports what the name refers to, and stores it.
    Reference,
    /// It reads the attribute from an object.
    Attribute,
}

impl Role {
    /// The role in one word, as reports have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instantiate => "instantiate",
            Self::Call => "call",
            Self::Reference => "reference",
            Self::Attribute => "attribute",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that the file refers to, under one loader and in one role.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'a> {
    audit: &'a Audit,
    mention: &'a Mention,
}

/// Paths are for people; past this many characters they are cut. Pointers are exact.
const PATH_LENGTH: usize = 4096;

impl<'a> Reference<'a> {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &'a TypeName {
        &self.mention.name
    }

    /// What skops does with it.
    #[must_use]
    pub fn role(&self) -> Role {
        self.mention.role
    }

    /// The class of skops that does it.
    #[must_use]
    pub fn loader(&self) -> Loader {
        self.mention.loader
    }

    /// How many places refer to it so.
    #[must_use]
    pub fn place_count(&self) -> usize {
        self.mention.nodes.len()
    }

    /// Where it is referred to, in the order of the file.
    pub fn places(&self) -> impl Iterator<Item = Place> + use<'a> {
        let schema = &self.audit.schema;
        self.mention.nodes.iter().map(|id| {
            let node = schema.node(*id);
            Place { path: node.path(PATH_LENGTH), pointer: node.pointer() }
        })
    }

    /// The name, and another name of the same thing if it has one: who trusts, or denies, either means both.
    #[cfg(feature = "gate")]
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a TypeName> {
        self.mention.names()
    }

    /// Whether the list trusts it.
    #[must_use]
    pub fn is_trusted(&self, trust: &TrustList) -> bool {
        self.mention.is_trusted(trust, self.audit.schema.protocol())
    }
}

#[derive(Debug)]
struct Mention {
    name: TypeName,
    role: Role,
    loader: Loader,
    /// The name that this one is another name of: the same object, which is trusted if either name is.
    alias_of: Option<TypeName>,
    nodes: Vec<NodeId>,
}

impl Mention {
    fn names(&self) -> impl Iterator<Item = &TypeName> {
        [Some(&self.name), self.alias_of.as_ref()].into_iter().flatten()
    }

    fn is_trusted(&self, trust: &TrustList, protocol: u8) -> bool {
        self.names().any(|name| trust.trusts(self.loader, protocol, name))
    }
}

/// Everything that a file refers to. Made by [`Schema::audit`].
///
/// ```
/// use skops_rs::{Archive, TrustList};
///
/// let audit = Archive::open("fixtures/example.skops")?.schema()?.audit()?;
/// let untrusted = audit.untrusted(&TrustList::default());
/// let names: Vec<_> = untrusted.iter().map(|name| name.as_str()).collect();
/// assert_eq!(names, ["sklearn.tree._tree.Tree"]);
/// # Ok::<(), skops_rs::Error>(())
/// ```
#[derive(Debug)]
pub struct Audit {
    schema: Schema,
    mentions: Vec<Mention>,
    repeats: Repeats,
    payloads: Payloads,
    unreferenced: Vec<EntryIndex>,
}

impl Schema {
    /// Finds everything that the file refers to, and refuses it where that is not what it seems.
    pub fn audit(self) -> Result<Audit> {
        Audit::check(self).map_err(|error| {
            let in_schema = error.at().pointer.is_some();
            if in_schema { error.in_entry(SCHEMA_NAME) } else { error }
        })
    }
}

impl Audit {
    fn check(mut schema: Schema) -> Result<Self> {
        let entries = payloads::check_entries(&schema)?;
        let repeats = identity::resolve(&mut schema)?;
        let facts = Facts::new(&schema);
        let mut mentions = Mentions::new(schema.name_count());
        let pairs = rules::collect(&schema, &facts, &repeats, &mut mentions)?;
        let payloads = payloads::check(&schema, &entries)?;
        rules::check_payload_types(&schema, &facts, &payloads)?;
        pairs.check_arrays(&schema, &payloads)?;
        Ok(Self {
            schema,
            mentions: mentions.sorted(),
            repeats,
            payloads,
            unreferenced: entries.unreferenced,
        })
    }

    /// The schema that was audited.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// All references, sorted by name, role and loader.
    #[must_use]
    pub fn references(&self) -> impl ExactSizeIterator<Item = Reference<'_>> {
        self.mentions.iter().map(|mention| Reference { audit: self, mention })
    }

    /// The names that the list does not trust, each once, sorted.
    #[must_use]
    pub fn untrusted(&self, trust: &TrustList) -> BTreeSet<&TypeName> {
        let untrusted = self.references().filter(|reference| !reference.is_trusted(trust));
        untrusted.map(|reference| reference.name()).collect()
    }

    /// Arrays in the archive that no node names, which skops neither writes nor reads. Other entries that no node
    /// names are refused.
    pub fn unreferenced(&self) -> impl Iterator<Item = &Entry> {
        let archive = self.schema.archive();
        self.unreferenced.iter().filter_map(|position| archive.entry_at(*position))
    }

    /// The first node of the object that a node is.
    pub(crate) fn first(&self, node: NodeId) -> NodeId {
        self.repeats.first(node)
    }

    /// Bytes of the payloads, once for each object that skops would make of them.
    pub(crate) fn payload_bytes(&self) -> u64 {
        self.payloads.bytes
    }

    /// The headers of what a node holds, if it is an array or a sparse matrix.
    pub(crate) fn header(&self, node: NodeId) -> Option<&PayloadContent> {
        self.payloads.get(node)
    }

    /// Dtype and shape of what a node holds, if it is an array or a sparse matrix.
    pub(crate) fn dtype_and_shape(&self, node: NodeId) -> Option<(&Dtype, &[u64])> {
        match self.payloads.get(node)? {
            PayloadContent::Array(ArrayHeader { dtype, shape, .. }) => Some((dtype, shape)),
            PayloadContent::Sparse(sparse) => Some((&sparse.data.dtype, &sparse.shape)),
        }
    }

    /// The nodes that refer to something that the list does not trust, in order.
    pub(crate) fn untrusted_nodes(&self, trust: &TrustList) -> Vec<NodeId> {
        let protocol = self.schema.protocol();
        let untrusted = self.mentions.iter().filter(|mention| !mention.is_trusted(trust, protocol));
        let mut nodes: Vec<_> = untrusted.flat_map(|mention| mention.nodes.iter().copied()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

/// Collects references: nearly all are declared types, found again by number.
struct Mentions {
    list: Vec<Mention>,
    /// For each declared type, the loader and role that it was last mentioned with, and where in the list.
    recent: Vec<Option<(Loader, Role, usize)>>,
    declared: IntegerMap<(u32, u32), usize>,
}

impl Mentions {
    #[expect(clippy::disallowed_methods, reason = "as many as the schema has names")]
    fn new(names: usize) -> Self {
        Self {
            list: Vec::new(),
            recent: vec![None; names],
            declared: IntegerMap::with_hasher(IntegerHash::new()),
        }
    }

    /// Mentions a node's declared type.
    fn declared(&mut self, node: NodeRef<'_>, role: Role) {
        let name = node.name_id();
        let loader = node.loader();
        let index = match self.recent.get(name.0 as usize) {
            Some(Some((recent_loader, recent_role, index)))
                if (*recent_loader, *recent_role) == (loader, role) =>
            {
                *index
            }
            _ => self.find_declared(name, node, role),
        };
        if let Some(recent) = self.recent.get_mut(name.0 as usize) {
            *recent = Some((loader, role, index));
        }
        if let Some(mention) = self.list.get_mut(index) {
            mention.nodes.push(node.id());
        }
    }

    fn find_declared(&mut self, name: NameId, node: NodeRef<'_>, role: Role) -> usize {
        let kind = (node.loader() as u32).saturating_mul(4).saturating_add(role as u32);
        let list = &mut self.list;
        *self.declared.entry((name.0, kind)).or_insert_with(|| {
            let name = TypeName::from_checked(node.declared().to_string());
            list.push(Mention { name, role, loader: node.loader(), alias_of: None, nodes: Vec::new() });
            list.len().saturating_sub(1)
        })
    }

    /// Mentions another name than the declared one.
    fn other(&mut self, node: NodeRef<'_>, role: Role, name: String) {
        self.push(node, role, name, None);
    }

    /// Mentions another name of what the declared name refers to.
    fn alias(&mut self, node: NodeRef<'_>, role: Role, name: String) {
        self.push(node, role, name, Some(TypeName::from_checked(node.declared().to_string())));
    }

    fn push(&mut self, node: NodeRef<'_>, role: Role, name: String, alias_of: Option<TypeName>) {
        let name = TypeName::from_checked(name);
        self.list.push(Mention { name, role, loader: node.loader(), alias_of, nodes: vec![node.id()] });
    }

    /// The references by name, role and loader, each once, its nodes in the order of the file.
    fn sorted(mut self) -> Vec<Mention> {
        let order = |one: &Mention, other: &Mention| {
            (&one.name, one.role, one.loader, &one.alias_of).cmp(&(
                &other.name,
                other.role,
                other.loader,
                &other.alias_of,
            ))
        };
        self.list.sort_by(order);
        #[expect(clippy::disallowed_methods, reason = "as many as are there already")]
        let mut sorted: Vec<Mention> = Vec::with_capacity(self.list.len());
        for mut mention in self.list {
            match sorted.last_mut() {
                Some(last) if order(last, &mention).is_eq() => last.nodes.append(&mut mention.nodes),
                _ => sorted.push(mention),
            }
        }
        for mention in &mut sorted {
            mention.nodes.sort_unstable();
        }
        sorted
    }
}
