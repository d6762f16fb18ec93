//! How much clients may take.

use std::time::Duration;

/// How much clients may take, and how long.
///
/// ```
/// let mut options = skops_rs::serve::Options::default();
/// options.max_body = Some(64 << 20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Bytes of a body; by default, and at most, the limit `stream-bytes` of the policy.
    pub max_body: Option<u64>,
    /// Bytes of all bodies that are kept at once, most of them in temporary files.
    pub max_spool: u64,
    /// Bodies that are taken, waiting or judged at once. Whoever sends one more is told to come back.
    pub max_uploads: usize,
    /// Bodies that are judged at once; the others wait.
    pub max_checks: usize,
    /// Connections that are open at once. Whoever opens one more is told to come back.
    pub max_connections: usize,
    /// Bytes of the head of a request: its first line and all headers.
    pub max_head: usize,
    /// Headers of a request.
    pub max_headers: usize,
    /// For the head of a request, from its first byte on.
    pub head_timeout: Duration,
    /// For the next request on an open connection.
    pub idle_timeout: Duration,
    /// For a body: time that is spent waiting for the client.
    pub body_timeout: Duration,
    /// Bytes that a body must bring for each second of waiting, on average over `rate_window`.
    pub min_rate: u64,
    /// Over how much waiting `min_rate` is taken. A client that sends nothing is cut off after so long.
    pub rate_window: Duration,
    /// For a client to take some of its answer.
    pub write_timeout: Duration,
    /// From the head of a request to its answer.
    pub request_timeout: Duration,
    /// How long requests are still accepted once the server is to shut down, while `/healthz` says so.
    pub drain: Duration,
    /// How long requests that are being answered then may take.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_body: None,
            max_spool: 8 << 30,
            max_uploads: 32,
            max_checks: std::thread::available_parallelism().map_or(1, usize::from),
            max_connections: 256,
            max_head: 16 << 10,
            max_headers: 64,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(300),
            min_rate: 4096,
            rate_window: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(600),
            drain: Duration::ZERO,
            grace: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// How many bytes a client that sends anything at all brings within a window.
    pub(super) fn least_in_window(&self) -> u64 {
        let window = u64::try_from(self.rate_window.as_millis()).unwrap_or(u64::MAX);
        (self.min_rate.saturating_mul(window) / 1000).max(1)
    }
}
