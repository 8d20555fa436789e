"""Callbacks to applications, signed as Standard Webhooks asks (https://www.standardwebhooks.com)."""

import ipaddress
import json
import socket
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpcore
import structlog
from sqlalchemy import select
from standardwebhooks import Webhook

from db.accounts.api_keys import get_application
from db.jobs.queries import get_job
from db.jobs.tables import Job
from db.webhooks.actions import claim_callback, record_delivered, record_refused
from db.webhooks.tables import Callback
from worker.core.services import Services
from worker.housekeeping.receivers import Receivers

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 5
_LONGEST_PAUSE_S = 6 * 3600
_GONE = 410
_MOST_TO_A_HOST = 6
"""Of the housekeeper's 16 threads, so that two receivers that hang leave some to all others."""
_receivers = Receivers(_MOST_TO_A_HOST)


class PrivateAddress(Exception):
    """The callback's host is on a private network or on this machine, and the settings don't allow that."""

    code = "callback_private_address"


class _Network(httpcore.SyncBackend):
    """Connects for one call, which is to be over by `deadline`, in `time.monotonic()` seconds.

    Unless private hosts are allowed, it resolves the name itself and connects to the very address that it checked, so that a name
    can't answer with a public address first and a private one later.
    """

    def __init__(self, deadline: float, *, allows_private: bool) -> None:
        self._deadline, self._allows_private = deadline, allows_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
        except (OSError, UnicodeError) as error:  # a name that IDNA can't write is a UnicodeError
            raise httpcore.ConnectError(f"{host} has no address") from error
        if not self._allows_private and not ipaddress.ip_address(address).is_global:
            raise PrivateAddress(f"{host} is {address}, which isn't a public address")
        stream = super().connect_tcp(address, port, timeout, local_address, socket_options)
        return _DeadlineStream(stream, self._deadline)


class _DeadlineStream(httpcore.NetworkStream):
    """A connection of which no read or write waits past the deadline: httpcore's time limits are for each by itself, so that a
    receiver that sends a byte now and then would hold its caller for ever.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

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
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, limit), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def _limit(self, timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
        left = self._deadline - monotonic()
        if left <= 0:
            raise error("the call took too long")
        return left if timeout is None else min(timeout, left)


def deliver(services: Services, job_id: UUID) -> None:
    """Make one call that is due, and write down how it went.

    Returns at once if none is due, or if its receiver has as many calls in hand as it may: then the sweeper asks for it anew.
    """
    with services.database.read() as session:
        url = session.scalar(select(Job.callback_url).where(Job.id == job_id))
    if url is None:
        return
    with _receivers.take_place(urlsplit(url).hostname or "") as is_free:
        if is_free:
            _deliver(services, job_id)
        else:
            log.info("callback_put_off", job_id=str(job_id))


def _deliver(services: Services, job_id: UUID) -> None:
    settings = services.settings
    with services.database.write() as session:
        # The lease outlasts the call, so that no other worker makes it meanwhile.
        callback = claim_callback(session, job_id, lease_s=2 * settings.callback_timeout_s + 5)
        job = get_job(session, job_id) if callback is not None else None
        if callback is None or job is None:
            return
        secret = get_application(session, job.application_id).callback_secret
    try:
        status = _post(
            job, callback, secret, settings.callback_timeout_s, allows_private=settings.callback_private_hosts
        )
        answer, is_taken, is_final = f"HTTP {status}", 200 <= status < 300, status == _GONE
    except PrivateAddress as error:
        answer, is_taken, is_final = str(error), False, True
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        answer, is_taken, is_final = f"{type(error).__name__}: {error}", False, False
    log.info("callback_made", job_id=str(job_id), tries=callback.tries, answer=answer)
    with services.database.write() as session:
        if is_taken:
            record_delivered(session, job_id, answer)
        else:
            is_last = is_final or callback.tries >= settings.callback_max_attempts
            record_refused(session, job_id, answer, None if is_last else _choose_pause_s(callback.tries))


def _choose_pause_s(tries: int) -> float:
    """5 s, 20 s, 80 s, ... six hours."""
    return float(min(_FIRST_PAUSE_S * 4 ** (tries - 1), _LONGEST_PAUSE_S))


def _post(job: Job, callback: Callback, secret: str, timeout_s: float, *, allows_private: bool) -> int:
    """Send what happened, without any face data: the application reads the result with its own key. Returns the status.

    timeout_s: for the whole call, but for the name's resolution.
    """
    now = datetime.now(UTC)
    body = json.dumps(
        {
            "type": f"job.{job.status}",
            "timestamp": now.isoformat(),
            "data": {
                "id": str(job.id),
                "status": job.status,
                "batch_id": str(job.batch_id) if job.batch_id else None,
                "face_count": job.face_count,
                "error_code": job.error_code,
            },
        }
    )
    headers: dict[bytes | str, bytes | str] = {
        "content-type": "application/json",
        "user-agent": "emoscope",
        "webhook-id": str(callback.id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(str(callback.id), now, body),
    }
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
    network = _Network(monotonic() + timeout_s, allows_private=allows_private)
    # The body is never read: nobody needs it, and it may be of any size.
    with (
        httpcore.ConnectionPool(network_backend=network) as pool,
        pool.stream(
            "POST", str(job.callback_url), headers=headers, content=body.encode(), extensions={"timeout": timeouts}
        ) as answer,
    ):
        return answer.status
