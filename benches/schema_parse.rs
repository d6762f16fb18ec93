//! How fast `schema.json` becomes nodes, and how much memory they take.
//!
//! `cargo bench --bench schema_parse [-- FILE...]`; without files, those in `target/bench-models`, which
//! `benches/untrusted_types.py` makes. `ROUNDS` in the environment says how often (15). See `benches/README.md`.
//!
//! For scale, `serde_json` reads the same bytes: once checking that they are JSON and keeping nothing, once into
//! its `Value`. All five are timed in turn, round by round, so that noise falls on each of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark, not part of the library"
)]
#![allow(clippy::cast_precision_loss, reason = "for people to read")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::IgnoredAny;
use skops_rs::{Archive, Result, SCHEMA_NAME};

const STEPS: [&str; 5] =
    ["read and check CRC", "Archive::schema", "Schema::audit", "serde IgnoredAny", "serde Value"];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // Cargo adds `--bench` in `cargo bench`, and not in `cargo test`, where there is nothing to do.
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    let mut files: Vec<_> =
        arguments.iter().filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect();
    if files.is_empty() && is_bench {
        files = models();
        if files.is_empty() {
            println!("no models in target/bench-models; benches/untrusted_types.py makes them");
        }
    }
    let rounds = std::env::var("ROUNDS").map_or(15, |rounds| rounds.parse().expect("ROUNDS is a number"));
    for file in files {
        if let Err(error) = measure(&file, rounds) {
            eprintln!("{}: {error} ({})", file.display(), error.code());
            std::process::exit(1);
        }
    }
}

fn models() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-models");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.expect("the folder can be read").path()).collect())
        .unwrap_or_default();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "skops"));
    files.sort();
    files
}

fn time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = black_box(work());
    (start.elapsed(), result)
}

fn measure(file: &Path, rounds: usize) -> Result<()> {
    let archive = Archive::open(file)?;
    let entry = archive.entry(SCHEMA_NAME).expect("there is a schema.json");
    let text = archive.read(entry)?;
    let mut times: [Vec<Duration>; 5] = Default::default();
    let (mut nodes, mut memory) = (0, 0);
    // The first round is to warm up, and not counted.
    for round in 0..=rounds {
        // What a step has made is dropped outside its time, except for what audit consumes.
        let (reading, bytes) = time(|| archive.read(entry));
        drop(bytes?);
        let (parsing, schema) = time(|| archive.schema());
        let schema = schema?;
        (nodes, memory) = (schema.node_count(), schema.memory_bytes());
        let (auditing, audit) = time(|| schema.audit());
        drop(audit?);
        let (ignoring, ignored) = time(|| serde_json::from_slice::<IgnoredAny>(&text));
        ignored.expect("schema.json is JSON");
        let (building, value) = time(|| serde_json::from_slice::<serde_json::Value>(&text));
        drop(value.expect("schema.json is JSON"));
        if round > 0 {
            for (step, time) in times.iter_mut().zip([reading, parsing, auditing, ignoring, building]) {
                step.push(time);
            }
        }
    }

    let megabytes = text.len() as f64 / 1e6;
    let multiple = memory as f64 / text.len() as f64;
    let name = file.file_name().unwrap_or_default().display();
    println!("{name}: schema.json {megabytes:.3} MB, {rounds} rounds");
    println!("  {nodes} nodes, {:.3} MB of memory, {multiple:.2} x the schema", memory as f64 / 1e6);
    println!("  {:<20}{:>12}{:>12}{:>12}{:>12}", "step", "median ms", "least ms", "most ms", "MB/s");
    for (step, mut times) in STEPS.into_iter().zip(times) {
        times.sort();
        let [least, median, most] =
            [0, times.len() / 2, times.len() - 1].map(|index| times[index].as_secs_f64() * 1e3);
        let speed = megabytes / median * 1e3;
        println!("  {step:<20}{median:>12.3}{least:>12.3}{most:>12.3}{speed:>12.0}");
    }
    Ok(())
}
