//! Answers.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::check::Verdict;
use crate::report::write_json_line;

pub(super) type Answer = Response<Full<Bytes>>;

/// Why there is no verdict. Codes are stable.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    pub(super) code: &'static str,
    message: String,
    hint: &'static str,
    /// What may be asked for at this path.
    allow: Option<&'static str>,
}

#[derive(Serialize)]
struct Told<'a> {
    error: &'a str,
    message: &'a str,
    hint: &'a str,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>, hint: &'static str) -> Self {
        Self { status, code, message: message.into(), hint, allow: None }
    }

    pub(super) fn ambiguous(why: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "ambiguous-request",
            why,
            "the request could be read in two ways: send it with one Host, one Content-Length or `Transfer-Encoding: \
             chunked`, and lines that end with CR LF",
        )
    }

    pub(super) fn bad_query(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-query",
            message,
            "the query may hold `name`, once: what the file is called in the verdict",
        )
    }

    pub(super) fn bad_sha256(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-sha256",
            message,
            "send Skops-Expect-Sha256 once, with 64 hexadecimal digits, or not at all",
        )
    }

    pub(super) fn incomplete_body() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "incomplete-body",
            "the body ended before it was complete, or its chunks are malformed",
            "send it again",
        )
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no-such-path",
            "there is nothing here",
            "POST a model to /check, or GET /healthz or /metrics",
        )
    }

    pub(super) fn no_such_method(allow: &'static str) -> Self {
        let message = format!("only {allow} can be asked for here");
        Self {
            allow: Some(allow),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "no-such-method",
                message,
                "POST a model to /check, or GET /healthz or /metrics",
            )
        }
    }

    pub(super) fn slow_body(message: &str) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "slow-body",
            message,
            "send it again, from nearer by; the server's operator sets --body-timeout and --min-rate",
        )
    }

    pub(super) fn too_large(most: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!("the body is larger than {most} bytes"),
            "the server's operator sets --max-body, and the policy `stream-bytes`",
        )
    }

    pub(super) fn bad_expectation() -> Self {
        Self::new(
            StatusCode::EXPECTATION_FAILED,
            "bad-expectation",
            "the Expect header asks for something else than 100-continue",
            "send it without that header",
        )
    }

    pub(super) fn cannot_spool() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "cannot-spool",
            "the body could not be kept",
            "the server's operator has to look at its temporary folder (TMPDIR)",
        )
    }

    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the check has ended without a verdict",
            "this is a defect of skops-rs: please report it, with the file if you can",
        )
    }

    fn busy(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message, "send it again after a while")
    }

    pub(super) fn too_many_uploads() -> Self {
        Self::busy("too-many-uploads", "the server is taking as many bodies as it may")
    }

    pub(super) fn spool_full() -> Self {
        Self::busy("spool-full", "the server is keeping as many bytes as it may")
    }

    pub(super) fn too_many_connections() -> Self {
        Self::busy("too-many-connections", "the server has as many connections as it may")
    }

    pub(super) fn slow_answer() -> Self {
        Self::busy("slow-answer", "the request has taken too long to be answered")
    }

    pub(super) fn into_answer(self) -> Answer {
        let told = Told { error: self.code, message: &self.message, hint: self.hint };
        let mut answer = json(self.status, &told);
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(allow) = self.allow {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        answer
    }

    /// As a whole answer, for whoever gets no more than this.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let told = Told { error: self.code, message: &self.message, hint: self.hint };
        let body = json_line(&told);
        let mut bytes = format!(
            "HTTP/1.1 {}\r\nretry-after: 1\r\ncontent-type: {JSON}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.status,
            body.len()
        )
        .into_bytes();
        bytes.extend(body);
        bytes
    }
}

const JSON: &str = "application/json";

fn json_line(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Nothing that is written here can fail, and a vector takes it all.
    let _ = write_json_line(&mut bytes, value);
    bytes
}

/// An answer with JSON in it.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    text(status, JSON, json_line(value))
}

pub(super) fn verdict(verdict: &Verdict) -> Answer {
    let mut answer = json(StatusCode::OK, verdict);
    answer.headers_mut().insert("skops-verdict", HeaderValue::from_static(verdict.outcome.as_str()));
    answer
}

pub(super) fn text(status: StatusCode, kind: &'static str, bytes: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(bytes.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    answer
}
