"""What Gunicorn is told."""

import runpy
from collections.abc import Callable

import pytest
from gunicorn.util import parse_address


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_it_listens_on_the_address_of_the_settings(
    host: str, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_HOST", host)
    monkeypatch.setenv("EMOSCOPE_PORT", "8123")
    fresh_settings()
    assert parse_address(runpy.run_module("api.gunicorn_config")["bind"]) == (host, 8123)


def test_a_stop_leaves_time_for_the_longest_wait(
    monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_MAX_WAIT_S", "90")
    fresh_settings()
    assert runpy.run_module("api.gunicorn_config")["graceful_timeout"] > 90
