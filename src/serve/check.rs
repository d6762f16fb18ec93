//! `POST /check`: a model, and the verdict on it.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

use hyper::http::HeaderMap;
use hyper::http::request::Parts;
use tokio::time::Instant;

use super::answer::{self, Answer, Problem};
use super::body::Body;
use super::event::{Answered, Event};
use super::load::Slot;
use super::server::Shared;
use crate::check::{Sha256, Spool};

/// Takes the body, and judges it.
pub(super) async fn check(
    shared: &Arc<Shared>,
    head: &Parts,
    body: &mut Body,
    answered: &mut Answered,
) -> Result<Answer, Problem> {
    let name = name(head.uri.query().unwrap_or_default())?;
    answered.name.clone_from(&name);
    let expected = expected(&head.headers)?;
    // What judges is taken before the body: whatever replaces it meanwhile is for others.
    let judge = shared.judge();
    let by_policy = judge.checker.policy().limits.stream_bytes;
    let most = shared.options.max_body.map_or(by_policy, |most| most.min(by_policy));
    if body.length().is_some_and(|length| length > most) {
        return Err(Problem::too_large(most));
    }
    let slot = shared.load.slot().ok_or_else(Problem::too_many_uploads)?;
    let upload = receive(shared, Upload::new(slot), body, most).await?;
    let permit = shared.load.checks.take().await.ok_or_else(Problem::internal)?;
    let metrics = Arc::clone(&shared.metrics);
    // If the client goes away now, the check goes on, and keeps what it needs: it cannot be interrupted.
    let check = move || -> io::Result<_> {
        let Upload { mut spool, batch, slot } = upload;
        let _held = (slot, permit);
        spool.write_all(&batch)?;
        drop(batch);
        let start = Instant::now();
        let verdict = judge.checker.check_spool(name.as_deref().unwrap_or(NO_NAME), spool, expected);
        metrics.judged(verdict.outcome, start.elapsed());
        Ok((answer::verdict(&verdict), verdict.outcome, verdict.sha256, verdict.size))
    };
    let checked = shared.pool.run(check).await.ok_or_else(Problem::internal)?;
    let (answer, outcome, sha256, size) = checked.map_err(|error| cannot_spool(shared, &error))?;
    answered.verdict = Some(outcome);
    answered.sha256 = sha256;
    answered.size = size;
    Ok(answer)
}

/// What a body without a name is called: as standard input is.
const NO_NAME: &str = "-";

/// Bytes that a name may have.
const MOST_NAME: usize = 1024;

/// What the client calls the file. It is shown, and nothing else.
fn name(query: &str) -> Result<Option<String>, Problem> {
    let mut found = None;
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match (&*key, &found) {
            ("name", None) if value.len() <= MOST_NAME => found = Some(value.into_owned()),
            ("name", None) => {
                return Err(Problem::bad_query(format!("the name is longer than {MOST_NAME} bytes")));
            }
            ("name", Some(_)) => return Err(Problem::bad_query("more than one name")),
            _ => return Err(Problem::bad_query("the query has a key that is not `name`")),
        }
    }
    Ok(found)
}

/// The SHA-256 that the client wants the body to have.
fn expected(headers: &HeaderMap) -> Result<Option<Sha256>, Problem> {
    let mut values = headers.get_all("skops-expect-sha256").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::bad_sha256("more than one Skops-Expect-Sha256"));
    }
    let text = value.to_str().map_err(|_| Problem::bad_sha256("the SHA-256 is no text"))?;
    text.parse().map(Some).map_err(Problem::bad_sha256)
}

/// Bytes that are written at once.
const BATCH: usize = 256 << 10;

/// A body, or what has come of it.
struct Upload {
    spool: Spool,
    /// What has not been spooled yet. A small body is spooled when it is judged.
    batch: Vec<u8>,
    slot: Slot,
}

impl Upload {
    fn new(slot: Slot) -> Self {
        Self { spool: Spool::default(), batch: Vec::new(), slot }
    }

    fn spool(mut self) -> io::Result<Self> {
        self.spool.write_all(&self.batch)?;
        self.batch.clear();
        Ok(self)
    }
}

/// Takes a body to its end.
async fn receive(shared: &Shared, mut upload: Upload, body: &mut Body, most: u64) -> Result<Upload, Problem> {
    while let Some(bytes) = body.next().await? {
        if !upload.slot.grow(bytes.len() as u64) {
            return Err(Problem::spool_full());
        }
        if upload.slot.size() > most {
            return Err(Problem::too_large(most));
        }
        upload.batch.extend_from_slice(&bytes);
        if upload.batch.len() >= BATCH {
            // A disk may be slow, and hashing takes a while: not here, where others are waiting.
            upload = blocking(|| upload.spool()).await?.map_err(|error| cannot_spool(shared, &error))?;
        }
    }
    upload.slot.complete();
    Ok(upload)
}

/// Does something on a thread that may be blocked.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())
}

fn cannot_spool(shared: &Shared, error: &io::Error) -> Problem {
    shared.tell(&Event::CannotSpool(error));
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Problem::spool_full(),
        _ => Problem::cannot_spool(),
    }
}
