#!/usr/bin/env python3
"""Measure `skops-rs check` over a folder of models beside skops and modelaudit, and compare what they say.

    benches/check.py [--rounds N] [--json FILE] [--skip-modelaudit] [--large]

See benches/README.md. Nothing here fails because of a time; it fails when skops-rs and skops disagree about a real
model and nothing in `fixtures/real` says why. Only the standard library is needed, on Linux or macOS.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from load import THREADS, Others, cores
from untrusted_types import BENCHES, ENVIRONMENT, LAUNCHER, MB, MODELS, ROOT, RSS_UNIT, SKOPS, TARGET, Failure
from untrusted_types import count, machine, number, row, size, spread

REAL, HOSTILE = ROOT / "fixtures/real", ROOT / "fixtures/hostile"
LARGE = ["logistic-regression", "gradient-boosting", "tfidf", "random-forest"]
# Of these, what modelaudit takes less than some minutes for.
SCANNED = ["logistic-regression", "gradient-boosting"]
MODELAUDIT = "modelaudit"
# It sends usage data unless told not to, and leaves a cache and an identifier in the home directory.
SILENT = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_ANALYTICS": "1"}
# What a tool may take for one hostile file: CPU time, time, and memory.
SECONDS, PATIENCE, BYTES = 20, 200, 4 << 30
# What is meant: as many times the files per second of skops.
TARGET_RATIO = 50

# skops in a process that has imported it and asked for one file. For each line that it reads it asks for all files,
# and prints the nanoseconds that this took, and those of CPU time; with "sha256", it hashes them too, as `check` does.
WARM = """
import hashlib, sys, time, warnings
import skops.io
warnings.filterwarnings("ignore")
files = open(sys.argv[1]).read().splitlines()
def digest(file):
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
skops.io.get_untrusted_types(file=files[0])
digest(files[0])
print("ready", flush=True)
for line in sys.stdin:
    start, cpu = time.perf_counter_ns(), time.process_time_ns()
    if line.strip() == "sha256":
        for file in files:
            skops.io.get_untrusted_types(file=file)
            digest(file)
    else:
        for file in files:
            skops.io.get_untrusted_types(file=file)
    print(time.perf_counter_ns() - start, time.process_time_ns() - cpu, flush=True)
"""

# skops about hostile files, each in a child of a process that has imported it, with limits.
LIMITED = """
import json, os, resource, signal, sys, warnings
import skops.io
warnings.filterwarnings("ignore")
seconds, patience, limit, *files = sys.argv[1:]
for file in files:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        signal.alarm(int(patience))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
        try:
            resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
        except (OSError, ValueError):
            pass  # Not on macOS.
        try:
            names = skops.io.get_untrusted_types(file=file)
            answer = {"answer": "names" if names else "nothing", "names": [ascii(name)[:100] for name in names]}
        except MemoryError:
            answer = {"answer": "no memory"}
        except BaseException as error:
            answer = {"answer": "raises", "error": ascii(f"{type(error).__name__}: {error}")[:200]}
        with open(writer, "w") as stream:
            json.dump(answer, stream)
        os._exit(0)
    os.close(writer)
    with open(reader) as stream:
        text = stream.read()
    status = os.waitpid(child, 0)[1]
    if not text:
        hung = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGXCPU)
        text = json.dumps({"answer": "no answer" if hung else "dies"})
    print(text, flush=True)
"""


def taken(command, codes=(0,), env=None):
    """Run a command once. Returns its exit code, what it printed, and a dict of what it took."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as report:
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(report.fileno()), *command]
        # Not from a folder that may have a policy.
        subprocess.run(launcher, stdout=out, stderr=err, pass_fds=[report.fileno()], env=env, cwd=MODELS, check=False)
        for file in (out, err, report):
            file.seek(0)
        fields = report.read().split()
        code = os.waitstatus_to_exitcode(int(fields[0])) if len(fields) == 4 else None
        if code not in codes:
            raise Failure(f"{' '.join(command)} ended with {code}\n{err.read().decode(errors='replace')[-2000:]}")
        figures = {
            "wall_ms": int(fields[1]) / 1e6,
            "cpu_ms": float(fields[2]) * 1e3,
            "rss_mb": int(fields[3]) * RSS_UNIT / MB,
        }
        return code, out.read().decode(), figures


def thrice(command, codes=(0,), *figures):
    """The medians of three runs; those that were before count."""
    runs = [*figures, *(taken(command, codes)[2] for _ in range(3 - len(figures)))]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def limited(command, env=None):
    """Run a command within the limits for a hostile file. Returns its exit code, or what happened, and its output."""

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        try:
            resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
        except (OSError, ValueError):
            pass  # Not on macOS.

    try:
        done = subprocess.run(
            command, capture_output=True, timeout=PATIENCE, preexec_fn=limit, env=env, cwd=MODELS, check=False
        )
    except subprocess.TimeoutExpired:
        return "no answer", ""
    if done.returncode < 0:
        return "no answer" if done.returncode == -signal.SIGXCPU else "dies", ""
    return done.returncode, done.stdout.decode(errors="replace")


class Check:
    """`skops-rs check`: its options, its output, its exit codes."""

    CODES = (0, 1, 3)

    def __init__(self, binary):
        self.binary = binary

    def command(self, *paths, jobs=1, level="audit"):
        options = ["--format", "jsonl", "--level", level, "--jobs", str(jobs)]
        return [self.binary, "check", *options, *map(str, paths)]

    @staticmethod
    def verdicts(text):
        """What it says about each file."""
        result = {}
        for line in text.splitlines():
            report = json.loads(line)
            findings = report["findings"]
            if report["findings_left_out"]:
                raise Failure(f"{report['path']}: {report['findings_left_out']} findings are left out")
            result[report["path"]] = {
                "verdict": report["verdict"],
                "sha256": report["sha256"],
                "codes": sorted({finding["code"] for finding in findings}),
                "names": sorted({finding["name"] for finding in findings if finding["code"] == "untrusted-types"}),
            }
        return result


class Scanner:
    """`modelaudit scan`: without its cache, which would answer for it the second time."""

    def __init__(self, python, home):
        self.program = str(Path(python).with_name(MODELAUDIT))
        self.home, self.report = home, Path(home) / "report.json"
        self.env = os.environ | SILENT | {"HOME": str(home)}
        self.version = subprocess.check_output([self.program, "--version"], env=self.env, text=True).split()[-1]

    def command(self, path):
        return [self.program, "scan", "--no-cache", "--format", "json", "--output", str(self.report), str(path)]

    def issues(self):
        """The messages of the last run, by severity."""
        try:
            found = json.loads(self.report.read_text())["issues"]
        except (OSError, ValueError):
            return []
        finally:
            self.report.unlink(missing_ok=True)
        return [f"{issue['severity']}: {issue['message'][:200]}" for issue in found]

    def outcomes(self, files):
        """What the last run, over a folder, says about each file; as its exit code would for that file alone."""
        report = json.loads(self.report.read_text())
        self.report.unlink()
        result = {file: "clean" for file in files}
        for path, about in report["file_metadata"].items():
            if about.get("scan_outcome") and path in result:
                result[path] = "incomplete"
        for issue in report["issues"]:
            location = issue.get("location") or ""
            # PATH.skops, PATH.skops:ENTRY, or PATH.skops (pos N)
            path = location[: location.find(".skops") + len(".skops")]
            if issue["severity"] in ("warning", "critical"):
                if path not in result:
                    raise Failure(f"modelaudit reports about {location!r}")
                result[path] = "flagged"
        missing = set(result) - set(report["file_metadata"])
        if missing:
            raise Failure(f"modelaudit says nothing of {sorted(missing)[:3]}")
        return result


class Warm:
    """Processes of skops that are warm, each with its share of the files."""

    def __init__(self, python, files, many):
        self.stack = ExitStack()
        self.workers = []
        for share in range(many):
            lists = self.stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".txt"))
            lists.write("\n".join(map(str, files[share::many])) + "\n")
            lists.flush()
            worker = subprocess.Popen(
                [python, "-c", WARM, lists.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self.workers.append(worker)
        for worker in self.workers:
            self.answer(worker)

    @staticmethod
    def answer(worker):
        line = worker.stdout.readline()
        if not line:
            raise Failure("skops ended early")
        return line.strip()

    def ask(self, what):
        """What it takes until all have asked for their files: by its own clock for one, by that here for several."""
        start = time.perf_counter_ns()
        for worker in self.workers:
            worker.stdin.write(what + "\n")
            worker.stdin.flush()
        within = [list(map(int, self.answer(worker).split())) for worker in self.workers]
        wall = within[0][0] if len(within) == 1 else time.perf_counter_ns() - start
        return {"wall_ms": wall / 1e6, "cpu_ms": sum(cpu for _, cpu in within) / 1e6}

    def ask_both(self, position):
        """For the names alone and for sha256 too, in an order that changes from round to round."""
        both = ("names", "sha256") if position % 2 else ("sha256", "names")
        return {f"skops-{what}-{len(self.workers)}": self.ask(what) for what in both}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers:
            worker.stdin.close()
            worker.wait()
            worker.stdout.close()
        self.stack.close()


def environment_of(name):
    """Make an environment of the fixtures, if need be, and return its interpreter."""
    subprocess.run([ROOT / "fixtures/environments/create.sh", name], check=True, stdout=sys.stderr)
    venvs = Path(os.environ.get("SKOPS_RS_VENVS") or ROOT / "target/venvs")
    return str((venvs / name / "bin/python").absolute())


def ask_skops(python, files):
    """The answers of skops about files: {"untrusted": [...]} or {"error": ...}."""
    names = "\n".join(map(str, files))
    command = [python, REAL / "verdict.py"]
    return json.loads(subprocess.run(command, input=names, stdout=subprocess.PIPE, text=True, check=True).stdout)


def folder(python, wanted):
    """Copy the first models that skops 0.16 reads into a folder. Returns it, and what skops says by path within it."""
    files = sorted(REAL.glob("*/*.skops"))
    answers = ask_skops(python, files)
    chosen = [file for file in files if "untrusted" in answers[str(file)]][:wanted]
    if len(chosen) < wanted:
        raise Failure(f"skops reads {len(chosen)} of {len(files)} models, not {wanted}")
    place = MODELS / f"folder-{wanted}"
    shutil.rmtree(place, ignore_errors=True)
    result = {}
    for file in chosen:
        copy = place / file.relative_to(REAL)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        result[str(file.relative_to(REAL))] = sorted(answers[str(file)]["untrusted"])
    return place, result


class Known:
    """Where skops-rs is meant to say something else than skops 0.16 does. See `tests/real.rs`."""

    def __init__(self):
        self.refused = json.loads((REAL / "refused.json").read_text())
        self.answers = json.loads((REAL / "verdicts.json").read_text())["files"]

    def reasons(self, path, ours, theirs):
        """Yields for each difference the reason, or `None`, and what differs."""
        writer, model = path.removesuffix(".skops").split("/")
        if ours["verdict"] in ("refused", "error"):
            entry = self.refused.get(model, {})
            if "compression-feature" in ours["codes"]:
                yield "refused, as they are compressed with BZIP2 or LZMA and this build reads neither", None
            elif entry.get("code") in ours["codes"] and writer in entry.get("writers", [writer]):
                yield "refused on purpose, see `fixtures/real/refused.json`", model
            else:
                yield None, f"{ours['verdict']} ({', '.join(ours['codes'])}), skops names {theirs}"
            return
        for name in set(ours["names"]) - set(theirs):
            if name == "builtins.map" or name.startswith("_loss."):
                yield "a name is not trusted on purpose, see `src/trust/tables/README.md`", name
            else:
                yield None, f"untrusted for skops-rs alone: {name}"
        for name in set(theirs) - set(ours["names"]):
            beside = self.answers[path]["skops-0.16"].values()
            if any("untrusted" in answer and name not in answer["untrusted"] for answer in beside):
                yield "a name is trusted that skops trusts beside another scikit-learn, numpy or scipy", name
            else:
                yield None, f"untrusted for skops alone: {name}"
        if bool(ours["names"]) != (ours["verdict"] == "deny"):
            yield None, f"{ours['verdict']} with the names {ours['names']} ({', '.join(ours['codes'])})"


def compare(place, verdicts, theirs):
    """Differences between skops-rs and skops over the folder: how often each known one, and those that are not."""
    known, files, whats, unexpected = Known(), {}, {}, []
    found = {os.path.relpath(path, place): verdict for path, verdict in verdicts.items()}
    for path in sorted(found.keys() ^ theirs.keys()):
        unexpected.append(f"{path}: only one of them says anything")
    same = 0
    for path in sorted(found.keys() & theirs.keys()):
        ours = found[path]
        if ours["sha256"] != hashlib.sha256((place / path).read_bytes()).hexdigest():
            unexpected.append(f"{path}: sha256 is {ours['sha256']}")
        reasons = list(known.reasons(path, ours, theirs[path]))
        same += not reasons
        for reason, what in reasons:
            if reason:
                files.setdefault(reason, set()).add(path)
                whats.setdefault(reason, set()).update(filter(None, [what]))
            else:
                unexpected.append(f"{path}: {what}")
    by_verdict = Counter((bool(theirs[path]), ours["verdict"]) for path, ours in found.items())
    return {
        "same": same,
        "known": {reason: {"files": len(files[reason]), "what": sorted(whats[reason])} for reason in sorted(files)},
        "unexpected": unexpected,
        "verdicts": [[named, verdict, many] for (named, verdict), many in sorted(by_verdict.items())],
    }


def measure_folder(arguments, python, check, scanner, place, theirs):
    """Rounds over the folder, in each of which everything is run."""
    files = [place / path for path in theirs]
    rounds, others, outcomes = [], [], None
    # The first round is to have everything in the page cache, and not counted.
    for position in range(arguments.rounds + 1):
        print(f"folder: round {position} of {arguments.rounds}", file=sys.stderr, flush=True)
        meanwhile, each = Others(), {}
        for jobs in THREADS:
            with cores(jobs), Warm(python, files, jobs) as skops:
                ours = {level: check.command(place, jobs=jobs, level=level) for level in ("audit", "verify")}
                _, printed, first = taken(ours["audit"], check.CODES)
                each |= skops.ask_both(position)
                each[f"audit-{jobs}"] = thrice(ours["audit"], check.CODES, first)
                each[f"verify-{jobs}"] = thrice(ours["verify"], check.CODES)
        if scanner and 0 < position <= arguments.modelaudit_rounds:
            print("folder: modelaudit, which takes minutes", file=sys.stderr, flush=True)
            with cores(1):
                each[MODELAUDIT] = taken(scanner.command(place), (0, 1, 2), scanner.env)[2]
            outcomes = scanner.outcomes(list(map(str, files)))
        if position > 0:
            rounds.append(each)
            others.append(meanwhile.percent())
    return rounds, others, check.verdicts(printed), outcomes


def measure_single(python, check, scanner, place, theirs, many):
    """A process for each file, over a sample of the folder."""
    paths = list(theirs)
    sample = [place / paths[position * len(paths) // many] for position in range(many)]
    rounds, codes = [], {}
    with cores(1):
        print(f"a process for each of {many} files", file=sys.stderr, flush=True)
        for file in sample:
            each = {
                "audit-1": thrice(check.command(file), check.CODES),
                "skops": thrice([python, "-c", SKOPS, str(file)]),
            }
            if scanner:
                codes[str(file)], _, each[MODELAUDIT] = taken(scanner.command(file), (0, 1, 2), scanner.env)
            rounds.append(each)
    return rounds, codes


def measure_large(arguments, python, check, scanner, names):
    """Single large models: skops warm, and modelaudit once for some."""
    result = {}
    scanned = LARGE if arguments.large else SCANNED
    with cores(1):
        for name in names:
            print(f"large models: {name}", file=sys.stderr, flush=True)
            file = MODELS / f"{name}.skops"
            rounds = []
            with Warm(python, [file], 1) as skops:
                for position in range(arguments.rounds + 1):
                    each = {"audit-1": thrice(check.command(file), check.CODES)} | skops.ask_both(position)
                    if position > 0:
                        rounds.append(each)
            result[name] = {"bytes": file.stat().st_size, "figures": summary(rounds), "rounds": rounds}
            result[name]["ratios"] = [ratio(rounds, f"skops-{what}-1", "audit-1") for what in ("names", "sha256")]
            if scanner and name in scanned:
                code, _, figures = taken(scanner.command(file), (0, 1, 2), scanner.env)
                result[name][MODELAUDIT] = figures | {"code": code, "issues": scanner.issues()}
    return result


def hostile(python, check, scanner):
    """What each says of the files that attack readers. None of these fails a run: `tests/hostile.rs` does."""
    manifest = json.loads((HOSTILE / "manifest.json").read_text())
    files = [str(HOSTILE / "files" / f"{entry['name']}.skops") for entry in manifest]
    command = [python, "-c", LIMITED, str(SECONDS), str(PATIENCE), str(BYTES), *files]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    result = []
    for position, (entry, file, line) in enumerate(zip(manifest, files, lines, strict=True)):
        if position % 20 == 0:
            print(f"hostile files: {position} of {len(files)}", file=sys.stderr, flush=True)
        each = {key: entry[key] for key in ("name", "verdict", "untrusted", "stage", "rule")}
        each["or"] = entry.get("or")
        each["skops"] = json.loads(line)
        for level in ("audit", "verify"):
            code, text = limited(check.command(file, level=level))
            said = check.verdicts(text).get(file) if code in check.CODES else None
            happened = code if isinstance(code, str) else f"exit code {code}"
            each[level] = said or {"verdict": happened, "names": [], "codes": []}
        if scanner:
            code, _ = limited(scanner.command(file), scanner.env)
            answers = {0: "clean", 1: "flagged", 2: "incomplete"}
            each[MODELAUDIT] = {"answer": answers.get(code, code), "issues": scanner.issues()}
        result.append(each)
    return result


def as_demanded(each):
    """Whether the audit of skops-rs says what the manifest demands, or also allows."""
    for demanded in filter(None, (each, each["or"])):
        if demanded["verdict"] == "reject" and each["stage"] == "contents":
            right = each["verify"]["verdict"] == "refused"
        elif demanded["verdict"] == "reject":
            right = each["audit"]["verdict"] == "refused"
        else:
            names = sorted(demanded["untrusted"] or [])
            verdict = "deny" if names else "pass"
            right = (each["audit"]["verdict"], each["audit"]["names"]) == (verdict, names)
        if right:
            return True
    return False


def summary(rounds):
    """Median, least and most of each figure of each command over the rounds that have it."""
    result = {}
    for name in {name: None for each in rounds for name in each}:
        result[name] = {}
        having = [each[name] for each in rounds if name in each]
        for key in having[0]:
            values = [each[key] for each in having]
            result[name][key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return result


def ratio(rounds, above, below):
    """The ratios of wall and of CPU time, taken round by round."""
    result = {}
    for key in ("wall_ms", "cpu_ms"):
        values = [each[above][key] / each[below][key] for each in rounds if above in each and below in each]
        if not values:
            return None
        result[key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return result


# What is compared over the folder: the words, the two, and whether the target is for it.
RATIOS = [
    ("skops, names, one process / check, one core", "skops-names-1", "audit-1", True),
    ("skops, names and sha256, one process / check, one core", "skops-sha256-1", "audit-1", True),
    ("skops, names, one process / check, two cores", "skops-names-1", "audit-2", True),
    ("skops, names and sha256, one process / check, two cores", "skops-sha256-1", "audit-2", True),
    ("skops, names and sha256, two processes / check, two cores", "skops-sha256-2", "audit-2", False),
    ("skops, names and sha256, one process / check --level verify, one core", "skops-sha256-1", "verify-1", False),
    ("modelaudit, one process / check, one core", MODELAUDIT, "audit-1", False),
]
ROWS = {
    "audit-1": "`skops-rs check --jobs 1`, one core",
    "audit-2": "`skops-rs check --jobs 2`, two cores",
    "verify-1": "`skops-rs check --level verify --jobs 1`, one core",
    "verify-2": "`skops-rs check --level verify --jobs 2`, two cores",
    "skops-names-1": "skops, one warm process: names",
    "skops-sha256-1": "skops, one warm process: names and sha256",
    "skops-names-2": "skops, two warm processes on two cores: names",
    "skops-sha256-2": "skops, two warm processes on two cores: names and sha256",
    MODELAUDIT: "modelaudit, one process on one core",
}
KINDS = {
    "published exploits of skops": ["cve"],
    "a type declared that is not what is built": ["launder", "loader", "operator"],
    "references between objects": ["memo", "cachednode"],
    "names that mislead": ["name", "concat"],
    "the ZIP archive": ["zip", "bytesnode"],
    "the JSON text": ["json"],
    "arrays": ["npy", "npz", "ndarray"],
    "nodes, keys and the protocol": [],
}


def folder_tables(results):
    timed, files = results["folder"], results["folder"]["files"]
    yield f"| {files:,} models, {size(timed['bytes'])} | wall ms | files per second | CPU ms | peak RSS MB |"
    yield "|---|--:|--:|--:|--:|"
    for name, words in ROWS.items():
        if name in timed["figures"]:
            figures = timed["figures"][name]
            yield row(
                words,
                spread(figures["wall_ms"]),
                number(files / figures["wall_ms"]["median"] * 1000),
                spread(figures["cpu_ms"]) if "cpu_ms" in figures else "",
                number(figures["rss_mb"]["median"]) if "rss_mb" in figures else "",
            )
    yield ""
    yield "| ratio (median, least to most) | wall time: files per second | meant | CPU time |"
    yield "|---|--:|---|--:|"
    for (words, *_, has_target), value in zip(RATIOS, timed["ratios"]):
        if value:
            met = value["wall_ms"]["median"] >= TARGET_RATIO
            meant = f">= {TARGET_RATIO}" + ("" if met else ": missed") if has_target else ""
            yield row(words, spread(value["wall_ms"]), meant, spread(value["cpu_ms"]))


def single_table(results):
    single = results["single"]
    yield "| a process for each file | wall ms | ratio to `skops-rs check` |"
    yield "|---|--:|--:|"
    words = {"audit-1": "`skops-rs check FILE`", "skops": "`python -c` with `skops.io.get_untrusted_types`"}
    words[MODELAUDIT] = "`modelaudit scan FILE`"
    for name, figures in single["figures"].items():
        value = spread(single["ratios"][name]["wall_ms"]) if name != "audit-1" else ""
        yield row(words[name], spread(figures["wall_ms"]), value)


def large_table(results):
    yield "| model | file | `skops-rs check` ms | skops, warm: ms | with sha256 | ratio | with sha256 | modelaudit |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    said = {0: "clean", 1: "flagged", 2: "incomplete"}
    for name, each in results["large"].items():
        scanned = each.get(MODELAUDIT)
        yield row(
            name,
            size(each["bytes"]),
            *(spread(each["figures"][key]["wall_ms"]) for key in ("audit-1", "skops-names-1", "skops-sha256-1")),
            *(spread(value["wall_ms"]) for value in each["ratios"]),
            f"{said[scanned['code']]}, {number(scanned['cpu_ms'] / 1000)} s of CPU" if scanned else "",
        )


def real_table(results):
    differ = results["verdicts"]
    yield "| real models | files | check: denies | passes | refuses | modelaudit: flags | incomplete | clean |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    scanned = Counter((named, outcome) for named, outcome in results["scanned"])
    for named, words in ((True, "with untrusted types, says skops"), (False, "without")):
        ours = {verdict: many for having, verdict, many in differ["verdicts"] if having == named}
        cells = [ours.get(verdict, 0) for verdict in ("deny", "pass", "refused")]
        if scanned:
            cells += [scanned[named, outcome] for outcome in ("flagged", "incomplete", "clean")]
        else:
            cells += [""] * 3
        yield row(words, sum(ours.values()), *cells)


def hostile_tables(results):
    every = results["hostile"]
    scanned = MODELAUDIT in every[0]
    groups = {
        "to be refused": [each for each in every if each["verdict"] == "reject"],
        "readable, with untrusted types": [e for e in every if e["verdict"] == "accept" and e["untrusted"]],
        "readable, without": [e for e in every if e["verdict"] == "accept" and not e["untrusted"]],
    }
    tools = [
        ("`skops-rs check`", lambda e: e["audit"]["verdict"], ["refused", "deny", "pass"]),
        ("`skops-rs check --level verify`", lambda e: e["verify"]["verdict"], ["refused", "deny", "pass"]),
        ("skops 0.16, `get_untrusted_types`", lambda e: e["skops"]["answer"], ["raises", "names", "nothing"]),
    ]
    if scanned:
        tools.append(("modelaudit", lambda e: e[MODELAUDIT]["answer"], ["incomplete", "flagged", "clean"]))
    heads = [f"{words}: {len(group)}" for words, group in groups.items()]
    yield row("hostile files: refused / flagged / passed", *heads)
    yield row("---", *["--:"] * len(groups))
    for words, answer, order in tools:
        cells = []
        for group in groups.values():
            counted = Counter(answer(each) for each in group)
            cell = " / ".join(str(counted.pop(name, 0)) for name in order)
            cells.append(", ".join([cell, *(f"{name}: {many}" for name, many in sorted(counted.items()))]))
        yield row(words, *cells)
    yield ""
    heads = ["to be refused: what is wrong", "files", "`skops-rs check` refuses", "with `--level verify`"]
    heads += ["skops raises or gives no answer", "skops names types"]
    heads += ["modelaudit flags", "or is incomplete"] if scanned else []
    yield row(*heads)
    yield row("---", *["--:"] * (len(heads) - 1))
    kinds = {kind: [] for kind in KINDS}
    of_prefix = {prefix: kind for kind, prefixes in KINDS.items() for prefix in prefixes}
    last = list(KINDS)[-1]
    for each in groups["to be refused"]:
        kinds[of_prefix.get(each["name"].split("_")[0], last)].append(each)
    kinds["all"] = groups["to be refused"]
    for kind, group in kinds.items():
        cells = [len(group)]
        cells += [sum(each[level]["verdict"] == "refused" for each in group) for level in ("audit", "verify")]
        cells.append(sum(each["skops"]["answer"] not in ("names", "nothing") for each in group))
        cells.append(sum(each["skops"]["answer"] == "names" for each in group))
        if scanned:
            cells.append(sum(each[MODELAUDIT]["answer"] == "flagged" for each in group))
            cells.append(sum(each[MODELAUDIT]["answer"] in ("flagged", "incomplete") for each in group))
        yield row(kind, *cells)


def measure(arguments, python, home):
    binary = arguments.binary or TARGET / "release" / "skops-rs"
    if not Path(binary).is_file():
        raise Failure(f"{binary} is not there; make it with `cargo build --release`")
    check = Check(str(Path(binary).absolute()))
    scanner = None if arguments.skip_modelaudit else Scanner(environment_of(MODELAUDIT), home)
    results = machine(python, check.binary) | {"rounds": arguments.rounds}
    results[MODELAUDIT] = scanner and scanner.version
    if nothing := shutil.which("true"):
        results["floor_ms"] = statistics.median(taken([nothing])[2]["wall_ms"] for _ in range(15))

    place, theirs = folder(python, arguments.files)
    rounds, others, verdicts, outcomes = measure_folder(arguments, python, check, scanner, place, theirs)
    results["folder"] = {
        "files": len(theirs),
        "bytes": sum((place / path).stat().st_size for path in theirs),
        "figures": summary(rounds),
        "ratios": [ratio(rounds, above, below) for _, above, below, _ in RATIOS],
        "others_percent": others,
        "rounds": rounds,
    }
    results["verdicts"] = compare(place, verdicts, theirs)
    named = {str(place / path): bool(names) for path, names in theirs.items()}
    results["scanned"] = [[named[path], outcome] for path, outcome in (outcomes or {}).items()]

    rounds, codes = measure_single(python, check, scanner, place, theirs, arguments.sample)
    ratios = {name: ratio(rounds, name, "audit-1") for name in rounds[0]}
    results["single"] = {"files": arguments.sample, "figures": summary(rounds), "ratios": ratios, "rounds": rounds}
    # What a scan of the folder says of a file must be what a scan of that file says.
    for path, code in codes.items():
        alone = {0: "clean", 1: "flagged", 2: "incomplete"}[code]
        if outcomes and outcomes[path] != alone:
            raise Failure(f"modelaudit says {alone} of {path}, and {outcomes[path]} when it scans the folder")

    results["large"] = measure_large(arguments, python, check, scanner, LARGE)
    results["hostile"] = hostile(python, check, scanner)
    return results


def show(results):
    timed, differ = results["folder"], results["verdicts"]
    scanner = f", modelaudit {results[MODELAUDIT]}" if results[MODELAUDIT] else ""
    yield f"{results['versions']}{scanner}."
    yield f"{results['machine']}, load average {results['load_average']:.2f} before."
    taken = [percent for percent in timed["others_percent"] if percent is not None]
    busy = f" Other processes took {min(taken):.0f} to {max(taken):.0f} % of the machine." if taken else ""
    yield f"{results['rounds']} rounds, medians (least to most).{busy}"
    if "floor_ms" in results:
        yield f"A process that does nothing is measured as {number(results['floor_ms'])} ms."
    if not hasattr(os, "sched_setaffinity"):
        yield "Processes could not be kept to one core here."
    yield ""
    yield from folder_tables(results)
    yield ""
    yield f"{results['single']['files']} files of the folder, one core:"
    yield ""
    yield from single_table(results)
    yield ""
    yield from large_table(results)
    yield ""
    yield from real_table(results)
    yield ""
    yield from hostile_tables(results)
    yield ""
    other = [each["name"] for each in results["hostile"] if not as_demanded(each)]
    total = len(results["hostile"])
    yield f"Of {total} hostile files, skops-rs judges {total - len(other)} as `manifest.json` demands."
    yield from (f"- not so {name}" for name in other)
    yield f"Of {timed['files']:,} models, skops-rs and skops name the same types in {differ['same']:,}."
    yield "Known differences:"
    yield ""
    for reason, each in differ["known"].items():
        what = f": {', '.join(each['what'])}" if len(each["what"]) < 5 else f": {len(each['what'])} in all"
        yield f"- {each['files']} files: {reason}{what if each['what'] else ''}"
    yield ""
    yield "Unexpected ones:" if differ["unexpected"] else "There are no others."
    yield from differ["unexpected"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=count, default=5, help="rounds, in each of which everything is run (5)")
    parser.add_argument("--modelaudit-rounds", type=count, default=1, help="rounds with modelaudit over the folder (1)")
    parser.add_argument("--files", type=count, default=2000, help="models in the folder (2000)")
    parser.add_argument("--sample", type=count, default=20, help="files with a process for each (20)")
    parser.add_argument("--skip-modelaudit", action="store_true", help="skops-rs and skops alone")
    parser.add_argument("--large", action="store_true", help="modelaudit scans the largest models too: minutes each")
    parser.add_argument("--binary", help="the skops-rs to measure (target/release/skops-rs)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    arguments = parser.parse_args()
    if not hasattr(os, "wait4"):
        parser.error("this needs os.wait4, which this platform has not")

    python = environment_of(ENVIRONMENT)
    subprocess.run([python, BENCHES / "models.py", MODELS, *LARGE], check=True)
    with tempfile.TemporaryDirectory() as home:
        try:
            results = measure(arguments, python, home)
        except Failure as failure:
            sys.exit(f"error: {failure}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    print("\n".join(show(results)))
    return 1 if results["verdicts"]["unexpected"] else 0


if __name__ == "__main__":
    sys.exit(main())
