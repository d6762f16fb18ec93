//! What each loader refers to, and which types it may declare.
#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::restriction,
    reason = "a test may panic, and is read by itself"
)]

mod common;

use common::*;
use serde_json::{Value, json};
use skops_rs::TrustList;

/// The references of a file as `role loader name`, sorted by name.
fn references_of(bytes: Vec<u8>) -> Vec<String> {
    let audit = audit(bytes).unwrap();
    let line = |reference: skops_rs::Reference<'_>| {
        format!("{} {} {}", reference.role(), reference.loader(), reference.name())
    };
    audit.references().map(line).collect()
}

fn references(root: Value) -> Vec<String> {
    references_of(skops(root, &[]))
}

fn code(root: Value) -> &'static str {
    code_of(skops(root, &[]))
}

fn untrusted(root: Value) -> Vec<String> {
    audit(skops(root, &[]))
        .unwrap()
        .untrusted(&TrustList::default())
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn object(name: &str) -> Value {
    node("ObjectNode", name, json!({"content": dict(vec![])}))
}

#[test]
fn a_container_of_another_type_is_called() {
    assert_eq!(references(list(vec![])), ["instantiate ListNode builtins.list"]);
    let called = node("ListNode", "math.fsum", json!({"content": []}));
    assert_eq!(references(called), ["call ListNode math.fsum"]);
    let named_tuple = node("TupleNode", "a.Point", json!({"content": []}));
    assert_eq!(references(named_tuple), ["call TupleNode a.Point"]);
    let mut counter = dict(vec![]);
    (counter["__module__"], counter["__class__"]) = (json!("collections"), json!("Counter"));
    assert_eq!(
        references(counter),
        ["instantiate ListNode builtins.list", "call DictNode collections.Counter"]
    );
}

/// skops makes `list()` and the like by itself. Of any other type it fills what a call returns: of `builtins.globals`, its own
/// global names. Found by an attack, as all that follows up to the next test of another kind.
#[test]
fn nothing_else_in_builtins_is_a_container() {
    for (loader, fields) in [
        ("ListNode", json!({"content": []})),
        ("TupleNode", json!({"content": []})),
        ("SetNode", json!({"content": []})),
        ("DictNode", json!({"content": {}, "key_types": list(vec![])})),
    ] {
        for name in ["globals", "locals", "vars", "frozenset", "len", "object"] {
            assert_eq!(
                code(node(loader, &format!("builtins.{name}"), fields.clone())),
                "type-mismatch",
                "{loader}"
            );
        }
    }
}

/// A reference to the object with the id 7.
fn reference() -> Value {
    json!({"__class__": "x", "__module__": "x", "__loader__": "CachedNode", "__id__": 7})
}

fn default_dict(main: Value, factory: Value) -> Value {
    let content = json!({"main": main, "default_factory": factory});
    node("DefaultDictNode", "collections.defaultdict", json!({"content": content}))
}

/// An instance of a class without `__setstate__`, with this state.
fn with_state(state: Value) -> Value {
    node("ObjectNode", "a.B", json!({"content": state}))
}

/// `__dict__.update` takes pairs, too, from whatever can be iterated.
#[test]
fn attributes_have_no_special_names_in_any_form() {
    let pair = |name: &str| tuple(vec![json_node(name), type_node("a.Value")]);
    let objects = |items: Vec<Value>, shape: Vec<Value>| {
        node("NdArrayNode", "numpy.ndarray", json!({"type": "json", "content": items, "shape": tuple(shape)}))
    };
    let set = |items: Vec<Value>| node("SetNode", "builtins.set", json!({"content": items}));
    let forms: &[&dyn Fn(&str) -> Value] = &[
        &|name| dict(vec![(name.trim_matches('"'), json_node("1"))]),
        &|name| list(vec![pair(name)]),
        &|name| tuple(vec![pair("\"a\""), pair(name)]),
        &|name| tuple(vec![list(vec![json_node(name), json_node("1")])]),
        &|name| list(vec![dict(vec![(name.trim_matches('"'), json_node("1")), ("b", json_node("1"))])]),
        &|name| list(vec![set(vec![json_node("1"), json_node(name)])]),
        &|name| set(vec![pair(name)]),
        &|name| list(vec![objects(vec![json_node(name), json_node("1")], vec![json_node("2")])]),
        &|name| {
            objects(vec![list(vec![json_node(name), json_node("1")])], vec![json_node("1"), json_node("2")])
        },
    ];
    for (number, form) in forms.iter().enumerate() {
        assert_eq!(code(with_state(form("\"__array__\""))), "attribute-name", "{number}");
        assert_eq!(code(with_state(form("\"__doc__\""))), "accepted", "{number}");
        assert_eq!(code(with_state(form("\"array\""))), "accepted", "{number}");
    }
    // Slots come beside a dict: that is no list of pairs. Nor is there a name where something is made that could be one.
    let slots = dict(vec![("__slot__", json_node("1")), ("b", json_node("1"))]);
    assert_eq!(code(with_state(tuple(vec![json_node("null"), slots]))), "accepted");
    let made = node("ConstructorFromReduceNode", "a.name", json!({"content": tuple(vec![])}));
    assert_eq!(code(with_state(list(vec![tuple(vec![made, json_node("1")])]))), "malformed-node");
}

/// `__dict__.update` calls the `keys` of what has any.
#[test]
fn a_state_has_no_keys_of_its_own() {
    let call = node("ConstructorFromReduceNode", "a.State", json!({"content": tuple(vec![])}));
    for state in [with_state(dict(vec![])), type_node("a.State"), call] {
        assert_eq!(code(with_state(state)), "malformed-node");
    }
}

/// skops calls the types of keys, and reads a bit generator's name, once they are built. What the file has called until then
/// could have changed them, if they are anything else, too.
#[test]
fn what_skops_looks_into_is_shared_with_nothing() {
    let other = |node: Value, shared: Value| list(vec![node, shared]);
    let reference = |id: u64| node("CachedNode", "builtins.dict", json!({"__id__": id}));
    let mut typed = dict(vec![("a", json_node("1"))]);
    typed["key_types"]["__id__"] = json!(7);
    let mut generator = generator("PCG64", true);
    generator["content"]["bit_generator"]["__id__"] = json!(7);
    let object = with_state(with_id(dict(vec![("a", json_node("1"))]), 7));
    for (root, part) in [
        (&typed, &typed["key_types"]),
        (&generator, &generator["content"]["bit_generator"]),
        (&object, &object["content"]),
    ] {
        assert_eq!(code(root.clone()), "accepted");
        assert_eq!(code(other(root.clone(), reference(7))), "malformed-node");
        assert_eq!(code(other(root.clone(), json!({"__id__": 7}))), "malformed-node");
        assert_eq!(code(other(root.clone(), part.clone())), "malformed-node");
        assert_eq!(code(other(part.clone(), root.clone())), "malformed-node");
        // What is used twice is written twice, with all that is in it.
        let whole = with_id(root.clone(), 8);
        assert_eq!(code(other(whole.clone(), whole)), "accepted");
    }
}

/// Python looks on the instance first. `IsotonicRegression.__setstate__` calls `_build_f`, with what the file gives it.
#[test]
fn attributes_are_not_named_like_methods() {
    let estimator = |class: &str, name: &str| {
        node("ObjectNode", class, json!({"content": dict(vec![(name, type_node("a.Value"))])}))
    };
    for (class, name) in [
        ("sklearn.isotonic.IsotonicRegression", "_build_f"),
        ("sklearn.preprocessing._data.StandardScaler", "get_params"),
        ("sklearn.preprocessing.StandardScaler", "_get_param_names"),
        ("sklearn.svm._classes.SVC", "_impl"),
        ("sklearn._loss.loss.HalfMultinomialLoss", "is_multiclass"),
    ] {
        assert_eq!(code(estimator(class, name)), "attribute-name", "{class}");
        assert_eq!(code(estimator(class, "anything")), "accepted", "{class}");
        // Another module may have one of scikit-learn's classes by another name, so some are refused everywhere.
        let is_called = ["_build_f", "get_params", "_get_param_names"].contains(&name);
        assert_eq!(code(estimator("a.B", name)), if is_called { "attribute-name" } else { "accepted" });
    }
    assert_eq!(code(estimator("a.B", "predict")), "accepted");
}

/// scikit-learn shows the release that a state claims, in a warning, and asks the nodes of a predictor for their dtype.
#[test]
fn what_scikit_learn_looks_into_is_what_it_writes() {
    let scaler = "sklearn.preprocessing._data.StandardScaler";
    let predictor = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor";
    let with = |class: &str, key: &str, value: Value| {
        code(node("ObjectNode", class, json!({"content": dict(vec![(key, value)])})))
    };
    let isotonic = "sklearn.isotonic.IsotonicRegression";
    let frozen = "sklearn.frozen._frozen.FrozenEstimator";
    for (class, key) in [
        (scaler, "_sklearn_version"),
        (predictor, "nodes"),
        (isotonic, "X_thresholds_"),
        (isotonic, "y_thresholds_"),
        (frozen, "estimator"),
    ] {
        assert_eq!(with(class, key, dict(vec![])), "malformed-node", "{key}");
        assert_eq!(with(class, key, type_node("a.B")), "malformed-node", "{key}");
        let expected = if key == "_sklearn_version" { "malformed-node" } else { "accepted" };
        assert_eq!(with("a.B", key, dict(vec![])), expected, "{key}");
    }
    assert_eq!(with(scaler, "_sklearn_version", json_node("\"1.9\"")), "accepted");
    assert_eq!(with(frozen, "estimator", object("a.B")), "accepted");
}

/// `Tree` asks its nodes for `astype`, and its state for keys: a `defaultdict` calls for those that it has not.
#[test]
fn what_a_tree_looks_into_is_what_it_writes() {
    let made = |loader: &str, class: &str, args: Value, state: Value| {
        code(node(loader, class, json!({"content": state, "__reduce__": {"args": args}})))
    };
    let with = |loader: &str, class: &str, state: Value| made(loader, class, tuple(vec![]), state);
    let tree = |state: Value| with("TreeNode", "sklearn.tree._tree.Tree", state);
    let forest = |state: Value| {
        with("QuantileForestNode", "quantile_forest._quantile_forest_fast.QuantileForest", state)
    };
    assert_eq!(tree(dict(vec![("other", object("a.B"))])), "accepted");
    for key in ["nodes", "values"] {
        assert_eq!(tree(dict(vec![(key, object("a.B"))])), "malformed-node", "{key}");
        assert_eq!(forest(dict(vec![(key, object("a.B"))])), "accepted", "{key}");
    }
    assert_eq!(forest(dict(vec![("matrix1", object("a.B"))])), "malformed-node");
    for state in [default_dict(dict(vec![]), type_node("a.B")), list(vec![])] {
        assert_eq!(tree(state.clone()), "malformed-node");
        assert_eq!(forest(state), "malformed-node");
    }
    // scikit-learn 1.8 has a loss with a tuple for a state, whose items become numbers.
    let loss = |state: Value| with("LossNode", "_loss.CyHalfMultinomialLoss", state);
    assert_eq!(loss(tuple(vec![json_node("3"), json_node("null")])), "accepted");
    // What they are called with becomes numbers and truths.
    let args = |args: Value| made("SGDNode", "sklearn.linear_model._sgd_fast.Hinge", args, dict(vec![]));
    assert_eq!(args(tuple(vec![json_node("1")])), "accepted");
    assert_eq!(args(tuple(vec![object("a.B")])), "malformed-node");
    assert_eq!(args(node("TupleNode", "a.B", json!({"content": []}))), "type-mismatch");
    // skops asks for its truth, and numpy asks objects in an array.
    assert_eq!(loss(tuple(vec![object("a.B")])), "malformed-node");
    let row = json!({"type": "json", "content": [object("a.B")], "shape": tuple(vec![json_node("1")])});
    assert_eq!(loss(node("NdArrayNode", "numpy.ndarray", row)), "malformed-node");
    // The shape that a forest gives a matrix is asked for its items.
    assert_eq!(forest(dict(vec![("shape1", tuple(vec![json_node("1")]))])), "accepted");
    assert_eq!(forest(dict(vec![("shape1", tuple(vec![object("a.B")]))])), "malformed-node");
    assert_eq!(forest(dict(vec![("shape2", object("a.B"))])), "malformed-node");
}

/// The bit generators look for keys within keys.
#[test]
fn the_state_of_a_generator_is_plain() {
    let calls = default_dict(dict(vec![]), type_node("a.B"));
    let with = |part: Value| {
        let mut generator = generator("PCG64", true);
        let mut seeds = generator.clone();
        generator["content"]["bit_generator"]["content"]["state"] = part.clone();
        generator["content"]["bit_generator"]["key_types"] = types(2);
        seeds["content"]["seed_seq"]["content"]["entropy"] = part.clone();
        seeds["content"]["seed_seq"]["key_types"] =
            types(seeds["content"]["seed_seq"]["content"].as_object().unwrap().len());
        let state = node(
            "RandomStateNode",
            "numpy.random.mtrand.RandomState",
            json!({"content": dict(vec![("state", part)])}),
        );
        [generator, seeds, state].map(code)
    };
    let plain = dict(vec![("key", list(vec![json_node("1"), tuple(vec![])]))]);
    assert_eq!(with(plain.clone()), ["accepted"; 3]);
    let mut other = plain.clone();
    other["__class__"] = json!("Dict");
    other["__module__"] = json!("a");
    for part in [calls.clone(), dict(vec![("key", calls)]), other, object("a.B"), type_node("a.B")] {
        assert_eq!(with(part), ["malformed-node"; 3]);
    }
    // A reference to a list in it would be one to whatever has changed the list.
    let shared = |part: Value| {
        let content = dict(vec![("state", reference())]);
        let state = node("RandomStateNode", "numpy.random.mtrand.RandomState", json!({"content": content}));
        let array = npy(&header("'|b1'", "(1,)"), &[0]);
        let entries = [("x.npy", array)].into_iter().filter(|_| part.get("file").is_some());
        let root = list(vec![with_id(part.clone(), 7), state]);
        code_of(skops(root, &entries.collect::<Vec<_>>()))
    };
    assert_eq!(shared(plain), "malformed-node");
    // Nor is every array one of numpy's: a `collections.ChainMap` is changed by way of what it is made of.
    assert_eq!(shared(array("x.npy")), "accepted");
    assert_eq!(shared(of("collections.ChainMap", array("x.npy"))), "malformed-node");
}

fn types(count: usize) -> Value {
    list(vec![type_node("builtins.str"); count])
}

/// A `Bunch` has its keys for attributes, and `numpy.array` calls the one named `__array__`.
#[test]
fn keys_that_are_attributes_are_not_special() {
    let with = |class: &str, key: &str, key_type: &str| {
        let (module, name) = class.rsplit_once('.').unwrap();
        let mut made = dict_of(vec![(key, key_type, object("a.B"))]);
        made["__module__"] = json!(module);
        made["__class__"] = json!(name);
        code(made)
    };
    for class in ["sklearn.utils._bunch.Bunch", "sklearn.utils.Bunch", "a.Dict"] {
        assert_eq!(with(class, "__array__", "builtins.str"), "attribute-name", "{class}");
        assert_eq!(with(class, "anything", "builtins.str"), "accepted", "{class}");
    }
    for class in ["builtins.dict", "collections.OrderedDict"] {
        assert_eq!(with(class, "__array__", "builtins.str"), "accepted", "{class}");
    }
    for class in ["sklearn.utils._bunch.Bunch", "a.Dict"] {
        assert_eq!(with(class, "&#95;_array__", "html.unescape"), "key-type", "{class}");
    }
}

/// `FrozenEstimator` lends what it has not from the estimator in it.
#[test]
fn a_method_of_a_frozen_estimator_is_one_of_what_it_holds() {
    let method = |inner: Value| {
        let frozen = "sklearn.frozen._frozen.FrozenEstimator";
        let object = node("ObjectNode", frozen, json!({"content": dict(vec![("estimator", inner)])}));
        node("MethodNode", frozen, json!({"content": {"func": "predict", "obj": object}}))
    };
    let lent = |inner: Value, name: &str| {
        references(method(inner)).contains(&format!("call MethodNode {name}.predict"))
    };
    assert!(lent(object("a.B"), "a.B"));
    assert_eq!(code(method(type_node("a.B"))), "malformed-node");
    assert_eq!(code(method(node("FunctionNode", "shutil.os", json!({})))), "malformed-node");
}

/// Behind other attributes there is code that calls what the file puts into the state. Some methods ask the estimators within
/// whether they have them: that is reported as a call.
#[test]
fn of_an_estimator_only_methods_are_read() {
    let read = |class: &str, state: Value, name: &str| {
        method(class, node("ObjectNode", class, json!({"content": state})), name)
    };
    let selector = "sklearn.feature_selection._from_model.SelectFromModel";
    for name in ["threshold_", "importance_getter", "__class__", "other"] {
        assert_eq!(code(read(selector, dict(vec![]), name)), "malformed-node", "{name}");
        assert_eq!(code(read("a.B", dict(vec![]), name)), "accepted", "{name}");
    }
    let pipeline = "sklearn.pipeline.Pipeline";
    for (part, role) in [
        (json_node("1"), "attribute"),
        (list(vec![]), "call"),
        (dict(vec![]), "call"),
        (type_node("a.B"), "call"),
    ] {
        let found = references(read(pipeline, dict(vec![("steps", part)]), "predict"));
        assert!(found.contains(&format!("{role} MethodNode {pipeline}.predict")), "{found:?}");
    }
}

/// `numpy.array` makes them, which looks into what has a length and items, and asks the rest for `__array__`.
#[test]
fn nothing_in_an_array_of_several_dimensions_is_looked_into() {
    let array = |item: Value| {
        let shape = tuple(vec![json_node("1"), json_node("1")]);
        let content = vec![list(vec![item])];
        let array = |content: Vec<Value>, shape: Value| {
            code(node(
                "NdArrayNode",
                "numpy.ndarray",
                json!({"type": "json", "content": content, "shape": shape}),
            ))
        };
        let flat = array(content[0]["content"].as_array().unwrap().clone(), tuple(vec![json_node("1")]));
        (flat, array(content, shape))
    };
    let items = list(vec![tuple(vec![json_node("1")])]);
    for item in [json_node("1"), object(SCALER), dict(vec![]), items, type_node("builtins.float")] {
        assert_eq!(array(item), ("accepted", "accepted"));
    }
    let pipeline = object("sklearn.pipeline.Pipeline");
    for item in [
        pipeline.clone(),
        list(vec![tuple(vec![pipeline])]),
        object("sklearn.ensemble._forest.RandomForestClassifier"),
        node("FunctionNode", "a.b", json!({})),
        type_node("a.B"),
        method(SCALER, object(SCALER), "transform"),
        object("a.List"),
        node("SetNode", "collections.deque", json!({"content": []})),
        node("ListNode", "a.List", json!({"content": []})),
        node("DictNode", "a.Dict", json!({"content": {}, "key_types": list(vec![])})),
        node("ConstructorFromReduceNode", "builtins.list", json!({"content": tuple(vec![])})),
    ] {
        assert_eq!(array(item), ("accepted", "malformed-node"));
    }
}

/// What a function of the file changes is not what was looked at. What several objects have in common may be.
#[test]
fn what_numpy_and_scikit_learn_look_into_is_shared_with_nothing() {
    let shared = || with_id(dict(vec![("key", json_node("1"))]), 7);
    let row = || with_id(list(vec![json_node("1")]), 7);
    let state = |part: Value| {
        node(
            "RandomStateNode",
            "numpy.random.mtrand.RandomState",
            json!({"content": dict(vec![("state", part)])}),
        )
    };
    let array = |shape: Vec<Value>, items: Vec<Value>| {
        node("NdArrayNode", "numpy.ndarray", json!({"type": "json", "content": items, "shape": tuple(shape)}))
    };
    let one = || json_node("1");
    let whole = node("RandomStateNode", "numpy.random.mtrand.RandomState", json!({"content": shared()}));
    for (part, owner) in [
        (shared(), state(shared())),
        (shared(), state(list(vec![shared()]))),
        (shared(), whole),
        (row(), array(vec![one(), one()], vec![row()])),
    ] {
        assert_eq!(code(owner.clone()), "accepted");
        assert_eq!(code(list(vec![part, owner])), "malformed-node");
    }
    // There is only one empty tuple, and arrays of one dimension hold what they are given.
    let empty = || with_id(tuple(vec![]), 7);
    assert_eq!(code(list(vec![empty(), state(dict(vec![("key", empty())]))])), "accepted");
    assert_eq!(code(list(vec![row(), array(vec![one()], vec![row()])])), "accepted");
}

/// Pairs are attributes, too.
#[test]
fn attributes_in_another_form_are_looked_at_for_each_class() {
    let predictor = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor";
    let with = |class: &str, state: Value| code(node("ObjectNode", class, json!({"content": state})));
    let pairs = list(vec![tuple(vec![json_node("\"nodes\""), object("a.B")])]);
    assert_eq!(with(predictor, pairs.clone()), "malformed-node");
    assert_eq!(with("a.B", pairs), "accepted");
    // Keys are looked up in it, and it calls its factory for those that it has not.
    assert_eq!(with("a.B", default_dict(dict(vec![]), json_node("null"))), "malformed-node");
}

/// A node of a class of its own for a container: what the class makes of the items is anybody's guess.
fn of(name: &str, container: Value) -> Value {
    let (module, class) = name.rsplit_once('.').unwrap();
    let mut container = container;
    (container["__module__"], container["__class__"]) = (json!(module), json!(class));
    container
}

fn object_array(items: Vec<Value>, shape: Value) -> Value {
    node("NdArrayNode", "numpy.ndarray", json!({"type": "json", "content": items, "shape": shape}))
}

/// What is called for a container can give one with other items, or one that other nodes fill, too. Where skops, scikit-learn
/// or numpy look into it, it is what the node shows.
#[test]
fn what_is_looked_into_is_no_container_of_another_class() {
    let refused = ["malformed-node", "type-mismatch"];
    let mut typed = dict(vec![("a", json_node("1"))]);
    typed["key_types"] = of("types.resolve_bases", typed["key_types"].clone());
    let one = || json_node("1");
    let default = |main: Value| {
        let content = json!({"main": main, "default_factory": json_node("null")});
        node("DefaultDictNode", "collections.defaultdict", json!({"content": content}))
    };
    let attributes = || dict(vec![("a", one())]);
    for (root, own) in [
        (with_state(of("sysconfig.get_config_vars", attributes())), with_state(attributes())),
        (with_state(of("a.Dict", attributes())), with_state(of("collections.OrderedDict", attributes()))),
        (with_state(of("itertools.pairwise", list(vec![one()]))), with_state(list(vec![one()]))),
        (with_state(of("a.Point", tuple(vec![]))), with_state(tuple(vec![]))),
        (
            object_array(vec![one()], of("dis.Positions", tuple(vec![one()]))),
            object_array(vec![one()], tuple(vec![one()])),
        ),
        (typed, attributes()),
        (default(of("a.Dict", attributes())), default(attributes())),
    ] {
        assert!(refused.contains(&code(root.clone())), "{root}");
        assert_eq!(code(own), "accepted");
    }
    // Of another name, it is still `globals`.
    assert_eq!(code(of("timeit._globals", dict(vec![]))), "type-mismatch");
}

/// Whatever could be taken for a pair is one, unless it is known that it is not.
#[test]
fn a_pair_is_what_may_be_one() {
    let name = || json_node("\"__array__\"");
    let pair = || tuple(vec![name(), json_node("1")]);
    let state = |items: Vec<Value>| code(with_state(list(items)));
    // Two letters are a pair, too.
    assert_eq!(state(vec![json_node("\"ab\""), pair()]), "attribute-name");
    assert_eq!(state(vec![json_node("\"abc\""), pair()]), "accepted");
    assert_eq!(state(vec![json_node("12"), pair()]), "accepted");
    assert_eq!(state(vec![object("a.B")]), "malformed-node");
    assert_eq!(state(vec![method("a.B", object("a.B"), "items")]), "malformed-node");
    assert_eq!(state(vec![type_node("a.PAIR")]), "malformed-node");
    assert_eq!(state(vec![type_node("builtins.int")]), "accepted");
    assert_eq!(state(vec![object(SCALER), pair()]), "accepted");
    // What has no text in the place of a name has no name.
    let plain = || list(vec![object(SCALER), object(SCALER)]);
    assert_eq!(state(vec![plain(), plain()]), "accepted");
    assert_eq!(state(vec![tuple(vec![tuple(vec![]), json_node("1")])]), "accepted");
    assert_eq!(state(vec![tuple(vec![object("a.Str"), json_node("1")])]), "malformed-node");
    // Equal items of a set are one.
    let set = |items: Vec<Value>| node("SetNode", "builtins.set", json!({"content": items}));
    let class = || json_node("\"__class__\"");
    assert_eq!(state(vec![set(vec![class(), name(), class()])]), "attribute-name");
    let mut equal = dict_of(vec![
        ("a", "a.Key", json_node("1")),
        ("b", "a.Key", json_node("1")),
        ("c", "a.Key", json_node("1")),
    ]);
    assert_eq!(state(vec![equal.clone()]), "key-type");
    equal["key_types"] =
        list(vec![type_node("builtins.str"), type_node("builtins.str"), type_node("builtins.str")]);
    assert_eq!(state(vec![equal.clone()]), "accepted");
    // numpy's bit generators have three keys and a seed.
    assert_eq!(state(vec![equal, object("a.Seed")]), "accepted");
    // Each is asked for its items up to the first that has none, also where scikit-learn answers.
    let pipeline = || object("sklearn.pipeline.Pipeline");
    assert_eq!(state(vec![pipeline(), json_node("1")]), "malformed-node");
    assert_eq!(state(vec![json_node("1"), pipeline()]), "accepted");
    assert_eq!(code(with_state(set(vec![json_node("1"), pipeline()]))), "malformed-node");
    assert_eq!(
        state(vec![object("sklearn.compose._column_transformer.ColumnTransformer")]),
        "malformed-node"
    );
    assert_eq!(state(vec![object("sklearn.ensemble._forest.RandomForestClassifier")]), "malformed-node");
    assert_eq!(state(vec![of("a.List", list(vec![]))]), "malformed-node");
    // So nothing is asked but what is known, and it need not be an instance.
    let grid = "sklearn.model_selection._search.ParameterGrid";
    for item in [
        of("a.List", list(vec![])),
        object(grid),
        object("a.B"),
        object("sklearn.inspection._partial_dependence.RandomForestRegressor"),
        node("FunctionNode", "sys.stdin", json!({})),
        type_node("a.Enum"),
    ] {
        assert_eq!(state(vec![item.clone(), json_node("1")]), "malformed-node", "{item}");
    }
    let array_of = |class: &str| {
        let state = with_state(list(vec![of(class, array("x.npy")), json_node("1")]));
        code_of(skops(state, &[("x.npy", npy(&header("'|b1'", "(1,)"), &[0]))]))
    };
    assert_eq!(array_of("a.Array"), "malformed-node");
    assert_eq!(array_of("numpy.matrix"), "accepted");
    // skops calls `bool` with "false", which is true: of three keys, two are left.
    let bools = |first: &'static str, second: &'static str| {
        let key = |name: &'static str, class: &'static str| (name, class, json_node("1"));
        let merged = dict_of(vec![key("1", second), key("false", first), key("x", "builtins.str")]);
        state(vec![merged, pair()])
    };
    assert_eq!(bools("builtins.bool", "builtins.int"), "attribute-name");
    assert_eq!(bools("numpy.bool_", "numpy.int64"), "attribute-name");
    assert_eq!(bools("builtins.str", "builtins.int"), "accepted");
    // A list can be changed by whoever has it, a tuple cannot.
    let shared = |pair: Value| {
        let pair = with_id(pair, 7);
        code(list(vec![pair.clone(), with_state(list(vec![pair]))]))
    };
    let items = || vec![json_node("\"a\""), json_node("1")];
    assert_eq!(shared(list(items())), "malformed-node");
    assert_eq!(shared(dict(vec![("a", json_node("1")), ("b", json_node("1"))])), "malformed-node");
    assert_eq!(shared(tuple(items())), "accepted");
    // Nor need it be as long as it is here.
    assert_eq!(shared(list(vec![])), "malformed-node");
    let main = with_id(dict(vec![]), 7);
    let default = default_dict(main.clone(), json_node("null"));
    assert_eq!(state(vec![default.clone()]), "accepted");
    assert_eq!(code(list(vec![main, with_state(list(vec![default]))])), "malformed-node");
}

/// Text in an array can be a name.
#[test]
fn names_stand_in_no_array() {
    let state = |state: Value, header: &str, bytes: usize| {
        let npy = npy(header, &vec![0; bytes]);
        code_of(skops(with_state(state), &[("x.npy", npy)]))
    };
    let items = || list(vec![array("x.npy")]);
    assert_eq!(state(array("x.npy"), &header("'<U9'", "(1, 2)"), 72), "malformed-node");
    assert_eq!(state(items(), &header("'<U9'", "(2,)"), 72), "malformed-node");
    assert_eq!(state(array("x.npy"), &header("'<U9'", "(3,)"), 108), "accepted");
    assert_eq!(state(items(), &header("'<U9'", "(3,)"), 108), "accepted");
    let turned = || of("numpy.flip", array("x.npy"));
    assert_eq!(state(turned(), &header("'<f8'", "(1, 2)"), 16), "malformed-node");
    assert_eq!(state(list(vec![turned()]), &header("'<f8'", "(1, 2)"), 16), "malformed-node");
    // A record is two things; three of them are none, nor is there a name where another array is no pair.
    let record = "[('a', '<U1'), ('b', '<f8')]";
    let void = || of("numpy.void", array("x.npy"));
    assert_eq!(state(void(), &header(record, "()"), 12), "malformed-node");
    assert_eq!(state(list(vec![void()]), &header(record, "()"), 12), "malformed-node");
    assert_eq!(state(items(), &header(record, "(3,)"), 36), "accepted");
    let both = tuple(vec![array("x.npy"), array("y.npy")]);
    let npy = |shape: &str, bytes: usize| npy(&header("'<U3'", shape), &vec![0; bytes]);
    let files = |first: Vec<u8>| {
        code_of(skops(with_state(both.clone()), &[("x.npy", first), ("y.npy", npy("(2,)", 24))]))
    };
    assert_eq!(files(npy("(3,)", 36)), "accepted");
    assert_eq!(files(npy("(2,)", 24)), "malformed-node");
    assert_eq!(state(array("x.npy"), &header("'<f8'", "(1, 2)"), 16), "accepted");
    assert_eq!(state(array("x.npy"), &header("[('a', '<U1'), ('b', '<f8')]", "(1,)"), 12), "malformed-node");
}

/// An object may stand twice in its owner, which is built once. When it stands elsewhere, too, every place is looked at.
#[test]
fn of_what_is_shared_every_place_is_looked_at() {
    let types = || with_id(list(vec![type_node("builtins.str")]), 7);
    let inner = || {
        let mut inner = dict(vec![("a", types())]);
        inner["key_types"] = types();
        inner
    };
    assert_eq!(code(with_id(inner(), 8)), "accepted");
    assert_eq!(code(list(vec![with_id(inner(), 8), types()])), "malformed-node");
    assert_eq!(code(list(vec![types(), with_id(inner(), 8)])), "malformed-node");
    // What is called for a container is no owner, nor does it end at one.
    assert_eq!(code(with_id(of("a.Dict", inner()), 8)), "malformed-node");
    let mut other = dict(vec![("a", json_node("1"))]);
    other["key_types"] = types();
    let called = |name: &str| dict(vec![("a", of(name, list(vec![types()]))), ("b", other.clone())]);
    let within =
        |item: Value| code(object_array(vec![list(vec![item])], tuple(vec![json_node("1"), json_node("1")])));
    assert_eq!(within(called("a.List")), "malformed-node");
    // A generator that stands in two places does so with lists of its own.
    let entropy = || with_id(list(vec![json_node("1"), json_node("2")]), 9);
    let generator = |id: u64| {
        let mut generator = with_id(generator("PCG64", true), id);
        generator["content"]["seed_seq"] = dict(vec![("entropy", entropy())]);
        generator
    };
    assert_eq!(code(list(vec![generator(8), generator(8)])), "accepted");
    assert_eq!(code(list(vec![generator(8), generator(6)])), "malformed-node");
    assert_eq!(code(list(vec![generator(8), generator(8), entropy()])), "malformed-node");
    // So does an array of objects, in its rows.
    let row = |item: Value| list(vec![with_id(object(SCALER), 9), item]);
    let two = || json_node("2");
    let rows = object_array(vec![row(json_node("1")), row(two())], tuple(vec![two(), two()]));
    assert_eq!(code(rows.clone()), "accepted");
    assert_eq!(code(list(vec![rows, with_id(object(SCALER), 9)])), "malformed-node");
}

/// A mask is turned into bools: objects would be asked for their truth.
#[test]
fn a_mask_is_an_array_of_its_own() {
    let masked = |data: Value, mask: Value| {
        node("MaskedArrayNode", "numpy.ma.MaskedArray", json!({"content": {"data": data, "mask": mask}}))
    };
    let objects = || object_array(vec![json_node("1")], tuple(vec![json_node("1")]));
    let payload = || [("x.npy", npy(&header("'|b1'", "(1,)"), &[0]))];
    let code = |root: Value| code_of(skops(root, &payload()));
    assert_eq!(code(masked(objects(), array("x.npy"))), "accepted");
    assert_eq!(code(masked(array("x.npy"), objects())), "type-mismatch");
    // numpy copies what the data has besides: nothing, if it is an array and no more.
    let shared = |data: Value| {
        let data = with_id(data, 7);
        code(list(vec![data.clone(), masked(data, array("x.npy"))]))
    };
    assert_eq!(shared(array("x.npy")), "accepted");
    assert_eq!(shared(of("numpy.matrix", array("x.npy"))), "malformed-node");
}

/// Who has an object can put into it what its methods ask for, and what is found instead of them.
#[test]
fn a_method_of_what_others_have_may_call() {
    let pipeline = || with_id(object("sklearn.pipeline.Pipeline"), 7);
    let read = || method("sklearn.pipeline.Pipeline", pipeline(), "transform");
    let role = |root: Value| {
        let references = references(root);
        let name = "sklearn.pipeline.Pipeline.transform";
        let line = references.iter().find(|line| line.ends_with(name)).unwrap();
        line.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(role(read()), "attribute");
    assert_eq!(role(list(vec![pipeline(), read()])), "call");
    // Of others it is not known what reads from them. `attrgetter` with a text of the file's own loads libraries.
    let class = "sklearn.feature_selection.SelectFromModel";
    let role_of = |object: Value, class: &str| {
        let found = references(method(class, object, "name"));
        found.iter().find(|line| line.ends_with(".name")).unwrap().split(' ').next().unwrap().to_owned()
    };
    assert_eq!(role_of(object(class), class), "call");
    assert_eq!(role_of(object("a.B"), "a.B"), "attribute");
    assert_eq!(role_of(with_state(dict(vec![("x", object("a.C"))])), "a.B"), "call");
    assert_eq!(role_of(with_state(dict(vec![("x", json_node("1"))])), "a.B"), "attribute");
    let called = node("ConstructorFromReduceNode", "weakref.proxy", json!({"content": tuple(vec![])}));
    assert_eq!(role_of(called, "weakref.proxy"), "call");
    let chain = || method("sklearn.pipeline.Pipeline", read(), "__self__");
    assert_eq!(code(chain()), "accepted");
    assert_eq!(code(list(vec![pipeline(), chain()])), "malformed-node");
}

/// Wherever a key is looked up that a `defaultdict` has not, by way of a `partial`, too, and of what stands elsewhere.
#[test]
fn a_default_factory_is_called() {
    let partial = |func: Value| {
        let content = json!({"func": func, "args": tuple(vec![]), "kwds": dict(vec![]), "namespace": json_node("null")});
        node("PartialNode", "functools.partial", json!({"content": content}))
    };
    let roles = |root: Value| {
        let found = references(root);
        let named = found.into_iter().filter(|line| line.contains(" a."));
        named.map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let function = || node("FunctionNode", "a.run", json!({}));
    let calls = |factory: Value| roles(default_dict(dict(vec![]), factory));
    assert_eq!(calls(function()), ["call"]);
    assert_eq!(calls(type_node("a.B")), ["call"]);
    assert_eq!(calls(partial(partial(function()))), ["call"]);
    assert_eq!(calls(method("a.B", object("a.B"), "run")), ["instantiate", "reference", "call"]);
    assert_eq!(roles(partial(function())), ["reference"]);
    assert_eq!(roles(default_dict(dict(vec![("a", function())]), json_node("null"))), ["reference"]);
    for factory in [reference(), partial(reference())] {
        let stands = list(vec![with_id(function(), 7), default_dict(dict(vec![]), factory)]);
        assert_eq!(roles(stands), ["call"]);
    }
    let stands = list(vec![with_id(partial(function()), 7), default_dict(dict(vec![]), reference())]);
    assert_eq!(roles(stands), ["call"]);
}

/// The state of an object of a class that nobody has looked at, as arguments are, and items of a container that a class makes.
#[test]
fn what_is_handed_to_unknown_code_may_be_called() {
    let function = || node("FunctionNode", "b.run", json!({}));
    let role = |root: Value| {
        let found = references(root);
        found.iter().find(|line| line.ends_with(" b.run")).unwrap().split(' ').next().unwrap().to_owned()
    };
    let state = |class: &str, state: Value| node("ObjectNode", class, json!({"content": state}));
    let attribute = |part: Value| dict(vec![("part", part)]);
    let deep = || attribute(list(vec![state(SCALER, attribute(function()))]));
    assert_eq!(role(state(SCALER, attribute(function()))), "reference");
    assert_eq!(role(state("a.B", attribute(function()))), "call");
    assert_eq!(role(state(SCALER, deep())), "reference");
    assert_eq!(role(state("a.B", deep())), "call");
    let call =
        |argument: Value| node("ConstructorFromReduceNode", "a.B", json!({"content": tuple(vec![argument])}));
    assert_eq!(role(call(list(vec![function()]))), "call");
    assert_eq!(role(list(vec![call(json_node("1")), function()])), "reference");
    assert_eq!(role(list(vec![function()])), "reference");
    assert_eq!(role(of("a.List", list(vec![function()]))), "call");
    // What stands elsewhere, too.
    let reference = reference();
    let kept = with_id(state(SCALER, attribute(function())), 7);
    assert_eq!(role(list(vec![kept.clone(), state(SCALER, attribute(reference.clone()))])), "reference");
    assert_eq!(role(list(vec![kept, state("a.B", attribute(reference))])), "call");
}

/// numpy looks for attributes of what is in arrays of several dimensions, and whoever has an object can set them.
#[test]
fn what_has_attributes_in_an_array_is_shared_with_nothing() {
    let one = || json_node("1");
    let in_an_array = |item: Value| object_array(vec![list(vec![item])], tuple(vec![one(), one()]));
    let scaler = || with_id(object(SCALER), 7);
    let reference = reference();
    assert_eq!(code(in_an_array(scaler())), "accepted");
    for (one, other) in [
        (scaler(), in_an_array(scaler())),
        (in_an_array(scaler()), scaler()),
        (scaler(), in_an_array(reference.clone())),
        (in_an_array(scaler()), reference),
    ] {
        assert_eq!(code(list(vec![one, other])), "malformed-node");
    }
    let called = node("RandomStateNode", "a.B", json!({"content": dict(vec![])}));
    assert_eq!(code(called.clone()), "accepted");
    assert_eq!(code(in_an_array(called)), "malformed-node");
}

/// What a `FrozenEstimator` lends may be no method; nor what another loader makes of one.
#[test]
fn what_is_lent_has_no_attributes() {
    let frozen = "sklearn.frozen._frozen.FrozenEstimator";
    let inner = node("ObjectNode", "a.B", json!({"content": dict(vec![("predict", type_node("a.C"))])}));
    let holder = node("ObjectNode", frozen, json!({"content": dict(vec![("estimator", inner)])}));
    let lent = method(frozen, holder, "predict");
    assert_eq!(code(lent.clone()), "accepted");
    assert_eq!(code(method(frozen, lent, "other")), "malformed-node");
    let called = |class: &str| node("ConstructorFromReduceNode", class, json!({"content": tuple(vec![])}));
    assert_eq!(code(method(frozen, called(frozen), "predict")), "malformed-node");
    let pipeline = "sklearn.pipeline.Pipeline";
    let found = references(method(pipeline, called(pipeline), "predict"));
    assert!(found.contains(&format!("call MethodNode {pipeline}.predict")), "{found:?}");
    // A method that other classes have for an attribute.
    let topics = "sklearn.decomposition._lda.LatentDirichletAllocation";
    let read = |state: Value| {
        code(method(topics, node("ObjectNode", topics, json!({"content": state})), "perplexity"))
    };
    assert_eq!(read(dict(vec![])), "accepted");
    assert_eq!(read(dict(vec![("perplexity", type_node("a.B"))])), "malformed-node");
}

#[test]
fn the_type_of_a_key_is_called() {
    let with_key_type = |name: &str| references(dict_of(vec![("a", name, json_node("1"))]));
    assert!(with_key_type("builtins.str").contains(&"call TypeNode builtins.str".to_owned()));
    assert!(with_key_type("a.Key").contains(&"call TypeNode a.Key".to_owned()));
    assert!(references(list(vec![type_node("a.Key")])).contains(&"reference TypeNode a.Key".to_owned()));
    // By reference, a type that stands elsewhere would be called. Found by tests/soundness.
    let types = with_id(list(vec![with_id(type_node("a.Key"), 8)]), 7);
    let typed = |key_types: Value| {
        let mut dict = dict(vec![("a", json_node("1"))]);
        dict["key_types"] = key_types;
        list(vec![types.clone(), dict])
    };
    assert_eq!(code(typed(json!({"__id__": 7}))), "malformed-node");
    assert_eq!(code(typed(list(vec![node("CachedNode", "a.Key", json!({"__id__": 8}))]))), "malformed-node");
    assert_eq!(code(typed(types.clone())), "malformed-node");
}

#[test]
fn a_constructor_is_called() {
    let call = |name: &str, args: Value| node("ConstructorFromReduceNode", name, json!({"content": args}));
    assert!(
        references(call("builtins.eval", tuple(vec![])))
            .contains(&"call ConstructorFromReduceNode builtins.eval".to_owned())
    );
    assert_eq!(code(call("a.B", list(vec![]))), "malformed-node");
    for name in ["sklearn.tree._tree.Tree", "quantile_forest._quantile_forest_fast.QuantileForest"] {
        assert_eq!(code(call(name, tuple(vec![]))), "type-mismatch");
    }
    assert_eq!(code(object("sklearn.tree._tree.Tree")), "type-mismatch");
}

#[test]
fn an_operator_declares_what_it_builds() {
    let operator =
        |name: &str| node("OperatorFuncNode", name, json!({"attrs": tuple(vec![json_node("\"a\"")])}));
    for name in ["operator.attrgetter", "operator.itemgetter", "operator.methodcaller"] {
        assert_eq!(references(operator(name))[1], format!("call OperatorFuncNode {name}"));
    }
    for name in [
        "operator.call",
        "operator.add",
        "sklearn.a.attrgetter",
        "operator.__builtins__",
        "a.operator.attrgetter",
    ] {
        assert_eq!(code(operator(name)), "type-mismatch", "{name}");
    }
}

const SCALER: &str = "sklearn.preprocessing._data.StandardScaler";

fn method(declared: &str, of: Value, function: &str) -> Value {
    node("MethodNode", declared, json!({"content": {"obj": of, "func": function}}))
}

#[test]
fn a_method_declares_the_type_of_its_object() {
    let found = untrusted(method("a.B", object("a.B"), "run"));
    assert_eq!(found, ["a.B", "a.B.run"]);
    assert_eq!(code(method("builtins.int", object("a.B"), "run")), "type-mismatch");
    assert_eq!(code(method("c.B", object("a.B"), "run")), "type-mismatch");
    // As skops up to 0.11 declares it.
    assert_eq!(untrusted(method("c.method", object("a.B"), "run")), ["a.B", "a.B.run", "c.method"]);
    for function in ["", "a.b", "a b", "\u{e9}", "0", "a\n"] {
        assert_eq!(code(method("a.B", object("a.B"), function)), "malformed-node", "{function:?}");
    }
    // An attribute of a method: the type of the inner one is what it declares.
    let predict = method(SCALER, object(SCALER), "transform");
    let chain = method(SCALER, predict.clone(), "__globals__");
    assert_eq!(
        untrusted(chain.clone())[1..],
        [format!("{SCALER}.__globals__"), format!("{SCALER}.transform")]
    );
    // Nothing is read from that, nor from what may be no method: `__self__` is the object again, and so could be any other.
    assert_eq!(code(method(SCALER, chain, "other")), "malformed-node");
    assert_eq!(code(method("a.B", method("a.B", object("a.B"), "run"), "__globals__")), "malformed-node");
    // A reference stands for the object that it refers to.
    let shared = list(vec![
        with_id(object("a.B"), 7),
        method("a.B", node("CachedNode", "x.Y", json!({"__id__": 7})), "run"),
    ]);
    assert_eq!(untrusted(shared), ["a.B", "a.B.run"]);
}

/// The attribute is read from what skops builds, which is not of the declared type everywhere. Found by tests/soundness.
#[test]
fn a_method_is_reported_of_what_is_built() {
    for (text, built) in
        [("1", "int"), ("1.5", "float"), ("NaN", "float"), ("true", "bool"), ("null", "NoneType")]
    {
        let found = references(method("builtins.str", json_node(text), "run"));
        for name in [format!("builtins.{built}.run"), "builtins.str.run".to_owned()] {
            assert!(found.contains(&format!("attribute MethodNode {name}")), "{found:?}");
        }
    }
    assert_eq!(
        untrusted(method("builtins.str", json_node("\"a\""), "run")),
        ["builtins.str", "builtins.str.run"]
    );
    // A class that is no named tuple becomes a plain tuple.
    let point = node("TupleNode", "a.Point", json!({"content": []}));
    assert_eq!(untrusted(method("a.Point", point, "run")), ["a.Point", "a.Point.run", "builtins.tuple.run"]);
    // Up to skops 0.11, a method declares no type; what is read from it is reported of its object, too.
    let chain = method("c.method", method("c.method", object(SCALER), "transform"), "__globals__");
    let found = untrusted(chain);
    for name in [format!("{SCALER}.__globals__"), "c.method.__globals__".to_owned()] {
        assert!(found.contains(&name), "{found:?}");
    }
    // In protocol 0, a function is found by its content.
    let content = json!({"module_path": "os", "function": "system"});
    let function = node("FunctionNode", "numpy.ufunc", json!({"content": content}));
    let audit = audit(skops_of(0, method("numpy.ufunc", function, "run"), &[])).unwrap();
    let names: Vec<_> = audit.references().map(|reference| reference.name().to_string()).collect();
    assert_eq!(names, ["numpy.ufunc", "numpy.ufunc.run", "os.system", "os.system.run"]);
    let masked = |class: &str| {
        let content = json!({"data": array("x.npy"), "mask": array("x.npy")});
        let root = method(class, node("MaskedArrayNode", class, json!({"content": content})), "run");
        references_of(skops(root, &[("x.npy", npy(&header("'|b1'", "(1,)"), &[0]))]))
    };
    assert!(
        masked("numpy.ma.core.MaskedConstant")
            .contains(&"attribute MethodNode numpy.ma.MaskedArray.run".to_owned())
    );
    assert!(
        !masked("numpy.ma.core.MaskedArray")
            .contains(&"attribute MethodNode numpy.ma.MaskedArray.run".to_owned())
    );
}

#[test]
fn a_partial_declares_what_it_builds() {
    let partial = |declared: &str, args: Value, kwds: Value, namespace: Value| {
        let func = node("FunctionNode", "os.getcwd", json!({}));
        node(
            "PartialNode",
            declared,
            json!({"content": {"func": func, "args": args, "kwds": kwds, "namespace": namespace}}),
        )
    };
    let sound = partial("functools.partial", tuple(vec![]), dict(vec![]), json_node("null"));
    assert_eq!(untrusted(sound), ["functools.partial", "os.getcwd"]);
    let lying = partial("sklearn.tree._tree.Tree", tuple(vec![]), dict(vec![]), json_node("null"));
    assert_eq!(code(lying), "type-mismatch");
    for (args, kwds, namespace) in [
        (list(vec![]), dict(vec![]), json_node("null")),
        (tuple(vec![]), list(vec![]), json_node("null")),
        (tuple(vec![]), dict(vec![]), json_node("1")),
    ] {
        assert_eq!(code(partial("functools.partial", args, kwds, namespace)), "malformed-node");
    }
    // `copy.deepcopy` asks the object itself for `__deepcopy__`, and calls what it finds. Found by tests/soundness.
    let attributes = |name| dict(vec![(name, json_node("1"))]);
    let other = node("DictNode", "collections.UserDict", json!({"content": {}, "key_types": list(vec![])}));
    let null = json_node("null");
    assert_eq!(code(partial("functools.partial", tuple(vec![]), other.clone(), null)), "type-mismatch");
    assert_eq!(code(partial("functools.partial", tuple(vec![]), dict(vec![]), other)), "type-mismatch");
    let with = |namespace| code(partial("functools.partial", tuple(vec![]), dict(vec![]), namespace));
    assert_eq!(with(attributes("__deepcopy__")), "attribute-name");
    assert_eq!(
        untrusted(partial("functools.partial", tuple(vec![]), dict(vec![]), attributes("__doc__"))),
        ["functools.partial", "os.getcwd"]
    );
}

#[test]
fn a_loss_is_reported_as_called() {
    for loader in ["LossNode", "SGDNode"] {
        let loss = |name: &str| {
            node(loader, name, json!({"__reduce__": {"args": tuple(vec![])}, "content": dict(vec![])}))
        };
        let hinge = "sklearn.linear_model._sgd_fast.Hinge";
        assert!(references(loss(hinge)).contains(&format!("call {loader} {hinge}")));
        assert_eq!(untrusted(loss(hinge)), [""; 0]);
        let other = "sklearn.linear_model._sgd_fast.Other";
        assert_eq!(untrusted(loss(other)), [other]);
        assert_eq!(untrusted(loss("_loss.CyHalfBinomialLoss")), ["_loss.CyHalfBinomialLoss"]);
        // skops 0.9 to 0.13 import such a class a second time, from the module that it names: from `posix` for `os`.
        assert_eq!(code(loss("os.getcwd")), "type-mismatch");
        assert_eq!(code(loss("sklearn.linear_model._sgd_fast.x.Hinge")), "type-mismatch");
        // What else these modules have is imported again from elsewhere: `time.time` is called, and for the module `np` all
        // modules in memory are asked for `numpy`. Found by tests/soundness.
        for other in ["time", "np", "__builtins__", "_plain_sgd64"] {
            assert_eq!(code(loss(&format!("sklearn.linear_model._sgd_fast.{other}"))), "type-mismatch");
        }
        for other in ["np", "Other", "__loader__", "Cy", "Cython"] {
            assert_eq!(code(loss(&format!("sklearn._loss._loss.{other}"))), "type-mismatch");
            assert_eq!(code(loss(&format!("_loss.{other}"))), "type-mismatch");
        }
    }
}

/// The second name under which skops 0.9 to 0.13 import a loss is reported, and as trusted as the first.
#[test]
fn the_other_name_of_a_loss_is_reported() {
    let loss = |name: &str| {
        node("LossNode", name, json!({"__reduce__": {"args": tuple(vec![])}, "content": dict(vec![])}))
    };
    let name = "sklearn._loss._loss.CyPinballLoss";
    assert!(references(loss(name)).contains(&"call LossNode _loss.CyPinballLoss".to_owned()));
    assert_eq!(untrusted(loss(name)), [""; 0]);
    let unknown = "sklearn._loss._loss.CyUnknown";
    assert_eq!(untrusted(loss(unknown)), ["_loss.CyUnknown", unknown]);
}

fn generator(name: &str, seed_seq: bool) -> Value {
    let state = dict(vec![("bit_generator", json_node(&format!("\"{name}\""))), ("state", dict(vec![]))]);
    let mut content = json!({"bit_generator": state});
    if seed_seq {
        content["seed_seq"] = dict(vec![]);
    }
    node("RandomGeneratorNode", "numpy.random._generator.Generator", json!({"content": content}))
}

#[test]
fn the_bit_generator_is_reported() {
    let of = |protocol, root| {
        let audit = audit(skops_of(protocol, root, &[])).unwrap();
        audit.untrusted(&TrustList::default()).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(of(2, generator("PCG64", true)), [""; 0]);
    assert_eq!(of(1, generator("PCG64", false)), [""; 0]);
    assert_eq!(of(2, generator("seed", true)), ["numpy.random.seed"]);
    assert_eq!(of(1, generator("seed", false)), ["numpy.random.seed"]);
    let raw = |name: &str| {
        let state =
            json!({"bit_generator": name, "state": {"state": 1, "inc": 2}, "has_uint32": 0, "uinteger": 0});
        node(
            "RandomGeneratorNode",
            "numpy.random._generator.Generator",
            json!({"content": {"bit_generator": state}}),
        )
    };
    assert_eq!(of(0, raw("PCG64")), [""; 0]);
    assert_eq!(of(0, raw("seed")), ["numpy.random.seed"]);
    // skops itself calls the seed sequence's class, so it is among the references.
    let all = references(generator("PCG64", true));
    assert!(
        all.contains(&"call RandomGeneratorNode numpy.random.bit_generator.SeedSequence".to_owned()),
        "{all:?}"
    );
    assert!(all.contains(&"call RandomGeneratorNode numpy.random.PCG64".to_owned()), "{all:?}");
}

/// skops reads the name from the text where the node stands, not from the object that it builds: the two must be one.
#[test]
fn the_bit_generator_stands_in_its_place() {
    let with_state = |state: Value| {
        let content = json!({"bit_generator": state, "seed_seq": dict(vec![])});
        node("RandomGeneratorNode", "numpy.random._generator.Generator", json!({"content": content}))
    };
    let state = dict(vec![("bit_generator", json_node("\"PCG64\""))]);
    let reference = |id: u64| node("CachedNode", "builtins.dict", json!({"__id__": id}));
    assert_eq!(code(list(vec![with_id(state, 7), with_state(reference(7))])), "malformed-node");
    let name = with_id(json_node("\"seed\""), 8);
    assert_eq!(
        code(list(vec![name, with_state(dict(vec![("bit_generator", reference(8))]))])),
        "malformed-node"
    );
    assert_eq!(code(with_state(json_node("\"PCG64\""))), "malformed-node");
    assert_eq!(code(with_state(dict(vec![("bit_generator", json_node("1"))]))), "malformed-node");
    assert_eq!(code(with_state(dict(vec![("bit_generator", json_node("\"a.b\""))]))), "name-syntax");
    let mut other_dict = dict(vec![("bit_generator", json_node("\"PCG64\""))]);
    (other_dict["__module__"], other_dict["__class__"]) = (json!("collections"), json!("OrderedDict"));
    assert_eq!(code(with_state(other_dict)), "type-mismatch");
    assert_eq!(code_of(skops_of(2, generator("PCG64", false), &[])), "unknown-field");
}

/// skops calls the type of a key with its text, and some types change it: `textwrap.dedent(" a")` is `"a"`. Where items
/// are looked up by name, such a key could stand in for another.
#[test]
fn keys_that_are_looked_up_are_text() {
    let dedent = "textwrap.dedent";
    let renamed = vec![
        ("bit_generator", "builtins.str", json_node("\"PCG64\"")),
        (" bit_generator", dedent, json_node("\"get_state\"")),
    ];
    for seed_seq in [true, false] {
        let mut root = generator("PCG64", seed_seq);
        root["content"]["bit_generator"] = dict_of(renamed.clone());
        assert_eq!(code_of(skops_of(if seed_seq { 2 } else { 1 }, root, &[])), "key-type");
    }
    let state = dict_of(vec![(" __class__", dedent, json_node("1"))]);
    assert_eq!(code(node("ObjectNode", "a.B", json!({"content": state.clone()}))), "key-type");
    let tree = node(
        "TreeNode",
        "sklearn.tree._tree.Tree",
        json!({"__reduce__": {"args": tuple(vec![])}, "content": state.clone()}),
    );
    assert_eq!(code(tree), "key-type");
    // Elsewhere such a key is an item like any other.
    assert_eq!(untrusted(state), [dedent]);
}

#[test]
fn builders_of_fixed_types_declare_them() {
    let with = |loader: &str, name: &str, fields: Value| node(loader, name, fields);
    let slice = json!({"content": {"start": null, "stop": null, "step": null}});
    let main = json!({"content": {"main": dict(vec![]), "default_factory": type_node("builtins.list")}});
    for (loader, right, fields) in [
        ("JsonNode", "builtins.str", json!({"content": "1", "is_json": true})),
        ("SliceNode", "builtins.slice", slice),
        ("DefaultDictNode", "collections.defaultdict", main),
        (
            "NdArrayNode",
            "numpy.ndarray",
            json!({"type": "json", "content": [], "shape": tuple(vec![json_node("0")])}),
        ),
    ] {
        assert!(audit(skops(with(loader, right, fields.clone()), &[])).is_ok(), "{loader}");
        for wrong in ["posix.system", "builtins.eval", "builtins.object"] {
            assert_eq!(code(with(loader, wrong, fields.clone())), "type-mismatch", "{loader} {wrong}");
        }
    }
    for (loader, right) in [("BytesNode", "builtins.bytes"), ("BytearrayNode", "builtins.bytearray")] {
        let file =
            |name: &str| skops(with(loader, name, json!({"file": "x.bin"})), &[("x.bin", b"x".to_vec())]);
        assert!(audit(file(right)).is_ok());
        assert_eq!(code_of(file("posix.system")), "type-mismatch");
    }
}

#[test]
fn a_dtype_holds_an_array() {
    let dtype = |name: &str, of: Value| {
        let payload = npy(&header("'<f8'", "(0,)"), &[]);
        code_of(skops(node("DTypeNode", name, json!({"content": of})), &[("140000000000001.npy", payload)]))
    };
    let array =
        |name: &str| node("NdArrayNode", name, json!({"type": "numpy", "file": "140000000000001.npy"}));
    assert_eq!(dtype("numpy.dtype", array("numpy.ndarray")), "accepted");
    assert_eq!(dtype("numpy.dtype", array("a.Array")), "type-mismatch");
    assert_eq!(dtype("a.B", array("numpy.ndarray")), "type-mismatch");
    assert_eq!(code(node("DTypeNode", "numpy.dtype", json!({"content": object("a.B")}))), "malformed-node");
}

#[test]
fn a_function_of_protocol_0_is_named_by_its_content() {
    let function = |declared: &str| {
        node("FunctionNode", declared, json!({"content": {"module_path": "os", "function": "getcwd"}}))
    };
    assert_eq!(
        references_of(skops_of(0, function("os.function"), &[])),
        ["reference FunctionNode os.getcwd"]
    );
    assert_eq!(
        references_of(skops_of(0, function("numpy.ufunc"), &[])),
        ["reference FunctionNode os.getcwd"]
    );
    assert_eq!(code_of(skops_of(0, function("scipy.special._ufuncs.expit"), &[])), "type-mismatch");
    assert_eq!(code_of(skops_of(1, function("os.function"), &[])), "unknown-field");
    assert_eq!(code_of(skops_of(0, node("FunctionNode", "os.getcwd", json!({})), &[])), "unknown-field");
}

#[test]
fn bodies_of_one_id_are_equal() {
    let two = |one: Value, other: Value| code(list(vec![with_id(one, 7), with_id(other, 7)]));
    assert_eq!(two(json_node("1"), json_node("1")), "accepted");
    assert_eq!(two(json_node("1"), json_node("1.0")), "id-conflict");
    assert_eq!(two(type_node("a.B"), type_node("a.C")), "id-conflict");
    assert_eq!(two(list(vec![]), tuple(vec![])), "id-conflict");
    assert_eq!(two(list(vec![json_node("1")]), list(vec![json_node("1"), json_node("2")])), "id-conflict");
    // Inner ids are ignored.
    assert_eq!(
        two(list(vec![with_id(json_node("1"), 8)]), list(vec![with_id(json_node("1"), 9)])),
        "accepted"
    );
    // The order of a dict's items is part of it, and so are the types of its keys.
    let (a, b) = (format!("\"a\":{}", json_node("1")), format!("\"b\":{}", json_node("2")));
    let mut twice = list(vec![with_id(dict(vec![("a", json_node("1")), ("b", json_node("2"))]), 7); 2]);
    twice["protocol"] = json!(2);
    let same = twice.to_string();
    let at = same.rfind(&format!("{a},{b}")).unwrap();
    let mut swapped = same.clone();
    swapped.replace_range(at..at + a.len() + 1 + b.len(), &format!("{b},{a}"));
    assert_eq!(
        (code_of(skops_text(&same, &[])), code_of(skops_text(&swapped, &[]))),
        ("accepted", "id-conflict")
    );
    assert_eq!(
        two(dict(vec![("1", json_node("1"))]), dict_of(vec![("1", "builtins.int", json_node("1"))])),
        "id-conflict"
    );
    assert_eq!(two(method("a.B", object("a.B"), "run"), method("a.B", object("a.B"), "stop")), "id-conflict");
    // A difference in the middle of a large equal part.
    let deep = |value: &str| {
        (0..20).fold(json_node(value), |inner, _| list(vec![json_node("0"), inner, json_node("0")]))
    };
    assert_eq!(two(deep("1"), deep("1")), "accepted");
    assert_eq!(two(deep("1"), deep("2")), "id-conflict");
}

#[test]
fn bodies_may_differ_in_the_names_of_equal_entries() {
    let file = |second: &[f64]| {
        let root =
            list(vec![with_id(array("140000000000001.npy"), 7), with_id(array("140000000000002.npy"), 7)]);
        let payloads =
            [("140000000000001.npy", doubles(&[1.0, 2.0])), ("140000000000002.npy", doubles(second))];
        code_of(skops(root, &payloads))
    };
    assert_eq!(file(&[1.0, 2.0]), "accepted");
    assert_eq!(file(&[1.0, 3.0]), "id-conflict");
    assert_eq!(file(&[1.0]), "id-conflict");
}

/// A CRC-32 can be forged: entries are compared, not only their checksums.
#[test]
fn entries_with_a_forged_checksum_are_no_equals() {
    let root = list(vec![with_id(array("140000000000001.npy"), 7), with_id(array("140000000000002.npy"), 7)]);
    let mut entries = vec![
        Entry::stored("140000000000001.npy", doubles(&[1.0])),
        Entry::stored("140000000000002.npy", doubles(&[2.0])),
    ];
    entries[1].crc32 = entries[0].crc32;
    let mut schema = root;
    schema["protocol"] = json!(2);
    entries.push(Entry::stored("schema.json", schema.to_string()));
    assert_eq!(code_of(Zip::new(entries).build()), "zip-crc");
}

#[test]
fn references_go_back_to_ended_nodes() {
    let cached = |id: u64| node("CachedNode", "a.B", json!({"__id__": id}));
    let bare = |id: u64| json!({"__id__": id});
    assert_eq!(code(list(vec![with_id(list(vec![]), 7), cached(7)])), "accepted");
    assert_eq!(code(list(vec![with_id(list(vec![]), 7), bare(7)])), "accepted");
    assert_eq!(code(list(vec![cached(7), with_id(list(vec![]), 7)])), "id-dangling");
    assert_eq!(code(list(vec![cached(7)])), "id-dangling");
    assert_eq!(code(with_id(list(vec![cached(7)]), 7)), "id-cycle");
    assert_eq!(code(with_id(list(vec![bare(7)]), 7)), "id-cycle");
    assert_eq!(code(with_id(list(vec![with_id(list(vec![]), 7)]), 7)), "id-cycle");
    // A bare reference to what cannot be shared only hides it.
    assert_eq!(code(list(vec![with_id(json_node("1"), 7), bare(7)])), "missing-field");
    assert_eq!(code(list(vec![with_id(type_node("a.B"), 7), bare(7)])), "missing-field");
    assert_eq!(code(list(vec![with_id(type_node("a.B"), 7), cached(7)])), "accepted");
}

#[test]
fn ids_are_positive_integers() {
    for id in [json!(0), json!(-1), json!(1.5), json!("7"), json!(null), json!([7]), json!(true)] {
        let mut root = json_node("1");
        root["__id__"] = id.clone();
        assert_eq!(code(root), "malformed-node", "{id}");
    }
    assert_eq!(code(with_id(json_node("1"), u64::MAX)), "accepted");
}

#[test]
fn the_state_of_an_estimator_is_a_dict() {
    let estimator = |state: Value| {
        node("ObjectNode", "sklearn.linear_model._logistic.LogisticRegression", json!({"content": state}))
    };
    assert_eq!(code(estimator(dict(vec![]))), "accepted");
    assert_eq!(code(estimator(json_node("null"))), "accepted");
    assert_eq!(code(estimator(list(vec![]))), "malformed-node");
    assert_eq!(code(estimator(json_node("1"))), "malformed-node");
    let other = |state: Value| node("ObjectNode", "a.B", json!({"content": state}));
    assert_eq!(code(other(tuple(vec![]))), "accepted");
    for (attribute, expected) in [
        ("__class__", "attribute-name"),
        ("__dict__", "attribute-name"),
        ("__reduce__", "attribute-name"),
        ("__doc__", "accepted"),
        ("_private", "accepted"),
        ("__mangled", "accepted"),
    ] {
        assert_eq!(code(other(dict(vec![(attribute, json_node("1"))]))), expected, "{attribute}");
    }
}

#[test]
fn keys_are_written_as_python_writes_them() {
    let key = |name: &str, text: &str| code(dict_of(vec![(text, name, json_node("1"))]));
    for (name, text, expected) in [
        ("builtins.int", "1", "accepted"),
        ("builtins.int", "-12345678901234567890123", "accepted"),
        ("builtins.int", "01", "key-value"),
        ("builtins.int", " 1", "key-value"),
        ("builtins.int", "1_0", "key-value"),
        ("builtins.int", "\u{661}", "key-value"),
        ("builtins.float", "1.5", "accepted"),
        ("builtins.float", "1e-07", "accepted"),
        ("builtins.float", "NaN", "accepted"),
        ("builtins.float", "inf", "key-value"),
        ("builtins.float", "1", "key-value"),
        ("builtins.bool", "true", "accepted"),
        ("builtins.bool", "True", "key-value"),
        ("builtins.NoneType", "null", "accepted"),
        ("numpy.int8", "127", "accepted"),
        ("numpy.int8", "128", "key-value"),
        ("numpy.uint8", "-1", "key-value"),
        ("numpy.float32", "0.10000000149011612", "accepted"),
        ("numpy.float32", "0.1", "key-value"),
        ("numpy.void", "1", "key-type"),
        ("numpy.object_", "1", "key-type"),
        ("numpy.datetime64", "1", "key-type"),
        ("builtins.set", "1", "key-type"),
        ("a.Key", "anything", "accepted"),
    ] {
        assert_eq!(key(name, text), expected, "{name} {text}");
    }
}

#[test]
fn object_arrays_have_the_shape_that_they_state() {
    let objects = |content: Vec<Value>, shape: &[&str]| {
        let shape = tuple(shape.iter().map(|size| json_node(size)).collect());
        code(node(
            "NdArrayNode",
            "numpy.ndarray",
            json!({"type": "json", "content": content, "shape": shape}),
        ))
    };
    let row = |items: usize| list(vec![json_node("1"); items]);
    assert_eq!(objects(vec![], &["0"]), "accepted");
    assert_eq!(objects(vec![json_node("1")], &["1"]), "accepted");
    assert_eq!(objects(vec![row(3), row(3)], &["2", "3"]), "accepted");
    assert_eq!(objects(vec![row(3), row(3)], &["2"]), "accepted");
    assert_eq!(objects(vec![row(0), row(0)], &["2", "0"]), "accepted");
    assert_eq!(objects(vec![row(3), row(2)], &["2", "3"]), "shape-mismatch");
    assert_eq!(objects(vec![row(3)], &["2", "3"]), "shape-mismatch");
    assert_eq!(objects(vec![json_node("1")], &["1", "1"]), "type-mismatch");
    assert_eq!(objects(vec![json_node("1")], &["1.0"]), "shape-mismatch");
    assert_eq!(objects(vec![json_node("1")], &["-1"]), "shape-mismatch");
    assert_eq!(objects(vec![], &[]), "shape-mismatch");
}

#[test]
fn a_numpy_scalar_has_no_dimensions() {
    let scalar = |shape: &str, data: &[u8]| {
        let root =
            node("NdArrayNode", "numpy.float64", json!({"type": "numpy", "file": "140000000000001.npy"}));
        code_of(skops(root, &[("140000000000001.npy", npy(&header("'<f8'", shape), data))]))
    };
    assert_eq!(scalar("()", &[0; 8]), "accepted");
    assert_eq!(scalar("(1,)", &[0; 8]), "shape-mismatch");
}

#[test]
fn leftover_entries_are_arrays_as_skops_names_them() {
    let with = |name: &str, data: Vec<u8>, more: usize| {
        let mut payloads = vec![("140000000000001.npy".to_owned(), doubles(&[1.0]))];
        for count in 0..more {
            payloads.push((name.replace('#', &count.to_string()), data.clone()));
        }
        let payloads: Vec<_> = payloads.iter().map(|(name, data)| (name.as_str(), data.clone())).collect();
        code_of(skops(list(vec![array("140000000000001.npy")]), &payloads))
    };
    assert_eq!(with("14000000000000#2.npy", doubles(&[2.0]), 1), "accepted");
    assert_eq!(with("14000000000000#2.npy", doubles(&[2.0]), 2), "entry-unreferenced");
    assert_eq!(with("9.npy", doubles(&[2.0]), 1), "entry-unreferenced");
    assert_eq!(with("140000000000002.bin", b"x".to_vec(), 1), "entry-unreferenced");
    assert_eq!(with("evil.py", b"x".to_vec(), 1), "entry-unreferenced");
    assert_eq!(with("140000000000002.npy", b"\x80\x04K\x01.".to_vec(), 1), "npy-magic");
}

/// skops calls `numpy.int8` with the array, and 200 becomes -56.
#[test]
fn a_scalar_holds_an_item_of_its_class() {
    let file = |class: &str, descr: &str, data: &[u8]| {
        let mut scalar = array("140000000000001.npy");
        (scalar["__class__"], scalar["__module__"]) = (class.into(), "numpy".into());
        skops(scalar, &[("140000000000001.npy", npy(&header(descr, "()"), data))])
    };
    for (class, descr, size) in [
        ("int8", "'|i1'", 1),
        ("uint64", "'<u8'", 8),
        ("float32", "'>f4'", 4),
        ("longdouble", "'<f16'", 16),
        ("bool_", "'|b1'", 1),
        ("str_", "'<U2'", 8),
        ("datetime64", "'<M8[s]'", 8),
        ("void", "'|V3'", 3),
    ] {
        assert_eq!(code_of(file(class, descr, &vec![0; size])), "accepted", "{class}");
    }
    for (class, descr, size) in [
        ("int8", "'<i8'", 8),
        ("int8", "'|u1'", 1),
        ("uint64", "'<i8'", 8),
        ("float32", "'<f8'", 8),
        ("bool", "'|i1'", 1),
        ("str_", "'|S2'", 2),
        ("int64", "'<m8[s]'", 8),
    ] {
        assert_eq!(code_of(file(class, descr, &vec![0; size])), "type-mismatch", "{class} {descr}");
    }
}
