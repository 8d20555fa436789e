"""Measures a submission, a sweep and /metrics while many jobs are queued, compared with an empty queue.

    python -m bench.service.backlog [--waiting 50000] [--quick] [--database URL] [--json FILE]

Fills the database by SQL, and the queue with as many messages. Prints processor time: of the server for a submission and for
/metrics; of the housekeeper for a sweep that searches for lost messages, and the mean of sweeps, most of which don't. The last
row is Valkey's longest command in such a sweep.
"""

import argparse
import json
import statistics
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert, select
from uuid_utils.compat import uuid7

from bench.machine import describe_machine
from bench.service.submission import Server, load, serve
from db.accounts.tables import Application
from db.core import queues
from db.core.messages import make_message
from db.core.rows import list_empty
from db.core.types import utcnow
from db.core.vocabulary import JobStatus
from db.jobs.tables import Job
from emoscope.settings import Settings
from worker.core.services import Services
from worker.housekeeping import lost_messages
from worker.housekeeping.sweeper import sweep

_SWEEP_EVERY_S = 10
_ROWS_AT_ONCE = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--database", default="", help="address of an empty database; SQLite in a temporary folder without"
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the same rows as JSON")
    given = parser.parse_args()
    waiting, rounds = (2000, 1) if given.quick else (given.waiting, given.rounds)
    with tempfile.TemporaryDirectory(prefix="emo-") as folder, serve(Path(folder), given.database) as (ours, _):
        services = open_services(Path(folder), given.database)
        measure(services, ours, 1)  # warm-up
        before = measure(services, ours, rounds)
        fill(services, waiting)
        after = measure(services, ours, rounds)
        services.database.close()
    rows = [
        {"measure": name, "empty_ms": round(before[name], 2), "waiting_ms": round(after[name], 2)} for name in before
    ]
    print(f"| processor time | empty queue | {waiting:,} wait | ratio |\n| --- | --- | --- | --- |")
    for name in before:
        ratio = after[name] / max(before[name], 1e-6)
        print(f"| {name} | {before[name]:.2f} ms | {after[name]:.2f} ms | {ratio:.2f} |")
    if given.json:
        result = {"machine": describe_machine(), "waiting": waiting, "rows": rows}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


def open_services(folder: Path, database_url: str) -> Services:
    """A housekeeper's connections to what the server uses."""
    settings = Settings(
        _env_file=None,
        data_dir=folder / "data",
        redis_url=f"unix://{folder}/v.sock",
        database_url=database_url,
        resend_after_s=0.001,
    )
    return Services(settings)


def measure(services: Services, server: Server, rounds: int) -> dict[str, float]:
    """Return milliseconds of each operation."""
    submission = statistics.median(load(server, 1, 100).cpu_ms for _ in range(rounds))
    metrics = statistics.median(read_metrics(server, 20) for _ in range(rounds))
    services.redis.config_set("slowlog-log-slower-than", 0)
    services.redis.slowlog_reset()
    services.next_look_at = 0.0
    looks = sweep_cpu_ms(services)
    longest = max((entry["duration"] for entry in services.redis.slowlog_get(128)), default=0) / 1000
    services.redis.config_set("slowlog-log-slower-than", 10_000)
    following = [sweep_cpu_ms(services) for _ in range(3)]
    # the time of the next search is known, so there is no need to wait for it
    sweeps_between = max(1.0, looks / 1000 / lost_messages.LIMITS.share / _SWEEP_EVERY_S)
    mean = (looks + (sweeps_between - 1) * statistics.median(following)) / sweeps_between
    return {
        "a submission": submission,
        "/metrics": metrics,
        "a sweep that looks for lost messages": looks,
        "a sweep, mean": mean,
        "longest command of a sweep in Valkey": longest,
    }


def sweep_cpu_ms(services: Services) -> float:
    began = time.process_time()
    sweep(services)
    return 1000 * (time.process_time() - began)


def read_metrics(server: Server, count: int) -> float:
    """Return milliseconds of the server's processor time per scrape."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    before = server.process.cpu_times()
    for _ in range(count):
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
    after = server.process.cpu_times()
    return 1000 * (after.user + after.system - before.user - before.system) / count


def fill(services: Services, count: int) -> None:
    """Store queued jobs, and put their messages into the queue."""
    with services.database.read() as session:
        application_id = session.scalar(select(Application.id))
    assert application_id is not None
    for start in range(0, count, _ROWS_AT_ONCE):
        ids = [uuid7() for _ in range(min(_ROWS_AT_ONCE, count - start))]
        with services.database.write_rows() as connection:
            connection.execute(insert(Job.__table__), [make_row(job_id, application_id) for job_id in ids])  # type: ignore[arg-type]
        queue = queues.ANALYSIS_QUEUE
        services.redis.lpush(queue, *(make_message(queues.ANALYZE, job_id, queue) for job_id in ids))


def make_row(job_id: UUID, application_id: UUID) -> dict[str, object]:
    """Return the columns of a queued job."""
    now = utcnow()
    photo = {"photo_key": f"photos/{job_id}", "photo_sha256": "0" * 64, "photo_bytes": 5, "media_type": "image/jpeg"}
    state = {"status": JobStatus.QUEUED, "priority": "interactive", "revision": 0, "attempt": 0, "max_attempts": 3}
    times = {"created_at": now, "sent_at": now, "deadline_at": None, "photo_retention_s": 3600}
    subject = {"id": job_id, "application_id": application_id, "width": 1, "height": 1}
    return list_empty(Job) | subject | photo | state | times


if __name__ == "__main__":
    main()
