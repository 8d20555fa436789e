"""Receivers that hang keep their own callbacks waiting, and nothing else."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.core import queues
from db.core.vocabulary import JobStatus
from db.jobs import lifecycle as jobs
from tests.support.factories.actors import TEST
from tests.support.fleet import Fleet, run_fleet
from tests.support.waiting import wait_until

CALLBACKS = 40
THREADS = 2  # of the fleet's housekeeper


@pytest.fixture(scope="module")
def fleet(short_tmp: Path) -> Iterator[Fleet]:
    with run_fleet(short_tmp / "callbacks", callback_private_hosts=True, callback_timeout_s=4) as running:
        yield running


def test_the_sweeper_works_while_every_thread_calls_a_receiver_that_hangs(fleet: Fleet) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=CALLBACKS) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        for _ in range(CALLBACKS):
            job_id = fleet.submit(callback_url=url)
            with fleet.database.write() as session:
                jobs.cancel_job(session, job_id, TEST)
        held = [silent.accept()[0] for _ in range(THREADS)]
        overdue = fleet.submit(deadline_s=0)
        wait_until(lambda: fleet.has_status(overdue, JobStatus.CANCELED), "the overdue job is canceled")
        assert fleet.queue.llen(queues.CALLBACK_QUEUE) > 0
        for connection in held:
            connection.close()
