"""Photos a second through HTTP on the whole one-machine stack: `emoscope up`, and clients that submit and wait for each result.

    python -m bench.service.throughput [--other DIR] [--clients 8] [--photos 400] [--rounds 3] [--quick] [--json FILE]

--other: the root of another checkout, such as a git worktree of an earlier commit, with packages of its own in `.venv` where `make
setup` ran there. Both run in turn, each round on a new stack. Photos are the astronaut at 640x480 with some bytes behind the
picture's end, so that none is like another. Prints the median of the rounds by the clock and in processor time of all processes of
the stack, with the least and the greatest.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from bench.machine import describe_machine
from bench.service.start_up import add_up_cpu_s, wait_until_ready
from emoscope.cli.commands.demo import find_free_port
from emoscope.stack.demo_photos import encode_jpeg, load_portrait

ROOT = Path(__file__).parents[2]
_WARM_UP = 16
_SIZE = (640, 480)


class Round(NamedTuple):
    """photos_a_second: by the clock. cpu_ms: of all processes, for a photo."""

    photos_a_second: float
    cpu_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", type=Path, help="root of another checkout")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--photos", type=int, default=400, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    rounds, photos = (1, 32) if given.quick else (given.rounds, given.photos)
    roots = {"here": ROOT} | ({"other": given.other.absolute()} if given.other else {})
    found = [{name: run(root, given.clients, photos) for name, root in roots.items()} for _ in range(rounds)]
    rows = [{"code": name} | summarize([each[name] for each in found]) for name in roots]
    print("| code | photos a second | processor time a photo |\n| --- | --- | --- |")
    for row in rows:
        print(
            f"| {row['code']} | {row['photos_a_second']} ({row['spread']}) | {row['cpu_ms']} ms ({row['cpu_spread']}) |"
        )
    result: dict[str, Any] = {"machine": describe_machine(), "clients": given.clients, "photos": photos, "rows": rows}
    if given.other:
        ratios = [each["here"].photos_a_second / each["other"].photos_a_second for each in found]
        result["ratio"] = [round(each, 2) for each in (statistics.median(ratios), min(ratios), max(ratios))]
        result["other"] = describe_commit(given.other)
        print("here by other: {:.2f} ({:.2f} to {:.2f})".format(*result["ratio"]))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


def describe_commit(root: Path) -> str:
    """The commit of a checkout."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def run(root: Path, clients: int, photos: int) -> Round:
    """One stack of a checkout's code, warmed up, and one load."""
    photo = encode_jpeg(load_portrait("astronaut").image.resize(_SIZE))
    with start_stack(root) as (process, port, key):
        submit_all(port, key, photo, clients, _WARM_UP)
        processes = [process, *process.children(recursive=True)]
        before, began = add_up_cpu_s(processes), time.perf_counter()
        submit_all(port, key, photo, clients, photos)
        taken_s = time.perf_counter() - began
        cpu_s = add_up_cpu_s(processes) - before
    return Round(round(photos / taken_s, 2), round(1000 * cpu_s / photos, 1))


@contextmanager
def start_stack(root: Path) -> Iterator[tuple[psutil.Process, int, str]]:
    """`emoscope up` of a checkout in an empty folder. Yields its process, its port and a key."""
    port = find_free_port("127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="emo-") as folder:
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join((str(root), str(root / "client" / "src"))),
            "EMOSCOPE_DATA_DIR": folder,
            "EMOSCOPE_PORT": str(port),
            "EMOSCOPE_RATE_LIMIT": "",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        own_python = root / ".venv" / "bin" / "python"
        command = [str(own_python) if own_python.exists() else sys.executable, "-m", "emoscope"]
        started = subprocess.Popen(
            [*command, "up"], env=environment, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until_ready(port, started)
            made = subprocess.run(
                [*command, "key", "create", "bench"],
                env=environment,
                cwd=root,
                capture_output=True,
                text=True,
                check=True,
            )
            yield psutil.Process(started.pid), port, made.stdout.split()[-1]
        finally:
            started.send_signal(signal.SIGINT)
            started.wait(60)


def submit_all(port: int, key: str, photo: bytes, clients: int, photos: int) -> None:
    """Submit that many photos from some clients that keep their connections, each waiting for its result."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg", "Prefer": "wait=60"}
    failed: list[str] = []
    numbers = iter(range(photos))
    taking = threading.Lock()

    def work() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=90)
        while True:
            with taking:
                number = next(numbers, None)
            if number is None:
                return
            connection.request("POST", "/v1/jobs", photo + os.urandom(16), headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or json.loads(body)["face_count"] != 1:
                failed.append(body.decode())

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert not failed, failed[0]


def summarize(rounds: list[Round]) -> dict[str, Any]:
    """The medians, with the least and the greatest."""
    speeds, times = ([each[index] for each in rounds] for index in (0, 1))
    return {
        "photos_a_second": round(statistics.median(speeds), 1),
        "spread": f"{min(speeds):.1f} to {max(speeds):.1f}",
        "cpu_ms": round(statistics.median(times), 1),
        "cpu_spread": f"{min(times):.1f} to {max(times):.1f}",
    }


if __name__ == "__main__":
    main()
