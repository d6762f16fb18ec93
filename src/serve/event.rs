//! What the server tells whoever runs it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::check::{Outcome, Sha256};

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request was answered, or its client went away.
    Answered(&'a Answered),
    /// A connection could not be accepted. There may be too many open files.
    CannotAccept(&'a io::Error),
    /// A body could not be kept. The disk may be full.
    CannotSpool(&'a io::Error),
    /// The server is shutting down.
    ShuttingDown,
    /// The time for requests that were being answered is over; so many connections were cut.
    Cut(usize),
}

/// A request and what became of it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Answered {
    /// Who asked: the other end of the connection, which may be a proxy.
    pub peer: SocketAddr,
    /// What was asked for: `/check`, `/healthz`, `/metrics`, or `other`.
    pub path: &'static str,
    /// The status of the answer; `None` when the client went away before.
    pub status: Option<u16>,
    /// Why there is no verdict: the code in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
    /// The short of the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Outcome>,
    /// What the client calls the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// SHA-256 of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Bytes of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// From the head of the request to the answer.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub took: Duration,
}

impl Answered {
    pub(super) fn new(peer: SocketAddr, path: &'static str) -> Self {
        Self {
            peer,
            path,
            status: None,
            error: None,
            verdict: None,
            name: None,
            sha256: None,
            size: None,
            took: Duration::ZERO,
        }
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}
