#!/usr/bin/env python3
"""Load `skops-rs serve` with clients of every kind, and measure it beside an upload that checks nothing.

    benches/serve.py [--seconds N] [--rounds N] [--json FILE] [--skip-load] [--skip-speed]

See benches/README.md. Nothing here fails because of a time; it fails when a verdict is wrong, or when a file, a
descriptor or memory is not given back. Only the standard library is needed, on Linux. All traffic stays on 127.0.0.1.
"""

import argparse
import json
import multiprocessing
import os
import random
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

from load import Others
from untrusted_types import BENCHES, MB, MODELS, ROOT, TARGET, Failure, count, environment, number, row, size, spread

SMALL, LARGE = "logistic-regression", "gradient-boosting"
HOSTILE, REAL = ROOT / "fixtures/hostile/files", ROOT / "fixtures/real/skops-0.16"
CLEAN = ["pipeline", "array_complex", "array_datetime"]
# What the server of the load takes: small enough for bodies to be too large, short enough for clients to be too slow.
MOST_BODY, WINDOW, RATE = 16 * MB, 2, 1000
LOAD_OPTIONS = ["--max-body", str(MOST_BODY), "--rate-window", str(WINDOW), "--min-rate", str(RATE)]
# Clients that send bodies as fast as they can, and those that take their time.
FAST, SLOW = 6, 2
# Memory does not grow when the last third of the load has at most so much more than the first, once each thread has
# met the largest model.
GROWTH, SLACK, WARM_UP = 1.25, 16 * MB, 15
TICKS = os.sysconf("SC_CLK_TCK")


class Wrong(Exception):
    """An answer that is not what it should be."""


class Server:
    """A server of its own, with an empty folder for temporary files."""

    def __init__(self, command, cores=None, cwd=None):
        self.tmp = tempfile.TemporaryDirectory()
        preexec = (lambda: os.sched_setaffinity(0, cores)) if cores else None
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd or self.tmp.name,
            env=os.environ | {"TMPDIR": self.tmp.name},
            preexec_fn=preexec,
        )
        line = self.process.stderr.readline()
        if not line.startswith("listening on http://"):
            raise Failure(f"{command[0]} does not serve: {line}{self.process.stderr.read()}")
        host, port = line.strip().removeprefix("listening on http://").rsplit(":", 1)
        self.address = host, int(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.tmp.cleanup()

    def status(self, field):
        """A figure of /proc/PID/status, in bytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M)[1]) * 1024

    def descriptors(self):
        folder = Path(f"/proc/{self.process.pid}/fd")
        targets = []
        for link in folder.iterdir():
            try:
                targets.append(os.readlink(link))
            except OSError:
                pass  # Closed meanwhile.
        return targets

    def cpu(self):
        """Seconds of user and system time."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def metrics(self):
        with urllib.request.urlopen("http://%s:%s/metrics" % self.address) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

    def leaks(self):
        """What is left once all clients have gone."""
        end = time.monotonic() + 30
        while True:
            metrics = self.metrics()
            held = {name: metrics[f"skops_rs_{name}"] for name in ("uploads", "checks", "spooled_bytes")}
            held["connections"] = metrics["skops_rs_connections"] - 1  # That of this question.
            if not any(held.values()) or time.monotonic() > end:
                break
            time.sleep(0.05)
        yield from (f"{name}: {value:.0f} are still held" for name, value in held.items() if value)
        yield from (f"a temporary file: {path}" for path in Path(self.tmp.name).iterdir())
        yield from (f"an open file: {path}" for path in self.descriptors() if path.startswith(self.tmp.name))

    def end(self):
        """Ask it to end. Returns what is wrong with that."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        return [] if code == 0 else [f"it has ended with {code}: {self.process.stderr.read()}"]


class Client:
    """A connection."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise Wrong(f"closed after {self.rest[:200]!r}")
        self.rest += data

    def answer(self):
        """The next answer: status, verdict in short, body."""
        while (end := self.rest.find(b"\r\n\r\n")) < 0:
            self.more()
        head, status = self.rest[:end].lower(), int(self.rest[9:12])
        length = re.search(rb"\ncontent-length: (\d+)", head)
        total = end + 4 + (int(length[1]) if length else 0)
        while len(self.rest) < total:
            self.more()
        body, self.rest = self.rest[end + 4 : total], self.rest[total:]
        verdict = re.search(rb"\nskops-verdict: (\w+)", head)
        return status, verdict and verdict[1].decode(), body

    def expect(self, status):
        found, _, body = self.answer()
        if found != status:
            raise Wrong(f"{found} instead of {status}: {body[:200]!r}")


def head(length, *headers):
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return "\r\n".join(["POST /check HTTP/1.1", "Host: bench", framing, *headers, "", ""]).encode()


# ---- the load


def expected(binary, files):
    """What the command line says of files, by path; without the paths."""
    command = [binary, "check", "--format", "jsonl", *map(str, files)]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd="/", check=False)
    verdicts = {}
    for line in done.stdout.splitlines():
        verdict = json.loads(line)
        verdicts[verdict.pop("path")] = verdict
    if len(verdicts) != len(files):
        raise Failure(f"{len(verdicts)} verdicts on {len(files)} files")
    return verdicts


class Visitor:
    """A client of the load, in a process of its own."""

    def __init__(self, address, bodies, until, seed):
        self.address, self.bodies, self.until = address, bodies, until
        self.random = random.Random(seed)
        self.done, self.wrong = Counter(), []
        self.client = None

    def run(self, acts, queue):
        acts, weights = zip(*acts)
        while time.monotonic() < self.until:
            act = self.random.choices(acts, weights)[0]
            try:
                act(self)
                self.done[act.__name__] += 1
            except (Wrong, OSError) as error:
                self.wrong.append(f"{act.__name__}: {type(error).__name__} {error}")
                self.client = None
        queue.put((self.done, self.wrong))

    def kept(self):
        """The connection that is kept open between requests."""
        if self.client is None:
            self.client = Client(self.address)
        return self.client

    def judge(self, client, body, expected):
        status, short, text = client.answer()
        found = json.loads(text)
        if status != 200 or short != found.get("verdict"):
            raise Wrong(f"{status} {short} {text[:200]!r}")
        found.pop("path")
        if found != expected:
            raise Wrong(f"{found}\n  instead of {expected}")
        self.done[f"verdict {short}"] += 1

    def check(self, kind):
        body, verdict = self.random.choice(self.bodies[kind])
        client = self.kept()
        client.send(head(len(body)))
        client.send(body)
        self.judge(client, body, verdict)

    def clean(self):
        self.check("clean")

    def untrusted(self):
        self.check("untrusted")

    def hostile(self):
        self.check("hostile")

    def large(self):
        self.check("large")

    def chunked(self):
        body, verdict = self.random.choice(self.bodies[self.random.choice(["clean", "hostile", "large"])])
        with Client(self.address) as client:
            client.send(head(None))
            while body_left := body:
                part = body_left[: self.random.choice([1000, 30_000, 400_000])]
                client.send(b"%x\r\n%b\r\n" % (len(part), part))
                body = body_left[len(part) :]
            client.send(b"0\r\n\r\n")
            self.judge(client, None, verdict)

    def oversized(self):
        with Client(self.address) as client:
            client.send(head(MOST_BODY + 1, "Expect: 100-continue"))
            client.expect(413)

    def oversized_without_asking(self):
        with Client(self.address) as client:
            client.send(head(MOST_BODY + 1))
            client.send(bytes(MB))
            client.expect(413)

    def oversized_without_saying(self):
        with Client(self.address) as client:
            client.send(head(None))
            for _ in range(MOST_BODY // MB + 1):
                client.send(b"%x\r\n%b\r\n" % (MB, bytes(MB)))
            client.expect(413)

    def aborted(self):
        body, _ = self.random.choice(self.bodies["large"])
        client = Client(self.address)
        client.send(head(len(body)))
        client.send(body[: self.random.choice([0, 10, 100_000, 2 * MB, len(body) - 1])])
        if self.random.random() < 0.5:
            # Not closed, but reset.
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()

    def aborted_head(self):
        with Client(self.address) as client:
            client.send(head(10)[: self.random.randrange(1, 20)])

    def malformed(self):
        with Client(self.address) as client:
            client.send(head(10, "Transfer-Encoding: chunked") + b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
            client.expect(400)

    def slow(self):
        """Slow, but not too slow."""
        body, verdict = self.random.choice(self.bodies["clean"])
        with Client(self.address) as client:
            client.send(head(len(body)))
            step = len(body) // 10 + 1
            for start in range(0, len(body), step):
                time.sleep(0.1)
                client.send(body[start : start + step])
            self.judge(client, body, verdict)

    def too_slow(self):
        with Client(self.address) as client:
            client.send(head(100_000))
            client.send(bytes(self.random.choice([0, 1000])))
            client.socket.settimeout(0.3)
            for _ in range(100):
                try:
                    client.expect(408)
                    return
                except TimeoutError:
                    client.send(b"x")
            raise Wrong("not cut off")


FAST_ACTS = [
    (Visitor.clean, 40),
    (Visitor.untrusted, 20),
    (Visitor.hostile, 60),
    (Visitor.large, 8),
    (Visitor.chunked, 10),
    (Visitor.oversized, 4),
    (Visitor.oversized_without_asking, 1),
    (Visitor.oversized_without_saying, 1),
    (Visitor.aborted, 10),
    (Visitor.aborted_head, 4),
    (Visitor.malformed, 4),
]
SLOW_ACTS = [(Visitor.slow, 1), (Visitor.too_slow, 1)]


def bodies(binary):
    groups = {
        "clean": [REAL / f"{name}.skops" for name in CLEAN] + [MODELS / f"{SMALL}.skops"],
        "untrusted": [ROOT / "fixtures/example.skops"],
        "hostile": sorted(HOSTILE.glob("*.skops")),
        "large": [MODELS / f"{LARGE}.skops"],
    }
    verdicts = expected(binary, [file for files in groups.values() for file in files])
    return {
        kind: [(file.read_bytes(), verdicts[str(file)]) for file in files] for kind, files in groups.items()
    }


def load(binary, seconds):
    """Let clients of every kind at a server. Returns figures, and what is wrong."""
    seconds += WARM_UP
    kinds = bodies(binary)
    with Server([binary, "serve", "--listen", "127.0.0.1:0", *LOAD_OPTIONS]) as server:
        until, queue = time.monotonic() + seconds, multiprocessing.Queue()
        processes = []
        for seed in range(FAST + SLOW):
            visitor = Visitor(server.address, kinds, until, seed)
            acts = FAST_ACTS if seed < FAST else SLOW_ACTS
            processes.append(multiprocessing.Process(target=visitor.run, args=(acts, queue)))
        for process in processes:
            process.start()
        start, samples = time.monotonic(), []
        while time.monotonic() < until:
            samples.append((time.monotonic() - start, server.status("VmRSS"), len(server.descriptors())))
            time.sleep(0.1)
        done, wrong = Counter(), []
        for _ in processes:
            some_done, some_wrong = queue.get(timeout=120)
            done += some_done
            wrong += some_wrong
        for process in processes:
            process.join()
        leaks = list(server.leaks())
        metrics = server.metrics()
        given = sum(value for name, value in metrics.items() if name.startswith("skops_rs_verdicts_total"))
        taken = sum(value for name, value in done.items() if name.startswith("verdict "))
        if given != taken:
            wrong.append(f"{given:.0f} verdicts are counted, {taken} were asked for")
        warm = [rss for at, rss, _ in samples if at >= WARM_UP]
        third = len(warm) // 3
        thirds = [statistics.median(part) for part in (warm[:third], warm[third:-third], warm[-third:])]
        if thirds[2] > thirds[0] * GROWTH + SLACK:
            leaks.append(f"memory: {size(thirds[0])} in the first third, {size(thirds[2])} in the last")
        peak = server.status("VmHWM")
        wrong += server.end()
    return {
        "seconds": seconds,
        "done": dict(done),
        "wrong": wrong,
        "leaks": leaks,
        "samples": samples,
        "thirds_rss": thirds,
        "peak_rss": peak,
    }


def load_tables(result):
    yield "| what clients did | times |"
    yield "|---|--:|"
    for name, times in sorted(result["done"].items()):
        yield row(name.replace("_", " "), f"{times:,}")
    yield ""
    yield "| after | RSS | open descriptors |"
    yield "|--:|--:|--:|"
    parts, seconds = 12, result["seconds"]
    for part in range(parts):
        within = [each for each in result["samples"] if part <= each[0] / seconds * parts < part + 1]
        rss, files = (statistics.median(each[key] for each in within) for key in (1, 2))
        yield row(f"{(part + 0.5) / parts * seconds:.0f} s", size(rss), f"{files:.0f}")
    first, _, last = result["thirds_rss"]
    yield ""
    yield f"RSS after {WARM_UP} s of warming up: {size(first)} in the first third, {size(last)} in the last; peak {size(result['peak_rss'])}."


# ---- the speed


def hammer(address, request, expected, cores, barrier, seconds, queue):
    """Send a request over and over. Puts the nanoseconds that each took."""
    os.sched_setaffinity(0, cores)
    took, wrong = [], None
    with Client(address) as client:
        client.send(request)
        client.answer()
        barrier.wait()
        until = time.perf_counter_ns() + int(seconds * 1e9)
        now = time.perf_counter_ns()
        while now < until and not wrong:
            start = now
            client.send(request)
            status, verdict, _ = client.answer()
            now = time.perf_counter_ns()
            took.append(now - start)
            if (status, verdict) != expected:
                wrong = f"{status} {verdict} instead of {expected}"
    queue.put((took, wrong))


def measure(server, request, expected, cores, clients, seconds):
    barrier, queue = multiprocessing.Barrier(clients + 1), multiprocessing.Queue()
    arguments = (server.address, request, expected, cores, barrier, seconds, queue)
    processes = [multiprocessing.Process(target=hammer, args=arguments) for _ in range(clients)]
    for process in processes:
        process.start()
    barrier.wait()
    cpu, start = server.cpu(), time.perf_counter()
    results = [queue.get(timeout=60 + seconds) for _ in processes]
    wall, cpu = time.perf_counter() - start, server.cpu() - cpu
    for process in processes:
        process.join()
    if wrong := [wrong for _, wrong in results if wrong]:
        raise Failure("\n".join(wrong))
    took = sorted(each for some, _ in results for each in some)
    return {
        "requests": len(took),
        "per_second": len(took) / wall,
        "p50_ms": took[len(took) // 2] / 1e6,
        "p99_ms": took[len(took) * 99 // 100] / 1e6,
        "cpu_ms": cpu * 1e3 / len(took),
    }


class Meanwhile(Others):
    """What others take while servers run that this script has started."""

    def __init__(self, *servers):
        super().__init__()
        self.servers = servers
        self.before, self.wall = self.cpu(), time.monotonic()

    def cpu(self):
        return sum(server.cpu() for server in self.servers)

    def percent(self):
        own = 100 * (self.cpu() - self.before) / (time.monotonic() - self.wall) / os.cpu_count()
        return max(super().percent() - own, 0)


# What is measured: the words, the model, the policy, and the verdict.
CASES = [
    ("small, names", SMALL, None, "pass"),
    ("large, names", LARGE, None, "deny"),
    ("large, names and contents", LARGE, 'presets = ["trees"]\n', "pass"),
]


def speed(arguments, binary, upload):
    """Measure both servers in turn, on one core and on two. Figures by cores and case, one pair for each round."""
    available = sorted(os.sched_getaffinity(0))
    # One core for the server and another for the clients; or all of them for all.
    layouts = {"one": ({available[0]}, set(available[1:]) or {available[0]}), "two": (set(available[:2]),) * 2}
    results = {}
    for cores, (own, theirs) in layouts.items():
        for words, model, policy, verdict in CASES:
            print(f"measuring {words}, {cores}", file=sys.stderr, flush=True)
            body = (MODELS / f"{model}.skops").read_bytes()
            request = head(len(body)) + body
            with tempfile.TemporaryDirectory() as folder:
                options = []
                if policy:
                    Path(folder, "policy.toml").write_text(policy)
                    options = ["--policy", "policy.toml"]
                command = [binary, "serve", "--listen", "127.0.0.1:0", *options]
                with Server(command, own, folder) as serve, Server([upload, "127.0.0.1:0"], own) as plain:
                    rounds, meanwhile = [], []
                    # The first round is to warm up, and not counted.
                    for position in range(arguments.rounds + 1):
                        others = Meanwhile(serve, plain)
                        pair = {}
                        for name, server, answer in [
                            ("serve", serve, (200, verdict)),
                            ("upload", plain, (204, None)),
                        ]:
                            rest = (theirs, arguments.clients, arguments.round_seconds)
                            pair[name] = measure(server, request, answer, *rest)
                        if position > 0:
                            rounds.append(pair)
                            meanwhile.append(others.percent())
                    rss = serve.status("VmHWM")
            results.setdefault(cores, {})[words] = {
                "body": len(body),
                "rounds": rounds,
                "others_percent": statistics.median(meanwhile),
                "peak_rss": rss,
            }
    return results


def figures(rounds, name, key):
    values = [each[name][key] for each in rounds]
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratio(rounds, above, below, key):
    # The clock of CPU time is coarse.
    values = [each[above][key] / max(each[below][key], 1e-9) for each in rounds]
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def speed_tables(results):
    for cores, cases in results.items():
        yield {
            "one": "The server on one core, the clients on the other:",
            "two": "The server and the clients on the same two cores:",
        }[cores]
        yield ""
        yield "| model | body | requests/s | p50 ms | p99 ms | CPU ms/request | plain requests/s | plain p50 ms | plain p99 ms | plain CPU ms/request | plain / checked requests/s | checked / plain CPU |"
        yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
        for words, case in cases.items():
            cells = []
            for name in ("serve", "upload"):
                for key in ("per_second", "p50_ms", "p99_ms", "cpu_ms"):
                    cells.append(number(figures(case["rounds"], name, key)["median"]))
            slower = ratio(case["rounds"], "upload", "serve", "per_second")
            dearer = ratio(case["rounds"], "serve", "upload", "cpu_ms")
            yield row(words, size(case["body"]), *cells, spread(slower), spread(dearer))
        others = max(case["others_percent"] for case in cases.values())
        peak = max(case["peak_rss"] for case in cases.values())
        yield ""
        yield f"Other processes took up to {others:.0f}% of the machine. Peak RSS of the server: {size(peak)}."
        yield ""


def machine(binary):
    own = subprocess.check_output([binary, "--version"], text=True).strip()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{own}. Linux {os.uname().machine}, {len(os.sched_getaffinity(0))} x {names[0] if names else 'processor'}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=count, default=60, help="how long the load lasts (60)")
    parser.add_argument("--rounds", type=count, default=5, help="rounds of the measurement (5)")
    parser.add_argument("--round-seconds", type=count, default=3, help="for each server in each round (3)")
    parser.add_argument("--clients", type=count, default=4, help="connections of the measurement (4)")
    parser.add_argument("--binary", help="the skops-rs to measure (target/release/skops-rs)")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--skip-load", action="store_true", help="only measure the speed")
    parser.add_argument("--skip-speed", action="store_true", help="only let clients at a server")
    arguments = parser.parse_args()
    if not hasattr(os, "sched_setaffinity"):
        parser.error("this needs os.sched_setaffinity and /proc, which this platform has not")
    binary = Path(arguments.binary or TARGET / "release/skops-rs").absolute()
    upload = TARGET.absolute() / "release/examples/upload"
    for file in (binary, upload):
        if not file.is_file():
            sys.exit(f"error: {file} is not there; make it with `cargo build --release --features serve --bin skops-rs --example upload`")
    if not all((MODELS / f"{name}.skops").is_file() for name in (SMALL, LARGE)):
        subprocess.run([environment(), BENCHES / "models.py", MODELS, SMALL, LARGE], check=True)
    # The address of a server is passed on, not the server: a new interpreter would not have it.
    multiprocessing.set_start_method("fork")
    results, faults = {"machine": machine(binary)}, []
    print(f"{results['machine']}.")
    try:
        if not arguments.skip_load:
            result = results["load"] = load(binary, arguments.seconds)
            print(f"\nLoad: {FAST} clients at full speed and {SLOW} slow ones for {arguments.seconds} s after {WARM_UP} s of warming up.\n")
            print("\n".join(load_tables(result)), flush=True)
            faults += [f"wrong: {each}" for each in result["wrong"]]
            faults += [f"leak: {each}" for each in result["leaks"]]
            print()
            print("\n".join(faults[:50]) if faults else "No verdict is wrong, and nothing has leaked.", flush=True)
        if not arguments.skip_speed:
            results["speed"] = speed(arguments, binary, upload)
            print(
                f"\nSpeed: {arguments.clients} connections, {arguments.rounds} rounds of {arguments.round_seconds} s for each"
                " server, in turn; medians. The ratio is taken round by round.\n"
            )
            print("\n".join(speed_tables(results["speed"])))
    except Failure as failure:
        sys.exit(f"error: {failure}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
