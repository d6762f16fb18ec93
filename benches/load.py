#!/usr/bin/env python3
"""Measure loading a model with skops-rs beside joblib and skops, on a forest of 500 trees.

    benches/load.py [--rounds N] [--runs N] [--json FILE]

See benches/README.md. Nothing here fails because of a time; it fails when skops-rs reads other
arrays than numpy. Only the standard library is needed, on Linux or macOS.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from untrusted_types import BENCHES, MB, MODELS, TARGET, Failure
from untrusted_types import count, environment, floor, machine, number, row, run, spread

STORED, DEFLATED, JOBLIB = "random-forest.skops", "random-forest-deflated.skops", "random-forest.joblib"
FILES = [STORED.removesuffix(".skops"), DEFLATED.removesuffix(".skops"), JOBLIB]

# As many threads as processors, one and two.
AVAILABLE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
THREADS = [1, 2] if AVAILABLE > 1 else [1]

# Loads a file over and over, as `examples/load.rs` does. Before, it loads a tiny model of the same kind, so that all
# modules are imported. What was loaded is freed outside the time.
IN_PROCESS = """
import gc, io, json, sys, time
from sklearn.ensemble import RandomForestClassifier
library, runs, file, *trusted = sys.argv[1:]
tiny = RandomForestClassifier(2).fit([[0], [1]], [0, 1])
if library == "joblib":
    import joblib
    joblib.dump(tiny, buffer := io.BytesIO())
    buffer.seek(0)
    joblib.load(buffer)
    load = lambda: joblib.load(file)
else:
    import skops.io
    skops.io.loads(skops.io.dumps(tiny), trusted=trusted)
    load = lambda: skops.io.load(file, trusted=trusted)
del tiny
times = []
for _ in range(int(runs)):
    gc.collect()
    start = time.perf_counter_ns()
    model = load()
    times.append((time.perf_counter_ns() - start) / 1e6)
    del model
print(json.dumps({"runs_ms": times}))
"""
JOBLIB_ALONE = "import sys, joblib; joblib.load(sys.argv[1])"
SKOPS_ALONE = "import sys, skops.io; skops.io.load(sys.argv[1], trusted=sys.argv[2:])"

# What the arrays are, according to numpy and joblib, and what has to be trusted.
FACTS = """
import io, json, sys, zipfile, joblib, numpy, skops.io
def total(data):
    return int(numpy.frombuffer(data, "u1").sum(dtype="u8"))
result = {"joblib": joblib.__version__}
joblib_file, *skops_files = sys.argv[1:]
thresholds = joblib.load(joblib_file).estimators_[0].tree_.threshold.tobytes()
for file in skops_files:
    array_bytes = array_sum = entry_bytes = 0
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            entry_bytes += len(data)
            if name.endswith(".npy"):
                size = numpy.load(io.BytesIO(data)).nbytes
                array_bytes += size
                # Of the file, not the array: numpy does not read what lies between the fields of a structured one.
                array_sum += total(data[len(data) - size:])
    result[file.rsplit("/", 1)[1]] = {
        "array_bytes": array_bytes,
        "array_sum": array_sum,
        "entry_bytes": entry_bytes,
        "threshold_sum": total(thresholds),
        "untrusted": skops.io.get_untrusted_types(file=file),
    }
print(json.dumps(result))
"""


@contextmanager
def cores(wanted):
    """Let this process, and those that it starts, use only so many processors. Not on macOS."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:wanted])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Others:
    """How much of the machine is taken by what this script has not started. Only on Linux."""

    def __init__(self):
        self.start = self.now()

    @staticmethod
    def now():
        try:
            fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        except OSError:
            return None
        user, nice, system, _idle, _wait, *interrupts = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields)
        own = os.times()
        return user + nice + system + sum(interrupts) - sum(own[:4]), time.monotonic()

    def percent(self):
        now = self.now()
        if now is None:
            return None
        busy, wall = (after - before for after, before in zip(now, self.start))
        return max(100 * busy / wall / os.cpu_count(), 0)


class Commands:
    """What is run."""

    def __init__(self, binary, python, facts):
        self.binary, self.python, self.trusted = binary, python, facts[STORED]["untrusted"]

    def ours(self, file, mode, threads=1, runs=1, *more):
        trust = [word for name in self.trusted for word in ("--trust", name)]
        options = ["--mode", mode, "--threads", str(threads), "--runs", str(runs)]
        return [self.binary, *options, *more, *trust, str(MODELS / file)]

    def theirs(self, program, file, *arguments):
        trusted = self.trusted if file != JOBLIB else []
        return [self.python, "-c", program, *arguments, str(MODELS / file), *trusted]

    def round(self, threads, runs):
        """All commands of a round by name. In those that repeat, the first run is told from the others."""
        many = runs + 1
        return {
            "joblib": self.theirs(IN_PROCESS, JOBLIB, "joblib", str(many)),
            "eager": self.ours(STORED, "eager", threads, many),
            "skops": self.theirs(IN_PROCESS, STORED, "skops", "2"),
            "verify": self.ours(STORED, "verify", threads, many),
            "audit": self.ours(STORED, "audit", threads, many),
            "lazy": self.ours(STORED, "lazy", threads, many),
            "read": self.ours(STORED, "inflate", threads, many),
            "inflate": self.ours(DEFLATED, "inflate", threads, many),
            "eager-deflated": self.ours(DEFLATED, "eager", threads, many),
            "joblib-process": self.theirs(JOBLIB_ALONE, JOBLIB),
            "eager-process": self.ours(STORED, "eager", threads),
            "skops-process": self.theirs(SKOPS_ALONE, STORED),
            "audit-process": self.ours(STORED, "audit"),
        }


def figures(command):
    """Run a command once. Returns what it took; within the process, too, if it says so."""
    printed, result = run(command)
    if printed:
        first, *again = json.loads(printed)["runs_ms"]
        result["first_ms"] = first
        if again:
            result["again_ms"] = statistics.median(again)
    return result


def check(commands, facts):
    """What skops-rs reads must be what numpy and joblib read. Yields what is not."""
    for file in (STORED, DEFLATED):
        expected = [(commands.ours(file, "lazy"), "check", "threshold_sum")]
        for threads in THREADS:
            eager = commands.ours(file, "eager", threads, 1, "--sum")
            expected += [(eager, "check", "array_sum"), (eager, "array_bytes", "array_bytes")]
            expected.append((commands.ours(file, "inflate", threads), "check", "entry_bytes"))
        for command, key, fact in expected:
            found, value = json.loads(run(command)[0])[key], facts[file][fact]
            if found != value:
                yield f"{' '.join(command)}: {key} is {found}, not {value}"


def summary(rounds):
    """Median, least and most of each figure of each command over the rounds."""
    result = {}
    for name in rounds[0]:
        result[name] = {}
        for key in rounds[0][name]:
            values = [each[name][key] for each in rounds]
            result[name][key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return result


# What is compared: the words, the two commands, the figure of each, and the target for one core and for two.
RATIOS = [
    ("joblib.load / eager, first load in a process", "joblib", "eager", "first_ms", (">= 2", ">= 3.5")),
    ("joblib.load / eager, loaded again", "joblib", "eager", "again_ms", (">= 2", ">= 3.5")),
    ("joblib / eager, whole process", "joblib-process", "eager-process", "wall_ms", (">= 5", ">= 5")),
    ("skops / eager, whole process", "skops-process", "eager-process", "wall_ms", (">= 10", ">= 10")),
    ("lazy / audit, first", "lazy", "audit", "first_ms", ("< 2", "< 2")),
    ("lazy / audit, again", "lazy", "audit", "again_ms", ("< 2", "< 2")),
    ("joblib.load / lazy, first load in a process", "joblib", "lazy", "first_ms", (">= 20", ">= 20")),
    ("joblib.load / lazy, loaded again", "joblib", "lazy", "again_ms", (">= 20", ">= 20")),
    ("eager / plain read, first", "eager", "read", "first_ms", ("", "")),
    ("eager / plain read, again", "eager", "read", "again_ms", ("", "")),
    ("DEFLATED: eager / plain inflate, first", "eager-deflated", "inflate", "first_ms", ("", "")),
    ("DEFLATED: eager / plain inflate, again", "eager-deflated", "inflate", "again_ms", ("", "")),
]


def ratios(rounds):
    """The ratios, taken round by round."""
    result = []
    for _, above, below, key, _ in RATIOS:
        values = [each[above][key] / each[below][key] for each in rounds]
        result.append({"median": statistics.median(values), "min": min(values), "max": max(values)})
    return result


def measure(arguments, python):
    binary = arguments.binary or TARGET / "release/examples/load"
    if not Path(binary).is_file():
        raise Failure(f"{binary} is not there; make it with `cargo build --release --features parallel --example load`")
    binary = str(Path(binary).absolute())
    results = machine(python, binary)
    files = [str(MODELS / file) for file in (JOBLIB, STORED, DEFLATED)]
    facts = json.loads(run([python, "-c", FACTS, *files])[0])
    commands = Commands(binary, python, facts)
    differ = list(check(commands, facts))
    results |= {"facts": facts, "differ": differ, "floor_rss_mb": floor(), "cores": {}}
    results |= {"rounds": arguments.rounds, "runs": arguments.runs}
    rounds, others = {threads: [] for threads in THREADS}, {threads: [] for threads in THREADS}
    # The first round is to have everything in the page cache, and not counted.
    for position in range(arguments.rounds + 1):
        print(f"round {position} of {arguments.rounds}", file=sys.stderr, flush=True)
        for threads in THREADS:
            meanwhile = Others()
            with cores(threads):
                each = {name: figures(command) for name, command in commands.round(threads, arguments.runs).items()}
            if position > 0:
                rounds[threads].append(each)
                others[threads].append(meanwhile.percent())
    for threads, each in rounds.items():
        medians = summary(each)
        bound = 1.2 * facts[STORED]["array_bytes"] / MB + medians["audit-process"]["rss_mb"]["median"]
        results["cores"][threads] = {"figures": medians, "ratios": ratios(each), "bound_rss_mb": bound}
        results["cores"][threads] |= {"others_percent": others[threads], "rounds": each}
    return results


def meets(value, target):
    """A target in words, and whether a ratio meets it."""
    if not target:
        return ""
    relation, limit = target.split()
    met = value >= float(limit) if relation == ">=" else value < float(limit)
    return target if met else f"{target}: missed"


def tables(results):
    every = results["cores"]
    names = {1: "one core", 2: "two cores"}
    yield row("ratio", *[cell for threads in every for cell in (names[threads], "target")])
    yield row("---", *["--:", "---"] * len(every))
    for position, (words, *_, targets) in enumerate(RATIOS):
        cells = []
        for target, each in zip(targets, every.values()):
            ratio = each["ratios"][position]
            cells += [spread(ratio), meets(ratio["median"], target)]
        yield row(words, *cells)
    cells = []
    for each in every.values():
        peak, bound = each["figures"]["eager-process"]["rss_mb"]["median"], each["bound_rss_mb"]
        cells += [number(peak), f"<= {number(bound)}" + (": missed" if peak > bound else "")]
    yield row("peak RSS of eager, MB", *cells)
    for threads, each in every.items():
        yield ""
        taken = [percent for percent in each["others_percent"] if percent is not None]
        busy = f" Other processes took {min(taken):.0f} to {max(taken):.0f} % of the machine." if taken else ""
        yield f"On {names[threads]}, medians (least to most).{busy}"
        yield ""
        yield "| | first ms | again ms | whole process ms | CPU ms | peak RSS MB |"
        yield "|---|--:|--:|--:|--:|--:|"
        for name, taken in each["figures"].items():
            is_whole = name.endswith("-process")
            yield row(
                name.replace("-process", ", whole process"),
                "" if is_whole else spread(taken["first_ms"]),
                "" if is_whole else spread(taken["again_ms"]),
                spread(taken["wall_ms"]) if is_whole else "",
                spread(taken["cpu_ms"]) if is_whole else "",
                spread(taken["rss_mb"]),
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=count, default=5, help="rounds, in each of which everything is run (5)")
    parser.add_argument("--runs", type=count, default=3, help="loads after the first in each process (3)")
    parser.add_argument("--binary", help="the example to measure (target/release/examples/load)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    arguments = parser.parse_args()
    if not hasattr(os, "wait4"):
        parser.error("this needs os.wait4, which this platform has not")

    python = environment()
    subprocess.run([python, BENCHES / "models.py", MODELS, *FILES], check=True)
    try:
        results = measure(arguments, python)
    except Failure as failure:
        sys.exit(f"error: {failure}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    facts, differ = results["facts"], results["differ"]
    print(f"{results['versions']}, joblib {facts['joblib']}.")
    print(f"{results['machine']}, load average {results['load_average']:.2f} before.")
    rounds, runs = arguments.rounds, arguments.runs
    print(f"{rounds} rounds, {runs} loads after the first in each process of skops-rs and joblib, 1 of skops.")
    print(f"The arrays have {number(facts[STORED]['array_bytes'] / MB)} MB.")
    if not hasattr(os, "sched_setaffinity"):
        print("Processes could not be kept to one core here.")
    if results["floor_rss_mb"]:
        print(f"A process that does nothing is measured as {number(results['floor_rss_mb'])} MB of RSS.")
    print()
    print("\n".join(tables(results)))
    print()
    print("\n".join(differ) if differ else "skops-rs reads the arrays that numpy and joblib read.")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
