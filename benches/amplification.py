#!/usr/bin/env python3
"""Attack every limit: what the worst file that is known makes skops-rs print, and take of time and memory.

    benches/amplification.py --quick                     # small files, under a minute: what CI runs
    benches/amplification.py --markdown docs/amplification.md
    benches/amplification.py --only '*long-key*' --json figures.json --binary target/release/skops-rs

For each limit of docs/limits.md there are files that are made to reach it, or to hide below it. Each is given to every
command that takes it. What came of it is compared with what docs/amplification.md promises of bytes printed and of peak memory;
past that the script ends with 1, and so it does when a command does not end. Other times are printed, and fail nothing.

Each run is a process of its own with limits on time, address space and output. It needs the standard library, on Linux or
macOS, and a release build with all features, which it makes if none is given. Without random numbers: files are the same each time.
"""

import argparse
import bz2
import fnmatch
import json
import lzma
import math
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
# ru_maxrss is in KiB, except on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else KIB

# --- what is promised (docs/amplification.md says so in words) ---

# `report-bytes`: what a report lists of places, objects and arrays.
REPORT = 32 * MIB
# Findings of one file, in the format that takes most.
FINDINGS = 3 * MIB
# For each byte of `schema.json`: what names take in lists of names, and what an export takes.
NAMES, EXPORT_SCHEMA = 12, 64
# For each byte of payloads, what an export takes: `-5.960464477539063e-8, ` is a `float16`.
EXPORT_PAYLOAD = 12
# Peak memory: this, for each byte of `schema.json`, and for each byte of payloads that are read.
MEMORY, MEMORY_SCHEMA, MEMORY_PAYLOAD = 32 * MIB, 14, 2
# Who lists places, or refuses to build what is not trusted, holds all places of a file in memory.
MEMORY_PLACES = 2 * REPORT
# Formats that start with counts hold verdicts in memory, up to this.
MEMORY_FINDINGS, MEMORY_VERDICTS = 8, GIB
# For each file that `check` is given, besides its path.
MEMORY_FILE = 128


def promised(command, candidate):
    """The most bytes that a command may print, and the most memory that it may take."""
    schema, payload, files = candidate["schema"], candidate["payload"], candidate["files"]
    memory = MEMORY + MEMORY_SCHEMA * schema + candidate["memory"]
    printed = 64 * KIB
    if command[0] == "untrusted-types":
        printed += NAMES * schema + (REPORT if "json" in command else 0)
        memory += MEMORY_PLACES if "json" in command else 0
    elif command[0] in ("inspect", "arrays"):
        # As JSON, the names that are not trusted come first.
        printed += REPORT + (NAMES * schema if "json" in command else 0)
        memory += MEMORY_PAYLOAD * payload
    elif command[0] == "export":
        printed += EXPORT_SCHEMA * schema + EXPORT_PAYLOAD * payload
        memory += MEMORY_PLACES + MEMORY_PAYLOAD * payload
    elif command[0] == "policy":
        printed += NAMES * schema
    else:
        printed += FINDINGS * files
        memory += min(MEMORY_FINDINGS * FINDINGS * files, MEMORY_VERDICTS) + MEMORY_PAYLOAD * payload
    return printed, memory


# --- archives ---

STORED, DEFLATED, BZIP2, LZMA = 0, 8, 12, 14


def deflate(data, level=9):
    coder = zlib.compressobj(level, zlib.DEFLATED, -15)
    return coder.compress(data) + coder.flush()


def entry(name, data, method=STORED):
    """An entry that is what it says."""
    packed = deflate(data) if method == DEFLATED else data
    return crafted(name, packed, len(data), zlib.crc32(data), method)


def crafted(name, packed, size, crc, method):
    """An entry whose data is whatever it is."""
    return name.encode(), packed, size, crc, method


def archive(entries):
    """A zip archive, as Python's zipfile writes it."""
    out, directory, count, at = [], [], 0, 0
    for name, packed, size, crc, method in entries:
        fields = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 0x5821, crc, len(packed), size, len(name), 0)
        out += [b"PK\x03\x04", fields, name, packed]
        directory += [b"PK\x01\x02", struct.pack("<BB", 20, 3), fields]
        directory += [struct.pack("<HHHII", 0, 0, 0, 0o600 << 16, at), name]
        at += 30 + len(name) + len(packed)
        count += 1
    records = b"".join(directory)
    wide = b""
    if count > 0xFFFF:
        wide = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, count, count, len(records), at)
        wide += b"PK\x06\x07" + struct.pack("<IQI", 0, at + len(records), 1)
    short = min(count, 0xFFFF)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, short, short, len(records), at, 0)
    return b"".join([*out, records, wide, end])


def npy(descr, shape, data=b""):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def address(number):
    return f"{140000000000000 + number}"


def npz(members, method=STORED):
    return archive(entry(f"{name}.npy", data, method) for name, data in members)


# --- nodes, as text: what json.dumps makes of a million of them takes gigabytes ---


def node(loader, name, more=""):
    module, _, kind = name.rpartition(".")
    return f'{{"__class__":"{kind}","__module__":"{module}","__loader__":"{loader}"{more}}}'


def content(text):
    return f',"content":{text}'


def listed(items, more=""):
    return node("ListNode", "builtins.list", content("[" + ",".join(items) + "]") + more)


def mapped(items, more=""):
    """A dict with keys that are text."""
    items = list(items)
    types = listed([node("TypeNode", "builtins.str")] * len(items))
    body = ",".join(f'"{key}":{value}' for key, value in items)
    return node("DictNode", "builtins.dict", content(f"{{{body}}}") + f',"key_types":{types}' + more)


def scalar(text):
    return node("JsonNode", "builtins.str", content(json.dumps(text, ensure_ascii=False)) + ',"is_json":true')


def instance(name, items):
    return node("ObjectNode", name, content(mapped(items)))


def array(file, more=""):
    return node("NdArrayNode", "numpy.ndarray", f',"type":"numpy","file":"{file}"{more}')


def sparse(file):
    return node("SparseMatrixNode", "scipy.sparse._csr.csr_matrix", f',"type":"scipy","file":"{file}"')


def identified(number):
    return f',"__id__":{number}'


def reference(number):
    return f'{{"__id__":{number}}}'


def fill(size, make):
    """As many items as fit: `make` gives one for a number."""
    items, left = [], size
    while left > 0:
        items.append(make(len(items)))
        left -= len(items[-1]) + 1
    return items


def model(root, payloads=(), method=DEFLATED):
    """A file with this root and these entries; the size of its schema."""
    text = (root[:-1] + ',"protocol":2,"_skops_version":"0.16.0"}').encode()
    return archive([*payloads, entry("schema.json", text, method)]), len(text)


SCALER = "sklearn.preprocessing._data.StandardScaler"
VECTORIZER = "sklearn.feature_extraction.text.CountVectorizer"
# One byte in UTF-8 that takes six once it is escaped.
DELETE = "\x7f"
# Four bytes that take ten once they are shown, and twelve once they are escaped.
WIDE = "\U0001fbff"


# --- candidates ---

CANDIDATES = []
# Of policies with files: what is run of `check`, and of files: everything.
ALL_COMMANDS = [
    ["untrusted-types"],
    ["untrusted-types", "--all", "--format", "json", "--places"],
    ["inspect"],
    ["inspect", "--format", "json"],
    ["arrays"],
    ["arrays", "--format", "json"],
    ["export"],
    ["policy", "init"],
]
FORMATS = ["text", "json", "jsonl", "sarif", "junit", "github", "markdown"]
CHECKS = [["check", "--level", "audit", "--format", name] for name in FORMATS]
CHECKS += [["check", "--level", "verify", "--format", name] for name in ("text", "sarif")]


def candidate(limit, what, only=None, cost=1, refused=None):
    """Registers a function that writes files to a folder. It is given how many bytes of schema, or of whatever it is
    about, to make, divided by `cost`; it returns a dict: `paths`, `schema`, and what else `promised` asks for. A file that is
    refused shows little, so it must be said which code refuses it."""

    def register(function):
        name = function.__name__.replace("_", "-")
        fields = {"limit": limit, "name": name, "what": what, "make": function}
        CANDIDATES.append({**fields, "only": only, "cost": cost, "refused": refused})
        return function

    return register


def written(folder, data, schema, **more):
    path = folder / "model.skops"
    path.write_bytes(data)
    return {"paths": [str(path)], "schema": schema, **more}


def whole(folder, root, payloads=(), method=DEFLATED, **more):
    return written(folder, *model(root, payloads, method), **more)


@candidate("schema-bytes", "a list that holds another again and again, as `{\"__id__\":7}`")
def references(folder, size):
    return whole(folder, listed([listed([], identified(7)), *fill(size, lambda _: reference(7))]))


@candidate("schema-bytes", "the same, of a list whose attribute has a name of half the file")
def references_to_a_long_path(folder, size):
    first = instance(SCALER, [("k" * (size // 2), listed([], identified(7)))])
    return whole(folder, listed([first, *fill(size // 2, lambda _: reference(7))]))


@candidate("schema-bytes", "a name in very many places below a key of half the file")
def places_below_a_long_key(folder, size):
    names = fill(size // 2, lambda _: node("TypeNode", "a.B"))
    return whole(folder, mapped([("k" * (size // 2), listed(names))]))


@candidate("schema-bytes", "the same, of characters that are escaped as six bytes", cost=8)
def places_below_an_escaped_key(folder, size):
    names = fill(size // 2, lambda _: node("TypeNode", "a.B"))
    return whole(folder, mapped([(DELETE * 2000, listed(names))]))


@candidate("schema-bytes", "very many names below a key of half the file")
def names_below_a_long_key(folder, size):
    names = fill(size // 2, lambda number: node("TypeNode", f"a.B{number}"))
    return whole(folder, mapped([("k" * (size // 2), listed(names))]))


@candidate("schema-bytes", "very many names, none of them trusted")
def many_names(folder, size):
    return whole(folder, listed(fill(size, lambda number: node("TypeNode", f"a.B{number}"))))


@candidate("schema-bytes", "methods: each node's name is made of two parts that it refers to")
def method_names(folder, size):
    kind = "a." + "C" * 460
    first = node("ObjectNode", kind, identified(7))
    cached = '{"__class__":null,"__module__":null,"__loader__":"CachedNode","__id__":7}'
    one = lambda number: node("MethodNode", "a.method", content(f'{{"obj":{cached},"func":"f{number}"}}'))
    return whole(folder, listed([first, *fill(size, one)]))


@candidate("schema-bytes", "objects without sound contents below a key of half the file")
def faults_below_a_long_key(folder, size):
    broken = instance(VECTORIZER, [("vocabulary_", mapped([("a", scalar("5"))]))])
    return whole(folder, mapped([("k" * (size // 2), listed(fill(size // 2, lambda _: broken)))]))


@candidate("schema-bytes", "values of characters that are shown as ten")
def escaped_values(folder, size):
    text = scalar('"' + WIDE * 130 + '"')
    return whole(folder, listed(fill(size, lambda _: text)))


@candidate("schema-bytes", "one value of characters that are escaped as six bytes")
def one_long_value(folder, size):
    return whole(folder, scalar('"' + DELETE * size + '"'))


@candidate("schema-bytes", "floats of 4,300 digits")
def long_numbers(folder, size):
    digits = "7" * 4290 + "e-9"
    return whole(folder, listed(fill(size, lambda _: scalar("1." + digits))))


@candidate("schema-bytes", "a dict of integer keys of 4,300 digits")
def long_keys(folder, size):
    items = fill(size, lambda number: f'"{10**4298 + number}":' + reference(7))
    types = listed([node("TypeNode", "builtins.int")] * len(items))
    body = content("{" + ",".join(items) + "}") + f',"key_types":{types}'
    return whole(folder, listed([listed([], identified(7)), node("DictNode", "builtins.dict", body)]))


@candidate("schema-bytes", "objects that all say another release of scikit-learn, in long words")
def long_versions(folder, size):
    one = lambda number: instance(SCALER, [("_sklearn_version", scalar('"' + DELETE * 100 + str(number) + '"'))])
    return whole(folder, listed(fill(size, one)))


@candidate("schema-bytes", "objects with ids of their own, each of them twice")
def repeated_bodies(folder, size):
    one = lambda number: listed([listed([], identified(2 * number + 1))], identified(2 * number + 2))
    items = fill(size // 2, one)
    return whole(folder, listed(items + items))


@candidate("nodes", "references with ids of their own: the smallest nodes that there are", only=["untrusted-types", "inspect"])
def smallest_nodes(folder, size):
    items = fill(size // 2, lambda number: listed([], identified(number + 1)))
    return whole(folder, listed([*items, *fill(size // 2, lambda number: reference(number % len(items) + 1))]))


@candidate("json-depth", "lists in lists down to the limit, with a wide one at the bottom")
def deep_and_wide(folder, size):
    inner = listed([listed([], identified(7)), *fill(size, lambda _: reference(7))])
    for _ in range(250):
        inner = listed([inner])
    return whole(folder, inner)


@candidate("json-depth", "dicts in dicts with long keys, with names at the bottom", cost=8)
def deep_and_long(folder, size):
    inner = listed(fill(size // 2, lambda _: node("TypeNode", "a.B")))
    for _ in range(120):
        inner = mapped([("k" * (size // 240), inner)])
    return whole(folder, inner)


@candidate("json-depth", "a JsonNode whose text is nested without end", refused="limit-json-depth")
def deep_text(folder, size):
    return whole(folder, scalar("[" * size))


@candidate("name-length", "names of 512 characters, each another")
def long_names(folder, size):
    one = lambda number: node("TypeNode", "a." + f"B{number}".ljust(510, "x"))
    return whole(folder, listed(fill(size, one)))


@candidate("array-rank", "arrays of 64 dimensions that share an entry")
def many_dimensions(folder, size):
    file = address(1) + ".npy"
    shape = "(" + "1, " * 63 + "1)"
    nodes = fill(size, lambda _: array(file))
    # No bytes, so that there may be any number of them.
    return whole(folder, listed(nodes), [entry(file, npy("'|u1'", shape.replace("1)", "0)")))])


@candidate("array-rank", "arrays without items that share a dtype of 500 fields")
def many_fields(folder, size):
    file = address(1) + ".npy"
    fields = ", ".join(f"('{chr(0x100 + number)}', '|u1')" for number in range(500))
    head = f"{{'descr': [{fields}], 'fortran_order': False, 'shape': (0,), }}".encode()
    head += b" " * (-(12 + len(head) + 1) % 64) + b"\n"
    data = b"\x93NUMPY\x03\x00" + struct.pack("<I", len(head)) + head
    count = size // len(data)
    return whole(folder, listed([array(file)] * count), [entry(file, data)], payload=count * len(data))


@candidate("entries", "as many tiny arrays as fit")
def many_entries(folder, size):
    count = min(size // 230, 262_000)
    data = npy("'|u1'", "(1,)", b"7")
    names = [address(number) + ".npy" for number in range(count)]
    return whole(folder, listed(map(array, names)), [entry(name, data) for name in names], payload=count)


@candidate("directory-bytes", "as many entries with the longest names")
def long_entry_names(folder, size):
    count = min(size // 500, 200_000)
    data = npy("'|u1'", "(1,)", b"7")
    names = [f"{number:07}".ljust(LONGEST_NAME - 4, "x") + ".npy" for number in range(count)]
    return whole(folder, listed(map(array, names)), [entry(name, data) for name in names], payload=count)


LONGEST_NAME = 255


@candidate("ratio-floor", "arrays of zeros, each just below the floor, that no node names", refused="limit-compression-ratio")
def floors_that_no_node_names(folder, size):
    """Each takes 47 kB and expands to 48 MiB. As many must be named, which are tiny."""
    count = max(2, size // (8 * MIB))
    large = 48 * MIB - 128
    packed = entry("x", npy("'|u1'", f"({large},)", bytes(large)), DEFLATED)
    tiny = npy("'|u1'", "(1,)", b"7")
    names = [address(number) + ".npy" for number in range(count)]
    hidden = [crafted(address(number) + "1.npy", *packed[1:]) for number in range(count)]
    named = [entry(name, tiny) for name in names]
    return whole(folder, listed(map(array, names)), [*named, *hidden])


@candidate("ratio-floor", "an array of float16 just below the floor, that takes most digits")
def floats_of_many_digits(folder, size):
    data = npy("'<f2'", f"({size // 2},)", b"\x01\x80" * (size // 2))
    file = address(1) + ".npy"
    return whole(folder, array(file), [entry(file, data, DEFLATED)], payload=size)


@candidate("model-bytes", "an array that very many objects are")
def shared_entry(folder, size):
    data = npy("'|i1'", "(4096,)", b"\x80" * 4096)
    file = address(1) + ".npy"
    count = size // 4224
    return whole(folder, listed([array(file)] * count), [entry(file, data, DEFLATED)], payload=count * 4096)


def csr(data_bytes, method):
    """A sparse matrix of one row of zeros, of so many bytes."""
    count = data_bytes // 8
    pointers = struct.pack("<ii", 0, count)
    members = [
        ("indices", npy("'<i4'", f"({count},)", bytes(4 * count))),
        ("indptr", npy("'<i4'", "(2,)", pointers)),
        ("format", npy("'|S3'", "()", b"csr")),
        ("shape", npy("'<i8'", "(2,)", struct.pack("<qq", 1, max(count, 1)))),
        ("data", npy("'<f8'", f"({count},)", bytes(8 * count))),
    ]
    return npz(members, method)


@candidate(
    "compression-ratio",
    "sparse matrices of zeros, deflated within an archive that is stored, each just below the floor",
    refused="limit-compression-ratio",
)
def matrices_of_zeros(folder, size):
    count = max(2, size // (8 * MIB))
    data = csr(24 * MIB, DEFLATED)
    names = [address(number) + ".npz" for number in range(count)]
    return whole(folder, listed(map(sparse, names)), [entry(name, data) for name in names])


@candidate("nested-bytes", "a sparse matrix of zeros, deflated twice: 200 times 200", refused="limit-compression-ratio")
def deflated_twice(folder, size):
    """The inner stream is written so that it is just 200 times smaller than what it holds, and repeats itself."""
    count = 64 * MIB
    # A stream of many small pieces, each deflated by itself, compresses again.
    piece, times = bytes(64 * KIB), count // (64 * KIB)
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed_piece = coder.compress(piece) + coder.flush(zlib.Z_FULL_FLUSH)
    padding = b"\x00\x00\x00\xff\xff" * max(0, (64 * KIB // 190 - len(packed_piece)) // 5)
    head = npy("'<f8'", f"({count // 8},)")
    start = zlib.compressobj(0, zlib.DEFLATED, -15)
    start = start.compress(head) + start.flush(zlib.Z_FULL_FLUSH)
    packed = start + (packed_piece + padding) * times + deflate(b"")
    crc = zlib.crc32(head)
    for _ in range(times):
        crc = zlib.crc32(piece, crc)
    members = [
        entry("indices.npy", npy("'<i4'", f"({count // 8},)", bytes(count // 2)), DEFLATED),
        entry("indptr.npy", npy("'<i4'", "(2,)", struct.pack("<ii", 0, count // 8))),
        entry("format.npy", npy("'|S3'", "()", b"csr")),
        entry("shape.npy", npy("'<i8'", "(2,)", struct.pack("<qq", 1, count))),
        crafted("data.npy", packed, len(head) + count, crc, DEFLATED),
    ]
    file = address(1) + ".npz"
    return whole(folder, sparse(file), [entry(file, archive(members), DEFLATED)])


@candidate("nested-bytes", "a sparse matrix of zeros, deflated twice, just below the floor")
def deflated_twice_below_the_floor(folder, size):
    data = csr(min(31 * MIB, 8 * size), DEFLATED)
    file = address(1) + ".npz"
    return whole(folder, sparse(file), [entry(file, data, DEFLATED)], payload=48 * MIB)


@candidate("archive-depth", "a sparse matrix whose data is an archive, and so on", refused="npz-members")
def archives_in_archives(folder, size):
    inner = csr(64, STORED)
    for _ in range(64):
        inner = archive([entry("data.npy", inner, DEFLATED), entry("format.npy", npy("'|S3'", "()", b"csr"))])
    file = address(1) + ".npz"
    return whole(folder, sparse(file), [entry(file, inner)])


@candidate("array-bytes", "blocks of deflate that hold nothing, before the header of an array", cost=4)
def empty_blocks(folder, size):
    data = npy("'|u1'", "(1,)", b"7")
    packed = b"\x00\x00\x00\xff\xff" * (size // 5) + deflate(data)
    file = address(1) + ".npy"
    return whole(folder, array(file), [crafted(file, packed, len(data), zlib.crc32(data), DEFLATED)])


@candidate("array-bytes", "blocks of bzip2 of 900 kB, of which an entry says that they hold 128 bytes", cost=16)
def blocks_of_bzip2(folder, size):
    count = max(8, size // (32 * KIB))
    data = npy("'|u1'", "(1,)", b"7")
    # Two runs that take turns keep the block as large as blocks get.
    packed = bz2.compress(data + b"ab" * 449_900)
    names = [address(number) + ".npy" for number in range(count)]
    entries = [crafted(name, packed, len(data), zlib.crc32(data), BZIP2) for name in names]
    return whole(folder, listed(map(array, names)), entries)


@candidate("array-bytes", "streams of LZMA that ask for a dictionary of 64 MiB each", cost=16)
def dictionaries_of_lzma(folder, size):
    count = max(8, size // KIB)
    data = npy("'|u1'", "(1,)", b"7")
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 64 * MIB, "lc": 3, "lp": 0, "pb": 2}]
    raw = lzma.compress(data, lzma.FORMAT_ALONE, filters=filters)
    packed = struct.pack("<BBH", 9, 4, 5) + struct.pack("<BI", 93, 64 * MIB) + raw[13:]
    names = [address(number) + ".npy" for number in range(count)]
    entries = [crafted(name, packed, len(data), zlib.crc32(data), LZMA) for name in names]
    return whole(folder, listed(map(array, names)), entries, memory=128 * MIB)


@candidate("file-bytes", "an array of which the file holds only zeros, to be hashed", only=["check"])
def large_file(folder, size):
    """A file with a hole: it takes no room on a disk."""
    length = 16 * size
    head = npy("'|u1'", f"({length},)")
    crc = zlib.crc32(head)
    for _ in range(length // MIB):
        crc = zlib.crc32(bytes(MIB), crc)
    file = address(1) + ".npy"
    name = file.encode()
    text = (array(file)[:-1] + ',"protocol":2}').encode()
    fields = lambda crc, size, name: struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x5821, crc, size, size, len(name), 0)
    first, second = fields(crc, len(head) + length, name), fields(zlib.crc32(text), len(text), b"schema.json")
    path = folder / "model.skops"
    with path.open("wb") as out:
        out.write(b"PK\x03\x04" + first + name + head)
        out.seek(length, os.SEEK_CUR)
        at = out.tell()
        out.write(b"PK\x03\x04" + second + b"schema.json" + text)
        start = out.tell()
        tail = lambda offset: struct.pack("<HHHII", 0, 0, 0, 0o600 << 16, offset)
        out.write(b"PK\x01\x02" + struct.pack("<BB", 20, 3) + first + tail(0) + name)
        out.write(b"PK\x01\x02" + struct.pack("<BB", 20, 3) + second + tail(at) + b"schema.json")
        size = out.tell() - start
        out.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 2, 2, size, start, 0))
    # `check` reads a part of it at a time.
    return {"paths": [str(path)], "schema": len(text)}


@candidate("stream-bytes", "a pipe that never ends", only=["check", "untrusted-types"], refused="limit-stream-bytes")
def endless_stream(folder, size):
    policy = folder / "policy.toml"
    policy.write_text(f"[limits]\nstream-bytes = {size}\n")
    return {
        "paths": ["-"],
        "schema": 0,
        "stdin": "/dev/zero",
        "more": {"untrusted-types": [f"--limit=stream-bytes={size}"], "check": ["--policy", str(policy)]},
        "size": size,
        # `untrusted-types` keeps what it reads in memory, and `check` in a file.
        "memory": 3 * size,
    }


@candidate("report-bytes", "very many small models, each with as many findings as are listed", only=["check"], cost=8)
def many_models(folder, size):
    data, schema = model(listed(node("TypeNode", f"a.B{number}") for number in range(300)))
    count = max(16, size // (16 * KIB))
    for number in range(count):
        (folder / f"{number}.skops").write_bytes(data)
    return {"paths": [str(folder)], "schema": schema, "files": count}


@candidate("report-bytes", "a list that names an empty file again and again", only=["check"])
def many_files(folder, size):
    empty, paths = folder / "empty", folder / "list"
    empty.touch()
    count = size // 32
    paths.write_text(f"{empty}\n" * count)
    memory = MEMORY_FILE * count + paths.stat().st_size
    return {"paths": [], "more": {"check": ["--files-from", str(paths)]}, "schema": 0, "files": count, "memory": memory}


@candidate("report-bytes", "an MLmodel that claims trust for very many types, for many models", only=["check"], cost=8)
def many_claims(folder, size):
    lines = ["flavors:"]
    for flavor in range(min(60_000, size // 100)):
        lines += [f"  f{flavor}:", "    skops_trusted_types: [" + ",".join(["a"] * 8) + "]"]
    lines += ["  python_function:", "    loader_module: x"]
    text = "\n".join(lines)[: MIB - 64] if len("\n".join(lines)) > MIB else "\n".join(lines)
    deepest = folder
    for level in range(8):
        (deepest / "MLmodel").write_text(text)
        deepest = deepest / str(level)
        deepest.mkdir()
    data, schema = model(listed([node("TypeNode", f"a.B{number}") for number in range(300)]))
    count = 32
    for number in range(count):
        (deepest / f"{number}.skops").write_bytes(data)
    return {"paths": [str(folder)], "schema": schema, "files": count + 8}


@candidate("report-bytes", "large MLmodel files that are about many models, and claim as much as they may", only=["check"], cost=16)
def large_mlmodels(folder, size):
    names = ", ".join(f'"{number}{WIDE * 120}"' for number in range(250))
    text = f"flavors:\n  sklearn:\n    skops_trusted_types: [{names}]\nsignature:\n"
    text += "".join(f"  key{number}: 1\n" for number in range(min(60_000, size // 16)))
    deepest = folder
    for level in range(8):
        (deepest / "MLmodel").write_text(text)
        deepest = deepest / str(level)
        deepest.mkdir()
    data, schema = model(listed([]))
    count = max(64, size // (16 * KIB))
    for number in range(count):
        (deepest / f"{number}.skops").write_bytes(data)
    return {"paths": [str(folder)], "schema": schema, "files": count + 8}


@candidate(
    "report-bytes",
    "MLmodel files and models in one folder: each of the former is about each of the latter",
    only=["check"],
    cost=8,
)
def many_mlmodels(folder, size):
    count = max(32, size // KIB)
    text = "flavors:\n  python_function:\n    loader_module: x\n"
    deepest, made = folder, 0
    for level in range(200):
        for number in range(128):
            word = "".join(c.upper() if number >> bit & 1 else c for bit, c in enumerate("mlmodel"))
            if made < count:
                (deepest / word).write_text(text)
                made += 1
        if made == count:
            break
        deepest = deepest / "d"
        deepest.mkdir()
    data, schema = model(listed([]))
    for number in range(count):
        (deepest / f"{number}.skops").write_bytes(data)
    return {"paths": [str(folder)], "schema": schema, "files": count}


@candidate("report-bytes", "a policy of 5,000 rules, and very many names", only=["check"])
def many_rules(folder, size):
    rules = [f'{{ name = "b.C{number}" }}' for number in range(4000)]
    rules += [f'{{ name = "c{number}.**" }}' for number in range(1000)]
    policy = folder / "policy.toml"
    policy.write_text("allow = [\n" + ",\n".join(rules) + "\n]\n")
    made = whole(folder, listed(fill(size, lambda number: node("TypeNode", f"a.b.c.B{number}"))))
    return {**made, "more": {"check": ["--policy", str(policy)]}, "files": 2}


def commands(one):
    """What a file is given to."""
    for command in ALL_COMMANDS + CHECKS:
        if one["only"] is None or command[0] in one["only"]:
            yield command


def build(folder, quick, only):
    """Makes the files. In a process of its own, so that the one that measures stays small."""
    made = []
    for one in CANDIDATES:
        if not any(fnmatch.fnmatch(one["name"], pattern) for pattern in only):
            continue
        own = folder / one["name"]
        own.mkdir()
        size = (2 * MIB if quick else 16 * MIB) // one["cost"]
        result = one["make"](own, size)
        files = [path for path in own.rglob("*") if path.is_file()]
        result.setdefault("size", sum(path.stat().st_size for path in files))
        result = {"files": 1, "payload": 0, "memory": 0, "more": {}, "stdin": None, **result}
        made.append({**{key: one[key] for key in ("limit", "name", "what", "only", "refused")}, **result})
    print(json.dumps(made))


# --- measuring ---

# Runs a command with limits, and writes down what it took. The kernel counts what resides of a process that forks to the peak of its
# child, so this is one with hardly a module imported.
LAUNCHER = """
import posix, resource, sys, time
report, seconds, space = map(int, sys.argv[1:4])
start = time.perf_counter_ns()
child = posix.fork()
if child == 0:
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        try:
            resource.setrlimit(resource.RLIMIT_AS, (space, space))
        except (OSError, ValueError):
            pass  # Not on macOS.
        posix.execv(sys.argv[4], sys.argv[4:])
    finally:
        posix._exit(127)
_, status, usage = posix.wait4(child, 0)
wall = time.perf_counter_ns() - start
posix.write(report, f"{status} {wall} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}".encode())
"""


def run(command, most, seconds, space, stdin=None):
    """Runs a command. Returns how it ended, what it took, and how many bytes it printed; stops it past `most` of them."""
    with tempfile.TemporaryFile() as report, open(stdin or os.devnull, "rb") as given:
        number = report.fileno()
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(number), str(seconds), str(space), *command]
        # A group of its own, which can be ended as a whole.
        process = subprocess.Popen(
            launcher,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[number],
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", ""), "TMPDIR": tempfile.gettempdir()},
        )
        printed, ended, first = 0, None, b""

        def stop(*_):
            nonlocal ended
            ended = "does not end"
            os.killpg(process.pid, signal.SIGKILL)

        signal.signal(signal.SIGALRM, stop)
        signal.alarm(4 * seconds)
        while chunk := process.stdout.read(1 << 16):
            printed += len(chunk)
            first = first or chunk
            if printed > most and ended is None:
                ended = "prints too much"
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        signal.alarm(0)
        report.seek(0)
        fields = report.read().split()
    if ended or len(fields) != 4:
        return {"ended": ended or "was killed", "printed": printed, "wall": math.nan, "cpu": math.nan, "rss": 0}
    status = int(fields[0])
    if os.WIFEXITED(status):
        code = os.WEXITSTATUS(status)
        ended = None if code in (0, 1, 3) else f"ended with {code}"
    else:
        number = os.WTERMSIG(status)
        ended = "does not end" if number in (signal.SIGXCPU, signal.SIGKILL) else f"was ended by signal {number}"
    return {
        "ended": ended,
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "first": first[:200].decode(errors="replace"),
        "printed": printed,
        "wall": int(fields[1]) / 1e9,
        "cpu": float(fields[2]),
        "rss": int(fields[3]) * RSS_UNIT,
    }


def unlike(refused, found):
    """Whether a file was refused that ought not to be, or the other way round."""
    expected = 3 if refused else 0
    if found["code"] != expected or (refused and f"error[{refused}]" not in found["first"]):
        return f"ended with {found['code']}, not {expected}: {found['first']}"
    return None


def measure(binary, one, seconds):
    """Gives a file to all that take it. Yields what came of each."""
    for command in commands(one):
        printed, memory = promised(command, one)
        arguments = [*command, *one["more"].get(command[0], []), *one["paths"]]
        # Address space is more than what resides: threads, and what allocators set aside.
        found = run([str(binary), *arguments], printed, seconds, memory + 4 * GIB, one["stdin"])
        fault = found["ended"]
        # What is said of names is said only once all of a file but its contents was read.
        if fault is None and command == ["untrusted-types"]:
            fault = unlike(one["refused"], found)
        if fault is None and found["rss"] > memory:
            fault = f"takes {found['rss'] / MIB:,.0f} MiB, more than {memory / MIB:,.0f}"
        about = {"candidate": one["name"], "command": " ".join(command)}
        yield {**about, **found, "fault": fault, "bounds": [printed, memory]}


# --- tables ---


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def amount(count):
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if count >= unit:
            return f"{number(count / unit)} {name}"
    return f"{count} B"


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def tables(made, results, baseline):
    """By limit: the file that is worst in each respect. Then every file."""
    by_name = {one["name"]: one for one in made}
    of = lambda result: by_name[result["candidate"]]
    limits = dict.fromkeys(one["limit"] for one in made)
    measures = {
        "output": lambda result: result["printed"] / of(result)["size"],
        "time": lambda result: 1e6 * result["cpu"] / of(result)["size"],
        "memory": lambda result: (result["rss"] - baseline) / of(result)["size"],
    }
    heads = ["limit", "most of", "file", "size", "expands to", "command"]
    yield row(*heads, "output", "output / file", "CPU s", "CPU ms / kB", "RSS - baseline")
    yield "|---|---|---|--:|--:|---|--:|--:|--:|--:|--:|"
    for limit in limits:
        own = [result for result in results if of(result)["limit"] == limit and not math.isnan(result["cpu"])]
        for what, key in measures.items():
            if not own:
                continue
            worst = max(own, key=key)
            one = of(worst)
            yield row(
                f"`{limit}`" if what == "output" else "",
                what,
                one["name"],
                amount(one["size"]),
                amount(one["schema"] + one["payload"]),
                f"`{worst['command']}`",
                amount(worst["printed"]),
                number(measures["output"](worst)),
                f"{worst['cpu']:.2f}",
                number(measures["time"](worst)),
                amount(max(0, worst["rss"] - baseline)),
            )
    yield ""
    yield row("file", "what it is", "size", "most output", "most CPU s", "peak RSS")
    yield "|---|---|--:|--:|--:|--:|"
    for one in made:
        own = [result for result in results if result["candidate"] == one["name"]]
        most = lambda key: max((result[key] for result in own if not math.isnan(result[key])), default=0)
        yield row(one["name"], one["what"], amount(one["size"]), amount(most("printed")), f"{most('cpu'):.2f}", amount(most("rss")))


def binary_of(given):
    if given:
        return Path(given).resolve()
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--all-features", "--bin", "skops-rs"], cwd=ROOT, check=True, stdout=sys.stderr
    )
    return TARGET / "release" / "skops-rs"


HEAD = "<!-- made by benches/amplification.py -->\n"


def insert(path, text):
    """Puts the tables into a page, below its mark."""
    before, mark, _ = path.read_text().partition(HEAD)
    if not mark:
        raise SystemExit(f"{path} has no line {HEAD!r}")
    path.write_text(before + mark + "\n" + text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small files")
    parser.add_argument("--binary", help="the program; built if it is not given")
    parser.add_argument("--only", action="append", help="files whose name is like this")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--markdown", type=Path, help="write the tables into this page")
    parser.add_argument("--seconds", type=int, help="how long a command may compute before it is taken to hang")
    parser.add_argument("--build", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    only = arguments.only or ["*"]
    if arguments.build:
        return build(arguments.build, arguments.quick, only)
    binary = binary_of(arguments.binary)
    seconds = arguments.seconds or (30 if arguments.quick else 120)
    with tempfile.TemporaryDirectory(dir=TARGET if TARGET.is_dir() else None) as folder:
        maker = [sys.executable, __file__, "--build", folder, *(["--quick"] if arguments.quick else [])]
        maker += [f"--only={pattern}" for pattern in only]
        made = json.loads(subprocess.run(maker, check=True, stdout=subprocess.PIPE).stdout)
        baseline = run([str(binary), "--version"], MIB, seconds, 4 * GIB)["rss"]
        results = []
        for one in made:
            for result in measure(binary, one, seconds):
                results.append(result)
                if result["fault"]:
                    print(f"{one['name']}: {result['command']}: {result['fault']}", file=sys.stderr, flush=True)
            own = [result for result in results if result["candidate"] == one["name"]]
            cpu = sum(result["cpu"] for result in own if not math.isnan(result["cpu"]))
            print(f"{one['name']}: {len(own)} commands, {cpu:.1f} s of CPU", file=sys.stderr, flush=True)
            shutil.rmtree(Path(folder) / one["name"])
    text = "\n".join(tables(made, results, baseline)) + "\n"
    if arguments.json:
        arguments.json.write_text(json.dumps({"baseline": baseline, "files": made, "results": results}, indent=1))
    if arguments.markdown:
        insert(arguments.markdown, text)
    else:
        print(text)
    faults = [result for result in results if result["fault"]]
    print(f"{len(results)} runs, {len(faults)} past what is promised", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
