"""Webhook calls to applications, signed according to Standard Webhooks (https://www.standardwebhooks.com)."""

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic, perf_counter
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpcore
import structlog
from standardwebhooks import Webhook

from db.core.guarded_network import GuardedNetwork, NotPublic
from db.core.outgoing import Destination, RefusedUrl, read_destination
from db.webhooks.deliveries import AttemptResult, Claimed, claim_delivery, find_url, record_attempt
from emoscope.logging import bind_job
from emoscope.tracing import find_current_traceparent, open_tracing
from worker.core.services import Services
from worker.housekeeping.receivers import Receivers

log = structlog.get_logger(__name__)

_GONE = 410
_MOST_TO_A_HOST = 6
"""Of the housekeeper's 16 threads, so that two slow receivers leave threads for the others."""
_MOST_ANSWER_BYTES = 500
"""Bytes of a response body that are stored, to diagnose refusals."""
_ANSWER_TIMEOUT_S = 1.0
"""Short, because only the status matters."""
_receivers = Receivers(_MOST_TO_A_HOST)


def deliver(services: Services, delivery_id: UUID) -> None:
    """Make one due call, and record its result.

    Returns at once if it isn't due, or if its receiver has the maximum number of active calls: then the sweeper sends it again.
    """
    with services.database.read() as session:
        url = find_url(session, delivery_id)
    if url is None:
        return
    with _receivers.take_slot(urlsplit(url).hostname or "") as is_free:
        if is_free:
            _deliver(services, delivery_id)
        else:
            log.info("delivery_deferred", delivery_id=str(delivery_id))


def _deliver(services: Services, delivery_id: UUID) -> None:
    settings = services.settings
    with services.database.write() as session:
        # longer than the call, so that no other worker makes it meanwhile
        claimed = claim_delivery(session, delivery_id, lease_s=2 * settings.callback_timeout_s + 5)
    if claimed is None:
        return
    with bind_delivery(claimed), open_tracing().span("deliver a webhook", "client", parent=claimed.origin.traceparent):
        result = _attempt(services, claimed)
        log.info(
            "delivery_made",
            delivery_id=str(delivery_id),
            attempt=claimed.attempt,
            status=result.status_code,
            error=result.error,
        )
    with services.database.write() as session:
        record_attempt(
            session,
            delivery_id,
            result,
            max_attempts=settings.callback_max_attempts,
            pause_after_s=settings.webhook_pause_after_s,
        )


def bind_delivery(claimed: Claimed) -> AbstractContextManager[None]:
    """Add the delivery's job to log lines, if it has one."""
    if claimed.job_id is None:
        return nullcontext()
    return bind_job(claimed.job_id, claimed.origin.request_id, claimed.origin.traceparent)


def _attempt(services: Services, claimed: Claimed) -> AttemptResult:
    settings, began = services.settings, perf_counter()
    outcome: dict[str, Any] = {}
    try:
        destination = read_destination(
            claimed.url, allows_private=settings.callback_private_hosts, ports=settings.callback_port_ranges
        )
        network = GuardedNetwork(
            monotonic() + settings.callback_timeout_s, allows_private=settings.callback_private_hosts
        )
        with _post(claimed, destination, network, settings.callback_timeout_s) as answer:
            outcome = {
                "status_code": answer.status,
                "retry_after_s": _read_retry_after(answer.headers, datetime.now(UTC)),
                "is_gone": answer.status == _GONE,
                "duration_ms": _count_ms(began),
                "answer": _read_start(answer, network),
            }
    except RefusedUrl as error:  # the settings have changed since it was accepted
        outcome = {"error": f"the callback's URL {error}", "is_final": True}
    except NotPublic as error:
        outcome = {"error": str(error), "is_final": True}
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        outcome = outcome or {"error": f"{type(error).__name__}: {error}"}
    return AttemptResult(**{"duration_ms": _count_ms(began), **outcome})


def _count_ms(began: float) -> float:
    return round((perf_counter() - began) * 1000, 1)


def _read_retry_after(headers: Iterable[tuple[bytes, bytes]], now: datetime) -> float | None:
    """Return the seconds of `Retry-After`, given as a number or a date (RFC 9110, 10.2.3); None if missing or malformed."""
    given = next((value.decode("latin-1").strip() for name, value in headers if name.lower() == b"retry-after"), "")
    if re.fullmatch("[0-9]{1,9}", given, re.ASCII):
        return float(given)
    try:
        moment = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp())


def _read_start(answer: httpcore.Response, network: GuardedNetwork) -> str | None:
    """Return the first bytes of a response body as text, as far as they arrive at once, without control characters."""
    network.deadline = min(network.deadline, monotonic() + _ANSWER_TIMEOUT_S)
    found = b""
    with suppress(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
        for chunk in answer.iter_stream():
            found += chunk
            if len(found) >= _MOST_ANSWER_BYTES:
                break
    text = found[:_MOST_ANSWER_BYTES].decode(errors="replace")
    return "".join(each if each.isprintable() else " " for each in text).strip() or None


@contextmanager
def _post(claimed: Claimed, to: Destination, network: GuardedNetwork, timeout_s: float) -> Iterator[httpcore.Response]:
    """Send the event. timeout_s: for the whole call. Returns the response, with its body unread.

    During a rotation both secrets sign: the header has two signatures separated by a space.
    """
    now, body = datetime.now(UTC), claimed.body.to_text()
    message_id = str(claimed.event_id)
    headers: dict[bytes | str, bytes | str] = {
        "host": to.authority,
        "content-type": "application/json",
        "user-agent": "emoscope",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        **({"traceparent": traceparent} if (traceparent := find_current_traceparent()) else {}),
        "webhook-signature": " ".join(Webhook(secret).sign(message_id, now, body) for secret in claimed.secrets),
    }
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
    with (
        httpcore.ConnectionPool(network_backend=network) as pool,
        pool.stream(
            "POST",
            httpcore.URL(scheme=to.scheme, host=to.host, port=to.port, target=to.target),
            headers=headers,
            content=body.encode(),
            extensions={"timeout": timeouts},
        ) as answer,
    ):
        yield answer
