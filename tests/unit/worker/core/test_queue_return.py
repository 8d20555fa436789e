"""A real worker's connection to a real queue, which loses everything."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from db.core import migrate, queues
from db.core.session import Database
from emoscope.settings import Settings
from tests.support.valkey import Valkey
from tests.support.waiting import wait_until


@pytest.mark.timeout(120)
def test_the_housekeeper_sweeps_when_the_queue_comes_back(tmp_path: Path, short_tmp: Path) -> None:
    """Without beat: nobody else asks for a sweep."""
    valkey = Valkey(short_tmp / "returns")
    valkey.start()
    settings = Settings(_env_file=None, data_dir=tmp_path, redis_url=valkey.redis_url)
    database = Database(settings.effective_database_url)
    migrate.upgrade(database)
    database.close()
    command = [sys.executable, "-P", "-m", "celery", "-A", "worker.core.app", "worker", "-P", "threads", "-c", "2"]
    command += ["-Q", queues.HOUSEKEEPING_QUEUE, "--without-gossip", "--without-mingle", "--without-heartbeat"]
    with (tmp_path / "log").open("wb") as log:
        housekeeper = subprocess.Popen(
            command, env=os.environ | settings.to_environment(), stdout=log, stderr=log, cwd=tmp_path
        )
    try:
        for _ in range(2):
            with valkey.client() as client:
                wait_until(partial(client.get, queues.LAST_SWEEP_KEY), "it has swept")
            valkey.restart_empty()
    finally:
        housekeeper.kill()
        housekeeper.wait()
        valkey.stop()
