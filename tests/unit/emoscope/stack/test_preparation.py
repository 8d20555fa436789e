"""What a stack needs before it starts, and what it says when it can't have it."""

import fcntl
import os
import shutil
import socket
from pathlib import Path

import pytest

from emoscope.settings import Settings
from emoscope.stack import preparation
from emoscope.stack.plan import Plan
from emoscope.stack.preparation import StackError, prepare_stack
from emoscope.stack.processes import find_metrics_dir


@pytest.fixture
def settings(short_tmp: Path, request: pytest.FixtureRequest) -> Settings:
    return Settings(_env_file=None, data_dir=short_tmp / str(abs(hash(request.node.name)))[:8], port=0)


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done to the database is tests/unit/emoscope/stack/test_provision.py's."""
    monkeypatch.setattr(preparation, "_provision", lambda _settings, _progress: "the key")


def prepare(settings: Settings) -> preparation.PreparedStack:
    return prepare_stack(settings, lambda _step: None, lambda address: f"at {address.api_url}")


def test_a_prepared_stack_has_a_port_a_plan_and_private_folders(settings: Settings) -> None:
    prepared = prepare(settings)
    try:
        assert prepared.settings.port > 0
        assert prepared.client.api_key == "the key"
        read = Plan.from_json(os.pread(prepared.lock, 1_000_000, 0).decode())
        assert (read.greeting, read.ready_port) == (
            f"at http://127.0.0.1:{prepared.settings.port}",
            prepared.settings.port,
        )
        for folder in (settings.data_dir, settings.data_dir / "logs", settings.runtime_dir):
            assert folder.stat().st_mode & 0o077 == 0
    finally:
        os.close(prepared.lock)


def test_a_second_stack_on_the_folder_is_refused(settings: Settings) -> None:
    settings.data_dir.mkdir()
    with (settings.data_dir / "stack.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StackError, match="already runs"):
            prepare(settings)


def test_a_start_that_fails_gives_the_lock_back(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StackError, match="can't listen on 127"):
        prepare(settings.model_copy(update={"port": taken.getsockname()[1]}))
    os.close(prepare(settings).lock)


def test_a_folder_that_cannot_be_used_is_named(settings: Settings) -> None:
    settings.data_dir.write_text("a file")
    with pytest.raises(StackError, match=str(settings.data_dir)):
        prepare(settings)


def test_too_little_room_is_said_in_megabytes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(settings.data_dir.parent)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    with pytest.raises(StackError, match=r"only 1 MB are free at .*, and 200 MB are needed"):
        prepare(settings)


def test_counts_of_an_earlier_start_are_gone(settings: Settings) -> None:
    folder = find_metrics_dir(settings)
    folder.mkdir(parents=True)
    (folder / "counter_1.db").touch()
    os.close(prepare(settings).lock)
    assert list(folder.iterdir()) == []
