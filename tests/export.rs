//! Models as plain JSON, and arrays as `.npy` files.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::cell::RefCell;

use common::*;
use ndarray_npy::{ReadNpyExt, WriteNpyExt};
use serde_json::{Value, json};
use skops_rs::export::{Arrays, write};
use skops_rs::{Archive, Code, Limits, Model, NdArray};

fn real(name: &str) -> Model {
    load_trusting(&Archive::open(fixtures().join(format!("real/{name}.skops"))).unwrap())
}

fn built(root: Value, payloads: &[(&str, Vec<u8>)]) -> Model {
    load_trusting(&Archive::from_bytes(skops(root, payloads), Limits::default()).unwrap())
}

fn export(model: &Model) -> Value {
    let mut json = Vec::new();
    write(model, &Arrays::Inline, &mut json).unwrap();
    serde_json::from_slice::<Value>(&json).unwrap()["root"].clone()
}

#[test]
fn what_json_has_is_as_it_is() {
    let texts = ["null", "true", "-3", "0.1", "-0.0", "\"\\u0000a\\u00e9\"", "18446744073709551615"];
    let exported = export(&built(list(texts.iter().map(|text| json_node(text)).collect()), &[]));
    assert_eq!(exported, json!([null, true, -3, 0.1, -0.0, "\u{0}a\u{e9}", 18446744073709551615_u64]));
    let long = "1".repeat(400);
    let exported =
        export(&built(list(vec![json_node("NaN"), json_node("-Infinity"), json_node(&long)]), &[]));
    assert_eq!(
        exported,
        json!([
            {"class": "builtins.float", "value": "NaN"},
            {"class": "builtins.float", "value": "-Infinity"},
            {"class": "builtins.int", "value": long}
        ])
    );
}

#[test]
fn instances_are_parameters_and_fitted_attributes() {
    let exported = export(&real("skops-0.16/linear_logistic"));
    assert_eq!(exported["class"], "sklearn.linear_model._logistic.LogisticRegression");
    assert_eq!(exported["params"]["C"], 1.0);
    assert_eq!(exported["fitted"]["coef_"]["shape"], json!([1, 3]));
    assert_eq!(exported["fitted"]["coef_"]["data"].as_array().unwrap().len(), 3);
    assert_eq!(exported["other"]["_sklearn_version"], "1.9.1");
    let vocabulary = export(&real("skops-0.16/text_count"));
    assert!(vocabulary["fitted"]["vocabulary_"]["items"]["cat"].is_u64());
}

#[test]
fn arrays_are_in_row_order_whatever_the_file_has() {
    let data: Vec<_> =
        [1.0, 4.0, 2.0, 5.0, f64::NAN, 6.0_f64].iter().flat_map(|value| value.to_be_bytes()).collect();
    let header = "{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }";
    let name = "140000000000001.npy";
    let exported = export(&built(array(name), &[(name, npy(header, &data))]));
    assert_eq!(
        exported,
        json!({"class": "numpy.ndarray", "dtype": ">f8", "shape": [2, 3], "data": [1.0, 2.0, "NaN", 4.0, 5.0, 6.0]})
    );
}

#[test]
fn what_was_written_is_not_written_again() {
    let name = "140000000000001.npy";
    let shared = with_id(array(name), 7);
    let model = built(list(vec![shared.clone(), shared]), &[(name, doubles(&[1.0]))]);
    assert_eq!(export(&model)[1], json!({"same_as": "[0]"}));
    // Twenty-six lists, each of which holds the one before it twice.
    let mut inner = with_id(list(vec![]), 1);
    for id in 2..28_u64 {
        inner = with_id(list(vec![inner, json!({"__id__": id - 1})]), id);
    }
    let mut json = Vec::new();
    write(&built(inner, &[]), &Arrays::Inline, &mut json).unwrap();
    assert!(json.len() < 20_000, "{}", json.len());
}

/// References lead from one object to another; a chain of them is as deep as it is long.
#[test]
fn what_is_too_deep_is_refused() {
    let mut items = vec![with_id(list(vec![]), 1)];
    items.extend((2..2000_u64).map(|id| with_id(list(vec![json!({"__id__": id - 1})]), id)));
    let mut json = Vec::new();
    write(&built(list(items.clone()), &[]), &Arrays::Inline, &mut json).unwrap();
    // Attributes are sorted into groups, so the last may come first.
    let last = items.pop().unwrap();
    let state = dict(vec![("_a", list(items)), ("b", last)]);
    let model = built(node("ObjectNode", "a.B", json!({"content": state})), &[]);
    let error = write(&model, &Arrays::Inline, &mut Vec::new()).unwrap_err();
    assert_eq!(error.code(), Code::LimitJsonDepth);
}

#[test]
fn broken_models_are_not_written_at_all() {
    let mut edit = Edit::real("real/skops-0.16/tree_classifier.skops");
    edit.set("tree_.max_depth", "1000");
    let archive = Archive::from_bytes(edit.build(), Limits::default()).unwrap();
    let mut json = Vec::new();
    let error = write(&load_trusting(&archive), &Arrays::Left, &mut json).unwrap_err();
    assert_eq!((error.code(), json.len()), (Code::InvariantTree, 0));
}

/// The arrays of all real files, as their entries have them: what is written is read again as the same, and as numpy
/// would have written it.
#[test]
fn arrays_are_written_as_numpy_writes_them() {
    let mut count = 0;
    let mut same = 0;
    for path in files("real/skops-0.16", ".skops").into_iter().chain(files("real/skops-0.5", ".skops")) {
        let Ok(audit) = Archive::open(&path).and_then(|archive| archive.schema()?.audit()) else { continue };
        let trust = trust_all(&audit);
        let model = audit.vet(&trust).unwrap().load();
        let archive = model.audit().schema().archive();
        for object in model.objects().filter(|object| object.ndarray().is_ok()) {
            let array = object.ndarray().unwrap();
            let mut written = Vec::new();
            array.write_npy(&mut written).unwrap();
            let name = "140000000000001.npy";
            let again = built(common::array(name), &[(name, written.clone())]).root().ndarray().unwrap();
            assert_eq!(
                (again.dtype(), again.shape(), again.bytes()),
                (array.dtype(), array.shape(), array.bytes())
            );
            assert_eq!(again.fortran_order(), array.fortran_order());
            count += 1;
            let original = archive.entries().iter().filter(|entry| entry.name.ends_with(".npy"));
            same +=
                usize::from(original.map(|entry| archive.read(entry).unwrap()).any(|bytes| bytes == written));
        }
    }
    assert!(count > 1500, "{count}");
    // Not those with titles, and those that numpy padded for growing.
    assert!(same * 100 > count * 95, "{same} of {count}");
}

/// `ndarray-npy` reads what is written here, and writes the same bytes.
#[test]
fn another_library_agrees() {
    fn agrees<T>(descr: &str, values: Vec<T>, data: Vec<u8>)
    where
        T: skops_rs::npy::Element
            + ndarray_npy::ReadableElement
            + ndarray_npy::WritableElement
            + PartialEq
            + std::fmt::Debug,
    {
        let name = "140000000000001.npy";
        let shape = format!("({},)", values.len());
        let ours = built(common::array(name), &[(name, npy(&header(descr, &shape), &data))])
            .root()
            .ndarray()
            .unwrap();
        let mut written = Vec::new();
        ours.write_npy(&mut written).unwrap();
        let theirs = ndarray::Array1::<T>::read_npy(&written[..]).unwrap();
        assert_eq!(theirs.to_vec(), values, "{descr}");
        assert_eq!(ours.to_array1::<T>().unwrap(), theirs, "{descr}");
        let mut by_theirs = Vec::new();
        theirs.write_npy(&mut by_theirs).unwrap();
        let again = built(common::array(name), &[(name, by_theirs)]).root().ndarray().unwrap();
        assert_eq!(again.bytes(), ours.bytes(), "{descr}");
    }
    agrees(
        "'<f8'",
        vec![1.5, -0.0, f64::INFINITY],
        [1.5, -0.0, f64::INFINITY].iter().flat_map(|v: &f64| v.to_le_bytes()).collect(),
    );
    agrees("'<f4'", vec![1.5_f32, 3.0], [1.5_f32, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect());
    agrees("'<i8'", vec![i64::MIN, 7], [i64::MIN, 7].iter().flat_map(|v| v.to_le_bytes()).collect());
    agrees("'<u2'", vec![u16::MAX, 7], [u16::MAX, 7].iter().flat_map(|v| v.to_le_bytes()).collect());
    agrees("'|b1'", vec![true, false], vec![1, 0]);
}

#[test]
fn arrays_can_be_saved_elsewhere() {
    let saved = RefCell::new(Vec::new());
    let save = |array: &NdArray, path: &str| {
        saved.borrow_mut().push((path.to_owned(), array.shape().to_vec()));
        Ok(format!("{}.npy", saved.borrow().len()))
    };
    let mut json = Vec::new();
    write(&real("skops-0.16/linear_logistic"), &Arrays::Saved(&save), &mut json).unwrap();
    let exported: Value = serde_json::from_slice(&json).unwrap();
    let file = exported["root"]["fitted"]["coef_"]["file"].as_str().unwrap();
    let index: usize = file.strip_suffix(".npy").unwrap().parse().unwrap();
    assert_eq!(saved.borrow()[index - 1], ("coef_".to_owned(), vec![1, 3]));
    let fails = |_: &NdArray, _: &str| Err(std::io::ErrorKind::StorageFull.into());
    let error =
        write(&real("skops-0.16/linear_logistic"), &Arrays::Saved(&fails), &mut Vec::new()).unwrap_err();
    assert_eq!(error.code(), Code::Io);
}
