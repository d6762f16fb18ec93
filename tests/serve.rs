//! The service as its clients meet it, well-behaved or not: a real process, and plain sockets.
#![cfg(target_os = "linux")]
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use common::*;
use serde_json::{Value, json};
use skops_rs::check::{Checker, Sha256};
use skops_rs::policy::Policy;
use tempfile::TempDir;

/// What takes longer is stuck.
const STUCK: Duration = Duration::from_secs(30);

/// A server, in a folder of its own, with an empty folder for temporary files.
struct Service {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
    folder: TempDir,
}

impl Service {
    fn start(options: &[&str]) -> Self {
        Self::with_policy(None, options)
    }

    fn with_policy(policy: Option<&str>, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        if let Some(text) = policy {
            fs::write(folder.path().join("policy.toml"), text).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_skops-rs"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(options);
        if policy.is_some() {
            command.args(["--policy", "policy.toml"]);
        }
        command.current_dir(folder.path()).env("TMPDIR", folder.path().join("tmp"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on http://").expect(&line).trim_end().to_owned();
        Self { child, stderr, address, folder }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(STUCK)).unwrap();
        stream.set_write_timeout(Some(STUCK)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(BufReader::new(stream))
    }

    fn get(&self, path: &str) -> Answer {
        self.connect().ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"), b"")
    }

    fn check(&self, body: &[u8]) -> Answer {
        self.connect().check("/check", body)
    }

    /// The counters and gauges.
    fn metrics(&self) -> BTreeMap<String, f64> {
        let answer = self.get("/metrics");
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        parse_metrics(answer.text())
    }

    fn metric(&self, name: &str) -> f64 {
        self.metrics().get(name).copied().unwrap_or(0.0)
    }

    /// Waits until a gauge or counter has this value.
    fn wait_for(&self, name: &str, value: f64) {
        let start = Instant::now();
        while self.metric(name) != value {
            assert!(start.elapsed() < STUCK, "{name} is {}, not {value}", self.metric(name));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Waits for the end: the exit code, and what else was said.
    fn end(mut self) -> (Option<i32>, String) {
        let mut text = String::new();
        self.stderr.read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap().code(), text)
    }

    fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// Temporary files that have names.
    fn named_files(&self) -> usize {
        fs::read_dir(self.temporary()).unwrap().count()
    }

    /// Temporary files that are open.
    fn open_files(&self) -> usize {
        let folder = self.temporary();
        let links = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let targets = links.filter_map(|link| fs::read_link(link.unwrap().path()).ok());
        targets.filter(|target| target.starts_with(&folder)).count()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client(BufReader<TcpStream>);

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    /// The code of an error.
    fn code(&self) -> String {
        let value = self.json();
        for key in ["error", "message", "hint"] {
            assert!(value[key].as_str().is_some_and(|text| !text.is_empty()), "{value}");
        }
        value["error"].as_str().unwrap().to_owned()
    }
}

impl Client {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line.strip_suffix("\r\n").unwrap_or(&line).to_owned())
    }

    fn answer_of(&mut self, is_head: bool) -> Answer {
        let line = self.line().unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {line:?}")).parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line().unwrap();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap();
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if !is_head {
            let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
            answer.body = vec![0; length];
            self.0.read_exact(&mut answer.body).unwrap();
        }
        answer
    }

    fn answer(&mut self) -> Answer {
        self.answer_of(false)
    }

    fn ask(&mut self, head: &str, body: &[u8]) -> Answer {
        self.send(head.as_bytes()).unwrap();
        self.send(body).unwrap();
        self.answer()
    }

    fn check(&mut self, target: &str, body: &[u8]) -> Answer {
        self.ask(&head(target, body.len()), body)
    }

    /// Whether the server has closed the connection.
    fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

fn head(target: &str, length: usize) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

fn fixture(path: &str) -> Vec<u8> {
    fs::read(fixtures().join(path)).unwrap()
}

fn clean() -> Vec<u8> {
    fixture("real/skops-0.16/pipeline.skops")
}

fn untrusted() -> Vec<u8> {
    fixture("example.skops")
}

/// Bytes that are no model.
fn junk(length: usize) -> Vec<u8> {
    b"no model ".iter().copied().cycle().take(length).collect()
}

/// Reads the text format: each value by name and labels. Fails when it is not well-formed.
fn parse_metrics(text: &str) -> BTreeMap<String, f64> {
    let mut values = BTreeMap::new();
    let mut kinds: BTreeMap<String, String> = BTreeMap::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let words: Vec<_> = rest.splitn(3, ' ').collect();
            assert!(matches!(words[..], ["HELP" | "TYPE", _, _]), "{line}");
            if words[0] == "TYPE" {
                assert!(matches!(words[2], "counter" | "gauge" | "histogram"), "{line}");
                assert!(kinds.insert(words[1].to_owned(), words[2].to_owned()).is_none(), "{line}: twice");
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let base = name.split('{').next().unwrap();
        assert!(base.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{line}");
        let family = ["_bucket", "_sum", "_count"].iter().filter_map(|end| base.strip_suffix(end));
        let kind = family.chain([base]).find_map(|family| kinds.get(family));
        let kind = kind.unwrap_or_else(|| panic!("{line}: no TYPE before it"));
        assert_eq!(kind == "counter", base.ends_with("_total"), "{line}");
        assert!(values.insert(name.to_owned(), value.parse().unwrap()).is_none(), "{line}: twice");
    }
    for (name, kind) in kinds.iter().filter(|(_, kind)| *kind == "histogram") {
        let prefix = format!("{name}_bucket{{le=\"");
        let mut buckets: Vec<(f64, f64)> = values
            .iter()
            .filter_map(|(name, count)| {
                let end = name.strip_prefix(&prefix)?.strip_suffix("\"}")?;
                Some((if end == "+Inf" { f64::INFINITY } else { end.parse().unwrap() }, *count))
            })
            .collect();
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(buckets.len() > 2, "{kind}");
        assert!(buckets.is_sorted_by(|one, other| one.1 <= other.1), "{name}: {buckets:?}");
        assert_eq!(buckets.last().unwrap().1, values[&format!("{name}_count")]);
        assert!(values.contains_key(&format!("{name}_sum")));
    }
    values
}

const TREES: &str = "presets = [\"trees\"]\n";

// ---- verdicts

#[test]
fn verdicts_are_those_of_the_checker() {
    let service = Service::with_policy(Some(TREES), &[]);
    let checker = Checker::new(Policy::from_toml(TREES, "policy.toml").unwrap().0);
    let mut client = service.connect();
    let mut seen = BTreeMap::new();
    let mut paths = files("hostile/files", ".skops");
    paths.extend(files("real/skops-0.16", ".skops").into_iter().step_by(10));
    paths.push(fixtures().join("example.skops"));
    for path in &paths {
        let bytes = fs::read(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let answer = client.check(&format!("/check?name={name}"), &bytes);
        let verdict = checker.check_bytes(name, bytes);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), serde_json::to_value(&verdict).unwrap(), "{name}");
        assert_eq!(answer.header("skops-verdict"), Some(verdict.outcome.as_str()), "{name}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.text().is_ascii() && answer.text().ends_with("}\n"));
        assert_eq!(answer.text().lines().count(), 1);
        *seen.entry(verdict.outcome.as_str()).or_insert(0) += 1;
    }
    assert!(seen["refused"] > 100 && seen["pass"] > 1 && seen["deny"] > 1, "{seen:?}");
    // All of them on one connection.
    assert_eq!(service.metric("skops_rs_requests_total{path=\"/check\",status=\"200\"}"), paths.len() as f64);
    for (outcome, count) in seen {
        let name = format!("skops_rs_verdicts_total{{verdict=\"{outcome}\"}}");
        assert_eq!(service.metric(&name), f64::from(count), "{outcome}");
    }
    assert_eq!(service.metric("skops_rs_check_seconds_count"), paths.len() as f64);
}

#[test]
fn the_level_and_the_default_policy_are_those_of_the_command_line() {
    let lying = fixture("hostile/files/content_logreg_coef_shape.skops");
    let audit = Service::start(&[]).check(&lying);
    let verify = Service::start(&["--level", "verify"]).check(&lying);
    assert_eq!(audit.header("skops-verdict"), Some("pass"));
    assert_eq!(verify.header("skops-verdict"), Some("refused"));
    assert_eq!(Service::start(&[]).check(&untrusted()).header("skops-verdict"), Some("deny"));
}

/// However a body comes, the verdict is the same.
#[test]
fn bodies_may_come_in_any_parts() {
    let service = Service::start(&[]);
    let body = clean();
    let expected = service.check(&body).json();
    assert_eq!(expected["verdict"], "pass");
    // A byte at a time, from the first of the head on.
    let mut client = service.connect();
    let small = junk(300);
    let whole = [head("/check", small.len()).as_bytes(), &small].concat();
    for byte in &whole {
        client.send(&[*byte]).unwrap();
    }
    assert_eq!(client.answer().json()["size"], 300);
    for size in [1000, 4096, body.len()] {
        let mut client = service.connect();
        client.send(b"POST /check HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        for chunk in body.chunks(size) {
            client.send(format!("{:x}\r\n", chunk.len()).as_bytes()).unwrap();
            client.send(chunk).unwrap();
            client.send(b"\r\n").unwrap();
        }
        client.send(b"0\r\nTrailer: ignored\r\n\r\n").unwrap();
        let answer = client.answer();
        assert_eq!(answer.json(), expected);
        assert_eq!(answer.header("connection"), Some("close"), "nothing comes after chunks");
        assert!(client.is_closed());
    }
    // Several requests at once, with bodies, on one connection.
    let mut client = service.connect();
    let mut bytes = Vec::new();
    for body in [&body, &small, &untrusted(), &Vec::new(), &body] {
        bytes.extend(head("/check", body.len()).into_bytes());
        bytes.extend(body);
    }
    bytes.extend(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client.send(&bytes).unwrap();
    let verdicts: Vec<_> = (0..5).map(|_| client.answer().json()["verdict"].clone()).collect();
    assert_eq!(verdicts, ["pass", "refused", "deny", "refused", "pass"]);
    assert_eq!(client.answer().json()["status"], "ok");
    assert!(client.is_closed());
}

#[test]
fn large_bodies_are_hashed_as_they_are() {
    let service = Service::start(&[]);
    // Around what is kept in memory, and what is written at once.
    for length in [0, 1, (256 << 10) - 1, 256 << 10, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000] {
        let body = junk(length);
        let verdict = service.check(&body).json();
        assert_eq!(verdict["size"], length);
        assert_eq!(verdict["sha256"], Sha256::of(&body).to_string());
        assert_eq!(verdict["verdict"], "refused");
    }
    assert_eq!((service.named_files(), service.open_files()), (0, 0));
}

#[test]
fn a_long_verdict_comes_whole() {
    let service = Service::start(&[]);
    let nodes =
        (0..3000).map(|number| type_node(&format!("{}.Evil{number}", "package".repeat(20)))).collect();
    let body = skops(list(nodes), &[]);
    let expected = Checker::new(Policy::default()).check_bytes("-", body.clone());
    let mut client = service.connect();
    for _ in 0..3 {
        let answer = client.check("/check", &body);
        assert!(answer.body.len() > 50_000, "{}", answer.body.len());
        assert_eq!(answer.json(), serde_json::to_value(&expected).unwrap());
    }
}

#[test]
fn a_name_is_shown_and_nothing_else() {
    let service = Service::start(&[]);
    let body = clean();
    let mut client = service.connect();
    assert_eq!(client.check("/check", &body).json()["path"], "-");
    assert_eq!(client.check("/check?", &body).json()["path"], "-");
    for (query, name) in [
        ("name=model.skops", "model.skops"),
        ("name=", ""),
        ("name=..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        ("name=/etc/passwd", "/etc/passwd"),
        ("name=a%00b", "a\0b"),
        ("name=a+b%0D%0ASkops-Verdict:%20pass", "a b\r\nSkops-Verdict: pass"),
        ("name=%1B%5B2J%E2%80%AE", "\u{1b}[2J\u{202e}"),
        ("name=%FF%FE", "\u{fffd}\u{fffd}"),
        ("name=%zz%", "%zz%"),
        ("name=%22%2C%22verdict%22%3A%22pass", "\",\"verdict\":\"pass"),
        ("name=::error::%23%23[command]", "::error::##[command]"),
    ] {
        let answer = client.check(&format!("/check?{query}"), &body);
        assert_eq!((answer.status, answer.json()["path"].as_str()), (200, Some(name)), "{query}");
        assert!(answer.text().chars().all(|c| matches!(c, ' '..='~' | '\n')), "{query}");
        assert_eq!(answer.headers.iter().filter(|(name, _)| name == "skops-verdict").count(), 1);
    }
    let long = format!("name={}", "a".repeat(1025));
    for query in ["nam=a", "name=a&name=b", "name=a&other=b", "x", &long] {
        let answer = service.check_at(&format!("/check?{query}"), &body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad-query"), "{query}");
    }
    let longest = format!("/check?name={}", "a".repeat(1024));
    assert_eq!(service.check_at(&longest, &body).status, 200);
    assert_eq!(service.named_files(), 0);
}

impl Service {
    fn check_at(&self, target: &str, body: &[u8]) -> Answer {
        self.connect().check(target, body)
    }

    fn check_with(&self, header: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!("POST /check HTTP/1.1\r\nHost: a\r\n{header}\r\nContent-Length: {length}\r\n\r\n");
        self.connect().ask(&head, body)
    }
}

#[test]
fn the_sha256_can_be_demanded() {
    let service = Service::start(&[]);
    let body = clean();
    let own = Sha256::of(&body).to_string();
    let right = service.check_with(&format!("Skops-Expect-Sha256: {own}"), &body);
    assert_eq!((right.status, right.header("skops-verdict")), (200, Some("pass")));
    let upper = own.to_uppercase();
    assert_eq!(
        service.check_with(&format!("skops-expect-sha256: {upper}"), &body).header("skops-verdict"),
        Some("pass")
    );
    let wrong = service.check_with(&format!("Skops-Expect-Sha256: {}", Sha256::of(b"")), &body);
    assert_eq!((wrong.status, wrong.header("skops-verdict")), (200, Some("deny")));
    assert_eq!(wrong.json()["findings"][0]["code"], "sha256-mismatch");
    assert_eq!(wrong.json()["sha256"], own);
    // It is for one request.
    assert_eq!(service.check(&body).header("skops-verdict"), Some("pass"));
    let twice = format!("Skops-Expect-Sha256: {own}\r\nSkops-Expect-Sha256: {own}");
    for header in ["Skops-Expect-Sha256: abc", "Skops-Expect-Sha256:", &twice] {
        let answer = service.check_with(header, &body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad-sha256"), "{header}");
    }
}

// ---- what is asked in a wrong way

#[test]
fn other_methods_and_paths_are_refused() {
    let service = Service::start(&[]);
    for (method, path, status, allow) in [
        ("GET", "/check", 405, Some("POST")),
        ("HEAD", "/check", 405, Some("POST")),
        ("PUT", "/check", 405, Some("POST")),
        ("OPTIONS", "/check", 405, Some("POST")),
        ("TRACE", "/check", 405, Some("POST")),
        ("BREW", "/check", 405, Some("POST")),
        ("POST", "/healthz", 405, Some("GET, HEAD")),
        ("DELETE", "/metrics", 405, Some("GET, HEAD")),
        ("OPTIONS", "/metrics", 405, Some("GET, HEAD")),
        ("GET", "/healthz", 200, None),
        ("HEAD", "/healthz", 200, None),
        ("HEAD", "/metrics", 200, None),
        ("GET", "/", 404, None),
        ("GET", "/check/", 404, None),
        ("GET", "/Check", 404, None),
        ("GET", "/healthz/../check", 404, None),
        ("GET", "/%63heck", 404, None),
        ("OPTIONS", "*", 404, None),
        ("POST", "/nothing", 404, None),
        ("POST", "check", 404, None),
        ("GET", "http://elsewhere/healthz", 200, None),
    ] {
        let mut client = service.connect();
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
        let answer = client.answer_of(method == "HEAD");
        assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}");
        if status != 200 && method != "HEAD" {
            answer.code();
        }
        // The connection is as good as before.
        assert_eq!(
            client.ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"").status,
            200,
            "{method} {path}"
        );
    }
    // A tunnel is not to be had either.
    let mut client = service.connect();
    client.send(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(client.answer().status, 404);
    let upgrade = "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    assert_eq!(service.connect().ask(upgrade, b"").status, 200);
}

/// Requests of which a proxy could think that they end elsewhere, and requests that are none.
#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let service = Service::start(&[]);
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for headers in [
        "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
        "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: bad",
        "Host: a\r\nContent-Length: 5\r\nContent-Length: 5",
        "Host: a\r\nContent-Length: 5\r\nContent-Length: 6",
        "Host: a\r\nContent-Length: 5, 5",
        "Host: a\r\nContent-Length: +5",
        "Host: a\r\nContent-Length: -5",
        "Host: a\r\nContent-Length: 0x5",
        "Host: a\r\nContent-Length: 5 5",
        "Host: a\r\nContent-Length:",
        "Host: a\r\nContent-Length: 99999999999999999999",
        "Host: a\r\nContent-Length : 5",
        "Host: a\r\n Content-Length: 5",
        "Host: a\r\nX: y\r\n folded: z",
        "Host: a\r\nTransfer-Encoding: gzip",
        "Host: a\r\nTransfer-Encoding: gzip, chunked",
        "Host: a\r\nTransfer-Encoding: chunked, identity",
        "Host: a\r\nTransfer-Encoding: identity",
        "Host: a\r\nTransfer-Encoding: xchunked",
        "Host: a\r\nTransfer-Encoding: \u{b}chunked",
        "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Host: a\r\nTransfer-Encoding : chunked",
        "Host: a\r\nTransfer_Encoding: chunked\nContent-Length: 5",
        "Host: a\nContent-Length: 5",
        "Host: a\r\nContent-Length: 5\n",
        "Host: a\r\nX: a\rContent-Length: 5",
        "Host: a\r\nX: a\0b",
        "Host: a\r\n: nameless",
        "Host: a\r\nno colon",
        "Host: a\r\nHost: b",
        "X: no host",
    ] {
        for ending in ["0\r\n\r\n", ""] {
            let mut client = service.connect();
            let request = format!("POST /check HTTP/1.1\r\n{headers}\r\n\r\n{ending}{smuggled}");
            client.send(request.as_bytes()).unwrap();
            let answer = client.answer();
            assert_eq!(answer.status, 400, "{headers:?}");
            assert!(client.is_closed(), "{headers:?}: something was read after it");
        }
    }
    for request in [
        "POST /check\r\n\r\n",
        "POST /check HTTP/0.9\r\n\r\n",
        "POST /check HTTP/2.0\r\nHost: a\r\n\r\n",
        "POST /check HTTP/1.1 x\r\nHost: a\r\n\r\n",
        "POST  /check HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /che\0ck HTTP/1.1\r\nHost: a\r\n\r\n",
        "P(ST /check HTTP/1.1\r\nHost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n",
    ] {
        let mut client = service.connect();
        client.send(request.as_bytes()).unwrap();
        assert_eq!(client.answer().status, 400, "{request:?}");
        assert!(client.is_closed(), "{request:?}");
    }
    // HTTP/2 is not spoken, and not answered.
    let mut client = service.connect();
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    assert!(client.is_closed());
    // Chunks that are none.
    for chunks in ["x\r\n", "5\r\nabc", "-1\r\n\r\n", "5;\r\nabcdefgh\r\n", "ffffffffffffffffff\r\n", "1\nab"]
    {
        let mut client = service.connect();
        client.send(b"POST /check HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        client.send(chunks.as_bytes()).unwrap();
        client.0.get_mut().shutdown(Shutdown::Write).unwrap();
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (400, "incomplete-body"), "{chunks:?}");
        assert!(client.is_closed());
    }
    let metrics = service.metrics();
    assert_eq!(
        metrics.get("skops_rs_requests_total{path=\"other\",status=\"404\"}"),
        None,
        "one was smuggled"
    );
    assert!(metrics["skops_rs_connections_closed_total{reason=\"malformed\"}"] > 10.0);
    assert_eq!(metrics["skops_rs_uploads"], 0.0);
    // HTTP/1.0 needs no Host, and has one request on a connection.
    let mut client = service.connect();
    assert_eq!(client.ask("GET /healthz HTTP/1.0\r\n\r\n", b"").status, 200);
    assert!(client.is_closed());
    assert_eq!(service.check(&clean()).header("skops-verdict"), Some("pass"));
}

/// Requests with bytes changed, left out or doubled: each connection ends with answers, or with none, and no harm is done.
#[test]
fn mutated_requests_do_no_harm() {
    let service = Service::start(&["--rate-window", "1", "--head-timeout", "1"]);
    let body = junk(50);
    let seeds = [
        [head("/check?name=a%20b", body.len()).as_bytes(), &body, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"].concat(),
        b"POST /check HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
            .to_vec(),
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\nSkops-Expect-Sha256: 00\r\n\r\n".to_vec(),
    ];
    let mut state = 0x5eed_u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut statuses = BTreeMap::new();
    for round in 0..600 {
        let mut request = seeds[round % seeds.len()].clone();
        for _ in 0..=random(3) {
            let at = random(request.len());
            match random(4) {
                0 => request[at] = random(256) as u8,
                1 => request[at] = b"\r\n :,;\0\x7f\xff%0"[random(11)],
                2 => drop(request.remove(at)),
                _ => request.insert(at, request[at]),
            }
        }
        let mut client = service.connect();
        client.send(&request).unwrap();
        client.0.get_mut().shutdown(Shutdown::Write).unwrap();
        let mut text = Vec::new();
        let _ = client.0.read_to_end(&mut text);
        for line in String::from_utf8_lossy(&text).lines().filter(|line| line.starts_with("HTTP/1.1 ")) {
            *statuses.entry(line[9..12].parse::<u16>().unwrap()).or_insert(0) += 1;
        }
    }
    assert!(
        statuses.keys().all(|status| matches!(status, 100 | 200 | 400 | 404 | 405 | 408 | 413 | 417 | 431)),
        "{statuses:?}"
    );
    assert!(statuses[&200] > 50 && statuses[&400] > 50, "{statuses:?}");
    service.wait_for("skops_rs_uploads", 0.0);
    service.wait_for("skops_rs_connections", 1.0);
    assert_eq!(service.check(&clean()).header("skops-verdict"), Some("pass"));
    service.signal("-TERM");
    assert_eq!(service.end(), (Some(0), "shutting down\n".to_owned()));
}

#[test]
fn header_bombs_are_refused() {
    let service = Service::start(&["--max-head", "8192", "--max-headers", "32"]);
    let many: String = (0..40).map(|number| format!("x-{number}: y\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(9000));
    let long_name = format!("{}: y\r\n", "y".repeat(9000));
    for headers in [&many, &long, &long_name] {
        let mut client = service.connect();
        client.send(format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{headers}\r\n").as_bytes()).unwrap();
        assert_eq!(client.answer().status, 431);
        assert!(client.is_closed());
    }
    let mut client = service.connect();
    client.send(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(9000)).as_bytes()).unwrap();
    assert!(matches!(client.answer().status, 414 | 431));
    // One that never ends is not taken to its end.
    let mut client = service.connect();
    let mut sent = 0_usize;
    let chunk = [b'y'; 65536];
    let _ = client.send(b"GET / HTTP/1.1\r\nx: ");
    while sent < 1 << 30 && client.send(&chunk).is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 1 << 30, "it was read");
    let few: String = (0..30).map(|number| format!("x-{number}: {}\r\n", "y".repeat(200))).collect();
    let head = format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{few}\r\n");
    assert_eq!(service.connect().ask(&head, b"").status, 200);
}

#[test]
fn expectations_are_respected() {
    let service = Service::start(&["--max-body", "100000"]);
    let body = clean();
    let head = |length: usize, expect: &str| {
        format!("POST /check HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\nExpect: {expect}\r\n\r\n")
    };
    let mut client = service.connect();
    client.send(head(body.len(), "100-Continue").as_bytes()).unwrap();
    assert_eq!(client.line().unwrap(), "HTTP/1.1 100 Continue");
    assert_eq!(client.line().unwrap(), "");
    client.send(&body).unwrap();
    assert_eq!(client.answer().header("skops-verdict"), Some("pass"));
    // What is too large, or goes nowhere, need not be sent.
    let mut client = service.connect();
    let answer = client.ask(&head(100_001, "100-continue"), b"");
    assert_eq!((answer.status, answer.code().as_str()), (413, "too-large"));
    assert!(client.is_closed());
    let mut client = service.connect();
    let query = head(1000, "100-continue").replace("/check", "/check?other=1");
    assert_eq!(client.ask(&query, b"").status, 400);
    let mut client = service.connect();
    let elsewhere = head(1000, "100-continue").replace("/check", "/elsewhere");
    assert_eq!(client.ask(&elsewhere, b"").status, 404);
    let answer = service.connect().ask(&head(1000, "a-miracle"), b"");
    assert_eq!((answer.status, answer.code().as_str()), (417, "bad-expectation"));
}

#[test]
fn what_is_too_large_is_refused() {
    let service = Service::start(&["--max-body", "3000000"]);
    // By its length, while it is being sent: the client gets to read the answer.
    let mut client = service.connect();
    let body = junk(3_000_001);
    client.send(head("/check", body.len()).as_bytes()).unwrap();
    for part in body.chunks(1_000_001) {
        std::thread::sleep(Duration::from_millis(100));
        client.send(part).unwrap();
    }
    let answer = client.answer();
    assert_eq!((answer.status, answer.code().as_str()), (413, "too-large"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.is_closed());
    // Without a length, once it is.
    let mut client = service.connect();
    client.send(b"POST /check HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let chunk = [b"10000\r\n".as_slice(), &junk(0x10000), b"\r\n"].concat();
    let mut sent = 0;
    while sent < 1 << 30 && client.send(&chunk).is_ok() {
        sent += 0x10000;
        if sent == 0x10000 * 50 {
            break;
        }
    }
    let answer = client.answer();
    assert_eq!((answer.status, answer.code().as_str()), (413, "too-large"));
    assert_eq!(service.check(&junk(3_000_000)).status, 200);
    service.wait_for("skops_rs_uploads", 0.0);
    assert_eq!((service.named_files(), service.open_files()), (0, 0));
    assert_eq!(service.metric("skops_rs_spooled_bytes"), 0.0);
    // The policy's limit counts, too.
    let policy = "[limits]\nstream-bytes = 1000\n";
    let service = Service::with_policy(Some(policy), &["--max-body", "2000"]);
    assert_eq!(service.check(&junk(1001)).status, 413);
    assert_eq!(service.check(&junk(1000)).status, 200);
}

// ---- clients that are slow, gone, or too many

#[test]
fn who_is_slow_is_cut_off_while_others_are_served() {
    let options =
        ["--rate-window", "0.5", "--min-rate", "1000", "--head-timeout", "0.6", "--idle-timeout", "0.6"];
    let service = Service::start(&options);
    let large = head("/check", 10_000_000);
    let start = Instant::now();
    // One sends nothing, one a byte now and then, one is silent in the middle of a large body.
    let mut silent = service.connect();
    silent.send(large.as_bytes()).unwrap();
    let mut trickling = service.connect();
    trickling.send(large.as_bytes()).unwrap();
    let mut stalled = service.connect();
    stalled.send(large.as_bytes()).unwrap();
    stalled.send(&junk(2_000_000)).unwrap();
    // One sends half a head, one none.
    let mut half = service.connect();
    half.send(b"POST /check HTTP/1.1\r\nHo").unwrap();
    let mut idle = service.connect();
    while start.elapsed() < Duration::from_millis(1600) {
        assert_eq!(service.check(&clean()).header("skops-verdict"), Some("pass"));
        let _ = trickling.send(b"x");
        std::thread::sleep(Duration::from_millis(50));
    }
    // All of them by now, and not when they have stopped.
    let metrics = service.metrics();
    assert_eq!(metrics["skops_rs_requests_total{path=\"/check\",status=\"408\"}"], 3.0);
    for client in [&mut silent, &mut trickling, &mut stalled] {
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (408, "slow-body"));
        assert_eq!(answer.header("connection"), Some("close"));
    }
    assert!(half.is_closed() && idle.is_closed());
    let metrics = service.metrics();
    assert_eq!(metrics["skops_rs_connections_closed_total{reason=\"slow-head\"}"], 1.0);
    assert_eq!(metrics["skops_rs_connections_closed_total{reason=\"idle\"}"], 1.0);
    service.wait_for("skops_rs_uploads", 0.0);
    assert_eq!((service.named_files(), service.open_files()), (0, 0));
}

/// A body that is slow, but not too slow, is taken; one that would take too long in all is not.
#[test]
fn slow_bodies_are_taken_within_limits() {
    let options = ["--rate-window", "0.4", "--min-rate", "100", "--body-timeout", "3"];
    let service = Service::start(&options);
    let body = clean();
    let mut client = service.connect();
    client.send(head("/check", body.len()).as_bytes()).unwrap();
    for part in body.chunks(body.len() / 12) {
        std::thread::sleep(Duration::from_millis(100));
        client.send(part).unwrap();
    }
    assert_eq!(client.answer().header("skops-verdict"), Some("pass"));
    let mut client = service.connect();
    client.send(head("/check", 1_000_000).as_bytes()).unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(3500) {
        let _ = client.send(&[b'x'; 100]);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_request_may_not_take_for_ever() {
    let service = Service::start(&["--request-timeout", "0.5"]);
    let mut client = service.connect();
    client.send(head("/check", 1000).as_bytes()).unwrap();
    let answer = client.answer();
    assert_eq!((answer.status, answer.code().as_str()), (503, "slow-answer"));
    assert_eq!(answer.header("connection"), Some("close"));
    service.wait_for("skops_rs_uploads", 0.0);
}

/// An open connection may be silent between requests, and while its request is being answered.
#[test]
fn connections_stay_open_as_long_as_they_may() {
    let service = Service::start(&["--idle-timeout", "1.5", "--head-timeout", "0.3"]);
    let mut client = service.connect();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(600));
        assert_eq!(client.ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"").status, 200);
    }
    assert!(client.is_closed());
}

/// Nobody is cut off who waits for an answer.
#[test]
fn a_check_may_take_longer_than_a_client() {
    let service =
        Service::start(&["--idle-timeout", "0.05", "--head-timeout", "0.05", "--rate-window", "10"]);
    let nodes = (0..30_000).map(|number| type_node(&format!("package.Evil{number}"))).collect();
    let body = skops(list(nodes), &[]);
    let answer = service.check(&body);
    assert_eq!(answer.header("skops-verdict"), Some("deny"));
    assert!(service.metric("skops_rs_check_seconds_sum") > 0.05, "it was too short to show anything");
}

#[test]
fn whoever_does_not_take_the_answer_is_cut_off() {
    let service = Service::start(&["--write-timeout", "0.5"]);
    let mut client = service.connect();
    // Many requests at once, and no answer is read: at some point nothing goes through any more.
    let request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2000);
    client.0.get_mut().set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    for _ in 0..20 {
        if client.send(request.as_bytes()).is_err() {
            break;
        }
    }
    service.wait_for("skops_rs_connections_closed_total{reason=\"slow-write\"}", 1.0);
    assert_eq!(service.check(&clean()).status, 200);
}

#[test]
fn a_client_that_goes_away_leaves_nothing() {
    let service = Service::start(&["--max-uploads", "1"]);
    for length in [10, 500_000, 3_000_000] {
        let mut client = service.connect();
        client.send(head("/check", 10_000_000).as_bytes()).unwrap();
        client.send(&junk(length)).unwrap();
        service.wait_for("skops_rs_spooled_bytes", length as f64);
        if length > 2 << 20 {
            // It is open, and has no name.
            let start = Instant::now();
            while service.open_files() == 0 {
                assert!(start.elapsed() < STUCK);
            }
            assert_eq!(service.open_files(), 1);
        }
        assert_eq!(service.named_files(), 0);
        // Nobody else gets in, and is told so.
        let answer = service.check(&clean());
        assert_eq!((answer.status, answer.code().as_str()), (503, "too-many-uploads"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(service.get("/healthz").status, 200);
        drop(client);
        service.wait_for("skops_rs_uploads", 0.0);
        assert_eq!((service.named_files(), service.open_files()), (0, 0));
        assert_eq!(service.metric("skops_rs_spooled_bytes"), 0.0);
        assert_eq!(service.check(&clean()).status, 200);
    }
    // One that is reset rather than closed, with an answer on its way.
    for _ in 0..20 {
        let mut client = service.connect();
        client.send(head("/check", clean().len()).as_bytes()).unwrap();
        client.send(&clean()).unwrap();
        drop(client);
    }
    service.wait_for("skops_rs_uploads", 0.0);
    service.wait_for("skops_rs_connections", 1.0);
    assert!(service.metric("skops_rs_bodies_total{complete=\"false\"}") >= 3.0);
    assert_eq!(service.metric("skops_rs_requests_in_flight"), 1.0);
}

#[test]
fn a_server_that_is_killed_leaves_nothing() {
    let mut service = Service::start(&[]);
    let mut client = service.connect();
    client.send(head("/check", 10_000_000).as_bytes()).unwrap();
    client.send(&junk(4_000_000)).unwrap();
    service.wait_for("skops_rs_spooled_bytes", 4_000_000.0);
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    assert_eq!(service.named_files(), 0);
}

#[test]
fn there_is_an_end_to_what_is_kept() {
    let service = Service::start(&["--max-spool", "3000000"]);
    let mut client = service.connect();
    client.send(head("/check", 10_000_000).as_bytes()).unwrap();
    client.send(&junk(2_000_000)).unwrap();
    service.wait_for("skops_rs_spooled_bytes", 2_000_000.0);
    let answer = service.check(&junk(1_500_000));
    assert_eq!((answer.status, answer.code().as_str()), (503, "spool-full"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(service.check(&clean()).status, 200);
    drop(client);
    service.wait_for("skops_rs_spooled_bytes", 0.0);
    assert_eq!(service.check(&junk(1_500_000)).status, 200);
}

#[test]
fn there_is_an_end_to_connections() {
    let service = Service::start(&["--max-connections", "3"]);
    let held: Vec<_> = (0..3).map(|_| service.connect()).collect();
    for _ in 0..3 {
        let mut client = service.connect();
        let answer = client.answer();
        assert_eq!((answer.status, answer.code().as_str()), (503, "too-many-connections"));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(client.is_closed());
    }
    drop(held);
    let start = Instant::now();
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let mut client = service.connect();
        let _ = client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        if client.answer().status == 200 {
            break;
        }
        assert!(start.elapsed() < STUCK);
    }
}

/// Many at once get their verdicts, whatever the others do.
#[test]
fn many_clients_at_once_get_their_own_verdicts() {
    let service = Service::start(&["--max-uploads", "64", "--max-checks", "1"]);
    let bodies = [clean(), untrusted(), fixture("hostile/files/zip_comment.skops"), junk(1_500_000)];
    let expected = ["pass", "deny", "refused", "refused"];
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let (service, bodies) = (&service, &bodies);
            scope.spawn(move || {
                let mut client = service.connect();
                for round in 0..25 {
                    let at = (worker + round) % bodies.len();
                    let verdict = client.check(&format!("/check?name={worker}-{round}"), &bodies[at]).json();
                    assert_eq!(verdict["verdict"], expected[at]);
                    assert_eq!(verdict["path"], format!("{worker}-{round}"));
                    assert_eq!(verdict["sha256"], Sha256::of(&bodies[at]).to_string());
                }
            });
        }
    });
    service.wait_for("skops_rs_uploads", 0.0);
    assert_eq!(service.metric("skops_rs_bodies_total{complete=\"true\"}"), 200.0);
    assert_eq!((service.named_files(), service.open_files()), (0, 0));
}

// ---- the policy, and the end

const DENYING: &str = "deny = [\"sklearn.pipeline.Pipeline\"]\n";

fn policy_sha256(service: &Service) -> Value {
    service.get("/healthz").json()["policy_sha256"].clone()
}

#[test]
fn the_policy_is_read_again() {
    let mut service = Service::with_policy(Some(TREES), &[]);
    let path = service.folder.path().join("policy.toml");
    assert_eq!(service.check(&untrusted()).header("skops-verdict"), Some("pass"));
    assert_eq!(policy_sha256(&service), Sha256::of(TREES.as_bytes()).to_string());
    // This one is asked before, and answered after.
    let mut early = service.connect();
    let body = untrusted();
    early.send(head("/check", body.len()).as_bytes()).unwrap();
    early.send(&body[..100]).unwrap();
    service.wait_for("skops_rs_spooled_bytes", 100.0);
    fs::write(&path, DENYING).unwrap();
    service.signal("-HUP");
    assert_eq!(service.next_line(), "the policy was read again");
    assert_eq!(service.check(&untrusted()).header("skops-verdict"), Some("deny"));
    early.send(&body[100..]).unwrap();
    assert_eq!(early.answer().header("skops-verdict"), Some("pass"));
    let sha256 = Sha256::of(DENYING.as_bytes()).to_string();
    assert_eq!(policy_sha256(&service), *sha256);
    let info = format!("skops_rs_policy_info{{sha256=\"{sha256}\"}}");
    assert_eq!(service.metric(&info), 1.0);
    // One that is wrong, and one that is gone, change nothing.
    fs::write(&path, "alow = []\n").unwrap();
    service.signal("-HUP");
    let line = service.next_line();
    assert!(line.starts_with("error[policy-syntax]: policy.toml:1:1: "), "{line}");
    while service.next_line() != "the policy before it stays in force" {}
    fs::remove_file(&path).unwrap();
    service.signal("-HUP");
    assert!(service.next_line().starts_with("error[io]: "));
    while service.next_line() != "the policy before it stays in force" {}
    assert_eq!(service.metric(&info), 1.0);
    assert_eq!(service.check(&clean()).header("skops-verdict"), Some("deny"));
    assert_eq!(service.metric("skops_rs_policy_reloads_total{result=\"ok\"}"), 1.0);
    assert_eq!(service.metric("skops_rs_policy_reloads_total{result=\"failed\"}"), 2.0);
}

/// Without `--policy`, the one of the working directory counts; and if it goes, the built-in one does not step in.
#[test]
fn the_policy_of_the_working_directory_counts() {
    let mut service = Service::start(&[]);
    assert_eq!(policy_sha256(&service), Value::Null);
    let path = service.folder.path().join("skops-policy.toml");
    fs::write(&path, DENYING).unwrap();
    service.signal("-HUP");
    assert_eq!(service.next_line(), "the policy was read again");
    assert_eq!(service.check(&clean()).header("skops-verdict"), Some("deny"));
    fs::remove_file(&path).unwrap();
    service.signal("-HUP");
    assert_eq!(service.next_line(), "error[io]: the policy is no longer there");
    assert_eq!(service.next_line(), "the policy before it stays in force");
    assert_eq!(service.check(&clean()).header("skops-verdict"), Some("deny"));
}

#[test]
fn what_is_being_answered_is_finished() {
    for signal in ["-TERM", "-INT"] {
        let service = Service::start(&[]);
        let body = clean();
        let mut busy = service.connect();
        busy.send(head("/check", body.len()).as_bytes()).unwrap();
        busy.send(&body[..1000]).unwrap();
        let mut idle = service.connect();
        assert_eq!(idle.ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"").status, 200);
        service.wait_for("skops_rs_spooled_bytes", 1000.0);
        service.signal(signal);
        assert!(idle.is_closed());
        // Nobody else is let in.
        let start = Instant::now();
        while TcpStream::connect(&service.address).is_ok() {
            assert!(start.elapsed() < STUCK);
        }
        busy.send(&body[1000..]).unwrap();
        let answer = busy.answer();
        assert_eq!(answer.header("skops-verdict"), Some("pass"));
        assert!(busy.is_closed());
        assert_eq!(service.end(), (Some(0), "shutting down\n".to_owned()));
    }
}

#[test]
fn a_server_that_drains_says_so_and_still_serves() {
    let service = Service::start(&["--drain", "1.5"]);
    let mut client = service.connect();
    assert_eq!(client.ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"").status, 200);
    service.signal("-TERM");
    let start = Instant::now();
    while service.get("/healthz").status == 200 {
        assert!(start.elapsed() < STUCK);
    }
    let answer = client.ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"");
    assert_eq!((answer.status, answer.json()["status"].as_str()), (503, Some("shutting-down")));
    assert_eq!(service.metric("skops_rs_up"), 0.0);
    assert_eq!(service.check(&clean()).header("skops-verdict"), Some("pass"));
    assert_eq!(service.end().0, Some(0));
    assert!(start.elapsed() > Duration::from_secs(1));
}

#[test]
fn who_does_not_finish_is_cut_in_the_end() {
    let service = Service::start(&["--grace", "0.5"]);
    let mut busy = service.connect();
    busy.send(head("/check", 1000).as_bytes()).unwrap();
    service.wait_for("skops_rs_uploads", 1.0);
    service.signal("-TERM");
    let start = Instant::now();
    assert!(busy.is_closed());
    assert!(start.elapsed() > Duration::from_millis(400));
    assert_eq!(service.end(), (Some(0), "shutting down\ncut 1 connections that were not done\n".to_owned()));
    // Asked twice, it does not wait.
    let service = Service::start(&["--grace", "600", "--drain", "600"]);
    let mut busy = service.connect();
    busy.send(head("/check", 1000).as_bytes()).unwrap();
    service.wait_for("skops_rs_uploads", 1.0);
    service.signal("-TERM");
    std::thread::sleep(Duration::from_millis(200));
    service.signal("-TERM");
    assert!(busy.is_closed());
    assert_eq!(service.end().0, Some(0));
}

#[test]
fn a_start_that_fails_says_why() {
    let service = Service::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bad.toml"), "alow = []\n").unwrap();
    let any = "127.0.0.1:0";
    for (arguments, tmp, code) in [
        (vec!["--listen", &service.address], folder.path(), 4),
        (vec!["--listen", any], Path::new("/no/such/folder"), 4),
        (vec!["--listen", any, "--policy", "none.toml"], folder.path(), 4),
        (vec!["--listen", any, "--policy", "bad.toml"], folder.path(), 2),
        (vec!["--listen", "localhost"], folder.path(), 2),
        (vec!["--listen", any, "--grace", "-1"], folder.path(), 2),
        (vec!["--listen", any, "--grace", "long"], folder.path(), 2),
        (vec!["--listen", any, "--head-timeout", "0"], folder.path(), 2),
        (vec!["--listen", any, "--max-uploads", "0"], folder.path(), 2),
        (vec![], folder.path(), 2),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skops-rs"));
        command.arg("serve").args(&arguments).current_dir(folder.path()).env("TMPDIR", tmp);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.starts_with("error"), "{arguments:?}: {text}");
    }
}

#[test]
fn the_log_has_a_line_for_each_request() {
    let mut service = Service::start(&["--log"]);
    service.check_at("/check?name=a%0Ab", &untrusted());
    service.get("/nothing");
    let mut client = service.connect();
    client.send(head("/check", 1000).as_bytes()).unwrap();
    service.wait_for("skops_rs_uploads", 1.0);
    drop(client);
    service.wait_for("skops_rs_uploads", 0.0);
    service.signal("-TERM");
    let mut text = String::new();
    service.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = &lines[0];
    for (key, value) in [
        ("path", json!("/check")),
        ("status", json!(200)),
        ("verdict", json!("deny")),
        ("name", json!("a\nb")),
        ("sha256", json!(Sha256::of(&untrusted()).to_string())),
        ("size", json!(untrusted().len())),
    ] {
        assert_eq!(first[key], value, "{first}");
    }
    assert!(first["seconds"].as_f64().unwrap() > 0.0 && first["time"].as_f64().unwrap() > 1.6e9);
    assert!(first["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert_eq!((&lines[1]["status"], &lines[1]["error"]), (&json!(404), &json!("no-such-path")));
    let gone = lines.iter().find(|line| line["path"] == "/check" && line["verdict"].is_null()).unwrap();
    assert!(gone["status"].is_null() || gone["error"] == "incomplete-body", "{gone}");
}
