"""Connections to hosts named by clients: only to allowed addresses, and with a deadline for the whole call."""

import socket
import ssl
import threading
from collections.abc import Iterable
from ipaddress import ip_address
from time import monotonic
from typing import Any

import httpcore

from db.core.outgoing import is_public

_MAX_ADDRESSES = 8
"""Maximum number of addresses tried per name; a name may have any number."""


class NotPublic(Exception):
    """No address of the host is certainly public, and the settings allow only public ones."""

    code = "callback_private_address"


class GuardedNetwork(httpcore.SyncBackend):
    """The network of one call, which ends by `deadline`, in `time.monotonic()` seconds.

    It resolves the name once and connects to the address that it has checked, so that a name can't resolve to a public address
    first and to a private one later. Every address of the name is tried, in the resolver's order.
    """

    def __init__(self, deadline: float, *, allows_private: bool) -> None:
        self.deadline, self._allows_private = deadline, allows_private
        """The deadline may be moved forward during the call."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that responds. Raises NotPublic, httpcore.ConnectError or httpcore.ConnectTimeout."""
        found = _resolve(host, port, self.deadline)
        allowed = [address for address in found if self._allows_private or is_public(ip_address(address))]
        if not allowed:
            raise NotPublic(f"{host} is {found[0]}, which is not a public address")
        last: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for position, address in enumerate(allowed):
            left = self.deadline - monotonic()
            if left <= 0:
                break
            try:
                # an address that drops packets leaves time for the next ones
                share = left / (len(allowed) - position)
                stream = super().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
            else:
                return _DeadlineStream(stream, self)
        raise last or httpcore.ConnectTimeout("the call took too long")


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose reads and writes end at the deadline. httpcore's timeouts apply to each read, so a receiver that sends a
    byte now and then could hold its caller forever.
    """

    def __init__(self, stream: httpcore.NetworkStream, network: GuardedNetwork) -> None:
        self._stream, self._network = stream, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._limit(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._limit(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = self._limit(timeout, httpcore.ConnectTimeout)
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, limit), self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _limit(self, timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
        left = self._network.deadline - monotonic()
        if left <= 0:
            raise error("the call took too long")
        return left if timeout is None else min(timeout, left)


def list_addresses(host: str, port: int) -> list[str]:
    """Return a name's addresses, without duplicates, in the resolver's order. Raises OSError or UnicodeError. Has no timeout."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


def _resolve(host: str, port: int, deadline: float) -> list[str]:
    """Return a name's addresses, without duplicates, at most _MAX_ADDRESSES.

    Raises httpcore.ConnectError or httpcore.ConnectTimeout.
    The system's resolver has no timeout, so it runs in a thread that is abandoned after the deadline.
    """
    found: list[str] = []
    errors: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(list_addresses(host, port))
        except (OSError, UnicodeError) as error:  # UnicodeError: the name isn't valid IDNA
            errors.append(error)

    thread = threading.Thread(target=look_up, name="resolve", daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - monotonic()))
    if thread.is_alive():
        raise httpcore.ConnectTimeout(f"{host} could not be looked up in time")
    if not found:
        raise httpcore.ConnectError(f"{host} has no address") from (errors[0] if errors else None)
    return found[:_MAX_ADDRESSES]
