//! Contents that hold what their types promise: real files do, and files that lie are refused with the code of what
//! they lie about.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use common::{Edit, files, load_trusting, npy};
use serde_json::json;
use skops_rs::{Archive, Audit, Error, Limits};

fn audit(path: &std::path::Path) -> Result<Audit, Error> {
    Archive::open(path)?.schema()?.audit()
}

#[test]
fn real_files_keep_their_promises() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for release in ["0.5", "0.9", "0.11", "0.13", "0.16"] {
        for path in files(&format!("real/skops-{release}"), ".skops") {
            let Ok(audit) = audit(&path) else { continue };
            count += 1;
            let found = audit.violations();
            wrong.extend(found.iter().map(|error| format!("{}: {} {error}", path.display(), error.code())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 2000, "{count}");
}

/// What a changed file is refused for: by the separate check, and when the model is built.
fn refusal(name: &str, change: impl FnOnce(&mut Edit)) -> (String, String) {
    let mut edit = Edit::real(&format!("real/{name}.skops"));
    change(&mut edit);
    let archive = Archive::from_bytes(edit.build(), Limits::default()).unwrap();
    let audit =
        archive.schema().unwrap().audit().unwrap_or_else(|error| panic!("{name}: {error} {}", error.at()));
    let Err(error) = audit.verify() else { panic!("{name}: accepted") };
    let model = load_trusting(&archive);
    let built = model.verify().unwrap_err();
    assert_eq!(built.code(), error.code());
    // Nothing in the object can be had either.
    let object =
        model.objects().find(|object| object.pointer() == error.at().pointer.clone().unwrap_or_default());
    if let Some(object) = object {
        assert_eq!(object.value().err().map(|error| error.code()), Some(error.code()), "{name}");
        if let Ok(mut attributes) = object.attrs() {
            panic!("{name}: {:?}", attributes.next());
        }
    }
    (error.code().to_string(), error.found().to_owned())
}

macro_rules! lies {
    ($($test:ident: $name:literal, $code:literal, $text:literal, $change:expr;)*) => {
        $(
            #[test]
            fn $test() {
                let (code, found) = refusal($name, $change);
                assert_eq!(code, $code, "{found}");
                assert!(found.contains($text), "{found}");
            }
        )*
    };
}

/// Bytes of a node of a `Tree`.
const NODE: usize = 64;

fn word(value: i64) -> [u8; 8] {
    value.to_le_bytes()
}

/// An array of objects.
fn object_array(items: Vec<serde_json::Value>) -> serde_json::Value {
    let size = common::json_node(&items.len().to_string());
    let fields = json!({"type": "json", "content": items, "shape": common::tuple(vec![size])});
    common::node("NdArrayNode", "numpy.ndarray", fields)
}

/// Lets the start of boosting be another real model, changed.
fn start_from(edit: &mut Edit, name: &str, change: impl FnOnce(&mut Edit)) {
    *edit.node("init_") = transplant(edit, name, change);
}

/// The object of another real file, changed, with ids and entries that this one does not have.
fn transplant(edit: &mut Edit, name: &str, change: impl FnOnce(&mut Edit)) -> serde_json::Value {
    fn rename(node: &mut serde_json::Value) {
        match node {
            serde_json::Value::Array(items) => items.iter_mut().for_each(rename),
            serde_json::Value::Object(fields) => {
                if let Some(id) = fields.get("__id__").and_then(serde_json::Value::as_u64) {
                    fields.insert("__id__".to_owned(), (id + (1 << 50)).into());
                }
                if let Some(file) = fields.get("file").and_then(serde_json::Value::as_str) {
                    let file = format!("other-{file}");
                    fields.insert("file".to_owned(), file.into());
                }
                fields.values_mut().for_each(rename);
            }
            _ => (),
        }
    }
    let mut other = Edit::real(&format!("real/{name}.skops"));
    change(&mut other);
    for field in ["protocol", "_skops_version"] {
        other.schema.as_object_mut().unwrap().remove(field);
    }
    rename(&mut other.schema);
    edit.payloads.extend(other.payloads.into_iter().map(|(name, data)| (format!("other-{name}"), data)));
    other.schema
}

/// Puts an attribute into the state of the instance at a path.
fn put_attribute(edit: &mut Edit, path: &str, name: &str, value: serde_json::Value) {
    let state = &mut edit.node(path)["content"];
    state["content"][name] = value;
    let key_types = state["key_types"]["content"].as_array_mut().unwrap();
    key_types.push(key_types[0].clone());
    state["__id__"] = (3_u64 << 60).into();
    state["key_types"]["__id__"] = ((3_u64 << 60) + 1).into();
}

#[test]
fn boosting_starts_from_what_is_known() {
    let regressors = [
        "linear_linear",
        "linear_ridge",
        "linear_lasso",
        "linear_elastic_net",
        "linear_huber",
        "tree_regressor",
        "random_forest_regressor",
        "extra_trees_regressor",
        "randomized_search",
        "svm_svr",
    ];
    let multiclass =
        ["linear_logistic_multinomial", "linear_logistic_cv", "tree_classifier", "random_forest_classifier"];
    let binary = ["linear_logistic", "meta_calibrated", "pipeline"];
    let cases = [
        ("gradient_boosting_regressor", &regressors[..]),
        ("gradient_boosting_classifier_multiclass", &multiclass[..]),
        ("gradient_boosting_classifier", &binary[..]),
    ];
    for (boosting, starts) in cases {
        for start in starts {
            let mut edit = Edit::real(&format!("real/skops-0.16/{boosting}.skops"));
            start_from(&mut edit, &format!("skops-0.16/{start}"), |_| ());
            let archive = Archive::from_bytes(edit.build(), Limits::default()).unwrap();
            let found = archive.schema().unwrap().audit().unwrap().verify();
            assert!(found.is_ok(), "{boosting} {start}: {found:?}");
        }
    }
}

lies! {
    tree_child_out_of_range: "skops-0.16/tree_classifier", "invariant-tree", "has node 0 with the child 1000",
        |edit| { edit.patch("tree_.nodes", 0, &word(1000)); };
    tree_child_negative: "skops-0.16/tree_classifier", "invariant-tree", "has node 0 with the child -7",
        |edit| { edit.patch("tree_.nodes", 8, &word(-7)); };
    tree_cycle: "skops-0.16/tree_classifier", "invariant-tree", "which does not come after it",
        |edit| { edit.patch("tree_.nodes", 0, &word(0)); };
    tree_node_reached_twice: "skops-0.16/tree_classifier", "invariant-tree", "as the child of two",
        |edit| { edit.patch("tree_.nodes", 8, &word(1)); };
    tree_right_leaf_only: "skops-0.16/tree_classifier", "invariant-tree", "has node 0 with the child -1",
        |edit| { edit.patch("tree_.nodes", 8, &word(-1)); };
    tree_node_lost: "skops-0.16/tree_classifier", "invariant-tree", "child of none",
        |edit| { edit.patch("tree_.nodes", 0, &word(-1)).patch("tree_.nodes", 8, &word(-1)).patch("tree_.nodes", 16, &word(-2)); };
    tree_leaf_with_feature: "skops-0.16/tree_classifier", "invariant-tree", "has the leaf",
        |edit| {
            let left = edit.model.at("tree_.nodes").unwrap().ndarray().unwrap().field("left_child").unwrap();
            let leaf = left.to_vec::<i64>().unwrap().iter().position(|child| *child == -1).unwrap();
            edit.patch("tree_.nodes", leaf * NODE + 16, &word(0));
        };
    tree_feature_out_of_range: "skops-0.16/tree_classifier", "invariant-tree", "with the feature 3, where there are 3",
        |edit| { edit.patch("tree_.nodes", 16, &word(3)); };
    tree_flag: "skops-0.16/tree_classifier", "invariant-tree", "missing_go_to_left = 2",
        |edit| { edit.patch("tree_.nodes", 56, &[2]); };
    tree_node_count: "skops-0.16/tree_classifier", "invariant-tree", "a node_count of 1000000",
        |edit| { edit.set("tree_.node_count", "1000000"); };
    tree_max_depth: "skops-0.16/tree_classifier", "invariant-tree", "a max_depth of -1",
        |edit| { edit.set("tree_.max_depth", "-1"); };
    tree_outputs: "skops-0.16/tree_classifier", "invariant-tree", "was made for 9 outputs",
        |edit| { edit.set("tree_.__reduce__.args[2]", "9"); };
    tree_values: "skops-0.16/tree_classifier", "invariant-tree", "has values of shape",
        |edit| { edit.put_array("tree_.values", common::doubles(&[1.0])); };
    tree_fields_in_another_order: "skops-0.16/tree_classifier", "invariant-tree", "is not its own", |edit| {
        let file = edit.node("tree_.nodes")["file"].as_str().unwrap().to_owned();
        let (_, data) = edit.payloads.iter_mut().find(|(name, _)| *name == file).unwrap();
        let text: String = data[..512].iter().map(|byte| char::from(*byte)).collect();
        let swapped = text.replace("left_child", "LEFT").replace("feature", "left_child").replace("LEFT", "feature");
        data[..512].copy_from_slice(&swapped.chars().map(|character| character as u8).collect::<Vec<_>>());
    };
    tree_without_state: "skops-0.16/tree_classifier", "invariant-tree", "has no attribute",
        |edit| {
        let state = edit.node("tree_.content");
        (state["content"], state["key_types"]) = (json!({}), common::list(vec![]));
    };
    tree_features_of_estimator: "skops-0.16/tree_classifier", "invariant-ensemble", "has 2 features and a tree for 3",
        |edit| { edit.set("n_features_in_", "2"); };
    tree_features_no_int: "skops-0.16/tree_classifier", "invariant-ensemble", "no number of features",
        |edit| { edit.set("n_features_in_", "3.0"); };
    forest_features: "skops-0.16/random_forest_classifier", "invariant-ensemble", "gives 2 features to estimators_[0]",
        |edit| { edit.set("n_features_in_", "2"); };
    boosting_columns: "skops-0.16/gradient_boosting_classifier_multiclass", "invariant-ensemble", "has 3 trees a stage",
        |edit| { edit.put_array("classes_", npy(&common::header("'<i8'", "(2,)"), &[0; 16])); };
    boosting_start: "skops-0.16/gradient_boosting_classifier_multiclass", "invariant-ensemble", "with n_classes_ = 2, where 3 belong",
        |edit| { edit.set("init_.n_classes_", "2"); };
    predictor_child: "skops-0.16/hist_gradient_boosting_regressor", "invariant-predictor", "with the child",
        |edit| { edit.patch("_predictors[0][0].nodes", 29, &4_000_000_000_u32.to_le_bytes()); };
    predictor_feature: "skops-0.16/hist_gradient_boosting_regressor", "invariant-ensemble", "with the feature 77",
        |edit| { edit.patch("_predictors[0][0].nodes", 12, &word(77)); };
    predictor_bitset: "skops-0.16/hist_gradient_boosting_regressor", "invariant-predictor", "with the bitset", |edit| {
        edit.patch("_predictors[0][0].nodes", 51, &[1, 9, 9, 9, 9]);
    };
    boosting_in_fit: "skops-0.16/hist_gradient_boosting_regressor", "invariant-ensemble", "is being fitted", |edit| {
        put_attribute(edit, "", "_in_fit", common::json_node("true"));
    };
    quantile_forest_sample: "skops-0.16/quantile_forest_regressor", "invariant-quantile-forest", "has the sample 99999", |edit| {
        edit.patch("forest_.__reduce__.args[1]", 0, &word(99999));
    };
    random_state_position: "skops-0.16/random_state", "invariant-random", "pos = 100000000",
        |edit| { edit.set("content['state']['pos']", "100000000"); };
    philox_position: "skops-0.16/random_generator_Philox", "invariant-random", "buffer_pos = -1",
        |edit| { edit.set("bit_generator['buffer_pos']", "-1"); };
    generator_flag: "skops-0.16/random_generator_PCG64", "invariant-random", "has_uint32 = 7",
        |edit| { edit.set("bit_generator['has_uint32']", "7"); };
    generator_state_too_wide: "skops-0.16/random_generator_PCG64", "invariant-random", "no number of 128 bits",
        |edit| { edit.set("bit_generator['state']['inc']", &"9".repeat(40)); };
    neighbors_index: "skops-0.16/neighbors_kd_tree_alone", "invariant-neighbors", "has the index 24",
        |edit| { edit.patch("content[1]", 0, &word(24)); };
    neighbors_range: "skops-0.16/neighbors_kd_tree_alone", "invariant-neighbors", "for the points -1",
        |edit| { edit.patch("content[2]", 0, &word(-1)); };
    neighbors_leaf: "skops-0.16/neighbors_kd_tree_alone", "invariant-neighbors", "which is no leaf",
        |edit| { edit.patch("content[2]", 32 + 16, &word(0)); };
    neighbors_levels: "skops-0.16/neighbors_ball_tree_alone", "invariant-neighbors", "has 9 levels",
        |edit| { edit.set("content[5]", "9"); };
    neighbors_leaf_size: "skops-0.16/neighbors_ball_tree_alone", "invariant-neighbors", "leaf_size",
        |edit| { edit.set("content[4]", "0"); };
    neighbors_labels: "skops-0.16/neighbors_brute", "invariant-neighbors", "has the label 1000",
        |edit| { edit.patch("_y", 0, &word(1000)); };
    svm_counts: "skops-0.16/svm_svc", "invariant-svm", "in _n_support",
        |edit| { edit.patch("_n_support", 0, &1_000_000_i32.to_le_bytes()); };
    svm_negative_counts: "skops-0.16/svm_svc", "invariant-svm", "negative",
        |edit| { edit.patch("_n_support", 0, &(-1_i32).to_le_bytes()); };
    svm_support: "skops-0.16/svm_svc", "invariant-svm", "as a support vector",
        |edit| { edit.patch("support_", 0, &99_i32.to_le_bytes()); };
    svm_coefficients: "skops-0.16/svm_svc", "invariant-svm", "has _dual_coef_ of shape",
        |edit| { edit.put_array("_dual_coef_", common::doubles(&[1.0])); };
    svm_intercept: "skops-0.16/svm_svc", "invariant-svm", "has _intercept_ of",
        |edit| { edit.put_array("_intercept_", common::doubles(&[])); };
    svm_regression: "skops-0.16/svm_svr", "invariant-svm", "in _n_support",
        |edit| { edit.patch("_n_support", 0, &1_i32.to_le_bytes()); };
    vocabulary_out_of_range: "skops-0.16/text_count", "invariant-vocabulary", "where there are",
        |edit| { edit.set("vocabulary_['cat']", "2147483646"); };
    vocabulary_twice: "skops-0.16/text_count", "invariant-vocabulary", "which another word has", |edit| {
        let column = edit.node("vocabulary_['cat']")["content"].as_str().unwrap().to_owned();
        edit.set("vocabulary_['dog']", &column);
    };
    linear_features: "skops-0.16/linear_logistic", "invariant-linear", "has 1000000000 features",
        |edit| { edit.set("n_features_in_", "1000000000"); };
    linear_classes: "skops-0.16/linear_logistic", "invariant-linear", "has 7 classes",
        |edit| { edit.put_array("classes_", npy(&common::header("'<i8'", "(7,)"), &[0; 56])); };
    linear_intercepts: "skops-0.16/linear_logistic_multinomial", "invariant-linear", "has an intercept_ of shape [2]",
        |edit| { edit.put_array("intercept_", common::doubles(&[1.0, 2.0])); };
    encoder_columns: "skops-0.16/preprocessing_one_hot_infrequent", "invariant-encoder", "makes 1 columns of feature 0",
        |edit| { edit.set("_n_features_outs[0]", "1"); };
    encoder_columns_that_add: "skops-0.16/preprocessing_one_hot_infrequent", "invariant-encoder", "_n_features_outs, which is a numpy.ndarray", |edit| {
        let items = edit.node("_n_features_outs")["content"].as_array().unwrap().clone();
        *edit.node("_n_features_outs") = object_array(items);
    };
    sparse_instance_shape: "skops-0.9/sparse_csr_array", "invariant-sparse", "_shape, which is a builtins.list",
        |edit| {
            let items = edit.node("_shape")["content"].as_array().unwrap().clone();
            *edit.node("_shape") = common::list(items);
        };
    encoder_mapping: "skops-0.16/preprocessing_one_hot_infrequent", "invariant-encoder", "maps a category of feature 0 to 1000",
        |edit| { edit.patch("_default_to_infrequent_mappings[0]", 0, &word(1000)); };
    encoder_features: "skops-0.16/preprocessing_ordinal", "invariant-encoder", "has 50 features",
        |edit| { edit.set("n_features_in_", "50"); };
    stacking_method: "skops-0.16/ensemble_stacking", "invariant-method", "'format'",
        |edit| { edit.set("stack_method_[0]", "\"format\""); };
    threshold_method: "skops-0.16/meta_fixed_threshold", "invariant-method", "'__class__'",
        |edit| { edit.set("response_method", "\"__class__\""); };
    pipeline_step: "skops-0.16/pipeline", "invariant-steps", "steps[0]",
        |edit| { *edit.node("steps[0][1]") = common::json_node("\"anything\""); };
    centers_width: "skops-0.16/cluster_kmeans", "invariant-arrays", "has 2 features",
        |edit| { edit.set("n_features_in_", "2"); };
    bisection_center: "skops-0.16/cluster_bisecting", "invariant-arrays", "a center of shape [1]",
        |edit| { edit.put_array("_bisecting_tree.left.center", common::doubles(&[1.0])); };
    linkage_cluster: "skops-0.16/cluster_hdbscan", "invariant-arrays", "left_node = -5",
        |edit| { edit.patch("_single_linkage_tree_", 0, &word(-5)); };
    spline_coefficients: "skops-0.16/preprocessing_spline", "invariant-arrays", "has 1 coefficients", |edit| {
        let path = if edit.model.at("bsplines_[0].c").is_ok() { "bsplines_[0].c" } else { "bsplines_[0]._c" };
        edit.put_array(path, common::doubles(&[1.0]));
    };
    spline_knots: "skops-0.16/preprocessing_spline", "invariant-arrays", "knots that do not rise", |edit| {
        let path = if edit.model.at("bsplines_[0].t").is_ok() { "bsplines_[0].t" } else { "bsplines_[0]._t" };
        edit.patch(path, 0, &f64::NAN.to_le_bytes());
    };
    hasher_features: "skops-0.16/text_feature_hasher", "invariant-arrays", "hashes to 0 features",
        |edit| { edit.set("n_features", "0"); };
    twister_of_zeros: "skops-0.16/random_state", "invariant-random", "a key of zeros",
        |edit| { edit.patch("content['state']['key']", 0, &[0; 624 * 4]); };
    generator_even: "skops-0.16/random_generator_PCG64", "invariant-random", "an even inc",
        |edit| { edit.set("bit_generator['state']['inc']", "4"); };
    generator_pool: "skops-0.16/random_generator_PCG64", "invariant-random", "pool_size of 10000000",
        |edit| { edit.set("seed_seq['pool_size']", "10000000"); };
    bit_generator_alone: "skops-0.16/random_bit_generator", "invariant-random", "even inc",
        |edit| { edit.set("content[0]['state']['inc']", "4"); };
    chain_method: "skops-0.16/meta_classifier_chain", "invariant-method", "'fit'",
        |edit| { edit.set("chain_method", "\"fit\""); };
    encoder_order: "skops-0.16/column_transformer", "invariant-encoder", "rise",
        |edit| { edit.patch("transformers_[1][1].categories_[0]", 0, &1e9_f64.to_le_bytes()); };
    predictors_in_a_dict: "skops-0.16/hist_gradient_boosting_regressor", "invariant-ensemble", "no list",
        |edit| { *edit.node("_predictors") = common::dict(vec![("0", common::list(vec![]))]); };
    tree_among_estimators: "skops-0.16/random_forest_classifier", "invariant-steps", "elsewhere than as tree_", |edit| {
        let tree = edit.node("estimators_[1].tree_").clone();
        *edit.node("estimators_[0]") = tree;
    };
    tree_of_another_estimator: "skops-0.16/tree_classifier", "invariant-ensemble", "which is no Tree",
        |edit| { *edit.node("tree_") = common::json_node("null"); };
    boosting_loss: "skops-0.16/gradient_boosting_classifier_multiclass", "invariant-ensemble", "of other classes",
        |edit| { edit.set("_loss.n_classes", "2"); };
    boosting_priors: "skops-0.16/gradient_boosting_classifier_multiclass", "invariant-ensemble", "priors of [1] for 3 classes",
        |edit| { edit.put_array("init_.class_prior_", common::doubles(&[1.0])); };
    number_that_is_an_array: "skops-0.16/cluster_kmeans", "invariant-arrays", "has _n_threads, which is no integer",
        |edit| { edit.put_array("_n_threads", npy(&common::header("'<i8'", "()"), &word(-1))); };
    vocabulary_of_another_class: "skops-0.16/text_count", "invariant-vocabulary", "no dict",
        |edit| { edit.node("vocabulary_")["__class__"] = "OrderedDict".into(); edit.node("vocabulary_")["__module__"] = "collections".into(); };
    mapping_of_floats: "skops-0.16/preprocessing_one_hot_infrequent", "invariant-encoder", "where integers belong",
        |edit| { edit.put_array("_default_to_infrequent_mappings[0]", common::doubles(&[0.0, 1.0, 1e9])); };
    random_state_of_no_name: "skops-0.16/random_state", "invariant-random", "that numpy does not have", |edit| {
        edit.put_array("content['bit_generator']", npy(&common::header("'<U1'", "()"), &[0x4D, 0, 0, 0]));
        edit.node("content['bit_generator']")["__class__"] = "str_".into();
    };
    svm_from_another_module: "skops-0.16/svm_svc", "invariant-svm", "in _n_support", |edit| {
        edit.patch("_n_support", 0, &1_000_000_i32.to_le_bytes());
        edit.node("")["__module__"] = "sklearn.svm".into();
    };
    tree_by_another_loader: "skops-0.16/tree_classifier", "invariant-tree", "is made by a ObjectNode", |edit| {
        let tree = edit.node("tree_");
        (tree["__module__"], tree["__loader__"]) = ("sklearn.tree._classes".into(), "ObjectNode".into());
        tree.as_object_mut().unwrap().remove("__reduce__");
    };
    svm_without_support: "skops-0.16/svm_svc_sparse", "invariant-svm", "no attribute 'support_'", |edit| {
        let state = edit.node("content")["content"].as_object_mut().unwrap();
        let support = state.remove("support_").unwrap();
        state.insert("other_".to_owned(), support);
    };
    svm_masked: "skops-0.16/svm_svc", "invariant-svm", "has dual_coef_, which is", |edit| {
        let parts = json!({"data": edit.node("dual_coef_").clone(), "mask": edit.node("_dual_coef_").clone()});
        *edit.node("dual_coef_") = common::node("MaskedArrayNode", "numpy.ma.MaskedArray", json!({"content": parts}));
    };
    sparse_instance: "skops-0.9/sparse_csr_array", "invariant-sparse", "has indices[0] = 99",
        |edit| { edit.patch("indices", 0, &99_i32.to_le_bytes()); };
    sparse_instance_more: "skops-0.9/sparse_csr_array", "invariant-sparse", "has 4 indices, and its indptr ends with 3",
        |edit| { edit.patch("indptr", 4 * 4, &3_i32.to_le_bytes()); };
    sparse_instance_lengths: "skops-0.9/sparse_csr_array", "invariant-sparse", "lengths do not fit",
        |edit| { edit.put_array("data", common::doubles(&[1.0])); };
    dropped_float: "skops-0.16/preprocessing_one_hot", "invariant-encoder", "a float", |edit| {
        let float = common::json_node("-1.0");
        let count = edit.model.at("categories_").unwrap().item_count().unwrap();
        *edit.node("drop_idx_") = object_array(vec![float.clone(); count]);
        *edit.node("_drop_idx_after_grouping") = object_array(vec![float; count]);
    };
    boosting_start_unknown: "skops-0.16/gradient_boosting_classifier_multiclass", "invariant-ensemble", "not known how many columns",
        |edit| {
            let start = edit.node("init_");
            (start["__module__"], start["__class__"]) = ("sklearn.naive_bayes".into(), "MultinomialNB".into());
        };
    boosting_link: "skops-0.16/gradient_boosting_classifier_multiclass", "invariant-ensemble", "the link",
        |edit| { edit.node("_loss.link")["__class__"] = "IdentityLink".into(); };
    state_of_another_kind: "skops-0.16/linear_logistic", "invariant-attribute", "as its state", |edit| {
        let state = edit.node("content");
        (state["__module__"], state["__class__"]) = ("collections".into(), "OrderedDict".into());
    };
    tree_classes: "skops-0.16/tree_classifier", "invariant-ensemble", "has 7 classes and a tree for",
        |edit| { edit.put_array("classes_", npy(&common::header("'<i8'", "(7,)"), &[0; 56])); };
    neighbors_labels_of_floats: "skops-0.16/neighbors_brute", "invariant-neighbors", "where integers belong", |edit| {
        let count = edit.model.at("_y").unwrap().ndarray().unwrap().len();
        edit.put_array("_y", common::doubles(&vec![1e9; count]));
    };
    preprocessor_weights: "skops-0.16/hist_gradient_boosting_regressor", "invariant-ensemble", "with weights",
        |edit| { *edit.node("_preprocessor.transformer_weights") = common::dict(vec![]); };
    preprocessor_of_another_class: "skops-0.16/hist_gradient_boosting_regressor", "invariant-ensemble", "a _preprocessor that is a",
        |edit| { edit.node("_preprocessor")["__class__"] = "FeatureUnion".into(); };
    boosting_start_of_no_outputs: "skops-0.16/gradient_boosting_regressor", "invariant-ensemble", "with n_outputs_ = 0, where 1 belong",
        |edit| { edit.set("init_.n_outputs_", "0"); };
    boosting_start_intercept_of_no_rows: "skops-0.16/gradient_boosting_regressor", "invariant-linear", "an intercept_ of shape [0, 1]",
        |edit| start_from(edit, "skops-0.16/linear_linear", |start| {
            start.put_array("intercept_", npy(&common::header("'<f8'", "(0, 1)"), &[]));
        });
    boosting_start_intercept_of_objects: "skops-0.16/gradient_boosting_regressor", "invariant-ensemble", "an intercept_ that is an array of objects",
        |edit| start_from(edit, "skops-0.16/linear_huber", |start| {
            *start.node("intercept_") = object_array(vec![common::json_node("0.0")]);
        });
    boosting_start_several_numbers: "skops-0.16/gradient_boosting_regressor", "invariant-ensemble", "with coef_ of shape [2, 3]",
        |edit| start_from(edit, "skops-0.16/linear_ridge", |start| {
            start.put_array("coef_", npy(&common::header("'<f8'", "(2, 3)"), &[0; 48]));
        });
    boosting_start_forest_of_other_classes: "skops-0.16/gradient_boosting_classifier_multiclass", "invariant-ensemble", "with n_classes_ = 1, where 3 belong",
        |edit| start_from(edit, "skops-0.16/random_forest_classifier", |start| { start.set("n_classes_", "1"); });
    boosting_start_forest_of_classes_in_rows: "skops-0.16/gradient_boosting_classifier_multiclass", "invariant-ensemble", "with classes_ of shape [3, 1]",
        |edit| start_from(edit, "skops-0.16/random_forest_classifier", |start| {
            start.put_array("classes_", npy(&common::header("'<i8'", "(3, 1)"), &[0; 24]));
        });
    boosting_start_classifier_for_numbers: "skops-0.16/gradient_boosting_regressor", "invariant-ensemble", "how many numbers it predicts",
        |edit| start_from(edit, "skops-0.16/tree_classifier", |_| ());
    boosting_start_decoy: "skops-0.16/gradient_boosting_regressor", "invariant-ensemble", "with n_outputs_ = 0",
        |edit| {
            let good = edit.node("init_").clone();
            edit.set("init_.n_outputs_", "0");
            put_attribute(edit, "init_", "best_estimator_", good);
        };
    boosting_start_pipeline: "skops-0.16/gradient_boosting_classifier", "invariant-ensemble", "whose steps[0] is a PCA",
        |edit| start_from(edit, "skops-0.16/pipeline", |start| {
            let step = start.node("steps[0][1]");
            (step["__module__"], step["__class__"]) = ("sklearn.decomposition._pca".into(), "PCA".into());
        });
    boosting_start_pipeline_scale: "skops-0.16/gradient_boosting_classifier", "invariant-ensemble", "has scale_, which is",
        |edit| start_from(edit, "skops-0.16/pipeline", |start| {
            *start.node("steps[0][1].scale_") = common::list(vec![]);
        });
    boosting_start_binary: "skops-0.16/gradient_boosting_classifier", "invariant-ensemble", "from a _ConstantPredictor",
        |edit| {
            let start = edit.node("init_");
            (start["__module__"], start["__class__"]) = ("sklearn.multiclass".into(), "_ConstantPredictor".into());
        };
    boosting_start_alias: "skops-0.16/gradient_boosting_regressor", "invariant-ensemble", "how many numbers it predicts",
        |edit| { edit.node("init_")["__module__"] = "sklearn.ensemble._gb".into(); };
    boosting_start_kernel: "skops-0.16/gradient_boosting_regressor", "invariant-ensemble", "a kernel that is no text",
        |edit| start_from(edit, "skops-0.16/svm_svr", |start| {
            *start.node("kernel") = common::type_node("builtins.len");
            start.put_array("support_vectors_", npy(&common::header("'<f8'", "(0, 0)"), &[]));
            put_attribute(start, "", "_BaseLibSVM__Xfit", common::array("fit.npy"));
            start.payloads.push(("fit.npy".to_owned(), npy(&common::header("'<f8'", "(24, 1)"), &[0; 192])));
        });
    boosting_start_kind: "skops-0.16/gradient_boosting_regressor", "invariant-ensemble", "an _estimator_type of its own",
        |edit| put_attribute(edit, "init_", "_estimator_type", common::json_node("\"classifier\""));
    boosting_member_other: "skops-0.16/gradient_boosting_regressor", "invariant-ensemble", "which is a Ridge and no tree",
        |edit| {
            edit.node("estimators_[0][0]")["__class__"] = "Ridge".into();
            edit.node("estimators_[0][0]")["__module__"] = "sklearn.linear_model._ridge".into();
        };
    forest_member_alias: "skops-0.16/random_forest_classifier", "invariant-ensemble", "which is a BaseEstimator and no tree",
        |edit| { edit.node("estimators_[0]")["__class__"] = "BaseEstimator".into(); };
    boosting_loss_alias: "skops-0.16/gradient_boosting_classifier_multiclass", "invariant-ensemble", "which is none of its own",
        |edit| { edit.node("_loss")["__module__"] = "sklearn.ensemble._gb".into(); };
    boosting_loss_of_two_classes: "skops-0.16/gradient_boosting_classifier_multiclass", "invariant-ensemble", "which is none of its own",
        |edit| { edit.node("_loss")["__class__"] = "HalfBinomialLoss".into(); };
    linear_intercept_in_two_dimensions: "skops-0.16/linear_huber", "invariant-linear", "an intercept_ of shape [1, 2]",
        |edit| { edit.put_array("intercept_", npy(&common::header("'<f8'", "(1, 2)"), &[0; 16])); };
    linear_coefficients_in_a_list: "skops-0.16/linear_huber", "invariant-linear", "has coef_, which is a builtins.list",
        |edit| { *edit.node("coef_") = common::list(vec![]); };
    isolation_features_by_bools: "skops-0.16/isolation_forest", "invariant-ensemble", "where integers belong",
        |edit| { edit.put_array("estimators_features_[0]", npy(&common::header("'|b1'", "(3,)"), &[1, 0, 0])); };
    isolation_features_in_a_list: "skops-0.16/isolation_forest", "invariant-ensemble", "does not hold",
        |edit| { *edit.node("estimators_features_[0]") = common::list(vec![common::json_node("true"); 3]); };
    isolation_more_features: "skops-0.16/isolation_forest", "invariant-ensemble", "gives estimators_[0] 4 features of 3",
        |edit| { edit.put_array("estimators_features_[0]", npy(&common::header("'<i8'", "(4,)"), &[0; 32])); };
    centers_in_a_list: "skops-0.16/cluster_kmeans", "invariant-arrays", "has cluster_centers_, which is a builtins.list",
        |edit| { *edit.node("cluster_centers_") = common::list(vec![]); };
    birch_sums: "skops-0.16/cluster_kmeans", "invariant-arrays", "and _subcluster_norms of shape [1]", |edit| {
        put_attribute(edit, "", "subcluster_centers_", edit.schema["content"]["content"]["cluster_centers_"].clone());
        put_attribute(edit, "", "_subcluster_norms", common::array("sums.npy"));
        edit.payloads.push(("sums.npy".to_owned(), common::doubles(&[1.0])));
        let model = edit.node("");
        (model["__module__"], model["__class__"]) = ("sklearn.cluster._birch".into(), "Birch".into());
    };
    linkage_in_two_dimensions: "skops-0.16/cluster_hdbscan", "invariant-arrays", "has labels_ of shape [1, 1]",
        |edit| { edit.put_array("labels_", npy(&common::header("'<i8'", "(1, 1)"), &[0; 8])); };
    categories_in_two_dimensions: "skops-0.16/preprocessing_ordinal", "invariant-encoder", "has categories_ of shape [1, 1]", |edit| {
        let array = object_array(vec![common::list(vec![common::list(vec![])])]);
        *edit.node("categories_") = array;
        edit.node("categories_")["shape"] = common::tuple(vec![common::json_node("1"); 2]);
    };
    neighbors_precomputed: "skops-0.16/neighbors_brute", "invariant-neighbors", "only one is 'precomputed'",
        |edit| { edit.set("metric", "\"precomputed\""); };
    neighbors_sums: "skops-0.16/neighbors_brute", "invariant-neighbors", "has the parameter",
        |edit| { *edit.node("metric_params") = common::dict(vec![("Y_norm_squared", common::list(vec![]))]); };
    neighbors_labels_in_three_dimensions: "skops-0.16/neighbors_brute", "invariant-neighbors", "has labels of shape", |edit| {
        let count = edit.model.at("_y").unwrap().ndarray().unwrap().len();
        edit.put_array("_y", npy(&common::header("'<i8'", &format!("({count}, 1, 1)")), &vec![0; count * 8]));
    };
    weights_in_two_dimensions: "skops-0.16/text_tfidf", "invariant-vocabulary", "has idf_ of shape [1, 1]",
        |edit| { edit.put_array("_tfidf.idf_", npy(&common::header("'<f8'", "(1, 1)"), &[0; 8])); };
    dropped_in_two_dimensions: "skops-0.16/preprocessing_one_hot", "invariant-encoder", "_drop_idx_after_grouping of shape", |edit| {
        let count = edit.model.at("categories_").unwrap().item_count().unwrap();
        let indices = npy(&common::header("'<i8'", &format!("({count}, 1)")), &vec![0; count * 8]);
        edit.put_array("_drop_idx_after_grouping", indices);
    };
    labels_twice: "skops-0.16/labels_multi_binarizer", "invariant-encoder", "a label that another column has", |edit| {
        *edit.node("classes_") = object_array(["1", "true", "1.0"].map(common::json_node).to_vec());
    };
    labels_of_another_cache: "skops-0.16/labels_multi_binarizer", "invariant-encoder", "not that of its class", |edit| {
        let columns = [("a", "0"), ("b", "1"), ("other", "2")];
        *edit.node("_cached_dict") = common::dict(columns.map(|(key, value)| (key, common::json_node(value))).to_vec());
    };
    labels_in_two_dimensions: "skops-0.16/labels_multi_binarizer", "invariant-encoder", "classes_ of shape",
        |edit| { edit.put_array("classes_", npy(&common::header("'<i8'", "(3, 1)"), &[0; 24])); };
    vocabulary_of_bools: "skops-0.16/text_count", "invariant-vocabulary", "the key False", |edit| {
        let column = |value| common::json_node(value);
        let words = vec![("true", "builtins.bool", column("0")), ("false", "builtins.bool", column("1"))];
        *edit.node("vocabulary_") = common::dict_of(words);
    };
    dropped_for_show: "skops-0.16/preprocessing_one_hot", "invariant-encoder", "for some",
        |edit| { *edit.node("_drop_idx_after_grouping") = common::json_node("null"); };
    svm_kernel: "skops-0.16/svm_svc", "invariant-svm", "has a kernel that is",
        |edit| { edit.set("kernel", "7"); };
    svm_sparse_precomputed: "skops-0.16/svm_svc_sparse", "invariant-svm", "not computed from them",
        |edit| { edit.set("kernel", "\"precomputed\""); };
    svm_sparse_function: "skops-0.16/svm_svc_sparse", "invariant-svm", "not computed from them",
        |edit| { *edit.node("kernel") = common::type_node("builtins.len"); };
    svm_sparse_in_name: "skops-0.16/svm_svc", "invariant-svm", "stored otherwise",
        |edit| { edit.set("_sparse", "true"); };
    svm_sparse_no_bool: "skops-0.16/svm_svc_sparse", "invariant-svm", "no bool",
        |edit| { edit.set("_sparse", "1"); };
    svm_sparse_rows: "skops-0.16/svm_svc_sparse", "invariant-svm", "has support_vectors_ of shape",
        |edit| { *edit.node("support_vectors_") = edit.node("_dual_coef_").clone(); };
    svm_kernel_unknown: "skops-0.16/svm_svc", "invariant-svm", "does not have",
        |edit| { edit.set("kernel", "\"other\""); };
    sparse_index: "skops-0.16/svm_svc_sparse", "invariant-sparse", "indices", |edit| {
        let npz = npz_with_index(edit, "support_vectors_", 99);
        let file = edit.node("support_vectors_")["file"].as_str().unwrap().to_owned();
        edit.payloads.iter_mut().find(|(name, _)| *name == file).unwrap().1 = npz;
    };
}

/// The archive of a sparse matrix, with another first index.
fn npz_with_index(edit: &mut Edit, path: &str, index: i32) -> Vec<u8> {
    let file = edit.node(path)["file"].as_str().unwrap().to_owned();
    let (_, data) = edit.payloads.iter().find(|(name, _)| *name == file).unwrap();
    let npz = Archive::from_bytes(data.clone(), Limits::default()).unwrap();
    let member = |entry: &skops_rs::Entry| {
        let mut data = npz.read(entry).unwrap();
        if &*entry.name == "indices.npy" {
            let start = data.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            data[start..start + 4].copy_from_slice(&index.to_le_bytes());
        }
        common::Entry::stored(&entry.name, data)
    };
    common::Zip::new(npz.entries().iter().map(member).collect()).build()
}

/// Many objects that share a large one, by references: checking each would cost the size of all of them together.
#[test]
fn checks_of_what_is_shared_end() {
    let name = "140000000000001.npy";
    let items = 1 << 20;
    let mut data = vec![0_u8; items * 4];
    data[..4].copy_from_slice(&1_i32.to_le_bytes());
    let support = npy(&common::header("'<i4'", &format!("({items},)")), &data);
    let machine = |support| {
        let fit = common::tuple(vec![common::json_node("4000000"), common::json_node("1")]);
        let state = common::dict(vec![
            ("kernel", common::json_node("\"rbf\"")),
            ("n_features_in_", common::json_node("1")),
            ("shape_fit_", fit),
            ("support_", support),
            ("_n_support", common::with_id(common::array("140000000000002.npy"), 8)),
        ]);
        common::node("ObjectNode", "sklearn.svm._classes.SVR", json!({"content": state}))
    };
    let counts = npy(&common::header("'<i4'", "(2,)"), &[(items as i32).to_le_bytes(); 2].concat());
    let machines = (0..2000).map(|_| machine(common::with_id(common::array(name), 7))).collect();
    let bytes = common::skops(common::list(machines), &[(name, support), ("140000000000002.npy", counts)]);
    let archive = Archive::from_bytes(bytes, Limits::default()).unwrap();
    let audit = archive.schema().unwrap().audit().unwrap();
    let codes: std::collections::BTreeSet<_> =
        audit.violations().iter().map(|error| error.code().as_str()).collect();
    assert!(codes.contains("limit-checks"), "{codes:?}");
}

/// What is wrong stays wrong, however often one asks.
#[test]
fn a_fault_is_found_again() {
    let mut edit = Edit::real("real/skops-0.16/tree_classifier.skops");
    edit.set("tree_.max_depth", "1000");
    let archive = Archive::from_bytes(edit.build(), Limits::default()).unwrap();
    let model = load_trusting(&archive);
    for _ in 0..60_000 {
        assert_eq!(model.at("tree_").unwrap().check().unwrap_err().code().as_str(), "invariant-tree");
    }
}
