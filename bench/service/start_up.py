"""Measures the processor time of `emoscope up` until it is ready, and the memory of the idle stack.

    python -m bench.service.start_up [--runs 3] [--quick] [--json FILE]

Starts the stack in an empty folder, waits for /readyz, leaves it idle for a while, and sums the memory of its processes (PSS).
The first run isn't counted, because it compiles Python's modules. Linux only.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.machine import describe_machine
from emoscope.cli.commands.demo import find_free_port

_IDLE_S = 15
_READY_TIMEOUT_S = 120


class Run(NamedTuple):
    """ready_s: wall-clock time. cpu_s: of all processes until then. pss_mb: of each process, by its name."""

    ready_s: float
    cpu_s: float
    pss_mb: dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    count = 1 if given.quick else given.runs
    if not given.quick:
        run(0)
    runs = [run(1 if given.quick else _IDLE_S) for _ in range(count)]
    summary = {
        "ready_s": round(statistics.median(each.ready_s for each in runs), 1),
        "cpu_s": round(statistics.median(each.cpu_s for each in runs), 1),
        "cpu_spread_s": [round(min(each.cpu_s for each in runs), 1), round(max(each.cpu_s for each in runs), 1)],
        "pss_mb": round(statistics.median(sum(each.pss_mb.values()) for each in runs)),
    }
    print("| process | PSS |\n| --- | --- |")
    for name, pss in sorted(runs[-1].pss_mb.items(), key=lambda item: -item[1]):
        print(f"| {name} | {pss:.0f} MB |")
    print(
        f"ready after {summary['ready_s']} s, {summary['cpu_s']} s of processor time, {summary['pss_mb']} MB while idle"
    )
    if given.json:
        result = {"machine": describe_machine(), **summary, "processes_mb": runs[-1].pss_mb}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


def run(idle_s: float) -> Run:
    """Measure one start."""
    port = find_free_port("127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="emo-") as folder:
        environment = os.environ | {"EMOSCOPE_DATA_DIR": folder, "EMOSCOPE_PORT": str(port)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        began = time.monotonic()
        command = [sys.executable, "-m", "emoscope", "up"]
        started = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until_ready(port, started)
            ready_s = time.monotonic() - began
            processes = [psutil.Process(started.pid), *psutil.Process(started.pid).children(recursive=True)]
            cpu_s = add_up_cpu_s(processes)
            time.sleep(idle_s)
            return Run(ready_s, cpu_s, add_up_memory_mb(started.pid))
        finally:
            started.send_signal(signal.SIGINT)
            started.wait(60)


def wait_until_ready(port: int, started: "subprocess.Popen[bytes]") -> None:
    """Wait until /readyz reports that everything is ready."""
    end = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < end and started.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
            return
        time.sleep(0.2)
    raise RuntimeError("the stack did not get ready")


def add_up_cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Sum the processor time of these processes and their reaped children."""
    total = 0.0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def add_up_memory_mb(root: int) -> dict[str, float]:
    """Return the memory of each process by a readable name."""
    shares: dict[str, float] = {}
    for process in (psutil.Process(root), *psutil.Process(root).children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            kind = name_process(process.cmdline())
            count = sum(name.partition(" #")[0] == kind for name in shares)
            name = f"{kind} #{count + 1}" if count else kind
            shares[name] = round(process.memory_full_info().pss / 1e6, 1)
    return shares


def name_process(command: Sequence[str]) -> str:
    """Return a readable name of a command line."""
    line = " ".join(command)
    if "worker.core.run" in command:
        return f"Celery {command[command.index('worker.core.run') + 1]}"
    for mark, name in (
        ("gunicorn", "API"),
        ("valkey-server", "Valkey"),
        ("supervisor", "supervisor"),
        ("emoscope.fork_server", "fork server"),
    ):
        if mark in line:
            return name
    return "semaphore tracker" if "semaphore_tracker" in line else "worker process"


if __name__ == "__main__":
    main()
