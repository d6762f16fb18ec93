"""Arrays: what we read, beside numpy and `ndarray-npy`.

Headers come from a grammar: what numpy writes, what only looks like it, and what other writers of Python's literals
might write. numpy is called as skops calls it. Whatever we accept, numpy must accept, with the same dtype, shape, order
and bytes; `ndarray-npy` must read the same numbers.

Run it by the interpreter of an environment that has numpy, such as those of fixtures/environments; see harness.py.
"""

import ast
import io
import re
import struct
import sys

import numpy as np

import harness
from harness import Case

from crosscheck import differences_of_arrays, header_of  # of fixtures/real

KIND = "npy"
FLOOR = 0.3

# What numpy 1 refuses although we accept it: it has 32 dimensions at most, numpy 2 has 64.
KNOWN = ["maximum supported dimension for an ndarray is", "invalid shape in fixed-type tuple"] if np.__version__ < "2" else []

SIZED = ["b1", "i1", "u1", "i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "f16", "c8", "c16", "c32"]
UNITS = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"]
NAMES = ["a", "b", "x y", "it's", 'say "x"', "caf\u00e9", "\u540d", "\U0001f600", "back\\slash", "n\nl", "\t", "nul\0", "f0", ""]
ODD_DTYPES = [
    "|O", "O", "<O8", "f8", "float64", "=f8", "|f8", "<f", "<f3", "<f12", "<i3", "<b2", "|b8", "<U", "<V", "|S", "?",
    "<q8", "<l8", "<L8", "<p8", "<P8", "<g16", "<G32", "<d8", "<e2", "<a3", "|a3", "|c", "c1", "|c1", "<S3", ">S3",
    "<V4", ">V4", ">b1", "<b1", ">i1", "<u1", "|i1", "|u1", "|U2", "=U2", "|V0", "<U0", "|S0", "<M8[x]", "<M8[0s]", "<M8[1s]",
    "<M8[2s]", "<M8[025s]", "<M8[25s/3]", "<M8[D/24]", "<M8[generic]", "<M8[2147483647s]", "<M8[2147483648s]", "<M8[us]",
    "<M8[\u00b5s]", "<M8[B]", "<M4[s]", "<m8[]", "<m8[ s]", "<m8[s]x", "<m8[s", "<M8", "|M8[s]", "<f8 ", " <f8",
    "<f08", "<f+8", "<f8,<f8", "2f8", "(2,)f8", "f8,i4", "<i4\0", "", "<", "i", ">", "V", "<U99999999999", "|S2147483648",
    "|V2147483647", "<U536870911", "<U536870912", "<t5", "<T8", "StringDType()", "<f\u0668", "<U\u0661",
]  # fmt: skip


def scalar(random):
    """A dtype that numpy writes, and its bytes."""
    kind = random.random()
    if kind < 0.55:
        name = random.choice(SIZED)
        size = int(name[1:])
        return ("|" if size == 1 else random.choice("<>")) + name, size
    if kind < 0.7:
        size = random.choice([1, 2, 3, 7, 7])
        return random.choice("<>") + f"U{size}", size * 4
    if kind < 0.85:
        size = random.choice([1, 2, 3, 5, 8, 16])
        return "|" + random.choice("SV") + str(size), size
    count = random.choice(["", "", "2", "25", "1000"])
    unit = random.choice(["", f"[{count}{random.choice(UNITS)}]"])
    return random.choice("<>") + random.choice("mM") + "8" + unit, 8


class Style(harness.Style):
    """How a header is written: as numpy does, or with what else Python's literals allow."""

    share = 0.04

    def space(self, usual=" "):
        if self.strays("spaces"):
            return self.random.choice(["", " ", "  ", "\t", "\n", "\r", "\f", "\v", "\u00a0", " # c\n", "\\\n", "\0", "\u2003"])
        return usual

    def string(self, text):
        if self.strays("another kind of string"):
            prefix = self.random.choice(["u", "U", "b", "r", "R", "f", "ur", "rb", "B", "Rb"])
            return prefix + repr(text)
        if self.strays("a string in other quotes"):
            return self.random.choice(['"%s"', "'''%s'''", '"""%s"""', "'%s' ''", "('%s')", "`%s`"]) % text
        if self.strays("escapes") and text:
            at = self.random.randrange(len(text))
            code = ord(text[at])
            forms = [f"\\x{code:02x}", f"\\u{code:04x}", f"\\U{code:08x}", f"\\{code:o}", f"\\{code:03o}", "\\" + text[at], "\\N{DIGIT ONE}", "\\ud800", "\\u00e9", "\\U00110000", "\\x4", "\\u12", "\\\n", "\\a", "\\q", "\\0"]
            return "'" + text[:at] + self.random.choice(forms) + text[at + 1 :] + "'"
        return repr(text)

    def integer(self, value):
        if self.strays("another kind of integer"):
            return self.random.choice([
                f"{value}L", f"{value}l", f"0x{value:x}", f"0o{value:o}", f"0b{value:b}", f"0{value}", f"00{value}", f"+{value}", f"-{value}", f"{value}.0", f"{value}e0", f"{value}_0", f"1_{value}", f"~{value}", f"{value}+0", f"{value}j", f"({value})", "True", "None", str(value + 2**32), str(value + 2**63), str(value + 2**64), "-1", f"'{value}'", str(value).translate({48 + i: 0x660 + i for i in range(10)}), f"{value}*1", "\uff11",
            ])  # fmt: skip
        return str(value)

    def sequence(self, items, start="(", end=")"):
        """A tuple or list."""
        if self.strays("other brackets"):
            start, end = self.random.choice(["()", "[]", "{}", "((", "[)", "(]"])
        text = self.space("") + ("," + self.space()).join(items)
        single = len(items) == 1 and start == "("
        if single != self.strays("a comma more or less"):
            text += self.random.choice([",", ",", ", ", " ,", ",,"]) if not single else ","
        if not items and self.strays("a lone comma"):
            text = ","
        return start + text + self.space("") + end

    def dtype(self, level=0):
        """A dtype and its bytes, which are a guess where it is odd."""
        if self.strays("an odd dtype", 0.08):
            return self.string(self.random.choice(ODD_DTYPES)), self.random.choice([0, 1, 4, 8])
        if self.random.random() < (0.3 if level == 0 else 0.15) and level < 4:
            return self.fields(level)
        text, size = scalar(self.random)
        return self.string(text), size

    def fields(self, level):
        names = self.random.sample(NAMES[:-1], self.random.choice([1, 2, 2, 3, 5]))
        if self.strays("a name twice, or none"):
            names.append(self.random.choice([names[0], "", "", "f1"]))
        fields, total = [], 0
        for name in names:
            if self.random.random() < 0.1:
                padding = self.random.choice([1, 2, 4])
                fields.append(self.sequence([self.string(""), self.string(f"|V{padding}")]))
                total += padding
            text, size = self.dtype(level + 1)
            name_text = self.string(name)
            if self.random.random() < 0.06 or self.strays("a title"):
                title = self.random.choice(["title", name, names[0], "", "t\u00e9"])
                name_text = self.sequence([self.string(title), name_text])
            parts = [name_text, text]
            if self.random.random() < 0.15:
                shape = [self.random.choice([1, 2, 3]) for _ in range(self.random.choice([0, 1, 1, 2]))]
                if self.strays("an odd shape of a field"):
                    shape = self.random.choice([[0], [2, 0], [2**31], [2**16, 2**16], [1] * 33, [1] * 65])
                parts.append(self.integer(shape[0]) if len(shape) == 1 and self.strays("a size for a shape", 0.2) else self.sequence(list(map(self.integer, shape))))
                for along in shape:
                    size *= along
            if self.strays("more or less in a field"):
                parts = parts[: self.random.choice([0, 1])] or parts + [self.string("x")] * self.random.choice([1, 2])
            fields.append(self.sequence(parts))
            total += size
        if self.strays("no fields"):
            return self.random.choice(["[]", "{}", "{'names': ['a'], 'formats': ['<f8']}", "{'a': ('<f8', 0)}", "('<f8', (2,))", "(('<f8', (2,)), (3,))", "('V8', [('a', '<f8')])", "None", "float", "1"]), 8
        return "[" + ", ".join(fields) + ("," if self.strays("a comma more or less") else "") + "]", total

    def shape(self):
        kind = self.random.random()
        if kind < 0.15:
            shape = []
        elif kind < 0.6:
            shape = [self.random.choice([0, 1, 2, 3, 5, 17])]
        else:
            shape = [self.random.choice([0, 1, 1, 2, 3, 4]) for _ in range(self.random.choice([2, 2, 3, 4]))]
        if self.strays("an odd shape"):
            shape = self.random.choice([
                [2**63 - 1], [2**63], [2**64], [2**32, 2**32], [0, 2**32, 2**32], [2**33, 2**33], [0, 2**62], [1] * 32, [1] * 33, [1] * 64, [1] * 65, [2**31], [10**12], [0, 0, 2**63 - 1], [2**62, 4, 0], [2**62, 4],
            ])  # fmt: skip
        return shape

    def header(self):
        dtype, size = self.dtype()
        shape = self.shape()
        order = self.random.random() < 0.3
        order_text = str(order)
        if self.strays("another kind of bool"):
            order_text = self.random.choice(["true", "false", "0", "1", "None", "'True'", "1.0", "TRUE", "not True", "(True)", "True and False"])
        items = [
            ("descr", dtype),
            ("fortran_order", order_text),
            ("shape", self.sequence(list(map(self.integer, shape)))),
        ]
        if self.random.random() < 0.1:
            self.random.shuffle(items)
        if self.strays("a key too many"):
            items.insert(self.random.randrange(4), self.random.choice([*items, ("extra", "1"), ("descr", "'<f8'"), ("Shape", "()"), ("shape ", "()"), ("order", "'C'")]))
        if self.strays("a key too few"):
            del items[self.random.randrange(len(items))]
        pairs = [self.string(key) + self.space("") + ":" + self.space() + value for key, value in items]
        comma = self.random.choice([", ", ", ", ",", "", " , ", ",,"]) if self.strays("the last comma", 0.2) else ", "
        text = "{" + self.space("") + ("," + self.space()).join(pairs) + comma + "}"
        if self.strays("not a dict, or more"):
            text = self.random.choice([text[1:], text[:-1], f"[{text}]", f"({text})", f"({text},)", f"dict({text})", text + text, f"{text};", f"{text} or 1", f"**{text}", "{" + text + "}", f"{text}\n#", f"# c\n{text}", f"-{text}"])
        count = 1
        for along in shape:
            count *= along
        return text, size * count


def make(random):
    style = Style(random, odd=random.choice([0, 0, 0, 1, 1, 2, 4]))
    text, size = style.header()
    version = (1, 0)
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        version = (3, 0)
    if random.random() < 0.2:
        version = random.choice([(1, 0), (2, 0), (3, 0), (3, 0)])
    if style.strays("another version"):
        version = random.choice([(0, 0), (1, 1), (4, 0), (2, 1), (255, 255), (0, 1)])
    encoded = text.encode("utf-8" if version[0] == 3 or style.strays("another encoding") else "latin-1", "replace")
    start = 10 if version[0] == 1 else 12
    align = random.choice([16, 64, 64])
    padding = b" " * (-(start + len(encoded) + 1) % align)
    end = b"\n"
    if style.strays("other padding", 0.1):
        padding = random.choice([b"", b" ", b"\t", b"\0", b"\n\n", b" \n ", b" " * 500, b"#", b"\xa0", b"\\\n", b"\r"])
        end = random.choice([b"", b"\n", b"\n", b"\r\n", b"\n\n", b" ", b"\0", b"\x1a"])
    elif not style.done and random.random() < 0.02:
        # numpy takes minutes over such a header if there is anything wrong with it
        padding = b" " * random.choice([9000, 9800, 10000, 70000 - len(encoded)])
        style.done.append("long padding")
    encoded += padding + end
    length = len(encoded)
    if style.strays("another length", 0.1):
        length += random.choice([-1, 1, -2, 2, 100, -len(encoded), 65536])
    length = max(length, 0)
    counted = struct.pack("<H", length % 65536) if start == 10 else struct.pack("<I", length % 2**32)
    magic = b"\x93NUMPY" if not style.strays("another magic", 0.02) else random.choice([b"\x93NUMPX", b"PK\3\4", b"PK\5\6", b"\x80\4\x95", b"\x93numpy", b""])
    size = min(size, 100_000)
    if style.strays("another size", 0.1):
        size = max(0, size + random.choice([-1, 1, -8, 8, 100, -size]))
    payload = random.randbytes(size)
    restricted = re.search(r"b1|U\d|\?", text)
    if restricted or random.random() < 0.2:
        # bytes that are bools, and code points, most of the time
        payload = b"".join(struct.pack("<I", random.choice([0, 0, 1, 1, 0x01010101, 0])) for _ in range(size // 4 + 1))[:size]
        if "U" in text and "b1" not in text and random.random() < 0.8:
            order = ">" if ">U" in text else "<"
            codes = [0x41, 0xE9, 0x20AC, 0x1F600, 0, 0xD800 if random.random() < 0.05 else 0x61, 0x110000 if random.random() < 0.02 else 0x62]
            payload = b"".join(struct.pack(order + "I", random.choice(codes)) for _ in range(size // 4 + 1))[:size]
    elif random.random() < 0.2:
        special = [0.0, -0.0, float("inf"), float("nan"), 5e-324, 1.5]
        payload = b"".join(struct.pack("<d", random.choice(special)) for _ in range(size // 8 + 1))[:size]
    data = magic + bytes(version) + counted + encoded + payload
    if random.random() < 0.15 and len(encoded) < 2000:
        style.done.append("bytes")
        head = mutate_head(random, data)
        data = head
    return Case(data, made=style.done)


def mutate_head(random, data):
    """Changes bytes of the header, most of the time."""
    end = min(len(data), 140) if random.random() < 0.9 else len(data)
    return harness.mutate(random, data[:end], 3, b"{}()[]',\": \\0123456789<>|=bifcmMUSVOLTrueFalse\n") + data[end:]


def load(data):
    """What numpy reads, and the kind and text of an error."""
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:
        return None, f"{type(error).__name__}: {re.sub(r'[0-9]+', '0', str(error))[:60]}"
    return (array, None) if isinstance(array, np.ndarray) else (None, "an archive")


def compare(case, answer, tally):
    array, error = load(case.data)
    are_agreed, wrong = harness.agree_on("numpy", case, answer, error, KNOWN, tally)
    if wrong:
        yield wrong
    if not are_agreed:
        return
    fortran_order = ast.literal_eval(header_of(case.data)[0])["fortran_order"]
    found = list(differences_of_arrays(answer["root"]["value"]["array"], array, fortran_order))
    yield from found
    if not found:
        tally.count("the same in both")
    peer = answer["ndarray-npy"]
    if peer.startswith("differs") or peer == "panicked":
        yield f"ndarray-npy {peer}, numpy and we have {array!r}"
    tally.cause("ndarray-npy, of what we accept", re.sub(r"[0-9]+", "0", peer)[:100])


if __name__ == "__main__":
    print(f"npy: numpy {np.__version__}, Python {sys.version.split()[0]}")
    harness.run(sys.modules[__name__])
