#!/usr/bin/env python3
"""Write `docs/hostile.md`: what skops, modelaudit and skops-rs make of each file that attacks readers.

    benches/hostile.py [--skip-modelaudit] [--check]

Each is asked about each file of `fixtures/hostile` in a process of its own, with limits on time and memory. skops is
also told to load the file, trusting all that it names itself: what it does then is what somebody gets who looked at its
list and agreed. The payloads are harmless. With `--check`, modelaudit is not asked, nothing is written, and the run fails
when skops or skops-rs do anything else than the page says. See benches/README.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from check import BYTES, HOSTILE, LIMITED, MODELAUDIT, PATIENCE, SECONDS, Check, Scanner
from check import as_demanded, environment_of, hostile
from untrusted_types import ENVIRONMENT, MODELS, ROOT, TARGET, Failure, row

PAGE = ROOT / "docs/hostile.md"
LONGEST = 160
ASKED = "names = skops.io.get_untrusted_types(file=file)"
# As LIMITED, and then it loads.
LOADING = LIMITED.replace(ASKED, f"{ASKED}; skops.io.load(file, trusted=names)")

HEAD = """# The hostile files, case by case

What {versions} make of each file in `fixtures/hostile`. Written by `benches/hostile.py`; `.ci/run` asks skops and skops-rs again.

- **skops**: what `get_untrusted_types` answers, in a process with {seconds} s of CPU time and {bytes} GiB: the names, *nothing*, or that it
  *raises*; then what `load` does when all these names, and no others, are trusted. A file that it *names nothing* of and *loads* is one that
  somebody opens who relies on it.
- **modelaudit**: exit code 0 is *clean*, 1 is *flagged*, 2 is *incomplete*.
- **skops-rs**: the code of the error with which the file is *refused*, else the names that are not trusted. Where `check --level verify` says
  more than `check`, that follows.

These files are ours, and were used while skops-rs was written: that it refuses them shows that none was forgotten, not that
it finds attacks which nobody has thought of. Some are harmless to skops and refused here because another reader would see another file.
"""


def loads(python, files):
    """What skops does when it is to load each file, with what it names itself as trusted."""
    command = [python, "-c", LOADING, str(SECONDS), str(PATIENCE), str(BYTES), *files]
    lines = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    return [json.loads(line)["answer"] for line in lines.splitlines()]


def text(words):
    """Words of a manifest or an error in a cell of a table."""
    words = words if len(words) <= LONGEST else f"{words[:LONGEST - 3]}..."
    for character in "\\`*_[]<>|&":
        words = words.replace(character, f"\\{character}")
    return words


def names(found):
    # What skops names is given as Python writes it.
    shown = ", ".join(f"`{name.strip(chr(39))}`" for name in found[:3]).replace("|", "\\|")
    return f"{shown} and {len(found) - 3} more" if len(found) > 3 else shown


def of_skops(each):
    said = each["skops"]
    if said["answer"] in ("names", "nothing"):
        listed = names(said["names"]) if said["answer"] == "names" else "nothing"
        done = {"names": "loads", "nothing": "loads"}.get(each["load"], each["load"])
        return f"{listed}; {done}"
    return said["answer"]


def of_rust(each):
    def verdict(level):
        said = each[level]
        if said["verdict"] == "refused":
            return f"refused: `{said['codes'][0]}`"
        return names(said["names"]) or said["verdict"]

    audit, verify = verdict("audit"), verdict("verify")
    return audit if audit == verify else f"{audit}; verified: {verify}"


def of_modelaudit(each):
    said = each[MODELAUDIT]
    issues = [issue.removeprefix("critical: ").removeprefix("warning: ") for issue in said["issues"]]
    return said["answer"] if said["answer"] != "flagged" or not issues else f"flagged: {text(issues[0])}"


def counts(every, scanned):
    """How many of the files that are to be refused each one stops."""
    bad = [each for each in every if each["verdict"] == "reject"]
    opened = Counter(
        (each["skops"]["answer"], "loads" if each["load"] in ("names", "nothing") else each["load"])
        for each in bad
        if each["skops"]["answer"] in ("names", "nothing")
    )
    yield f"Of {len(every)} files, {len(bad)} are to be refused. Of these"
    yield ""
    stopped = sum(each["audit"]["verdict"] == "refused" or each["verify"]["verdict"] == "refused" for each in bad)
    yield f"- skops-rs refuses {stopped}; the others are those of which `fixtures/hostile/README.md` says why not;"
    yield f"- skops names nothing of {sum(many for key, many in opened.items() if key[0] == 'nothing')}, and loads {opened['nothing', 'loads']} of them;"
    if scanned:
        said = Counter(each[MODELAUDIT]["answer"] for each in bad)
        yield f"- modelaudit finds {said['clean']} clean, flags {said['flagged']}, and gives up on {len(bad) - said['clean'] - said['flagged']}."
    yield ""


def stage(each):
    return "What shows in the contents only" if each["stage"] == "contents" else GROUPS[each["verdict"]]


GROUPS = {"reject": "To be refused", "accept": "Readable: to be judged by the names in it"}


def page(every, what, versions, scanned):
    yield HEAD.format(versions=versions, seconds=SECONDS, bytes=BYTES >> 30)
    yield from counts(every, scanned)
    for group in dict.fromkeys(map(stage, every)):
        yield f"## {group}"
        yield ""
        heads = ["file", "what it is", "skops", *(["modelaudit"] if scanned else []), "skops-rs"]
        yield row(*heads)
        yield row(*["---"] * len(heads))
        for each in every:
            if stage(each) != group:
                continue
            cells = [f"`{each['name']}`", text(what[each["name"]]), of_skops(each)]
            cells += [of_modelaudit(each)] if scanned else []
            yield row(*cells, of_rust(each))
        yield ""


def check(every):
    """Whether the page says the same of skops and skops-rs."""
    said = {}
    for line in PAGE.read_text().splitlines():
        parts = line.replace("\\|", "\0").strip("|").split("|")
        cells = [part.strip().replace("\0", "\\|") for part in parts]
        if len(cells) == 5:
            said[cells[0]] = (cells[2], cells[4])
    wrong = []
    for each in every:
        name = each["name"]
        before, now = said.get(f"`{name}`"), (of_skops(each), of_rust(each))
        if before != now:
            wrong.append(f"{name}: the page says {before}, but it is {now}")
        if not as_demanded(each):
            wrong.append(f"{name}: skops-rs does not judge it as the manifest demands")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=TARGET / "release/skops-rs", help="the program to ask")
    parser.add_argument("--skip-modelaudit", action="store_true", help="do not ask modelaudit, which takes minutes")
    parser.add_argument("--check", action="store_true", help="compare with the page instead of writing it")
    arguments = parser.parse_args()
    if not arguments.binary.is_file():
        raise Failure(f"{arguments.binary} is not there; make it with `cargo build --release`")
    # Where the programs are started: a folder without a policy.
    MODELS.mkdir(parents=True, exist_ok=True)
    scan = not (arguments.check or arguments.skip_modelaudit)
    environments = [ENVIRONMENT, *([MODELAUDIT] if scan else [])]
    python, *others = [environment_of(name) for name in environments]
    with tempfile.TemporaryDirectory() as home:
        scanner = Scanner(others[0], home) if scan else None
        every = hostile(python, Check(str(arguments.binary)), scanner)
    manifest = json.loads((HOSTILE / "manifest.json").read_text())
    what = {entry["name"]: entry["what"] for entry in manifest}
    files = [str(HOSTILE / "files" / f"{name}.skops") for name in what]
    for each, load in zip(every, loads(python, files), strict=True):
        each["load"] = load
    if arguments.check:
        wrong = check(every)
        print("\n".join([*wrong, f"{len(every)} hostile files, {len(wrong)} differences from docs/hostile.md"]))
        return 1 if wrong else 0
    versions = f"skops 0.16.0, {MODELAUDIT} {scanner.version} and skops-rs" if scan else "skops 0.16.0 and skops-rs"
    PAGE.write_text("\n".join(page(every, what, versions, scan)).rstrip() + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"hostile.py: {failure}")
