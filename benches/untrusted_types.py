#!/usr/bin/env python3
"""Measure `skops-rs untrusted-types` beside `skops.io.get_untrusted_types`, on real models.

    benches/untrusted_types.py [--runs N] [--skops-runs N] [--models NAME,...] [--json FILE]
    benches/untrusted_types.py --parse [--models NAME,...]

See benches/README.md. Nothing here fails because of a time; it fails when the two print
different names. Only the standard library is needed, on Linux or macOS.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

BENCHES = Path(__file__).resolve().parent
ROOT = BENCHES.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
MODELS = ROOT / "target" / "bench-models"
ENVIRONMENT = "skops-0.16"
NAMES = [
    "logistic-regression",
    "random-forest",
    "random-forest-tenth",
    "gradient-boosting",
    "gradient-boosting-deflated",
    "tfidf",
]
SKOPS = "import sys, skops.io as s; print('\\n'.join(s.get_untrusted_types(file=sys.argv[1])))"
MB = 1_000_000
# ru_maxrss is in KiB, except on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Failure(Exception):
    """A command that did not end well."""


# Runs a command, and prints its wall time in nanoseconds, its CPU time in seconds and its peak
# resident memory. A process of its own: the kernel counts what resides of the one that forks
# to the peak of the child, and this one, with hardly a module imported, is as small as Python gets.
LAUNCHER = """
import posix, sys, time
start = time.perf_counter_ns()
child = posix.fork()
if child == 0:
    try:
        posix.execv(sys.argv[2], sys.argv[2:])
    finally:
        posix._exit(127)
_, status, usage = posix.wait4(child, 0)
wall = time.perf_counter_ns() - start
posix.write(int(sys.argv[1]), f"{status} {wall} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}".encode())
"""


def run(command):
    """Run a command once. Returns what it printed, and a dict of what it took."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as report:
        number = report.fileno()
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(number), *command]
        subprocess.run(launcher, stdout=out, stderr=err, pass_fds=[number], check=False)
        for file in (out, err, report):
            file.seek(0)
        fields = report.read().split()
        if len(fields) != 4 or int(fields[0]) != 0:
            raise Failure(f"{' '.join(command)} failed\n{err.read().decode(errors='replace')}")
        figures = {
            "wall_ms": int(fields[1]) / 1e6,
            "cpu_ms": float(fields[2]) * 1e3,
            "rss_mb": int(fields[3]) * RSS_UNIT / MB,
        }
        return out.read().decode(), figures


def alternate(ours, theirs, our_runs, their_runs, warm_up):
    """Run both commands in turn, and return the figures of each, one list for each round.

    A round is one run of theirs after its share of the runs of ours. Each command is run
    before, unmeasured, for files and libraries to be in the page cache.
    """
    printed = [run(ours)[0], run(theirs)[0]]
    for _ in range(warm_up - 1):
        run(ours), run(theirs)
    share, rest = divmod(our_runs, their_runs)
    rounds = []
    for number in range(their_runs):
        count = share + (number < rest)
        rounds.append(([run(ours)[1] for _ in range(count)], run(theirs)[1]))
    return printed, rounds


def summary(figures):
    """Median, least and most of each figure over several runs."""
    result = {}
    for key in figures[0]:
        values = [each[key] for each in figures]
        result[key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return result


def compare(rounds):
    ours = [figures for many, _ in rounds for figures in many]
    theirs = [figures for _, figures in rounds]
    ratios = {}
    for key in ("wall_ms", "cpu_ms"):
        values = []
        for many, one in rounds:
            own = statistics.median(figures[key] for figures in many)
            # The clock of CPU time may be too coarse for so short a process.
            values.append(one[key] / own if own > 0 else float("inf"))
        ratios[key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {
        "skops_rs": summary(ours),
        "skops": summary(theirs),
        "ratio": ratios,
        "rounds": [{"skops_rs": many, "skops": one} for many, one in rounds],
    }


def describe(file):
    with zipfile.ZipFile(file) as archive:
        schema = archive.getinfo("schema.json").file_size
        entries = len(archive.infolist())
    return {"file_bytes": file.stat().st_size, "schema_bytes": schema, "entries": entries}


def environment():
    """Make the environment of the fixtures, if need be, and return its interpreter."""
    subprocess.run([ROOT / "fixtures/environments/create.sh", ENVIRONMENT], check=True, stdout=sys.stderr)
    venvs = Path(os.environ.get("SKOPS_RS_VENVS") or ROOT / "target/venvs")
    return str((venvs / ENVIRONMENT / "bin/python").absolute())


def machine(python, binary):
    versions = subprocess.check_output(
        [
            python,
            "-c",
            "import platform as p, skops, sklearn;"
            "print('Python', p.python_version() + ',', 'skops', skops.__version__ + ',', 'scikit-learn', sklearn.__version__)",
        ],
        text=True,
    ).strip()
    own = subprocess.check_output([binary, "--version"], text=True).strip()
    processor = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "versions": f"{own}; {versions}",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} x {processor}",
        "load_average": os.getloadavg()[0],
    }


def floor():
    """The least peak memory that can be measured from here: that of a program which does nothing."""
    nothing = shutil.which("true")
    return max(run([nothing])[1]["rss_mb"] for _ in range(3)) if nothing else None


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(figure):
    return f"{number(figure['median'])} ({number(figure['min'])} to {number(figure['max'])})"


def size(count):
    return f"{number(count / MB)} MB" if count >= MB else f"{number(count / 1000)} kB"


def tables(results):
    yield (
        "| model | file | schema | entries | skops-rs ms | skops ms | ratio | skops-rs RSS MB | 4 x schema + 10 MB | skops RSS MB |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for name, result in results["models"].items():
        ours, theirs = result["skops_rs"], result["skops"]
        yield row(
            name,
            size(result["file_bytes"]),
            size(result["schema_bytes"]),
            f"{result['entries']:,}",
            number(ours["wall_ms"]["median"]),
            number(theirs["wall_ms"]["median"]),
            f"{number(result['ratio']['wall_ms']['median'])}x",
            number(ours["rss_mb"]["median"]),
            number(4 * result["schema_bytes"] / MB + 10),
            number(theirs["rss_mb"]["median"]),
        )
    start = results["start"]
    ours, theirs = start["skops_rs"], start["skops"]
    yield row(
        "none: start-up alone",
        *[""] * 3,
        number(ours["wall_ms"]["median"]),
        number(theirs["wall_ms"]["median"]),
        f"{number(start['ratio']['wall_ms']['median'])}x",
        number(ours["rss_mb"]["median"]),
        "",
        number(theirs["rss_mb"]["median"]),
    )
    yield ""
    yield "Median (least to most), wall time and user + system time:"
    yield ""
    yield "| model | skops-rs wall ms | skops-rs CPU ms | skops wall ms | skops CPU ms | wall ratio | CPU ratio |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for name, result in [*results["models"].items(), ("none", start)]:
        ours, theirs, ratio = result["skops_rs"], result["skops"], result["ratio"]
        yield row(
            name,
            spread(ours["wall_ms"]),
            spread(ours["cpu_ms"]),
            spread(theirs["wall_ms"]),
            spread(theirs["cpu_ms"]),
            spread(ratio["wall_ms"]),
            spread(ratio["cpu_ms"]),
        )


def measure(arguments, python, files):
    binary = arguments.binary or TARGET / "release" / "skops-rs"
    if not Path(binary).is_file():
        raise Failure(f"{binary} is not there; make it with `cargo build --release`")
    binary = str(Path(binary).absolute())
    runs = arguments.runs, arguments.skops_runs, arguments.warm_up
    results = machine(python, binary) | {"runs": arguments.runs, "skops_runs": arguments.skops_runs}
    results["floor_rss_mb"] = floor()
    _, rounds = alternate([binary, "--version"], [python, "-c", "import skops.io"], *runs)
    results["start"] = compare(rounds)
    results["models"] = {}
    differ = []
    for name, file in files.items():
        print(f"measuring {name}", file=sys.stderr, flush=True)
        ours, theirs = [binary, "untrusted-types", str(file)], [python, "-c", SKOPS, str(file)]
        printed, rounds = alternate(ours, theirs, *runs)
        own, other = (sorted(set(text.split())) for text in printed)
        if own != other:
            differ.append(f"{name}: skops-rs prints {own}, skops {other}")
        results["models"][name] = describe(file) | {"names": own, "same_names": own == other} | compare(rounds)
    return results, differ


def parse(files):
    """In-process throughput; see benches/schema_parse.rs."""
    command = ["cargo", "bench", "--bench", "schema_parse", "--", *map(str, files.values())]
    return subprocess.run(command, cwd=ROOT).returncode


def count(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=count, default=15, help="runs of skops-rs for each model (15)")
    parser.add_argument("--skops-runs", type=count, help="runs of skops for each model (a third of --runs)")
    parser.add_argument("--warm-up", type=count, default=1, help="runs before, not counted (1)")
    parser.add_argument("--models", help=f"some of: {','.join(NAMES)}")
    parser.add_argument("--binary", help="the skops-rs to measure (target/release/skops-rs)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--parse", action="store_true", help="measure reading schema.json within a process")
    arguments = parser.parse_args()
    arguments.skops_runs = min(arguments.skops_runs or max(arguments.runs // 3, 1), arguments.runs)
    names = arguments.models.split(",") if arguments.models else NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"no such models: {', '.join(sorted(unknown))}")
    if not hasattr(os, "wait4"):
        parser.error("this needs os.wait4, which this platform has not")

    python = environment()
    subprocess.run([python, BENCHES / "models.py", MODELS, *names], check=True)
    files = {name: MODELS / f"{name}.skops" for name in names}
    if arguments.parse:
        return parse(files)
    try:
        results, differ = measure(arguments, python, files)
    except Failure as failure:
        sys.exit(f"error: {failure}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    print(f"{results['versions']}. {results['machine']}, load average {results['load_average']:.2f} before.")
    print(f"{arguments.runs} runs of skops-rs and {arguments.skops_runs} of skops for each model, in turn.")
    if results["floor_rss_mb"]:
        print(f"A process that does nothing is measured as {number(results['floor_rss_mb'])} MB of RSS.")
    print()
    print("\n".join(tables(results)))
    print()
    print("\n".join(differ) if differ else "Both print the same names for every model.")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
