"""Health probe of workers."""

import socket
from pathlib import Path

import pytest

from db.core.session import Database
from db.core.vocabulary import WorkerState
from db.monitoring.heartbeats import record_heartbeat
from emoscope.pulse import make_pulse
from emoscope.settings import Settings
from worker.core.probe import has_ready_process, is_working

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def own_settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, database_url=database_url, redis_url="unix:///none.sock")


def test_only_a_ready_process_of_this_machine_counts(database: Database, own_settings: Settings) -> None:
    mine = socket.gethostname()
    for name, state, is_ready in (
        (f"{mine}-other:1", WorkerState.READY, False),
        (f"{mine}:1", WorkerState.STARTING, False),
        (f"{mine}:2", WorkerState.READY, True),
    ):
        with database.write() as session:
            record_heartbeat(session, name, state)
        assert has_ready_process(own_settings) == is_ready


def test_a_worker_works_while_it_has_a_pulse_and_where_it_analyses_a_ready_process(
    database: Database, own_settings: Settings
) -> None:
    assert not is_working(own_settings, "beat")
    for role in ("beat", "analysis"):
        make_pulse(own_settings.data_dir, role).beat()
    assert is_working(own_settings, "beat")
    assert not is_working(own_settings, "analysis")
    with database.write() as session:
        record_heartbeat(session, f"{socket.gethostname()}:2", WorkerState.READY)
    assert is_working(own_settings, "analysis")
