"""Makes the corpora that fuzzing starts from, out of the project's fixtures and of what long runs have found.

    python3 fuzz/seeds.py                    # FOLDER is fuzz/corpus
    python3 fuzz/seeds.py FOLDER --without-found

Each target has a folder of its own there. What is there already stays: corpora grow, and each input is named by its
SHA-1, as libFuzzer names them. It needs Python 3.11 and nothing else.
"""

import hashlib
import io
import json
import re
import struct
import sys
import zipfile
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
FIXTURES = FUZZ.parent / "fixtures"
# What `run.sh` gives as -max_len.
MOST_BYTES = 65_536
# Targets whose inputs are `.skops` files.
WHOLE = ["audit", "load", "verdict"]
# Larger models are slow to mutate, and hold little that smaller ones do not.
MOST_MODEL_BYTES = 24_576


def keep(target: str, data: bytes) -> None:
    if len(data) <= MOST_BYTES:
        folder = corpus() / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def corpus() -> Path:
    folders = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    return Path(folders[0]) if folders else FUZZ / "corpus"


def models() -> list[Path]:
    real = sorted((FIXTURES / "real").rglob("*.skops"))
    small = [path for path in real if path.stat().st_size <= MOST_MODEL_BYTES]
    hostile = sorted(path for path in (FIXTURES / "hostile" / "files").iterdir() if path.is_file())
    return small + hostile + [FIXTURES / "example.skops"]


class Unseekable(io.BytesIO):
    """Has zipfile write sizes after the data, as for a stream."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation


def packed(members: dict[str, bytes], method: int, out: io.BytesIO, wide: bool = False) -> bytes:
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            # The epoch of zip, so that the same members are the same bytes.
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with archive.open(info, "w", force_zip64=wide) as member:
                member.write(data)
    return out.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    """The members, or none of what is no sound archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except Exception:  # hostile files break zipfile in many ways
        return {}


def containers(members: dict[str, bytes]) -> list[bytes]:
    """The same members in every container that skops-rs reads."""
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    plain = [packed(members, method, io.BytesIO()) for method in methods]
    streamed = packed(members, zipfile.ZIP_DEFLATED, Unseekable())
    wide = packed(members, zipfile.ZIP_STORED, io.BytesIO(), wide=True)
    return [*plain, streamed, wide]


def model_seeds() -> None:
    seen_headers = set()
    for number, path in enumerate(models()):
        data = path.read_bytes()
        for target in WHOLE:
            keep(target, data)
        if number % 50 == 0 or "hostile" in path.parts:
            keep("archive", data)
        for name, member in unpacked(data).items():
            if name == "schema.json":
                keep("schema", member)
            elif name.endswith(".npz"):
                keep("npz", member)
                for inner in unpacked(member).values():
                    keep("npy_header", inner)
            elif name.endswith(".npy"):
                header = member[:128].split(b"\n")[0]
                if header not in seen_headers:
                    seen_headers.add(header)
                    keep("npy_header", member)


def container_seeds() -> None:
    for name in ["slice_text", "sparse_csr_matrix", "shared_list"]:
        members = unpacked((FIXTURES / f"real/skops-0.16/{name}.skops").read_bytes())
        for data in containers(members):
            for target in ["archive", *WHOLE]:
                keep(target, data)
        for data in containers(next((unpacked(data) for data in members.values() if unpacked(data)), {})):
            keep("npz", data)


def node(loader: str, name: str, **fields: object) -> dict:
    module, _, kind = name.rpartition(".")
    return {"__class__": kind, "__module__": module, "__loader__": loader, **fields}


def made_seeds() -> None:
    """What no fixture has: an entry that is named as an array and as bytes, and entries that hold less than they say."""
    name = "140000000000001.npy"
    array = node("NdArrayNode", "numpy.ndarray", type="numpy", file=name)
    content = node("BytesNode", "builtins.bytes", file=name)
    for items in [[array], [content], [array, content], [content, array], [array, array]]:
        root = node("ListNode", "builtins.list", content=items, protocol=2, _skops_version="0.16.0")
        for count in [3, 40 << 20]:
            header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count},), }}".ljust(117) + "\n"
            payload = b"\x93NUMPY\x01\x00\x76\x00" + header.encode() + b"\x01\x02\x03"
            said = len(payload) - 3 + count
            data = packed({name: payload, "schema.json": json.dumps(root).encode()}, zipfile.ZIP_DEFLATED, io.BytesIO())
            # The size in both headers.
            data = data.replace(struct.pack("<I", len(payload)), struct.pack("<I", said), 2)
            for target in WHOLE:
                keep(target, data)


def text_seeds() -> None:
    policies = [(FIXTURES / "policy.toml").read_text()]
    policies += re.findall(r"```toml\n(.*?)```", (FUZZ.parent / "docs" / "policy.md").read_text(), re.DOTALL)
    policies += re.findall(r'r#"(.*?)"#', (FUZZ.parent / "tests" / "policy.rs").read_text(), re.DOTALL)
    for policy in policies:
        keep("policy", policy.encode())
        # Each line by itself, too.
        for line in policy.splitlines():
            keep("policy", line.encode())
    for path in sorted((FIXTURES / "mlflow").rglob("MLmodel")):
        text = path.read_text()
        keep("mlmodel", text.encode())
        for elsewhere in ["../a.skops", "/a.skops", "a/../../a.skops", "./model.skops"]:
            leads = re.sub(r"(pickled_model|model_path|data): .*", rf"\1: {elsewhere}", text)
            keep("mlmodel", leads.encode())


def found_seeds() -> None:
    for path in sorted((FUZZ / "found").glob("*.zip")):
        for data in unpacked(path.read_bytes()).values():
            keep(path.stem, data)


def main() -> None:
    model_seeds()
    container_seeds()
    made_seeds()
    text_seeds()
    for regression in sorted((FUZZ / "regressions").glob("*/*")):
        keep(regression.parent.name, regression.read_bytes())
    if "--without-found" not in sys.argv:
        found_seeds()
    for folder in sorted(corpus().iterdir()):
        files = [path.stat().st_size for path in folder.iterdir()]
        print(f"{folder.name}: {len(files)} inputs, {sum(files)} bytes")


if __name__ == "__main__":
    main()
