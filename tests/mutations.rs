//! Mutated real files never panic, hang, or take memory past the limits, and get the same answer twice.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::sync::LazyLock;

use common::*;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use skops_rs::{Archive, Limits, TrustList};

/// Small files with every loader, container method and kind of payload.
const MODELS: &[&str] = &[
    "skops-0.16/pipeline",
    "skops-0.16/tree_classifier",
    "skops-0.16/random_generator_Philox",
    "skops-0.16/array_masked",
    "skops-0.16/array_object_2d",
    "skops-0.16/array_structured",
    "skops-0.16/sparse_csr_matrix",
    "skops-0.16/sparse_coo_array",
    "skops-0.16/slice_text",
    "skops-0.16/partial_arguments",
    "skops-0.16/method_custom",
    "skops-0.16/operator_methodcaller",
    "skops-0.16/dict_keys_int",
    "skops-0.16/shared_list",
    "skops-0.16/sgd_classifier",
    "skops-0.16/gaussian_process",
    "skops-0.16/bytes_same_twice",
    "skops-0.5/random_generator_PCG64",
    "skops-0.5/function_log1p",
    "skops-0.9/sgd_perceptron",
];

static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    MODELS.iter().map(|name| std::fs::read(fixtures().join(format!("real/{name}.skops"))).unwrap()).collect()
});

/// What a file says, in short. Reading it keeps its promises: that is what is tested.
fn verdict(bytes: &[u8], limits: &Limits) -> String {
    let archive = match Archive::from_bytes(bytes.to_vec(), limits.clone()) {
        Ok(archive) => archive,
        Err(error) => return format!("{error} {}", error.at()),
    };
    let schema = match archive.schema() {
        Ok(schema) => schema,
        Err(error) => return format!("{error} {}", error.at()),
    };
    let size = archive.entry("schema.json").unwrap().size as usize;
    assert!(schema.memory_bytes() <= 6 * size + 16384, "{} for {size}", schema.memory_bytes());
    match schema.audit() {
        Ok(audit) => {
            let items = skops_rs::inspect::items(
                &audit,
                &TrustList::default(),
                skops_rs::inspect::Options::default(),
            );
            assert!(items.count() <= audit.schema().node_count());
            let untrusted = format!("{:?}", audit.untrusted(&TrustList::default()));
            format!("{untrusted} {}", built(audit, bytes.len()))
        }
        Err(error) => format!("{error} {}", error.at()),
    }
}

/// What building a file gives, when all that it names is trusted. Checking without building finds the same, reading
/// at once and later is the same, and what is exported is in proportion to the file.
fn built(audit: skops_rs::Audit, size: usize) -> String {
    let trust = common::trust_all(&audit);
    let verified = audit.verify().map_err(|error| error.code());
    let model = audit.vet(&trust).unwrap().load();
    assert_eq!(model.verify().map_err(|error| error.code()), verified);
    let lazily: Vec<_> =
        model.objects().map(|object| object.value().map(|value| value.kind()).ok()).collect();
    let read = model.read_all().map_err(|error| error.code());
    let again: Vec<_> = model.objects().map(|object| object.value().map(|value| value.kind()).ok()).collect();
    assert_eq!(lazily, again);
    for object in model.objects().take(200) {
        let _ = object.array::<f64>();
        let _ = object.array::<String>();
        let _ = object.extract::<serde_json::Value>();
        let _ = model.at(&object.path());
    }
    let mut json = Vec::new();
    let exported = skops_rs::export::write(&model, &skops_rs::export::Arrays::Inline, &mut json);
    assert_eq!(exported.is_ok(), verified.is_ok() && read.is_ok());
    // Deflated zeros are a thousand times smaller, and each is two bytes of JSON.
    assert!(json.len() < 4000 * size + 10_000, "{} for {size}", json.len());
    format!("{verified:?} {read:?} {}", json.len())
}

/// Limits that bound what a mutated file of a few kB may ask for.
fn tight() -> Limits {
    let mut limits = Limits::default();
    limits.ratio_floor = 1 << 20;
    limits
}

/// Both as a reader would meet it, and with limits at which a bomb is seen at once.
fn check(bytes: &[u8]) {
    let first = verdict(bytes, &tight());
    assert_eq!(first, verdict(bytes, &tight()));
}

/// Takes a sound archive apart: names, methods and decompressed data.
fn unpack(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let archive = Archive::from_bytes(bytes.to_vec(), Limits::default()).unwrap();
    archive.entries().iter().map(|entry| (entry.name.to_string(), archive.read(entry).unwrap())).collect()
}

/// All places in a JSON value, as pointers.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    found.push(at.clone());
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                places(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                places(value, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// A change to a JSON tree.
#[derive(Debug, Clone)]
enum Change {
    Replace(Index, usize),
    Remove(Index),
    Copy(Index, Index),
    Rename(Index, usize),
    SetField(Index, usize, usize),
}

fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(18_446_744_073_709_551_615_u64),
        json!(""),
        json!("builtins"),
        json!("posix"),
        json!("system"),
        json!("__class__"),
        json!("NaN"),
        json!("[1]"),
        json!([]),
        json!({}),
        json!([null]),
        json!({"__id__": 1}),
        json!("ObjectNode"),
        json!("ListNode"),
        json!("DictNode"),
        json!("CachedNode"),
        json!("JsonNode"),
        json!("NdArrayNode"),
        json!("MethodNode"),
        json!("TreeNode"),
        json!("FunctionNode"),
        json!("RandomGeneratorNode"),
        json!("SparseMatrixNode"),
        json!("PartialNode"),
        json!("json"),
        json!("numpy"),
        json!("schema.json"),
        json!(1),
        json!(2),
        json!("\u{202e}"),
    ]
}

const FIELDS: &[&str] = &[
    "__class__",
    "__module__",
    "__loader__",
    "__id__",
    "content",
    "key_types",
    "file",
    "type",
    "shape",
    "attrs",
    "__reduce__",
    "is_json",
    "protocol",
    "other",
];

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), 0..64_usize).prop_map(|(at, value)| Change::Replace(at, value)),
        any::<Index>().prop_map(Change::Remove),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Copy(from, to)),
        (any::<Index>(), 0..FIELDS.len()).prop_map(|(at, field)| Change::Rename(at, field)),
        (any::<Index>(), 0..FIELDS.len(), 0..64_usize)
            .prop_map(|(at, field, value)| Change::SetField(at, field, value)),
    ]
}

fn apply(root: &mut Value, change: &Change) {
    let mut all = Vec::new();
    places(root, String::new(), &mut all);
    let pick = |index: &Index| all[index.index(all.len())].clone();
    let value = |which: usize| values()[which % values().len()].clone();
    match change {
        Change::Replace(at, which) => *root.pointer_mut(&pick(at)).unwrap() = value(*which),
        Change::Copy(from, to) => {
            let copied = root.pointer(&pick(from)).unwrap().clone();
            *root.pointer_mut(&pick(to)).unwrap() = copied;
        }
        Change::Remove(at) => {
            let place = pick(at);
            let Some((parent, key)) = place.rsplit_once('/') else { return };
            match root.pointer_mut(parent).unwrap() {
                Value::Object(map) => drop(map.remove(key)),
                Value::Array(list) => drop(list.remove(key.parse().unwrap())),
                _ => {}
            }
        }
        Change::Rename(at, field) => {
            let place = pick(at);
            let Some((parent, key)) = place.rsplit_once('/') else { return };
            if let Value::Object(map) = root.pointer_mut(parent).unwrap()
                && let Some(moved) = map.remove(key)
            {
                map.insert(FIELDS[*field].to_owned(), moved);
            }
        }
        Change::SetField(at, field, which) => {
            if let Value::Object(map) = root.pointer_mut(&pick(at)).unwrap() {
                map.insert(FIELDS[*field].to_owned(), value(*which));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(std::env::var("SKOPS_RS_CASES").map_or(400, |n| n.parse().unwrap())))]

    #[test]
    fn bytes(file in any::<Index>(), changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8)) {
        let mut bytes = FILES[file.index(FILES.len())].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        check(&bytes);
    }

    #[test]
    fn cuts_and_insertions(file in any::<Index>(), at in any::<Index>(), cut in 0..64_usize, more in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut bytes = FILES[file.index(FILES.len())].clone();
        let at = at.index(bytes.len());
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, more);
        check(&bytes);
    }

    /// The container is sound, its entries are not those that the schema expects.
    #[test]
    fn entries(file in any::<Index>(), from in any::<Index>(), to in any::<Index>(), kind in 0..5_u8, deflate in any::<bool>()) {
        let mut parts = unpack(&FILES[file.index(FILES.len())]);
        let (from, to) = (from.index(parts.len()), to.index(parts.len()));
        match kind {
            0 => drop(parts.remove(from)),
            1 => parts.swap(from, to),
            2 => parts[to].1 = parts[from].1.clone(),
            3 => parts[to].0 = parts[from].0.clone(),
            _ => { let (one, other) = (parts[from].0.clone(), parts[to].0.clone()); parts[from].0 = other; parts[to].0 = one; }
        }
        let entry = |(name, data): &(String, Vec<u8>)| if deflate { Entry::deflated(name, data) } else { Entry::stored(name, data.clone()) };
        check(&Zip::new(parts.iter().map(entry).collect()).build());
    }

    /// The payload's header or data is changed, with the container sound around it.
    #[test]
    fn payloads(file in any::<Index>(), entry in any::<Index>(), changes in prop::collection::vec((0..160_usize, any::<u8>()), 1..6)) {
        let mut parts = unpack(&FILES[file.index(FILES.len())]);
        let which = entry.index(parts.len());
        for (at, value) in changes {
            if let Some(byte) = parts[which].1.get_mut(at) { *byte = value; }
        }
        check(&Zip::new(parts.into_iter().map(|(name, data)| Entry::stored(&name, data)).collect()).build());
    }

    /// The JSON is sound, its tree is not what skops writes.
    #[test]
    fn trees(file in any::<Index>(), changes in prop::collection::vec(change(), 1..5)) {
        let mut parts = unpack(&FILES[file.index(FILES.len())]);
        let (_, text) = parts.iter_mut().find(|(name, _)| name == "schema.json").unwrap();
        let mut root: Value = serde_json::from_slice(text).unwrap();
        for change in &changes {
            apply(&mut root, change);
        }
        *text = root.to_string().into_bytes();
        check(&Zip::new(parts.into_iter().map(|(name, data)| Entry::stored(&name, data)).collect()).build());
    }

    /// The JSON text itself is changed.
    #[test]
    fn text(file in any::<Index>(), changes in prop::collection::vec((any::<Index>(), "[\\[\\]{}\",:0-9a-z\\\\ ]{0,6}"), 1..4)) {
        let mut parts = unpack(&FILES[file.index(FILES.len())]);
        let (_, text) = parts.iter_mut().find(|(name, _)| name == "schema.json").unwrap();
        for (at, more) in changes {
            let at = at.index(text.len());
            text.splice(at..(at + more.len()).min(text.len()), more.into_bytes());
        }
        check(&Zip::new(parts.into_iter().map(|(name, data)| Entry::stored(&name, data)).collect()).build());
    }
}

#[test]
fn the_unchanged_files_are_accepted() {
    for bytes in FILES.iter() {
        assert!(audit(bytes.clone()).is_ok());
    }
}
