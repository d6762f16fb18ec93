"""Keeps what a long run has found: inputs that reach what no seed reaches, in fuzz/found/TARGET.zip.

    fuzz/run.sh 3600 TARGET...
    python3 fuzz/keep.py TARGET...

For each target, the seeds and the grown corpus are merged by libFuzzer, which keeps an input if it reaches more than
those before it, the smallest first. They are packed up to a size: what is in the repository stays there.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
PROGRAMS = FUZZ / "target" / "x86_64-unknown-linux-gnu" / "release"
# Of each archive: nine of them stay below half a megabyte. The smallest inputs are the quickest, and most are small.
MOST_BYTES = 50_000
# What the directory of the archive takes for each of them.
RECORD_BYTES = 60


def merged(target: str, folder: Path) -> list[Path]:
    """What the corpus adds to the seeds, the smallest first."""
    subprocess.run([sys.executable, FUZZ / "seeds.py", folder, "--without-found"], check=True, stdout=subprocess.DEVNULL)
    seeds = folder / target
    before = set(seeds.iterdir())
    command = [PROGRAMS / target, "-merge=1", "-max_len=65536", "-timeout=60", seeds, FUZZ / "corpus" / target]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    added = set(seeds.iterdir()) - before
    return sorted(added, key=lambda path: (path.stat().st_size, path.name))


def pack(target: str, inputs: list[Path]) -> None:
    path = FUZZ / "found" / f"{target}.zip"
    path.parent.mkdir(exist_ok=True)
    kept = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in inputs:
            info = zipfile.ZipInfo(f"{kept:04}")
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, item.read_bytes())
            kept += 1
            if archive.fp.tell() + RECORD_BYTES * kept > MOST_BYTES:
                break
    print(f"{target}: {kept} of {len(inputs)} inputs, {path.stat().st_size} bytes")


def main() -> None:
    for target in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            pack(target, merged(target, Path(folder)))


if __name__ == "__main__":
    main()
