"""What Gunicorn is told."""

import ctypes
import runpy
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from gunicorn.util import parse_address


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_it_listens_on_the_address_of_the_settings(
    host: str, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_HOST", host)
    monkeypatch.setenv("EMOSCOPE_PORT", "8123")
    fresh_settings()
    assert parse_address(runpy.run_module("api.core.gunicorn_config")["bind"]) == (host, 8123)


def test_a_stop_leaves_time_for_the_longest_wait(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_MAX_WAIT_S", "90")
    fresh_settings()
    assert runpy.run_module("api.core.gunicorn_config")["graceful_timeout"] > 90


def test_large_memory_goes_back_to_the_system_where_the_c_library_can_do_so(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    fresh_settings()
    told: list[tuple[int, int]] = []
    for library in (SimpleNamespace(mallopt=lambda *given: told.append(given)), SimpleNamespace()):
        monkeypatch.setattr(ctypes, "CDLL", lambda _name, library=library: library)
        runpy.run_module("api.core.gunicorn_config")
    assert told == [(-3, 2**20)]
