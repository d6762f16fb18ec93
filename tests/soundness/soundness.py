"""Differential soundness: what skops touches while it loads a file is among what skops-rs reports.

    python soundness.py [--mutants N] [--seed TEXT] [--no-fixtures]
    python soundness.py --replay FILE...     what each release does with a file, and what was reported
    python soundness.py --self-test          weakened readers have to be found out; then mutants, if any are asked for

Each accepted file is loaded by every pinned release, with all reported names trusted (see recorder.py); judge.py says what
must not be. Environments are looked for in $SKOPS_RS_VENVS, or target/venvs. Disagreements are kept in --out, a file
and what was recorded and reported for each.
"""

import argparse
import collections
import contextlib
import glob
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import found
import judge
import mutate

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FIXTURES = os.path.join(ROOT, "fixtures")
VENVS = os.environ.get("SKOPS_RS_VENVS") or os.path.join(ROOT, "target/venvs")
RELEASES = ["0.5", "0.9", "0.11", "0.13", "0.16"]
BATCH = 250
# A process costs more than most files. So many share one, see `in_groups`.
TOGETHER = 12
# A generator that is always refused proves nothing; nor one whose files no release can load.
LEAST_ACCEPTED = 0.40
LEAST_LOADED = 0.40
# A mutator that was used so often has to be accepted once.
OFTEN = 40


class Case:
    """A file to be judged, and what came of it."""

    def __init__(self, name, path, mutators=()):
        self.name, self.path, self.mutators = name, path, mutators
        self.references = None
        self.answers = {}
        self.is_tame = False

    def request(self):
        reported = judge.Reported(self.references)
        return {"path": self.path, "trusted": reported.names(), "unasked": reported.unasked(), "called": reported.called()}


# skops-rs ------------------------------------------------------------------------------------------------------------


def report(binary, paths):
    """What skops-rs says of files: {path: references, or None if refused}, and those that it died of."""
    command = [binary, "untrusted-types", "--all", "--format", "json", *paths]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60 + len(paths))
        code = done.returncode
    except subprocess.TimeoutExpired:
        code = "timeout"
    if code in (0, 3):
        files = json.loads(done.stdout)["files"]
        if len(files) == len(paths):
            return {file["path"]: file.get("references") for file in files}, []
    if len(paths) == 1:
        return {paths[0]: None}, [(paths[0], code)]
    middle = len(paths) // 2
    first, died = report(binary, paths[:middle])
    second, died_too = report(binary, paths[middle:])
    return {**first, **second}, died + died_too


# skops ---------------------------------------------------------------------------------------------------------------


class Release:
    """A release of skops in its environment, at work in a thread of its own."""

    def __init__(self, name, modules, environment=None, overlay=None):
        self.name = name
        python = os.path.join(VENVS, environment or f"skops-{name}", "bin/python")
        if not os.path.exists(python):
            sys.exit(f"soundness.py: no environment for skops {name}: fixtures/environments/create.sh skops-{name}")
        environ = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "TZ": "UTC"}
        if overlay:
            environ["PYTHONPATH"] = overlay
        self.process = subprocess.Popen(
            [python, "-B", os.path.join(HERE, "recorder.py"), os.path.join(FIXTURES, "real")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ, cwd=tempfile.gettempdir(),
        )
        self.process.stdin.write(json.dumps(modules) + "\n")
        self.process.stdin.flush()
        self.batches = queue.Queue(maxsize=3)
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def ask(self, cases):
        """Loads files in one process. Those that it did not come to, because it died, get one of their own."""
        requests = [case.request() for case in cases]
        self.process.stdin.write(json.dumps(requests) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the recorder of skops {self.name} ended")
        answers = json.loads(line)
        for case, answer in zip(cases, answers):
            case.answers[self.name] = answer
        for case in cases[len(answers):]:
            self.ask([case])

    def work(self):
        while (batch := self.batches.get()) is not None:
            cases, done = batch
            for group in in_groups(cases):
                try:
                    self.ask(group)
                except (RuntimeError, OSError, ValueError) as error:
                    for case in group:
                        case.answers[self.name] = {"outcome": "recorder failed", "error": str(error), "events": []}
            done.release()

    def end(self):
        self.batches.put(None)
        self.thread.join()
        with contextlib.suppress(BrokenPipeError):  # it was ended, too
            self.process.stdin.close()
        self.process.wait()


def in_groups(cases):
    """A process for each file, but for those that call nothing but what real models do: they leave nothing behind."""
    tame = [case for case in cases if case.is_tame]
    yield from (tame[first:first + TOGETHER] for first in range(0, len(tame), TOGETHER))
    yield from ([case] for case in cases if not case.is_tame)


def load_all(releases, cases):
    """Has every release load the cases. Returns a function that waits until they have."""
    done = threading.Semaphore(0)
    for release in releases:
        release.batches.put((cases, done))

    def wait():
        for _ in releases:
            done.acquire()

    return wait


# Counting ------------------------------------------------------------------------------------------------------------


class Tally:
    """What a run has found."""

    def __init__(self, out, releases):
        self.out, self.releases = out, releases
        self.cases = self.accepted = self.loaded_somewhere = 0
        self.outcomes = {name: collections.Counter() for name in releases}
        self.by_mutator = collections.defaultdict(collections.Counter)
        self.names, self.kinds, self.kept = set(), collections.Counter(), collections.Counter()
        self.events = 0

    def count(self, case):
        self.cases += 1
        accepted = case.references is not None
        loaded = any(answer["outcome"] == "loaded" for answer in case.answers.values())
        self.accepted += accepted
        self.loaded_somewhere += loaded
        for mutator in case.mutators:
            self.by_mutator[mutator].update(made=1, accepted=accepted, loaded=loaded)
        if not accepted:
            return
        reported = judge.Reported(case.references)
        for name, answer in case.answers.items():
            self.outcomes[name][outcome(answer)] += 1
            self.events += len(answer["events"])
            self.names.update(text for event in answer["events"] for text in event.get("names", ()) if event["kind"] != "set")
            for kind, event in judge.disagreements(answer, reported):
                self.disagree(case, name, kind, event)
            if answer["outcome"] == "recorder failed":
                self.disagree(case, name, "recorder", {"error": answer["error"]})

    def disagree(self, case, release, kind, event):
        self.kinds[kind] += 1
        what = f"{kind}:{event.get('names', event.get('event', ''))}"
        self.kept[what] += 1
        if self.kept[what] <= 2 and len(self.kept) < 500:
            self.keep(case, release, kind, event)

    def keep(self, case, release, kind, event):
        os.makedirs(self.out, exist_ok=True)
        stem = os.path.join(self.out, f"{kind}-{sum(self.kept.values())}-{os.path.basename(case.name).removesuffix('.skops')}")
        shutil.copyfile(case.path, f"{stem}.skops")
        said = {"case": case.name, "mutators": case.mutators, "skops": release, "kind": kind, "event": event,
                "answer": case.answers.get(release), "reported": brief(case.references or [])}
        with open(f"{stem}.json", "w") as file:
            json.dump(said, file, indent=1)
        print(f"DISAGREEMENT skops {release}: {kind} {event} in {case.name} {list(case.mutators)}", flush=True)

    def show(self):
        print(f"files {self.cases}, accepted by skops-rs {self.accepted}, loaded to the end by some release {self.loaded_somewhere}")
        for name, outcomes in self.outcomes.items():
            loaded = outcomes["loaded"]
            other = ", ".join(f"{key} {count}" for key, count in outcomes.most_common() if key != "loaded")
            print(f"  skops {name:5} loaded {loaded:6}, failed on the way {sum(outcomes.values()) - loaded:6} ({other})")
        print(f"things recorded {self.events}, different names {len(self.names)}")
        print(f"disagreements {sum(self.kinds.values())} {dict(self.kinds)}")

    def show_mutators(self):
        print(f"{'mutator':24} {'made':>7} {'accepted':>9} {'loaded':>7}")
        for name in sorted(self.by_mutator):
            counts = self.by_mutator[name]
            print(f"{name:24} {counts['made']:7} {counts['accepted']:9} {counts['loaded']:7}")


def outcome(answer):
    known = ("loaded", "died", "too slow", "UntrustedTypesFoundException", "recorder failed", "Forbidden")
    return answer["outcome"] if answer["outcome"] in known else "error"


def brief(references):
    return [f"{reference['name']} ({reference['role']}, {reference['loader']})" for reference in references]


# Runs ----------------------------------------------------------------------------------------------------------------


def run(binary, releases, batches, tally, tame):
    """Judges batches of cases. The next is made while the releases are at work on those before."""
    waiting = collections.deque()
    for cases in batches:
        said, died = report(binary, [case.path for case in cases])
        for case in cases:
            case.references = said[case.path]
            called = (reference for reference in case.references or () if reference["role"] in judge.DOES)
            case.is_tame = tame >= {reference["name"] for reference in called}
        for path, code in died:
            case = next(case for case in cases if case.path == path)
            tally.disagree(case, "-", "reader", {"error": f"skops-rs ended with {code}"})
        accepted = [case for case in cases if case.references is not None]
        waiting.append((cases, load_all(releases, accepted)))
        if len(waiting) > 2:
            finish(*waiting.popleft(), tally)
    while waiting:
        finish(*waiting.popleft(), tally)


def finish(cases, wait, tally):
    wait()
    for case in cases:
        tally.count(case)
        if case.mutators:
            os.unlink(case.path)


def fixtures():
    paths = glob.glob(f"{FIXTURES}/real/skops-*/*.skops") + glob.glob(f"{FIXTURES}/hostile/files/*.skops")
    return [Case(os.path.relpath(path, FIXTURES), path) for path in sorted(paths)]


def names_of_real_models(binary):
    said, _ = report(binary, [case.path for case in fixtures() if case.name.startswith("real")])
    return {reference["name"] for references in said.values() for reference in references or ()}


def in_batches(cases):
    for first in range(0, len(cases), BATCH):
        yield cases[first:first + BATCH]


def mutants(bases, seed, numbers, folder):
    batch = []
    for number in numbers:
        data, base, done = mutate.make(bases, seed, number)
        path = os.path.join(folder, f"{seed}-{number}.skops")
        with open(path, "wb") as file:
            file.write(data)
        batch.append(Case(f"{seed}-{number} of {base}".replace("/", " "), path, done))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def modules_of(bases):
    """The modules that real models name: importing them once is much faster than in every process."""
    nodes = [node for known in bases.nodes.values() for _, node in known]
    return sorted({node["__module__"] for node in nodes if isinstance(node["__module__"], str)} - {"__main__"})


def check(options, releases, bases):
    """The fixtures, then mutants. True if all is well."""
    well, started = True, time.monotonic()
    tame = names_of_real_models(options.binary)
    if not options.no_fixtures:
        print("== what was found before")
        well &= check_found(options, releases, tame)
        tally = Tally(options.out, [release.name for release in releases])
        print("== real and hostile files")
        run(options.binary, releases, in_batches(fixtures()), tally, tame)
        tally.show()
        well &= not tally.kinds
    if options.mutants:
        tally = Tally(options.out, [release.name for release in releases])
        print(f"== {options.mutants} mutants, seed {options.seed!r}, from {options.first}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            numbers = range(options.first, options.first + options.mutants)
            try:
                run(options.binary, releases, progress(mutants(bases, options.seed, numbers, folder), tally), tally, tame)
            except KeyboardInterrupt:
                print("interrupted: this is what there is so far")
        tally.show()
        tally.show_mutators()
        well &= not tally.kinds and is_alive(tally)
    print(f"{time.monotonic() - started:.0f} s")
    return well


def check_found(options, releases, tame):
    tally = Tally(options.out, [release.name for release in releases])
    with tempfile.TemporaryDirectory() as folder:
        expected = dict(found.write(folder))
        cases = [Case(os.path.basename(path), path) for path in expected]
        run(options.binary, releases, [cases], tally, tame)
    wrong = [case.name for case in cases if (case.references is not None) != expected[case.path]]
    print(f"files {tally.cases}, accepted {tally.accepted}, loaded {tally.loaded_somewhere}, disagreements {dict(tally.kinds)}")
    for name in wrong:
        print(f"WRONG: {name} is accepted, or refused, as it was not meant to be")
    return not wrong and not tally.kinds


def progress(batches, tally):
    last = time.monotonic()
    for batch in batches:
        if time.monotonic() - last > 60:
            last = time.monotonic()
            print(f"... {tally.cases} files, {tally.accepted} accepted, {sum(tally.kinds.values())} disagreements", flush=True)
        yield batch


def is_alive(tally):
    """The guard against a generator that proves nothing."""
    complaints = []
    if tally.accepted < LEAST_ACCEPTED * tally.cases:
        complaints.append(f"only {tally.accepted} of {tally.cases} mutants were accepted")
    if tally.loaded_somewhere < LEAST_LOADED * tally.accepted:
        complaints.append(f"only {tally.loaded_somewhere} of {tally.accepted} accepted mutants were loaded by any release")
    for function, _ in mutate.KIND:
        counts = tally.by_mutator[function.__name__]
        if counts["made"] >= OFTEN and not counts["accepted"]:
            complaints.append(f"the mutator {function.__name__} was never accepted")
    for complaint in complaints:
        print(f"DEAD: {complaint}")
    return not complaints


def replay(options, releases):
    said, died = report(options.binary, options.replay)
    well = not died
    for path in options.replay:
        case = Case(path, os.path.abspath(path))
        case.references = said[path]
        print(f"== {path}: {'refused' if case.references is None else 'accepted'}")
        if case.references is None:
            continue
        print("\n".join(brief(case.references)))
        load_all(releases, [case])()
        for name, answer in case.answers.items():
            print(f"-- skops {name}: {answer['outcome']} {answer['error']}")
            wrong = judge.disagreements(answer, judge.Reported(case.references))
            well &= not wrong
            for event in answer["events"]:
                print("  ", "NOT REPORTED" if any(event is other for _, other in wrong) else "", json.dumps(event))
    return well


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", default=os.path.join(ROOT, "target/release/skops-rs"))
    parser.add_argument("--mutants", type=int, default=0)
    parser.add_argument("--seed", default="ci")
    parser.add_argument("--first", type=int, default=0, help="the number of the first mutant")
    parser.add_argument("--releases", default=",".join(RELEASES))
    parser.add_argument("--overlay", action="append", default=[], metavar="RELEASE=ENVIRONMENT:FOLDER",
                        help="another release of skops, which is in this folder, with the other packages of an environment")
    parser.add_argument("--no-fixtures", action="store_true")
    parser.add_argument("--out", default=os.path.join(ROOT, "target/soundness"))
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--replay", nargs="+", metavar="FILE")
    return parser.parse_args()


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    bases = mutate.Bases(FIXTURES)
    modules = modules_of(bases)
    releases = [Release(name, modules) for name in options.releases.split(",") if name]
    for overlay in options.overlay:
        name, _, place = overlay.partition("=")
        releases.append(Release(name, modules, *place.split(":", 1)))
    try:
        if options.replay:
            return replay(options, releases)
        if not options.self_test:
            return check(options, releases, bases)
        import weakened

        well = weakened.check(options.binary, releases)
        return check(options, releases, bases) and well if options.mutants else well
    finally:
        for release in releases:
            release.end()


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
