//! A connection as bytes: where each request starts, whether that can be seen in one way only, and how long a client may
//! take to send the head of one or to take an answer.
//!
//! hyper accepts some heads of which a proxy may have another opinion where the next request starts: with
//! `Content-Length` and `Transfer-Encoding`, with `Content-Length` twice, with line feeds alone. It also tells the
//! service nothing of it. So heads are looked at here, with the parser that hyper has, before hyper gets them. They are
//! handed over as they are: the service asks [`Link::next`] what was found, and refuses.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::time::{Instant, Sleep};

use super::options::Options;

/// How a request says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// By its length, which may be none.
    Length(u64),
    /// By its last chunk.
    Chunked,
    /// In a way that could be understood in another, too; why.
    Ambiguous(&'static str),
    /// This is no head, or too large a one: hyper refuses it.
    Unknown,
}

/// Why a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Closed {
    /// By the client, or after an answer.
    Normally = 0,
    /// No request came.
    Idle = 1,
    /// The head of a request took too long.
    SlowHead = 2,
    /// Nobody took the answer.
    SlowWrite = 3,
}

/// What the two ends of hyper, the bytes and the service, tell each other.
#[derive(Debug, Default)]
pub(super) struct Link {
    heads: Mutex<VecDeque<Framing>>,
    is_busy: AtomicBool,
    lingers: AtomicBool,
    closed: AtomicU8,
}

impl Link {
    /// How the request that the service got is framed. To be asked once for each, in order.
    pub(super) fn next(&self) -> Framing {
        let head = self.heads.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        head.unwrap_or(Framing::Unknown)
    }

    /// The request is answered: from now on, the client is waited for.
    pub(super) fn answered(&self) {
        self.is_busy.store(false, Ordering::Relaxed);
    }

    /// The client may still be sending when the answer is written.
    pub(super) fn linger(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    pub(super) fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    pub(super) fn closed(&self) -> Closed {
        match self.closed.load(Ordering::Relaxed) {
            1 => Closed::Idle,
            2 => Closed::SlowHead,
            3 => Closed::SlowWrite,
            _ => Closed::Normally,
        }
    }

    fn close(&self, why: Closed) {
        self.closed.store(why as u8, Ordering::Relaxed);
    }

    fn push(&self, framing: Framing) {
        self.is_busy.store(true, Ordering::Relaxed);
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).push_back(framing);
    }
}

/// A stream whose requests are looked at.
pub(super) struct Wire<T> {
    stream: Take<T>,
    link: Arc<Link>,
    next: Next,
    /// What has been read ahead: a part of a head, or what came with one.
    held: Vec<u8>,
    /// So many bytes of it are to be handed over.
    ready: usize,
    /// So many bytes of it hold no end of a head.
    scanned: usize,
    read_alarm: Alarm,
    write_alarm: Alarm,
    max_head: usize,
    max_headers: usize,
    head_timeout: Duration,
    idle_timeout: Duration,
    write_timeout: Duration,
}

/// What comes next in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The head of a request.
    Head,
    /// So many bytes of a body.
    Body(u64),
    /// What is not looked at any more.
    Anything,
}

/// Bytes that are read ahead at once.
const AHEAD: usize = 4096;

impl<T: AsyncRead> Wire<T> {
    pub(super) fn new(stream: T, link: Arc<Link>, options: &Options) -> Self {
        Self {
            stream: stream.take(u64::MAX),
            link,
            next: Next::Head,
            held: Vec::new(),
            ready: 0,
            scanned: 0,
            read_alarm: Alarm::default(),
            write_alarm: Alarm::default(),
            max_head: options.max_head,
            max_headers: options.max_headers,
            head_timeout: options.head_timeout,
            idle_timeout: options.idle_timeout,
            write_timeout: options.write_timeout,
        }
    }

    pub(super) fn into_inner(self) -> T {
        self.stream.into_inner()
    }

    /// Looks whether the head of a request is complete.
    #[expect(clippy::disallowed_methods, reason = "neither 2 nor 3 is 0")]
    fn look(&mut self) {
        let from = self.scanned.saturating_sub(3);
        self.scanned = self.held.len();
        let added = self.held.get(from..).unwrap_or_default();
        let has_end =
            added.windows(2).any(|pair| pair == b"\n\n") || added.windows(3).any(|three| three == b"\n\r\n");
        let is_too_long = self.held.len() > self.max_head;
        if has_end && let Some((length, framing)) = parse(&self.held, self.max_headers) {
            self.start(length, framing);
        } else if is_too_long {
            self.start(self.held.len(), Framing::Unknown);
        }
    }

    /// Lets a head be handed over, and what belongs to it.
    fn start(&mut self, length: usize, framing: Framing) {
        let behind = self.held.len().saturating_sub(length);
        self.read_alarm.stop();
        self.scanned = 0;
        self.ready = self.held.len();
        self.next = match framing {
            Framing::Length(body) => {
                let here = usize::try_from(body).unwrap_or(usize::MAX).min(behind);
                self.ready = length.saturating_add(here);
                Next::after(body.saturating_sub(here as u64))
            }
            _ => Next::Anything,
        };
        self.link.push(framing);
    }

    /// Hands over what is ready.
    #[expect(clippy::disallowed_methods, reason = "what is ready is held")]
    fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.ready.min(buffer.remaining());
        buffer.put_slice(self.held.get(..count).unwrap_or_default());
        self.held.drain(..count);
        self.ready = self.ready.saturating_sub(count);
        if self.held.is_empty() {
            // Most connections hold nothing most of the time.
            self.held = Vec::new();
        }
    }
}

impl Next {
    fn after(left: u64) -> Self {
        if left == 0 { Self::Head } else { Self::Body(left) }
    }
}

impl<T: AsyncRead + Unpin> Wire<T> {
    /// Reads more of a head. Ready when there is something to be looked at or handed over, or the stream is at its end.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ahead = [0; AHEAD];
        let mut buffer = ReadBuf::new(&mut ahead);
        self.stream.set_limit(u64::MAX);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Ready(result) => {
                result?;
                if self.held.is_empty() {
                    self.read_alarm.stop();
                }
                self.held.extend_from_slice(buffer.filled());
                if buffer.filled().is_empty() {
                    self.next = Next::Anything;
                    self.ready = self.held.len();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                let (patience, why) = if self.held.is_empty() {
                    (self.idle_timeout, Closed::Idle)
                } else {
                    (self.head_timeout, Closed::SlowHead)
                };
                if self.link.is_busy.load(Ordering::Relaxed) {
                    // The client waits for us.
                    return Poll::Pending;
                }
                ready!(self.read_alarm.poll(cx, patience));
                self.link.close(why);
                self.held.clear();
                self.next = Next::Anything;
                self.stream.set_limit(0);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Wire<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.ready > 0 {
                this.hand_over(buffer);
                return Poll::Ready(Ok(()));
            }
            match this.next {
                Next::Head => {
                    if this.scanned < this.held.len() {
                        this.look();
                    } else {
                        ready!(this.poll_head(cx))?;
                    }
                }
                Next::Body(left) => {
                    this.stream.set_limit(left);
                    ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
                    this.next = match this.stream.limit() {
                        // The end of the stream.
                        same if same == left => Next::Anything,
                        less => Next::after(less),
                    };
                    return Poll::Ready(Ok(()));
                }
                Next::Anything => {
                    return Pin::new(&mut this.stream).poll_read(cx, buffer);
                }
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    /// What became of a write, and whether it has taken too long.
    fn written<R>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if result.is_ready() {
            self.write_alarm.stop();
            return result;
        }
        ready!(self.write_alarm.poll(cx, self.write_timeout));
        self.link.close(Closed::SlowWrite);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(self.stream.get_mut()).poll_write(cx, bytes);
        self.written(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(self.stream.get_mut()).poll_write_vectored(cx, parts);
        self.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(cx)
    }
}

/// Rings once something has taken too long.
#[derive(Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    is_set: bool,
}

impl Alarm {
    /// Sets the alarm, unless it is set, and asks whether it rings.
    fn poll(&mut self, cx: &mut Context<'_>, patience: Duration) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if !self.is_set {
            self.is_set = true;
            // Whoever waits for so long that no clock holds it waits for ever.
            if let Some(end) = Instant::now().checked_add(patience) {
                sleep.as_mut().reset(end);
            }
        }
        sleep.as_mut().poll(cx)
    }

    fn stop(&mut self) {
        self.is_set = false;
    }
}

/// Reads a head that may be complete: its length, and how its body is framed.
fn parse(bytes: &[u8], max_headers: usize) -> Option<(usize, Framing)> {
    #[expect(clippy::disallowed_methods, reason = "a number that the operator sets")]
    let mut headers = vec![httparse::EMPTY_HEADER; max_headers];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => {
            let framing = framing(&request, bytes.get(..length).unwrap_or_default());
            Some((length, framing))
        }
        Ok(httparse::Status::Partial) => None,
        Err(_) => Some((bytes.len(), Framing::Unknown)),
    }
}

fn framing(request: &httparse::Request<'_, '_>, head: &[u8]) -> Framing {
    let values = |name: &str| {
        let headers = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        headers.map(|header| header.value).collect::<Vec<_>>()
    };
    let lines = head.split_inclusive(|byte| *byte == b'\n');
    if lines.filter(|line| line.ends_with(b"\n")).any(|line| !line.ends_with(b"\r\n")) {
        return Framing::Ambiguous("a line of the head ends with a line feed alone");
    }
    // RFC 9112, 3.2: one, and exactly one, since HTTP/1.1.
    let hosts = values("host").len();
    if hosts > 1 || (hosts == 0 && request.version == Some(1)) {
        return Framing::Ambiguous("a request has one Host header");
    }
    match (values("content-length").as_slice(), values("transfer-encoding").as_slice()) {
        ([], []) => Framing::Length(0),
        // hyper reads nothing but digits either, and refuses the rest.
        ([length], []) => number(length).map_or(Framing::Unknown, Framing::Length),
        ([], [encoding]) if encoding.eq_ignore_ascii_case(b"chunked") => Framing::Chunked,
        ([], _) => Framing::Ambiguous("a Transfer-Encoding other than `chunked`"),
        (_, []) => Framing::Ambiguous("more than one Content-Length"),
        _ => Framing::Ambiguous("both Content-Length and Transfer-Encoding"),
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_plain = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_plain)?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::pedantic, clippy::restriction, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn heads_are_framed_in_one_way_only() {
        let cases: &[(&str, Option<Framing>)] = &[
            ("host: a\r\n", Some(Framing::Length(0))),
            ("host: a\r\ncontent-length: 12\r\n", Some(Framing::Length(12))),
            ("host: a\r\ncontent-length: 0012\r\n", Some(Framing::Length(12))),
            ("host: a\r\nContent-Length: +12\r\n", Some(Framing::Unknown)),
            ("host: a\r\ncontent-length: 12\r\ncontent-length: 12\r\n", Some(Framing::Ambiguous(""))),
            ("host: a\r\ncontent-length: 12, 12\r\n", Some(Framing::Unknown)),
            ("host: a\r\ncontent-length: \r\n", Some(Framing::Unknown)),
            ("host: a\r\ncontent-length: 18446744073709551616\r\n", Some(Framing::Unknown)),
            ("host: a\r\nTransfer-Encoding: CHUNKED\r\n", Some(Framing::Chunked)),
            ("host: a\r\ntransfer-encoding: gzip, chunked\r\n", Some(Framing::Ambiguous(""))),
            (
                "host: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
                Some(Framing::Ambiguous("")),
            ),
            ("host: a\r\ntransfer-encoding: chunked\r\ncontent-length: 1\r\n", Some(Framing::Ambiguous(""))),
            ("host: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n", Some(Framing::Ambiguous(""))),
            ("host: a\r\nhost: b\r\n", Some(Framing::Ambiguous(""))),
            ("accept: a\r\n", Some(Framing::Ambiguous(""))),
            ("host: a\n", Some(Framing::Ambiguous(""))),
            ("host: a\r\ncontent-length : 12\r\n", Some(Framing::Unknown)),
            ("host: a\r\n folded: 12\r\n", Some(Framing::Unknown)),
        ];
        for (headers, expected) in cases {
            let text = format!("POST /check HTTP/1.1\r\n{headers}\r\n");
            let found = parse(text.as_bytes(), 64).map(|(_, framing)| framing);
            let is_same = match (found, expected) {
                (Some(Framing::Ambiguous(_)), Some(Framing::Ambiguous(_))) => true,
                (found, expected) => found == *expected,
            };
            assert!(is_same, "{headers:?}: {found:?}, not {expected:?}");
            for cut in 1..text.len() {
                let part = parse(&text.as_bytes()[..cut], 64);
                assert!(part.is_none() || expected == &Some(Framing::Unknown), "{text:?} {cut}");
            }
        }
    }

    /// However requests come, they are handed over as they are, and each of them is seen.
    #[test]
    fn requests_are_handed_over_as_they_come() {
        let head = |length: usize| format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
        let mut all = Vec::new();
        let lengths = [0, 1, 5, 0, 4095, 4096, 4097, 20_000, 0, 3];
        for length in lengths {
            all.extend(head(length).into_bytes());
            // A body that looks like a request.
            all.extend(head(7).bytes().cycle().take(length));
        }
        let chunked = b"\r\nPOST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        all.extend(chunked);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for size in [1, 2, 3, 7, 64, 1000, 4096, 5000, 100_000] {
            let (mut client, server) = tokio::io::duplex(size);
            let link = Arc::new(Link::default());
            let mut wire = Wire::new(server, Arc::clone(&link), &Options::default());
            let sent = all.clone();
            let mut found = Vec::new();
            runtime.block_on(async {
                let send = async move {
                    use tokio::io::AsyncWriteExt;
                    client.write_all(&sent).await.unwrap();
                };
                let (_, read) = tokio::join!(send, wire.read_to_end(&mut found));
                read.unwrap();
            });
            assert!(found == all, "{size}");
            for length in lengths {
                assert_eq!(link.next(), Framing::Length(length as u64), "{size}");
            }
            assert_eq!((link.next(), link.next()), (Framing::Chunked, Framing::Unknown), "{size}");
        }
    }

    #[test]
    fn who_sends_no_head_is_cut_off() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (head_timeout, idle_timeout) = (Duration::from_millis(40), Duration::from_millis(20));
        let options = Options { head_timeout, idle_timeout, ..Options::default() };
        for (sent, why) in [("", Closed::Idle), ("GET / HTT", Closed::SlowHead)] {
            runtime.block_on(async {
                use tokio::io::AsyncWriteExt;
                let (mut client, server) = tokio::io::duplex(100);
                let link = Arc::new(Link::default());
                let mut wire = Wire::new(server, Arc::clone(&link), &options);
                client.write_all(sent.as_bytes()).await.unwrap();
                let mut found = Vec::new();
                assert_eq!(wire.read_to_end(&mut found).await.unwrap(), 0);
                assert_eq!(link.closed(), why);
            });
        }
    }
}
