"""Keeps each file that skops writes in this environment.

    python capture.py suite OUT PACKAGES        while skops's own tests run
    python capture.py update OUT PACKAGES FROM  while `skops update` rewrites the files that were kept in FROM

PACKAGES is the site-packages of fixtures/environments/pytest.txt; they come after those of this environment. OUT gets the
files and `manifest.json`, which says of each one which test wrote it and how:

    suite     a test wrote it
    again     what skops loads from a file of the suite was dumped again, with one compression after the other
    convert   the same, pickled, and then `skops convert`
    update    `skops update`

Tests are not disturbed: what they write is copied on its way out of `skops.io._persist._save`, which is what both `dump`
and `dumps` call, under whatever name they were imported; and everything else happens after the last test.
"""

import contextlib
import hashlib
import io
import itertools
import json
import logging
import os
import pathlib
import pickle
import sys
import tempfile
import warnings
import zipfile
from collections import Counter

# (method, level): what `dump` can be asked for since skops 0.7. Two of them let zipfile choose the level.
COMPRESSIONS = [
    (zipfile.ZIP_STORED, None),
    (zipfile.ZIP_DEFLATED, None),
    (zipfile.ZIP_DEFLATED, 0),
    (zipfile.ZIP_DEFLATED, 1),
    (zipfile.ZIP_DEFLATED, 9),
    (zipfile.ZIP_BZIP2, 1),
    (zipfile.ZIP_BZIP2, 9),
    (zipfile.ZIP_LZMA, None),
]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def payload(name, data):
    """A hash of an entry. Archives within have time stamps, so it is their members that count."""
    if not name.endswith(".npz"):
        return digest(data)
    with zipfile.ZipFile(io.BytesIO(data)) as members:
        return [(name, digest(members.read(name))) for name in members.namelist()]


def content(data):
    """A hash of what a file holds. Addresses, which name objects and entries, are told by the order they come in."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        payloads = {name: payload(name, archive.read(name)) for name in archive.namelist() if name != "schema.json"}
        schema = json.loads(archive.read("schema.json"))
    ids = {}

    def plain(key, value):
        if isinstance(value, dict):
            return {key: plain(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(None, item) for item in value]
        if key == "__id__":
            return ids.setdefault(value, len(ids))
        return payloads.get(value, value) if key == "file" else value

    return digest(json.dumps(plain(None, schema)).encode())


class Capture:
    """What was kept. As a plugin of pytest, it knows which test is running."""

    def __init__(self, out):
        self.out = pathlib.Path(out)
        self.out.mkdir(parents=True)
        self.rows = []
        self.tests = Counter()
        self.failed = []
        self.test, self.how = "while collecting", "suite"

    def watch(self):
        """Copies what `dump` and `dumps` are about to give away."""
        from skops.io import _persist

        write = _persist._save

        def save(*args, **kwargs):
            buffer = write(*args, **kwargs)
            self.keep(buffer.getvalue())
            return buffer

        _persist._save = save

    def keep(self, data):
        name = f"{len(self.rows):05}.skops"
        (self.out / name).write_bytes(data)
        self.rows.append({"file": name, "test": self.test, "how": self.how, "content": content(data)})

    def read(self, row):
        return (self.out / row["file"]).read_bytes()

    def pytest_runtest_logstart(self, nodeid):
        # The folder depends on where pytest finds its root.
        self.test = nodeid.rsplit("tests/", 1)[-1]

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.skipped or report.failed:
            self.tests[report.outcome] += 1
            if report.failed:
                self.failed.append(self.test)

    def finish(self):
        manifest = {"tests": self.tests, "failed": self.failed, "files": self.rows}
        (self.out / "manifest.json").write_text(json.dumps(manifest, indent=0))


def distinct(rows):
    """The first row of each content."""
    return list({row["content"]: row for row in reversed(rows)}.values())[::-1]


def attempt(row, field, action, *args):
    """Notes what skops itself has against a file."""
    try:
        return action(*args)
    except Exception as error:
        row[field] = f"{type(error).__name__}: {error}"[:300]
        return None


def load(data):
    import skops.io

    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


def dump_again(instance, compression):
    """With a compression, where this release takes one."""
    import skops.io

    method, level = compression
    try:
        return skops.io.dumps(instance, compression=method, compresslevel=level)
    except TypeError as error:
        if "compression" not in str(error):
            raise
        return skops.io.dumps(instance)


def convert(instance, folder):
    from skops.cli.entrypoint import main_cli

    source = folder / "model.pkl"
    source.write_bytes(pickle.dumps(instance))
    main_cli(["convert", str(source), "-o", str(folder / "model.skops")])


def update(path, folder):
    import skops.io
    from skops.cli.entrypoint import main_cli

    trusted = skops.io.get_untrusted_types(file=path)
    main_cli(["update", str(path), "-o", str(folder / "model.skops"), "--trusted", *trusted])


def write_again(capture, folder):
    """Gives skops everything back that the suite wrote."""
    compressions = itertools.cycle(COMPRESSIONS)
    for row in distinct(capture.rows):
        capture.test, capture.how = row["test"], "again"
        instance = attempt(row, "load", load, capture.read(row))
        if "load" in row:
            continue
        attempt(row, "again", dump_again, instance, next(compressions))
        capture.how = "convert"
        attempt(row, "convert", convert, instance, folder)


def run_suite(capture, folder):
    import pytest

    warnings.filterwarnings("ignore")
    options = ["-q", "--tb=line", "--no-header", "-p", "no:cacheprovider", "-W", "ignore", "--basetemp", str(folder / "pytest")]
    # The tests of skops.io leave checks of their own in skops, which those of skops.cli do not pass.
    pytest.main([*options, "--pyargs", "skops.cli", "skops.io"], plugins=[capture])
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        write_again(capture, folder)


def run_update(capture, folder, source):
    """The classes of the tests are those of this release, if it has them still."""
    import skops.io

    sys.path.append(str(pathlib.Path(skops.io.__file__).parent / "tests"))
    capture.how = "update"
    for row in distinct(json.loads((source / "manifest.json").read_text())["files"]):
        capture.test = row["test"]
        if "load" not in row:
            attempt(row, "update", update, source / row["file"], folder)
            capture.tests["not updated" if "update" in row else "updated"] += 1
            if "update" in row:
                capture.failed.append(f"{row['test']}: {row['update']}")


def main():
    mode, out, packages, *source = sys.argv[1:]
    source = [pathlib.Path(path).resolve() for path in source]
    sys.path.append(packages)
    sys.dont_write_bytecode = True
    capture = Capture(pathlib.Path(out).resolve())
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        capture.watch()
        {"suite": run_suite, "update": run_update}[mode](capture, pathlib.Path(folder), *source)
        capture.finish()
        os.chdir("/")
    counts = Counter(row["how"] for row in capture.rows)
    print(f"{dict(capture.tests)}; files: {dict(counts)}; distinct: {len(distinct(capture.rows))}")
    logging.disable()


if __name__ == "__main__":
    main()
