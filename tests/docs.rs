//! The tables in `docs/` are those of the code. `SKOPS_RS_WRITE_DOCS=1 cargo test --test docs` writes them again.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

use std::fmt::Write;

use skops_rs::{Blame, Code, Limits};

fn compare(path: &str, expected: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("SKOPS_RS_WRITE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{} is out of date: see the comment in tests/docs.rs", path.display());
}

#[test]
fn error_codes() {
    let mut text = String::from(
        "# Error codes\n\nEvery refusal has one of these codes. They do not change between releases; new ones are \
         added. The table is made from\n`src/error.rs`, and `tests/errors.rs` has an input for each code.\n\n\
         | code | who is to blame | what is allowed | what to do |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let blame = match code.blame() {
            Blame::Malformed => "the file is malformed",
            Blame::Hostile => "the file is ambiguous or hostile",
            Blame::Limit => "the file is over a limit",
            Blame::Unsupported => "this release cannot read it",
            Blame::Untrusted => "the caller has to decide",
            Blame::Invariant => "the contents are not what their type promises",
            Blame::Caller => "the caller",
            Blame::Policy => "the policy does not let it through",
            Blame::Io => "the operating system",
            _ => panic!("{code} is to be documented"),
        };
        writeln!(text, "| `{code}` | {blame} | {} | {} |", code.allowed(), code.hint()).unwrap();
    }
    compare("docs/error-codes.md", &text);
}

#[test]
fn limits() {
    let mut text = String::from(
        "# Limits\n\nHow much a file may ask for before it is refused. Each limit is a field of `skops_rs::Limits` \
         and an option\n`--limit NAME=NUMBER` of the command line. The table is made from `src/limits.rs`, and \
         `tests/errors.rs` reaches each one, but for\n`report-bytes`, which `tests/amplification.rs` reaches. \
         docs/amplification.md has what the worst files do.\n\n| limit | default | what it bounds |\n|---|---|---|\n",
    );
    for (name, value, what) in Limits::default().list() {
        writeln!(text, "| `{name}` | {} | {what} |", group(value)).unwrap();
    }
    compare("docs/limits.md", &text);
}

/// Digits in groups of three.
fn group(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<_> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(" ")
}

/// Every test that SECURITY.md names exists: as a test, or as a file of the hostile corpus.
#[test]
fn security_names_tests_that_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let security = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    // What is checked of contents is told in scikit-learn's names.
    let (before, contents) = security.split_once("## Contents").unwrap();
    let security = [before, contents.split_once("\n## ").unwrap().1].concat();
    let mut tests = String::new();
    for entry in std::fs::read_dir(root.join("tests")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            tests.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    let is_name = |text: &&str| {
        text.contains('_') && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let names: Vec<_> = security.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let is_test = tests.contains(&format!("fn {name}("));
        let is_file = root.join(format!("fixtures/hostile/files/{name}.skops")).exists();
        assert!(
            is_test || is_file || ["miniz_oxide", "pep440_rs", "skops_trusted_types"].contains(&name),
            "{name}"
        );
    }
}
