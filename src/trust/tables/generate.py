"""Prints, as JSON, the names skops 0.16.0 trusts by default, loader by loader.

Run by generate.sh as `python -I generate.py`, once per environment, each in a
fresh process. skops.io has to be the first import of a third-party package:
skops names an object without `__module__` (a ufunc) after the first module of
sys.modules that holds it.

Nothing is copied from skops: every loader skops registers is built from a
minimal state with `trusted=None`, and its `trusted` attribute is read back. A
loader or a protocol that appears or disappears, a list that is no longer the
one a table stands for, or a name that fits no table stops the generator.

Beside the tables it prints what methods.txt is made of: the names of the
methods of the trusted scikit-learn classes, and the names that these
classes give to instance attributes.
"""

import skops.io  # isort: skip  (first, see above)

import ast
import functools
import importlib.metadata
import inspect
import io
import json
import sys
import zipfile

import skops
from skops.io import _trusted_types as lists
from skops.io._audit import NODE_TYPE_MAPPING
from skops.io._protocol import PROTOCOL
from skops.io._utils import LoadContext

SKOPS = "0.16.0"


def check(condition, message):
    if not condition:
        sys.exit(f"generate.py: {message}")


def json_state(value):
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
    }


def dict_state(**content):
    return {
        "__class__": "dict",
        "__module__": "builtins",
        "__loader__": "DictNode",
        "key_types": list_state(),
        "content": {key: json_state(value) for key, value in content.items()},
    }


def list_state():
    return {
        "__class__": "list",
        "__module__": "builtins",
        "__loader__": "ListNode",
        "content": [],
    }


ARRAY = {"type": "numpy", "file": "file"}
REDUCE = {"__reduce__": {"args": list_state()}, "content": dict_state()}
BIT_GENERATOR = dict_state(bit_generator="PCG64")

# What each loader reads of its state, besides __class__ and __module__.
STATES = {
    ("BytearrayNode", 2): {"file": "file"},
    ("BytesNode", 2): {"file": "file"},
    ("CachedNode", 2): {"__id__": 1},
    ("ConstructorFromReduceNode", 2): {"content": list_state()},
    ("DTypeNode", 2): {"content": json_state(None)},
    ("DefaultDictNode", 2): {
        "content": {"main": dict_state(), "default_factory": json_state(None)}
    },
    ("DictNode", 2): {"key_types": list_state(), "content": {}},
    ("FunctionNode", 0): {"content": {"module_path": "m", "function": "C"}},
    ("FunctionNode", 2): {},
    ("JsonNode", 2): {"content": "null"},
    ("ListNode", 2): {"content": []},
    ("LossNode", 2): REDUCE,
    ("MaskedArrayNode", 2): {
        "content": {"data": json_state(None), "mask": json_state(None)}
    },
    ("MethodNode", 2): {
        "content": {
            "func": "f",
            "obj": {"__class__": "C", "__module__": "m", "__loader__": "ObjectNode"},
        }
    },
    ("NdArrayNode", 2): ARRAY,
    ("ObjectNode", 2): {"content": dict_state()},
    ("OperatorFuncNode", 2): {"__module__": "operator", "attrs": list_state()},
    ("PartialNode", 2): {
        "content": {
            "func": json_state(None),
            "args": list_state(),
            "kwds": dict_state(),
            "namespace": json_state(None),
        }
    },
    ("QuantileForestNode", 2): REDUCE,
    ("RandomGeneratorNode", 0): {"content": {"bit_generator": {}}},
    ("RandomGeneratorNode", 1): {"content": {"bit_generator": BIT_GENERATOR}},
    ("RandomGeneratorNode", 2): {
        "content": {"bit_generator": BIT_GENERATOR, "seed_seq": dict_state()}
    },
    ("RandomStateNode", 2): {"content": dict_state()},
    ("SetNode", 2): {"content": []},
    ("SliceNode", 2): {"content": {"start": None, "stop": None, "step": None}},
    ("SparseMatrixNode", 2): {"type": "scipy", "file": "file"},
    ("TreeNode", 2): REDUCE,
    ("TupleNode", 2): {"content": []},
    ("TypeNode", 2): {},
}

# These trust nothing by default, so they have no table.
TRUST_NOTHING = {
    "CachedNode",
    "ConstructorFromReduceNode",
    "DTypeNode",
    "MethodNode",
    "OperatorFuncNode",
    "PartialNode",
    "QuantileForestNode",
    "TreeNode",
}

# Safe whatever it names: its list is never looked at.
ALWAYS_SAFE = {"JsonNode"}


def node(loader, protocol):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("file", b"")
    with zipfile.ZipFile(buffer) as archive:
        # Children are found under the newest protocol: only this node is old.
        context = LoadContext(src=archive, protocol=PROTOCOL)
        context.memoize(object(), 1)
        state = {"__class__": "C", "__module__": "m", "__loader__": loader}
        state.update(STATES[loader, protocol])
        return NODE_TYPE_MAPPING[loader, protocol](state, context, trusted=None)


def check_bit_generators(protocol):
    """RandomGeneratorNode reports a bit generator exactly when it is not listed."""
    listed = lists.NUMPY_RANDOM_BIT_GENERATOR_TYPE_NAMES
    for name in [*listed, "numpy.random.seed"]:
        built = node("RandomGeneratorNode", protocol)
        built.bit_generator_name = name.removeprefix("numpy.random.")
        check(
            (name in built.get_unsafe_set()) == (name not in listed),
            f"RandomGeneratorNode of protocol {protocol} judges {name} otherwise",
        )


def is_dunder(name):
    return name.startswith("__") and name.endswith("__")


def is_method(value):
    """Whether this value of a class's `__dict__` is what an instance attribute
    of the same name would be found instead of.

    A data descriptor is found first whatever the instance holds, and a cached
    property keeps its value in the instance, under its own name.
    """
    kind = type(value)
    if hasattr(kind, "__set__") or hasattr(kind, "__delete__"):
        return False
    if isinstance(value, functools.cached_property):
        return False
    return hasattr(kind, "__get__") or callable(value)


def methods_and_attributes(type_names):
    """What these classes and their bases name: methods, parameters of
    `__init__`, and what their sources assign as `self.NAME`."""
    methods, parameters = set(), set()
    modules = {}
    for type_name in type_names:
        module, _, name = type_name.rpartition(".")
        cls = getattr(sys.modules.get(module), name, None)
        check(isinstance(cls, type), f"{type_name} can't be imported")
        for base in cls.__mro__:
            methods |= {
                name
                for name, value in vars(base).items()
                if not is_dunder(name) and is_method(value)
            }
            if base.__module__.partition(".")[0] == "sklearn":
                modules.setdefault(base.__module__, set()).add(base.__qualname__)
        parameters |= set(inspect.signature(cls.__init__).parameters)
    assigned = set()
    for module, classes in modules.items():
        assigned |= assigned_to_self(module, classes)
    return methods, parameters, assigned


def assigned_to_self(module, classes):
    """Every NAME that these classes of the module assign as `self.NAME`."""
    found = {
        node.name: node
        for node in ast.parse(inspect.getsource(sys.modules[module])).body
        if isinstance(node, ast.ClassDef)
    }
    check(classes <= found.keys(), f"{module} defines no {classes - found.keys()}")
    return {
        node.attr
        for name in classes
        for node in ast.walk(found[name])
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def main():
    check(skops.__version__ == SKOPS, f"skops {skops.__version__} is not {SKOPS}")

    registered = set(NODE_TYPE_MAPPING)
    missing = set(STATES) - registered
    check(not missing, f"skops no longer has the loaders {sorted(missing)}")
    unknown = registered - set(STATES)
    check(not unknown, f"skops has new loaders: {sorted(unknown)}")

    trusted = {}
    for loader, protocol in sorted(registered):
        try:
            built = node(loader, protocol)
        except ImportError:
            # Registered everywhere, built only where quantile-forest is installed.
            check(loader == "QuantileForestNode", f"{loader} can't be built")
            continue
        check(isinstance(built.trusted, list), f"{loader} trusts {built.trusted!r}")
        trusted[loader, protocol] = set(built.trusted)

    for loader in sorted(TRUST_NOTHING):
        names = trusted.pop((loader, PROTOCOL), set())
        check(not names, f"{loader} now trusts {sorted(names)}")
    for loader in sorted(ALWAYS_SAFE):
        check(node(loader, PROTOCOL).is_safe(), f"{loader} is no longer always safe")
        trusted.pop((loader, PROTOCOL))

    def take(loader, protocol=PROTOCOL):
        return trusted.pop((loader, protocol))

    estimators = set(lists.SKLEARN_ESTIMATOR_TYPE_NAMES)
    internals = set(lists.SKLEARN_INTERNAL_TYPE_NAMES)
    check(take("ObjectNode") == estimators | internals, "ObjectNode's list changed")

    scalars = set(lists.NUMPY_DTYPE_TYPE_NAMES)
    primitives = set(lists.PRIMITIVE_TYPE_NAMES) | set(lists.CONTAINER_TYPE_NAMES)
    ndarrays = take("NdArrayNode")
    check(scalars < ndarrays, "NdArrayNode's list changed")
    check(take("TypeNode") == primitives | scalars, "TypeNode's list changed")

    numpy_ufuncs = set(lists.NUMPY_UFUNC_TYPE_NAMES)
    scipy_ufuncs = set(lists.SCIPY_UFUNC_TYPE_NAMES)
    check(
        take("FunctionNode") == numpy_ufuncs | scipy_ufuncs,
        "FunctionNode's list changed",
    )
    check(
        take("FunctionNode", 0) == scipy_ufuncs,
        "FunctionNode's list of protocol 0 changed",
    )

    generators = take("RandomGeneratorNode")
    for protocol in (0, 1):
        check(
            take("RandomGeneratorNode", protocol) == generators,
            f"RandomGeneratorNode's list of protocol {protocol} changed",
        )
    for protocol in (1, 2):
        check_bit_generators(protocol)

    tables = {
        "bit_generators": set(lists.NUMPY_RANDOM_BIT_GENERATOR_TYPE_NAMES),
        "estimators": estimators,
        "generators": generators,
        "internals": internals,
        "losses": take("LossNode"),
        "masked_arrays": take("MaskedArrayNode"),
        "ndarrays": ndarrays - scalars,
        "numpy_ufuncs": numpy_ufuncs,
        "random_states": take("RandomStateNode"),
        "scalars": scalars,
        "scipy_ufuncs": scipy_ufuncs,
    }
    builtins = {f"TypeNode {name}" for name in primitives}
    for loader in (
        "BytearrayNode",
        "BytesNode",
        "DefaultDictNode",
        "DictNode",
        "ListNode",
        "SetNode",
        "SliceNode",
        "TupleNode",
    ):
        builtins |= {f"{loader} {name}" for name in take(loader)}
    tables["builtins"] = builtins
    # Left out by generate.sh, kept apart so that a change there is noticed.
    tables["sparse_matrices"] = take("SparseMatrixNode")
    check(not trusted, f"loaders without a table: {sorted(trusted)}")

    for table, names in tables.items():
        for name in names:
            check(
                name.isascii() and name.isprintable() and name.strip() == name,
                f"{table}: odd name {name!r}",
            )

    methods, parameters, assigned = methods_and_attributes(estimators | internals)
    for name in methods:
        check(name.isascii() and name.isidentifier(), f"odd method {name!r}")

    json.dump(
        {
            "methods": sorted(methods),
            "parameters": sorted(parameters),
            "assigned": sorted(assigned),
            "versions": {
                package: importlib.metadata.version(package)
                for package in ("skops", "scikit-learn", "numpy", "scipy")
            },
            "tables": {table: sorted(names) for table, names in tables.items()},
        },
        sys.stdout,
        indent=1,
        sort_keys=True,
    )
    print()


main()
