"""Mutants of real models: structure-aware, and deterministic by seed and number.

    python mutate.py SEED NUMBER OUT     writes one mutant, and prints what was done to which model

A mutator is a function `(mutant, rng) -> bool`; False says that there was nothing for it to do. Those registered as `kind`
leave the file as skops writes files, with another meaning; `rude` ones break rules of the format, and are mostly refused.
"""

import copy
import glob
import json
import os
import random
import struct
import sys
import zipfile

import payloads
import targets
from model import Entry, Model, Pairs, Raw, nodes_in

KIND, RUDE = [], []
# Larger models take their time, and are made of the same nodes.
LARGEST = 12_000


def kind(weight):
    return lambda function: KIND.append((function, weight)) or function


def rude(weight):
    return lambda function: RUDE.append((function, weight)) or function


class Bases:
    """The models that mutants are made from, and their nodes by loader, to be put into others."""

    def __init__(self, fixtures):
        paths = sorted(glob.glob(f"{fixtures}/real/skops-*/*.skops")) + sorted(glob.glob(f"{fixtures}/hostile/files/*.skops"))
        small = [path for path in paths if os.path.getsize(path) <= LARGEST]
        self.models, self.nodes = {}, {}
        for path in small:
            try:
                model = Model(path)
                if "__loader__" in model.schema and model.nodes():
                    self.models[os.path.relpath(path, fixtures)] = model
            except Exception:  # whatever Python's readers make of a hostile file
                continue
        self.paths = sorted(self.models)
        for path in self.paths:
            if path.startswith("real"):
                self.collect(self.models[path])
        # One model in five releases is one way to begin, so that no kind is drowned by the many estimators.
        families = {}
        for path in self.paths:
            families.setdefault(os.path.basename(path).split("_")[0].split(".")[0], []).append(path)
        self.families = [families[name] for name in sorted(families)]

    def collect(self, model):
        for holder, key in model.nodes():
            node = holder[key]
            known = self.nodes.setdefault(str(node["__loader__"]), [])
            if len(known) < 400 and len(str(node)) < 3000:
                known.append((model, node))

    def draw(self, rng):
        path = rng.choice(rng.choice(self.families) if rng.random() < 0.6 else self.paths)
        return path, self.models[path].copied()


class Mutant:
    """A model on its way, with the bases at hand."""

    def __init__(self, model, bases):
        self.model, self.bases = model, bases
        self.model.schema.setdefault("protocol", 2)

    @property
    def protocol(self):
        return self.model.schema.get("protocol")

    def find(self, rng, *loaders, where=lambda node: True):
        """The place of a node of one of these loaders, or None."""
        found = [
            (holder, key)
            for holder, key in self.model.nodes()
            if (not loaders or holder[key]["__loader__"] in loaders) and where(holder[key])
        ]
        return rng.choice(found) if found else None

    def place(self, rng):
        """The place of a node that can be any other: an attribute, an item. Key types and states can not."""
        found = []
        for holder, key in self.model.nodes():
            node = holder[key]
            if node["__loader__"] == "DictNode":
                found += [(node["content"], name) for name in node["content"]]
            elif node["__loader__"] in ("ListNode", "TupleNode", "SetNode") and not is_types(node):
                found += [(node["content"], number) for number in range(len(node["content"]))]
        found = [(holder, key) for holder, key in found if isinstance(holder[key], dict)]
        return rng.choice(found) if found else None

    def graft(self, rng, loader):
        """A node of another model with its payloads, as an object of its own."""
        known = self.bases.nodes.get(loader)
        if not known:
            return None
        model, node = rng.choice(known)
        node = without_root_fields(copy.deepcopy(node))
        renamed, changed = {}, rng.getrandbits(40)
        for holder, key in nodes_of(node):
            inner = holder[key]
            if isinstance(inner.get("__id__"), int):
                inner["__id__"] += changed
            if isinstance(inner.get("file"), str) and model.payload(inner["file"]):
                stem, _, suffix = inner["file"].rpartition(".")
                name = renamed.setdefault(inner["file"], f"{rng.getrandbits(44) + (1 << 20)}.{suffix}" if stem.isdigit() else
                                          f"{rng.getrandbits(64):016x}.{suffix}")
                if not self.model.payload(name):
                    old = model.payload(inner["file"])
                    self.model.entries.append(Entry(name, old.data, old.method))
                inner["file"] = name
        return node

    def replace(self, place, node):
        holder, key = place
        old, node = holder[key], without_root_fields(node)
        if old is self.model.schema:
            node = {**node, "protocol": old.get("protocol"), "_skops_version": old.get("_skops_version")}
            self.model.schema = node
        else:
            holder[key] = node


def nodes_of(node):
    return list(nodes_in({"root": node}))


def without_root_fields(node):
    return {field: item for field, item in node.items() if field not in ("protocol", "_skops_version")}


def is_types(node):
    return bool(node["content"]) and all(isinstance(item, dict) and item.get("__loader__") == "TypeNode" for item in node["content"])


# Nodes from scratch --------------------------------------------------------------------------------------------------


def new(rng, loader, name, **fields):
    module, name = name
    return {"__class__": name, "__module__": module, "__loader__": loader, **fields, "__id__": rng.getrandbits(46) + (1 << 20)}


def json_node(rng, text):
    return new(rng, "JsonNode", ("builtins", "str"), content=text, is_json=True)


def list_node(rng, loader, *items):
    kinds = {"ListNode": "list", "TupleNode": "tuple", "SetNode": "set"}
    return new(rng, loader, ("builtins", kinds[loader]), content=list(items))


def dict_node(rng, items):
    types = [type_node(rng, ("builtins", "str")) for _ in items]
    return new(rng, "DictNode", ("builtins", "dict"), content=dict(items), key_types=list_node(rng, "ListNode", *types))


def type_node(rng, name):
    return new(rng, "TypeNode", name)


def function_node(rng, name, protocol):
    if protocol == 0:
        return new(rng, "FunctionNode", (name[0], "function"), content={"module_path": name[0], "function": name[1]})
    return new(rng, "FunctionNode", name)


def text_node(rng, text):
    return json_node(rng, json.dumps(text))


def value(mutant, rng):
    """A small node of any kind."""
    loaders = sorted(mutant.bases.nodes)
    made = mutant.graft(rng, rng.choice(loaders)) if rng.random() < 0.7 else None
    return made or text_node(rng, rng.choice(["x", "touch it", "0", "os"]))


def any_name(rng):
    return rng.choice(rng.choices([targets.HARMLESS, targets.DANGEROUS, targets.ODD], [5, 3, 2])[0])


def declare(node, name):
    node["__module__"], node["__class__"] = name


def declare_all(mutant, rng, node, name):
    """Wherever the object stands: mostly everywhere, since bodies of one id that differ are refused."""
    known = node.get("__id__")
    declare(node, name)
    if known is not None and rng.random() < 0.9:
        for holder, key in mutant.model.nodes():
            if holder[key].get("__id__") == known and holder[key]["__loader__"] == node["__loader__"]:
                declare(holder[key], name)


# Identity ------------------------------------------------------------------------------------------------------------


def with_ids(mutant):
    return [(holder, key) for holder, key in mutant.model.nodes() if isinstance(holder[key].get("__id__"), int)]


@kind(3)
def renumber(mutant, rng):
    numbers = {}
    for holder, key in with_ids(mutant):
        node = holder[key]
        node["__id__"] = numbers.setdefault(node["__id__"], rng.choice([len(numbers) + 1, rng.getrandbits(60) + 1]))
    return bool(numbers)


@kind(2)
def drop_id(mutant, rng):
    places = with_ids(mutant)
    for holder, key in rng.sample(places, min(len(places), rng.choice([1, 3, len(places) or 1]))):
        holder[key].pop("__id__", None)
    return bool(places)


@kind(3)
def swap_ids(mutant, rng):
    places = with_ids(mutant)
    if len(places) < 2:
        return False
    (one, first), (other, second) = rng.sample(places, 2)
    one, other = one[first], other[second]
    one["__id__"], other["__id__"] = other["__id__"], one["__id__"]
    return True


@kind(3)
def reuse_id(mutant, rng):
    """Another node gets the id of one: of an equal one, if there are any."""
    equal = {}
    for holder, key in with_ids(mutant):
        node = holder[key]
        equal.setdefault(str({**node, "__id__": 0}), []).append(node)
    groups = [group for group in equal.values() if len(group) > 1]
    if groups and rng.random() < 0.8:
        one, other = rng.sample(rng.choice(groups), 2)
    else:
        nodes = [node for group in equal.values() for node in group]
        if len(nodes) < 2:
            return False
        one, other = rng.sample(nodes, 2)
    other["__id__"] = one["__id__"]
    return True


@kind(5)
def alias(mutant, rng):
    """A node once more, written in full, as skops writes what is used twice."""
    source, place = mutant.find(rng, where=lambda node: "__id__" in node), mutant.place(rng)
    if not source or not place:
        return False
    mutant.replace(place, copy.deepcopy(source[0][source[1]]))
    return True


@kind(4)
def refer(mutant, rng):
    """A reference to an earlier node, in either form."""
    source, place = mutant.find(rng, where=lambda node: "__id__" in node), mutant.place(rng)
    if not source or not place:
        return False
    node = source[0][source[1]]
    forms = [
        {"__id__": node["__id__"]},
        {"__loader__": "CachedNode", "__id__": node["__id__"], "__class__": None, "__module__": None},
        {"__loader__": "CachedNode", "__id__": node["__id__"], "__class__": node["__class__"], "__module__": node["__module__"]},
        {"__loader__": "CachedNode", "__id__": node["__id__"], "__class__": "list", "__module__": "builtins"},
    ]
    bare = node["__loader__"] in ("ListNode", "DictNode", "TupleNode", "SetNode")
    mutant.replace(place, rng.choice(forms if bare else forms[1:]))
    return True


@kind(3)
def refer_anywhere(mutant, rng):
    """A reference where skops has none: as a state, as arguments, as what a method belongs to."""
    places = mutant.model.nodes()[1:]
    pairs = [(one, other) for at, one in enumerate(places) for other in places[at + 1:]
             if one[0][one[1]]["__loader__"] == other[0][other[1]]["__loader__"] and "__id__" in one[0][one[1]]]
    if not pairs:
        return False
    one, other = rng.choice(pairs)
    known = one[0][one[1]]["__id__"]
    mutant.replace(other, rng.choice([
        {"__loader__": "CachedNode", "__id__": known, "__class__": None, "__module__": None},
        {"__id__": known}, copy.deepcopy(one[0][one[1]]),
    ]))
    return True


@kind(2)
def share_part(mutant, rng):
    """A part of a node that skops looks into, before that: as an argument of what may change it, or keep it."""
    place = mutant.place(rng)
    owner = mutant.graft(rng, rng.choice(["DictNode", "RandomGeneratorNode", "ObjectNode", rng.choice(sorted(mutant.bases.nodes))]))
    parts = parts_of(owner) if owner else []
    if not place or not parts:
        return False
    part = copy.deepcopy(rng.choice(parts))
    if rng.random() < 0.2:
        part = {"__loader__": "CachedNode", "__id__": part["__id__"], "__class__": None, "__module__": None}
    other = rng.choice([callable_value(mutant, rng), dict_node(rng, {"bit_generator": text_node(rng, "seed")}), type_node(rng, any_name(rng))])
    name, arguments = rng.choice([
        (("operator", "setitem"), [part, rng.choice([json_node(rng, "0"), text_node(rng, "bit_generator")]), other]),
        (("operator", "ior"), [part, other]), (("heapq", "heapreplace"), [part, other]), (("operator", "imul"), [part, json_node(rng, "2")]),
        (("builtins", "dict"), [part]), (("custom", "double"), [part]), (any_name(rng), [part, other]),
    ])
    called = new(rng, "ConstructorFromReduceNode", name, content=list_node(rng, "TupleNode", *arguments))
    mutant.replace(place, list_node(rng, "ListNode", rng.choice([called, called, part, list_node(rng, "TupleNode", part)]), owner))
    return True


def parts_of(node):
    """What skops looks into itself: key types, arguments, states."""
    parts = []
    for holder, key in nodes_of(node):
        inner = holder[key]
        content, reduced = inner.get("content"), inner.get("__reduce__")
        parts += [inner.get("key_types"), content, reduced.get("args") if isinstance(reduced, dict) else None]
        parts += content.values() if isinstance(content, dict) else []
    return [part for part in parts if isinstance(part, dict) and isinstance(part.get("__id__"), int)
            and isinstance(part.get("content"), (list, dict))]


@rude(2)
def refer_to_key_types(mutant, rng):
    """A dict whose key types are those of an earlier list, by reference."""
    places = [holder[key] for holder, key in mutant.model.nodes() if holder[key]["__loader__"] == "DictNode"]
    if not places:
        return False
    node = rng.choice(places)
    name = rng.choice([("builtins", "str"), ("builtins", "str"), any_name(rng)])
    types = list_node(rng, "ListNode", *[type_node(rng, name) for _ in range(2)])
    inner = dict_node(rng, {"a": text_node(rng, "a"), "b": text_node(rng, "b")})
    inner["key_types"] = rng.choice([
        {"__id__": types["__id__"]},
        {"__loader__": "CachedNode", "__id__": types["__id__"], "__class__": None, "__module__": None},
        copy.deepcopy(types),
    ])
    both = list_node(rng, "TupleNode", types, inner)
    if not node["content"]:
        return False
    node["content"][rng.choice(list(node["content"]))] = both
    return True


# Where nodes stand ---------------------------------------------------------------------------------------------------


@kind(4)
def swap_places(mutant, rng):
    """Two values of one kind change places."""
    one = mutant.place(rng)
    if not one:
        return False
    loader = one[0][one[1]].get("__loader__")
    found = [place for place in (mutant.place(rng) for _ in range(8)) if place[0][place[1]].get("__loader__") == loader]
    if not found:
        return False
    other = found[0]
    left, right = copy.deepcopy(one[0][one[1]]), copy.deepcopy(other[0][other[1]])
    other[0][other[1]] = left
    one[0][one[1]] = right
    return True


@kind(8)
def graft_same(mutant, rng):
    """A node becomes one of the same loader, from another file."""
    place = mutant.find(rng)
    node = place and mutant.graft(rng, place[0][place[1]]["__loader__"])
    if not node:
        return False
    mutant.replace(place, node)
    return True


@kind(10)
def graft_any(mutant, rng):
    place = mutant.place(rng)
    node = place and mutant.graft(rng, rng.choice(sorted(mutant.bases.nodes)))
    if not node:
        return False
    mutant.replace(place, node)
    return True


@kind(4)
def add_item(mutant, rng):
    place = mutant.find(rng, "DictNode", "ListNode", "TupleNode", where=lambda node: not (isinstance(node["content"], list) and is_types(node)))
    if not place:
        return False
    node = place[0][place[1]]
    if isinstance(node["content"], list):
        node["content"].insert(rng.randint(0, len(node["content"])), value(mutant, rng))
    else:
        node["content"][rng.choice(targets.KEYS)] = value(mutant, rng)
        fit_key_types(node, rng)
    return True


@kind(2)
def remove_item(mutant, rng):
    place = mutant.place(rng)
    if not place:
        return False
    holder, key = place
    del holder[key]
    for other, name in mutant.model.nodes():
        if other[name].get("content") is holder and isinstance(holder, dict):
            fit_key_types(other[name], rng)
    return True


def fit_key_types(node, rng):
    types = node.get("key_types", {}).get("content")
    if isinstance(types, list):
        while len(types) < len(node["content"]):
            types.append(type_node(rng, ("builtins", "str")))
        del types[len(node["content"]):]


@kind(4)
def rename_key(mutant, rng):
    place = mutant.find(rng, "DictNode", where=lambda node: node["content"])
    if not place:
        return False
    node = place[0][place[1]]
    old, name = rng.choice(list(node["content"])), rng.choice(targets.KEYS + targets.ATTRIBUTES)
    node["content"] = {name if key == old else key: item for key, item in node["content"].items()}
    fit_key_types(node, rng)
    return True


@kind(4)
def change_key_type(mutant, rng):
    place = mutant.find(rng, "DictNode", where=lambda node: node.get("key_types", {}).get("content"))
    if not place:
        return False
    if rng.random() < 0.6:  # not the state of an object, whose keys are text
        mutant.replace(mutant.place(rng) or place, dict_node(rng, {rng.choice(targets.KEYS): value(mutant, rng), "b": text_node(rng, "b")}))
        place = mutant.find(rng, "DictNode", where=lambda node: "b" in node["content"]) or place
    types = place[0][place[1]]["key_types"]["content"]
    at = rng.randrange(len(types))
    types[at] = rng.choices(
        [
            type_node(rng, rng.choice([("numpy", "str_"), ("builtins", "int"), ("builtins", "float"), ("numpy", "int64")])),
            type_node(rng, any_name(rng)),
            function_node(rng, any_name(rng), mutant.protocol),
            value(mutant, rng),
        ],
        [3, 5, 1, 1],
    )[0]
    return True


# Declared types ------------------------------------------------------------------------------------------------------

OPEN = ["ObjectNode", "ConstructorFromReduceNode", "TypeNode", "FunctionNode", "DictNode", "ListNode", "TupleNode", "SetNode", "NdArrayNode",
        "RandomStateNode", "RandomGeneratorNode", "MaskedArrayNode", "SparseMatrixNode", "BytesNode"]


@kind(14)
def declare_other(mutant, rng):
    """Another declared type, for a loader that takes it."""
    place = mutant.find(rng, rng.choice(OPEN), where=lambda node: "content" not in node or node["__loader__"] != "FunctionNode")
    place = place or mutant.find(rng, *OPEN)
    if not place:
        return False
    declare_all(mutant, rng, place[0][place[1]], any_name(rng))
    return True


@kind(5)
def declare_from_file(mutant, rng):
    """The declared type of another node, of the same loader somewhere."""
    place = mutant.find(rng)
    node = place[0][place[1]]
    known = mutant.bases.nodes.get(node["__loader__"])
    if not known:
        return False
    other = rng.choice(known)[1]
    declare_all(mutant, rng, node, (other["__module__"], other["__class__"]))
    return True


@kind(4)
def declare_in_function(mutant, rng):
    place = mutant.find(rng, "FunctionNode", where=lambda node: "content" in node)
    if not place:
        return False
    module, name = any_name(rng)
    place[0][place[1]]["content"] = {"module_path": module, "function": name}
    place[0][place[1]]["__module__"], place[0][place[1]]["__class__"] = rng.choice([(module, "function"), ("numpy", "ufunc")])
    return True


@rude(3)
def declare_nonsense(mutant, rng):
    holder, key = mutant.find(rng)
    declare(holder[key], rng.choice(targets.MALFORMED))
    return True


@rude(2)
def shift_name(mutant, rng):
    """The same full name, split elsewhere."""
    holder, key = mutant.find(rng)
    node = holder[key]
    parts = f"{node['__module__']}.{node['__class__']}".split(".")
    at = rng.randint(0, len(parts))
    declare(node, (".".join(parts[:at]), ".".join(parts[at:])))
    return True


SHAPES = [
    ["ListNode", "TupleNode", "SetNode"], ["BytesNode", "BytearrayNode"], ["TypeNode", "FunctionNode"],
    ["ObjectNode", "ConstructorFromReduceNode", "RandomStateNode", "DTypeNode"],
    ["TreeNode", "LossNode", "SGDNode", "QuantileForestNode"], ["LossNode", "SGDNode"],
]


@kind(5)
def exchange_loader(mutant, rng):
    """Another loader with the same fields."""
    shape = rng.choice(SHAPES)
    place = mutant.find(rng, *shape)
    if not place:
        return False
    node = place[0][place[1]]
    node["__loader__"] = rng.choice(shape)
    plain = {"ListNode": "list", "TupleNode": "tuple", "SetNode": "set", "BytesNode": "bytes", "BytearrayNode": "bytearray"}
    if node["__module__"] == "builtins" and node["__loader__"] in plain and rng.random() < 0.8:
        node["__class__"] = plain[node["__loader__"]]
    return True


@rude(2)
def exchange_any_loader(mutant, rng):
    holder, key = mutant.find(rng)
    holder[key]["__loader__"] = rng.choice(sorted(mutant.bases.nodes) + ["ReduceNode", "Node", "dictnode", "", None, 5])
    return True


# What each loader reads, calls and imports ---------------------------------------------------------------------------


@kind(8)
def wrap_in_method(mutant, rng):
    """A method of some object of the file."""
    place = mutant.place(rng)
    source = mutant.find(rng)
    if not place or not source:
        return False
    node = copy.deepcopy(source[0][source[1]] if rng.random() < 0.5 else value(mutant, rng))
    node = without_root_fields(node)
    if rng.random() < 0.7:
        for holder, key in nodes_of(node):
            if isinstance(holder[key].get("__id__"), int):
                holder[key]["__id__"] += 1 << 50
    declared = rng.choice([(node.get("__module__"), node.get("__class__"))] * 3 + [(node.get("__module__"), "method")])
    made = new(rng, "MethodNode", declared, content={"func": rng.choice(targets.ATTRIBUTES), "obj": node})
    mutant.replace(place, made)
    return True


@kind(5)
def change_method(mutant, rng):
    place = mutant.find(rng, "MethodNode")
    if not place:
        return False
    place[0][place[1]]["content"]["func"] = rng.choice(targets.ATTRIBUTES)
    return True


@kind(4)
def change_method_object(mutant, rng):
    place = mutant.find(rng, "MethodNode")
    if not place:
        return False
    node = place[0][place[1]]
    node["content"]["obj"] = value(mutant, rng)
    if rng.random() < 0.8:
        declare(node, (node["content"]["obj"]["__module__"], node["content"]["obj"]["__class__"]))
    return True


@kind(4)
def make_partial(mutant, rng):
    place = mutant.place(rng)
    if not place:
        return False
    func = rng.choice([function_node(rng, any_name(rng), mutant.protocol), type_node(rng, any_name(rng)), value(mutant, rng)])
    namespace = rng.choice([json_node(rng, "null"), dict_node(rng, {}), dict_node(rng, {rng.choice(targets.KEYS): value(mutant, rng)})])
    content = {
        "func": func,
        "args": list_node(rng, "TupleNode", *[value(mutant, rng) for _ in range(rng.randint(0, 2))]),
        "kwds": dict_node(rng, {rng.choice(targets.KEYS): value(mutant, rng) for _ in range(rng.randint(0, 1))}),
        "namespace": namespace,
    }
    mutant.replace(place, new(rng, "PartialNode", ("functools", "partial"), content=content))
    return True


@kind(4)
def make_operator(mutant, rng):
    place = mutant.place(rng)
    if not place:
        return False
    name = rng.choice(["attrgetter", "itemgetter", "methodcaller", "attrgetter", "call", "add", "concat", "__call__", "__builtins__", "index"])
    texts = [text_node(rng, rng.choice(targets.ATTRIBUTES + ["__class__.__mro__", "a.b"])) for _ in range(rng.randint(1, 2))]
    attrs = list_node(rng, "TupleNode", *(texts if rng.random() < 0.7 else [value(mutant, rng)]))
    mutant.replace(place, new(rng, "OperatorFuncNode", (rng.choice(["operator"] * 5 + ["_operator", "os"]), name), attrs=attrs))
    return True


@kind(6)
def make_call(mutant, rng):
    """A class, or anything, that is called with arguments."""
    place = mutant.place(rng)
    if not place:
        return False
    arguments = [text_node(rng, rng.choice(["1", "os", "touch it", "2020-01-01"])), json_node(rng, rng.choice(["1", "2", "0.5"])), value(mutant, rng)]
    arguments = rng.sample(arguments, rng.randint(0, 2))
    mutant.replace(place, new(rng, "ConstructorFromReduceNode", any_name(rng), content=list_node(rng, "TupleNode", *arguments)))
    return True


@kind(6)
def make_loss(mutant, rng):
    place = mutant.place(rng)
    if not place:
        return False
    name = (rng.choice(targets.LOSS_MODULES[:3] * 4 + targets.LOSS_MODULES), rng.choice(targets.LOSS_CLASSES))
    arguments = [json_node(rng, rng.choice(["1", "0.5", "null"])) for _ in range(rng.randint(0, 1))]
    made = new(rng, rng.choice(["LossNode", "SGDNode"]), name, content=dict_node(rng, {}))
    made["__reduce__"] = {"args": list_node(rng, "TupleNode", *arguments)}
    mutant.replace(place, made)
    return True


@kind(4)
def change_loss(mutant, rng):
    place = mutant.find(rng, "LossNode", "SGDNode")
    if not place:
        return False
    declare(place[0][place[1]], (rng.choice(targets.LOSS_MODULES), rng.choice(targets.LOSS_CLASSES)))
    return True


@kind(3)
def change_arguments(mutant, rng):
    place = mutant.find(rng, "TreeNode", "LossNode", "SGDNode", "QuantileForestNode", "ConstructorFromReduceNode")
    if not place:
        return False
    node = place[0][place[1]]
    args = node["content"] if "__reduce__" not in node else node["__reduce__"]["args"]
    if isinstance(args.get("content"), list) and args["content"]:
        args["content"][rng.randrange(len(args["content"]))] = value(mutant, rng)
    return True


@kind(5)
def make_generator(mutant, rng):
    place = mutant.place(rng)
    if not place:
        return False
    name = rng.choice(targets.BIT_GENERATORS + ["PCG64"] * 8)
    declared = rng.choice([("numpy.random._generator", "Generator")] * 5 + [any_name(rng)])
    numbers = {key: json_node(rng, "1") for key in ("state", "inc")}
    state = {"bit_generator": text_node(rng, name), "state": dict_node(rng, numbers)}
    state = dict_node(rng, {**state, "has_uint32": json_node(rng, "0"), "uinteger": json_node(rng, "0")})
    if rng.random() < 0.3:
        state["content"]["bit_generator"]["content"] = rng.choice([f' "{name}"', f'"{name}"\n', '"\\u0050CG64"', '"PCG64" ', '["PCG64"]', '"\\ud800"'])
    if mutant.protocol == 0:
        content = {"bit_generator": {"bit_generator": name, "state": {"state": 1, "inc": 2}, "has_uint32": 0, "uinteger": 0}}
    else:
        content = {"bit_generator": state}
        if mutant.protocol == 2 or rng.random() < 0.2:
            seeds = {"entropy": json_node(rng, "1"), "spawn_key": list_node(rng, "TupleNode"), "pool_size": json_node(rng, "4")}
            content["seed_seq"] = dict_node(rng, seeds)
    mutant.replace(place, new(rng, "RandomGeneratorNode", declared, content=content))
    return True


@kind(5)
def change_bit_generator(mutant, rng):
    place = mutant.find(rng, "RandomGeneratorNode")
    if not place:
        return False
    state = place[0][place[1]]["content"].get("bit_generator", {})
    name = rng.choice(targets.BIT_GENERATORS)
    try:
        if isinstance(state.get("bit_generator"), str):
            state["bit_generator"] = name
        elif rng.random() < 0.3:
            state["content"]["bit_generator"] = value(mutant, rng)
        elif rng.random() < 0.2:
            # A later key that could become the same text.
            state["content"]["bit_generator "] = text_node(rng, name)
            state["key_types"]["content"].append(type_node(rng, any_name(rng)))
        else:
            state["content"]["bit_generator"] = text_node(rng, name)
    except (KeyError, TypeError):
        return False
    return True


@kind(4)
def change_state(mutant, rng):
    """An object's state in another form, or none."""
    place = mutant.find(rng, "ObjectNode")
    if not place:
        return False
    node = place[0][place[1]]
    state = node.get("content", {})
    items = list(state["content"].values()) if isinstance(state, dict) and isinstance(state.get("content"), dict) else []
    choices = [None, json_node(rng, "null"), list_node(rng, "TupleNode", *items[:2]), list_node(rng, "ListNode", *items[:2]), value(mutant, rng)]
    state = rng.choice(choices)
    node.pop("content", None)
    if state:
        node["content"] = state
    return True


def callable_value(mutant, rng):
    """What the file makes that can be called, or has methods of its own choice."""
    name = any_name(rng)
    function = function_node(rng, name, mutant.protocol)
    arguments = list_node(rng, "TupleNode", *[text_node(rng, "true")][: rng.choice([0, 1])])
    content = {"func": function, "args": arguments, "kwds": dict_node(rng, {}), "namespace": json_node(rng, "null")}
    keys = dict_node(rng, {"keys": new(rng, "PartialNode", ("functools", "partial"), content=content)})
    return rng.choice([
        function, type_node(rng, name), new(rng, "PartialNode", ("functools", "partial"), content=content),
        new(rng, "ObjectNode", rng.choice([("argparse", "Namespace"), ("custom", "Plain"), any_name(rng)]), content=keys),
        new(rng, "ConstructorFromReduceNode", name, content=arguments), value(mutant, rng),
    ])


@kind(3)
def hide_attribute(mutant, rng):
    """An attribute by the name of a method, or one that something looks into while the state is set."""
    place = mutant.find(rng, "ObjectNode", where=has_dict_state)
    if not place:
        return False
    state = place[0][place[1]]["content"]
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice([rng.choice(targets.METHODS), rng.choice(targets.LOOKED_INTO), rng.choice(targets.KEYS)])
        state["content"][name] = callable_value(mutant, rng)
    fit_key_types(state, rng)
    return True


@kind(2)
def make_estimator(mutant, rng):
    """An estimator of which every attribute is the file's, and another that it is told about."""
    place = mutant.place(rng)
    if not place:
        return False
    mutant.replace(place, estimator(mutant, rng, 2))
    return True


def estimator(mutant, rng, depth):
    name = rng.choice(targets.ESTIMATORS + targets.RESTORING * 20)
    names = rng.sample(targets.LOOKED_INTO, rng.randint(0, len(targets.LOOKED_INTO))) + rng.sample(targets.METHODS, rng.choice([0, 1]))
    simple = [text_node(rng, "cp037"), json_node(rng, "1"), mutant.graft(rng, "BytesNode") or text_node(rng, "x")]
    state = {key: rng.choice([*simple, callable_value(mutant, rng), callable_value(mutant, rng)]) for key in names}
    if depth and rng.random() < 0.3:
        state["_sklearn_version"] = estimator(mutant, rng, depth - 1)
    return new(rng, "ObjectNode", name, content=dict_node(rng, state))


def has_dict_state(node):
    state = node.get("content")
    return isinstance(state, dict) and state.get("__loader__") == "DictNode" and isinstance(state.get("content"), dict)


@kind(3)
def make_odd_state(mutant, rng):
    """A state that is no dict, but that `__dict__.update` takes: pairs, or whatever has `keys`."""
    place = mutant.find(rng, "ObjectNode")
    if rng.random() < 0.6:
        place = mutant.place(rng)
        if place:
            mutant.replace(place, new(rng, "ObjectNode", rng.choice([("argparse", "Namespace"), ("custom", "Plain")])))
    if not place:
        return False
    name = text_node(rng, rng.choice(targets.KEYS + targets.METHODS[:20] + ["__array__", "__deepcopy__"]))
    pair = list_node(rng, rng.choice(["TupleNode", "ListNode", "SetNode"]), name, callable_value(mutant, rng))
    shape = list_node(rng, "TupleNode", json_node(rng, "1"), json_node(rng, "2"))
    place[0][place[1]]["content"] = rng.choice([
        list_node(rng, rng.choice(["ListNode", "TupleNode", "SetNode"]), pair),
        new(rng, "NdArrayNode", ("numpy", "ndarray"), content=[{**pair, "__loader__": "ListNode", "__class__": "list"}], type="json", shape=shape),
        callable_value(mutant, rng),
        dict_node(rng, {json.loads(name["content"]): callable_value(mutant, rng)}),
    ])
    return True


@kind(3)
def replace_part(mutant, rng):
    """Something within a tree, a generator or an estimator is another thing, whose attributes and keys are the file's."""
    loaders = ["TreeNode", "RandomStateNode", "RandomGeneratorNode", "QuantileForestNode", "LossNode", "SGDNode"]
    owner = mutant.graft(rng, rng.choice(loaders + ["ObjectNode"]))
    place = mutant.place(rng)
    inner = [(holder, key) for holder, key in nodes_of(owner) if holder[key] is not owner] if owner else []
    if not inner or not place:
        return False
    holder, key = rng.choice(inner)
    holder[key] = without_root_fields(looked_into(mutant, rng, 2))
    mutant.replace(place, owner)
    return True


DUCKS = ["ndim", "shape", "flags", "c_contiguous", "dtype", "fields", "items", "astype", "keys", "str", "state", "key", "tocsr",
         "toarray", "reshape", "copy", "__array__", "__array_interface__", "get_params", "bit_generator"]


def looked_into(mutant, rng, depth):
    """An object, or a dict, that has whatever is asked for."""
    names = rng.sample(DUCKS, rng.randint(1, 4))
    items = {name: looked_into(mutant, rng, depth - 1) if depth and rng.random() < 0.3 else callable_value(mutant, rng) for name in names}
    made = dict_node(rng, items)
    default = {"main": made, "default_factory": callable_value(mutant, rng)}
    return rng.choice([
        new(rng, "ObjectNode", rng.choice(targets.RESTORING), content=made),
        new(rng, "ObjectNode", ("argparse", "Namespace"), content=made),
        new(rng, "DefaultDictNode", ("collections", "defaultdict"), content=default),
        {**made, "__module__": "sklearn.utils._bunch", "__class__": "Bunch"},
    ])


@kind(2)
def make_array_of_ducks(mutant, rng):
    place = mutant.place(rng)
    if not place:
        return False
    items = [list_node(rng, "ListNode", looked_into(mutant, rng, 1))]
    shape = list_node(rng, "TupleNode", json_node(rng, "1"), json_node(rng, "1"))
    mutant.replace(place, new(rng, "NdArrayNode", ("numpy", "ndarray"), content=items, type="json", shape=shape))
    return True


@kind(1)
def declare_container(mutant, rng):
    """A container as what is called for one: another name of `builtins`, or what gives another thing than it was given."""
    place = mutant.find(rng, "DictNode", "ListNode", "TupleNode", "SetNode", "DefaultDictNode")
    if not place:
        return False
    names = ["globals", "locals", "vars", "dir", "frozenset", "iter", "type", "object", "sorted", "help", "dict", "list", "tuple", "set"]
    name = ("builtins", rng.choice(names)) if rng.random() < 0.5 else rng.choice(targets.CONTAINERS)
    declare_all(mutant, rng, place[0][place[1]], name)
    return True


@kind(1)
def freeze(mutant, rng):
    """A method of what a FrozenEstimator lends its methods."""
    place = mutant.place(rng)
    if not place:
        return False
    frozen = ("sklearn.frozen._frozen", "FrozenEstimator")
    inner = rng.choice([callable_value(mutant, rng), function_node(rng, rng.choice(targets.ODD), mutant.protocol)])
    thing = new(rng, "ObjectNode", frozen, content=dict_node(rng, {"estimator": inner}))
    method = rng.choice(targets.ATTRIBUTES + targets.METHODS + ["getcwd", "join"])
    mutant.replace(place, new(rng, "MethodNode", frozen, content={"func": method, "obj": thing}))
    return True


@kind(3)
def change_json(mutant, rng):
    place = mutant.find(rng, "JsonNode")
    if not place:
        return False
    texts = ["1", "null", "true", "1.5", '"x"', "NaN", "-Infinity", " 1", "1e400", "1" * 40, '"\\u0041"', "[1]", '{"a": 1}', "", "01", '"\\ud800"', "1.0"]
    place[0][place[1]]["content"] = rng.choice(texts)
    return True


@kind(2)
def change_slice(mutant, rng):
    place = mutant.place(rng)
    if not place:
        return False
    bounds = {name: rng.choice([None, 1, -1, "a", Raw("1e0"), 1 << 70, True, [], "builtins.eval"][: rng.choice([4, 4, 9])]) for name in ("start", "stop", "step")}
    mutant.replace(place, new(rng, "SliceNode", ("builtins", "slice"), content=bounds))
    return True


@kind(3)
def make_default_dict(mutant, rng):
    place = mutant.place(rng)
    if not place:
        return False
    factory = rng.choice([type_node(rng, any_name(rng)), function_node(rng, any_name(rng), mutant.protocol), value(mutant, rng), json_node(rng, "null")])
    content = {"main": dict_node(rng, {rng.choice(targets.KEYS): value(mutant, rng)}), "default_factory": factory}
    mutant.replace(place, new(rng, "DefaultDictNode", ("collections", "defaultdict"), content=content))
    return True


@kind(3)
def wrap_in_container(mutant, rng):
    place = mutant.place(rng)
    if not place:
        return False
    node = place[0][place[1]]
    made = list_node(rng, rng.choice(["ListNode", "TupleNode"]), node)
    if rng.random() < 0.5:
        declare(made, any_name(rng))
    mutant.replace(place, made)
    return True


@kind(3)
def make_object_array(mutant, rng):
    place = mutant.place(rng)
    if not place:
        return False
    rows = rng.choice([1, 1, 2])
    items = [value(mutant, rng) for _ in range(2)]
    shape = [json_node(rng, "2")]
    if rows == 2:
        items, shape = [list_node(rng, "ListNode", item) for item in items], shape + [json_node(rng, "1")]
    made = new(rng, "NdArrayNode", rng.choice([("numpy", "ndarray")] * 4 + [any_name(rng)]), content=items, type="json",
               shape=list_node(rng, "TupleNode", *shape))
    mutant.replace(place, made)
    return True


@kind(3)
def make_masked(mutant, rng):
    place = mutant.place(rng)
    data, mask = mutant.graft(rng, "NdArrayNode"), mutant.graft(rng, "NdArrayNode")
    if not place or not data or not mask:
        return False
    declared = rng.choice([("numpy.ma", "MaskedArray"), ("numpy.ma.core", "MaskedArray"), ("numpy.ma.core", "MaskedConstant"),
                           ("numpy.ma.mrecords", "MaskedRecords"), ("numpy.ma", "asarray")])
    mutant.replace(place, new(rng, "MaskedArrayNode", declared, content={"data": data, "mask": mask}))
    return True


@kind(2)
def make_dtype(mutant, rng):
    place = mutant.place(rng)
    data = mutant.graft(rng, "NdArrayNode")
    if not place or not data:
        return False
    mutant.replace(place, new(rng, "DTypeNode", rng.choice([("numpy", "dtype")] * 4 + [any_name(rng)]), content=data))
    return True


# Protocols -----------------------------------------------------------------------------------------------------------


@kind(4)
def change_protocol(mutant, rng):
    """Another protocol, and the nodes as it has them."""
    protocol = rng.choice([0, 1, 2])
    mutant.model.schema["protocol"] = protocol
    for holder, key in mutant.model.nodes():
        node = holder[key]
        if node["__loader__"] == "FunctionNode":
            content = node.pop("content", {"module_path": node["__module__"], "function": node["__class__"]})
            name = (content["module_path"], content["function"])
            declare(node, name)
            if protocol == 0:
                declare(node, (name[0], "function"))
                node["content"] = {"module_path": name[0], "function": name[1]}
        if node["__loader__"] == "RandomGeneratorNode" and protocol < 2 and isinstance(node["content"], dict):
            node["content"].pop("seed_seq", None)
    return True


@kind(2)
def change_protocol_only(mutant, rng):
    mutant.model.schema["protocol"] = rng.choice([0, 1, 2])
    return True


@rude(2)
def spoil_protocol(mutant, rng):
    choice = rng.choice([3, -1, "2", True, None, Raw("2.0"), Raw("2e0"), Raw("1" * 30), [2], {}, "remove"])
    if choice == "remove":
        mutant.model.schema.pop("protocol", None)
    else:
        mutant.model.schema["protocol"] = choice
    return True


@kind(1)
def change_version(mutant, rng):
    mutant.model.schema["_skops_version"] = rng.choice(["0.5.0", "99", "0.13.dev0", "", "\u001b[31m", "0.16.0"])
    return True


# JSON ----------------------------------------------------------------------------------------------------------------


@kind(3)
def write_otherwise(mutant, rng):
    mutant.model.style = {"indent": rng.choice([None, 0, 1, 4]), "escape": rng.choice([0, 0.05, 0.5]), "utf8": rng.random() < 0.3}
    return True


@kind(3)
def reorder(mutant, rng):
    """Fields in another order. The order of a dict's items is kept: it pairs with that of the key types."""
    for holder, key in mutant.model.nodes():
        if rng.random() < 0.3:
            node = holder[key]
            fields = list(node.items())
            rng.shuffle(fields)
            node.clear()
            node.update(fields)
    return True


@rude(2)
def duplicate_key(mutant, rng):
    holder, key = mutant.find(rng)
    node = holder[key]
    field = rng.choice(list(node))
    pairs = Pairs(node.items())
    pairs.insert(rng.randint(0, len(pairs)), (field, rng.choice([node[field], "os", "system", "FunctionNode", 5])))
    if node is mutant.model.schema:
        mutant.model.schema = pairs
    else:
        holder[key] = pairs
    return True


@rude(2)
def spoil_field(mutant, rng):
    holder, key = mutant.find(rng)
    node = holder[key]
    field = rng.choice(list(node))
    action = rng.choice(["remove", "rename", "retype", "add"])
    if action == "remove":
        del node[field]
    elif action == "rename":
        node[rng.choice(["class", "__CLASS__", "__init__", "Content", "__reduce__", "trusted"])] = node.pop(field)
    elif action == "retype":
        node[field] = rng.choice([None, 5, [], {}, "x", [node[field]], str(node[field]), Raw("1.0"), Raw("NaN"), Raw("-0"), 1 << 80])
    else:
        node[rng.choice(["x", "content", "file", "is_json", "type", "__reduce__", "shape", "func"])] = rng.choice(["x", None, {}, []])
    return True


@rude(1)
def surround_json(mutant, rng):
    mutant.model.style[rng.choice(["before", "after"])] = rng.choice([" ", "\n\n", "\ufeff", "{}", "\0", "//", "\x0b"])
    return True


@rude(2)
def retype_id(mutant, rng):
    places = with_ids(mutant)
    if not places:
        return False
    holder, key = rng.choice(places)
    holder[key]["__id__"] = rng.choice([0, -1, 1, 1 << 63, 1 << 64, Raw("1.0"), True, "1", None, Raw("1e3"), Raw("00")])
    return True


# Payloads ------------------------------------------------------------------------------------------------------------


def entry_of(mutant, rng, suffix):
    found = [entry for entry in mutant.model.entries if entry.name.endswith(suffix)]
    return rng.choice(found) if found else None


@kind(5)
def change_header(mutant, rng):
    entry = entry_of(mutant, rng, ".npy")
    return bool(entry) and payloads.change_npy(entry, rng)


@kind(4)
def change_members(mutant, rng):
    entry = entry_of(mutant, rng, ".npz")
    return bool(entry) and payloads.change_npz(entry, rng)


@kind(3)
def change_numbers(mutant, rng):
    """Other items, which the audit does not look at."""
    entry = entry_of(mutant, rng, rng.choice([".npy", ".bin"]))
    if not entry or len(entry.data) < 129:
        return False
    data = bytearray(entry.data)
    data[rng.randrange(128, len(data))] ^= 1 << rng.randrange(8)
    entry.data = bytes(data)
    return True


@kind(3)
def swap_payloads(mutant, rng):
    places = [holder[key] for holder, key in mutant.model.nodes() if isinstance(holder[key].get("file"), str)]
    if not places:
        return False
    one, other = rng.choice(places), rng.choice(places)
    if rng.random() < 0.15:
        one["file"] = rng.choice(["schema.json", "nope.npy", "/etc/passwd", "../x.npy", "", "SCHEMA.JSON", 5])
    else:
        one["file"], other["file"] = other["file"], one["file"]
    return True


@kind(2)
def change_array_type(mutant, rng):
    """An array as something else than an array: a scalar, a matrix, whatever takes one."""
    place = mutant.find(rng, "NdArrayNode", where=lambda node: "file" in node)
    if not place:
        return False
    names = [("numpy", name) for name in ("matrix", "recarray", "memmap", "chararray", "float64", "int64", "int8", "bool_", "str_", "void", "datetime64", "record", "asarray")]
    declare(place[0][place[1]], rng.choice(names + [any_name(rng)]))
    return True


@kind(3)
def make_sparse(mutant, rng):
    """A sparse matrix whose payload names the format, with a declared type that need not agree."""
    place = mutant.place(rng)
    if not place:
        return False
    form = rng.choice(["csr", "csc", "coo", "dia", "bsr", "csr", "lil", "sp", "__class__", "..csr"])
    is_array = rng.choice([None, True, False])
    name = f"{rng.getrandbits(44) + (1 << 20)}.npz"
    mutant.model.entries.append(Entry(name, payloads.sparse(form, is_array)))
    kind_of = "array" if is_array else "matrix"
    declared = rng.choice([(f"scipy.sparse._{form}", f"{form}_{kind_of}")] * 4 + [("scipy.sparse._arrays", f"{form}_array"), ("scipy.sparse", f"{form}_matrix"), any_name(rng)])
    mutant.replace(place, new(rng, "SparseMatrixNode", declared, type="scipy", file=name))
    return True


# The archive ---------------------------------------------------------------------------------------------------------


@kind(3)
def compress(mutant, rng):
    for entry in mutant.model.entries:
        entry.method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
        entry.faults["level"] = rng.choice([0, 1, 9])
    mutant.model.zip["schema_method"] = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    return True


@kind(1)
def reorder_entries(mutant, rng):
    rng.shuffle(mutant.model.entries)
    mutant.model.zip["schema_first"] = rng.random() < 0.5
    return True


def faults(mutant, rng):
    """The faults of an entry, which may be that of the schema."""
    if mutant.model.entries and rng.random() < 0.6:
        return rng.choice(mutant.model.entries).faults
    return mutant.model.zip.setdefault("schema_faults", {})


@kind(1)
def stamp(mutant, rng):
    """Fields that say nothing about the data."""
    faults(mutant, rng).update(rng.choice([
        {"stamp": (rng.getrandbits(16), rng.getrandbits(16))}, {"made_by": rng.choice([20, 63, 20 | 10 << 8])},
        {"version": rng.choice([10, 20, 45])}, {"attributes": rng.choice([0, 0o644 << 16, 0x20, 0o120777 << 16])},
    ]))
    return True


@rude(4)
def spoil_entry(mutant, rng):
    faults(mutant, rng).update(rng.choice([
        {"local_name": b"schema.json"}, {"local_name": b"x"}, {"extra": b"\x75\x70\x09\0\1\0\0\0\0schem"}, {"comment": b"x"},
        {"local_extra": b"\1\0\4\0abcd"}, {"descriptor": "signed"}, {"descriptor": "plain"}, {"flags": 1}, {"flags": 0x800},
        {"flags": 0x2000}, {"method": 8}, {"method": 99}, {"local_method": 8}, {"local_sizes": (0, 0, 0)}, {"gap": b"gap"},
        {"central_sizes": (0, 10, 10)}, {"offset": 0}, {"offset": 5}, {"version": 63}, {"gap": b"PK\3\4"},
    ]))
    return True


@rude(3)
def spoil_archive(mutant, rng):
    mutant.model.zip.update(rng.choice([
        {"prefix": b"#!/bin/sh\n"}, {"prefix": b"MZ", "prefix_counts": True}, {"suffix": b"x"}, {"suffix": b"PK\5\6" + bytes(18)},
        {"comment": b"hello"}, {"comment": b"PK\5\6" + bytes(18)}, {"count": 1}, {"count": 0xFFFF},
    ]))
    return True


@rude(3)
def add_entry(mutant, rng):
    names = ["schema.json", "Schema.json", "dir/", "../x", "x.npy", "100000.npy", "70001.npy", "\u00e9.npy", "x\0.npy", "a/b.npy"]
    entry = Entry(rng.choice(names), rng.choice([b"", b"{}", payloads.npy("<f8", (1,), bytes(8))]))
    entry.faults["added"] = True
    mutant.model.entries.insert(rng.randint(0, len(mutant.model.entries)), entry)
    return True


@rude(1)
def flip_bytes(mutant, rng):
    mutant.model.zip["flips"] = rng.randint(1, 3)
    return True


# All together --------------------------------------------------------------------------------------------------------


def choose(rng):
    """One to four mutators: nearly always such as leave the file well formed."""
    count = rng.choices([1, 2, 3, 4], [4, 4, 2, 1])[0]
    chosen = []
    for _ in range(count):
        pool = RUDE if rng.random() < 0.06 else KIND
        chosen.append(rng.choices([function for function, _ in pool], [weight for _, weight in pool])[0])
    return chosen


def make(bases, seed, number):
    """The bytes of a mutant, the model that it was made from, and the names of the mutators that did something."""
    rng = random.Random(f"{seed}:{number}")
    while True:
        mutators = choose(rng)
        # The first has to find something to do: a loader that few models have is looked for.
        for _ in range(25):
            path, model = bases.draw(rng)
            mutant = Mutant(model, bases)
            done = [mutator.__name__ for mutator in mutators[:1] if applied(mutator, mutant, rng)]
            if done:
                done += [mutator.__name__ for mutator in mutators[1:] if applied(mutator, mutant, rng)]
                drop_unused(mutant, rng)
                return to_bytes(mutant, rng), path, done


def applied(mutator, mutant, rng):
    try:
        return mutator(mutant, rng)
    except (LookupError, TypeError, AttributeError, ValueError, SyntaxError, RecursionError, struct.error, zipfile.BadZipFile):
        return False  # nothing is where an earlier mutator, or a hostile file, left it


def to_bytes(mutant, rng):
    data = bytearray(mutant.model.to_bytes(rng))
    for _ in range(mutant.model.zip.get("flips", 0)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def drop_unused(mutant, rng):
    """Nobody names what was replaced any more. Mostly it goes, since skops-rs refuses what nobody names."""
    if not isinstance(mutant.model.schema, dict) or rng.random() < 0.03:
        return
    named = {str(holder[key].get("file")) for holder, key in mutant.model.nodes() if isinstance(holder[key], dict)}
    mutant.model.entries = [entry for entry in mutant.model.entries if entry.name in named or entry.faults.get("added")]


if __name__ == "__main__":
    fixtures = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../fixtures")
    data, path, done = make(Bases(fixtures), sys.argv[1], int(sys.argv[2]))
    with open(sys.argv[3], "wb") as file:
        file.write(data)
    print(path, *done)
