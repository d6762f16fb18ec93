//! What has been read of a model's payloads, and which of its objects have been checked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::graph::Effort;
use crate::archive::EntryIndex;
use crate::error::Result;
use crate::npy::{NdArray, SparseMatrix};
use crate::schema::NodeId;

/// What an entry holds.
#[derive(Clone)]
pub(super) enum Payload {
    Array(NdArray),
    Sparse(Box<SparseMatrix>),
    Bytes(Arc<[u8]>),
}

/// Each entry is read once, by whoever asks first; others wait.
pub(super) struct Store {
    entries: Vec<Slot>,
    checked: Nodes,
    failed: Nodes,
    /// What that has cost.
    pub(super) effort: Effort,
}

#[derive(Default)]
struct Slot {
    payload: OnceLock<Payload>,
    reading: Mutex<()>,
}

impl Store {
    pub(super) fn new(entries: usize, nodes: usize) -> Self {
        Self {
            entries: std::iter::repeat_with(Slot::default).take(entries).collect(),
            checked: Nodes::new(nodes),
            failed: Nodes::new(nodes),
            effort: Effort::default(),
        }
    }

    /// What an entry holds, read if it has not been.
    pub(super) fn get(&self, entry: EntryIndex, read: impl FnOnce() -> Result<Payload>) -> Result<Payload> {
        let Some(slot) = self.entries.get(entry as usize) else { return read() };
        if let Some(payload) = slot.payload.get() {
            return Ok(payload.clone());
        }
        // Nothing is changed under the lock that a panic could leave half done.
        let _reading = slot.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(payload) = slot.payload.get() {
            return Ok(payload.clone());
        }
        let payload = read()?;
        let _ = slot.payload.set(payload.clone());
        Ok(payload)
    }

    /// Whether a node has been checked. Objects do not change, so it does not matter who checks first.
    pub(super) fn is_checked(&self, node: NodeId) -> bool {
        self.checked.has(node)
    }

    pub(super) fn set_checked(&self, node: NodeId) {
        self.checked.add(node);
    }

    /// Whether a node has been checked before, and did not pass.
    pub(super) fn has_failed(&self, node: NodeId) -> bool {
        self.failed.has(node)
    }

    pub(super) fn set_failed(&self, node: NodeId) {
        self.failed.add(node);
    }
}

/// A set of nodes, which several threads may add to: a bit for each.
struct Nodes(Vec<AtomicU64>);

impl Nodes {
    #[expect(clippy::disallowed_methods, reason = "64 is not 0")]
    fn new(count: usize) -> Self {
        Self(std::iter::repeat_with(AtomicU64::default).take(count.div_ceil(64)).collect())
    }

    fn has(&self, node: NodeId) -> bool {
        let word = self.0.get(node.0 as usize / 64);
        word.is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (node.0 % 64)) != 0)
    }

    fn add(&self, node: NodeId) {
        if let Some(word) = self.0.get(node.0 as usize / 64) {
            word.fetch_or(1 << (node.0 % 64), Ordering::Relaxed);
        }
    }
}
