//! How much is being done at once, and how much more may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::metrics::Metrics;
use super::options::Options;

/// What is in use, and what is left.
pub(super) struct Load {
    pub(super) connections: Gauge,
    pub(super) uploads: Gauge,
    pub(super) checks: Gauge,
    spooled: Arc<AtomicU64>,
    most_spooled: u64,
    metrics: Arc<Metrics>,
}

/// So many of something.
pub(super) struct Gauge {
    permits: Arc<Semaphore>,
    most: usize,
}

impl Gauge {
    fn new(most: usize) -> Self {
        #[expect(clippy::disallowed_methods, reason = "there is at least one permit")]
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self { permits: Arc::new(Semaphore::new(most)), most }
    }

    /// One more, if there is one left.
    pub(super) fn try_take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// One more, once there is one left.
    pub(super) async fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// How many are in use.
    pub(super) fn used(&self) -> usize {
        self.most.saturating_sub(self.permits.available_permits())
    }
}

impl Load {
    pub(super) fn new(options: &Options, metrics: Arc<Metrics>) -> Self {
        Self {
            connections: Gauge::new(options.max_connections),
            uploads: Gauge::new(options.max_uploads),
            checks: Gauge::new(options.max_checks),
            spooled: Arc::default(),
            most_spooled: options.max_spool,
            metrics,
        }
    }

    /// Bytes of bodies that are kept.
    pub(super) fn spooled(&self) -> u64 {
        self.spooled.load(Ordering::Relaxed)
    }

    /// Room for one more body, if there is some.
    pub(super) fn slot(&self) -> Option<Slot> {
        Some(Slot {
            _permit: self.uploads.try_take()?,
            size: 0,
            is_complete: false,
            spooled: Arc::clone(&self.spooled),
            most_spooled: self.most_spooled,
            metrics: Arc::clone(&self.metrics),
        })
    }
}

/// Room for one body, until it is dropped.
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    size: u64,
    is_complete: bool,
    spooled: Arc<AtomicU64>,
    most_spooled: u64,
    metrics: Arc<Metrics>,
}

impl Slot {
    /// How many bytes have come.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Takes room for more bytes. Returns whether there is any.
    pub(super) fn grow(&mut self, bytes: u64) -> bool {
        self.size = self.size.saturating_add(bytes);
        // A sum that wraps would take more bytes than any disk has.
        let before = self.spooled.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) <= self.most_spooled
    }

    /// The body is complete.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.spooled.fetch_sub(self.size, Ordering::Relaxed);
        self.metrics.body(self.size, self.is_complete);
    }
}
