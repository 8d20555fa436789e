"""`python -m tests.chaos.batch --photos 10000`: an open batch is filled in many calls while components are killed.

At the end every photo must have ended once, the counts must be right, and `batch.finished` must have been sent under one id.
"""

import argparse
import io
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

import httpx
from PIL import Image
from sqlalchemy import func, select

from bench.machine import describe_machine
from db.core.session import Database
from db.core.vocabulary import TERMINAL_STATUSES, JobStatus
from db.tables import Face, Job, JobEvent
from emoscope.stack.demo_photos import load_portrait
from emoscope_client import Batch, Client, Retries
from emoscope_client.address import Address
from tests.chaos.faults import Faults
from tests.chaos.load import Receiver
from tests.chaos.schedule import Fault, make_schedule
from tests.chaos.world import Shape, make_world

KILLED = ("api", "api process", "worker", "worker process", "housekeeper", "queue killed")
PAUSES_S = (15.0, 45.0)
"""Between two kills, in which even a busy machine gets a worker ready. A program that is killed again within a minute of its
start is started again after growing pauses."""
_MOST_QUEUED = 1000
"""Jobs that may wait in a long run, so that photos are added until near its end: further calls are refused until there is room."""
A_CALL = 50
_SENDERS = 2
_WITH_FACE_EVERY = 10
_END_TIMEOUT_S = 7200
_SIDE = 96


@cache
def _make_pictures() -> tuple[bytes, bytes]:
    """A small photo without a face, and one with a face."""
    made = []
    portrait = load_portrait("astronaut").image.convert("RGB")
    for picture in (Image.new("RGB", (_SIDE, _SIDE), "grey"), portrait.resize((_SIDE * 2, _SIDE * 2))):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=90)
        made.append(file.getvalue())
    return made[0], made[1]


def make_photo(number: int) -> bytes:
    """The photo of that number. Bytes behind the end of a JPEG make each another one."""
    return _make_pictures()[number % _WITH_FACE_EVERY == 0] + number.to_bytes(4)


def count_faces(count: int) -> int:
    """Faces of the first `count` photos."""
    return -(-count // _WITH_FACE_EVERY)


@dataclass
class BatchReport:
    """What came of a batch. Empty lists are good."""

    photos: int
    seconds: float = 0
    fill_s: float = 0
    """From the first call until the last one was answered."""
    calls: int = 0
    """That added photos, repeated ones not counted."""
    requests: dict[str, int] = field(default_factory=dict)
    """By status or kind of error."""
    kills: dict[str, int] = field(default_factory=dict)
    counts: dict[str, object] = field(default_factory=dict)
    """As the batch shows them."""
    attempts: int = 0
    faces: int = 0
    events: int = 0
    """Calls that told of the end, repeated ones among them."""
    event_ids: int = 0
    wrong: list[str] = field(default_factory=list)


class CountingTransport(httpx.HTTPTransport):
    """Counts what requests are answered with."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: Counter[str] = Counter()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response = super().handle_request(request)
        except httpx.TransportError as error:
            self.answers[type(error).__name__] += 1
            raise
        self.answers[str(response.status_code)] += 1
        return response


@contextmanager
def kill_along(schedule: Sequence[Fault], do: Callable[[Fault], str], done: Counter[str]) -> Iterator[None]:
    """Do the faults in a thread of its own, at their times, until the block ends."""
    is_over = threading.Event()

    def work() -> None:
        begin = time.monotonic()
        for fault in schedule:
            if is_over.wait(max(0.0, begin + fault.at_s - time.monotonic())):
                return
            done[fault.kind] += bool(do(fault))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def run_batch(
    address: Address,
    database: Database,
    photos: int,
    schedule: Sequence[Fault],
    do: Callable[[Fault], str],
    note: Callable[[str], None],
) -> BatchReport:
    """Fill a batch while faults are done, wait for its end, and look at every photo. note: is told how far it is."""
    report, kills, transport = BatchReport(photos), Counter[str](), CountingTransport()
    patience = Retries(tries=10_000, longest_pause_s=2, longest_total_s=_END_TIMEOUT_S)
    with (
        Receiver() as receiver,
        httpx.Client(transport=transport) as http,
        Client(address.api_url, address.api_key, timeout_s=20, retries=patience, http_client=http) as client,
    ):
        made = client.create_webhook(receiver.url, ["batch.finished"])
        begin = time.monotonic()
        batch = client.create_batch(open=True)
        with kill_along(schedule, do, kills):

            def add(first: int) -> None:
                numbers = range(first, min(first + A_CALL, photos))
                client.add_batch_photos(batch.id, [make_photo(number) for number in numbers], priority="bulk")
                note(f"{time.monotonic() - begin:.0f} s: {numbers.stop} of {photos} sent, {dict(kills)}")

            firsts = range(0, photos, A_CALL)
            with ThreadPoolExecutor(_SENDERS) as pool:
                list(pool.map(add, firsts))
            report.fill_s, report.calls = round(time.monotonic() - begin, 1), len(firsts)
            client.close_batch(batch.id)
            ended = _wait(client, batch, photos, begin, note)
        report.seconds = round(time.monotonic() - begin, 1)
        _wait_for_event(receiver, batch.id)
        report.kills, report.requests = dict(kills), dict(transport.answers)
        report.counts = ended.counts.to_json()
        report.event_ids = len(receiver.ids[str(batch.id)])
        report.events = len(client.get_webhook_delivery_page(webhook=made.webhook.id, limit=200).items)
        client.delete_webhook(made.webhook.id)
    _check(database, batch.id, report)
    return report


def _wait(client: Client, batch: Batch, photos: int, begin: float, note: Callable[[str], None]) -> Batch:
    """Wait for the end, and tell every while how far it is."""
    while not (batch := client.get_batch(batch.id, wait_s=20)).is_done:
        counts = batch.counts
        note(f"{time.monotonic() - begin:.0f} s: {counts.succeeded + counts.failed} of {photos} ended")
        assert time.monotonic() - begin < _END_TIMEOUT_S, f"the batch doesn't end: {counts}"
    return batch


def _wait_for_event(receiver: Receiver, batch_id: UUID) -> None:
    end = time.monotonic() + 300
    while str(batch_id) not in receiver.taken:
        assert time.monotonic() < end, "batch.finished was not told"
        time.sleep(0.1)


def _check(database: Database, batch_id: UUID, report: BatchReport) -> None:
    """Compare the rows with what the batch says, and with what was sent."""
    photos, wrong = report.photos, report.wrong
    of_batch = Job.batch_id == batch_id
    with database.read() as session:
        positions = list(session.scalars(select(Job.batch_position).where(of_batch).order_by(Job.batch_position)))
        by_status = dict(session.execute(select(Job.status, func.count()).where(of_batch).group_by(Job.status)).all())
        digests = session.scalar(select(func.count(Job.photo_sha256.distinct())).where(of_batch)) or 0
        report.attempts = session.scalar(select(func.sum(Job.attempt)).where(of_batch)) or 0
        faces = select(func.count()).select_from(Face).join(Job, Job.id == Face.job_id).where(of_batch)
        report.faces = session.scalar(faces) or 0
        ends = (
            select(func.count())
            .select_from(JobEvent)
            .join(Job, Job.id == JobEvent.job_id)
            .where(of_batch, JobEvent.to_status.in_(TERMINAL_STATUSES))
            .group_by(JobEvent.job_id)
        )
        ended = Counter(session.scalars(ends))
    expected = {
        "positions": (positions == list(range(photos)), len(positions)),
        "different photos": (digests == photos, digests),
        "statuses": (by_status == {JobStatus.SUCCEEDED: photos}, by_status),
        "ends of each job": (ended == {1: photos}, dict(ended)),
        "faces": (report.faces == count_faces(photos), report.faces),
        "counts": ((report.counts["total"], report.counts["succeeded"]) == (photos, photos), report.counts),
        "ids of batch.finished": (report.event_ids == 1, report.event_ids),
    }
    wrong += [f"{name}: {found}" for name, (is_right, found) in expected.items() if not is_right]


def main() -> int:
    """Run, print the report, and write it down. Returns 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument(
        "--pauses", type=float, nargs=2, default=PAUSES_S, metavar="S", help="between two kills, at least and at most"
    )
    parser.add_argument("--json", type=Path, help="a file of JSON to which the run is added")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="batch-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user where this runs as root
    schedule = make_schedule(given.seed, _END_TIMEOUT_S, is_postgresql=False, only=KILLED, pauses_s=tuple(given.pauses))
    is_postgresql, settings = given.database == "postgresql", {"max_queued_jobs": _MOST_QUEUED}
    with make_world(folder, Shape.OWN, is_postgresql=is_postgresql, settings=settings) as world:
        report = run_batch(
            world.client, world.database, given.photos, schedule, Faults(world).do, lambda line: print(line, flush=True)
        )
    shutil.rmtree(folder, ignore_errors=True)
    row = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "database": given.database,
        "seed": given.seed,
        "load_of_machine": round(os.getloadavg()[1], 1),
        **asdict(report),
        "machine": describe_machine(),
    }
    print(json.dumps(row, indent=2))
    if given.json:
        rows = json.loads(given.json.read_text()) if given.json.exists() else []
        given.json.write_text(json.dumps([*rows, row], indent=2) + "\n")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
