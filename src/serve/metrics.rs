//! Counters, and how Prometheus reads them: the text format 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::load::Load;
use super::wire::Closed;
use crate::check::{Outcome, Sha256};

/// What the format is called.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What was counted since the start.
#[derive(Default)]
pub(super) struct Metrics(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// By path and status.
    requests: BTreeMap<(&'static str, Option<u16>), u64>,
    in_flight: u64,
    /// By outcome.
    verdicts: BTreeMap<Outcome, u64>,
    bodies: u64,
    incomplete_bodies: u64,
    body_bytes: u64,
    checks: Histogram<CHECK_BUCKETS>,
    answers: Histogram<CHECK_BUCKETS>,
    /// Connections that ended other than by the client or after an answer.
    closed: BTreeMap<&'static str, u64>,
    reloads: u64,
    failed_reloads: u64,
}

const CHECK_BUCKETS: usize = 15;

/// Upper ends of buckets, in seconds. A small model takes about a millisecond.
const SECONDS: [f64; CHECK_BUCKETS] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];

/// How many took how long.
struct Histogram<const N: usize> {
    /// For each upper end, those that took as long or less, but longer than the one before.
    buckets: [u64; N],
    count: u64,
    sum: Duration,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self { buckets: [0; N], count: 0, sum: Duration::ZERO }
    }
}

impl Histogram<CHECK_BUCKETS> {
    fn add(&mut self, took: Duration) {
        let bucket = SECONDS.iter().position(|end| took.as_secs_f64() <= *end);
        if let Some(count) = bucket.and_then(|at| self.buckets.get_mut(at)) {
            add(count, 1);
        }
        add(&mut self.count, 1);
        self.sum = self.sum.saturating_add(took);
    }

    fn write(&self, out: &mut Text, name: &str, help: &str) {
        out.head(name, "histogram", help);
        let mut sum = 0_u64;
        for (end, count) in SECONDS.iter().zip(self.buckets) {
            sum = sum.saturating_add(count);
            out.line(&format!("{name}_bucket{{le=\"{end}\"}}"), sum);
        }
        out.line(&format!("{name}_bucket{{le=\"+Inf\"}}"), self.count);
        out.line(&format!("{name}_sum"), self.sum.as_secs_f64());
        out.line(&format!("{name}_count"), self.count);
    }
}

fn add(counter: &mut u64, count: u64) {
    *counter = counter.saturating_add(count);
}

impl Metrics {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has come.
    pub(super) fn started(&self) {
        add(&mut self.counts().in_flight, 1);
    }

    /// It is answered, or its client went away.
    pub(super) fn ended(&self, path: &'static str, status: Option<u16>, took: Duration) {
        let mut counts = self.counts();
        counts.in_flight = counts.in_flight.saturating_sub(1);
        add(counts.requests.entry((path, status)).or_default(), 1);
        if path == super::service::CHECK {
            counts.answers.add(took);
        }
    }

    /// A body was judged.
    pub(super) fn judged(&self, outcome: Outcome, took: Duration) {
        let mut counts = self.counts();
        add(counts.verdicts.entry(outcome).or_default(), 1);
        counts.checks.add(took);
    }

    /// A body was taken, or a part of one.
    pub(super) fn body(&self, bytes: u64, is_complete: bool) {
        let mut counts = self.counts();
        add(&mut counts.bodies, 1);
        add(&mut counts.incomplete_bodies, u64::from(!is_complete));
        add(&mut counts.body_bytes, bytes);
    }

    /// A connection has ended.
    pub(super) fn closed(&self, why: Closed) {
        match why {
            Closed::Normally => {}
            Closed::Idle => self.closed_for("idle"),
            Closed::SlowHead => self.closed_for("slow-head"),
            Closed::SlowWrite => self.closed_for("slow-write"),
        }
    }

    /// A connection has ended, and not by the client or after an answer.
    pub(super) fn closed_for(&self, reason: &'static str) {
        add(self.counts().closed.entry(reason).or_default(), 1);
    }

    /// The policy was to be replaced.
    pub(super) fn reloaded(&self, is_ok: bool) {
        let mut counts = self.counts();
        if is_ok { add(&mut counts.reloads, 1) } else { add(&mut counts.failed_reloads, 1) }
    }

    /// All of them as text.
    pub(super) fn text(&self, load: &Load, policy: Option<Sha256>, is_up: bool) -> String {
        #[expect(clippy::disallowed_methods, reason = "eight kilobytes")]
        let mut out = Text(String::with_capacity(8 << 10));
        out.gauges(load, policy, is_up);
        let counts = self.counts();
        out.requests(&counts);
        out.bodies(&counts);
        counts.checks.write(&mut out, "skops_rs_check_seconds", "Time that checks took.");
        let help = "Time from the head of a request for /check to its answer.";
        counts.answers.write(&mut out, "skops_rs_request_seconds", help);
        out.0
    }
}

/// Every reason for which a connection is closed, so that all are there from the start.
const REASONS: [&str; 5] = ["idle", "malformed", "slow-head", "slow-write", "too-many"];

/// Text in the format.
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // A string takes whatever is written.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.line(name, value);
    }

    fn gauges(&mut self, load: &Load, policy: Option<Sha256>, is_up: bool) {
        self.head("skops_rs_build_info", "gauge", "The release, as a label.");
        self.line(concat!("skops_rs_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1);
        let sha256 = policy.map_or_else(String::new, |sha256| sha256.to_string());
        let help = "SHA-256 of the policy file in force, as a label; empty for the built-in policy.";
        self.head("skops_rs_policy_info", "gauge", help);
        self.line(&format!("skops_rs_policy_info{{sha256=\"{sha256}\"}}"), 1);
        let help = "1, or 0 once the server is shutting down.";
        self.one("skops_rs_up", "gauge", help, u8::from(is_up));
        let gauges = [
            ("skops_rs_connections", "Connections that are open.", load.connections.used()),
            ("skops_rs_uploads", "Bodies that are taken, waiting or judged.", load.uploads.used()),
            ("skops_rs_checks", "Bodies that are judged.", load.checks.used()),
        ];
        for (name, help, value) in gauges {
            self.one(name, "gauge", help, value);
        }
        self.one("skops_rs_spooled_bytes", "gauge", "Bytes of bodies that are kept.", load.spooled());
    }

    fn requests(&mut self, counts: &Counts) {
        let help = "Requests that are being answered, this one included.";
        self.one("skops_rs_requests_in_flight", "gauge", help, counts.in_flight);
        let name = "skops_rs_requests_total";
        self.head(name, "counter", "Requests by path and status; `gone` when the client went away before.");
        for ((path, status), count) in &counts.requests {
            let status = status.map_or_else(|| "gone".to_owned(), |status| status.to_string());
            self.line(&format!("{name}{{path=\"{path}\",status=\"{status}\"}}"), count);
        }
        let name = "skops_rs_verdicts_total";
        self.head(name, "counter", "Verdicts by outcome.");
        for outcome in Outcome::ALL {
            let count = counts.verdicts.get(outcome).copied().unwrap_or(0);
            self.line(&format!("{name}{{verdict=\"{}\"}}", outcome.as_str()), count);
        }
        let name = "skops_rs_connections_closed_total";
        self.head(
            name,
            "counter",
            "Connections that the server closed, by reason, other than after an answer.",
        );
        for reason in REASONS {
            let count = counts.closed.get(reason).copied().unwrap_or(0);
            self.line(&format!("{name}{{reason=\"{reason}\"}}"), count);
        }
        let name = "skops_rs_policy_reloads_total";
        self.head(name, "counter", "Times that the policy was to be replaced, by result.");
        self.line(&format!("{name}{{result=\"ok\"}}"), counts.reloads);
        self.line(&format!("{name}{{result=\"failed\"}}"), counts.failed_reloads);
    }

    fn bodies(&mut self, counts: &Counts) {
        let name = "skops_rs_bodies_total";
        self.head(name, "counter", "Bodies that were taken, by whether they were complete.");
        let complete = counts.bodies.saturating_sub(counts.incomplete_bodies);
        self.line(&format!("{name}{{complete=\"true\"}}"), complete);
        self.line(&format!("{name}{{complete=\"false\"}}"), counts.incomplete_bodies);
        let help = "Bytes of bodies that were taken.";
        self.one("skops_rs_body_bytes_total", "counter", help, counts.body_bytes);
    }
}
