"""One run: photos are submitted, faults are injected, and at the end every accepted job is checked."""

import json
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from db.core.vocabulary import JobStatus
from db.tables import Job
from tests.chaos.faults import Faults
from tests.chaos.load import PHOTOS, Receiver, Submitter
from tests.chaos.outcome import Faces, Outcome, check_outcome, read_faces, read_jobs, wait_for_end
from tests.chaos.schedule import make_schedule
from tests.chaos.world import Shape, World, make_world

_STILL_S = 300
"""Without the end of a job or a call for that long at the end of a run, what is left is stuck."""
_PROBE_TIMEOUT_S = 240


@dataclass
class Report:
    """A run's counts."""

    seed: int
    outcome: Outcome
    faults: dict[str, int]
    recoveries_s: dict[str, float]
    """By kind of fault, the longest time from its end until a photo submitted then, ahead of those that wait, was analysed."""
    end_s: float
    """From the last photo accepted until every job had ended and every callback was taken."""
    refusals: dict[str, int]
    log_bytes: dict[str, int]
    """What each program wrote into its log, older files of it too."""
    tracebacks: int
    """In all logs."""


def run_chaos(
    folder: Path,
    seed: int,
    seconds: float,
    jobs: int,
    *,
    is_postgresql: bool,
    shape: Shape,
    note: Callable[[str], None],
    only: Sequence[str] = (),
    keep: bool = False,
) -> Report:
    """Make a world in the folder, whose path must be short, and run in it.

    note: is told what happens, as JSON lines. only: kinds of faults; empty means all. keep: whether the logs stay in the folder.
    """
    schedule = make_schedule(seed, seconds, is_postgresql=is_postgresql, only=only)
    done: dict[str, int] = defaultdict(int)
    recoveries_s: dict[str, float] = defaultdict(float)
    with (
        make_world(folder, shape, is_postgresql=is_postgresql) as world,
        Receiver() as receiver,
    ):
        submitter = Submitter(world.client.api_url, world.client.api_key, receiver.url)
        quiet = _analyze_in_quiet(world, submitter)
        faults = Faults(world)
        begin = time.monotonic()
        threads = submitter.submit_over(seconds, jobs)
        for fault in schedule:
            time.sleep(max(0.0, begin + fault.at_s - time.monotonic()))
            at_s = time.monotonic() - begin
            what = faults.do(fault)
            ended, submitted = time.monotonic(), None
            if what:
                done[fault.kind] += 1
                submitted = submitter.submit(0, priority="interactive")
                _wait_for_job(world, submitted)
                recoveries_s[fault.kind] = max(recoveries_s[fault.kind], time.monotonic() - ended)
            note(
                json.dumps(
                    {
                        "at_s": round(at_s, 2),
                        **asdict(fault),
                        "did": what,
                        "probe": submitted and str(submitted),
                        "recovered_s": round(time.monotonic() - ended, 2),
                    }
                )
            )
        for thread in threads:
            thread.join()
        end_s = wait_for_end(world.database, list(submitter.jobs), receiver, _STILL_S)
        outcome = check_outcome(world.database, submitter.jobs, faults.damaged, quiet, receiver)
        logs = _measure_logs(world.settings.data_dir / "logs")
        if keep:  # from the small disk, which is gone in a moment
            shutil.copytree(world.settings.data_dir / "logs", folder / "logs")
    return Report(seed, outcome, dict(done), dict(recoveries_s), end_s, dict(submitter.refusals), *logs)


def _analyze_in_quiet(world: World, submitter: Submitter) -> dict[int, Faces]:
    quiet = {photo: submitter.submit(photo) for photo in range(len(PHOTOS))}
    for job_id in quiet.values():
        _wait_for_job(world, job_id)
    found = read_jobs(world.database, list(quiet.values()))
    return {photo: read_faces(found[job_id]) for photo, job_id in quiet.items()}


def _wait_for_job(world: World, job_id: UUID) -> None:
    end = time.monotonic() + _PROBE_TIMEOUT_S
    while time.monotonic() < end:
        try:
            with world.database.read() as session:
                if session.scalar(select(Job.status).where(Job.id == job_id)) in {
                    JobStatus.SUCCEEDED,
                    JobStatus.FAILED,
                }:
                    return
        except SQLAlchemyError:  # PostgreSQL has only just been started again
            pass
        time.sleep(0.1)


def _measure_logs(folder: Path) -> tuple[dict[str, int], int]:
    """Bytes by program, and tracebacks in all."""
    sizes: dict[str, int] = defaultdict(int)
    tracebacks = 0
    for path in folder.iterdir():
        content = path.read_bytes()
        sizes[path.name.partition(".")[0]] += len(content)
        tracebacks += content.count(b"Traceback (most recent call last)")
    return dict(sizes), tracebacks
