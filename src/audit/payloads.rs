//! The entries that nodes name: that they exist, that every entry is named, and what their headers say.

use std::collections::HashSet;

use crate::archive::{Archive, Entry, EntryIndex, SCHEMA_NAME, check_ratio};
use crate::error::{Code, Error, Result};
use crate::intern::{IntegerHash, IntegerMap};
use crate::npy::ArrayHeader;
use crate::npy::npz::SparseHeader;
use crate::schema::{Form, Loader, NodeId, NodeRef, Schema};
use crate::text::shown;

/// The headers of what nodes hold. Nodes that name one entry share its header.
#[derive(Debug, Default)]
pub(super) struct Payloads {
    /// Sorted by node; which of the contents each has.
    nodes: Vec<(NodeId, usize)>,
    contents: Vec<PayloadContent>,
}

/// What the headers of an entry say.
#[derive(Debug)]
pub(crate) enum PayloadContent {
    Array(ArrayHeader),
    Sparse(Box<SparseHeader>),
}

impl Payloads {
    /// What a node holds, if it is an array or a sparse matrix.
    pub(super) fn get(&self, node: NodeId) -> Option<&PayloadContent> {
        let index = self.nodes.binary_search_by_key(&node, |(node, _)| *node).ok()?;
        self.contents.get(self.nodes.get(index)?.1)
    }

    /// All nodes that hold something, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, &PayloadContent)> {
        self.nodes.iter().filter_map(|(node, content)| Some((*node, self.contents.get(*content)?)))
    }
}

/// What nodes and entries have to do with each other.
pub(super) struct Entries {
    /// The nodes that name an entry, in order, and which one.
    pub(super) uses: Vec<(NodeId, EntryIndex)>,
    /// The entries that no node names.
    pub(super) unreferenced: Vec<EntryIndex>,
    /// Bytes of the payloads, once for each object that skops would make of them.
    pub(super) bytes: u64,
}

/// The entry that a node names, if it names one.
fn file(node: NodeRef<'_>) -> Option<&str> {
    let has_file = match node.loader() {
        Loader::Bytes | Loader::Bytearray | Loader::SparseMatrix => true,
        Loader::NdArray => node.form() == Form::Plain,
        _ => false,
    };
    has_file.then(|| node.text())
}

fn position(archive: &Archive, node: NodeRef<'_>, file: &str) -> Result<EntryIndex> {
    let refuse = |code, found: String| Err(Error::new(code, found).at_pointer(|| node.pointer()));
    if file == SCHEMA_NAME {
        return refuse(Code::EntryName, "a node that names schema.json as its payload".to_owned());
    }
    match archive.position(file) {
        Some(position) => Ok(position),
        None => refuse(Code::EntryMissing, format!("the entry '{}', which the archive has not", shown(file))),
    }
}

/// Finds the entries that nodes name. Refuses files whose payloads, once for each object that skops would make of
/// them, are too large. To be called before any payload is read.
pub(super) fn check_entries(schema: &Schema) -> Result<Entries> {
    let archive = schema.archive();
    let mut counted = HashSet::new();
    #[expect(clippy::disallowed_methods, reason = "as many as the archive has entries")]
    let mut named = vec![false; archive.entries().len()];
    let mut uses = Vec::new();
    let mut total = 0_u64;
    for node in schema.nodes() {
        let Some(file) = file(node) else { continue };
        let position = position(archive, node, file)?;
        uses.push((node.id(), position));
        if let Some(named) = named.get_mut(position as usize) {
            *named = true;
        }
        let is_counted = node.object_id().is_some_and(|id| !counted.insert((position, id)));
        if !is_counted {
            total = total.saturating_add(archive.entry_at(position).map_or(0, |entry| entry.size));
        }
    }
    let limit = archive.limits().model_bytes;
    if total > limit {
        let found = format!("the payloads have {total} bytes, the limit is {limit}");
        return Err(Error::new(Code::LimitModelBytes, found));
    }
    check_ratio(total, archive.size(), archive.limits())?;
    Ok(Entries { uses, unreferenced: unreferenced(archive, &named)?, bytes: total })
}

/// The entries that no node names. skops writes none. An array that is named as skops names one is let through and
/// reported: it is what editing a node leaves behind, and there is nothing that it could mean to any reader.
fn unreferenced(archive: &Archive, named: &[bool]) -> Result<Vec<EntryIndex>> {
    let mut left = Vec::new();
    for ((position, entry), named) in (0..).zip(archive.entries()).zip(named) {
        if !named && &*entry.name != SCHEMA_NAME {
            left.push((position, entry));
        }
    }
    let most = named.iter().filter(|named| **named).count();
    let Some((_, first)) = left.first() else { return Ok(Vec::new()) };
    if left.len() > most || !left.iter().all(|(_, entry)| is_address(&entry.name)) {
        let found = match left.len() {
            1 => format!("the entry {}, which no node names", first.name),
            count => format!("{count} entries that no node names, {} among them", first.name),
        };
        return Err(Error::new(Code::EntryUnreferenced, found).in_entry(&first.name));
    }
    for (_, entry) in &left {
        ArrayHeader::read(archive, entry)?;
    }
    Ok(left.into_iter().map(|(position, _)| position).collect())
}

/// Whether an entry is named as skops names arrays: by an address, which no system has below 64 KiB.
fn is_address(name: &str) -> bool {
    let digits = name.strip_suffix(".npy").filter(|digits| !digits.starts_with(['0', '+']));
    digits.and_then(|digits| digits.parse::<u64>().ok()).is_some_and(|address| address >= 1 << 16)
}

/// Reads the headers of all arrays and sparse matrices, once for each entry.
pub(super) fn check(schema: &Schema, uses: &[(NodeId, EntryIndex)]) -> Result<Payloads> {
    let archive = schema.archive();
    let mut payloads = Payloads::default();
    let mut known = IntegerMap::with_capacity_and_hasher(uses.len(), IntegerHash::new());
    for (id, position) in uses {
        let node = schema.node(*id);
        let is_sparse = match node.loader() {
            Loader::NdArray => false,
            Loader::SparseMatrix => true,
            _ => continue,
        };
        let Some(entry) = archive.entry_at(*position) else { continue };
        let next = payloads.contents.len();
        // One entry may be named as both; then it is read as both, and one of them is refused.
        let content = *known.entry((*position, u32::from(is_sparse))).or_insert(next);
        if content == next {
            let header = read_header(archive, entry, is_sparse);
            payloads.contents.push(header.map_err(|error| error.at_pointer(|| node.pointer()))?);
        }
        payloads.nodes.push((*id, content));
    }
    Ok(payloads)
}

fn read_header(archive: &Archive, entry: &Entry, is_sparse: bool) -> Result<PayloadContent> {
    if is_sparse {
        SparseHeader::read(archive, entry).map(|sparse| PayloadContent::Sparse(Box::new(sparse)))
    } else {
        ArrayHeader::read(archive, entry).map(PayloadContent::Array)
    }
}
