import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import select, update
from standardwebhooks import WebhookVerificationError

from db.accounts import api_keys
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.actors import Actor
from db.core.types import utcnow
from db.core.vocabulary import DeliveryState, Emotion, EndpointState
from db.jobs import lifecycle as jobs
from db.webhooks.deliveries import choose_pause_s, list_due
from db.webhooks.endpoints import AddressRules, create_endpoint, resume_endpoint, rotate_secret
from db.webhooks.tables import WebhookDelivery, WebhookEndpoint, WebhookEvent
from emoscope.settings import Settings
from tests.support.factories.actors import TEST
from tests.support.factories.analyses import Analyses
from tests.support.factories.jobs import create_job
from tests.support.hooks import Hook, HookReceiver
from worker.core.services import Services
from worker.housekeeping.webhooks import _MOST_TO_A_HOST, _read_retry_after
from worker.housekeeping.webhooks import deliver as deliver_one


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    services = Services(settings.model_copy(update={"callback_private_hosts": True, "callback_max_attempts": 2}))
    yield services
    services.redis.close()
    services.database.close()


def end_job(services: Services, url: str | None) -> tuple[UUID, str]:
    """A job that was canceled and owes a callback. Returns its id and its application's secret."""
    with services.database.write() as session:
        job = create_job(session, callback_url=url)
        jobs.cancel_job(session, job.id, TEST)
        return job.id, api_keys.ensure_application(session, "test").callback_secret


def read_all(services: Services, job_id: UUID) -> list[WebhookDelivery]:
    """The deliveries of a job, oldest first."""
    of_job = select(WebhookDelivery).join(WebhookDelivery.event).where(WebhookEvent.job_id == job_id)
    with services.database.read() as session:
        return list(session.scalars(of_job.order_by(WebhookDelivery.id)))


def read(services: Services, job_id: UUID) -> WebhookDelivery:
    return read_all(services, job_id)[-1]


def deliver(services: Services, job_id: UUID) -> None:
    """Make the latest delivery of a job."""
    deliver_one(services, read(services, job_id).id)


def make_due(services: Services, job_id: UUID) -> None:
    with services.database.write() as session:
        session.execute(update(WebhookDelivery).values(due_at=utcnow()))


def test_a_callback_is_signed_and_made_once(services: Services) -> None:
    with HookReceiver([204]) as receiver:
        job_id, secret = end_job(services, receiver.url)
        deliver(services, job_id)
        deliver(services, job_id)
        (hook,) = receiver.take(1)
    assert hook.verify(secret)["status"] == "canceled"
    (delivery,) = read_all(services, job_id)
    assert (delivery.attempt, delivery.state, delivery.status_code) == (1, DeliveryState.SUCCEEDED, 204)
    assert delivery.duration_ms is not None
    assert delivery.started_at is not None
    with services.database.read() as session:
        assert list_due(session, 10) == []


def test_a_refused_callback_is_tried_again_later_and_given_up_at_last(services: Services) -> None:
    with HookReceiver([500]) as receiver:
        job_id, _ = end_job(services, receiver.url)
        deliver(services, job_id)
        first, second = read_all(services, job_id)
        assert (first.state, first.status_code, second.state) == (DeliveryState.FAILED, 500, DeliveryState.PENDING)
        make_due(services, job_id)
        deliver(services, job_id)
        hooks = receiver.take(2)
    assert hooks[0].id == hooks[1].id
    assert [(each.attempt, each.state) for each in read_all(services, job_id)] == [
        (1, DeliveryState.FAILED),
        (2, DeliveryState.FAILED),
    ]


def test_a_receiver_that_is_gone_is_not_tried_again(services: Services) -> None:
    with HookReceiver([410]) as receiver:
        job_id, _ = end_job(services, receiver.url)
        deliver(services, job_id)
    assert [each.state for each in read_all(services, job_id)] == [DeliveryState.FAILED]


def test_a_receiver_that_does_not_answer_is_tried_again(services: Services) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    job_id, _ = end_job(services, f"http://127.0.0.1:{port}/")
    deliver(services, job_id)
    first, second = read_all(services, job_id)
    assert "ConnectError" in (first.error or "")
    assert (first.status_code, second.state) == (None, DeliveryState.PENDING)


@pytest.mark.parametrize("url", ["http://a..b/", "http://127.1:8080/", "http://127.0.0.1:22/"])
def test_a_url_that_may_not_be_called_any_more_is_given_up_at_once(services: Services, url: str) -> None:
    job_id, _ = end_job(services, url)
    deliver(services, job_id)
    (delivery,) = read_all(services, job_id)
    assert (delivery.error or "").startswith("the callback's URL must")
    assert delivery.state is DeliveryState.FAILED


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
    assert 7 <= (read(services, job_id).due_at - began).total_seconds() < 60


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
    assert [choose_pause_s(tries, None) for tries in (1, 2, 3, 9)] == [5, 20, 80, 6 * 3600]
    assert choose_pause_s(1, 7) == 7
    assert choose_pause_s(3, 7) == 80
    assert choose_pause_s(1, 10**9) == 6 * 3600


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
    assert (read_all(services, job_id)[0].error or "").startswith("ReadTimeout")
    services.redis.close()
    services.database.close()


def test_of_an_answer_without_end_the_status_and_the_first_bytes_are_read(services: Services) -> None:
    with DrippingReceiver(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nhello") as receiver:
        job_id, _ = end_job(services, receiver.url)
        deliver(services, job_id)
    found = read(services, job_id)
    assert (found.status_code, (found.answer or "")[:5]) == (200, "hello")
    assert (found.duration_ms or 0) < 1000


def test_of_a_long_answer_the_start_is_kept_as_text_that_every_database_takes(services: Services) -> None:
    with HookReceiver([500], body=b"no\x00 \xff way\n" + b"x" * 100_000) as receiver:
        job_id, _ = end_job(services, receiver.url)
        deliver(services, job_id)
    answer = read_all(services, job_id)[0].answer or ""
    assert answer.startswith("no  \ufffd way x")
    assert len(answer) <= 500


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"])
def test_private_addresses_are_not_called_unless_the_settings_allow_it(settings: Settings, host: str) -> None:
    services = Services(settings)
    with HookReceiver([204]) as receiver:
        port = receiver.url.rsplit(":", 1)[1]
        job_id, _ = end_job(services, f"http://{host}:{port}")
        deliver(services, job_id)
    (delivery,) = read_all(services, job_id)
    assert delivery.state is DeliveryState.FAILED
    assert "must be a public host" in (delivery.error or "")
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
        put_off = read(services, job_ids[-1])
        assert (put_off.state, put_off.started_at) == (DeliveryState.PENDING, None)
        other, _ = end_job(services, receiver.url.replace("127.0.0.1", "localhost"))
        deliver(services, other)
        assert len(receiver.take(1)) == 1
        for connection in held:
            connection.close()
        for thread in threads:
            thread.join()
    made = [read_all(services, job_id)[0].state for job_id in job_ids]
    assert made == [DeliveryState.FAILED] * _MOST_TO_A_HOST + [DeliveryState.PENDING]


def add_endpoint(services: Services, url: str, *events: str, **more: Any) -> WebhookEndpoint:
    with services.database.write() as session:
        application = api_keys.ensure_application(session, "test")
        rules = AddressRules(allows_private=True, ports=[range(1, 65536)])
        return create_endpoint(session, application, url, events, rules, Actor.user("ana"), **more)


def read_endpoint(services: Services, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    with services.database.read() as session:
        return session.get_one(WebhookEndpoint, endpoint.id)


def list_waiting(services: Services) -> list[UUID]:
    with services.database.read() as session:
        return list(list_due(session, 100))


def test_while_a_secret_is_rotated_both_sign(services: Services) -> None:
    with HookReceiver([204]) as receiver:
        endpoint = add_endpoint(services, receiver.url, "job.canceled")
        first = endpoint.secret or ""
        with services.database.write() as session:
            second = rotate_secret(session, session.merge(endpoint), Actor.user("ana"), overlap_s=60)
        end_job(services, None)
        (due,) = list_waiting(services)
        deliver_one(services, due)
        with services.database.write() as session:
            session.execute(update(WebhookEndpoint).values(previous_secret_until=utcnow()))
        end_job(services, None)
        (due,) = list_waiting(services)
        deliver_one(services, due)
        both, latest = receiver.take(2)
    assert both.verify(first) == both.verify(second)
    assert latest.verify(second)
    with pytest.raises(WebhookVerificationError):
        latest.verify(first)


def test_an_endpoint_that_fails_for_days_is_paused_with_its_reason_and_loses_nothing(settings: Settings) -> None:
    changed = {"callback_private_hosts": True, "webhook_pause_after_s": 100}
    services = Services(settings.model_copy(update=changed))
    with HookReceiver([500]) as receiver:
        endpoint = add_endpoint(services, receiver.url, "job.canceled")
        end_job(services, None)
        deliver_one(services, list_waiting(services)[0])
        assert read_endpoint(services, endpoint).state is EndpointState.ACTIVE
        long_ago = utcnow() - timedelta(seconds=101)
        with services.database.write() as session:
            session.execute(update(WebhookEndpoint).values(failing_since=long_ago))
        make_due(services, endpoint.id)
        deliver_one(services, list_waiting(services)[0])
    stopped = read_endpoint(services, endpoint)
    assert (stopped.state, (stopped.state_reason or "")[:19]) == (EndpointState.FAILING, "it has failed since")
    end_job(services, None)
    make_due(services, endpoint.id)
    assert list_waiting(services) == []
    with services.database.write() as session:
        entry = list_audit_events(session, AuditFilter(action="webhook.stop"))[0]
        assert (entry.subject, entry.actor) == (f"webhook:{endpoint.id}", "webhooks")
        resume_endpoint(session, session.merge(stopped), Actor.user("ana"))
    assert len(list_waiting(services)) == 2
    services.redis.close()
    services.database.close()


def test_an_endpoint_that_is_gone_is_paused_at_once(services: Services) -> None:
    with HookReceiver([410]) as receiver:
        endpoint = add_endpoint(services, receiver.url, "job.canceled")
        end_job(services, None)
        deliver_one(services, list_waiting(services)[0])
    assert read_endpoint(services, endpoint).state is EndpointState.FAILING


def test_faces_are_sent_to_endpoints_that_ask_for_them_and_are_never_stored_beside(
    services: Services, analyses: Analyses
) -> None:
    with HookReceiver([204]) as receiver:
        plain = add_endpoint(services, receiver.url, "job.succeeded")
        asking = add_endpoint(services, receiver.url, "job.succeeded", include_faces=True)
        analyses.store((Emotion.HAPPY, 0.9), (Emotion.SAD, 0.8), application="test")
        for due in list_waiting(services):
            deliver_one(services, due)
        first, second = receiver.take(2)
    assert first.id == second.id
    by_secret = {
        endpoint.id: next(hook for hook in (first, second) if is_signed(hook, endpoint.secret or ""))
        for endpoint in (plain, asking)
    }
    assert by_secret[plain.id].verify(plain.secret or "")["faces"] is None
    faces = by_secret[asking.id].verify(asking.secret or "")["faces"]
    assert [(face["emotion"], face["x"]) for face in faces] == [("happy", 10), ("sad", 110)]
    with services.database.read() as session:
        (event,) = session.scalars(select(WebhookEvent))
    assert event.data["faces"] is None


def is_signed(hook: Hook, secret: str) -> bool:
    try:
        hook.verify(secret)
    except WebhookVerificationError:
        return False
    return True
