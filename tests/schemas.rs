//! The JSON Schemas in `schemas/` hold for real files and for real output.
#![cfg(feature = "cli")]
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::path::Path;
use std::process::Command;

use common::read_json;
use jsonschema::{Registry, Validator};
use serde_json::Value;
use skops_rs::Archive;

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn validator(name: &str) -> Validator {
    let files = schema("untrusted-types.schema.json");
    let registry = Registry::new().add("urn:skops-rs:untrusted-types", files).unwrap().prepare().unwrap();
    let schema = schema(name);
    jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    jsonschema::draft202012::options().with_registry(&registry).build(&schema).unwrap()
}

#[track_caller]
fn check(validator: &Validator, value: &Value, what: &str) {
    if let Some(error) = validator.iter_errors(value).next() {
        panic!("{what}: {error} at {}", error.instance_path());
    }
}

fn run(arguments: &[&str], files: &[String]) -> Value {
    let program = env!("CARGO_BIN_EXE_skops-rs");
    let output = Command::new(program).args(arguments).args(files).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_schema_of_each_protocol_holds_for_real_files() {
    let validators: Vec<_> =
        (0..=2).map(|protocol| validator(&format!("schema-{protocol}.schema.json"))).collect();
    let verdicts = read_json("real/verdicts.json");
    let mut checked = [0; 3];
    for (path, file) in verdicts["files"].as_object().unwrap() {
        let Ok(archive) = Archive::open(common::fixtures().join("real").join(path)) else { continue };
        // What the reader refuses, the schema need not describe.
        if archive.schema().and_then(skops_rs::Schema::audit).is_err() {
            continue;
        }
        let text = archive.read(archive.entry("schema.json").unwrap()).unwrap();
        let protocol = usize::try_from(file["protocol"].as_u64().unwrap()).unwrap();
        check(&validators[protocol], &serde_json::from_slice(&text).unwrap(), path);
        checked[protocol] += 1;
    }
    assert!(checked.iter().all(|count| *count > 300), "{checked:?}");
}

/// A schema that accepts everything would pass the test above.
#[test]
fn the_schemas_refuse_what_the_reader_refuses() {
    let validators: Vec<_> =
        (0..=2).map(|protocol| validator(&format!("schema-{protocol}.schema.json"))).collect();
    for name in [
        "protocol_two_functionnode_v0_content",
        "node_missing_loader",
        "node_class_null",
        "node_module_empty",
        "node_loader_unknown",
        "node_child_not_object",
        "node_list_content_is_dict",
        "node_nested_protocol",
        "ndarray_unknown_type",
        "method_func_not_string",
        "slicenode_non_int_members",
        "json_node_not_string",
        "name_homoglyph",
    ] {
        let archive = Archive::open(common::fixtures().join(format!("hostile/files/{name}.skops"))).unwrap();
        let text = archive.read(archive.entry("schema.json").unwrap()).unwrap();
        let value: Value = serde_json::from_slice(&text).unwrap();
        let protocol = usize::try_from(value["protocol"].as_u64().unwrap()).unwrap();
        assert!(!validators[protocol].is_valid(&value), "{name}");
    }
}

/// Real and hostile files, as many as one call takes.
fn many() -> Vec<String> {
    let mut files = common::files("hostile/files", ".skops");
    files.extend(common::files("real/skops-0.5", ".skops"));
    files.extend(common::files("real/skops-0.16", ".skops"));
    let mut files: Vec<_> = files.into_iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    files.push("no/such/file".to_owned());
    files
}

#[test]
fn untrusted_types_is_as_its_schema_says() {
    let validator = validator("untrusted-types.schema.json");
    let files = many();
    for arguments in
        [&["untrusted-types", "--format", "json"][..], &["untrusted-types", "--format", "json", "--places"]]
    {
        let output = run(arguments, &files);
        check(&validator, &output, "many files");
        assert_eq!(output["files"].as_array().unwrap().len(), files.len());
    }
    let wide = |path: &String| path.contains("wide_200k");
    let others: Vec<_> = files.into_iter().filter(|path| !wide(path)).collect();
    check(&validator, &run(&["untrusted-types", "--format", "json", "--all"], &others), "--all");
}

#[cfg(feature = "gate")]
#[test]
fn check_is_as_its_schema_says() {
    let validator = validator("check.schema.json");
    let mut of_a_line = schema("check.schema.json");
    let defs = of_a_line["$defs"].take();
    of_a_line = defs["file"].clone();
    of_a_line["$defs"] = defs;
    let of_a_line = jsonschema::validator_for(&of_a_line).unwrap();
    let policy = common::fixtures().join("policy.toml").to_str().unwrap().to_owned();
    let sarif = tempfile::tempdir().unwrap();
    let sarif = sarif.path().join("report.sarif").to_str().unwrap().to_owned();
    let files = many();
    for arguments in [
        &["check", "--format", "json", "--no-sha256"][..],
        &["check", "--format", "json", "--policy", &policy, "--level", "verify", "--output", &sarif],
    ] {
        let output = run(arguments, &files);
        check(&validator, &output, "many files");
        let verdicts = output["files"].as_array().unwrap();
        assert_eq!(verdicts.len(), files.len());
        for verdict in verdicts {
            check(&of_a_line, verdict, "a line");
        }
        assert!(arguments.len() < 5 || output.to_string().contains("end_column"));
    }
}

#[test]
fn inspect_is_as_its_schema_says() {
    let validator = validator("inspect.schema.json");
    for path in many().into_iter().filter(|path| !path.contains("wide_200k")) {
        check(&validator, &run(&["inspect", "--format", "json"], std::slice::from_ref(&path)), &path);
    }
}

#[test]
fn arrays_is_as_its_schema_says() {
    let validator = validator("arrays.schema.json");
    for path in many() {
        check(&validator, &run(&["arrays", "--format", "json"], std::slice::from_ref(&path)), &path);
    }
}

/// What is written of every real file, in this process: a command for each would take minutes.
#[test]
fn export_is_as_its_schema_says() {
    let validator = validator("export.schema.json");
    let mut count = 0;
    for release in ["skops-0.5", "skops-0.9", "skops-0.16"] {
        for path in common::files(&format!("real/{release}"), ".skops") {
            let Ok(audit) = Archive::open(&path).and_then(|archive| archive.schema()?.audit()) else {
                continue;
            };
            let model = audit.vet(&common::trust_all_of(&path)).unwrap().load();
            let mut json = Vec::new();
            skops_rs::export::write(&model, &skops_rs::export::Arrays::Inline, &mut json).unwrap();
            assert!(json.is_ascii());
            check(&validator, &serde_json::from_slice(&json).unwrap(), path.to_str().unwrap());
            count += 1;
        }
    }
    assert!(count > 1000, "{count}");
}
