"""The configuration of Gunicorn."""

import gc
import os
import resource
import runpy
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from gunicorn.util import parse_address

from emoscope.pulse import has_pulse, list_pulses
from tests.support.waiting import wait_until


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_it_listens_on_the_address_of_the_settings(
    host: str, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_HOST", host)
    monkeypatch.setenv("EMOSCOPE_PORT", "8123")
    fresh_settings()
    assert parse_address(runpy.run_module("api.core.gunicorn_config")["bind"]) == (host, 8123)


def test_a_stop_does_not_wait_for_the_longest_wait(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_MAX_WAIT_S", "90")
    fresh_settings()
    # less than the one-machine stack gives each process
    assert runpy.run_module("api.core.gunicorn_config")["graceful_timeout"] < 20


def test_there_is_a_file_for_each_connection(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    fresh_settings()
    limits, asked = [(1024, 50_000), (1024, 2000), (50_000, 50_000)], []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: limits[0])
    monkeypatch.setattr(resource, "setrlimit", lambda _which, wanted: asked.append(wanted))
    while limits:
        runpy.run_module("api.core.gunicorn_config")
        limits.pop(0)
    assert asked == [(3000, 50_000), (2000, 2000)]


def test_large_memory_goes_back_to_the_system(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    fresh_settings()
    told: list[int] = []
    monkeypatch.setattr("emoscope.freed_memory.give_large_memory_back", told.append)
    runpy.run_module("api.core.gunicorn_config")
    assert told == [2**20]


def test_the_main_process_has_a_pulse_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATA_DIR", str(tmp_path))
    fresh_settings()
    before = signal.getsignal(signal.SIGALRM)
    config, server = runpy.run_module("api.core.gunicorn_config"), SimpleNamespace()
    try:
        config["when_ready"](server)
        wait_until(lambda: has_pulse(tmp_path, "api"), "it beats")
        first = server.pulse.path.stat().st_mtime_ns
        wait_until(lambda: server.pulse.path.stat().st_mtime_ns > first, "it beats again")
        assert [(each.role, each.pid) for each in list_pulses(tmp_path)] == [("api", os.getpid())]
    finally:
        config["on_exit"](server)
        gc.unfreeze()  # this process doesn't end
        signal.signal(signal.SIGALRM, before)
    assert list(list_pulses(tmp_path)) == []


def test_the_garbage_collector_leaves_the_loaded_application_alone(fresh_settings: Callable[[], None]) -> None:
    fresh_settings()
    before = gc.get_freeze_count()
    try:
        runpy.run_module("api.core.gunicorn_config")["post_worker_init"](None)
        assert gc.get_freeze_count() > before + 1000
    finally:
        gc.unfreeze()


def test_a_serving_process_collects_garbage_once_it_has_loaded(fresh_settings: Callable[[], None]) -> None:
    fresh_settings()
    config = runpy.run_module("api.core.gunicorn_config")
    try:
        config["post_fork"](None, None)
        assert not gc.isenabled()
        config["post_worker_init"](None)
        assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
