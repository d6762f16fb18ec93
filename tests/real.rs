//! Files that real skops releases wrote: our verdicts equal those of skops 0.16.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{fixtures, read_json};
use serde_json::Value;
use skops_rs::{Archive, Audit, Error, TrustList};

fn audit(path: &str) -> Result<Audit, Error> {
    Archive::open(fixtures().join("real").join(path))?.schema()?.audit()
}

fn names(answer: &Value) -> Option<BTreeSet<String>> {
    let list = answer["untrusted"].as_array().or(answer["mended"].as_array())?;
    Some(list.iter().map(|name| name.as_str().unwrap().to_owned()).collect())
}

/// The names that the rule demands. A name is trusted when skops 0.16 trusts it beside any scikit-learn that was
/// asked, so untrusted names are those that all environments report; the deliberate exceptions are untrusted when
/// any does. `mended` is what 0.16 answers once it is taught nodes of older releases (see `fixtures/real/verdict.py`).
/// `None` when skops reads the file in no environment.
fn expected(file: &Value) -> Option<BTreeSet<String>> {
    let answers: Vec<_> = file["skops-0.16"].as_object().unwrap().values().filter_map(names).collect();
    let everywhere = answers.iter().cloned().reduce(|one, other| &one & &other)?;
    let anywhere = answers.iter().flatten();
    let exceptions = anywhere.filter(|name| name.starts_with("_loss.")).cloned();
    Some(everywhere.into_iter().chain(exceptions).collect())
}

/// `builtins.map` is trusted by skops and not here; no real file can say so, as skops never reports it.
const MAP: &str = "builtins.map";

fn verdicts() -> Value {
    read_json("real/verdicts.json")
}

#[test]
fn verdicts_equal_those_of_skops() {
    let verdicts = verdicts();
    let refused = read_json("real/refused.json");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (path, file) in verdicts["files"].as_object().unwrap() {
        let model = path.rsplit_once('/').unwrap().1.strip_suffix(".skops").unwrap();
        if refused.get(model).is_some_and(|entry| applies(entry, path)) {
            continue;
        }
        match audit(path) {
            Err(error) if error.code().as_str() == "compression-feature" && !has_features() => {}
            Err(error) => wrong.push(format!("{path}: {error} at {}", error.at())),
            Ok(audit) => {
                let mut found: BTreeSet<_> =
                    audit.untrusted(&TrustList::default()).iter().map(ToString::to_string).collect();
                let expected = expected(file);
                if model == "type_containers" {
                    assert!(found.remove(MAP), "{path} refers to {MAP}");
                }
                if expected.as_ref() != Some(&found) {
                    wrong.push(format!("{path}: {found:?}, expected {expected:?}"));
                }
                compared += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 2000, "{compared}");
}

fn has_features() -> bool {
    cfg!(all(feature = "bzip2", feature = "lzma"))
}

/// Whether an entry of `refused.json` is about the file: about all writers, or about those that it lists.
fn applies(entry: &Value, path: &str) -> bool {
    let writer = path.split('/').next().unwrap();
    entry["writers"].as_array().is_none_or(|writers| writers.contains(&writer.into()))
}

/// The genuine files that are refused on purpose, each with its code and the reason. Nothing else may be refused.
#[test]
fn genuine_files_that_are_refused_are_known() {
    let refused = read_json("real/refused.json");
    let mut seen = BTreeSet::new();
    for path in verdicts()["files"].as_object().unwrap().keys() {
        let model = path.rsplit_once('/').unwrap().1.strip_suffix(".skops").unwrap();
        let Some(entry) = refused.get(model).filter(|entry| applies(entry, path)) else { continue };
        let code = audit(path).map(drop).unwrap_err().code();
        assert_eq!(entry["code"], code.as_str(), "{path}");
        assert!(entry["why"].as_str().unwrap().len() > 20);
        seen.insert(model.to_owned());
    }
    let listed: BTreeSet<_> = refused.as_object().unwrap().keys().cloned().collect();
    assert_eq!(seen, listed);
}

#[test]
fn every_loader_occurs_in_the_files_of_a_release_that_writes_it() {
    let verdicts = verdicts();
    let mut by_loader: BTreeMap<String, u64> = BTreeMap::new();
    for writer in verdicts["loaders"].as_object().unwrap().values() {
        for (loader, count) in writer["nodes"].as_object().unwrap() {
            *by_loader.entry(loader.clone()).or_default() += count.as_u64().unwrap();
        }
    }
    let missing: Vec<_> = skops_rs::Loader::ALL
        .iter()
        .map(|loader| loader.as_str())
        .filter(|loader| !by_loader.contains_key(*loader))
        .collect();
    // No release writes the first; the second needs scikit-learn before 1.2, which skops does not install beside.
    assert_eq!(missing, ["_DictWithDeprecatedKeysNode", "CachedNode"]);
}

#[test]
fn versions_are_those_of_the_writer() {
    for (path, file) in verdicts()["files"].as_object().unwrap() {
        let Ok(audit) = audit(path) else { continue };
        let schema = audit.schema();
        assert_eq!(file["protocol"], schema.protocol(), "{path}");
        assert_eq!(file["skops_version"], schema.skops_version().unwrap(), "{path}");
    }
}

/// The bytes on disk are those that the verdicts are about.
#[test]
fn the_files_are_those_that_were_judged() {
    let verdicts = verdicts();
    let files = verdicts["files"].as_object().unwrap();
    for (path, file) in files {
        let size = std::fs::metadata(fixtures().join("real").join(path)).unwrap().len();
        assert_eq!(file["size"], size, "{path}");
    }
    assert_eq!(common::files("real", ".skops").len(), files.len());
}

/// The arena is a small multiple of the schema: the figures are in docs/performance.md.
#[test]
fn the_arena_is_small() {
    for path in verdicts()["files"].as_object().unwrap().keys() {
        let Ok(archive) = Archive::open(fixtures().join("real").join(path)) else { continue };
        let Ok(schema) = archive.schema() else { continue };
        let bytes = archive.entry("schema.json").unwrap().size;
        // Names and tables take a few kB whatever the schema's size.
        assert!(
            schema.memory_bytes() as u64 <= bytes + 8192,
            "{path}: {} for {bytes}",
            schema.memory_bytes()
        );
    }
}
