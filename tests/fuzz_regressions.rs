//! What once failed in a fuzz target does not fail any more; and the fuzzer's dictionaries have all words.
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
use skops_rs::{Limits, Loader};
use targets::memory::{METER, Meter};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn inputs(target: &str) -> Vec<Vec<u8>> {
    let folder = fuzz().join("regressions").join(target);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn regressions() {
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
    assert!(run > 2, "{run}");
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
