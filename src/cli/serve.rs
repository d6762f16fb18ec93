//! `skops-rs serve`: the gate, over HTTP.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::{Duration, SystemTime};

use clap::Args;
use serde::Serialize;
use skops_rs::Error;
use skops_rs::check::{Checker, Level};
use skops_rs::report::write_json_line;
use skops_rs::serve::{Answered, Event, Handle, Judge, Options, Server};

use super::Outcome;
use super::check::LevelName;
use super::output;
use super::policy::{Found, PolicyArguments};

/// Judge uploads by a policy, over HTTP: POST a model to /check, and the answer is the verdict
///
/// It also answers GET /healthz and GET /metrics. It speaks HTTP/1.1, and leaves TLS, and who may ask, to a proxy before
/// it. SIGHUP has it read the policy again, SIGTERM and SIGINT shut it down; docs/gate.md says more.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    policy: PolicyArguments,
    /// Listen on this address, and no other; port 0 stands for any that is free
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// How deep to look: `audit` for container, schema, names and headers of arrays; `verify` also for the contents of
    /// types that promise something, and the checksum of every payload
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = LevelName::Audit)]
    level: LevelName,
    /// Print a line of JSON for each request on standard output
    #[arg(long)]
    log: bool,
    /// Bytes of a body; by default, and at most, the limit `stream-bytes` of the policy
    #[arg(long, value_name = "BYTES")]
    max_body: Option<u64>,
    /// Bytes of all bodies that are kept at once, in memory up to 1 MiB each, and past that in temporary files
    #[arg(long, value_name = "BYTES", default_value_t = Options::default().max_spool)]
    max_spool: u64,
    /// Bodies that are taken, waiting or judged at once
    #[arg(long, value_name = "N", default_value_t = Number(Options::default().max_uploads))]
    max_uploads: Number,
    /// Bodies that are judged at once; as many as there are cores, unless given
    #[arg(long, value_name = "N")]
    max_checks: Option<Number>,
    /// Connections that are open at once
    #[arg(long, value_name = "N", default_value_t = Number(Options::default().max_connections))]
    max_connections: Number,
    /// Bytes of the first line and all headers of a request
    #[arg(long, value_name = "BYTES", default_value_t = Number(Options::default().max_head))]
    max_head: Number,
    /// Headers of a request
    #[arg(long, value_name = "N", default_value_t = Number(Options::default().max_headers))]
    max_headers: Number,
    /// Seconds for the first line and all headers of a request
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Options::default().head_timeout), value_parser = some_time)]
    head_timeout: Seconds,
    /// Seconds until the next request on an open connection
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Options::default().idle_timeout), value_parser = some_time)]
    idle_timeout: Seconds,
    /// Seconds of waiting for the bytes of a body, in all
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Options::default().body_timeout), value_parser = some_time)]
    body_timeout: Seconds,
    /// Bytes that a body must bring for each second of waiting, on average over --rate-window
    #[arg(long, value_name = "BYTES", default_value_t = Options::default().min_rate)]
    min_rate: u64,
    /// Seconds of waiting over which --min-rate is taken, and after which a silent client is cut off
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Options::default().rate_window), value_parser = some_time)]
    rate_window: Seconds,
    /// Seconds for a client to take some of its answer
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Options::default().write_timeout), value_parser = some_time)]
    write_timeout: Seconds,
    /// Seconds from the headers of a request to its answer
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Options::default().request_timeout), value_parser = some_time)]
    request_timeout: Seconds,
    /// Seconds for which requests are still accepted when the server is to shut down, while /healthz says so
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Options::default().drain))]
    drain: Seconds,
    /// Seconds that requests may then take which are being answered
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(Options::default().grace))]
    grace: Seconds,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  shut down by a signal
  2  usage: an argument or the policy is wrong
  4  the address cannot be had, or there is no room for temporary files";

/// At least one.
#[derive(Debug, Clone, Copy)]
struct Number(usize);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number| *number > 0);
        number.map(Self).ok_or_else(|| "give a number, at least 1".to_owned())
    }
}

/// A time.
#[derive(Debug, Clone, Copy)]
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_secs_f64().fmt(f)
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.map(Self).ok_or_else(|| "give seconds as a number, such as 30 or 0.5".to_owned())
    }
}

/// No time at all would let nobody do anything.
fn some_time(text: &str) -> Result<Seconds, String> {
    let seconds: Seconds = text.parse()?;
    if seconds.0.is_zero() {
        return Err("give more than no time".to_owned());
    }
    Ok(seconds)
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<Outcome> {
    let found = match arguments.policy.read() {
        Ok(found) => found,
        Err(outcome) => return Ok(outcome),
    };
    let options = arguments.options();
    let server = match Server::bind(arguments.listen, arguments.judge(&found), options) {
        Ok(server) => server,
        Err(error) => return Ok(failed(&error)),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(WRITERS)
        .thread_keep_alive(Duration::from_secs(60))
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(arguments.serve(server, &found));
    // What is still being checked is for nobody.
    runtime.shutdown_background();
    Ok(outcome)
}

/// Threads that write bodies to temporary files.
const WRITERS: usize = 4;

fn failed(error: &Error) -> Outcome {
    output::say(&format!("error[{}]: {error}\n  hint: {}\n", error.code(), error.code().hint()));
    Outcome::Io
}

impl Arguments {
    fn options(&self) -> Options {
        let mut options = Options::default();
        options.max_body = self.max_body;
        options.max_spool = self.max_spool;
        options.max_uploads = self.max_uploads.0;
        options.max_checks = self.max_checks.map_or(options.max_checks, |number| number.0);
        options.max_connections = self.max_connections.0;
        options.max_head = self.max_head.0;
        options.max_headers = self.max_headers.0;
        options.head_timeout = self.head_timeout.0;
        options.idle_timeout = self.idle_timeout.0;
        options.body_timeout = self.body_timeout.0;
        options.min_rate = self.min_rate;
        options.rate_window = self.rate_window.0;
        options.write_timeout = self.write_timeout.0;
        options.request_timeout = self.request_timeout.0;
        options.drain = self.drain.0;
        options.grace = self.grace.0;
        options
    }

    fn judge(&self, found: &Found) -> Judge {
        let level: Level = self.level.into();
        let judge = Judge::new(Checker::new(found.policy.clone()).with_level(level));
        match &found.file {
            Some((_, text)) => judge.with_policy_text(text),
            None => judge,
        }
    }

    async fn serve(&self, server: Server, found: &Found) -> Outcome {
        let handle = server.handle();
        // From here on, a signal does not end the process.
        let signals = match Signals::new() {
            Ok(signals) => signals,
            Err(error) => return failed(&Error::cannot("listen to signals", error)),
        };
        output::say(&format!("listening on http://{}\n", server.address()));
        let log = match self.log.then(Log::start).transpose() {
            Ok(log) => log,
            Err(error) => return failed(&Error::cannot("start a thread for the log", error)),
        };
        let lines = log.as_ref().map(|log| log.lines.clone());
        // On a thread of the runtime; this one is for signals.
        let serving = tokio::spawn(server.run(move |event| observe(event, lines.as_ref())));
        let follow = self.follow(signals, &handle, found.file.is_some());
        let result = tokio::select! {
            result = serving => result.unwrap_or_else(|error| Err(Error::cannot("serve", io::Error::other(error)))),
            () = follow => Ok(()),
        };
        if let Some(log) = log {
            log.end();
        }
        result.map_or_else(|error| failed(&error), |()| Outcome::Done)
    }

    /// Does what signals say, for ever.
    async fn follow(&self, mut signals: Signals, handle: &Handle, mut has_file: bool) {
        loop {
            match signals.next().await {
                Signal::ShutDown => handle.shut_down(),
                // It is read here, where nothing waits but signals.
                Signal::Reload => match self.policy.read() {
                    Ok(found) if has_file && found.file.is_none() => {
                        output::say("error[io]: the policy is no longer there\n");
                        keep(handle);
                    }
                    Ok(found) => {
                        has_file = found.file.is_some();
                        handle.reload(self.judge(&found));
                        output::say("the policy was read again\n");
                    }
                    Err(_) => keep(handle),
                },
            }
        }
    }
}

fn keep(handle: &Handle) {
    handle.reload_failed();
    output::say("the policy before it stays in force\n");
}

/// Tells of what happened.
fn observe(event: &Event<'_>, log: Option<&SyncSender<Vec<u8>>>) {
    match event {
        Event::Answered(answered) => {
            if let Some(log) = log {
                Log::add(log, answered);
            }
        }
        Event::CannotAccept(error) => {
            output::say(&format!("error[io]: cannot accept a connection: {error}\n"));
        }
        Event::CannotSpool(error) => output::say(&format!("error[io]: cannot keep a body: {error}\n")),
        Event::ShuttingDown => output::say("shutting down\n"),
        Event::Cut(count) => output::say(&format!("cut {count} connections that were not done\n")),
        _ => {}
    }
}

/// The log of requests, written by a thread of its own: nobody waits for whoever reads it.
struct Log {
    lines: SyncSender<Vec<u8>>,
    ended: Receiver<()>,
}

/// Lines that have not been written yet.
const MOST_LINES: usize = 4096;

/// Lines that were lost because nobody took them.
static LOST: AtomicU64 = AtomicU64::new(0);

#[derive(Serialize)]
struct Line<'a> {
    /// Seconds since 1970.
    time: f64,
    #[serde(flatten)]
    answered: &'a Answered,
}

impl Log {
    fn start() -> io::Result<Self> {
        let (lines, receiver) = mpsc::sync_channel::<Vec<u8>>(MOST_LINES);
        let (end, ended) = mpsc::sync_channel(1);
        std::thread::Builder::new().spawn(move || {
            // An empty line is the end.
            for line in receiver.iter().take_while(|line| !line.is_empty()) {
                // Whoever closed the pipe has seen enough.
                let _ = io::stdout().lock().write_all(&line);
                let lost = LOST.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    output::say(&format!(
                        "error[io]: {lost} lines of the log were lost, because nobody read them\n"
                    ));
                }
            }
            let _ = io::stdout().lock().flush();
            let _ = end.send(());
        })?;
        Ok(Self { lines, ended })
    }

    fn add(lines: &SyncSender<Vec<u8>>, answered: &Answered) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut line = Vec::new();
        // A vector takes whatever is written.
        let _ = write_json_line(&mut line, &Line { time: now.as_secs_f64(), answered });
        if lines.try_send(line).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits a moment for the last lines.
    fn end(self) {
        let _ = self.lines.try_send(Vec::new());
        let _ = self.ended.recv_timeout(Duration::from_secs(1));
    }
}

/// What a signal asks for.
enum Signal {
    ShutDown,
    Reload,
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::ShutDown,
            _ = self.interrupt.recv() => Signal::ShutDown,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[allow(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Elsewhere there is only Ctrl-C; a new policy takes a new start.
    async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::ShutDown
    }
}
