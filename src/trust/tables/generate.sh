#!/usr/bin/env bash
# Writes the tables of this folder: the union of what skops 0.16.0 trusts by
# default in every environment of fixtures/environments named skops-0.16*, and
# methods.txt: the methods of the scikit-learn classes among it.
#
#   generate.sh           write the tables
#   generate.sh --check   write them elsewhere; fail with a diff if they differ
#
# Makes the environments that are missing (create.sh, SKOPS_RS_VENVS, PYTHON).
set -euo pipefail
export LC_ALL=C

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../../.." && pwd)
create=$root/fixtures/environments/create.sh
venvs=${SKOPS_RS_VENVS:-$root/target/venvs}

case "${1:-}" in
    '') check=false ;;
    --check) check=true ;;
    *) echo "usage: generate.sh [--check]" >&2; exit 2 ;;
esac

temporary=$(mktemp -d)
trap 'rm -rf -- "$temporary"' EXIT
mkdir "$temporary/environments" "$temporary/generated" "$temporary/committed"

mapfile -t names < <("$create" --list | grep '^skops-0\.16')
"$create" "${names[@]}"
for name in "${names[@]}"; do
    # A fresh, isolated process each: see generate.py about the import order.
    "$venvs/$name/bin/python" -I "$here/generate.py" \
        >"$temporary/environments/$name.json"
done

"${PYTHON:-python3}" -I - "$temporary" "$root/fixtures/real" <<'MERGE'
import json
import pathlib
import sys
import zipfile

temporary, fixtures = map(pathlib.Path, sys.argv[1:])
found = {
    path.stem: json.loads(path.read_text())
    for path in temporary.joinpath("environments").iterdir()
}

# Table -> what it holds, and which loaders read it.
TABLES = {
    "bit_generators": (
        "Bit generators (NUMPY_RANDOM_BIT_GENERATOR_TYPE_NAMES of skops).",
        "Loader: RandomGeneratorNode of protocols 1 and 2, for the name in its state.",
    ),
    "builtins": (
        "Types of the standard library, one `LOADER name` a line.",
        "Loaders: the first word of each line.",
    ),
    "estimators": (
        "Estimators of scikit-learn (SKLEARN_ESTIMATOR_TYPE_NAMES of skops).",
        "Loader: ObjectNode.",
    ),
    "generators": ("Random generators of numpy.", "Loader: RandomGeneratorNode."),
    "internals": (
        "Internal types of scikit-learn (SKLEARN_INTERNAL_TYPE_NAMES of skops).",
        "Loader: ObjectNode.",
    ),
    "losses": ("Loss functions of scikit-learn.", "Loader: LossNode."),
    "masked_arrays": ("Masked arrays of numpy.", "Loader: MaskedArrayNode."),
    "ndarrays": ("Arrays of numpy.", "Loader: NdArrayNode, next to scalars.txt."),
    "numpy_ufuncs": (
        "Ufuncs of numpy (NUMPY_UFUNC_TYPE_NAMES of skops).",
        "Loader: FunctionNode of protocols 1 and 2, not of protocol 0.",
    ),
    "random_states": ("Random states of numpy.", "Loader: RandomStateNode."),
    "scalars": (
        "Scalar types of numpy (NUMPY_DTYPE_TYPE_NAMES of skops).",
        "Loaders: NdArrayNode and TypeNode.",
    ),
    "scipy_ufuncs": (
        "Ufuncs of scipy (SCIPY_UFUNC_TYPE_NAMES of skops).",
        "Loader: FunctionNode of every protocol.",
    ),
}

# The deliberate exceptions: names skops trusts and these tables do not. Each
# must still occur, so that none outlives its reason.
#
# A table that is not written at all.
NO_TABLE = {
    # SparseMatrixNode: skops trusts only the abstract spmatrix and sparray,
    # which dump never writes; listed, they would hide a concrete type.
    "sparse_matrices": {
        "scipy.sparse._base.sparray",
        "scipy.sparse._base.spmatrix",
        "scipy.sparse._matrix.spmatrix",
    },
}
# Table -> (does the exception leave this line out?, the reason in its header).
LEFT_OUT = {
    "builtins": (
        lambda line: line == "TypeNode builtins.map",
        "No model holds this type, and to call it is to call other functions.",
    ),
    "losses": (
        lambda line: line.startswith("_loss."),
        "Only those scikit-learn register their own module under this top-level name\n"
        "(Cython lost the package); elsewhere `_loss` is whatever can be imported.",
    ),
}
# Every other name must belong to one of these.
PACKAGES = {"builtins", "collections", "numpy", "scipy", "sklearn"}


def version(text):
    return tuple(int(part) for part in text.split("."))


def fail(message):
    sys.exit(f"generate.sh: {message}")


packages = ("skops", "scikit-learn", "numpy", "scipy")
environments = sorted(
    [tuple(answer["versions"][package] for package in packages) for answer in found.values()],
    key=lambda versions: [version(text) for text in versions],
)

union = {}
for answer in found.values():
    for table, lines in answer["tables"].items():
        union.setdefault(table, set()).update(lines)

for table, expected in NO_TABLE.items():
    lines = union.pop(table)
    if lines != expected:
        fail(f"{table} has other names than expected: {sorted(lines ^ expected)}")
if union.keys() != TABLES.keys():
    fail(f"these tables are no table or missing: {sorted(union.keys() ^ TABLES.keys())}")

ENVIRONMENTS = [
    "  " + ", ".join(map(" ".join, zip(packages, versions)))
    for versions in environments
]


def write(table, header, lines):
    header = [*header, "Written by generate.sh; do not edit."]
    text = "".join(f"# {line}\n" for line in header)
    text += "".join(f"{line}\n" for line in sorted(lines))
    temporary.joinpath("generated", f"{table}.txt").write_bytes(text.encode("ascii"))


for table, (what, loader) in TABLES.items():
    lines = union[table]
    header = [what, loader, "Trusted by default, the union of:", *ENVIRONMENTS]
    if table in LEFT_OUT:
        left_out, reason = LEFT_OUT[table]
        removed = {line for line in lines if left_out(line)}
        if not removed:
            fail(f"{table}: nothing to leave out any more")
        lines -= removed
        where = {
            answer["versions"]["scikit-learn"]
            for answer in found.values()
            if removed & set(answer["tables"][table])
        }
        header.append("Left out on purpose, though skops trusts it")
        if len(where) < len({answer["versions"]["scikit-learn"] for answer in found.values()}):
            header[-1] += " beside scikit-learn " + ", ".join(sorted(where, key=version))
        header[-1] += ":"
        header += [f"  {line}" for line in sorted(removed)]
        header += reason.split("\n")
    for line in lines:
        if line.split()[-1].partition(".")[0] not in PACKAGES:
            fail(f"{table}: {line} is of no known package")
    write(table, header, lines)


# The classes methods.txt is about. Others have attributes of these names:
# MetadataRequest (fit, predict, ...) and _BisectingTree (score), both untrusted.
CLASSES = union["estimators"] | union["internals"]


def state_names(node):
    """The keys of the states of ObjectNodes of CLASSES, at any depth."""
    names = set()
    nodes = [node]
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes += node
        if not isinstance(node, dict):
            continue
        nodes += node.values()
        if node.get("__loader__") != "ObjectNode":
            continue
        if f"{node['__module__']}.{node['__class__']}" not in CLASSES:
            continue
        # Objects without a state, or with another one than a dict, have no names.
        state = node["content"]["content"]
        if isinstance(state, dict):
            names |= state.keys()
    return names


def together(key):
    return set().union(*(answer[key] for answer in found.values()))


real = sorted(fixtures.glob("*/*.skops"))
if not real:
    fail(f"no files in {fixtures}")
in_files = set()
for path in real:
    with zipfile.ZipFile(path) as archive:
        in_files |= state_names(json.loads(archive.read("schema.json")))

methods = together("methods")
header = [
    "Methods of the classes of estimators.txt and internals.txt and of their bases,",
    "private ones too, `__dunder__` ones not. On an instance, an attribute of such a",
    "name is found instead of the method. (A property is found first: not listed.)",
    "Not for other classes: sklearn.utils._metadata_requests.MetadataRequest, say, has",
    "attributes `fit` and `predict`.",
    "The union of:",
    *ENVIRONMENTS,
    "Left out, since genuine instances of those classes carry them:",
]
carried = set()
for why, names in (
    ("parameters of `__init__`", together("parameters")),
    ("in the state of such an ObjectNode in fixtures/real", in_files),
    ("assigned as `self.NAME` in their sources", together("assigned")),
):
    header.append(f"  {why}:")
    header += [f"    {name}" for name in sorted(methods & names)]
    carried |= methods & names
write("methods", header, methods - carried)
MERGE

if $check; then
    shopt -s nullglob
    for table in "$here"/*.txt; do
        cp -- "$table" "$temporary/committed/"
    done
    if ! (cd -- "$temporary" && diff -ruN committed generated); then
        echo "generate.sh: the tables differ from the environments" >&2
        exit 1
    fi
    echo "the tables match the environments"
else
    rm -f -- "$here"/*.txt
    cp -- "$temporary"/generated/*.txt "$here/"
    echo "wrote the tables"
fi
