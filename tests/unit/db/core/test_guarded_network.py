"""Connections to hosts named by clients."""

import socket
import threading
from time import monotonic
from typing import Any

import httpcore
import pytest

from db.core.guarded_network import GuardedNetwork, NotPublic, _DeadlineStream


@pytest.fixture
def listener() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    monkeypatch.setattr("db.core.guarded_network.list_addresses", lambda *_: list(addresses))


def connect(port: int, *, allows_private: bool = True, timeout_s: float = 2) -> httpcore.NetworkStream:
    network = GuardedNetwork(monotonic() + timeout_s, allows_private=allows_private)
    return network.connect_tcp("receiver.example", port)


def test_each_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> None:
    resolve_to(monkeypatch, "::1", "127.0.0.2", "127.0.0.1")
    stream = connect(listener.getsockname()[1])
    assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
    stream.close()


def test_an_address_that_swallows_packets_leaves_time_for_the_next(
    monkeypatch: pytest.MonkeyPatch, listener: socket.socket
) -> None:
    resolve_to(monkeypatch, "192.0.2.1", "127.0.0.1")
    real = httpcore.SyncBackend.connect_tcp

    def connect_slowly(self: Any, host: str, port: int, timeout: float, *rest: Any) -> httpcore.NetworkStream:
        if host == "192.0.2.1":
            threading.Event().wait(timeout)
            raise httpcore.ConnectTimeout("no answer")
        return real(self, host, port, timeout, *rest)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_slowly)
    connect(listener.getsockname()[1], timeout_s=0.6).close()


def test_only_public_addresses_of_a_name_are_called(monkeypatch: pytest.MonkeyPatch, listener: socket.socket) -> None:
    called: list[str] = []

    def note(_self: Any, host: str, *_: Any) -> httpcore.NetworkStream:
        called.append(host)
        raise httpcore.ConnectError("not here")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", note)
    resolve_to(monkeypatch, "127.0.0.1", "2002:7f00:1::", "8.8.8.8", "fe80::1%1", "2606:4700::1111")
    with pytest.raises(httpcore.ConnectError):
        connect(80, allows_private=False)
    assert called == ["8.8.8.8", "2606:4700::1111"]


def test_a_name_without_a_public_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "::ffff:8.8.8.8", "10.0.0.1")
    with pytest.raises(NotPublic, match="is not a public address"):
        connect(80, allows_private=False)


def test_a_name_that_is_not_looked_up_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def wait_long(*_: object) -> list[str]:
        is_over.wait(5)
        return []

    monkeypatch.setattr("db.core.guarded_network.list_addresses", wait_long)
    began = monotonic()
    with pytest.raises(httpcore.ConnectTimeout, match="looked up"):
        connect(80, timeout_s=0.2)
    is_over.set()
    assert monotonic() - began < 2


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example"])
def test_a_name_that_cannot_be_looked_up_is_a_connect_error(host: str) -> None:
    with pytest.raises(httpcore.ConnectError, match="has no address"):
        GuardedNetwork(monotonic() + 2, allows_private=True).connect_tcp(host, 80)


def test_what_is_left_of_the_time_bounds_each_read(listener: socket.socket) -> None:
    opened = httpcore.SyncBackend().connect_tcp("127.0.0.1", listener.getsockname()[1])
    stream = _DeadlineStream(opened, GuardedNetwork(monotonic() + 0.2, allows_private=True))
    began = monotonic()
    with pytest.raises(httpcore.ReadTimeout):
        stream.read(1, timeout=30)
    assert monotonic() - began < 2
    stream.close()
