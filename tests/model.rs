//! Models: who may build one, what its objects are, and that arrays are read once, lazily, by several threads.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use ndarray::{Array1, Array2, array as nd};
use serde::Deserialize;
use serde_json::json;
use skops_rs::model::{Bound, GeneratorState, KeyValue};
use skops_rs::{
    Archive, Base, Code, Limits, LoadOptions, Model, Object, Source, TrustList, Value, load, load_archive,
    load_bytes, load_with,
};

fn real(name: &str) -> Model {
    load_trusting(&Archive::open(fixtures().join(format!("real/{name}.skops"))).unwrap())
}

fn built(root: serde_json::Value, payloads: &[(&str, Vec<u8>)]) -> Model {
    load_trusting(&Archive::from_bytes(skops(root, payloads), Limits::default()).unwrap())
}

fn trust() -> TrustList {
    TrustList::default().allow("sklearn.tree._tree.Tree").unwrap()
}

fn example() -> std::path::PathBuf {
    fixtures().join("example.skops")
}

// ---- permission

#[test]
fn only_what_is_trusted_is_built() {
    let error = load(example(), &TrustList::default()).unwrap_err();
    assert_eq!(error.code(), Code::UntrustedTypes);
    let [tree] = error.untrusted() else { panic!("{:?}", error.untrusted()) };
    assert_eq!(
        (tree.name.as_str(), tree.role, tree.loader),
        ("sklearn.tree._tree.Tree", "instantiate", "TreeNode")
    );
    assert_eq!((tree.place_count, tree.places[0].path.as_str()), (1, "steps[1][1].tree_"));
    assert!(tree.reason.unwrap().contains("bounds checks"));
    assert!(load(example(), &trust()).is_ok());
    let bytes = std::fs::read(example()).unwrap();
    assert!(load_bytes(bytes.clone(), &trust()).is_ok());
    assert_eq!(load_bytes(bytes, &TrustList::default()).unwrap_err().code(), Code::UntrustedTypes);
}

#[test]
fn a_refusal_has_all_names_and_places() {
    let error = load(example(), &TrustList::new(Base::None)).unwrap_err();
    let audit = Archive::open(example()).unwrap().schema().unwrap().audit().unwrap();
    let all: std::collections::BTreeSet<_> =
        audit.untrusted(&TrustList::new(Base::None)).iter().map(ToString::to_string).collect();
    let names: std::collections::BTreeSet<_> =
        error.untrusted().iter().map(|untrusted| untrusted.name.clone()).collect();
    assert_eq!(names, all);
    assert!(error.untrusted().iter().all(|untrusted| untrusted.places.len() == untrusted.place_count));
    assert!(error.found().contains("and 3 more"), "{}", error.found());
}

// ---- values

#[test]
fn scalars_are_pythons() {
    let texts = [
        "null",
        "true",
        "-3",
        "1e400",
        "NaN",
        "-Infinity",
        "-0.0",
        "\"a\\u0301\"",
        "123456789012345678901234567890",
        // JSON allows it; Python has no such integer.
        "-0",
    ];
    let model =
        built(list(texts.iter().filter(|text| **text != "1e400").map(|text| json_node(text)).collect()), &[]);
    let items = model.root().items().unwrap();
    assert!(matches!(items[0].value().unwrap(), Value::None) && items[0].is_none());
    assert!(items[1].as_bool().unwrap());
    assert_eq!(items[2].as_i64().unwrap(), -3);
    assert!(items[3].as_f64().unwrap().is_nan());
    assert_eq!(items[4].as_f64().unwrap(), f64::NEG_INFINITY);
    assert_eq!(items[5].as_f64().unwrap().to_bits(), (-0.0_f64).to_bits());
    assert_eq!(items[6].as_str().unwrap(), "a\u{301}");
    let Value::Int(long) = items[7].value().unwrap() else { panic!() };
    assert_eq!(long.to_u128(), Some(123456789012345678901234567890));
    assert_eq!(items[7].as_i64().unwrap_err().code(), Code::ValueRange);
    assert_eq!(items[7].as_f64().unwrap_err().code(), Code::ValueRange);
    let Value::Int(zero) = items[8].value().unwrap() else { panic!() };
    assert_eq!(zero.as_str(), "0");
    let classes: Vec<_> = items.iter().map(Object::class_name).collect();
    assert_eq!(classes, ["NoneType", "bool", "int", "float", "float", "float", "str", "int", "int"]);
}

#[test]
fn containers_are_what_they_were() {
    let model = real("skops-0.16/container_nested");
    assert!(model.objects().count() > 3);
    // Some fixtures are lists of several such objects.
    let kinds = |name: &str| {
        let model = real(name);
        let kind = model.root().value().unwrap().kind();
        if kind == "a list" { model.at("[0]").unwrap().value().unwrap().kind() } else { kind }
    };
    for (name, kind) in [
        ("skops-0.16/container_tuple", "a tuple"),
        ("skops-0.16/container_namedtuple", "a named tuple"),
        ("skops-0.16/container_set", "a set"),
        ("skops-0.16/container_ordered_dict", "an OrderedDict"),
        ("skops-0.16/default_dict_int", "a defaultdict"),
        ("skops-0.16/bytes_plain", "bytes"),
        ("skops-0.16/bytes_bytearray", "a bytearray"),
        ("skops-0.16/dtype_float32", "a dtype"),
        ("skops-0.16/array_masked", "a masked array"),
        ("skops-0.16/array_object_2d", "an array of objects"),
        ("skops-0.16/sparse_csr_array", "a sparse matrix"),
        ("skops-0.16/random_state", "a RandomState"),
        ("skops-0.16/random_generator_PCG64", "a Generator"),
        ("skops-0.16/type_estimator", "a type"),
        ("skops-0.16/function_ufuncs", "a function"),
        ("skops-0.16/partial_simple", "a partial"),
        ("skops-0.16/method_custom", "a method"),
        ("skops-0.16/operator_itemgetter", "an operator"),
        ("skops-0.16/linear_logistic", "an instance"),
        ("skops-0.16/loss_CyHalfBinomialLoss", "a loss"),
    ] {
        assert_eq!(kinds(name), kind, "{name}");
    }
    let tree = real("skops-0.16/tree_classifier");
    assert_eq!(tree.at("tree_").unwrap().value().unwrap().kind(), "a Tree");
    let forest = real("skops-0.16/quantile_forest_regressor");
    assert_eq!(forest.at("forest_").unwrap().value().unwrap().kind(), "a QuantileForest");
}

#[test]
fn keys_have_their_types() {
    let model = real("skops-0.16/dict_keys_mixed");
    let keys: Vec<_> = model.root().as_dict().unwrap().iter().map(|(key, _)| key).collect();
    assert!(
        keys.iter().any(|key| matches!(key.value(), KeyValue::Int(_)) && key.type_name() == "builtins.int")
    );
    assert!(keys.iter().any(|key| matches!(key.value(), KeyValue::Str(_))));
    for (text, name, shown) in [
        ("true", "builtins.bool", "True"),
        ("false", "numpy.bool_", "False"),
        ("2.5", "builtins.float", "2.5"),
        ("7", "numpy.int64", "7"),
        ("null", "builtins.NoneType", "None"),
        ("x", "builtins.str", "'x'"),
    ] {
        let model = built(dict_of(vec![(text, name, json_node("1"))]), &[]);
        let (key, value) = model.root().as_dict().unwrap().iter().next().unwrap();
        assert_eq!((format!("{key:?}").as_str(), key.type_name().as_str()), (shown, name));
        assert_eq!(value.as_i64().unwrap(), 1);
    }
    let model = built(
        dict_of(vec![("7", "numpy.int64", json_node("4")), ("x", "builtins.str", json_node("6"))]),
        &[],
    );
    assert_eq!(model.at("[7]").unwrap().as_i64().unwrap(), 4);
    assert_eq!(model.at("['x']").unwrap().as_i64().unwrap(), 6);
}

#[test]
fn slices_generators_and_partials_keep_their_parts() {
    let model = built(
        list(vec![node(
            "SliceNode",
            "builtins.slice",
            json!({"content": {"start": null, "stop": 3, "step": "a\"b"}}),
        )]),
        &[],
    );
    let Value::Slice(slice) = model.root().index(0).unwrap().value().unwrap() else { panic!() };
    assert_eq!(slice.bounds(), [None, Some(Bound::Int("3".into())), Some(Bound::Str("a\"b".into()))]);
    let text = r#"{"__class__": "slice", "__module__": "builtins", "__loader__": "SliceNode",
        "content": {"start": -0, "stop": null, "step": null}, "protocol": 2}"#;
    let archive = Archive::from_bytes(common::skops_text(text, &[]), Limits::default()).unwrap();
    let model = common::load_trusting(&archive);
    let Value::Slice(slice) = model.root().value().unwrap() else { panic!() };
    assert_eq!(slice.bounds(), [Some(Bound::Int("0".into())), None, None]);
    for (name, is_json) in
        [("skops-0.5/random_generator_PCG64", true), ("skops-0.16/random_generator_PCG64", false)]
    {
        let model = real(name);
        let Value::Generator(generator) = model.root().value().unwrap() else { panic!("{name}") };
        assert_eq!(matches!(generator.state(), GeneratorState::Json(_)), is_json, "{name}");
        assert_eq!(generator.seed_sequence().is_some(), !is_json, "{name}");
    }
    let model = real("skops-0.16/partial_arguments");
    let Value::Partial { args, keywords, .. } = model.root().value().unwrap() else { panic!() };
    assert!(args.item_count().is_some() && keywords.as_dict().is_ok());
}

// ---- identity

#[test]
fn shared_objects_stay_shared() {
    let model = real("skops-0.16/shared_array_in_estimators");
    let arrays: Vec<_> = model.objects().filter(|object| object.array_info().is_some()).collect();
    assert!(!arrays.is_empty());
    let name = "140000000000001.npy";
    let shared = with_id(array(name), 7);
    let model = built(list(vec![shared.clone(), shared, array(name)]), &[(name, doubles(&[1.0, 2.0]))]);
    let items = model.root().items().unwrap();
    assert!(items[0].is(&items[1]) && !items[0].is(&items[2]));
    let bytes = |object: &Object<'_>| object.ndarray().unwrap().bytes().unwrap().as_ptr();
    assert_eq!(bytes(&items[0]), bytes(&items[1]), "one allocation");
    let mut seen = HashMap::new();
    items.iter().for_each(|item| *seen.entry(item.identity()).or_insert(0) += 1);
    assert_eq!(seen.len(), 2);
}

#[test]
fn entries_with_equal_bytes_are_one_object_when_their_id_says_so() {
    let (one, other) = ("140000000000001.npy", "140000000000002.npy");
    let root = list(vec![with_id(array(one), 7), with_id(array(other), 7)]);
    let model = built(root, &[(one, doubles(&[1.0])), (other, doubles(&[1.0]))]);
    let items = model.root().items().unwrap();
    let bytes = |object: &Object<'_>| object.ndarray().unwrap().bytes().unwrap().as_ptr();
    assert_eq!(bytes(&items[0]), bytes(&items[1]));
}

// ---- access

#[test]
fn access_reads_like_scikit_learn() {
    let model = load(example(), &trust()).unwrap();
    let scaler = model.root().attr("steps").unwrap().index(0).unwrap().index(1).unwrap();
    assert_eq!(scaler.class_name(), "StandardScaler");
    assert_eq!(scaler.type_name(), "sklearn.preprocessing._data.StandardScaler");
    let params: Vec<_> = scaler.params().unwrap().map(|(name, _)| name).collect();
    assert_eq!(params, ["with_mean", "with_std", "copy"]);
    let fitted: Vec<_> = scaler.fitted().unwrap().map(|(name, _)| name).collect();
    assert_eq!(fitted, ["n_features_in_", "n_samples_seen_", "mean_", "var_", "scale_"]);
    assert_eq!(model.at("steps[0][1].mean_").unwrap().array::<f64>().unwrap().shape(), [4]);
    assert_eq!(scaler.at("mean_").unwrap().path(), "steps[0][1].mean_");
}

/// Every object is found again by its path, and by its place in the schema.
#[test]
fn paths_lead_back() {
    let mut count = 0;
    for name in ["skops-0.16", "skops-0.5"] {
        for path in files(&format!("real/{name}"), ".skops").into_iter().step_by(7) {
            let Ok(audit) = Archive::open(&path).and_then(|archive| archive.schema()?.audit()) else {
                continue;
            };
            let trust = trust_all(&audit);
            let model = audit.vet(&trust).unwrap().load();
            for object in model.objects().take(400) {
                let at = object.path();
                // Long keys are cut.
                if at.contains("more bytes") {
                    continue;
                }
                let found = model.at(&at).unwrap_or_else(|error| panic!("{}: {at}: {error}", path.display()));
                assert_eq!(found.pointer(), object.pointer(), "{at}");
                count += 1;
            }
        }
    }
    assert!(count > 3000, "{count}");
}

#[test]
fn errors_name_the_path_what_was_asked_and_what_was_there() {
    let model = load(example(), &trust()).unwrap();
    let text = |result: skops_rs::Result<Object<'_>>| result.unwrap_err().to_string();
    assert_eq!(
        text(model.at("steps[0][1].maen_")),
        "steps[0][1] has no attribute 'maen_'; it has with_mean, with_std, copy, n_features_in_, n_samples_seen_, mean_, \
         var_, scale_, _sklearn_version"
    );
    assert_eq!(text(model.at("steps[7]")), "steps has 2 items, so none at position 7");
    assert_eq!(text(model.at("steps['a']")), "steps has no attribute 'a'; it has none");
    let error = model.at("steps[0][1].mean_").unwrap().array::<i64>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "steps[0][1].mean_: an array of shape (4,) and dtype <f8, where i64 was asked for"
    );
    assert!(error.at().pointer.as_deref().unwrap().ends_with("/mean_"));
    let error = model.at("steps").unwrap().array::<f64>().unwrap_err();
    assert_eq!(error.to_string(), "steps is builtins.list, where an array was asked for");
}

// ---- extraction

#[derive(Deserialize)]
struct LogReg {
    coef_: Array2<f64>,
    intercept_: Array1<f64>,
    classes_: Vec<i64>,
    #[serde(rename = "C")]
    c: f64,
    max_iter: u32,
    penalty: Option<String>,
    random_state: Option<i64>,
}

#[test]
fn models_are_read_into_structs() {
    let model = real("skops-0.13/linear_logistic");
    let model: LogReg = model.root().extract().unwrap();
    assert_eq!(model.coef_.nrows(), model.intercept_.len());
    assert_eq!((model.classes_.as_slice(), model.c, model.max_iter), (&[0, 1][..], 1.0, 100));
    assert_eq!((model.penalty.as_deref(), model.random_state), (Some("l2"), None));
    let words: BTreeMap<String, usize> =
        real("skops-0.16/text_count").at("vocabulary_").unwrap().extract().unwrap();
    assert!(words["cat"] < words.len());
    let nested: Vec<Vec<f64>> = real("skops-0.16/array_fortran").root().extract().unwrap();
    assert!(nested.len() > 1);
    #[derive(Deserialize)]
    struct Node {
        left_child: i64,
        threshold: f32,
    }
    let nodes: Vec<Node> = real("skops-0.16/tree_classifier").at("tree_.nodes").unwrap().extract().unwrap();
    assert!(nodes[0].left_child == 1 && nodes[0].threshold.is_finite());
}

#[test]
fn extraction_says_what_does_not_fit_and_where() {
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct Wrong {
        coef_: Vec<i64>,
    }
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct Missing {
        nope_: i64,
    }
    let model = load(example(), &trust()).unwrap();
    let error = model.at("steps[0][1]").unwrap().extract::<Missing>().unwrap_err();
    assert_eq!(error.to_string(), "steps[0][1]: missing field `nope_`");
    let model = real("skops-0.16/linear_logistic");
    let error = model.root().extract::<Wrong>().unwrap_err();
    assert!(error.to_string().starts_with("coef_: invalid type: sequence"), "{error}");
    let error = model.at("coef_").unwrap().extract::<Array1<f64>>().unwrap_err();
    assert!(error.to_string().starts_with("coef_: "), "{error}");
}

/// A type that holds itself asks for all there is, and lists that share lists have no end of it.
#[test]
fn extraction_of_shared_lists_ends() {
    let mut inner = with_id(list(vec![json_node("1")]), 1);
    for id in 2..40_u64 {
        let reference = json!({"__id__": id - 1});
        inner = with_id(list(vec![inner, reference]), id);
    }
    let error = built(inner, &[]).root().extract::<serde_json::Value>().unwrap_err();
    assert_eq!(error.code(), Code::LimitExtraction);
    // Rows without items, of which there can be any number in no bytes.
    let rows = one("'<f8'", "(1000000000000, 0)", &[]);
    assert_eq!(rows.root().extract::<serde_json::Value>().unwrap_err().code(), Code::LimitExtraction);
    // One long text, many times.
    let text = with_id(list(vec![json_node(&format!("\"{}\"", "a".repeat(1 << 16)))]), 1);
    let again = (0..1000).map(|_| json!({"__id__": 1}));
    let texts = list([text].into_iter().chain(again).collect());
    assert_eq!(
        built(texts, &[]).root().extract::<Vec<Vec<String>>>().unwrap_err().code(),
        Code::LimitExtraction
    );
    let mut deep = json_node("1");
    for _ in 0..200 {
        deep = list(vec![deep]);
    }
    let error = built(deep, &[]).root().extract::<serde_json::Value>().unwrap_err();
    assert_eq!(error.code(), Code::LimitJsonDepth);
}

// ---- laziness

/// Counts the bytes that are read.
struct Counted(Vec<u8>, AtomicUsize);

impl Source for Counted {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        self.1.fetch_add(buffer.len(), Ordering::SeqCst);
        self.0.read_exact_at(buffer, offset)
    }
}

/// Two arrays of a megabyte each.
fn large() -> (Arc<Counted>, Archive) {
    let (one, other) = ("140000000000001.npy", "140000000000002.npy");
    let data = doubles(&vec![1.5; 131_072]);
    let bytes = skops(list(vec![array(one), array(other)]), &[(one, data.clone()), (other, data)]);
    let source = Arc::new(Counted(bytes, AtomicUsize::new(0)));
    let archive = Archive::from_source(source.clone(), Limits::default()).unwrap();
    (source, archive)
}

#[test]
fn an_array_is_read_when_it_is_asked_for_and_once() {
    let (source, archive) = large();
    let model = load_archive(&archive, &TrustList::default(), &LoadOptions::default()).unwrap();
    let read = || source.1.load(Ordering::SeqCst);
    assert!(read() < 20_000, "{}", read());
    model.at("[0]").unwrap().ndarray().unwrap();
    let once = read();
    assert!((1_048_576..1_100_000).contains(&once), "{once}");
    model.at("[0]").unwrap().array::<f64>().unwrap();
    assert_eq!(read(), once);
    model.read_all().unwrap();
    assert!((2_097_152..2_200_000).contains(&read()));
}

#[test]
fn eager_loading_reads_all_and_lazy_models_are_equal() {
    let (source, archive) = large();
    let mut options = LoadOptions::default();
    options.eager = true;
    options.threads = 2;
    let eager = load_archive(&archive, &TrustList::default(), &options).unwrap();
    let read = source.1.load(Ordering::SeqCst);
    let lazy = load_archive(&archive, &TrustList::default(), &LoadOptions::default()).unwrap();
    for path in ["[0]", "[1]"] {
        assert_eq!(
            eager.at(path).unwrap().ndarray().unwrap().bytes(),
            lazy.at(path).unwrap().ndarray().unwrap().bytes()
        );
    }
    assert!(read > 2_097_152);
    let mut options = LoadOptions::default();
    options.eager = true;
    assert!(load_with(example(), &trust(), &options).is_ok());
}

#[test]
fn threads_share_what_is_read() {
    fn shared<T: Send + Sync>(value: T) -> T {
        value
    }
    let (source, archive) = large();
    let model = shared(load_archive(&archive, &TrustList::default(), &LoadOptions::default()).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let sum = model.at("[1]").unwrap().array::<f64>().unwrap().sum();
                assert_eq!(sum, 1.5 * 131_072.0);
            });
        }
    });
    assert!(source.1.load(Ordering::SeqCst) < 1_100_000, "read once");
    shared(model.root());
    shared(model.at("[0]").unwrap().ndarray().unwrap());
}

#[test]
fn damage_shows_when_the_array_is_read() {
    let name = "140000000000001.npy";
    let root = json!({"__class__": "list", "__module__": "builtins", "__loader__": "ListNode",
        "content": [array(name), json_node("1")], "protocol": 2, "_skops_version": "0.16.0"});
    let mut damaged = Entry::stored(name, doubles(&[1.0, 2.0]));
    damaged.crc32 ^= 1;
    let bytes = Zip::new(vec![damaged, Entry::stored("schema.json", root.to_string())]).build();
    let model = load_bytes(bytes.clone(), &TrustList::default()).unwrap();
    assert_eq!(model.at("[1]").unwrap().as_i64().unwrap(), 1);
    let error = model.at("[0]").unwrap().ndarray().unwrap_err();
    assert_eq!((error.code(), error.at().pointer.as_deref()), (Code::ZipCrc, Some("/content/0")));
    assert_eq!(model.read_all().unwrap_err().code(), Code::ZipCrc);
    let mut options = LoadOptions::default();
    options.eager = true;
    let archive = Archive::from_bytes(bytes, Limits::default()).unwrap();
    assert_eq!(load_archive(&archive, &TrustList::default(), &options).unwrap_err().code(), Code::ZipCrc);
}

/// A tree whose contents lie gives nothing, while the rest of its model does.
#[test]
fn what_is_checked_cannot_be_looked_into_when_it_lies() {
    let mut edit = Edit::real("real/skops-0.16/tree_classifier.skops");
    edit.set("tree_.max_depth", "1000");
    let archive = Archive::from_bytes(edit.build(), Limits::default()).unwrap();
    let model = load_trusting(&archive);
    assert_eq!(model.at("criterion").unwrap().as_str().unwrap(), "gini");
    let tree = model.at("tree_").unwrap();
    for error in [
        tree.value().map(drop).unwrap_err(),
        tree.attr("nodes").map(drop).unwrap_err(),
        tree.attrs().map(drop).unwrap_err(),
        model.at("tree_.values").map(drop).unwrap_err(),
        model.verify().unwrap_err(),
        model.audit().verify().unwrap_err(),
    ] {
        assert_eq!(error.code(), Code::InvariantTree);
    }
}

// ---- arrays

#[test]
fn memory_order_is_that_of_the_file() {
    let fortran = npy(
        "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }",
        &doubles_of(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]),
    );
    let model = built(array("140000000000001.npy"), &[("140000000000001.npy", fortran)]);
    let read = model.root().array2::<f64>().unwrap();
    assert_eq!(read, nd![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(read.strides(), [1, 2]);
    assert_eq!(model.root().array2::<f64>().unwrap().t().as_slice().unwrap(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    // A conversion keeps the order, too.
    assert_eq!(model.root().array2::<f32>().unwrap().strides(), [1, 2]);
    let view = model.root().ndarray().unwrap();
    assert_eq!(view.view::<f64>().unwrap().strides(), [1, 2]);
    assert_eq!(view.to_vec::<f64>().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

fn doubles_of(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn one(descr: &str, shape: &str, data: &[u8]) -> Model {
    built(array("140000000000001.npy"), &[("140000000000001.npy", npy(&header(descr, shape), data))])
}

#[test]
fn conversions_change_no_value() {
    let bytes = one("'|i1'", "(2,)", &[0xFF, 5]);
    assert_eq!(bytes.root().array1::<i64>().unwrap(), nd![-1, 5]);
    assert_eq!(bytes.root().array1::<f32>().unwrap(), nd![-1.0, 5.0]);
    assert_eq!(bytes.root().array1::<u8>().unwrap_err().code(), Code::ValueRange);
    let error = bytes.root().array1::<u8>().unwrap_err().to_string();
    assert_eq!(error, "the root: item 0 of an array of shape (2,) and dtype |i1 is -1, which u8 cannot hold");
    let large = one("'<i8'", "(3,)", &[i64::MAX, i64::MIN, (1 << 53) + 1].map(i64::to_le_bytes).concat());
    assert_eq!(large.root().array1::<f64>().unwrap_err().code(), Code::ValueRange);
    assert_eq!(large.root().array1::<i64>().unwrap(), nd![i64::MAX, i64::MIN, (1 << 53) + 1]);
    let unsigned = one("'>u8'", "(1,)", &u64::MAX.to_be_bytes());
    assert_eq!(unsigned.root().array1::<u64>().unwrap(), nd![u64::MAX]);
    assert_eq!(unsigned.root().array1::<f64>().unwrap_err().code(), Code::ValueRange);
    assert_eq!(unsigned.root().array1::<i64>().unwrap_err().code(), Code::ValueRange);
    let floats = one("'<f8'", "(2,)", &doubles_of(&[0.5, f64::NAN]));
    assert_eq!(floats.root().array1::<f32>().unwrap()[0], 0.5);
    assert_eq!(floats.root().array1::<i64>().unwrap_err().code(), Code::ValueType);
    assert_eq!(floats.root().array1::<bool>().unwrap_err().code(), Code::ValueType);
    assert_eq!(floats.root().array2::<f64>().unwrap_err().code(), Code::ValueShape);
    let flags = one("'|b1'", "(2,)", &[1, 0]);
    assert_eq!(flags.root().array1::<bool>().unwrap(), nd![true, false]);
    assert_eq!(flags.root().array1::<u8>().unwrap(), nd![1, 0]);
    let half = one("'<f2'", "(2,)", &[0x00, 0x3C, 0x01, 0x00]);
    assert_eq!(half.root().array1::<f64>().unwrap(), nd![1.0, 5.960464477539063e-8]);
    let long = one("'<f16'", "(1,)", &[7; 16]);
    assert_eq!(long.root().array1::<f64>().unwrap_err().code(), Code::ValueRange);
    assert_eq!(long.root().array1::<Vec<u8>>().unwrap()[0], [7; 16]);
    let dates = one("'<M8[D]'", "(2,)", &[3, i64::MIN].map(i64::to_le_bytes).concat());
    assert_eq!(dates.root().array1::<i64>().unwrap(), nd![3, i64::MIN]);
    let text = one("'>U2'", "(1,)", &[0, 0, 0, 0x61, 0, 1, 0xF6, 0]);
    assert_eq!(text.root().array1::<String>().unwrap()[0], "a\u{1F600}");
    let bytes = one("'|S3'", "(2,)", b"ab\0\0c\0");
    assert_eq!(bytes.root().array1::<Vec<u8>>().unwrap(), nd![b"ab".to_vec(), b"\0c".to_vec()]);
}

#[test]
fn swapped_floats_keep_all_bits() {
    let nan = 0x7FF0_0000_0000_0001_u64;
    let swapped = one("'>f8'", "(1,)", &nan.to_be_bytes());
    assert_eq!(swapped.root().array1::<f64>().unwrap()[0].to_bits(), nan);
    let swapped = one("'>f4'", "(1,)", &0x7F80_0001_u32.to_be_bytes());
    assert_eq!(swapped.root().array1::<f32>().unwrap()[0].to_bits(), 0x7F80_0001);
}

#[test]
fn empty_and_dimensionless_arrays_are_arrays() {
    let empty = one("'<f8'", "(0, 4294967296, 4)", &[]);
    assert_eq!(empty.root().array::<f64>().map(|array| array.len()).unwrap_or(0), 0);
    let empty = one("'<f8'", "(3, 0)", &[]);
    assert_eq!(empty.root().array2::<f64>().unwrap().shape(), [3, 0]);
    let single = one("'<i4'", "()", &7_i32.to_le_bytes());
    assert_eq!(single.root().array::<i32>().unwrap().into_raw_vec_and_offset().0, [7]);
    let nothing = one("'<U0'", "(0,)", &[]);
    assert_eq!(nothing.root().array1::<String>().unwrap().len(), 0);
}

#[test]
fn columns_share_the_bytes_of_the_whole() {
    let descr = "[('a', '<i8'), ('b', '|u1'), ('c', '<f4', (2,)), ('d', [('e', '>i2')])]";
    let mut data = Vec::new();
    for row in 0..3_i64 {
        data.extend(row.to_le_bytes());
        data.push(row as u8 + 10);
        data.extend([row as f32, 0.5].iter().flat_map(|value| value.to_le_bytes()));
        data.extend((row as i16 - 1).to_be_bytes());
    }
    let model = one(descr, "(3,)", &data);
    let whole = model.root().ndarray().unwrap();
    assert_eq!(whole.field("a").unwrap().to_array1::<i64>().unwrap(), nd![0, 1, 2]);
    assert_eq!(
        whole.field("b").unwrap().view::<u8>().unwrap().iter().copied().collect::<Vec<_>>(),
        [10, 11, 12]
    );
    assert_eq!(
        whole.field("c").unwrap().to_array2::<f32>().unwrap(),
        nd![[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]]
    );
    let inner = whole.field("d").unwrap().field("e").unwrap();
    assert_eq!(inner.to_array1::<i16>().unwrap(), nd![-1, 0, 1]);
    assert_eq!(whole.field("x").unwrap_err().code(), Code::ValueType);
    let tree = real("skops-0.16/tree_classifier");
    let nodes = tree.at("tree_.nodes").unwrap().ndarray().unwrap();
    let threshold = nodes.field("threshold").unwrap();
    let view = threshold.view::<f64>().unwrap();
    let (start, first) = (nodes.bytes().unwrap().as_ptr() as usize, view.as_ptr() as usize);
    assert_eq!(first - start, 24, "a view into the same bytes");
    assert_eq!(view.strides(), [8]);
}

/// What a field of an array in Fortran order has of its order.
#[test]
fn fields_know_their_order() {
    let fortran = |descr: &str, data: &[u8]| {
        let header = format!("{{'descr': {descr}, 'fortran_order': True, 'shape': (2, 2), }}");
        let model = built(array("140000000000001.npy"), &[("140000000000001.npy", npy(&header, data))]);
        model.root().ndarray().unwrap()
    };
    let whole = fortran("[('a', '<f8', (2,))]", &doubles_of(&[0.0, 1.0, 4.0, 5.0, 2.0, 3.0, 6.0, 7.0]));
    let field = whole.field("a").unwrap();
    assert!(field.bytes().is_none() && !field.fortran_order() && whole.bytes().is_some());
    assert_eq!(field.to_vec::<f64>().unwrap(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    assert!(field.to_array::<f64>().unwrap().is_standard_layout());
    let data: Vec<_> = [0.0, 2.0, 1.0, 3.0_f64]
        .iter()
        .flat_map(|value| [value.to_le_bytes(), value.to_be_bytes()].concat())
        .collect();
    let whole = fortran("[('x', '<f8'), ('y', '>f8')]", &data);
    for name in ["x", "y"] {
        let array = whole.field(name).unwrap().to_array2::<f64>().unwrap();
        assert_eq!(array, nd![[0.0, 1.0], [2.0, 3.0]], "{name}");
        assert_eq!(array.strides(), [1, 2], "{name}");
    }
}

/// Sixty-four dimensions, and a shape whose product only fits because one of them is zero.
#[test]
fn odd_shapes_are_no_trouble() {
    let shape = format!("({})", "1, ".repeat(64));
    let model = one("'<f8'", &shape, &doubles_of(&[2.0]));
    assert_eq!(model.root().array::<f64>().unwrap().ndim(), 64);
    let model = one("'<f4'", "(2305843009213693951, 0)", &[]);
    // Whatever ndarray makes of it, it does not panic.
    let _ = model.root().array::<f32>();
    let _ = model.root().array::<f64>();
    assert_eq!(model.root().ndarray().unwrap().items().count(), 0);
}
