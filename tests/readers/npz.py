"""Sparse matrices: what we read, beside `scipy.sparse.load_npz` as skops calls it.

Matrices of all formats, with indices in range or not, members left out, added, renamed or of other dtypes, and archives
that numpy or Python would write. Whatever we accept, scipy must read as the same class, shape, values and indices.

Run it by the interpreter of an environment that has scipy, such as those of fixtures/environments; see harness.py.
"""

import io
import re
import struct
import sys
import zipfile

import numpy as np
import scipy
import scipy.sparse

import harness
from harness import Case

from crosscheck import items_of  # of fixtures/real

KIND = "npz"
FLOOR = 0.25

FORMATS = ["csr", "csc", "coo", "bsr", "dia"]
DATA = ["<f8", "<f8", "<f4", "<i8", "|b1", "|i1", "<u2", "<c16", ">f8", ">i4", "<u8", "<c8"]
ODD_DATA = ["<f2", "|S3", "<U2", "<M8[s]", "|V8", "<f16", ">c8", "|O", [("a", "<f8")]]
INDICES = ["<i4", "<i4", "<i4", "<i8", "<i8"]
ODD_INDICES = ["<i2", "|i1", "<u4", "<u8", ">i4", ">i8", "<f8", "|b1", "<U1"]
RELEASE = tuple(map(int, scipy.__version__.split(".")[:2]))
# Arrays are matrices before scipy 1.12, whatever the file says.
HAS_ARRAYS = RELEASE >= (1, 12)
# What scipy refuses although we accept it.
KNOWN = (
    # `coords` came later; so did arrays of other than two dimensions.
    ["KeyError: 'row is not a file", "ValueError: shape must be a 0-tuple of positive integers"]
    if RELEASE < (1, 15)
    # Of other byte orders, and of text: releases before 1.15 took them.
    else ["ValueError: scipy.sparse does not support dtype"]
)


def pick(random, usual, odd, made, what):
    if random.random() < 0.06:
        made.append(what)
        return random.choice(odd)
    return random.choice(usual)


def numbers(random, dtype, shape):
    """An array of this dtype with anything in it; bools are 0 and 1."""
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        return np.zeros(shape, dtype)
    count = int(np.prod(shape, dtype=int))
    if dtype.kind == "b":
        return np.array([random.random() < 0.5 for _ in range(count)], bool).reshape(shape)
    if dtype.kind == "U":
        return np.array(["x"] * count, dtype).reshape(shape)
    return np.frombuffer(random.randbytes(count * dtype.itemsize), dtype).reshape(shape)


def pointers(random, rows, count):
    cuts = sorted(random.randrange(count + 1) for _ in range(rows - 1)) if rows else []
    return [0, *cuts, count] if rows else [0]


def members_of(random, form, made):
    """The members of a sound matrix by name: arrays."""
    rows, columns = random.choice([(1, 1), (2, 3), (3, 2), (5, 4), (0, 3), (3, 0), (1, 7)])
    dtype = pick(random, DATA, ODD_DATA, made, "odd data")
    index = pick(random, INDICES, ODD_INDICES, made, "odd indices")
    count = random.choice([0, 1, 2, 5])
    if form == "dia":
        diagonals = random.sample(range(-rows, columns + 1), min(count, rows + columns + 1))
        width = random.choice([columns, columns, max(columns - 1, 0), columns + 2])
        parts = {"data": numbers(random, dtype, (len(diagonals), width)), "offsets": np.array(diagonals).astype(index)}
    elif form == "coo":
        count = count if rows and columns else 0
        row = np.array([random.randrange(rows) for _ in range(count)]).astype(index)
        column = np.array([random.randrange(columns) for _ in range(count)]).astype(index)
        parts = {"data": numbers(random, dtype, (count,))}
        if random.random() < 0.2:
            parts["coords"] = np.array([row, column]).astype(index)
        else:
            parts |= {"row": row, "col": column}
    else:
        height, width = 1, 1
        if form == "bsr":
            height, width = random.choice([(1, 1), (2, 1), (2, 3)])
        along, across = (columns, rows) if form == "csc" else (rows, columns)
        count = count if along and across else 0
        parts = {
            "data": numbers(random, dtype, (count, height, width) if form == "bsr" else (count,)),
            "indices": np.array([random.randrange(across) for _ in range(count)]).astype(index),
            "indptr": np.array(pointers(random, along, count)).astype(index),
        }
        rows, columns = rows * height, columns * width
    sizes = np.array([rows, columns])
    return {**parts, "format": np.array(form.encode()), "shape": sizes.astype("<i4" if random.random() < 0.1 else "<i8")}


def change(random, members, made):
    """Does one thing that is wrong, or unusual."""
    kind = random.randrange(12)
    name = random.choice(list(members))
    array = members[name]
    if kind == 0:
        made.append(f"without {name}")
        del members[name]
    elif kind == 1:
        made.append(f"{name} renamed")
        members[random.choice(["row", "col", "indices", "offsets", "coords", "Data", "x"])] = members.pop(name)
    elif kind == 2:
        made.append("a member more")
        members[random.choice(["x", "row", "coords", "offsets", "indices", "_is_array", "data.npy"])] = array
    elif kind == 3 and array.size and array.dtype.kind in "iu":
        made.append(f"another number in {name}")
        array = array.copy()
        array.reshape(-1)[random.randrange(array.size)] = random.choice([0, 1, 2, 3, 5, 100, 127] + ([-1, -2] if array.dtype.kind == "i" else []))
        members[name] = array
    elif kind == 4:
        made.append(f"{name} of another shape")
        members[name] = random.choice([array[None], array.reshape(-1), array.reshape(-1)[:-1], np.concatenate([array.reshape(-1)] * 2), array.reshape(-1, 1)])
    elif kind == 5:
        made.append("another format")
        text = random.choice([*FORMATS, "lil", "dok", "os", "csr\0", "CSR", "", "csr_matrix", "csr ", "cs"])
        members["format"] = np.array(text if random.random() < 0.4 else text.encode())
    elif kind == 6:
        made.append("another shape")
        members["shape"] = np.array(random.choice([[], [3], [3, 3], [2, 3, 4], [-1, 3], [10**9, 10**9], [2**62, 2], [0, 0], [1, 2**31], [2**31, 1]])).astype(random.choice(["<i8", "<i8", ">i8", "<u8", "<f8"]))
    elif kind == 7:
        made.append("an odd `_is_array`")
        members["_is_array"] = np.array(random.choice([0, 1, True, False, 1.0, "", b"", "x", [True], [True, False], []]))
    elif kind == 8 and array.ndim > 1:
        made.append(f"{name} in Fortran order")
        members[name] = np.asfortranarray(array)
    elif kind == 9 and array.dtype.kind in "iufc" and array.dtype.char not in "gG":
        # long doubles are compared by their bytes, which some releases of scipy swap
        made.append(f"{name} in the other byte order")
        members[name] = array.astype(array.dtype.newbyteorder())
    elif kind == 10 and name == "format" and array.dtype.kind == "S":
        made.append(f"{name} as text")
        members[name] = array.astype(np.str_)
    else:
        made.append(f"bytes of {name}")
        members[name] = bytes_of(array), random
    return members


def bytes_of(array):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=True)
    return out.getvalue()


def make(random):
    made = []
    form = random.choice(FORMATS)
    members = members_of(random, form, made)
    is_array = random.random() < 0.4
    if is_array or random.random() < 0.7:
        members["_is_array"] = np.array(is_array)
    for _ in range(random.choice([0, 0, 1, 1, 2])):
        if members:
            members = change(random, {name: array for name, array in members.items() if not isinstance(array, tuple)}, made)
    names = list(members)
    if random.random() < 0.3:
        random.shuffle(names)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", random.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name in names:
            data = members[name]
            data = harness.mutate(random, data[0]) if isinstance(data, tuple) else bytes_of(data)
            # numpy writes members as streams that may be large
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=random.random() < 0.7) as member:
                member.write(data)
    data = out.getvalue()
    if random.random() < 0.05:
        made.append("bytes")
        data = harness.mutate(random, data)
    if random.random() < 0.05:
        form = random.choice(FORMATS)
    return Case(data, f"scipy.sparse._{form}.{form}_{'array' if is_array else 'matrix'}", made=made)


def load(data):
    try:
        return scipy.sparse.load_npz(io.BytesIO(data)), None
    except Exception as error:
        return None, f"{type(error).__name__}: {re.sub('[0-9]+', '0', str(error))[:80]}"


def values(array):
    """The items, integers whatever their size: scipy narrows indices where it can."""
    return [list(array.shape), items_of(np.asarray(array))]


def compare(case, answer, tally):
    matrix, error = load(case.data)
    are_agreed, wrong = harness.agree_on("scipy", case, answer, error, KNOWN, tally)
    if wrong:
        yield wrong
    if not are_agreed:
        return
    found = answer["root"]["value"]
    # An array that scipy 1.11 wrote does not say that it is one, and is a matrix when it is read again.
    says = HAS_ARRAYS and found["is_array"] is not None
    declared = case.words[0].rpartition(".")[2] if says else f"{found['format']}_matrix"
    expected = {"class": declared, "format": matrix.format, "shape": list(matrix.shape), "data": values(matrix.data)}
    seen = {"class": type(matrix).__name__, "format": found["format"], "shape": found["shape"], "data": [found["data"]["shape"], found["data"]["items"]]}
    for name, indices in found["indices"].items():
        array = np.array(matrix.coords) if name == "coords" else getattr(matrix, name)
        expected[name], seen[name] = values(array), [indices["shape"], indices["items"]]
    if seen != expected:
        yield f"we have {seen}, scipy {expected}"
    else:
        tally.count("the same in both")


if __name__ == "__main__":
    print(f"npz: scipy {scipy.__version__}, numpy {np.__version__}, Python {sys.version.split()[0]}")
    harness.run(sys.modules[__name__])
