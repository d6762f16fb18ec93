//! What is at which path.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use serde::Serialize;
use tokio::time::Instant;

use super::answer::{self, Answer, Problem};
use super::body::Body;
use super::check;
use super::event::{Answered, Event};
use super::metrics;
use super::server::Shared;
use super::wire::{Framing, Link};
use crate::check::Sha256;

pub(super) const CHECK: &str = "/check";
const HEALTHZ: &str = "/healthz";
const METRICS: &str = "/metrics";

/// Answers a request.
pub(super) async fn answer(
    shared: Arc<Shared>,
    link: Arc<Link>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let framing = link.next();
    let (head, incoming) = request.into_parts();
    let mut record = Record::start(Arc::clone(&shared), peer, path(&head));
    let mut body = Body::new(incoming, &shared.options);
    let result = match framing {
        Framing::Ambiguous(why) => Err(Problem::ambiguous(why)),
        // hyper has understood what we have not.
        Framing::Unknown => Err(Problem::ambiguous("the head of the request is not understood")),
        _ => route(&shared, &head, &mut body, &mut record).await,
    };
    let mut answer = result.unwrap_or_else(|problem| {
        record.answered.error = Some(problem.code);
        problem.into_answer()
    });
    if !body.has_ended() {
        link.linger();
    }
    // Where a chunked body ends is left to hyper, so nothing comes after one.
    if !body.has_ended() || !matches!(framing, Framing::Length(_)) {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    record.answered.status = Some(answer.status().as_u16());
    link.answered();
    Ok(answer)
}

/// The path, as one of a few.
fn path(head: &Parts) -> &'static str {
    [CHECK, HEALTHZ, METRICS].into_iter().find(|path| *path == head.uri.path()).unwrap_or("other")
}

async fn route(
    shared: &Arc<Shared>,
    head: &Parts,
    body: &mut Body,
    record: &mut Record,
) -> Result<Answer, Problem> {
    let is_expected = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if !head.headers.get_all(EXPECT).iter().all(is_expected) {
        return Err(Problem::bad_expectation());
    }
    let is_get = head.method == Method::GET || head.method == Method::HEAD;
    match record.answered.path {
        CHECK if head.method == Method::POST => {
            let check = check::check(shared, head, body, &mut record.answered);
            let patience = shared.options.request_timeout;
            tokio::time::timeout(patience, check).await.unwrap_or_else(|_| Err(Problem::slow_answer()))
        }
        CHECK => Err(Problem::no_such_method("POST")),
        HEALTHZ | METRICS if !is_get => Err(Problem::no_such_method("GET, HEAD")),
        HEALTHZ => Ok(health(shared)),
        METRICS => {
            let judge = shared.judge();
            let text = shared.metrics.text(&shared.load, judge.policy_sha256, shared.is_serving());
            Ok(answer::text(StatusCode::OK, metrics::CONTENT_TYPE, text.into_bytes()))
        }
        _ => Err(Problem::no_such_path()),
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    tool: &'static str,
    version: &'static str,
    level: crate::check::Level,
    policy_sha256: Option<Sha256>,
}

fn health(shared: &Shared) -> Answer {
    let (status, word) = if shared.is_serving() {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting-down")
    };
    let judge = shared.judge();
    let health = Health {
        status: word,
        tool: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        level: judge.checker.level(),
        policy_sha256: judge.policy_sha256,
    };
    answer::json(status, &health)
}

/// Counts a request, and tells of it at its end: also when the client goes away, and nobody asks for the answer any more.
struct Record {
    shared: Arc<Shared>,
    start: Instant,
    answered: Answered,
}

impl Record {
    fn start(shared: Arc<Shared>, peer: SocketAddr, path: &'static str) -> Self {
        shared.metrics.started();
        Self { shared, start: Instant::now(), answered: Answered::new(peer, path) }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Answered { path, status, .. } = self.answered;
        self.answered.took = self.start.elapsed();
        self.shared.metrics.ended(path, status, self.answered.took);
        self.shared.tell(&Event::Answered(&self.answered));
    }
}
