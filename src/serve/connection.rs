//! One connection.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::answer::Problem;
use super::server::{Shared, Stage, reached};
use super::service;
use super::wire::{Link, Wire};

/// Bytes of a body that are read at once.
const READ_BUFFER: usize = 128 << 10;

/// Answers requests until the client or the server closes the connection.
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    let link = Arc::new(Link::default());
    let io = TokioIo::new(Wire::new(stream, Arc::clone(&link), &shared.options));
    let service = service_fn(|request| {
        Box::pin(service::answer(Arc::clone(&shared), Arc::clone(&link), peer, request))
    });
    let mut connection = http1::Builder::new()
        .max_headers(shared.options.max_headers)
        .max_header_size(shared.options.max_head)
        .max_buf_size(READ_BUFFER.max(shared.options.max_head))
        // `Wire` looks at the time.
        .header_read_timeout(None)
        .serve_connection(io, service);
    let mut stage = shared.stage();
    let mut is_told = false;
    let result = loop {
        tokio::select! {
            result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break result,
            () = reached(&mut stage, Stage::Finishing), if !is_told => {
                is_told = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let stream = connection.into_parts().io.into_inner().into_inner();
    shared.metrics.closed(link.closed());
    match result {
        Err(error) if error.is_parse() => {
            shared.metrics.closed_for("malformed");
            part(stream, MOST_OF_A_HEAD).await;
        }
        Ok(()) if link.lingers() => part(stream, u64::MAX).await,
        _ => {}
    }
}

/// Says that there are too many connections.
pub(super) async fn refuse(mut stream: TcpStream) {
    let answer = Problem::too_many_connections().into_bytes();
    if let Ok(Ok(())) = tokio::time::timeout(SILENCE, stream.write_all(&answer)).await {
        part(stream, MOST_OF_A_HEAD).await;
    }
}

/// How long a client may be silent that is still sending what nobody wants.
const SILENCE: Duration = Duration::from_secs(1);
/// How long it may go on.
const MOST: Duration = Duration::from_secs(5);
/// How many bytes may still come of what is no body.
const MOST_OF_A_HEAD: u64 = 1 << 20;

/// Lets a client that is still sending read its answer: if the connection were closed at once, its system would tell it
/// of that and forget the answer.
async fn part(mut stream: TcpStream, most: u64) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let start = Instant::now();
    let mut stream = stream.take(most);
    #[expect(clippy::disallowed_methods, reason = "a buffer")]
    let mut sink = vec![0; 64 << 10];
    while start.elapsed() < MOST {
        match tokio::time::timeout(SILENCE, stream.read(&mut sink)).await {
            Ok(Ok(1..)) => {}
            _ => return,
        }
    }
}
