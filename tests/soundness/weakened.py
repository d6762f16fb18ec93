"""The self-test: readers that report less than they should have to be found out. See `soundness.py --self-test`.

For each loader and role that real and hostile files have, the references of that kind are left out of some reports; then
some release must be seen to touch a name that is missing. And a reader that believes what nodes declare, as skops itself did
before each of its own vulnerabilities was mended, must be found out on the files that show them. So must be one that accepts what
`found.py` has of files that are refused now.
"""

import json
import os
import tempfile
import zipfile

import found
import judge
import soundness

# At most this many files for each kind of reference.
TRIES = 6

# What no release can be seen to touch: skops builds these by itself, and either trusts or never reports them. Anything else
# must be noticed; and what is here must not be.
UNSEEN = {(loader, "instantiate") for loader in ("SliceNode", "BytesNode", "BytearrayNode", "DefaultDictNode", "NdArrayNode")}

# Files that some release is fooled by, if what their nodes declare is all that is reported.
FOOLING = [
    "cve_2025_54412_operatorfunc_spoofed_module",
    "cve_2025_54413_methodnode_spoofed_class",
    "cve_2025_54413_methodnode_chain_consistent",
    "randomgenerator_calls_numpy_random_attr",
]


# What is not noticed of what was found: it fills the globals of the recorder instead of skops's; and Python tells nobody that the
# standard input is read.
UNSEEN_BEFORE = {("accepting", "filled_globals"), ("accepting", "input_in_a_state")}


def check(binary, releases):
    cases = soundness.fixtures()
    said, _ = soundness.report(binary, [case.path for case in cases])
    with tempfile.TemporaryDirectory() as folder:
        weakened = list(without_each_kind(cases, said)) + list(fooled()) + list(accepting(folder))
        asked = [case for _, case in weakened]
        soundness.load_all(releases, asked)()
    noticed, tried = {}, {}
    for kind, case in weakened:
        reported = judge.Reported(case.references)
        found = any(judge.disagreements(answer, reported) for answer in case.answers.values())
        noticed[kind] = noticed.get(kind, 0) + found
        tried[kind] = tried.get(kind, 0) + 1
    well = dead_generators_are_noticed()
    print(f"{'ok' if well else 'WRONG':6}dead generators")
    for kind in sorted(noticed, key=str):
        right = not noticed[kind] if kind in UNSEEN | UNSEEN_BEFORE else noticed[kind]
        well &= bool(right)
        print(f"{'ok' if right else 'WRONG':6}{' '.join(kind):50} noticed in {noticed[kind]} of {tried[kind]} files")
    print(f"self-test: {len(noticed)} weakened readers, {'as it should be' if well else 'NOT ALL FOUND OUT'}")
    return well


def without_each_kind(cases, said):
    """Pairs of what is left out, and a case whose report lacks it."""
    files = {}
    for case in sorted(cases, key=lambda case: os.path.getsize(case.path)):
        for reference in said[case.path] or ():
            kind = (reference["loader"], reference["role"])
            rest = [other for other in said[case.path] if (other["loader"], other["role"]) != kind]
            is_gone = reference["name"] not in {other["name"] for other in rest}
            if is_gone and case.path not in files.setdefault(kind, {}):
                files[kind][case.path] = rest
    for kind, found in sorted(files.items()):
        paths = list(found)
        # The smallest, and some from all over: the first ones can be of a release that reads them in another way.
        for path in {*paths[:TRIES // 2], *paths[::max(1, len(paths) // (TRIES // 2))][:TRIES // 2]}:
            case = soundness.Case(f"{path} without {kind}", path)
            case.references = found[path]
            yield kind, case


def fooled():
    for name in FOOLING:
        path = os.path.join(soundness.FIXTURES, "hostile/files", f"{name}.skops")
        yield ("believing", name), believing(name, path, {})


def accepting(folder):
    """The files that were found and are refused now, with what they are made of as nobody is asked about it."""
    for path, is_accepted in found.write(folder):
        if not is_accepted:
            name = os.path.basename(path).removesuffix(".skops")
            loaders = {"TypeNode": "reference", "FunctionNode": "reference", "QuantileForestNode": "instantiate"}
            yield ("accepting", name), believing(name, path, loaders)


def believing(name, path, roles):
    """A case that is reported as its nodes declare: as called, but for these loaders."""
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    case = soundness.Case(name, path)
    case.references = [
        {"name": text, "role": roles.get(loader, "call"), "loader": loader, "trusted": text.startswith("sklearn.")}
        for text, loader in sorted(declared(schema))
    ]
    return case


def declared(value):
    if isinstance(value, dict):
        if "__class__" in value:
            yield f"{value['__module__']}.{value['__class__']}", value["__loader__"]
        for item in value.values():
            yield from declared(item)
    elif isinstance(value, list):
        for item in value:
            yield from declared(item)


def dead_generators_are_noticed():
    """A run whose mutants were all refused, and one whose mutants nobody could load."""
    tally = soundness.Tally(None, [])
    tally.cases, tally.accepted = 100, 10
    refused = not soundness.is_alive(tally)
    tally.accepted, tally.loaded_somewhere = 90, 5
    return refused and not soundness.is_alive(tally)
