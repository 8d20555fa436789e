"""Mutants of photos through the whole service: `python -m tests.fuzz.run --mutants 20000 --seed 1`.

Each mutant is decoded in a process of its own kind and then submitted to a real stack. Nothing may answer 5xx, no process may be
lost, none may grow past its bound, and a photo that the API accepts ends as a job that succeeded or as `broken_picture`.
A run is replayed by its seed, and a single mutant by its number too (`--only`).
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from sqlalchemy import select

from db.core.session import Database
from db.core.vocabulary import JobStatus
from db.jobs.tables import Job
from emoscope.settings import Settings
from emoscope.stack.embedded import Stack
from tests.fuzz.files import generate_files
from tests.fuzz.mutate import make_mutant

MAX_GROWTH_MB = 600
_CLIENTS = 4
_STILL_S = 120
"""Without the end of a job for that long, what is left is stuck."""
_LOOK_EVERY_S = 1.0
_ENDED = {JobStatus.SUCCEEDED, JobStatus.FAILED}


@dataclass
class FuzzReport:
    """What a run found. faults: sentences, each with the mutant's number; empty if all went well."""

    answers: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    growth_mb: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant, to run in pieces")
    parser.add_argument("--only", type=int, help="decode this mutant alone, and write it to a file")
    arguments = parser.parse_args()
    if arguments.only is not None:
        mutant = make_mutant(generate_files(), arguments.seed, arguments.only)
        Path(f"mutant-{arguments.seed}-{mutant.number}").write_bytes(mutant.data)
        sys.exit(
            subprocess.run(decoding_command(arguments.seed, mutant.number, mutant.number + 1), check=False).returncode
        )
    report = FuzzReport()
    numbers = range(arguments.first, arguments.first + arguments.mutants)
    decode_mutants(arguments.seed, numbers, report)
    print_decoding(report)  # what follows takes longer, and may be cut short
    with (
        start_stack() as (settings, url, key),
        contextlib.closing(Database(settings.effective_database_url)) as database,
    ):
        idle = measure_processes(settings.data_dir)
        submit_mutants(url, key, database, arguments.seed, numbers, report)
        compare_processes(idle, measure_processes(settings.data_dir), report)
    print_report(report, arguments.seed, numbers)
    sys.exit(bool(report.faults))


def decoding_command(seed: int, first: int, end: int) -> list[str]:
    """The command that decodes mutants in a process of its own, a line of JSON each."""
    return [sys.executable, "-m", "tests.fuzz.decode", str(seed), str(first), str(end)]


def decode_mutants(seed: int, numbers: range, report: FuzzReport) -> None:
    """Decode mutants as a worker does; a process that dies is noticed, and the next one goes on behind the mutant."""
    first = numbers.start
    while first < numbers.stop:
        done = subprocess.run(
            decoding_command(seed, first, numbers.stop), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        for line in lines:
            report.slowest = max(report.slowest, (line["cpu_ms"], f"{line['name']} {line['number']}: {line['said']}"))
            if line["fault"]:
                report.faults.append(f"mutant {line['number']} ({line['name']}): {line['fault']}")
            if line["growth_mb"] > MAX_GROWTH_MB:
                report.faults.append(f"mutant {line['number']} ({line['name']}) took {line['growth_mb']:.0f} MB")
            report.growth_mb = max(report.growth_mb, line["growth_mb"])
        first = lines[-1]["number"] + 1 if lines else first
        if first < numbers.stop:
            report.faults.append(f"mutant {first} ended the process that decoded it, with {done.returncode}")
            first += 1


@contextlib.contextmanager
def start_stack() -> Iterator[tuple[Settings, str, str]]:
    """A one-machine stack on a folder and a port of its own. Yields its settings, its address and a key."""
    from tests.acceptance.conftest import find_free_port

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None,
            data_dir=Path(folder) / "data",
            port=find_free_port(),
            rate_limit="",
            max_queued_jobs=1_000_000,
            sweep_interval_s=1,
            resend_after_s=1,
        )
        with Stack(settings, lambda step: print(step, file=sys.stderr)) as stack:
            assert stack.client is not None
            yield settings, stack.client.api_url, stack.client.api_key


def submit_mutants(url: str, key: str, database: Database, seed: int, numbers: range, report: FuzzReport) -> None:
    """Submit mutants as `POST /v1/jobs`, and wait until each that was accepted has ended."""
    files = generate_files()
    accepted: dict[str, int] = {}
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:

        def submit(number: int) -> None:
            answer = client.post("/v1/jobs", content=make_mutant(files, seed, number).data)
            body = answer.json()
            report.answers[body.get("code", str(answer.status_code))] += 1
            if answer.status_code >= 500:
                report.faults.append(f"mutant {number} was answered {answer.status_code} {body.get('code')}")
            if answer.status_code == 202:
                accepted[body["id"]] = number

        with ThreadPoolExecutor(_CLIENTS) as pool:
            list(pool.map(submit, numbers))
    _wait_for_ends(database, accepted, report)


def _wait_for_ends(database: Database, accepted: dict[str, int], report: FuzzReport) -> None:
    waiting, last = dict(accepted), time.monotonic()
    while waiting and time.monotonic() - last < _STILL_S:
        with database.read() as session:
            rows = session.execute(select(Job.id, Job.error_code).where(Job.status.in_(_ENDED))).all()
        for job_id, code in rows:
            number = waiting.pop(str(job_id), None)
            if number is None:
                continue
            last = time.monotonic()
            report.endings[code or "succeeded"] += 1
            if code not in {None, "broken_picture"}:
                report.faults.append(f"mutant {number} was accepted, and its job ended with {code}")
        if waiting:
            time.sleep(_LOOK_EVERY_S)
    report.faults += [f"mutant {number} was accepted, and its job has not ended" for number in waiting.values()]


def measure_processes(data_dir: Path) -> dict[int, float]:
    """The stack's processes and their peak of resident memory in MB."""
    from tests.acceptance.conftest import list_processes

    found = {}
    for pid in list_processes(data_dir):
        with contextlib.suppress(OSError, StopIteration, psutil.Error):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            found[pid] = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000
    return found


def compare_processes(before: dict[int, float], after: dict[int, float], report: FuzzReport) -> None:
    """Note which processes were lost, and which grew past their bound."""
    for pid, peak_mb in before.items():
        if pid not in after:
            report.faults.append(f"the process {pid} was lost")
            continue
        report.growth_mb = max(report.growth_mb, after[pid] - peak_mb)
        if after[pid] - peak_mb > MAX_GROWTH_MB:
            report.faults.append(f"the process {pid} grew by {after[pid] - peak_mb:.0f} MB")


def print_report(report: FuzzReport, seed: int, numbers: range) -> None:
    print(f"seed {seed}, mutants {numbers.start} to {numbers.stop - 1}")
    print(f"answers to submissions: {dict(report.answers.most_common())}")
    print(f"ends of accepted jobs: {dict(report.endings.most_common())}")
    print_decoding(report)


def print_decoding(report: FuzzReport) -> None:
    print(f"slowest to decode: {report.slowest[0]:.0f} ms of processor time, {report.slowest[1]}")
    print(f"largest growth of a process: {report.growth_mb:.0f} MB")
    print(f"faults: {len(report.faults)}", *report.faults, sep="\n  ", flush=True)


if __name__ == "__main__":
    main()
