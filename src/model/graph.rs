//! The objects of a file: its nodes, together with what its entries hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::object::Object;
use super::store::{Payload, Store};
use crate::archive::Entry;
use crate::audit::{Audit, PayloadContent};
use crate::error::{Code, Error, Result};
use crate::invariants;
use crate::npy::{NdArray, SparseMatrix};
use crate::schema::{NodeId, NodeRef};

/// The objects of a file. All that is built is built here.
#[derive(Clone, Copy)]
pub(crate) struct Graph<'m> {
    audit: &'m Audit,
    /// Where payloads are kept once they were read; without it they are read each time.
    store: Option<&'m Store>,
    /// For whoever checks objects: what that has cost. For everyone else, each object is checked before it is looked
    /// into.
    effort: Option<&'m Effort>,
}

/// What checks have cost: nodes that were visited, and bytes of payloads that were read.
///
/// Checks are linear in what they look at. But a file can let many objects share one: then all of them together would
/// cost its size times their number.
#[derive(Debug, Default)]
pub(crate) struct Effort(AtomicU64);

impl Effort {
    /// Steps for each node. Real files need eight at most.
    const A_NODE: u64 = 32;
    /// Steps for each byte of the payloads, counted once for each object. Real files need three at most.
    const A_BYTE: u64 = 8;
    /// Steps that any file may take: a moment.
    const ANY: u64 = 1 << 20;

    fn spend(&self, audit: &Audit, steps: u64) -> Result<()> {
        let spent = self.0.fetch_add(steps, Ordering::Relaxed).saturating_add(steps);
        let nodes = (audit.schema().node_count() as u64).saturating_mul(Self::A_NODE);
        let bytes = audit.payload_bytes().saturating_mul(Self::A_BYTE);
        let most = Self::ANY.saturating_add(nodes).saturating_add(bytes);
        if spent <= most {
            return Ok(());
        }
        let found = format!("checking contents takes more than {most} steps");
        Err(Error::new(Code::LimitChecks, found))
    }
}

impl<'m> Graph<'m> {
    /// The objects as a caller sees them.
    pub(super) fn new(audit: &'m Audit, store: &'m Store) -> Self {
        Self { audit, store: Some(store), effort: None }
    }

    /// The objects as whoever checks them sees them. Nothing is kept.
    pub(crate) fn unguarded(audit: &'m Audit, effort: &'m Effort) -> Self {
        Self { audit, store: None, effort: Some(effort) }
    }

    pub(super) fn audit(self) -> &'m Audit {
        self.audit
    }

    pub(crate) fn root(self) -> Object<'m> {
        Object::new(self, self.audit.schema().root())
    }

    /// All objects, each once: of the nodes that are one object, the first.
    pub(crate) fn objects(self) -> impl Iterator<Item = Object<'m>> {
        let nodes = self.audit.schema().nodes();
        nodes.filter(move |node| self.first(*node) == node.id()).map(move |node| Object::new(self, node))
    }

    /// The first node of the object that a node is.
    pub(super) fn first(self, node: NodeRef<'_>) -> NodeId {
        self.audit.first(node.id())
    }

    /// Checks that an object's contents are what its type promises, unless that has been done.
    pub(super) fn check(self, node: NodeRef<'m>) -> Result<()> {
        let Some(store) = self.store.filter(|store| self.effort.is_none() && !store.is_checked(node.id()))
        else {
            return Ok(());
        };
        // Finding the same fault again, for each who asks, is not the file's doing.
        let again = Effort::default();
        let effort = if store.has_failed(node.id()) { &again } else { &store.effort };
        let checked = invariants::check(Object::new(Graph { effort: Some(effort), ..self }, node));
        match checked {
            Ok(()) => store.set_checked(node.id()),
            Err(_) => store.set_failed(node.id()),
        }
        checked
    }

    /// Counts what a check does. What a caller does is the caller's business.
    pub(super) fn spend(self, steps: usize) -> Result<()> {
        self.effort.map_or(Ok(()), |effort| effort.spend(self.audit, steps as u64))
    }

    pub(super) fn array(self, node: NodeRef<'m>) -> Result<NdArray> {
        let archive = self.audit.schema().archive();
        let read = |entry: &Entry| match self.audit.header(node.id()) {
            Some(PayloadContent::Array(header)) => NdArray::read(archive, entry, header).map(Payload::Array),
            _ => Err(missing(node)),
        };
        self.payload(node, read, |payload| match payload {
            Payload::Array(array) => Some(array),
            _ => None,
        })
    }

    pub(super) fn sparse(self, node: NodeRef<'m>) -> Result<SparseMatrix> {
        let archive = self.audit.schema().archive();
        let read = |entry: &Entry| match self.audit.header(node.id()) {
            Some(PayloadContent::Sparse(header)) => {
                SparseMatrix::read(archive, entry, header).map(Box::new).map(Payload::Sparse)
            }
            _ => Err(missing(node)),
        };
        self.payload(node, read, |payload| match payload {
            Payload::Sparse(matrix) => Some(*matrix),
            _ => None,
        })
    }

    pub(super) fn bytes(self, node: NodeRef<'m>) -> Result<Arc<[u8]>> {
        let archive = self.audit.schema().archive();
        let read = |entry: &Entry| archive.read(entry).map(|bytes| Payload::Bytes(bytes.into()));
        self.payload(node, read, |payload| match payload {
            Payload::Bytes(bytes) => Some(bytes),
            _ => None,
        })
    }

    /// What the entry holds that a node names. The nodes of one object may name several entries with the same bytes;
    /// then the first is read for all of them.
    fn payload<T>(
        self,
        node: NodeRef<'m>,
        read: impl Fn(&Entry) -> Result<Payload>,
        pick: impl Fn(Payload) -> Option<T>,
    ) -> Result<T> {
        let schema = self.audit.schema();
        let archive = schema.archive();
        let position = archive.position(schema.node(self.first(node)).text()).ok_or_else(|| missing(node))?;
        let entry = archive.entry_at(position).ok_or_else(|| missing(node))?;
        self.spend(usize::try_from(entry.size).unwrap_or(usize::MAX))?;
        let payload = match self.store {
            Some(store) => store.get(position, || read(entry)),
            None => read(entry),
        };
        // An entry may be named as an array and as bytes; then the store has only one of them.
        let picked = payload.and_then(|payload| match pick(payload) {
            Some(picked) => Ok(picked),
            None => pick(read(entry)?).ok_or_else(|| missing(node)),
        });
        picked.map_err(|error| error.at_pointer(|| node.pointer()))
    }
}

/// The audit has found the entry of every node and read its headers, so this does not happen.
fn missing(node: NodeRef<'_>) -> Error {
    let found = format!("the entry '{}', which the archive has not", crate::text::shown(node.text()));
    Error::new(Code::EntryMissing, found)
}
