//! Judging uploads over HTTP: a [`Server`] takes models as request bodies and answers with verdicts.
//!
//! ```no_run
//! use skops_rs::check::Checker;
//! use skops_rs::policy::Policy;
//! use skops_rs::serve::{Judge, Options, Server};
//!
//! # async fn serve() -> Result<(), skops_rs::Error> {
//! let judge = Judge::new(Checker::new(Policy::open("skops-policy.toml")?));
//! let server = Server::bind("127.0.0.1:8080".parse().unwrap(), judge, Options::default())?;
//! let handle = server.handle(); // to replace the policy, or to shut down
//! server.run(|event| eprintln!("{event:?}")).await?;
//! # drop(handle);
//! # Ok(())
//! # }
//! ```
//!
//! | request | answer |
//! |---|---|
//! | `POST /check?name=NAME`, the model as body | 200 with the verdict as JSON, whatever it is |
//! | `GET /healthz` | 200, or 503 once the server is shutting down |
//! | `GET /metrics` | counters, in the text format of Prometheus |
//!
//! A body goes to a [`Spool`](crate::check::Spool) while it comes, is hashed on the way, and judged by a
//! [`Checker`](crate::check::Checker) once it is complete. Everything that a client could hold on to has a limit in
//! [`Options`]. It speaks HTTP/1.1, without TLS and without asking who is there: that is for a proxy before it.
//!
//! `docs/gate.md` shows the command line, which does just that.

mod answer;
mod body;
mod check;
mod connection;
mod event;
mod load;
mod metrics;
mod options;
mod pool;
mod server;
mod service;
mod wire;

pub use event::{Answered, Event};
pub use options::Options;
pub use server::{Handle, Judge, Server};
