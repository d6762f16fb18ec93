"""What the scripts in this folder share: cases that follow from a seed, the driver, counts, and when to fail.

A reader is a module with

    KIND                            the driver's word for its cases
    FLOOR                           which share of the cases we must accept, at least
    make(random) -> Case            a case
    compare(case, answer, tally)    compares what the driver says with what Python's reader says

Run as a program it takes

    --count N    cases (default 2000)
    --seed S     of the first case; a case follows from the seed and its number alone (default 0)
    --only N     this case alone, with all that is said about it
    --keep DIR   keeps the bytes of cases that differ

and SKOPS_RS_READERS in the environment names the driver, the example `readers`.
"""

import argparse
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import traceback
import warnings
from collections import Counter

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent.parent / "fixtures" / "real"))

BATCH = 2000
# A peer that believes a size in a file is stopped here.
MOST_MEMORY = 4 << 30
MOST_SHOWN = 20


class Case:
    """The bytes of a case, what else the driver is told, and what was done to make it, in words."""

    def __init__(self, data, *words, made=()):
        self.data = data
        self.words = words
        self.made = made


class Tally:
    """What was counted, and what differs."""

    def __init__(self, keep):
        self.keep = keep
        self.counts = Counter()
        self.causes = {}
        self.differences = []

    def count(self, what):
        self.counts[what] += 1

    def cause(self, what, why):
        """Counts a cause of something that is not wrong, to be listed."""
        self.causes.setdefault(what, Counter())[why] += 1

    def differ(self, number, case, text):
        self.differences.append(f"case {number} ({', '.join(case.made) or 'unchanged'}): {text}")
        if self.keep:
            pathlib.Path(self.keep).mkdir(parents=True, exist_ok=True)
            (pathlib.Path(self.keep) / f"{number}.case").write_bytes(case.data)


def agree_on(peer, case, answer, error, known, tally):
    """Whether we and another reader, whose `error` is None if it accepts a case, both accept it; and what is wrong with that, if
    anything is. Cases that only one of the two accepts are counted by their cause; that we do is wrong, unless its error has
    one of the `known` texts.
    """
    if error is None:
        tally.count(f"accepted by {peer}")
    if "error" in answer:
        if error is None:
            tally.cause(f"accepted by {peer} only, by our code and what was done", f"{answer['error']}: {', '.join(case.made[:1])}")
        return False, None
    tally.count("accepted by us")
    if error is None:
        tally.count("accepted by both")
        return True, None
    tally.cause("accepted by us only", error)
    return False, None if any(text in error for text in known) else f"{peer} refuses it: {error}"


class Style:
    """How a text is written: as its own software does, or with what else a reader may allow. `done` says what was odd."""

    # How often something odd is done, by chance, where `odd` is 1.
    share = 0.0

    def __init__(self, random, odd):
        self.random = random
        self.odd = odd
        self.done = []

    def strays(self, what, share=None):
        """Whether to do something odd here."""
        if self.random.random() < (self.share if share is None else share) * self.odd:
            self.done.append(what)
            return True
        return False


def ask(kind, cases):
    """What the driver says about cases."""
    driver = os.environ.get("SKOPS_RS_READERS", here.parent.parent / "target" / "release" / "examples" / "readers")
    lines = "".join(" ".join([kind, case.data.hex(), *case.words]) + "\n" for case in cases)
    found = subprocess.run([driver], input=lines.encode(), stdout=subprocess.PIPE, check=True).stdout.splitlines()
    if len(found) != len(cases):
        sys.exit(f"the driver gave {len(found)} answers to {len(cases)} cases")
    return [json.loads(line) for line in found]


def run(reader):
    options = argparse.ArgumentParser(description=reader.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=2000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--only", type=int)
    options.add_argument("--keep")
    options = options.parse_args()
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    tally = Tally(options.keep)
    numbers = range(options.count) if options.only is None else [options.only]
    for start in range(0, len(numbers), BATCH):
        batch = numbers[start : start + BATCH]
        cases = [reader.make(random.Random(f"{reader.KIND} {options.seed} {number}")) for number in batch]
        for number, case, answer in zip(batch, cases, ask(reader.KIND, cases)):
            tally.count("generated")
            if options.only is not None:
                print(case.data, case.words, case.made, json.dumps(answer, indent=1), sep="\n")
            try:
                for text in reader.compare(case, answer, tally):
                    tally.differ(number, case, text)
            except Exception:
                tally.differ(number, case, traceback.format_exc())
    sys.exit(report(reader, tally))


def report(reader, tally):
    """Prints what was counted. Returns what is wrong, for the exit code."""
    for what, count in tally.counts.items():
        print(f"{count:9} {what}")
    for what, causes in tally.causes.items():
        print(f"  {what}:")
        for why, count in causes.most_common(MOST_SHOWN):
            print(f"{count:9}   {why}")
    for text in tally.differences[:MOST_SHOWN]:
        print(f"DIFFERS: {text:.2000}")
    if tally.differences:
        return f"{reader.KIND}: {len(tally.differences)} differences"
    share = tally.counts["accepted by us"] / tally.counts["generated"]
    if share < reader.FLOOR:
        return f"{reader.KIND}: only {share:.1%} of the cases are accepted, fewer than {reader.FLOOR:.0%}"
    print(f"{reader.KIND}: no difference; {share:.1%} of the cases are accepted")
    return 0


def mutate(random, data, most=4, alphabet=None):
    """Changes, removes, repeats or adds a few bytes."""
    data = bytearray(data)
    for _ in range(random.randint(1, most)):
        at = random.randrange(len(data) + 1)
        byte = random.choice(alphabet) if alphabet and random.random() < 0.7 else random.randrange(256)
        kind = random.randrange(5)
        if kind == 0:
            data[at:at] = bytes([byte])
        elif kind == 1:
            del data[at : at + random.choice([1, 1, 1, 2, 8])]
        elif kind == 2 and at < len(data):
            data[at] ^= 1 << random.randrange(8)
        elif kind == 3:
            end = at + random.choice([1, 2, 4, 16])
            data[at:at] = data[at:end]
        elif at < len(data):
            data[at] = byte
    return bytes(data)
