r"""`schema.json`: what we read, beside Python's `json`.

A case is a tree of lists, dicts, slices and values as skops lays them out, written in every way that JSON has and many
that it has not. It is read as skops reads it, by `json.loads` of bytes and again of the text in each `JsonNode`.
Whatever we accept, Python must read as the same tree: text by code points, numbers exactly, keys in their order. And
what is strict JSON must not be refused as if it were none.

Run it by any Python from 3.9 on; see harness.py.
"""

import json
import math
import struct
import sys

import harness
from harness import Case

KIND = "schema"
FLOOR = 0.3

WORDS = ["", "a", "content", "__class__", "__id__", "coef_", "caf\u00e9", "\u540d\u524d", "\U0001f600", "\x7f", "\u2028", "\ufeff", "\u0000", "\u001f", "a\"b", "back\\slash", "/", "\n\r\t\b\f", "\ud800", "\udc00", "\ud83d\ude00", "\ufffd", "\uffff", "\u00a0", "NaN", "true", "1", "'", "x" * 40, "\u0661"]  # fmt: skip
SCALARS = ["null", "true", "false", "NaN", "Infinity", "-Infinity", "+Infinity", "nan", "inf", "-NaN", "None", "True", "[]", "{}", "[1]", "", '"', "''", "undefined", "-"]
INTEGERS = ["0", "-0", "1", "-1", "00", "01", "-01", "1.", ".5", "+1", "--1", "1_0", "0x10", "1e5", "1E5", "1e+5", "1e-5", "1e", "1e+", "1.0", "-0.0", "0.1", "1.e5", "9" * 19, "9" * 30, "-" + "9" * 30, str(2**63), str(2**64), "1e308", "1e309", "-1e400", "1e-400", "5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "179769313486231580793e289", "0e0", "0e999999", "0.0e-999999", "1e0000000000000000005", "0." + "0" * 400 + "1e401", "9007199254740993.0", "9007199254740992.99999999999999999999", "1.00000000000000011102230246251565404236316680908203125", "1.00000000000000011102230246251565404236316680908203126", "\u0661", "\uff11", "1 ", " 1", "1\u00a0", "1,", "1//", "Infinity1"]  # fmt: skip
# Those of them that are JSON and, as floats, finite.
NUMBERS = ["0", "-0", "1", "-1", "1e5", "1E5", "1e+5", "1e-5", "1.0", "-0.0", "0.1", "9" * 19, "9" * 30, "-" + "9" * 30, "1e308", "1e-400", "5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623157e308", "1.7976931348623158e308", "179769313486231580793e288", "0e0", "0e999999", "0.0e-999999", "1e0000000000000000005", "0." + "0" * 400 + "1e401", "9007199254740993.0", "9007199254740992.99999999999999999999", "1.00000000000000011102230246251565404236316680908203125", "1.00000000000000011102230246251565404236316680908203126"]  # fmt: skip
KEY_TYPES = ["builtins.str"] * 6 + ["builtins.int", "builtins.float", "numpy.int64", "numpy.float64", "numpy.int8", "builtins.bool", "numpy.float32", "builtins.NoneType"]  # fmt: skip
GOOD_KEYS = {
    "builtins.int": ["0", "-5", "17", "9" * 30],
    "builtins.float": ["0.5", "1e+16", "NaN", "-Infinity", "-2.5", "3.0", "5e-324"],
    "numpy.int64": ["0", "-9", "9223372036854775807"],
    "numpy.int8": ["-128", "127"],
    "numpy.float64": ["0.1", "1.5e+300", "NaN"],
    "numpy.float32": ["0.5", "0.10000000149011612"],
    "builtins.bool": ["true", "false"],
    "builtins.NoneType": ["null"],
}
LONG = ["9" * 4300, "9" * 4301, "-" + "9" * 4299, "-" + "9" * 4300, "1." + "3" * 4298, "1." + "3" * 4299, "1" + "0" * 4290 + "e-4290"]


class Style(harness.Style):
    """How JSON is written."""

    share = 0.01

    def __init__(self, random, odd):
        super().__init__(random, odd)
        self.wide = random.random() < 0.3
        self.raw = random.random() < 0.4

    def space(self):
        if self.strays("another white space"):
            return self.random.choice(["\f", "\v", "\u00a0", "\u2028", "\ufeff", "\0", "\x1f", "//\n", "/**/", "#\n", "\x85", "\u3000", "\x1a", "\r", "\\n"])
        if not self.wide:
            return ""
        return self.random.choice(["", " ", "\n", "\t", "\r", "\r\n", "  ", "\n" + " " * self.random.randrange(40), " \t\r\n"])

    def string(self, text):
        """A string of JSON: some characters escaped, some not."""
        if self.strays("other quotes"):
            return self.random.choice(["'%s'", "%s", '"%s', '%s"', '"""%s"""', "`%s`"]) % text
        out = []
        for character in text:
            out.append(self.character(character))
        if self.strays("a bad escape"):
            out.insert(self.random.randrange(len(out) + 1), self.random.choice(["\\x41", "\\u12", "\\U0001F600", "\\a", "\\'", "\\0", "\\\n", "\\", "\\u 123", "\\u+123", "\\u-123", "\\u0x12", "\\u12_3", "\\ud800", "\\udc00", "\\ud83d\\u0041", "\\ud83d\\ud83d\\ude00", "\\uDE00\\uD83D", "\\ud83d\\uDE00", "\\uff11\\uff11", "\\u\uff11\uff11\uff11\uff11", "\\v", "\\e", "\x01", "\n", "\t", "\x7f", "\0"]))
        return '"' + "".join(out) + '"'

    def character(self, character):
        code = ord(character)
        must = character in '"\\' or code < 0x20
        if must and self.strays("a raw control character", 0.1):
            return character
        if not must and (self.raw and not 0xD800 <= code < 0xE000 or code < 0x80 and self.random.random() < 0.95):
            return character
        short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
        if character in short and self.random.random() < 0.7:
            return short[character]
        units = [code] if code < 0x10000 else [0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF)]
        form = self.random.choice(["\\u%04x", "\\u%04X"])
        return "".join(form % unit for unit in units)

    def container(self, items, start, end):
        """An object or array of items that are written."""
        text = start + self.space() + ("," + self.space()).join(item + self.space() for item in items)
        if self.strays("a comma more"):
            text += ","
        if self.strays("something missing"):
            return text
        return text + end

    def object(self, pairs):
        pairs = list(pairs)
        if self.random.random() < 0.2:
            self.random.shuffle(pairs)
        if pairs and self.strays("a key twice"):
            key, value = self.random.choice(pairs)
            pairs.insert(self.random.randrange(len(pairs) + 1), (key, self.random.choice([value, '"other"', "{}"])))
        if self.strays("an unknown key"):
            pairs.append((self.random.choice(["x", "content", "__id__", "protocol", "key_types", ""]), self.random.choice(["1", "null", '""', "1e400", "-"])))
        colon = self.random.choice(["=", "", "::", ";"]) if self.strays("another colon") else ":"
        return self.container([self.string(key) + self.space() + colon + self.space() + value for key, value in pairs], "{", "}")


class Tree:
    """A tree as skops lays it out."""

    def __init__(self, style):
        self.style = style
        self.random = style.random
        self.ids = 1
        # by id: what was written
        self.written = []

    def node(self, loader, name, fields, root=False):
        module, _, name = name.rpartition(".")
        pairs = [("__class__", self.style.string(name)), ("__module__", self.style.string(module)), ("__loader__", self.style.string(loader)), *fields]
        if self.random.random() < 0.8:
            self.ids += self.random.choice([1, 1, 7, 2**40])
            number = str(self.ids)
            if self.style.strays("an odd id"):
                number = self.random.choice([*INTEGERS, "1", "2", "null", '"1"', str(2**64 - 1), "[]", "true", *LONG])
            pairs.append(("__id__", number))
        if root:
            protocol = "2"
            if self.style.strays("an odd protocol", 0.05):
                protocol = self.random.choice(["0", "1", "2.0", "2e0", "-0", "02", "3", '"2"', "true", "null", "[2]", "1e0"])
            pairs.append(("protocol", protocol))
            pairs.append(("_skops_version", self.style.string(self.random.choice(["0.16.0", *WORDS]))))
        return self.style.object(pairs)

    def scalar(self):
        kind = self.random.random()
        sound = not self.style.odd
        if kind < 0.25:
            text = self.random.choice(NUMBERS if sound else INTEGERS) if self.random.random() < 0.5 else repr(struct.unpack("<d", self.random.randbytes(8))[0])
        elif kind < 0.35:
            text = self.random.choice(SCALARS[:6]) if sound or self.random.random() < 0.8 else self.random.choice(SCALARS)
        elif kind < 0.45:
            text = "".join(self.random.choice("0123456789") for _ in range(self.random.choice([1, 3, 17, 20, 25, 40])))
            text = self.random.choice(["", "-"]) + (text.lstrip("0") or "0") + self.random.choice(["", "", f".{text}", f"e{self.random.randrange(-340, 320)}", f".{text}E{self.random.randrange(-340, 320)}"])
        elif kind < 0.47:
            text = self.random.choice(LONG[:1] if sound else LONG)
        else:
            inner = Style(self.random, self.style.odd * 2)
            text = inner.string(self.word())
            self.style.done += [f"in a JsonNode: {what}" for what in inner.done]
        if sound and self.random.random() < 0.2:
            text = self.random.choice(["", " ", "\n\t", "\r"]) + text + self.random.choice(["", " ", "\t\n"])
        elif not sound and self.random.random() < 0.1:
            text = self.random.choice([" ", "\n\t", "\r", "\u00a0", "\f", "\ufeff", "\0", "\x1f"]) + text
        if not sound and self.random.random() < 0.1:
            text += self.random.choice([" ", "\n\t", "\r", "\u00a0", "\f", ",", " 1", "\0", "}"])
        fields = [("content", self.style.string(text)), ("is_json", "true")]
        if self.style.strays("another `is_json`"):
            fields[1] = ("is_json", self.random.choice(["True", "1", "false", '"true"', "tru", "truee", "TRUE", "null"]))
        return self.node("JsonNode", "builtins.str", fields)

    def word(self):
        parts = self.random.choices(WORDS, k=self.random.choice([1, 1, 2, 3]))
        if not self.style.odd or self.random.random() < 0.9:
            parts = [part for part in parts if not any(0xD800 <= ord(character) < 0xE000 for character in part)]
        return "".join(parts)

    def value(self, level=0):
        if self.written and self.style.strays("a reference"):
            return self.style.object([("__id__", str(self.random.randrange(1, self.ids + 2)))])
        kind = self.random.random()
        if level > 4 or kind < 0.4:
            return self.scalar()
        if kind < 0.6:
            loader, name = self.random.choice([("ListNode", "builtins.list"), ("TupleNode", "builtins.tuple"), ("ListNode", "a.B"), ("SetNode", "builtins.set")])
            return self.node(loader, name, [("content", self.items(level))])
        if kind < 0.7:
            return self.slice()
        return self.dict(level)

    def items(self, level):
        count = self.random.choice([0, 1, 1, 2, 3])
        return self.style.container([self.value(level + 1) for _ in range(count)], "[", "]")

    def slice(self):
        bounds = []
        for key in ("start", "stop", "step"):
            bound = self.random.choice(["null", "0", "1", "-1", "17", str(2**70), self.style.string(self.word())])
            if self.style.strays("an odd bound", 0.05):
                bound = self.random.choice([*INTEGERS, *SCALARS, *LONG])
            bounds.append((key, bound))
        return self.node("SliceNode", "builtins.slice", [("content", self.style.object(bounds))])

    def dict(self, level):
        keys, types = [], []
        for _ in range(self.random.choice([0, 1, 2, 3])):
            name = self.random.choice(KEY_TYPES)
            key = self.word()
            if name != "builtins.str":
                key = self.random.choice(GOOD_KEYS[name]) if not self.style.odd or self.random.random() < 0.7 else self.random.choice(["1", "-5", "0", "1.5", "true", "false", "null", "1e5", "NaN", "100", *INTEGERS, *SCALARS, " 1", "1_000", "\u0661", "inf", "nan", "-inf", "infinity", "1e400", "-0", "-0.0", "0.1"])
            keys.append((key, self.value(level + 1)))
            types.append(self.node("TypeNode", name, []))
        kinds = self.node("ListNode", "builtins.list", [("content", self.style.container(types, "[", "]"))])
        # the keys must stay beside their types
        written = [self.style.string(key) + self.style.space() + ":" + self.style.space() + value for key, value in keys]
        content = self.style.container(written, "{", "}")
        name = self.random.choice(["builtins.dict", "builtins.dict", "collections.OrderedDict"])
        return self.node("DictNode", name, [("content", content), ("key_types", kinds)])


def make(random):
    style = Style(random, odd=random.choice([0, 0, 0, 1, 1, 3]))
    tree = Tree(style)
    kind = random.random()
    if kind < 0.03:
        depth = random.choice([10, 100, 250, 255, 256, 257, 400, 5000])
        inner = tree.scalar()
        start = '{"__class__":"list","__module__":"builtins","__loader__":"ListNode","content":['
        text = start * depth + inner + "]}" * (depth - 1) + '],"protocol":2}'
        style.done.append(f"{depth} levels")
    elif kind < 0.05:
        # a text longer than what is read at once
        words = [tree.scalar() for _ in range(random.choice([300, 2000]))]
        text = tree.node("ListNode", "builtins.list", [("content", style.container(words, "[", "]"))], root=True)
        style.done.append("long")
    else:
        fields = [("content", style.container([tree.value() for _ in range(random.choice([1, 2, 4]))], "[", "]"))]
        text = tree.node("ListNode", "builtins.list", fields, root=True)
    text = style.space() + text + style.space()
    if style.strays("more after it"):
        text += random.choice(["{}", ",", "]", "\0", "1", "null", "//", text])
    data = text.encode("utf-8", "surrogatepass")
    if style.strays("another encoding", 0.03):
        encoding = random.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1", "utf-7"])
        data = text.encode(encoding, "replace")
        style.done.append(encoding)
    if style.strays("bad UTF-8", 0.03):
        at = random.randrange(len(data) + 1)
        data = data[:at] + random.choice([b"\xff", b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xc3", b"\xf0\x9f\x98", b"\xc0\xa2", b"\xef\xbb\xbf"]) + data[at:]
    if random.random() < 0.25:
        data = harness.mutate(random, data, 3, b'{}[]",:\\ \n\tu0123456789eE+-.truefalsn/')
        style.done.append("bytes")
    return Case(data, made=style.done)


# ---------------------------------------------------------------- what Python reads


class Unreadable(Exception):
    """A tree that skops cannot read, or that we ought to have refused."""


def bits(value):
    return "nan" if math.isnan(value) else struct.pack(">d", value).hex()


def plain(value):
    """A number, text, bool or None as the driver has it, simplified."""
    if value is None:
        return ["none"]
    if isinstance(value, bool):
        return ["bool", value]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", bits(value)]
    if isinstance(value, str):
        return ["str", value]
    raise Unreadable(f"{value!r:.100} as a plain value")


def key(name, text):
    """A key as Python has it, of the type of that name; a type that only a list of trusted names would allow is not called."""
    if name == "builtins.bool":
        # skops calls `bool` with the text; what was saved is meant here
        return ["bool", {"true": True, "false": False}[text]]
    if name == "builtins.NoneType":
        return ["none"]
    if name == "builtins.str":
        return ["str", text]
    if name not in GOOD_KEYS:
        return ["other", text]
    return plain((int if "int" in name else float)(text))


class Reading:
    """Reads nodes as skops does: the first body of an id counts."""

    def __init__(self):
        self.memo = {}

    def node(self, state):
        number = state.get("__id__")
        if number is not None and number in self.memo:
            return self.memo[number]
        made = self.make(state)
        if number is not None:
            self.memo[number] = made
        return made

    def make(self, state):
        loader, content = state["__loader__"], state.get("content")
        name = f"{state['__module__']}.{state['__class__']}"
        if loader == "JsonNode":
            return plain(json.loads(content))
        if loader in ("ListNode", "TupleNode", "SetNode"):
            return [loader[:-4].lower(), name, [self.node(item) for item in content]]
        if loader == "SliceNode":
            return ["slice", name, [plain(content[bound]) for bound in ("start", "stop", "step")]]
        if loader == "DictNode":
            types = [f"{each['__module__']}.{each['__class__']}" for each in state["key_types"]["content"]]
            items = [[key(type_name, text), self.node(item)] for type_name, (text, item) in zip(types, content.items())]
            return ["dict", name, items]
        raise Unreadable(f"the loader {loader!r}")


class Simplified:
    """What the driver says, in the same words."""

    def __init__(self):
        self.memo = {}

    def object(self, value):
        if "ref" in value:
            return self.memo[value["ref"]]
        if "kind" in value:
            return self.plain(value)
        inner, kind = value["value"], value["value"]["kind"]
        if kind in ("list", "tuple", "namedtuple", "set"):
            made = [kind.removeprefix("named"), value["class"], [self.object(item) for item in inner["items"]]]
        elif kind == "slice":
            made = ["slice", value["class"], [self.plain(bound) for bound in inner["bounds"]]]
        elif kind in ("dict", "ordereddict"):
            items = [[self.plain(key), self.object(item)] for _, _, key, item in inner["items"]]
            made = ["dict", value["class"], items]
        else:
            raise Unreadable(f"the driver's {kind}")
        self.memo[value["id"]] = made
        return made

    def plain(self, value):
        kind = value["kind"]
        if kind == "float":
            return ["float", bits(struct.unpack(">d", bytes.fromhex(value["bits"]))[0])]
        return [kind] + [value[part] for part in ("value", "digits", "text") if part in value]


def is_strict(data):
    """Whether a text is JSON as RFC 8259 has it, without duplicate keys or lone surrogates, and Python's own limits."""

    def unique(pairs):
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    def refuse(word):
        raise ValueError(word)

    def number(text):
        if len(text) > 4300:
            raise ValueError("a long number")
        return text

    try:
        text = data.decode("utf-8")
        if text.startswith("\ufeff"):
            return False
        value = json.loads(text, object_pairs_hook=unique, parse_constant=refuse, parse_int=number, parse_float=number)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    return True


def contents_are_strict(value):
    """Whether the texts in JsonNodes are strict too, but for NaN and the infinities; and all floats finite."""
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        if not isinstance(value, dict):
            continue
        stack.extend(value.values())
        content = value.get("content")
        if value.get("__loader__") != "JsonNode" or not isinstance(content, str):
            continue
        content = content.strip(" \t\r\n")
        if content in ("NaN", "Infinity", "-Infinity"):
            continue
        if not is_strict(content.encode("utf-8")):
            return False
        number = json.loads(content)
        if isinstance(number, float) and math.isinf(number):
            return False
    return True


def read(data):
    """What Python reads, or the error."""
    try:
        return Reading().node(json.loads(data)), None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Unreadable) as error:
        return None, f"{type(error).__name__}: {error}"[:100]


def compare(case, answer, tally):
    try:
        json.loads(case.data)
        tally.count("accepted by json")
        is_json = True
    except (ValueError, RecursionError):
        is_json = False
    strict = is_strict(case.data)
    if strict:
        tally.count("strict JSON, as Python can be told to read it")
    if "root" not in answer:
        code = answer["error"]
        if is_json:
            tally.cause("accepted by json only, by our code", code)
        if strict and code.startswith("json-") and contents_are_strict(json.loads(case.data)):
            yield f"strict JSON is refused: {answer['message']}"
        return
    tally.count("accepted by us")
    if not strict:
        yield "what is no strict JSON is accepted"
    expected, error = read(case.data)
    if error:
        yield f"Python refuses it: {error}"
        return
    tally.count("accepted by both")
    found = Simplified().object(answer["root"])
    if found == expected:
        tally.count("the same in both")
    else:
        yield f"we read {found!r:.700}, Python {expected!r:.700}"


if __name__ == "__main__":
    print(f"schema: Python {sys.version.split()[0]}")
    harness.run(sys.modules[__name__])
