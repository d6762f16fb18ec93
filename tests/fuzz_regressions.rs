//! What the fuzz targets assert holds for what once failed, for what fuzzing has found interesting, and for hostile files.
//! And the fuzzer's dictionaries have all words.
//!
//! `fuzz/README.md` says how an input gets here.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use std::path::{Path, PathBuf};

use peak_alloc::PeakAlloc;
use skops_rs::{Archive, Limits, Loader};
use targets::memory::{METER, Meter};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The inputs of a target that are in the repository.
fn inputs(target: &str) -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    if let Ok(entries) = std::fs::read_dir(fuzz().join("regressions").join(target)) {
        inputs.extend(entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()));
    }
    if let Ok(found) = Archive::open(fuzz().join(format!("found/{target}.zip"))) {
        inputs.extend(found.entries().iter().map(|entry| found.read(entry).unwrap()));
    }
    if ["archive", "audit", "load", "verdict"].contains(&target) {
        // Not larger than the fuzzer makes them: the others are made to take long.
        let hostile = targets::common::files("hostile/files", ".skops").into_iter();
        inputs.extend(hostile.map(|path| std::fs::read(path).unwrap()).filter(|bytes| bytes.len() <= 65_536));
    }
    inputs
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn inputs_keep_the_promises() {
    let example = std::fs::read(targets::common::fixtures().join("example.skops")).unwrap();
    for (_, check) in targets::ALL {
        // Tables are made once, and no input's doing.
        check(&example);
    }
    let meter = Meter {
        used: || ALLOCATOR.current_usage(),
        peak: || ALLOCATOR.peak_usage(),
        reset: || ALLOCATOR.reset_peak_usage(),
    };
    assert!(METER.set(meter).is_ok());
    check_meter();
    let mut run = 0;
    for (target, check) in targets::ALL {
        let inputs = inputs(target);
        println!("{target}: {} inputs", inputs.len());
        inputs.iter().for_each(|input| check(input));
        run += inputs.len();
    }
    assert!(run > 500, "{run}");
    check_dictionaries();
}

/// A meter that sees nothing would let everything pass.
fn check_meter() {
    let greedy = || targets::memory::within(1 << 20, "a vector", || vec![1_u8; 2 << 20]);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let caught = std::panic::catch_unwind(greedy);
    std::panic::set_hook(hook);
    assert!(caught.is_err());
}

fn check_dictionaries() {
    let dictionary = |name: &str| std::fs::read_to_string(fuzz().join("dict").join(name)).unwrap();
    let schema = dictionary("schema.dict");
    for loader in Loader::ALL {
        assert!(schema.contains(&format!("\"\\\"{loader}\\\"\"\n")), "{loader}");
    }
    let policy = dictionary("policy.dict");
    for (name, ..) in Limits::default().list() {
        assert!(policy.contains(&format!("\"{name} = \"\n")), "{name}");
    }
}
