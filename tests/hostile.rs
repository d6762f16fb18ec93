//! The files of `fixtures/hostile`, which attack readers: each has the verdict that its manifest demands.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::collections::BTreeMap;

use common::{fixtures, read_json};
use serde_json::Value;
use skops_rs::{Archive, Audit, Error, Limits, TrustList};

fn audit(name: &str) -> Result<Audit, Error> {
    let path = fixtures().join("hostile/files").join(format!("{name}.skops"));
    Archive::open_with(path, Limits::default())?.schema()?.audit()
}

/// The verdicts that count as right: the manifest's, or the other one that it allows.
fn allowed(case: &Value) -> impl Iterator<Item = &Value> {
    [case, &case["or"]].into_iter().filter(|verdict| !verdict.is_null())
}

/// Whether a file is what it seems until its contents are looked at.
fn is_about_contents(case: &Value) -> bool {
    case["stage"] == "contents" && case["rule"] != "untrusted_type"
}

/// Builds a file that the audit accepts, and reads and checks all of it.
fn build(name: &str) -> Result<(), Error> {
    let audit = audit(name)?;
    let verified = audit.verify();
    let trust = common::trust_all(&audit);
    let model = audit.vet(&trust)?.load();
    let read = model.read_all();
    // What is checked without being built is refused with the same code when it is built.
    assert_eq!(
        model.verify().map_err(|error| error.code()),
        verified.map_err(|error| error.code()),
        "{name}"
    );
    read.and(model.verify())
}

#[test]
fn every_file_has_the_verdict_of_its_manifest() {
    let cases = read_json("hostile/manifest.json");
    let codes = read_json("hostile/codes.json");
    let mut wrong = Vec::new();
    for case in cases.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let right = match audit(name) {
            Ok(audit) => {
                let untrusted: Vec<_> =
                    audit.untrusted(&TrustList::default()).iter().map(ToString::to_string).collect();
                let accepted = |verdict: &Value| {
                    verdict["verdict"] == "accept" && verdict["untrusted"] == Value::from(untrusted.clone())
                };
                allowed(case).any(accepted) || is_about_contents(case)
            }
            Err(error) => {
                let rule = case["rule"].as_str().unwrap();
                let fitting =
                    codes[rule].as_array().is_some_and(|codes| codes.contains(&error.code().as_str().into()));
                allowed(case).any(|verdict| verdict["verdict"] == "reject") && fitting
            }
        };
        if !right {
            wrong.push(format!(
                "{name}: {:?}, expected {} for {}",
                audit(name).map(drop),
                case["verdict"],
                case["rule"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_manifest_and_the_files_are_complete() {
    let cases = read_json("hostile/manifest.json");
    let mut named: Vec<_> =
        cases.as_array().unwrap().iter().map(|case| case["name"].as_str().unwrap().to_owned()).collect();
    named.sort();
    let files = common::files("hostile/files", ".skops");
    let found: Vec<_> =
        files.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(named, found);
    assert!(found.len() >= 166);
}

/// What only shows in the contents is refused when the model is built, whatever the audit may accept; all else that
/// the audit accepts can be built.
#[test]
fn what_lies_in_its_contents_is_not_built() {
    let cases = read_json("hostile/manifest.json");
    let codes = read_json("hostile/codes.json");
    let mut refused = 0;
    for case in cases.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        match build(name) {
            Err(error) if is_about_contents(case) => {
                let fitting = codes[case["rule"].as_str().unwrap()].as_array().unwrap();
                assert!(fitting.contains(&error.code().as_str().into()), "{name}: {error}");
                refused += 1;
            }
            // Made for the audit: a forest of no arguments is no forest.
            Err(error) if name == "quantile_forest_node" => {
                assert_eq!(error.code().as_str(), "invariant-quantile-forest");
            }
            Err(error) => assert!(audit(name).is_err(), "{name}: {error}"),
            Ok(()) => assert!(!is_about_contents(case), "{name} was built"),
        }
    }
    assert_eq!(refused, 13);
}

/// Reading the corpus takes memory and time in proportion to the files: here, no more than a moment each.
#[test]
fn no_file_is_read_twice_as_something_else() {
    let mut verdicts = BTreeMap::new();
    for _ in 0..2 {
        for path in common::files("hostile/files", ".skops") {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let verdict = match audit(&name) {
                Ok(audit) => format!("{:?}", audit.untrusted(&TrustList::default())),
                Err(error) => format!("{} {:?}", error, error.at()),
            };
            let first = verdicts.entry(name).or_insert_with(|| verdict.clone());
            assert_eq!(*first, verdict);
        }
    }
}
