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
    /// Bytes of the payloads, once for each object that skops would make of them.
    pub(super) bytes: u64,
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
    /// For each entry, how many objects skops would make of it.
    objects: Vec<u64>,
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

/// Finds the entries that nodes name. To be called before any payload is read: files whose payloads are too large are refused.
pub(super) fn check_entries(schema: &Schema) -> Result<Entries> {
    let archive = schema.archive();
    let mut counted = HashSet::new();
    #[expect(clippy::disallowed_methods, reason = "as many as the archive has entries")]
    let mut objects = vec![0_u64; archive.entries().len()];
    let mut uses = Vec::new();
    for node in schema.nodes() {
        let Some(file) = file(node) else { continue };
        let position = position(archive, node, file)?;
        uses.push((node.id(), position));
        let is_counted = node.object_id().is_some_and(|id| !counted.insert((position, id)));
        if let Some(objects) = objects.get_mut(position as usize).filter(|_| !is_counted) {
            *objects = objects.saturating_add(1);
        }
    }
    check_model_bytes(archive, &objects, |_, entry| entry.size)?;
    let unreferenced = unreferenced(archive, &objects)?;
    Ok(Entries { uses, unreferenced, objects })
}

/// Refuses files whose payloads, once for each object that skops would make of them, are too large. Returns how large they are.
/// Entries that no node names count once: they are read to be checked.
fn check_model_bytes(
    archive: &Archive,
    objects: &[u64],
    size: impl Fn(EntryIndex, &Entry) -> u64,
) -> Result<u64> {
    let payloads =
        (0..).zip(archive.entries()).zip(objects).filter(|((_, entry), _)| &*entry.name != SCHEMA_NAME);
    let sizes =
        payloads.map(|((position, entry), objects)| size(position, entry).saturating_mul((*objects).max(1)));
    let total = sizes.fold(0, u64::saturating_add);
    let limit = archive.limits().model_bytes;
    if total > limit {
        let found = format!("the payloads have {total} bytes, the limit is {limit}");
        return Err(Error::new(Code::LimitModelBytes, found));
    }
    check_ratio(total, archive.size(), archive.limits())?;
    Ok(total)
}

/// The entries that no node names. skops writes none. An array that is named as skops names one is let through and
/// reported: it is what editing a node leaves behind, and there is nothing that it could mean to any reader.
fn unreferenced(archive: &Archive, objects: &[u64]) -> Result<Vec<EntryIndex>> {
    let mut left = Vec::new();
    for ((position, entry), objects) in (0..).zip(archive.entries()).zip(objects) {
        if *objects == 0 && &*entry.name != SCHEMA_NAME {
            left.push((position, entry));
        }
    }
    let most = objects.iter().filter(|objects| **objects > 0).count();
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

/// Reads the headers of all arrays and sparse matrices, once for each entry. What sparse matrices hold is known only then, so the
/// size of all payloads is checked again.
pub(super) fn check(schema: &Schema, entries: &Entries) -> Result<Payloads> {
    let archive = schema.archive();
    let mut payloads = Payloads::default();
    let mut known = IntegerMap::with_capacity_and_hasher(entries.uses.len(), IntegerHash::new());
    for (id, position) in &entries.uses {
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
    let size = |position: EntryIndex, entry: &Entry| {
        let content =
            known.get(&(position, u32::from(true))).and_then(|content| payloads.contents.get(*content));
        match content {
            Some(PayloadContent::Sparse(sparse)) => sparse.bytes.max(entry.size),
            _ => entry.size,
        }
    };
    payloads.bytes = check_model_bytes(archive, &entries.objects, size)?;
    Ok(payloads)
}

fn read_header(archive: &Archive, entry: &Entry, is_sparse: bool) -> Result<PayloadContent> {
    if is_sparse {
        SparseHeader::read(archive, entry).map(|sparse| PayloadContent::Sparse(Box::new(sparse)))
    } else {
        ArrayHeader::read(archive, entry).map(PayloadContent::Array)
    }
}
