//! Small files that are made for large reports, or for work that grows with the square of their size: what is printed is bounded,
//! what is left out is counted, and neither changes what is found.
//!
//! Nothing is timed. What took the square of its size would not end; `benches/amplification.py` measures the rest.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use common::*;
use serde_json::{Value, json};
use skops_rs::inspect::{Options, arrays, items, items_of_model};
use skops_rs::report::{ArrayList, FileReport, Inspection, List, write_json};
use skops_rs::{Audit, Limits, TrustList};

/// An estimator that is trusted.
const SCALER: &str = "sklearn.preprocessing._data.StandardScaler";

fn object(name: &str, state: Value) -> Value {
    node("ObjectNode", name, json!({"content": state}))
}

fn report(audit: &Audit, list: List) -> FileReport {
    FileReport::audited("x".into(), audit, &TrustList::default(), list)
}

fn written(value: &impl serde::Serialize) -> Value {
    let mut json = Vec::new();
    write_json(&mut json, value).unwrap();
    serde_json::from_slice(&json).unwrap()
}

fn with_report_bytes(bytes: Vec<u8>, report_bytes: u64) -> Audit {
    let mut limits = Limits::default();
    limits.report_bytes = report_bytes;
    audit_with(bytes, limits).unwrap()
}

// ---- long keys

/// An attribute may have a name as long as the file; everything below it would have it in its path and its pointer.
#[test]
fn paths_and_pointers_are_short_however_long_the_keys() {
    let key = "k".repeat(1_000_000);
    let names = list((0..2_000).map(|number| type_node(&format!("a.B{number}"))).collect());
    let shared = with_id(list(vec![]), 7);
    let again = list(vec![json!({"__id__": 7}); 2_000]);
    let state = dict(vec![(&key, list(vec![shared, names])), ("z", again)]);
    let audit = audit(skops(object(SCALER, state), &[])).unwrap();
    for place in audit.references().flat_map(|reference| reference.places()) {
        assert!(place.path.len() < 5_000 && place.pointer.len() < 9_000);
    }
    let items = items(&audit, &TrustList::default(), Options::default());
    let lengths = items.map(|item| item.path.len() + item.same_as.map_or(0, |path| path.len()));
    assert!(lengths.max().unwrap() < 1_000);
}

/// Each name is found where it stands, without a look at the long key above it for each.
#[test]
#[cfg(feature = "gate")]
fn regions_are_found_below_long_keys() {
    let (long, short) = ("k".repeat(2_000_000), "~/é");
    let leaves = || list((0..40_000).map(|_| json_node("1")).collect());
    let state = dict(vec![(&long, list(vec![leaves(), type_node("a.B")])), (short, type_node("c.D"))]);
    let bytes = skops(state, &[]);
    let checker = skops_rs::check::Checker::new(skops_rs::policy::Policy::default()).with_regions();
    let verdict = checker.check_bytes("x", bytes);
    let [below, beside] = verdict.findings.as_slice() else { panic!("{:?}", verdict.findings.len()) };
    assert_eq!((below.name.as_deref(), below.region), (Some("a.B"), None), "its pointer was cut");
    let region = beside.region.unwrap();
    assert_eq!(beside.name.as_deref(), Some("c.D"));
    assert!(region.byte_offset > 2_000_000 && region.byte_length < 100, "{region:?}");
}

// ---- lists that are cut

/// 13 bytes of a reference are hundreds in a tree.
#[test]
fn the_tree_is_cut_and_the_rest_counted() {
    let many =
        list(std::iter::once(with_id(list(vec![]), 7)).chain(vec![json!({"__id__": 7}); 50_000]).collect());
    let audit = with_report_bytes(skops(many, &[]), 100_000);
    let trust = TrustList::default();
    let inspection = Inspection::new(
        report(&audit, List::Nothing),
        Some(items(&audit, &trust, Options::default()).listed()),
    );
    let mut json = Vec::new();
    write_json(&mut json, &inspection).unwrap();
    assert!((80_000..120_000).contains(&json.len()), "{}", json.len());
    let json: Value = serde_json::from_slice(&json).unwrap();
    let shown = json["items"].as_array().unwrap().len();
    assert_eq!(shown as u64 + json["items_left_out"].as_u64().unwrap(), 50_002);
    assert_eq!(json["verdict"], "clean");
}

/// What is wrong with contents is found wherever it is, and so is an array that cannot be read.
#[test]
fn faults_past_the_cut_are_found() {
    let words = || dict(vec![("vocabulary_", dict(vec![("a", json_node("5"))]))]);
    let vectorizer = object("sklearn.feature_extraction.text.CountVectorizer", words());
    let broken = skops(list(vec![json_node("1"), json_node("2"), vectorizer]), &[]);
    let name = "140000000000001.npy";
    let sound =
        skops(list(vec![json_node("1"), json_node("2"), array(name)]), &[(name, doubles(&[1.0, 2.0]))]);
    let at = sound.windows(8).position(|window| window == 2.0_f64.to_le_bytes()).unwrap();
    let mut damaged = sound;
    damaged[at] ^= 1;
    for (bytes, code) in [(broken, "invariant-vocabulary"), (damaged, "zip-crc")] {
        for report_bytes in [1, 1 << 20] {
            let audit = with_report_bytes(bytes.clone(), report_bytes);
            let model = audit.vet(&TrustList::default()).unwrap().load();
            let items = items_of_model(&model, Options::default()).listed();
            let inspection = Inspection::new(report(model.audit(), List::Nothing), Some(items));
            let json = written(&inspection);
            assert_eq!(json.get("items_left_out").is_some(), report_bytes == 1);
            let fault = inspection.items.into_inner().unwrap().into_fault();
            assert_eq!(fault.unwrap().code().as_str(), code);
        }
    }
}

#[test]
fn the_list_of_arrays_is_cut_and_the_rest_counted() {
    let name = "140000000000001.npy";
    let payload = npy(&header("'<f8'", &format!("({}0,)", "1, ".repeat(63))).replace("0,)", "0)"), &[]);
    let audit = with_report_bytes(skops(list(vec![array(name); 5_000]), &[(name, payload)]), 100_000);
    let mut json = Vec::new();
    let arrays = ArrayList::new(report(&audit, List::Nothing), Some(arrays(&audit).listed()));
    write_json(&mut json, &arrays).unwrap();
    assert!((80_000..120_000).contains(&json.len()), "{}", json.len());
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(
        json["arrays"].as_array().unwrap().len() as u64 + json["arrays_left_out"].as_u64().unwrap(),
        5_000
    );
}

/// Bytes are counted as they are written: a character can take six.
#[test]
fn places_are_cut_by_what_they_take_once_written() {
    let key = "\u{7f}".repeat(2_000);
    let leaves = list(vec![type_node("a.B"); 2_000]);
    let audit = with_report_bytes(skops(dict(vec![(&key, leaves)]), &[]), 1 << 20);
    let mut json = Vec::new();
    write_json(&mut json, &report(&audit, List::Untrusted)).unwrap();
    assert!((900_000..1_200_000).contains(&json.len()), "{}", json.len());
    let json: Value = serde_json::from_slice(&json).unwrap();
    let reference = &json["references"][0];
    let left_out = reference["places_left_out"].as_u64().unwrap();
    assert_eq!(reference["places"].as_array().unwrap().len() as u64 + left_out, 2_000);
}

/// The verdict of a gate has the first findings, and all are counted.
#[test]
#[cfg(feature = "gate")]
fn faults_are_all_counted() {
    use skops_rs::check::{Checker, Level, Outcome};
    let words = dict(vec![("vocabulary_", dict(vec![("a", json_node("5"))]))]);
    let broken = object("sklearn.feature_extraction.text.CountVectorizer", words);
    let key = "k".repeat(300_000);
    let bytes = skops(dict(vec![(&key, list(vec![broken; 3_000]))]), &[]);
    let checker = Checker::new(skops_rs::policy::Policy::default()).with_level(Level::Verify);
    let verdict = checker.check_bytes("x", bytes);
    assert_eq!(verdict.outcome, Outcome::Refused);
    assert_eq!(verdict.findings.len() + verdict.findings_left_out, 3_000);
    assert!(serde_json::to_vec(&verdict).unwrap().len() < 1 << 20);
}

/// Of what is deep and wide, an export would be nothing but indentation.
#[test]
fn an_export_is_in_proportion_to_the_model() {
    let export = |levels: usize| {
        let again = vec![json!({"__id__": 7}); 2_000];
        let wide = list(std::iter::once(with_id(list(vec![]), 7)).chain(again).collect());
        let bytes = skops((0..levels).fold(wide, |inner, _| list(vec![inner])), &[]);
        let size = bytes.len();
        let model = audit(bytes).unwrap().vet(&TrustList::default()).unwrap().load();
        let mut json = Vec::new();
        skops_rs::export::write(&model, &skops_rs::export::Arrays::Inline, &mut json).unwrap();
        (json, size)
    };
    // What is not indented is what it was.
    let mut inner = serde_json::from_slice::<Value>(&export(60).0).unwrap()["root"].clone();
    for _ in 0..60 {
        inner = inner[0].take();
    }
    assert_eq!(inner.as_array().unwrap().len(), 2_001);
    // The path is 400 characters, for each reference of 13.
    let (json, size) = export(250);
    assert!(json.len() < 25 * size, "{} of {size}", json.len());
}

// ---- payloads

/// The entries of a sparse matrix of one row.
fn csr(data: &[u8]) -> Vec<Entry> {
    let count = u32::try_from(data.len() / 8).unwrap();
    let member = |name: &str, descr: &str, shape: &str, data: &[u8]| {
        Entry::deflated(&format!("{name}.npy"), &npy(&header(descr, shape), data))
    };
    let shape: Vec<u8> = [1_i64, count.into()].iter().flat_map(|size| size.to_le_bytes()).collect();
    let pointers = [0_u32.to_le_bytes(), count.to_le_bytes()].concat();
    let indices: Vec<u8> = (0..count).flat_map(u32::to_le_bytes).collect();
    vec![
        member("indices", "'<i4'", &format!("({count},)"), &indices),
        member("indptr", "'<i4'", "(2,)", &pointers),
        member("format", "'|S3'", "()", b"csr"),
        member("shape", "'<i8'", "(2,)", &shape),
        member("data", "'<f8'", &format!("({count},)"), data),
    ]
}

fn sparse(name: &str) -> Value {
    node("SparseMatrixNode", "scipy.sparse._csr.csr_matrix", json!({"type": "scipy", "file": name}))
}

/// Refuses what expands past the limits by being compressed twice, or in several places.
#[test]
fn what_matrices_hold_counts_as_data_of_the_file() {
    let names = ["140000000000001.npz", "140000000000002.npz"];
    let npz = Zip::new(csr(&vec![0; 400_000])).build();
    let matrices = skops(list(names.map(sparse).to_vec()), &names.map(|name| (name, npz.clone())));
    let limited = |change: &dyn Fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        audit_with(matrices.clone(), limits).map(drop).map_err(|error| error.code().as_str())
    };
    assert_eq!(limited(&|_| ()), Ok(()));
    // Each holds 600 kB, and is far smaller.
    assert!(npz.len() < 250_000);
    assert_eq!(limited(&|limits| limits.array_bytes = 500_000), Err("limit-array-bytes"));
    assert_eq!(limited(&|limits| limits.model_bytes = 1_000_000), Err("limit-model-bytes"));
    let ratio = |limits: &mut Limits, floor| (limits.ratio_floor, limits.compression_ratio) = (floor, 2);
    assert_eq!(limited(&|limits| ratio(limits, 1_000_000)), Err("limit-compression-ratio"));
    assert_eq!(limited(&|limits| ratio(limits, 2_000_000)), Ok(()));

    // Twice: the outer archive is small enough for what it holds, which is small enough for what that holds.
    let padding = |name: &str| Entry::stored(name, doubles(&vec![1.0; 100_000]));
    let schema = |root: Value| Entry::stored("schema.json", serde_json::to_string(&root).unwrap());
    let mut root = list(vec![sparse(names[0]), array("140000000000009.npy")]);
    root["protocol"] = json!(2);
    let zip = vec![Entry::deflated(names[0], &npz), padding("140000000000009.npy"), schema(root)];
    let mut limits = Limits::default();
    (limits.ratio_floor, limits.compression_ratio) = (1_000, 10);
    let error = audit_with(Zip::new(zip).build(), limits).unwrap_err();
    assert_eq!(error.code().as_str(), "limit-compression-ratio");
}

/// Arrays that no node names are read to be checked, so they count as well.
#[test]
fn what_no_node_names_counts_as_data_of_the_file() {
    let [named, hidden] = ["140000000000001.npy", "140000000000002.npy"];
    let file = skops(array(named), &[(named, doubles(&[1.0])), (hidden, doubles(&vec![1.0; 1_000]))]);
    assert!(audit(file.clone()).is_ok());
    let mut limits = Limits::default();
    limits.model_bytes = 8_000;
    assert_eq!(audit_with(file, limits).unwrap_err().code().as_str(), "limit-model-bytes");
}

// ---- policies and folders

/// Each name is looked up in a policy; each pair of a name and a rule would be 250,000,000.
#[test]
#[cfg(feature = "gate")]
fn many_names_and_many_rules() {
    use skops_rs::check::{Checker, Outcome};
    let rule = |number: usize| match number % 3 {
        0 => format!("{{ name = \"a.b{number}.**\" }}"),
        1 => format!("{{ name = \"a.b{number}.C\", if-verified = true }}"),
        _ => format!("{{ name = \"a.b{number}.C\" }}"),
    };
    let rules: Vec<_> = (0..5_000).map(rule).collect();
    let text = format!("allow = [\n{}\n]\ndeny = [{{ name = \"a.b7.**\" }}]\n", rules.join(",\n"));
    let policy = skops_rs::policy::Policy::from_toml(&text, "p").unwrap().0;
    let names = |count: usize| (0..count).map(|number| type_node(&format!("a.b{number}.C"))).collect();
    let all = skops(list(names(50_000)), &[]);
    let verdict = Checker::new(policy.clone()).check_bytes("x", all);
    assert_eq!(verdict.findings.len() + verdict.findings_left_out, 45_001);
    assert_eq!(verdict.findings[0].code.as_str(), "denied-type");
    let one = skops(list(vec![type_node("a.b8.C"), type_node("a.b9.C.D"), type_node("a.b10.C")]), &[]);
    let checker = Checker::new(policy.clone());
    assert_eq!(checker.check_bytes("x", one.clone()).outcome, Outcome::Pass);
    assert_eq!(checker.unused().count(), 4_997);
    assert!(policy.vet(audit(one).unwrap()).is_ok());
    assert!(policy.vet(audit(skops(type_node("a.b9_.C"), &[])).unwrap()).is_err());
}

/// A model belongs to the `MLmodel` files of all folders that it is in, and to no other.
#[test]
#[cfg(feature = "gate")]
fn an_mlmodel_without_a_target_is_about_all_models_below() {
    use skops_rs::check::{Checker, Finder};
    let folder = tempfile::tempdir().unwrap();
    let loaded_by = |module: &str| format!("flavors:\n  python_function:\n    loader_module: {module}\n");
    let sound = skops(list(vec![]), &[]);
    for name in ["a", "a/b", "a/b/c", "a!", "ab", "d", "d/e"] {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("m.skops"), &sound).unwrap();
    }
    for name in ["a", "a/b", "d/e"] {
        std::fs::write(folder.path().join(name).join("MLmodel"), loaded_by(&name.replace('/', "_"))).unwrap();
    }
    let checker = Checker::new(skops_rs::policy::Policy::default());
    let inputs = Finder::default().find([folder.path().to_owned()]).inputs;
    let found: Vec<_> = inputs
        .iter()
        .map(|input| {
            let verdict = checker.check_input(input);
            let place = input.name().parent().unwrap().to_str().unwrap().to_owned();
            (place, verdict.findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>())
        })
        .collect();
    let by = |module: &str| format!("MLmodel has the folder loaded by the module '{module}'");
    let expected = [
        ("a", vec![by("a")]),
        ("a/b", vec![by("a"), by("a_b")]),
        ("a/b/c", vec![by("a"), by("a_b")]),
        ("a!", vec![]),
        ("ab", vec![]),
        ("d", vec![]),
        ("d/e", vec![by("d_e")]),
    ];
    for (place, messages) in &expected {
        let own = found.iter().find(|(found, _)| found == place).unwrap();
        let parts: Vec<_> =
            own.1.iter().map(|message| message.split(';').next().unwrap().to_owned()).collect();
        assert_eq!(&parts, messages, "{place}");
    }
    assert_eq!(found.len(), expected.len());
}

/// What an `MLmodel` says is kept for the next model of its folder, and read again once it has changed.
#[test]
#[cfg(feature = "gate")]
fn an_mlmodel_that_changes_is_read_again() {
    use skops_rs::check::{Checker, Finder};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("MLmodel");
    std::fs::write(folder.path().join("m.skops"), skops(list(vec![]), &[])).unwrap();
    let checker = Checker::new(skops_rs::policy::Policy::default());
    let mut codes = Vec::new();
    for text in ["flavors:\n  python_function:\n    loader_module: x\n", "flavors: {}\n"] {
        std::fs::write(&path, "flavors:\n  python_function:\n    loader_module: x\n").unwrap();
        let inputs = Finder::default().find([folder.path().to_owned()]).inputs;
        std::fs::write(&path, text).unwrap();
        codes.push(checker.check_input(&inputs[0]).findings.len());
    }
    assert_eq!(codes, [1, 0]);
}

/// Claims of very many types are refused where they are read: each is compared and reported for each model.
#[test]
#[cfg(feature = "gate")]
fn claims_are_bounded_over_all_flavors() {
    use skops_rs::check::{Checker, Finder, Outcome};
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.skops"), skops(list(vec![]), &[])).unwrap();
    let judge = |flavors: usize| {
        let lists: Vec<_> = (0..flavors)
            .map(|flavor| format!("  f{flavor}:\n    skops_trusted_types: [{}]\n", ["a.B"; 8].join(", ")))
            .collect();
        let text = format!("flavors:\n{}", lists.concat());
        std::fs::write(folder.path().join("MLmodel"), text).unwrap();
        let inputs = Finder::default().find([folder.path().to_owned()]).inputs;
        let checker = Checker::new(skops_rs::policy::Policy::default());
        inputs.iter().map(|input| checker.check_input(input).outcome).max().unwrap()
    };
    assert_eq!(judge(32), Outcome::Pass);
    assert_eq!(judge(33), Outcome::Deny);
}

/// Each claim can be shown ten times as long as it is, for each model of the folder.
#[test]
#[cfg(feature = "gate")]
fn claims_are_listed_as_far_as_there_is_room_and_all_counted() {
    use skops_rs::check::{Checker, Finder};
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("m.skops"), skops(list(vec![]), &[])).unwrap();
    let long = "\u{1fbff}".repeat(120);
    let names: Vec<_> = (0..256).map(|number| format!("\"{number}{long}\"")).collect();
    let text = format!("flavors:\n  f:\n    skops_trusted_types: [{}]\n", names.join(", "));
    std::fs::write(folder.path().join("MLmodel"), text).unwrap();
    let inputs = Finder::default().find([folder.path().to_owned()]).inputs;
    let checker = Checker::new(skops_rs::policy::Policy::default());
    let verdict = checker.check_input(inputs.iter().find(|input| input.name().ends_with("m.skops")).unwrap());
    let [claim] = verdict.mlflow.as_slice() else { panic!("{verdict:?}") };
    assert!(claim.left_out > 0);
    assert_eq!(claim.claimed.len() + claim.left_out, 256);
    assert_eq!(verdict.findings.len() + verdict.findings_left_out, 256);
    assert!(serde_json::to_vec(&verdict).unwrap().len() < 1 << 20);
}
