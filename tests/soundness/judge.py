"""Whether what skops touched was reported. Nothing is exempt that a file can choose."""

import re

SPARSE = re.compile(r"scipy\.sparse\.(_\w+\.)?(?P<form>csr|csc|coo|bsr|dia)_(?P<kind>matrix|array)(?=$|\.)")

DOES = {"call", "instantiate"}

# What the code of their classes calls is no file's own doing. Except that scipy's distributions run text of their state, which
# src/trust/reasons.rs says of them; and lightgbm and xgboost load what they save into their own libraries, which Python tells of.
LIBRARIES = ("numpy.", "quantile_forest.", "scipy.", "sklearn.")
RUNS_TEXT = "scipy.stats."

# What happens while numpy, scipy, or skops itself are at work, whatever the file says: event, within, argument. Each is here
# because of a line of theirs, and none has an argument that comes from the file.
BASELINE = {
    # `ast.literal_eval` parses the header of an array; nothing is executed (numpy/lib/format.py).
    ("compile", "numpy.load", "parse"),
    ("compile", "scipy.sparse._matrix_io.load_npz", "parse"),
}

# What recorder.py says of events that come from a thing that the file chose: that it did is judged by its name.
OF_THE_FILE = {"what the file chose", "the import of what the file chose"}

# What skops and scipy call on things that they made by themselves: names, method.
OWN_METHODS = {
    ("numpy.lib.npyio.NpzFile", "get"),
    ("numpy.lib._npyio_impl.NpzFile", "get"),
    ("numpy.ndarray", "item"),
}

# Special attributes that only describe an object (see `DESCRIPTIVE` in src/audit/rules.rs).
DESCRIPTIVE = {"__annotations__", "__doc__", "__module__", "__name__", "__objclass__", "__orig_class__", "__qualname__"}


class Reported:
    """What skops-rs says that a file refers to."""

    def __init__(self, references):
        self.references = references
        self.roles = {}
        for reference in references:
            self.roles.setdefault(reference["name"], set()).add(reference["role"])
        resolved = [name for name, roles in self.roles.items() if roles - {"attribute"}]
        self.modules = {name.rpartition(".")[0] for name in resolved}

    def names(self):
        return sorted(self.roles)

    def unasked(self):
        """Those that nobody had to trust for this file; and classes of libraries that only had to be trusted to be made."""
        unasked = {reference["name"] for reference in self.references if reference["trusted"]}
        made = {name for name, roles in self.roles.items() if "instantiate" in roles and "call" not in roles}
        made = {name for name in made if name.startswith(LIBRARIES) and not name.startswith(RUNS_TEXT)}
        return sorted(unasked | made)

    def called(self):
        """Those that somebody had to trust to be called."""
        return sorted({reference["name"] for reference in self.references if not reference["trusted"] and reference["role"] in DOES})

    def has(self, names, *roles):
        return any(self.roles.get(name, set()) & set(roles) for name in names)


def disagreement(event, reported):
    """What is wrong with an event, in a word, or None."""
    kind, names = event["kind"], event.get("names", [])
    if kind == "import":
        return None if set(names) & reported.modules else "import"
    if kind == "get":
        if reported.has(with_partners(names), "call", "instantiate", "reference"):
            return None
        # The file can name a module as a thing, like the function `os.path`. What is read from it is its attribute.
        things = [name.rpartition(".")[0] for name in names]
        return None if reported.has(names, "attribute", "call") and reported.has(things, "reference", "call") else "get"
    if kind == "read":
        # Reading may be calling, and is then reported as that.
        return None if reported.has(with_partners(names), "attribute", "call") else "read"
    if kind in ("call", "reached"):
        if reported.has(with_partners(names), *DOES) or any((name, event.get("method")) in OWN_METHODS for name in names):
            return None
        return "role" if reported.has(names, "reference") else kind
    if kind == "set":
        special = [name for name in names if len(name) > 4 and name.startswith("__") and name.endswith("__")]
        return "set" if set(special) - DESCRIPTIVE else None
    if event["event"] == "pickle.find_class":
        return "audit"
    if event["within"] in OF_THE_FILE or (event["event"], event["within"], event["argument"]) in BASELINE:
        return None
    return "audit"


def with_partners(names):
    """The other homes that scipy's own sparse classes have had; and scipy before 1.11, which knows no sparse arrays, reads
    `csr_array` as what it has instead, `csr_matrix`. The format is the one that was reported."""
    partners = []
    for name in names:
        if found := SPARSE.match(name):
            form, kind = found["form"], found["kind"]
            homes = ("scipy.sparse", "scipy.sparse._arrays", f"scipy.sparse._{form}", f"scipy.sparse.{form}")
            kinds = {kind, "array"}
            partners += [f"{home}.{form}_{kind}{name[found.end():]}" for home in homes for kind in kinds]
    return names + partners


def disagreements(answer, reported):
    """Everything that a release touched and that was not reported, as (kind, event)."""
    found = [(kind, event) for event in answer["events"] if (kind := disagreement(event, reported))]
    # Up to 0.9, some nodes forget what is trusted below them, and then what has been reported is named.
    unknown = [name for name in answer.get("untrusted", ()) if name not in reported.roles]
    if unknown:
        found.append(("untrusted", {"kind": "untrusted", "names": unknown}))
    return found
