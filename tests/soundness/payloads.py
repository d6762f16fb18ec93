"""Payloads of models: arrays and sparse matrices, with headers that say other things than `numpy.save` does."""

import ast
import io
import struct
import zipfile


def npy(descr, shape, data, version=(1, 0), fortran=False, header=None):
    header = header or f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape!r}, }}"
    length = struct.calcsize("<H" if version == (1, 0) else "<I")
    encoded = header.encode("utf-8" if version == (3, 0) else "latin1", "replace")
    start = 8 + length + len(encoded) + 1
    encoded += b" " * (-start % 64) + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(encoded)) + encoded + data


def parts(data):
    """Version, header and what follows."""
    version = tuple(data[6:8])
    code = "<H" if version == (1, 0) else "<I"
    start = 8 + struct.calcsize(code)
    end = start + struct.unpack_from(code, data, 8)[0]
    return version, ast.literal_eval(data[start:end].decode("latin1")), data[end:]


OTHER_DTYPES = [
    "|O", "O", "<f8", ">f8", "<i8", "|b1", "|S8", "<U2", "<M8[s]", "<m8", "|V8", "float64", "object", "<f4,<f4", "(2,)<f4",
    [("a", "<i8")], [("a", "|O")], [(("title", "a"), "<i8")], [("a", "<f4", (2,))], [("a", "<i4"), ("b", "<i4")], [("", "<i8")],
    [("a", "<i4"), ("a", "<i4")], ("<f8", (1,)), {"names": ["a"], "formats": ["O"]}, "<f8;import os", "numpy.float64", "<c16", "|i1",
]


def change_npy(entry, rng):
    version, header, rest = parts(entry.data)
    change = rng.choice(["version", "version", "order", "dtype", "shape", "data", "text", "pickle", "whole"])
    descr, shape, fortran, text = header["descr"], header["shape"], header["fortran_order"], None
    if change == "version":
        version = rng.choice([(1, 0), (2, 0), (3, 0), (3, 0), (4, 0), (2, 1)])
    elif change == "order":
        fortran = not fortran
    elif change == "dtype":
        descr = rng.choice(OTHER_DTYPES)
    elif change == "shape":
        count = len(rest) // 8
        shape = rng.choice([(count,), (count, 1), (1, count), (), (0,), (-1,), (count + 1,), (1,) * 40, (1 << 40,), [count]])
    elif change == "data":
        rest = rng.choice([rest + b"more", rest[:-1], b""])
    elif change == "text":
        text = rng.choice([
            f"{{'descr': {descr!r}, 'shape': {shape!r}, 'fortran_order': {fortran}}}",
            f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape!r}, 'x': 1}}",
            f"{{'descr': {descr!r}, 'descr': '|O', 'fortran_order': {fortran}, 'shape': {shape!r}}}",
            f"dict(descr={descr!r})", f"{{'descr': __import__('os').system('x'), 'fortran_order': {fortran}, 'shape': {shape!r}}}",
            "[" * 200, f"{{'descr': {descr!r}, 'fortran_order': 0, 'shape': {shape!r}}} # ",
        ])
    elif change == "pickle":
        descr, rest = "|O", b"\x80\x04cos\nsystem\n(X\x01\0\0\0xtR."
    else:
        entry.data = rng.choice([b"\x80\x04cos\nsystem\n(X\x01\0\0\0xtR.", sparse("csr", None), b"", b"\x93NUMPY", entry.data[:20]])
        return True
    entry.data = npy(descr, shape, rest, version, fortran, text)
    return True


def sparse(form, is_array, **members):
    """A matrix of one item, in this format."""
    number = lambda *items: npy("<i4", (len(items),), struct.pack(f"<{len(items)}i", *items))  # noqa: E731
    name = form.encode()
    known = {
        "format": npy(f"|S{max(1, len(name))}", (), name),
        "shape": npy("<i8", (2,), struct.pack("<2q", 1, 1)),
        "data": npy("<f8", (1, 1, 1), bytes(8)) if form == "bsr" else npy("<f8", (1, 1) if form == "dia" else (1,), bytes(8)),
    }
    if form == "dia":
        known["offsets"] = number(0)
    elif form == "coo":
        known.update(row=number(0), col=number(0))
    else:
        known.update(indices=number(0), indptr=number(0, 1))
    if is_array is not None:
        known["_is_array"] = npy("|b1", (), bytes([is_array]))
    return packed({**known, **members})


def packed(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name if "." in name else f"{name}.npy"), data)
    return out.getvalue()


def change_npz(entry, rng):
    with zipfile.ZipFile(io.BytesIO(entry.data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    change = rng.choice(["format", "unicode", "array", "array", "extra", "remove", "dtype", "nothing", "order", "wide"])
    if change in ("format", "unicode"):
        name = rng.choice(["csr", "csc", "coo", "dia", "bsr", "lil", "dok", "", "__class__", "CSR", "csr\0", "load_npz", "spmatrix"])
        raw = name.encode() if change == "format" else name.encode("utf-32-le")
        size = max(1, len(name))
        members["format.npy"] = npy(f"|S{size}" if change == "format" else f"<U{size}", (), raw)
    elif change == "array":
        members["_is_array.npy"] = npy("|b1", (), bytes([rng.choice([0, 0, 1, 2])]))
    elif change == "extra":
        members[rng.choice(["x.npy", "date", "allow_pickle.npy", "row.npy", "coords.npy", "__class__.npy"])] = npy("|O", (), b"\x80\x04N.")
    elif change == "remove":
        del members[rng.choice(sorted(members))]
    elif change == "dtype":
        name = rng.choice(sorted(members))
        inner = type("Inner", (), {"data": members[name]})()
        change_npy(inner, rng)
        members[name] = inner.data
    elif change == "order":
        members = dict(rng.sample(sorted(members.items()), len(members)))
    elif change == "wide":
        members["data.npy"] = npy("|O", (1,), b"\x80\x04cos\nsystem\n(X\x01\0\0\0xtR.")
    entry.data = packed(members)
    return True
