"""The port of the demo."""

import socket

import pytest

from emoscope.cli.commands.demo import _is_free, find_free_port


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_somebody_listens_on_is_not_free(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        port = taken.getsockname()[1]
        assert not _is_free(host, port)
    assert _is_free(host, port)
    assert _is_free(host, find_free_port(host))
