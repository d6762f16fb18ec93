//! Mutated real files never panic, hang, or take memory past the limits, and get the same answer twice.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use skops_rs::Limits;
use targets::common::*;
use targets::tree::{Change, apply};

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

/// Reading it keeps its promises: that is what is tested.
fn check(bytes: &[u8]) {
    targets::audit::check(bytes);
    targets::load::check(bytes);
}

/// Takes a sound archive apart: names and decompressed data.
fn unpack(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    targets::files::unpack(bytes, Limits::default()).unwrap()
}

fn change() -> impl Strategy<Value = Change> {
    let number = any::<usize>;
    prop_oneof![
        (number(), number()).prop_map(|(at, value)| Change::Replace(at, value)),
        number().prop_map(Change::Remove),
        (number(), number()).prop_map(|(from, to)| Change::Copy(from, to)),
        (number(), number()).prop_map(|(at, field)| Change::Rename(at, field)),
        (number(), number(), number()).prop_map(|(at, field, value)| Change::SetField(at, field, value)),
    ]
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
        let outcome = targets::load::outcome(bytes, &targets::files::small());
        assert!(
            outcome.as_ref().is_ok_and(|outcome| outcome.starts_with("Ok(()) Ok(()) Ok(")),
            "{outcome:?}"
        );
    }
}
