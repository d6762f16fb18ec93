"""Says whether skops-rs takes what skops wrote; run.sh runs it.

    python judge.py PROGRAM CAPTURE...

PROGRAM is skops-rs, CAPTURE a folder that capture.py made, named after its environment. Of every file in them:

  - it is not refused, and breaks no rule of `check --level verify`;
  - the names that are not trusted are those of skops 0.16 (the rule of tests/real.rs, and its exceptions);
  - once these are trusted, it can be exported.

Prints counts. What differs and is not in expected.json is printed, too, and then the exit code is 1; likewise if something
in expected.json did not happen, or if fewer files were written than it says. Files that must be found wrong (`controls`)
are judged among the others, so a judge that takes everything fails as well.
"""

import concurrent.futures
import fnmatch
import json
import pathlib
import subprocess
import sys
from collections import Counter

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent.parent / "fixtures" / "real"))

from check import ask, environments  # noqa: E402

BATCH = 200
# skops trusts it, and skops-rs does not; see src/trust/tables/README.md.
MAP = "builtins.map"


def run(program, arguments, paths=(), codes=(0, 1, 3)):
    """What skops-rs prints about files. It says of each what it found, so these exit codes say nothing new."""
    command = [program, *arguments]
    answer = subprocess.run(command, input="\n".join(paths), text=True, capture_output=True)
    if answer.returncode not in codes:
        sys.exit(f"judge.py: {command[:6]}... ended with {answer.returncode}: {answer.stderr[:2000]}")
    return answer.stdout


def audits(program, paths):
    """The names that are not trusted, or None, for each file."""
    names = {}
    for start in range(0, len(paths), BATCH):
        batch = paths[start : start + BATCH]
        answer = json.loads(run(program, ["untrusted-types", "--format", "json", *batch]))
        for row in answer["files"]:
            names[row["path"]] = None if row["error"] else set(row["untrusted"])
    return names


def faults(program, paths):
    """The codes of what is wrong with each file, other than names that are not trusted."""
    lines = run(program, ["check", "--no-policy", "--level", "verify", "--format", "jsonl", "--files-from", "-"], paths)
    found = {}
    for row in map(json.loads, lines.splitlines()):
        codes = sorted({finding["code"] for finding in row["findings"]} - {"untrusted-types"})
        if not codes and not row["verified"]:
            codes = ["not-verified"]
        found[row["path"]] = (codes, row["findings"])
    return found


def exports(program, path, names):
    """Whether a file can be exported once its names are trusted; otherwise what is said instead."""
    trust = [argument for name in sorted(names) for argument in ("--trust", name)]
    answer = subprocess.run([program, "export", *trust, path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return None if answer.returncode == 0 else answer.stderr.strip()[:300]


def expected(answers):
    """The names that the rule of tests/real.rs demands, by the answers of skops 0.16; None if it reads the file nowhere."""
    lists = [set(names) for answer in answers if (names := answer.get("untrusted", answer.get("mended"))) is not None]
    if not lists:
        return None
    losses = {name for names in lists for name in names if name.startswith("_loss.")}
    return set.intersection(*lists) | losses


def answers_of_skops(paths):
    """What skops 0.16 says beside each scikit-learn, for each file."""
    auditors = sorted(pins.stem for pins in environments.glob("skops-0.16*.txt"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda name: ask(name, paths), auditors))
    return {path: [answer[path] for answer in answers] for path in paths}


def load(folder):
    """The manifest of a capture, with whole paths."""
    capture = json.loads((folder / "manifest.json").read_text())
    for row in capture["files"]:
        row["path"], row["environment"] = str(folder / row["file"]), folder.name
    return capture


def controls():
    """Rows that are wrong, each in its own way: refused, other contents than promised, other names than skops says."""
    fixtures = here.parent.parent / "fixtures"
    plain, tree = fixtures / "real" / "skops-0.16" / "array_bool.skops", fixtures / "example.skops"
    wrong = {
        fixtures / "real" / "skops-0.16" / "array_object_0d.skops": "refused",
        fixtures / "hostile" / "files" / "content_tree_feature_negative.skops": "contents",
        tree: "names",
    }
    right = {plain: "names"}  # it comes first, so skops is asked about this one
    return [
        {"path": str(path), "file": path.name, "environment": "control", "test": "control", "how": "control", "content": kind}
        for path, kind in (right | wrong).items()
    ], {str(path) for path in wrong}


def is_about(entry, environment):
    return any(fnmatch.fnmatchcase(environment, pattern) for pattern in entry["environments"])


def is_expected(entries, row, code):
    """Whether expected.json says that the file is refused with this code; the entry is marked as seen."""
    for entry in entries:
        mine = entry["code"] == code and is_about(entry, row["environment"])
        if mine and fnmatch.fnmatchcase(row["test"], entry["test"]):
            entry["seen"] = True
            return True
    return False


def judge(program, rows, entries):
    """What is to be said about each row, as counters, and what is wrong with it."""
    paths = [row["path"] for row in rows]
    names, found = audits(program, paths), faults(program, paths)
    asked = {row["content"]: row["path"] for row in reversed(rows)}
    answers = answers_of_skops(sorted(asked.values()))
    accepted = [path for path in paths if names[path] is not None and not found[path][0]]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        refusals = dict(zip(accepted, pool.map(lambda path: exports(program, path, names[path]), accepted)))
    for row in rows:
        path, counts, wrong = row["path"], Counter(), []
        codes, findings = found[path]
        for code in codes:
            listed = is_expected(entries, row, code)
            counts[f"refused {'as expected' if listed else 'wrongly'}, {code}"] += 1
            if not listed:
                message = next((finding["message"] for finding in findings if finding["code"] == code), "")
                wrong.append(f"{code}: {message}")
        if names[path] is not None:
            demanded = expected(answers[asked[row["content"]]])
            equal = names[path] - {MAP} == demanded
            counts["with the untrusted names of skops"] += equal
            if not equal:
                wrong.append(f"the untrusted names are {names[path]}, skops says {demanded}")
        elif not codes:
            wrong.append("refused by untrusted-types alone")
        if path in refusals:
            counts["accepted"] += 1
            counts["exported"] += not refusals[path]
            if refusals[path]:
                wrong.append(f"export: {refusals[path]}")
        yield row, counts, wrong


def report(captures):
    """Prints what each environment wrote, and what skops itself had against its own files."""
    for name, capture in captures.items():
        hows = Counter(row["how"] for row in capture["files"])
        tests = ", ".join(f"{count} {outcome}" for outcome, count in sorted(capture["tests"].items()))
        print(f"{name}: {tests}; files: " + ", ".join(f"{count} {how}" for how, count in sorted(hows.items())))
        for test in sorted(set(capture["failed"])):
            print(f"  failed: {test}")
        for step in ("load", "again", "convert"):
            errors = Counter(row[step].split(":")[0] for row in capture["files"] if step in row)
            for error, count in sorted(errors.items()):
                print(f"  skops itself, {step}: {count} {error}")


def main():
    program, *folders = sys.argv[1:]
    program = str(pathlib.Path(program).resolve())
    captures = {pathlib.Path(folder).name: load(pathlib.Path(folder).resolve()) for folder in folders}
    plan = json.loads((here / "expected.json").read_text())
    report(captures)
    rows = [row for capture in captures.values() for row in capture["files"]]
    examples, must_fail = controls()
    counts, bad, found = Counter(), 0, set()
    for row, mine, wrong in judge(program, rows + examples, plan["refused"]):
        if row["test"] == "control":
            found |= {row["path"]} if wrong else set()
            continue
        counts += mine
        bad += bool(wrong)
        for text in wrong:
            print(f"WRONG {row['environment']}/{row['file']} ({row['how']}, {row['test']}): {text}")
    if found != must_fail:
        bad += 1
        print(f"WRONG controls: found wrong were {sorted(found)}, and not {sorted(must_fail)}")
    for name, capture in captures.items():
        written, least = len(capture["files"]), plan["floors"][name]
        if written < least:
            bad += 1
            print(f"WRONG {name}: {written} files were written, and there were at least {least}")
    for entry in plan["refused"]:
        if any(is_about(entry, name) for name in captures) and not entry.get("seen"):
            bad += 1
            print(f"WRONG expected.json: nothing was refused as in {json.dumps(entry)}")
    tests = sum(capture["tests"].get(outcome, 0) for capture in captures.values() for outcome in ("passed", "failed"))
    print(f"{tests} tests; {len(rows)} files, {len({row['content'] for row in rows})} distinct")
    for name, count in sorted(counts.items()):
        print(f"{count} {name}")
    if bad:
        sys.exit(f"judge.py: {bad} wrong")


if __name__ == "__main__":
    main()
