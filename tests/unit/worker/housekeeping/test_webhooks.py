import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Self
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from db.accounts import api_keys
from db.core.types import utcnow
from db.jobs import lifecycle as jobs
from db.jobs.lifecycle import NewJob
from db.webhooks.actions import list_due
from db.webhooks.tables import Callback
from emoscope.settings import Settings
from tests.support.hooks import HookReceiver
from worker.core.services import Services
from worker.housekeeping.webhooks import _MOST_TO_A_HOST, _choose_pause_s, _read_retry_after, deliver


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    services = Services(settings.model_copy(update={"callback_private_hosts": True, "callback_max_attempts": 2}))
    yield services
    services.redis.close()
    services.database.close()


def end_job(services: Services, url: str) -> tuple[UUID, str]:
    """A job that was canceled and owes a callback. Returns its id and its application's secret."""
    with services.database.write() as session:
        application = api_keys.ensure_application(session, "test")
        new = NewJob(
            id=uuid4(), application_id=application.id, photo_key="photos/x", photo_sha256="0" * 64, photo_bytes=1,
            media_type="image/png", width=1, height=1, photo_retention_s=1, max_attempts=1, callback_url=url,
        )  # fmt: skip
        jobs.create_job(session, new, "test")
        jobs.cancel_job(session, new.id, "test")
        return new.id, application.callback_secret


def read(services: Services, job_id: UUID) -> Callback:
    with services.database.read() as session:
        return session.scalars(select(Callback).where(Callback.job_id == job_id)).one()


def make_due(services: Services, job_id: UUID) -> None:
    with services.database.write() as session:
        session.execute(update(Callback).where(Callback.job_id == job_id).values(next_try_at=utcnow()))


def test_a_callback_is_signed_and_made_once(services: Services) -> None:
    with HookReceiver([204]) as receiver:
        job_id, secret = end_job(services, receiver.url)
        deliver(services, job_id)
        deliver(services, job_id)
        (hook,) = receiver.take(1)
    assert hook.verify(secret)["status"] == "canceled"
    assert (read(services, job_id).tries, read(services, job_id).last_answer) == (1, "HTTP 204")
    with services.database.read() as session:
        assert list_due(session, 10) == []


def test_a_refused_callback_is_tried_again_later_and_given_up_at_last(services: Services) -> None:
    with HookReceiver([500]) as receiver:
        job_id, _ = end_job(services, receiver.url)
        deliver(services, job_id)
        first = read(services, job_id)
        assert first.done_at is None
        make_due(services, job_id)
        deliver(services, job_id)
        assert len(receiver.take(2)) == 2
    last = read(services, job_id)
    assert (last.tries, last.last_answer) == (2, "HTTP 500")
    assert last.done_at is not None


def test_a_receiver_that_is_gone_is_not_tried_again(services: Services) -> None:
    with HookReceiver([410]) as receiver:
        job_id, _ = end_job(services, receiver.url)
        deliver(services, job_id)
    assert read(services, job_id).done_at is not None


def test_a_receiver_that_does_not_answer_is_tried_again(services: Services) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    job_id, _ = end_job(services, f"http://127.0.0.1:{port}/")
    deliver(services, job_id)
    assert read(services, job_id).done_at is None
    assert "ConnectError" in (read(services, job_id).last_answer or "")


@pytest.mark.parametrize("url", ["http://a..b/", "http://127.1:8080/", "http://127.0.0.1:22/"])
def test_a_url_that_may_not_be_called_any_more_is_given_up_at_once(services: Services, url: str) -> None:
    job_id, _ = end_job(services, url)
    deliver(services, job_id)
    callback = read(services, job_id)
    assert (callback.last_answer or "").startswith("the callback's URL must")
    assert callback.done_at is not None


def test_the_receiver_is_told_its_own_host(services: Services) -> None:
    with HookReceiver([204]) as receiver:
        job_id, _ = end_job(services, receiver.url)
        deliver(services, job_id)
        (hook,) = receiver.take(1)
    assert f"http://{hook.headers['host']}/hook" == receiver.url


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_to_wait_is_not_called_before(services: Services, status: int) -> None:
    with HookReceiver([status], {"Retry-After": "7"}) as receiver:
        job_id, _ = end_job(services, receiver.url)
        began = utcnow()
        deliver(services, job_id)
    next_try_at = read(services, job_id).next_try_at
    assert next_try_at is not None
    assert 7 <= (next_try_at - began).total_seconds() < 60


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("7", 7),
        ("0", 0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("-7", None),
        ("7.5", None),
        ("1e3", None),
        ("soon", None),
        ("\u0667", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(given: str, expected: float | None) -> None:
    assert _read_retry_after([(b"Retry-After", given.encode("utf-8"))], NOW) == expected


def test_pauses_grow_to_six_hours_and_keep_what_the_receiver_asks_for() -> None:
    assert [_choose_pause_s(tries, None) for tries in (1, 2, 3, 9)] == [5, 20, 80, 6 * 3600]
    assert _choose_pause_s(1, 7) == 7
    assert _choose_pause_s(3, 7) == 80
    assert _choose_pause_s(1, 10**9) == 6 * 3600


class DrippingReceiver:
    """Sends the start of an answer, then a byte every tenth of a second for as long as it is connected."""

    def __init__(self, start: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._start = start
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._is_over = threading.Event()
        self._left = 100  # a caller that waits for ever is to fail, not to hang
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        caller, _ = self._listener.accept()
        with caller, suppress(OSError):
            caller.sendall(self._start)
            while self._left and not self._is_over.wait(0.1):
                caller.sendall(b"x")
                self._left -= 1


def test_a_receiver_that_never_ends_its_headers_is_left_when_the_time_is_over(settings: Settings) -> None:
    services = Services(settings.model_copy(update={"callback_private_hosts": True, "callback_timeout_s": 0.5}))
    with DrippingReceiver(b"HTTP/1.1 200 OK\r\nX-Slow: ") as receiver:
        job_id, _ = end_job(services, receiver.url)
        deliver(services, job_id)
    assert (read(services, job_id).last_answer or "").startswith("ReadTimeout")
    services.redis.close()
    services.database.close()


def test_of_an_answer_without_end_only_the_status_is_read(services: Services) -> None:
    with DrippingReceiver(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n") as receiver:
        job_id, _ = end_job(services, receiver.url)
        deliver(services, job_id)
    assert read(services, job_id).last_answer == "HTTP 200"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"])
def test_private_addresses_are_not_called_unless_the_settings_allow_it(settings: Settings, host: str) -> None:
    services = Services(settings)
    with HookReceiver([204]) as receiver:
        port = receiver.url.rsplit(":", 1)[1]
        job_id, _ = end_job(services, f"http://{host}:{port}")
        deliver(services, job_id)
    callback = read(services, job_id)
    assert callback.done_at is not None
    assert "must be a public host" in (callback.last_answer or "")
    services.redis.close()
    services.database.close()


def test_a_receiver_that_hangs_takes_some_of_the_threads_and_no_more(services: Services) -> None:
    """The calls beyond its share stay due and cost no try; another receiver is called meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as silent, HookReceiver([204]) as receiver:
        port = silent.getsockname()[1]
        job_ids = [end_job(services, f"http://127.0.0.1:{port}/")[0] for _ in range(_MOST_TO_A_HOST + 1)]
        threads = [threading.Thread(target=deliver, args=(services, job_id)) for job_id in job_ids[:-1]]
        for thread in threads:
            thread.start()
        held = [silent.accept()[0] for _ in threads]
        deliver(services, job_ids[-1])
        assert (read(services, job_ids[-1]).tries, read(services, job_ids[-1]).done_at) == (0, None)
        other, _ = end_job(services, receiver.url.replace("127.0.0.1", "localhost"))
        deliver(services, other)
        assert len(receiver.take(1)) == 1
        for connection in held:
            connection.close()
        for thread in threads:
            thread.join()
    assert [read(services, job_id).tries for job_id in job_ids] == [1] * _MOST_TO_A_HOST + [0]
