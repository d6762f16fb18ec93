"""Files that skops-rs once accepted although some release touched a name that it did not report. Each is either refused now,
or the name is reported: `soundness.py` looks at both, in every environment. What each did is said beside it.
"""

import json
import os
import random

import payloads
from model import Entry, Model
from mutate import dict_node, function_node, json_node, list_node, new, type_node

RNG = random.Random(0)
HINGE = "sklearn.linear_model._sgd_fast"


def loss(module, name):
    node = new(RNG, "LossNode", (module, name), content=dict_node(RNG, {}))
    return {**node, "__reduce__": {"args": list_node(RNG, "TupleNode")}}


def method(declared, thing, name):
    return new(RNG, "MethodNode", declared, content={"obj": thing, "func": name})


def key_types_by_reference():
    types = list_node(RNG, "ListNode", type_node(RNG, ("builtins", "len")))
    inner = dict_node(RNG, {"a": json_node(RNG, "1")})
    inner["key_types"] = {"__id__": types["__id__"]}
    return list_node(RNG, "ListNode", types, inner)


def method_of_a_masked_array():
    declared = ("numpy.ma.core", "MaskedConstant")
    return method(declared, new(RNG, "MaskedArrayNode", declared, content={"data": array(), "mask": array()}), "tolist")


def bound(function, *arguments, namespace=None):
    content = {"func": function, "args": list_node(RNG, "TupleNode", *arguments), "kwds": dict_node(RNG, {}),
               "namespace": namespace or json_node(RNG, "null")}  # fmt: skip
    return new(RNG, "PartialNode", ("functools", "partial"), content=content)


def partial_with_special_attributes():
    namespace = dict_node(RNG, {"__deepcopy__": type_node(RNG, ("builtins", "print"))})
    return bound(type_node(RNG, ("builtins", "len")), namespace=namespace)


def instance(name, state):
    return new(RNG, "ObjectNode", name, content=state)


NAMESPACE = ("argparse", "Namespace")


def partial(name, *arguments, protocol=2):
    """A partial of a function that recorder.py has made harmless."""
    return bound(function_node(RNG, name, protocol), *map(text, arguments))


def text(value):
    return json_node(RNG, json.dumps(value))


def changed_key_types():
    """`heapq.heapreplace` puts `posix.system` in the place of `str`, among the types of a dict's keys."""
    inner = dict_node(RNG, {"true": json_node(RNG, "1")})
    change = new(RNG, "OperatorFuncNode", ("operator", "methodcaller"), attrs=list_node(RNG, "TupleNode", text("a")))
    call = new(RNG, "ConstructorFromReduceNode", ("heapq", "heapreplace"),
               content=list_node(RNG, "TupleNode", inner["key_types"], function_node(RNG, ("posix", "system"), 2)))
    return list_node(RNG, "ListNode", change, call, inner)


def changed_bit_generator():
    """`operator.ior` renames the bit generator once its name was read by whoever reads nodes."""
    state = dict_node(RNG, {"bit_generator": text("MT19937")})
    other = dict_node(RNG, {"bit_generator": text("seed")})
    change = new(RNG, "ConstructorFromReduceNode", ("operator", "ior"), content=list_node(RNG, "TupleNode", state, other))
    generator = new(RNG, "RandomGeneratorNode", ("numpy.random._generator", "Generator"),
                    content={"bit_generator": state, "seed_seq": dict_node(RNG, {})})
    return list_node(RNG, "ListNode", change, generator)


def shown_release():
    inner = instance(SCALER, dict_node(RNG, {"_get_param_names": partial(("posix", "system"), "true")}))
    return instance(SCALER, dict_node(RNG, {"_sklearn_version": inner}))


SCALER = ("sklearn.preprocessing._data", "StandardScaler")


def isotonic(build):
    known = new(RNG, "BytesNode", ("builtins", "bytes"), file="x.bin")
    state = {"_build_f": build, "X_thresholds_": known, "y_thresholds_": text("cp037")}
    return instance(("sklearn.isotonic", "IsotonicRegression"), dict_node(RNG, state))


def array_of_pairs():
    return in_an_array(plain(pair()))


def filled_globals():
    filled = dict_node(RNG, {"partial": function_node(RNG, ("posix", "system"), 2)})
    return list_node(RNG, "ListNode", {**filled, "__module__": "builtins", "__class__": "globals"}, partial(("math", "sqrt")))


def frozen_module():
    frozen = ("sklearn.frozen._frozen", "FrozenEstimator")
    return method(frozen, instance(frozen, dict_node(RNG, {"estimator": function_node(RNG, ("shutil", "os"), 2)})), "getcwd")


def sparse(module, name):
    return new(RNG, "SparseMatrixNode", (module, name), type="scipy", file="1000000.npz")


def duck(**attributes):
    """What is looked at like an array, of which every attribute is the file's."""
    flags = instance(SCALER, dict_node(RNG, {"c_contiguous": json_node(RNG, "true")}))
    shape = list_node(RNG, "TupleNode", json_node(RNG, "1"))
    return instance(SCALER, dict_node(RNG, {"ndim": json_node(RNG, "1"), "shape": shape, "flags": flags, **attributes}))


def tree(state):
    classes = new(RNG, "NdArrayNode", ("numpy", "ndarray"), type="numpy", file="1000000.npy")
    made = new(RNG, "TreeNode", ("sklearn.tree._tree", "Tree"), content=state)
    return {**made, "__reduce__": {"args": list_node(RNG, "TupleNode", json_node(RNG, "1"), classes, json_node(RNG, "1"))}}


def state_of_ducks(nodes="nodes"):
    fields = instance(SCALER, dict_node(RNG, {"items": partial(("posix", "system"), "true")}))
    numbers = {name: json_node(RNG, "1") for name in ("max_depth", "node_count")}
    made = duck(dtype=instance(SCALER, dict_node(RNG, {"fields": fields})))
    return dict_node(RNG, {**numbers, nodes: made, "values": duck()})


def default_dict(factory, **items):
    content = {"main": dict_node(RNG, items), "default_factory": factory}
    return new(RNG, "DefaultDictNode", ("collections", "defaultdict"), content=content)


def calling_dict(**items):
    return default_dict(partial(("posix", "system"), "true"), **items)


def bits(state):
    return dict_node(RNG, {"bit_generator": text("MT19937"), "state": state})


def generator(state):
    return new(RNG, "RandomStateNode", ("numpy.random.mtrand", "RandomState"), content=bits(state))


BIT_GENERATOR = ("numpy.random._mt19937", "MT19937")


def array_of_a_bunch():
    bunch = dict_node(RNG, {"__array__": partial(("posix", "system"), "true")})
    return in_an_array({**bunch, "__module__": "sklearn.utils._bunch", "__class__": "Bunch"})


def in_an_array(item):
    shape = list_node(RNG, "TupleNode", json_node(RNG, "1"), json_node(RNG, "1"))
    return new(RNG, "NdArrayNode", ("numpy", "ndarray"), content=[list_node(RNG, "ListNode", item)], type="json", shape=shape)


def pipeline():
    return instance(("sklearn.pipeline", "Pipeline"), dict_node(RNG, {"steps": calling_dict(a=json_node(RNG, "1"))}))


def deque_in_an_array():
    return in_an_array({**list_node(RNG, "SetNode", pipeline()), "__module__": "collections", "__class__": "deque"})


def key_that_becomes_special():
    made = dict_node(RNG, {" __array__": partial(("posix", "system"), "true")})
    made["key_types"] = list_node(RNG, "ListNode", type_node(RNG, ("textwrap", "dedent")))
    return in_an_array({**made, "__module__": "scipy.optimize._optimize", "__class__": "OptimizeResult"})


def changing(*arguments):
    return new(RNG, "ConstructorFromReduceNode", ("operator", "setitem"), content=list_node(RNG, "TupleNode", *arguments))


def changed_state_of_a_generator():
    inner = dict_node(RNG, {"pos": json_node(RNG, "1")})
    return list_node(RNG, "ListNode", changing(inner, text("key"), calling_dict()), generator(inner))


def changed_row_of_an_array():
    array = in_an_array(json_node(RNG, "1"))
    return list_node(RNG, "ListNode", changing(array["content"][0], json_node(RNG, "0"), pipeline()), array)


PREDICTOR = ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor")


def nodes_of_a_predictor():
    nodes = instance(NAMESPACE, dict_node(RNG, {"dtype": text("x"), "astype": partial(("posix", "system"), "true")}))
    return list_node(RNG, "TupleNode", text("nodes"), nodes)


def attribute_of_what_is_lent():
    frozen = ("sklearn.frozen._frozen", "FrozenEstimator")
    inner = instance(NAMESPACE, dict_node(RNG, {"predict": function_node(RNG, ("shutil", "os"), 2)}))
    return method(frozen, method(frozen, instance(frozen, dict_node(RNG, {"estimator": inner})), "predict"), "getcwd")


SELECTOR = ("sklearn.feature_selection._from_model", "SelectFromModel")


def property_that_calls():
    state = {"estimator_": text("true"), "importance_getter": function_node(RNG, ("posix", "system"), 2), "prefit": json_node(RNG, "false")}
    return method(SELECTOR, instance(SELECTOR, dict_node(RNG, state)), "threshold_")


def attribute_of_an_attribute():
    scaler = instance(SCALER, dict_node(RNG, {"m": function_node(RNG, ("shutil", "os"), 2)}))
    return method(SCALER, method(SCALER, scaler, "m"), "getcwd")


def of(node, module, name):
    return {**node, "__module__": module, "__class__": name}


def filled_elsewhere(protocol):
    """`sysconfig.get_config_vars` gives both nodes the same dict."""
    elsewhere = dict_node(RNG, {"_build_f": function_node(RNG, ("posix", "system"), protocol)})
    thresholds = dict_node(RNG, {name: array() for name in ("X_thresholds_", "y_thresholds_")})
    shared = [of(node, "sysconfig", "get_config_vars") for node in (elsewhere, thresholds)]
    return list_node(RNG, "ListNode", shared[0], instance(("sklearn.isotonic", "IsotonicRegression"), shared[1]))


def array(module="numpy", name="ndarray", file="1000000.npy"):
    return new(RNG, "NdArrayNode", (module, name), type="numpy", file=file)


def row(*items, shape=None):
    shape = shape or list_node(RNG, "TupleNode", json_node(RNG, str(len(items))))
    return new(RNG, "NdArrayNode", ("numpy", "ndarray"), content=list(items), type="json", shape=shape)


def shape_with_defaults():
    shape = list_node(RNG, "TupleNode", json_node(RNG, "1"))
    return row(pipeline(), shape=of(shape, "dis", "Positions"))


def types_of_keys(module, name):
    made = dict_node(RNG, {"ab": json_node(RNG, "1")})
    made["key_types"] = of(list_node(RNG, "ListNode", type_node(RNG, (module, name))), "types", "resolve_bases")
    return made


def grid(name, protocol=2):
    """`ParameterGrid` asks what it holds for `items` when it is asked for its own, and for `values` when it is asked how many."""
    call = partial(("posix", "system"), "true", protocol=protocol)
    holds = list_node(RNG, "ListNode", instance(NAMESPACE, dict_node(RNG, {name: call})))
    return instance(("sklearn.model_selection._search", "ParameterGrid"), dict_node(RNG, {"param_grid": holds}))


def mask_of_objects():
    content = {"data": row(json_node(RNG, "1")), "mask": row(grid("values"))}
    return new(RNG, "MaskedArrayNode", ("numpy.ma.core", "MaskedArray"), content=content)


def isotonic_that_compares():
    lower = instance(NAMESPACE, dict_node(RNG, {"lower": partial(("posix", "system"), "true")}))
    charset = instance(("email.charset", "Charset"), dict_node(RNG, {"input_charset": lower}))
    state = {"out_of_bounds": charset, "X_thresholds_": array(), "y_thresholds_": array()}
    return instance(("sklearn.isotonic", "IsotonicRegression"), dict_node(RNG, state))


def changed_pair():
    pair = list_node(RNG, "ListNode", text("a"), partial(("posix", "system"), "true"))
    change = changing(pair, json_node(RNG, "0"), text("__array__"))
    return list_node(RNG, "ListNode", change, instance(NAMESPACE, list_node(RNG, "ListNode", pair)))


def setting(thing, name, value=None):
    value = value or partial(("posix", "system"), "true")
    arguments = list_node(RNG, "TupleNode", thing, text(name), value)
    return new(RNG, "ConstructorFromReduceNode", ("builtins", "setattr"), content=arguments)


def changed_item_of_an_array():
    scaler = instance(SCALER, dict_node(RNG, {"a": json_node(RNG, "1")}))
    return list_node(RNG, "ListNode", setting(scaler, "__array__"), in_an_array(scaler))


NODES = [("left_child", "<i4"), ("right_child", "<i4"), ("feature", "<i4"), ("threshold", "<f8"), ("impurity", "<f8"),
         ("n_node_samples", "<i4"), ("weighted_n_node_samples", "<f8"), ("missing_go_to_left", "|u1")]  # fmt: skip
NODE = {"1000000.npy": payloads.npy(NODES, (1,), bytes(41)), "1000001.npy": payloads.npy("<f8", (1, 1, 1), bytes(8)),
        "1000002.npy": payloads.npy("<i8", (1,), b"\1" + bytes(7))}  # fmt: skip


def changed_nodes_of_a_tree():
    nodes = array("numpy.ma", "MaskedArray")
    numbers = {name: json_node(RNG, "1") for name in ("max_depth", "node_count")}
    made = tree(dict_node(RNG, {**numbers, "nodes": nodes, "values": array(file="1000001.npy")}))
    made["__reduce__"]["args"]["content"][1]["file"] = "1000002.npy"
    return list_node(RNG, "ListNode", setting(nodes, "astype"), made)


def changed_data_of_a_masked_array():
    matrix = array(name="matrix")
    basedict = instance(NAMESPACE, dict_node(RNG, {"keys": partial(("posix", "system"), "true")}))
    made = new(RNG, "MaskedArrayNode", ("numpy.ma", "MaskedArray"), content={"data": matrix, "mask": array()})
    return list_node(RNG, "ListNode", setting(matrix, "_basedict", basedict), made)


def plain(*items):
    """An object without a `__setstate__`, whose state is a list."""
    return instance(NAMESPACE, list_node(RNG, "ListNode", *items))


def attribute_that_is_a_pair():
    pair = partial(("posix", "system"), "__array__", "true")
    return plain(method(("functools", "partial"), pair, "args"))


def types_twice_within_a_dict():
    """The list of a dict's key types is an item of it, too, and stands first where nothing looks into it."""
    types = list_node(RNG, "ListNode", type_node(RNG, ("builtins", "str")))
    inner = {**dict_node(RNG, {"a": types}), "key_types": types}
    replaced = new(RNG, "ConstructorFromReduceNode", ("heapq", "heapreplace"),
                   content=list_node(RNG, "TupleNode", types, function_node(RNG, ("posix", "system"), 2)))  # fmt: skip
    content = {"args": list_node(RNG, "TupleNode", inner), "func": replaced, "kwds": dict_node(RNG, {}), "namespace": json_node(RNG, "null")}
    return new(RNG, "PartialNode", ("functools", "partial"), content=content)


def growing(pair, name, *more):
    change = new(RNG, "ConstructorFromReduceNode", ("operator", name), content=list_node(RNG, "TupleNode", pair, *more))
    return list_node(RNG, "ListNode", change, plain(pair))


def pair():
    return list_node(RNG, "TupleNode", text("__array__"), partial(("posix", "system"), "true"))


def keys_that_are_one():
    made = dict_node(RNG, {f"{quote}__class__{quote}": json_node(RNG, "1") for quote in ("'", '"')} | {"'__array__'": json_node(RNG, "1")})
    made["key_types"] = list_node(RNG, "ListNode", *(type_node(RNG, ("ast", "literal_eval")) for _ in range(3)))
    return plain(made)


def types_within_what_calls():
    """`multiprocessing.pool.mapstar` calls what is in it, while the array that holds it is being made."""
    types = list_node(RNG, "ListNode", type_node(RNG, ("builtins", "str")))
    inner = {**dict_node(RNG, {"a": json_node(RNG, "1")}), "key_types": types}
    calls = list_node(RNG, "ListNode", function_node(RNG, ("heapq", "heapreplace"), 2), list_node(RNG, "ListNode", types),
                      list_node(RNG, "ListNode", function_node(RNG, ("posix", "system"), 2)))  # fmt: skip
    return in_an_array(dict_node(RNG, {"a": of(calls, "multiprocessing.pool", "mapstar"), "b": inner}))


def merged_bools():
    """skops calls `bool` with "false", which is true: of three keys, two are left, and a dict of two keys is a pair."""
    merged = dict_node(RNG, {name: json_node(RNG, "1") for name in ("a", "false", "true")})
    merged["key_types"] = list_node(RNG, "ListNode", *(type_node(RNG, ("builtins", name)) for name in ("str", "bool", "bool")))
    return merged


def forest(state=None, is_pickle=None):
    """What `quantile_forest` makes of one leaf."""
    sparse_matrix = sparse("scipy.sparse._csc", "csc_matrix")
    shapes = {"shape1": list_node(RNG, "TupleNode", text(1)), "shape2": list_node(RNG, "TupleNode", text(1))}
    state = {"matrix1": sparse_matrix, "matrix2": sparse_matrix, **shapes, **(state or {})}
    name = ("quantile_forest._quantile_forest_fast", "QuantileForest")
    made = new(RNG, "QuantileForestNode", name, content=dict_node(RNG, state))
    arrays = [array(file=f"100000{number}.npy") for number in (1, 2, 3)]
    return {**made, "__reduce__": {"args": list_node(RNG, "TupleNode", *arrays, is_pickle or text(True))}}


FOREST = {
    "1000000.npz": payloads.sparse("csc", None),
    "1000001.npy": payloads.npy("<f8", (1, 1), bytes(8)),
    "1000002.npy": payloads.npy("<i8", (0, 0, 0, 0), b""),
    "1000003.npy": payloads.npy("<f8", (0, 0, 0), b""),
}


def loss_with_truth(loader, protocol):
    return {**loss(HINGE, "Hinge"), "__loader__": loader, "content": row(row(grid("values", protocol)))}


def pipeline_of_calls():
    steps = instance(SCALER, dict_node(RNG, {"keys": partial(("posix", "system"), "true")}))
    return instance(("sklearn.pipeline", "Pipeline"), dict_node(RNG, {"steps": steps}))


def factory_of_objects():
    """`numpy.sqrt` asks each object in an array for its own `sqrt`."""
    item = instance(SCALER, dict_node(RNG, {"sqrt": partial(("posix", "system"), "true")}))
    return default_dict(bound(function_node(RNG, ("numpy", "sqrt"), 2), row(item)))


def generator_with_a_reference():
    """What stands elsewhere is no array: a `ChainMap` is changed by way of the list that it is made of."""
    chain = of(array(), "collections", "ChainMap")
    reference = {**new(RNG, "CachedNode", ("collections", "ChainMap")), "__id__": chain["__id__"]}
    maps = method(("collections", "ChainMap"), reference, "maps")
    change = new(RNG, "ConstructorFromReduceNode", ("heapq", "heapreplace"), content=list_node(RNG, "TupleNode", maps, calling_dict()))
    return list_node(RNG, "ListNode", chain, change, generator(reference))


def library_of_a_property():
    """`SelectFromModel` by another name: `attrgetter` reads from `ctypes.cdll` by any name that the file says."""
    name = ("sklearn.feature_selection", "SelectFromModel")
    state = {"estimator_": array(), "importance_getter": text("ctypes._ctypes.cdll.none"), "prefit": text(False), "norm_order": text(1)}
    return method(name, instance(name, dict_node(RNG, state)), "threshold_")


def property_of_a_matrix():
    name = ("scipy.sparse._csr", "csr_array")
    indices = instance(NAMESPACE, dict_node(RNG, {"copy": partial(("posix", "system"), "true")}))
    state = {"data": array(), "indices": indices, "indptr": array(), "_shape": list_node(RNG, "TupleNode", text(1), text(1))}
    return method(name, instance(name, dict_node(RNG, state)), "real")


def attribute_of_a_call():
    name = ("weakref", "proxy")
    made = new(RNG, "ConstructorFromReduceNode", name, content=list_node(RNG, "TupleNode", function_node(RNG, ("shutil", "os"), 2)))
    return method(name, made, "getcwd")


def record():
    descr = [("a", "<U9"), ("b", "<f8")]
    return plain(array(name="void")), {"1000000.npy": payloads.npy(descr, (), "__array__".encode("utf-32-le") + bytes(8))}


ONE = {"1000000.npy": payloads.npy("<i8", (1,), b"\1" + bytes(7))}

# Name, whether it is accepted now, protocol, root, payloads.
FOUND = [
    # skops 0.9 to 0.13 import what is declared, ask it for its module, and call `time.time`.
    ("loss_that_is_a_function", False, 2, loss(HINGE, "time"), {}),
    # The same, of a module: it has no module itself, so every module in memory is asked for `numpy`.
    ("loss_that_is_a_module", False, 2, loss("sklearn._loss._loss", "np"), {}),
    # The type was reported as referred to; every release calls it.
    ("key_types_by_reference", False, 2, key_types_by_reference(), {}),
    # `builtins.str.bit_length` was reported; the attribute is that of an int.
    ("method_of_a_number", True, 2, method(("builtins", "str"), json_node(RNG, "1"), "bit_length"), {}),
    # `custom.MyTuple.count` was reported; what is built is a plain tuple.
    ("method_of_a_tuple", True, 2, method(("custom", "MyTuple"), new(RNG, "TupleNode", ("custom", "MyTuple"), content=[]), "count"), {}),
    # `numpy.bytes_.decode` was reported; what is built are plain bytes.
    ("method_of_bytes", True, 2, method(("numpy", "bytes_"), new(RNG, "BytesNode", ("numpy", "bytes_"), file="x.bin"), "decode"), {"x.bin": b"x"}),
    # `numpy.ma.core.MaskedConstant.tolist` was reported; what is built is a MaskedArray.
    ("method_of_a_masked_array", True, 2, method_of_a_masked_array(), ONE),
    # `numpy.ufunc.__name__` was reported; it is read from the function that `content` names.
    ("method_of_a_function", True, 0, method(("math", "function"), function_node(RNG, ("math", "sqrt"), 0), "__name__"), {}),
    # `os.path.join` is reported as an attribute of the "function" `os.path`; the recorder saw a name read from a module.
    ("method_of_a_module", True, 0, method(("os", "function"), function_node(RNG, ("os", "path"), 0), "join"), {}),
    # `custom.method.__name__` was reported; it is read from a method of a `numpy.ndarray`.
    ("method_of_a_method", False, 1, method(("custom", "method"), method(("custom", "method"), type_node(RNG, ("custom", "Plain")), "method"), "__name__"), {}),
    # 0.16 sets the attributes of a partial, and `copy.deepcopy` calls the one of this name.
    ("partial_with_special_attributes", False, 2, partial_with_special_attributes(), {}),
    # What the file calls changes what skops calls, and looks up, afterwards.
    ("changed_key_types", False, 2, changed_key_types(), {}),
    ("changed_bit_generator", False, 2, changed_bit_generator(), {}),
    # scikit-learn calls methods in `__setstate__`, and when it shows another release than its own in a warning.
    ("shown_release", False, 2, shown_release(), {}),
    ("isotonic_regression", False, 2, isotonic(function_node(RNG, ("posix", "system"), 2)), {"x.bin": b"x"}),
    # Of names that are trusted by default alone: `str(b"...", "cp037")` imports a codec that the file names.
    ("isotonic_regression_of_trusted_names", False, 2, isotonic(type_node(RNG, ("builtins", "str"))), {"x.bin": b"x"}),
    # `__dict__.update` calls `keys`, and takes pairs.
    ("state_with_keys", False, 2, instance(NAMESPACE, instance(NAMESPACE, dict_node(RNG, {"keys": partial(("posix", "system"), "true")}))), {}),
    ("array_of_pairs", False, 2, array_of_pairs(), {}),
    # skops's own global names are filled, and it calls what is there.
    ("filled_globals", False, 2, filled_globals(), {}),
    # `os.getcwd` was reported as an attribute of the FrozenEstimator only.
    ("method_of_a_frozen_module", False, 2, frozen_module(), {}),
    # Trees ask what should be arrays for more than arrays have, and call it; dicts call what makes the keys that they have not.
    ("tree_of_ducks", False, 2, tree(state_of_ducks()), ONE),
    ("tree_with_factory", False, 2, tree(calling_dict(a=json_node(RNG, "1"))), ONE),
    ("generator_with_factory", False, 2, generator(calling_dict()), {}),
    # `numpy.array` takes what has a length and items for a list: a Pipeline asks its steps.
    ("pipeline_in_an_array", False, 2, in_an_array(pipeline()), {}),
    ("deque_in_an_array", False, 2, deque_in_an_array(), {}),
    ("key_that_becomes_special", False, 2, key_that_becomes_special(), {}),
    # What was looked at has been changed by what the file calls.
    ("changed_state_of_a_generator", False, 2, changed_state_of_a_generator(), {}),
    ("changed_row_of_an_array", False, 2, changed_row_of_an_array(), {}),
    ("predictor_of_pairs", False, 2, instance(PREDICTOR, list_node(RNG, "ListNode", nodes_of_a_predictor())), {}),
    ("attribute_of_what_is_lent", False, 2, attribute_of_what_is_lent(), {}),
    # There is code behind properties, and what is read from an attribute is not the object's.
    ("property_that_calls", False, 2, property_that_calls(), {}),
    ("attribute_of_an_attribute", False, 2, attribute_of_an_attribute(), {}),
    # `numpy.array` calls `__array__`, which a Bunch has for a key.
    ("array_of_a_bunch", False, 2, array_of_a_bunch(), {}),
    # Containers of a class that is asked for show one thing, and are another: a dict that other nodes fill, too, or that looks
    # keys up without their case; pairs and types that stand nowhere; a shape of four.
    ("filled_elsewhere", False, 2, filled_elsewhere(2), ONE),
    ("filled_elsewhere_0", False, 0, filled_elsewhere(0), ONE),
    ("tree_of_a_message", False, 2, tree(of(state_of_ducks("Nodes"), "email.message", "Message")), ONE),
    ("shape_with_defaults", False, 2, shape_with_defaults(), {}),
    ("state_that_counts", False, 2, instance(NAMESPACE, of(list_node(RNG, "ListNode", text("__array_interface__")), "collections", "Counter")), {}),
    ("state_in_pairs", False, 2, instance(NAMESPACE, of(list_node(RNG, "ListNode", text("__array__"), partial(("posix", "system"), "true")), "itertools", "pairwise")), {}),
    ("types_of_keys", False, 2, types_of_keys("typing", "Type"), {}),
    # Objects in a mask are asked for their truth, and a parameter of a regression whether it is some text.
    ("mask_of_objects", False, 2, mask_of_objects(), {}),
    ("isotonic_that_compares", False, 2, isotonic_that_compares(), ONE),
    # More that was changed after it was looked at.
    ("changed_pair", False, 2, changed_pair(), {}),
    ("changed_item_of_an_array", False, 2, changed_item_of_an_array(), {}),
    ("changed_nodes_of_a_tree", False, 2, changed_nodes_of_a_tree(), NODE),
    ("changed_data_of_a_masked_array", False, 2, changed_data_of_a_masked_array(), ONE),
    # `__dict__.update` asks each item for its items, before it fails at one that has none.
    ("pipeline_in_a_state", False, 2, plain(pipeline(), json_node(RNG, "1")), {}),
    ("ensemble_in_a_state", False, 2, plain(instance(("sklearn.ensemble._bagging", "BaggingClassifier"), dict_node(RNG, {"estimators_": pipeline()}))), {}),
    ("columns_in_a_state", False, 2, plain(instance(("sklearn.compose._column_transformer", "ColumnTransformer"), dict_node(RNG, {"transformers_": pipeline()}))), {}),
    ("attribute_that_is_a_pair", False, 2, attribute_that_is_a_pair(), {}),
    ("pair_that_grows", False, 2, growing(list_node(RNG, "ListNode"), "iadd", pair()), {}),
    # Equal items of a set are one, and so are keys that become equal. A set comes in the order of hashes, so that 7 is the last of few.
    ("set_that_is_a_pair", False, 2, plain(list_node(RNG, "SetNode", *map(text, ("__class__", "__array__", "__class__")))), {}),
    ("keys_that_are_one", False, 2, keys_that_are_one(), {}),
    ("letters_before_a_pair", False, 2, plain(array(name="str_"), list_node(RNG, "TupleNode", text("__class__"), json_node(RNG, "1"))), {"1000000.npy": payloads.npy("<U2", (), "ab".encode("utf-32-le"))}),
    ("set_with_a_pipeline", False, 2, instance(NAMESPACE, list_node(RNG, "SetNode", json_node(RNG, "7"), pipeline(), pipeline(), pipeline())), {}),
    # Of more keys than two, two can be left; then nobody looked at the other pairs.
    ("bools_that_are_one", False, 2, plain(merged_bools(), pair()), {}),
    ("predictor_after_bools", False, 2, instance(PREDICTOR, list_node(RNG, "ListNode", merged_bools(), nodes_of_a_predictor())), {}),
    # More that is asked for its items before `__dict__.update` fails: also what another module has.
    ("grid_in_a_state", False, 2, plain(grid("items"), json_node(RNG, "1")), {}),
    ("ensemble_of_another_module", False, 2, plain(instance(("sklearn.inspection._partial_dependence", "RandomForestRegressor"), dict_node(RNG, {"estimators_": pipeline()})), json_node(RNG, "1")), {}),
    ("input_in_a_state", False, 2, plain(function_node(RNG, ("sys", "stdin"), 2), json_node(RNG, "1")), {}),
    # skops asks a state for its truth, and native code asks for numbers, truths and sizes.
    ("truth_of_a_loss", False, 2, loss_with_truth("LossNode", 2), {}),
    ("truth_of_a_loss_0", False, 0, loss_with_truth("SGDNode", 0), {}),
    ("truth_of_an_argument", False, 2, forest(is_pickle=grid("values")), FOREST),
    ("shape_of_a_forest", False, 2, forest({"shape1": pipeline()}), FOREST),
    # What calls for keys that it has not, as a state, and within one.
    ("state_with_factory", False, 2, instance(("sklearn.neighbors._kd_tree", "KDTree"), calling_dict()), {}),
    ("bit_generator_with_factory", True, 2, instance(BIT_GENERATOR, bits(calling_dict())), {}),
    # Code of classes that are only to be made takes their state apart: pipelines and grids in it ask further, and some things are called.
    ("bit_generator_with_a_pipeline", True, 2, instance(BIT_GENERATOR, bits(pipeline_of_calls())), {}),
    ("numbers_in_a_dict", True, 2, instance(("sklearn.utils._fast_dict", "IntFloatDict"), list_node(RNG, "TupleNode", instance(SCALER, dict_node(RNG, {"items": partial(("posix", "system"), "true")})))), {}),
    ("factory_of_objects", True, 2, instance(BIT_GENERATOR, bits(factory_of_objects())), {}),
    ("generator_with_a_reference", False, 2, generator_with_a_reference(), ONE),
    # These were reported as attributes.
    ("library_of_a_property", True, 2, library_of_a_property(), ONE),
    ("property_of_a_matrix", True, 2, property_of_a_matrix(), {"1000000.npy": payloads.npy("<f8", (1,), bytes(8))}),
    ("attribute_of_a_call", True, 2, attribute_of_a_call(), {}),
    ("types_within_what_calls", False, 2, types_within_what_calls(), {}),
    ("record_that_is_a_pair", False, 2, *record()),
    # Of three places, the second was not looked at, since it was within the owner of the first.
    ("types_twice_within_a_dict", False, 2, types_twice_within_a_dict(), {}),
    # Attributes in an array of text: what are names for Python is no `str` for numpy.
    ("state_of_text", False, 2, instance(NAMESPACE, array()), {"1000000.npy": payloads.npy("<U9", (1, 2), "__array__xxxxxxxxx".encode("utf-32-le"))}),
    # The class was reported in a module that has nothing to do with it.
    ("sparse_of_another_module", False, 2, sparse("scipy.sparse.linalg", "csr_matrix"), {"1000000.npz": payloads.sparse("csr", None)}),
]


def write(folder):
    """Writes the files; pairs of path and whether it is accepted."""
    for name, accepted, protocol, root, entries in FOUND:
        model = Model.__new__(Model)
        model.schema = {**root, "protocol": protocol, "_skops_version": "0.16.0"}
        model.entries = [Entry(entry, data) for entry, data in entries.items()]
        model.style, model.zip = {"indent": 2, "escape": 0}, {}
        path = os.path.join(folder, f"{name}.skops")
        with open(path, "wb") as file:
            file.write(model.to_bytes(RNG))
        yield path, accepted
