"""A `.skops` file taken apart, so that it can be changed and written again, faults included.

`zipfile` refuses to write most of what an attacker would, so archives are written here.
"""

import copy
import json
import struct
import zipfile
import zlib


LARGEST = 1 << 20


class Raw(str):
    """A token of JSON that `json.dumps` would not write: 1e0, 1.0, NaN, a number of any length."""


class Pairs(list):
    """An object as pairs, so that a key may stand in it twice."""


class Entry:
    """An entry of the archive. The faults are what a field says instead of the truth."""

    def __init__(self, name, data, method=zipfile.ZIP_STORED):
        self.name, self.data, self.method = name, data, method
        self.faults = {}


class Model:
    def __init__(self, path):
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > LARGEST:
                raise ValueError("a bomb")
            self.entries = [Entry(info.filename, archive.read(info), info.compress_type) for info in infos]
        for entry in self.entries:
            if entry.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                entry.method = zipfile.ZIP_DEFLATED
        self.schema = json.loads(self.take("schema.json").data)
        # How the JSON and the archive are written.
        self.style = {"indent": 2, "escape": 0}
        self.zip = {}

    def take(self, name):
        found = next(entry for entry in self.entries if entry.name == name)
        self.entries.remove(found)
        return found

    def payload(self, name):
        return next((entry for entry in self.entries if entry.name == name), None)

    def copied(self):
        return copy.deepcopy(self)

    def nodes(self):
        """Every node, as the container that holds it and the key there. The root is in a container of its own."""
        return list(nodes_in({"root": self.schema}))

    def to_bytes(self, rng):
        schema = Entry("schema.json", write_json(self.schema, self.style, rng).encode("utf-8", "surrogatepass"))
        schema.method = self.zip.get("schema_method", zipfile.ZIP_STORED)
        schema.faults = self.zip.get("schema_faults", {})
        entries = [*self.entries, schema]
        if self.zip.get("schema_first"):
            entries.insert(0, entries.pop())
        return write_zip(entries, self.zip)


def nodes_in(container):
    """Pairs of container and key, parents before children."""
    for key, value in list(container.items() if isinstance(container, dict) else enumerate(container)):
        if isinstance(value, dict) and "__loader__" in value:
            yield container, key
        if isinstance(value, (dict, list)) and not isinstance(value, Pairs):
            yield from nodes_in(value)


# JSON ----------------------------------------------------------------------------------------------------------------


def write_json(value, style, rng):
    pieces = []
    write_value(value, style, rng, 0, pieces.append)
    return style.get("before", "") + "".join(pieces) + style.get("after", "")


def write_value(value, style, rng, depth, out):
    if isinstance(value, Raw):
        out(str(value))
    elif isinstance(value, (dict, Pairs)):
        pairs = list(value.items() if isinstance(value, dict) else value)
        write_items(pairs, "{}", style, rng, depth, out)
    elif isinstance(value, (list, tuple)):
        write_items([(None, item) for item in value], "[]", style, rng, depth, out)
    elif isinstance(value, str):
        out(write_text(value, style, rng))
    else:
        out(json.dumps(value))


def write_items(items, brackets, style, rng, depth, out):
    indent = style["indent"]
    between = "" if indent is None or not items else "\n" + " " * indent * (depth + 1)
    out(brackets[0])
    for number, (key, item) in enumerate(items):
        out(("," if number else "") + between)
        if key is not None:
            out(write_text(str(key), style, rng) + (":" if indent is None else ": "))
        write_value(item, style, rng, depth + 1, out)
    out(between[: 1 + (indent or 0) * depth] if between else "")
    out(brackets[1])


def write_text(text, style, rng):
    written = json.dumps(text, ensure_ascii=not style.get("utf8"))
    if not style["escape"] or rng.random() > style["escape"] or "\\" in written or not text:
        return written
    at = rng.randrange(len(text))
    return f'"{text[:at]}\\u{ord(text[at]):04{rng.choice("xX")}}{text[at + 1:]}"' if ord(text[at]) < 128 else written


# Archives ------------------------------------------------------------------------------------------------------------


def compressed(entry):
    if entry.method != zipfile.ZIP_DEFLATED:
        return entry.data
    packer = zlib.compressobj(entry.faults.get("level", 6), zlib.DEFLATED, -15)
    return packer.compress(entry.data) + packer.flush()


def write_zip(entries, options):
    out = bytearray(options.get("prefix", b""))
    shift = 0 if options.get("prefix_counts") else len(out)
    central = bytearray()
    for entry in entries:
        faults = entry.faults
        offset = len(out) - shift
        data = compressed(entry)
        sizes = (zlib.crc32(entry.data), len(data), len(entry.data))
        described = faults.get("descriptor")
        flags = faults.get("flags", 0) | (8 if described else 0)
        name = entry.name.encode("utf-8", "surrogatepass")
        if not entry.name.isascii():
            flags |= 0x800
        version = faults.get("version", 20)
        stamp = faults.get("stamp", (0, 0x21))
        method = faults.get("method", entry.method)
        local_sizes = (0, 0, 0) if described else faults.get("local_sizes", sizes)
        local_name = faults.get("local_name", name)
        extra = faults.get("local_extra", b"")
        out += struct.pack("<4s5H3I2H", b"PK\3\4", version, faults.get("local_flags", flags),
                           faults.get("local_method", method), *stamp, *local_sizes, len(local_name), len(extra))
        out += local_name + extra + data
        if described:
            out += (b"PK\7\10" if described == "signed" else b"") + struct.pack("<3I", *sizes)
        out += faults.get("gap", b"")
        extra, comment = faults.get("extra", b""), faults.get("comment", b"")
        central += struct.pack("<4s6H3I5H2I", b"PK\1\2", faults.get("made_by", 20 | 3 << 8), version, flags, method, *stamp,
                               *faults.get("central_sizes", sizes), len(name), len(extra), len(comment), 0, 0,
                               faults.get("attributes", 0o600 << 16), faults.get("offset", offset))
        central += name + extra + comment
    start = len(out) - shift
    out += central
    count = options.get("count", len(entries))
    comment = options.get("comment", b"")
    out += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(central), start, len(comment))
    return bytes(out + comment + options.get("suffix", b""))
