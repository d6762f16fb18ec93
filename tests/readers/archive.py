"""Archives: what we read, beside Python's `zipfile`, the `zip` crate, and `unzip` where it is installed.

A writer that controls each field makes archives that are sound, or wrong in one to three of the ways that zip readers
disagree about. Entries are read by name, as skops reads them. Wherever we accept an archive and all of its entries,
`zipfile` must see the same entries with the same bytes, and so must the others, but for what they do not have.

Run it by any Python from 3.9 on; see harness.py.
"""

import bz2
import io
import lzma
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib

import harness
from harness import Case

KIND = "archive"
FLOOR = 0.25

NAMES = [b"a", b"schema.json", b"140000000000001.npy", b"b.bin", b"Data.npz", b"x-1_2.npy"]
ODD_NAMES = [
    b"", b".", b"..", b"../a", b"/a", b"a/", b"a/b", b"a\\b", b"C:a", b"a\0b", b"a\0", b"\0", b"a ", b" a", b"a.", b"SCHEMA.JSON",
    b"caf\xc3\xa9", b"caf\x82", b"\xff", b"a\n", b"a\x1b[1m", b"'a'", b'"a"', b"a" * 255, b"a" * 256, b"a" * 600, b".a", b"-a", b"a;1",
    b"A", b"a*", b"?", b"\xe2\x80\xae", b"con", b"a:b", b"a\xcc\x81",
]  # fmt: skip
# The crate is built without bzip2 and LZMA. Anything else that it refuses is a difference.
KNOWN_OF_CRATE = ["compression method not supported"]
UNZIP = shutil.which("unzip")
# One in so many of the archives that we accept is given to unzip, which is started for each entry.
UNZIP_EVERY = 20


def deflate(data, level=9, strategy=0):
    made = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    return made.compress(data) + made.flush()


def stored_blocks(data):
    """Deflate without compression, in blocks that end and start anywhere, empty ones among them."""
    out, pieces = b"", [data[start : start + 7] for start in range(0, len(data), 7)] + [b""]
    for index, piece in enumerate(pieces):
        out += bytes([index == len(pieces) - 1]) + struct.pack("<HH", len(piece), len(piece) ^ 0xFFFF) + piece
    return out


def lzma_zip(data):
    filters = [{"id": lzma.FILTER_LZMA1}]
    properties = lzma._encode_filter_properties(filters[0])
    made = lzma.LZMACompressor(lzma.FORMAT_RAW, filters=filters)
    return struct.pack("<BBH", 9, 4, len(properties)) + properties + made.compress(data) + made.flush()


def compress(random, method, data):
    if method == 8:
        return random.choice([deflate, stored_blocks, lambda data: deflate(data, 1), lambda data: deflate(data, 9, zlib.Z_FIXED)])(data)
    if method == 12:
        return bz2.compress(data)
    if method == 14:
        return lzma_zip(data)
    return data


class Entry:
    """An entry. `local` and `descriptor` are what is said a second time, where it differs."""

    def __init__(self, random, name):
        self.name = name
        self.content = random.choice([b"", b"x", random.randbytes(random.randrange(40)), b"zero" * random.randrange(60), random.randbytes(600), b"PK\5\6" + bytes(18)])
        self.method = random.choice([0, 0, 0, 0, 8, 8, 8, 8, 12, 14])
        self.data = compress(random, self.method, self.content)
        self.crc = zlib.crc32(self.content)
        self.size = len(self.content)
        self.compressed = len(self.data)
        self.flags = random.choice([0, 0, 0, 1 << 11, 2])
        if self.method == 14 and random.random() < 0.5:
            # the stream has an end mark, which is what LZMA's bit 1 says
            self.flags |= 2
        self.made_by = random.choice([20, 3 << 8 | 20, 3 << 8 | 63])
        self.needed = random.choice([10, 20, 45])
        self.date = 0x5821_0000
        self.attributes = random.choice([0, 0o600 << 16, 0o100644 << 16, 0x20])
        self.extra = self.local_extra = self.comment = self.before = self.after = b""
        self.disk = self.internal = self.shift = 0
        self.wide = self.local_wide = False
        self.local = {}
        self.descriptor = None
        self.signature = b"PK\3\4"
        self.record_signature = b"PK\1\2"
        kind = random.random()
        if kind < 0.15:
            self.describe(random.random() < 0.7, random.random() < 0.8, random.random() < 0.3)
        elif kind < 0.25:
            self.local_wide = True
        elif kind < 0.3:
            self.wide = self.local_wide = True

    def describe(self, signature, is_open, wide):
        """Lets a data descriptor follow the data."""
        self.flags |= 8
        self.local_wide = wide
        if is_open:
            self.local = {"crc": 0, "size": 0, "compressed": 0}
        number = "<IQQ" if wide else "<III"
        self.descriptor = b"PK\7\x08" * signature + struct.pack(number, self.crc, self.compressed, self.size)

    def said(self, what):
        return self.local.get(what, getattr(self, what))

    def header(self):
        name, extra = self.said("name"), self.local_extra
        size, compressed = self.said("size"), self.said("compressed")
        if self.local_wide:
            extra = struct.pack("<HHQQ", 1, 16, size, compressed) + extra
            size = compressed = 0xFFFF_FFFF
        fields = struct.pack("<HHHIIIIHH", self.needed, self.said("flags") & 0xFFFF, self.said("method"), self.said("date"), self.said("crc"), compressed & 0xFFFF_FFFF, size & 0xFFFF_FFFF, len(name), len(extra))
        return self.signature + fields + name + extra

    def record(self, offset):
        extra, size, compressed = self.extra, self.size, self.compressed
        if self.wide:
            extra = struct.pack("<HHQQ", 1, 16, size, compressed) + extra
            size = compressed = 0xFFFF_FFFF
        offset = (offset + self.shift) & 0xFFFF_FFFF
        fields = struct.pack("<HHHHIIIIHHHHHII", self.made_by, self.needed, self.flags & 0xFFFF, self.method, self.date, self.crc, compressed & 0xFFFF_FFFF, size & 0xFFFF_FFFF, len(self.name), len(extra), len(self.comment), self.disk, self.internal, self.attributes, offset)
        return self.record_signature + fields + self.name + extra + self.comment


class Zip:
    def __init__(self, random, entries):
        self.entries = entries
        self.prefix = self.before_directory = self.before_end = self.comment = self.suffix = b""
        self.end = {}
        self.wide = random.random() < 0.1
        self.end64 = {}
        self.order = None
        self.comment_length = None

    def build(self):
        out, offsets = self.prefix, []
        for entry in self.entries:
            out += entry.before
            offsets.append(len(out))
            out += entry.header() + entry.data + (entry.descriptor or b"") + entry.after
        out += self.before_directory
        order = self.order or range(len(self.entries))
        directory = b"".join(self.entries[index].record(offsets[index]) for index in order)
        said = {"count": len(list(order)), "size": len(directory), "offset": len(out), "disk": 0, "here": None, **self.end}
        out += directory
        if self.wide:
            wide = {**{key: said[key] for key in ("count", "size", "offset")}, "at": len(out), "rest": 44, "disks": 1, "more": b"", **self.end64}
            out += struct.pack("<IQHHIIQQQQ", 0x06064B50, wide["rest"], 45, 45, 0, 0, wide["count"], wide["count"], wide["size"], wide["offset"]) + wide["more"]
            out += struct.pack("<IIQI", 0x07064B50, 0, wide["at"], wide["disks"])
        out += self.before_end
        length = len(self.comment) if self.comment_length is None else self.comment_length
        here = said["count"] if said["here"] is None else said["here"]
        out += struct.pack("<IHHHHIIH", 0x06054B50, said["disk"] & 0xFFFF, 0, here & 0xFFFF, said["count"] & 0xFFFF, said["size"] & 0xFFFF_FFFF, said["offset"] & 0xFFFF_FFFF, length)
        return out + self.comment + self.suffix


def off(random, value):
    """Another number, near or far."""
    return max(0, random.choice([value + 1, value - 1, 0, value * 2, value + 2**31, 0xFFFF_FFFF, value ^ 1 << random.randrange(16)])) & 0xFFFF_FFFF


def zip64(*numbers):
    return struct.pack("<HH", 1, 8 * len(numbers)) + b"".join(struct.pack("<Q", number & 2**64 - 1) for number in numbers)


def unicode_path(name, shown):
    return struct.pack("<HHBI", 0x7075, 5 + len(shown), 1, zlib.crc32(name)) + shown


def lone_end(random, data):
    """An end record that describes no entries, or those of an archive."""
    end = data.rfind(b"PK\5\6")
    return random.choice([struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0, 0, 0, 0, 0), data[end : end + 22]])


# Each is a way to be wrong: it changes an entry, or the archive, and gives its name.


def of_entry(random, entry, archive):
    kind = random.randrange(30)
    if kind == 0:
        what = random.choice(["crc", "size", "compressed"])
        entry.local[what] = off(random, entry.said(what))
        return f"another {what} before the data"
    if kind == 1:
        what = random.choice(["crc", "size", "compressed"])
        setattr(entry, what, off(random, getattr(entry, what)))
        return f"another {what} in both"
    if kind == 2:
        what = random.choice(["crc", "size", "compressed"])
        entry.local = {"crc": entry.crc, "size": entry.size, "compressed": entry.compressed, **entry.local}
        setattr(entry, what, off(random, getattr(entry, what)))
        return f"another {what} in the directory"
    if kind == 3:
        entry.local["name"] = random.choice([b"a", b"other", entry.name + b"x", entry.name.upper(), b"", *ODD_NAMES])
        return "another name before the data"
    if kind == 4:
        entry.name = random.choice(ODD_NAMES)
        return "an odd name"
    if kind == 5:
        entry.name = random.choice(archive.entries).name
        if random.random() < 0.3:
            entry.name = entry.name.swapcase()
        return "a name twice"
    if kind == 6:
        entry.flags ^= 1 << random.randrange(16)
        return "another flag in both"
    if kind == 7:
        entry.local["flags"] = entry.flags ^ 1 << random.randrange(16)
        return "another flag before the data"
    if kind == 8:
        entry.method = random.choice([0, 8, 12, 14, 1, 9, 93, 95, 98, 99])
        return "another method in both"
    if kind == 9:
        entry.local["method"] = random.choice([0, 8, 12, 14, 99])
        return "another method before the data"
    if kind == 10:
        entry.local["date"] = random.randrange(2**32)
        return "another date before the data"
    if kind == 11:
        entry.date = random.choice([0, 0xFFFF_FFFF, random.randrange(2**32)])
        return "an odd date"
    if kind == 12:
        extra = random.choice([
            zip64(entry.size, entry.compressed), zip64(entry.size), zip64(), zip64(entry.size + 1, entry.compressed), unicode_path(entry.name, b"other"), unicode_path(entry.name, entry.name), struct.pack("<HHBI", 0x5455, 5, 1, 0), b"\xfe\xca\0\0", b"\0", b"\1\0", b"\1\0\xff\xff", bytes(40), zip64(0, 0, 0, 0), b"PK\1\2",
        ])  # fmt: skip
        where = random.choice(["extra", "local_extra"])
        setattr(entry, where, extra)
        if where == "extra" and random.random() < 0.3:
            entry.local_extra = extra
        return f"a field in {where}"
    if kind == 13:
        entry.wide = True
        if random.random() < 0.7:
            number = random.choice([entry.size + 1, 2**32, 2**63, 2**64 - 1])
            entry.wide = False
            entry.local = {"size": entry.size, "compressed": entry.compressed, **entry.local}
            entry.extra = random.choice([zip64(number, entry.compressed), zip64(entry.size, number), zip64(entry.size), zip64(entry.compressed, entry.size), zip64(entry.size, entry.compressed, 0), zip64(entry.size, entry.compressed), zip64(entry.size, entry.compressed) * 2])
            entry.size = entry.compressed = 0xFFFF_FFFF
        return "zip64 sizes"
    if kind == 14:
        entry.comment = random.choice([b"c", b"PK\5\6" + bytes(18), b"c" * 300])
        return "a comment of an entry"
    if kind == 15:
        entry.before = random.choice([b"\0", b"junk", b"PK\3\4", bytes(30), b"PK\7\x08" + bytes(12)])
        return "bytes before an entry"
    if kind == 16:
        entry.after = random.choice([b"\0", b"junk", b"PK\7\x08" + bytes(12), bytes(12), bytes(16), bytes(24)])
        return "bytes after an entry"
    if kind == 17:
        entry.describe(random.random() < 0.5, random.random() < 0.5, random.random() < 0.5)
        if random.random() < 0.5:
            at = random.randrange(len(entry.descriptor))
            entry.descriptor = harness.mutate(random, entry.descriptor, 1) if random.random() < 0.5 else entry.descriptor[:at]
            return "a wrong descriptor"
        return "a descriptor"
    if kind == 18:
        entry.flags |= 8
        return "a flag for a descriptor that is not there"
    if kind == 19:
        entry.descriptor = b"PK\7\x08" + struct.pack("<III", entry.crc, entry.compressed, entry.size)
        return "a descriptor without its flag"
    if kind == 20:
        entry.shift = random.choice([1, -1, 4, -4, 30, -30, 1000, 2**31, -len(entry.data)])
        return "another offset"
    if kind == 21:
        entry.attributes = random.choice([0o040755 << 16, 0o120777 << 16, 0o020644 << 16, 0o010644 << 16, 0o140644 << 16, 0o060644 << 16, 0x10, 0x08, 0x10 | 0o100644 << 16, 1, 0xFFFF_FFFF, 0x4000_0000])
        return "odd attributes"
    if kind == 22:
        entry.disk = random.choice([1, 0xFFFF])
        return "another disk"
    if kind == 23:
        entry.internal, entry.made_by, entry.needed = random.randrange(65536), random.randrange(65536), random.choice([0, 63, 99, 255, 65535])
        return "odd versions"
    if kind == 24:
        entry.data = harness.mutate(random, entry.data, 2)
        if random.random() < 0.7:
            entry.compressed = len(entry.data)
        if entry.method == 0 and random.random() < 0.7:
            entry.size = entry.compressed
        return "broken data"
    if kind == 25:
        entry.data += random.choice([b"\0", b"junk", entry.data, bz2.compress(b"more"), deflate(b"more")])
        entry.compressed = len(entry.data)
        return "more after the compressed data"
    if kind == 26:
        # a stream that holds more, or less, than the sizes say
        entry.data = compress(random, entry.method, entry.content + b"more" if random.random() < 0.5 else entry.content[:-1])
        entry.compressed = len(entry.data)
        return "more or less data than stated"
    if kind == 27:
        setattr(entry, random.choice(["signature", "record_signature"]), random.choice([b"PK\0\0", b"PK\3\4", b"PK\1\2", b"PK\7\x08", bytes(4)]))
        return "another signature"
    if kind == 28:
        entry.local_wide = True
        entry.local_extra = random.choice([b"\0", b"\1\0\0\0", struct.pack("<HHBI", 0x5455, 5, 1, 0), zip64(0)])
        return "more in the field before the data"
    # data that is an archive of its own
    inner = Zip(random, [Entry(random, b"inner")]).build()
    entry.method, entry.data, entry.content = 0, inner, inner
    entry.size = entry.compressed = len(inner)
    entry.crc = zlib.crc32(inner)
    entry.descriptor, entry.local, entry.flags = None, {}, 0
    return "an archive as data"


def of_archive(random, archive):
    kind = random.randrange(14)
    junk = random.choice([b"\0", b"junk", b"PK", b"#!/bin/sh\n", b"\x80\4\x95", bytes(100), b"PK\3\4" + bytes(26)])
    if kind == 0:
        archive.prefix = junk
        return "bytes before the archive"
    if kind == 1:
        archive.suffix = random.choice([junk, b"\0", b"\n", lone_end(random, archive.build())])
        return "bytes after the archive"
    if kind == 2:
        archive.comment = random.choice([b"comment", lone_end(random, archive.build()), b"PK\5\6", archive.build()[:500]])
        return "a comment"
    if kind == 3:
        archive.comment_length = random.choice([1, 22, 65535])
        return "another length of the comment"
    if kind == 4:
        archive.before_directory = junk
        return "bytes before the directory"
    if kind == 5:
        archive.before_end = random.choice([junk, lone_end(random, archive.build()), b"PK\6\6" + bytes(52), b"PK\6\7" + bytes(16)])
        return "bytes before the end"
    if kind == 6:
        what = random.choice(["count", "size", "offset", "disk", "here"])
        built = archive.build()
        end = len(built) - len(archive.comment + archive.suffix) - 22
        fields = dict(zip(["count", "size", "offset"], struct.unpack_from("<HII", built, end + 10)))
        archive.end[what] = off(random, fields.get(what, 0))
        return f"another {what} in the end record"
    if kind == 7:
        archive.wide = True
        what = random.choice(["count", "size", "offset", "at", "rest", "disks", "more"])
        archive.end64[what] = b"more" if what == "more" else random.choice([0, 1, 2, 2**32, 2**63, 2**64 - 1] if what != "disks" else [0, 2, 2**32 - 1])
        return f"another {what} in the zip64 end"
    if kind == 8:
        archive.wide = True
        archive.end[random.choice(["count", "size", "offset"])] = 0xFFFF_FFFF
        return "an end record that leaves it to zip64"
    if kind == 9 and archive.entries:
        archive.order = random.sample(range(len(archive.entries)), len(archive.entries))
        return "another order in the directory"
    if kind == 10 and archive.entries:
        archive.order = random.choices(range(len(archive.entries)), k=random.choice([1, 2, 3]))
        return "entries left out of the directory, or twice"
    if kind == 11:
        archive.entries, archive.order = [], None
        return "no entries"
    if kind == 12:
        # two archives, one after the other
        archive.prefix = Zip(random, [Entry(random, b"first")]).build()
        if random.random() < 0.5:
            for entry in archive.entries:
                entry.shift -= len(archive.prefix)
        return "an archive before the archive"
    archive.wide = not archive.wide
    return "zip64 end records"


def make(random):
    names = random.sample(NAMES, random.choice([1, 1, 2, 3, 4]))
    archive = Zip(random, [Entry(random, name) for name in names])
    made = []
    for _ in range(random.choice([0, 0, 0, 1, 1, 1, 1, 2, 3])):
        if archive.entries and random.random() < 0.7:
            made.append(of_entry(random, random.choice(archive.entries), archive))
        else:
            made.append(of_archive(random, archive))
    data = archive.build()
    if random.random() < 0.1:
        data = harness.mutate(random, data, 3, b"PK\0\1\2\3\5\6\7\x08\xff")
        made.append("bytes")
    return Case(data, made=made)


def read(data):
    """The entries as Python reads them, by name, each with its data or the error; or why there are none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [read_entry(archive, name) for name in archive.namelist()], None
    except Exception as error:
        return [], reason(error)


def read_entry(archive, name):
    try:
        with archive.open(name) as entry:
            data = entry.read(1 << 22)
        return name, data, None
    except Exception as error:
        return name, None, reason(error)


def reason(error):
    """An error without what differs from case to case."""
    text = re.sub(r"""[0-9]+|b?["'(].*""", "0", str(error))
    return f"{type(error).__name__}: {text[:60]}"


def unzip(data, names):
    """The entries as unzip reads them."""
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(data)
        file.flush()
        listed = subprocess.run([UNZIP, "-Z1", file.name], capture_output=True).stdout.decode("utf-8", "replace").split("\n")[:-1]
        if listed != names:
            return f"it lists {listed}"
        return [subprocess.run([UNZIP, "-p", file.name, name], capture_output=True) for name in names]


def compare(case, answer, tally):
    theirs, error = read(case.data)
    if error is None and all(error is None for _, _, error in theirs):
        tally.count("accepted by zipfile")
    crate = answer["zip"]
    crate_error = crate.get("error") or next((entry["error"] for entry in crate["entries"] if "error" in entry), None)
    if crate_error is None:
        tally.count("accepted by the zip crate")
    ours = answer.get("entries", [])
    fault = answer.get("error") or next((entry["error"] for entry in ours if "error" in entry), None)
    if crate_error == "panicked":
        tally.cause("the zip crate panicked", ", ".join(case.made))
    if fault:
        if error is None:
            tally.cause("accepted by zipfile only, by our code and what was done", f"{fault}: {', '.join(case.made[:1])}")
        # Entries that can be read are the same, also where others cannot.
        if "error" in answer:
            return
    else:
        tally.count("accepted by us")
    if error:
        yield f"zipfile refuses it: {error}"
        return
    if [entry["name"] for entry in ours] != [name for name, _, _ in theirs]:
        yield f"we see {[entry['name'] for entry in ours]}, zipfile {[name for name, _, _ in theirs]}"
        return
    for entry, (name, data, error) in zip(ours, theirs):
        if "error" in entry:
            tally.cause("entries read by zipfile only, by our code", entry["error"]) if error is None else None
        elif error:
            yield f"zipfile cannot read {name}: {error}"
        elif entry["data"] != data.hex():
            yield f"{name} is {entry['data']:.200}, zipfile has {data.hex():.200}"
        else:
            tally.count("entries that are the same in zipfile")
    yield from compare_crate(ours, crate, tally)
    if UNZIP and not fault and ours and tally.counts["accepted by us"] % UNZIP_EVERY == 0:
        yield from compare_unzip(case, ours, tally)


def compare_crate(ours, crate, tally):
    if "error" in crate:
        yield f"the zip crate refuses it: {crate['error']}"
        return
    if len(crate["entries"]) != len(ours):
        yield f"we see {len(ours)} entries, the zip crate {len(crate['entries'])}"
        return
    for entry, theirs in zip(ours, crate["entries"]):
        if "error" in entry:
            continue
        if "error" in theirs:
            tally.cause("entries refused by the zip crate only", re.sub("[0-9]+", "0", theirs["error"])[:80])
            if not any(known in theirs["error"] for known in KNOWN_OF_CRATE):
                yield f"the zip crate cannot read {entry['name']}: {theirs['error']}"
        elif bytes.fromhex(theirs["name"]).decode() != entry["name"]:
            yield f"{entry['name']} is named {theirs['name']} by the zip crate"
        elif theirs["data"] != entry["data"]:
            yield f"{entry['name']} is {entry['data']:.200}, the zip crate has {theirs['data']:.200}"
        else:
            tally.count("entries that are the same in the zip crate")


def compare_unzip(case, ours, tally):
    found = unzip(case.data, [entry["name"] for entry in ours])
    if isinstance(found, str):
        yield f"unzip: {found}"
        return
    for entry, run in zip(ours, found):
        if run.returncode and not run.stdout:
            tally.cause("entries refused by unzip only", f"exit code {run.returncode}, method not supported" if run.returncode == 81 else f"exit code {run.returncode}: {run.stderr!r:.80}")
        elif run.stdout.hex() != entry["data"]:
            yield f"{entry['name']} is {entry['data']:.200}, unzip has {run.stdout.hex():.200} ({run.stderr!r:.200})"
        else:
            tally.count("entries that are the same in unzip")


if __name__ == "__main__":
    print(f"archive: Python {sys.version.split()[0]}")
    harness.run(sys.modules[__name__])
