"""What the code of scikit-learn does by itself with what the file gave it.

Most of what is trusted by default only keeps its state. A few classes have a method that Python, numpy or skops call unasked
while a file is loaded: `__setstate__`, `__getattr__`, `__len__` with `__getitem__`. What such a method reads, the file chose; so
each is looked at by a person, and src/audit refuses what would be called that way. Here all of them are listed, from every
environment with skops 0.16, and compared with hooks.txt, where each stands under what holds it:

    python tests/soundness/hooks.py             fails on a method that is not in hooks.txt, or was changed
    python tests/soundness/hooks.py --survey    the methods of the environment that this Python is of, as JSON

A digest is of the source, without comments and docstrings; `compiled` stands for what has no source.
"""

import argparse
import ast
import hashlib
import importlib
import inspect
import json
import os
import pathlib
import subprocess
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TABLES = [ROOT / "src/trust/tables" / f"{name}.txt" for name in ("estimators", "internals", "losses")]
# Others that the audit looks into, though somebody has to trust them.
BESIDE = [
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils._bunch.Bunch",
]
# Only copied when a class is made, called by scikit-learn's own functions, or by `pickle`, which skops does not use.
OTHERS = {
    "__abstractmethods__", "__annotations__", "__annotations_cache__", "__dataclass_fields__", "__dataclass_params__", "__dict__",
    "__doc__", "__firstlineno__", "__init__", "__init_subclass__", "__match_args__", "__module__", "__post_init__",
    "__pyx_capi__", "__pyx_vtable__", "__reduce__", "__reduce_cython__", "__getstate__", "__repr__", "__signature__",
    "__sklearn_clone__", "__sklearn_is_fitted__", "__sklearn_tags__", "__slots__", "__static_attributes__", "__dir__",
    "__weakref__",
}  # fmt: skip


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--survey", action="store_true")
    if arguments.parse_args().survey:
        print(json.dumps(survey()))
        return
    found = {}
    environments = pathlib.Path(os.environ.get("SKOPS_RS_VENVS") or ROOT / "target/venvs")
    surveyed = sorted(environments.glob("skops-0.16*/bin/python"))
    if not surveyed:
        sys.exit(f"hooks.py: no environment in {environments}: run fixtures/environments/create.sh")
    for python in surveyed:
        answer = subprocess.run([python, "-I", __file__, "--survey"], stdout=subprocess.PIPE, check=True)
        for hook, digest in json.loads(answer.stdout).items():
            found.setdefault(hook, set()).add(digest)
    known = read()
    wrong = 0
    for hook in sorted(found.keys() | known.keys()):
        new = found.get(hook, set()) - known.get(hook, set())
        old = known.get(hook, set()) - found.get(hook, set())
        for digest in sorted(new):
            print(f"not in hooks.txt: {hook} {digest}")
        for digest in sorted(old):
            print(f"in no environment any more: {hook} {digest}")
        wrong += len(new) + len(old)
    if wrong:
        sys.exit("See what each does with a state of the file's choice, mend src/audit where it needs to be, and list it.")
    print(f"{len(found)} methods in {len(surveyed)} environments, as they were when they were looked at")


def read():
    lines = (line.split() for line in (HERE / "hooks.txt").read_text().splitlines() if line and not line.startswith("#"))
    return {f"{method} {where}": set(digests) for method, where, *digests in lines}


def survey():
    found = {}
    lines = [line for table in TABLES for line in table.read_text().splitlines() if not line.startswith("#")]
    for name in [*lines, *BESIDE]:
        module, _, name = name.rpartition(".")
        try:
            cls = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue  # of another release
        for base in cls.__mro__:
            if base.__module__.partition(".")[0] in ("sklearn", "_loss"):
                found |= {f"{name} {base.__module__}.{base.__qualname__}": digest(value) for name, value in hooks(base)}
    return found


def hooks(cls):
    for name, value in vars(cls).items():
        if name.startswith("__") and name.endswith("__") and name not in OTHERS:
            yield name, value


def digest(value):
    function = inspect.unwrap(getattr(value, "__func__", value))
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError):
        return "made" if inspect.isfunction(function) else "compiled"
    body = tree.body[0].body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()[:8]


if __name__ == "__main__":
    main()
