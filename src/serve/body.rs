//! The body of a request, from a client that may be slow, or gone.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body as _, Bytes, Incoming};
use tokio::time::Instant;

use super::answer::Problem;
use super::options::Options;

/// A body that is read within limits of time. Only waiting for the client counts.
pub(super) struct Body {
    incoming: Incoming,
    has_ended: bool,
    /// What is left for all of it.
    left: Duration,
    window: Duration,
    least: u64,
    /// Since the start of this window.
    waited: Duration,
    /// Bytes that came in this window.
    brought: u64,
}

impl Body {
    pub(super) fn new(incoming: Incoming, options: &Options) -> Self {
        let has_ended = incoming.is_end_stream();
        Self {
            incoming,
            has_ended,
            left: options.body_timeout,
            window: options.rate_window,
            least: options.least_in_window(),
            waited: Duration::ZERO,
            brought: 0,
        }
    }

    /// Whether there is nothing more to come.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// How many bytes there are, if the request says so.
    pub(super) fn length(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// The next bytes.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let patience = self.window.saturating_sub(self.waited).min(self.left);
            let start = Instant::now();
            let frame = tokio::time::timeout(patience, self.incoming.frame()).await;
            self.wait(start.elapsed());
            match frame {
                Ok(None) => {
                    self.has_ended = true;
                    return Ok(None);
                }
                Ok(Some(Err(_))) => {
                    self.has_ended = true;
                    return Err(Problem::incomplete_body());
                }
                Ok(Some(Ok(frame))) => {
                    // What is no data is a trailer, and nobody asked for one.
                    let data = frame.into_data().unwrap_or_default();
                    self.brought = self.brought.saturating_add(data.len() as u64);
                    self.judge_pace()?;
                    if !data.is_empty() {
                        return Ok(Some(data));
                    }
                }
                Err(_) => self.judge_pace()?,
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
        self.waited = self.waited.saturating_add(time);
    }

    /// Cuts off who is too slow.
    fn judge_pace(&mut self) -> Result<(), Problem> {
        if self.left.is_zero() {
            return Err(Problem::slow_body("the body has taken too long"));
        }
        if self.waited < self.window {
            return Ok(());
        }
        if self.brought < self.least {
            return Err(Problem::slow_body("the body comes too slowly"));
        }
        self.waited = Duration::ZERO;
        self.brought = 0;
        Ok(())
    }
}
