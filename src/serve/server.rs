//! The server: its socket, its policy, and its end.

use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection;
use super::event::Event;
use super::load::Load;
use super::metrics::Metrics;
use super::options::Options;
use super::pool::Pool;
use crate::check::{Checker, Sha256};
use crate::error::{Error, Result};

/// What uploads are judged by.
#[derive(Debug)]
pub struct Judge {
    pub(super) checker: Checker,
    pub(super) policy_sha256: Option<Sha256>,
}

impl Judge {
    /// Judges by a policy that was made in code, or is built in.
    #[must_use]
    pub fn new(checker: Checker) -> Self {
        Self { checker, policy_sha256: None }
    }

    /// Says what the policy's file held, whose SHA-256 `/healthz` and `/metrics` tell.
    #[must_use]
    pub fn with_policy_text(self, text: &str) -> Self {
        Self { policy_sha256: Some(Sha256::of(text.as_bytes())), ..self }
    }
}

/// What has been asked of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// To serve.
    Serving,
    /// To shut down, and to say so to whoever asks.
    Draining,
    /// To finish what is being answered.
    Finishing,
    /// To end now.
    Ending,
}

/// Whoever wants to know what happens.
type Observer = Box<dyn Fn(&Event<'_>) + Send + Sync>;

/// What all connections share.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) load: Load,
    pub(super) pool: Pool,
    pub(super) metrics: Arc<Metrics>,
    judge: RwLock<Arc<Judge>>,
    stage: watch::Sender<Stage>,
    observer: OnceLock<Observer>,
}

impl Shared {
    /// What a request is judged by that comes now.
    pub(super) fn judge(&self) -> Arc<Judge> {
        Arc::clone(&self.judge.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    pub(super) fn is_serving(&self) -> bool {
        *self.stage.borrow() == Stage::Serving
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(observer) = self.observer.get() {
            observer(event);
        }
    }

    /// Goes on to a stage, never back.
    fn advance(&self, to: Stage) -> bool {
        self.stage.send_if_modified(|stage| {
            let is_later = *stage < to;
            *stage = to.max(*stage);
            is_later
        })
    }
}

/// Waits until a stage is reached.
pub(super) async fn reached(stage: &mut watch::Receiver<Stage>, what: Stage) {
    // The sender lives as long as whoever waits.
    let _ = stage.wait_for(|stage| *stage >= what).await;
}

/// Takes models over HTTP, and answers with verdicts.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// Controls a server from elsewhere.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

impl Handle {
    /// Replaces what uploads are judged by. Requests that are being answered keep what they started with.
    pub fn reload(&self, judge: Judge) {
        *self.0.judge.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(judge);
        self.0.metrics.reloaded(true);
    }

    /// Counts a policy that could not be read: the one before stays in force.
    pub fn reload_failed(&self) {
        self.0.metrics.reloaded(false);
    }

    /// Shuts the server down: it finishes what is being answered. When it is asked again, it ends at once.
    pub fn shut_down(&self) {
        if !self.0.advance(Stage::Draining) {
            self.0.advance(Stage::Ending);
        }
    }
}

impl Server {
    /// Takes an address; port 0 stands for any that is free.
    ///
    /// # Errors
    /// When the address cannot be had, or threads, or there is no folder for temporary files.
    pub fn bind(address: SocketAddr, judge: Judge, options: Options) -> Result<Self> {
        let failed = |error| Error::cannot(&format!("listen on {address}"), error);
        // Better now than with the first large upload.
        tempfile::tempfile().map_err(|error| Error::cannot("make a temporary file", error))?;
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let metrics = Arc::<Metrics>::default();
        let shared = Arc::new(Shared {
            load: Load::new(&options, Arc::clone(&metrics)),
            pool: Pool::start(options.max_checks).map_err(|error| Error::cannot("start threads", error))?,
            options,
            metrics,
            judge: RwLock::new(Arc::new(judge)),
            stage: watch::Sender::new(Stage::Serving),
            observer: OnceLock::new(),
        });
        Ok(Self { listener, address, shared })
    }

    /// The address, with the actual port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A handle to this server.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// Serves until a [`Handle`] shuts it down. Within a runtime of tokio, with its timers and sockets. A check that is cut
    /// goes on in its thread: it cannot be interrupted.
    ///
    /// # Errors
    /// When the socket cannot be used.
    pub async fn run(self, observer: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Result<()> {
        let Self { listener, shared, .. } = self;
        let _ = shared.observer.set(Box::new(observer));
        let listener = tokio::net::TcpListener::from_std(listener)
            .map_err(|error| Error::cannot("use the socket", error))?;
        let mut connections = JoinSet::new();
        accept(&listener, &shared, &mut connections).await;
        // Nobody may connect any more, not even to be left waiting.
        drop(listener);
        shared.advance(Stage::Finishing);
        finish(&shared, &mut connections).await;
        Ok(())
    }
}

/// Accepts connections until the server is to finish.
async fn accept(listener: &tokio::net::TcpListener, shared: &Arc<Shared>, connections: &mut JoinSet<()>) {
    let mut stopped = pin!(stopped(shared));
    loop {
        tokio::select! {
            () = &mut stopped => return,
            // What has ended is forgotten.
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => start(shared, connections, stream, peer),
                Err(error) => {
                    shared.tell(&Event::CannotAccept(&error));
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
}

/// When nothing can be accepted, trying at once would not help.
const PAUSE: Duration = Duration::from_millis(100);

fn start(shared: &Arc<Shared>, connections: &mut JoinSet<()>, stream: TcpStream, peer: SocketAddr) {
    // An answer is written at once, as a whole.
    let _ = stream.set_nodelay(true);
    if let Some(permit) = shared.load.connections.try_take() {
        let shared = Arc::clone(shared);
        connections.spawn(async move {
            let _permit = permit;
            connection::serve(shared, stream, peer).await;
        });
        return;
    }
    shared.metrics.closed_for("too-many");
    // Those that are told so must not be too many either.
    if connections.len() < shared.options.max_connections.saturating_add(MOST_REFUSED) {
        connections.spawn(connection::refuse(stream));
    }
}

/// How many clients are told at once that there are too many.
const MOST_REFUSED: usize = 64;

/// Waits until no more connections are to be accepted.
async fn stopped(shared: &Shared) {
    let mut stage = shared.stage();
    reached(&mut stage, Stage::Draining).await;
    shared.tell(&Event::ShuttingDown);
    let _ = tokio::time::timeout(shared.options.drain, reached(&mut stage, Stage::Ending)).await;
}

/// Lets connections come to their end, as long as they may.
async fn finish(shared: &Shared, connections: &mut JoinSet<()>) {
    let mut stage = shared.stage();
    let all = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        () = all => return,
        () = tokio::time::sleep(shared.options.grace) => {}
        () = reached(&mut stage, Stage::Ending) => {}
    }
    shared.tell(&Event::Cut(connections.len()));
    connections.shutdown().await;
}
