//! Files that are made to take long or to take much: they are read in time and memory in proportion to their size.
//!
//! Nothing is timed here. A reader that visits shared nodes again and again would not end.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::fmt::Write;

use common::*;
use serde_json::{Value, json};
use skops_rs::{Audit, TrustList};

fn clean(bytes: Vec<u8>) -> Audit {
    let audit = audit(bytes).unwrap();
    assert_eq!(audit.untrusted(&TrustList::default()).len(), 0);
    audit
}

fn root(mut node: Value) -> String {
    node["protocol"] = json!(2);
    node.to_string()
}

/// 60 levels of lists, each holding the one before it twice: 2^60 visits for who follows every reference.
#[test]
fn shared_lists_are_visited_once() {
    for reference in [
        |id: u64| json!({"__id__": id}),
        |id: u64| node("CachedNode", "builtins.list", json!({"__id__": id})),
    ] {
        let level = |inner: Value, id: u64| with_id(list(vec![inner, reference(id - 1)]), id);
        let deepest = with_id(list(vec![]), 1);
        let audit = clean(skops((2..62).fold(deepest, level), &[]));
        assert_eq!(audit.references().len(), 1);
        let items =
            skops_rs::inspect::items(&audit, &TrustList::default(), skops_rs::inspect::Options::default());
        assert_eq!(items.count(), 121);
    }
}

/// The same with bodies that are written in full wherever they are used: each pair is compared once.
#[test]
fn repeated_bodies_are_compared_once() {
    let level = |inner: Value, id: u64| with_id(list(vec![inner.clone(), inner]), id);
    let deepest = with_id(list(vec![json_node("1"); 4]), 1);
    let audit = clean(skops((2..14).fold(deepest, level), &[]));
    assert!(audit.schema().node_count() > 20_000);
}

/// Every node of a deep chain comes twice with the same id, and each holds a large list.
#[test]
fn nested_repetitions_are_compared_once() {
    let leaf = list(vec![json_node("1"); 20_000]).to_string();
    let around =
        |inner: String, id: u64| with_id(list(vec![]), id).to_string().replace("[]", &format!("[{inner}]"));
    let chain = (1..120).fold(leaf, around);
    clean(skops_text(&root(list(vec![])).replace("[]", &format!("[{chain},{chain}]")), &[]));
}

#[test]
fn many_nodes_are_read_in_one_pass() {
    let item = json_node("1").to_string();
    let items = vec![item.as_str(); 300_000].join(",");
    let list = root(list(vec![])).replace("\"content\":[]", &format!("\"content\":[{items}]"));
    let audit = clean(skops_text(&list, &[]));
    assert_eq!(audit.schema().node_count(), 300_001);
    assert!(audit.schema().memory_bytes() < list.len());
}

#[test]
fn many_keys_are_read_in_one_pass() {
    let (mut content, mut types) = (String::new(), String::new());
    let (item, of_type) = (json_node("1").to_string(), type_node("builtins.str").to_string());
    for number in 0..100_000 {
        write!(content, "{}\"word{number}\":{item}", if number == 0 { "" } else { "," }).unwrap();
        write!(types, "{}{of_type}", if number == 0 { "" } else { "," }).unwrap();
    }
    let text = root(dict(vec![]))
        .replace("\"content\":{}", &format!("\"content\":{{{content}}}"))
        .replace("\"content\":[]", &format!("\"content\":[{types}]"));
    let audit = clean(skops_text(&text, &[]));
    assert_eq!(audit.references().map(|reference| reference.place_count()).max(), Some(100_000));
}

/// Many names, none of which is trusted.
#[test]
fn many_names_are_reported() {
    let nodes: Vec<_> = (0..50_000).map(|number| type_node(&format!("a.B{number}"))).collect();
    let audit = audit(skops(list(nodes), &[])).unwrap();
    assert_eq!(audit.untrusted(&TrustList::default()).len(), 50_000);
}

/// Objects of one id that name entries with equal bytes: each entry is compared once, not each pair of nodes.
#[test]
fn equal_entries_are_compared_once() {
    let (one, other) = ("140000000000001.npy", "140000000000002.npy");
    let mut nodes = vec![with_id(array(one), 7)];
    nodes.extend(vec![with_id(array(other), 7); 20_000]);
    let payload = doubles(&vec![1.0; 100_000]);
    clean(skops(list(nodes), &[(one, payload.clone()), (other, payload)]));
}

/// Nodes that name one compressed matrix: it is decompressed once.
#[test]
fn an_entry_is_looked_at_once() {
    let sizes = [1_000_000_i64.to_le_bytes(), 3_i64.to_le_bytes()].concat();
    let member = |name: &str, descr: &str, shape: &str, data: &[u8]| {
        Entry::stored(&format!("{name}.npy"), npy(&header(descr, shape), data))
    };
    let npz = Zip::new(vec![
        member("indices", "'<i4'", "(1,)", &[0; 4]),
        member("indptr", "'<i4'", "(1000001,)", &vec![0; 4_000_004]),
        member("format", "'|S3'", "()", b"csr"),
        member("shape", "'<i8'", "(2,)", &sizes),
        member("data", "'<f8'", "(1,)", &[0; 8]),
    ]);
    let name = "140000000000001.npz";
    let node =
        node("SparseMatrixNode", "scipy.sparse._csr.csr_matrix", json!({"type": "scipy", "file": name}));
    let schema = root(list(vec![with_id(node, 7); 5_000]));
    let entries =
        vec![Entry::deflated(name, &npz.build()), Entry::deflated("schema.json", schema.as_bytes())];
    assert!(audit(Zip::new(entries).build()).is_ok());
}

/// Many objects that refer to one large state, which is refused, and arrays that refer to one long shape.
#[test]
fn shared_parts_are_checked_once() {
    let reference = |id: u64| node("CachedNode", "builtins.dict", json!({"__id__": id}));
    let (mut content, mut types) = (String::new(), String::new());
    let (item, of_type) = (json_node("1").to_string(), type_node("builtins.str").to_string());
    for number in 0..40_000 {
        let comma = if number == 0 { "" } else { "," };
        write!(content, "{comma}\"a{number}\":{item}").unwrap();
        write!(types, "{comma}{of_type}").unwrap();
    }
    let state = with_id(dict(vec![]), 7)
        .to_string()
        .replace("\"content\":{}", &format!("\"content\":{{{content}}}"))
        .replace("\"content\":[]", &format!("\"content\":[{types}]"));
    let content = json!({"main": reference(7), "default_factory": json_node("null")});
    let default = node("DefaultDictNode", "collections.defaultdict", json!({"content": content}));
    let object = node("ObjectNode", "a.B", json!({"content": default})).to_string();
    let objects = vec![object.as_str(); 40_000].join(",");
    let text = root(list(vec![])).replace("[]", &format!("[{state},{objects}]"));
    assert_eq!(code_of(skops_text(&text, &[])), "malformed-node");

    let shape = with_id(tuple(vec![json_node("0"); 40_000]), 8).to_string();
    let array = json!({"type": "json", "content": [], "shape": reference(8)});
    let arrays = vec![node("NdArrayNode", "numpy.ndarray", array).to_string(); 40_000].join(",");
    let text = root(list(vec![])).replace("[]", &format!("[{shape},{arrays}]"));
    assert_eq!(code_of(skops_text(&text, &[])), "shape-mismatch");
}

/// Items of a tree say what is the same for many nodes (a long key above them, a dtype with many fields) only in short.
#[test]
fn items_are_short() {
    let name = "140000000000001.npy";
    let fields: Vec<_> = (0..400).map(|number| format!("('field{number}', '|u1')")).collect();
    let payload = npy(&header(&format!("[{}]", fields.join(", ")), "(0,)"), &[]);
    let arrays = list(vec![array(name); 5_000]);
    let audit = audit(skops(dict(vec![(&"k".repeat(3_000_000), arrays)]), &[(name, payload)])).unwrap();
    for item in skops_rs::inspect::items(&audit, &TrustList::default(), skops_rs::inspect::Options::default())
    {
        let texts = [Some(&item.key), Some(&item.path), item.dtype.as_ref(), Some(&item.type_name)];
        assert!(texts.into_iter().flatten().all(|text| text.len() < 600), "{item:?}");
    }
}

/// Levels past some are not drawn, so that deep trees do not make long lines.
#[test]
fn drawn_lines_are_short() {
    let deep = (0..150).fold(json_node("1"), |inner, _| list(vec![inner]));
    let audit = clean(skops(deep, &[]));
    let mut branches = skops_rs::inspect::Branches::default();
    let items =
        skops_rs::inspect::items(&audit, &TrustList::default(), skops_rs::inspect::Options::default());
    let longest = items.map(|item| branches.before(&item).chars().count()).max();
    assert!(longest.unwrap() <= 4 * 64);
}

/// A report's places are bounded in all, however deep the nodes and long the keys.
#[test]
fn reports_are_bounded() {
    let key = "k".repeat(100_000);
    let leaves = list((0..5_000).map(|_| type_node("a.B")).collect());
    let audit = audit(skops(dict(vec![(&key, leaves)]), &[])).unwrap();
    let trust = TrustList::default();
    let report =
        skops_rs::report::FileReport::audited("x".into(), &audit, &trust, skops_rs::report::List::All);
    let reference =
        report.references.as_ref().unwrap().iter().find(|reference| reference.name == "a.B").unwrap();
    assert_eq!(reference.places.len() + reference.places_left_out, 5_000);
    assert!(reference.places_left_out > 0);
    let mut json = Vec::new();
    skops_rs::report::write_json(&mut json, &report).unwrap();
    let most = audit.schema().archive().limits().report_bytes;
    assert!((json.len() as u64) < most + (64 << 10));
}

/// Hostile files are read within little memory, whatever they state.
#[test]
#[cfg(all(target_os = "linux", feature = "cli"))]
fn hostile_files_take_little_memory() {
    // The largest schema among them has 16 MB; the program itself needs some addresses, too.
    const MOST_KIB: u32 = 300_000;
    let program = env!("CARGO_BIN_EXE_skops-rs");
    for path in files("hostile/files", ".skops") {
        let script =
            format!("ulimit -v {MOST_KIB} && exec {program} untrusted-types {} 2>/dev/null", path.display());
        let status = std::process::Command::new("sh").args(["-c", &script]).output().unwrap().status;
        assert!(matches!(status.code(), Some(0 | 3)), "{}: {status}", path.display());
    }
}
