//! Takes uploads on the stack that `skops-rs serve` has, and does nothing with them: what a service costs that checks
//! nothing. `benches/serve.py` measures the one beside the other.
//!
//! ```sh
//! cargo run --release --features serve --example upload -- 127.0.0.1:8080
//! ```
//!
//! Every request is answered with 204 once its body has come. Nothing is kept or hashed, and nothing is limited.
#![allow(clippy::restriction, reason = "an example may panic")]

use std::convert::Infallible;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await.unwrap();
        eprintln!("listening on http://{}", listener.local_addr().unwrap());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(serve(stream));
        }
    });
}

async fn serve(stream: TcpStream) {
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(128 << 10)
        .serve_connection(TokioIo::new(stream), service_fn(take));
    // A client that goes away is no error here.
    let _ = connection.await;
}

async fn take(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    while let Some(Ok(_)) = request.frame().await {}
    let mut answer = Response::new(Empty::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}
