"""Callbacks to applications, signed as Standard Webhooks asks (https://www.standardwebhooks.com)."""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from urllib.parse import urlsplit
from uuid import UUID

import httpcore
import structlog
from sqlalchemy import select
from standardwebhooks import Webhook

from db.accounts.api_keys import get_application
from db.core.guarded_network import GuardedNetwork, NotPublic
from db.core.outgoing import Destination, RefusedUrl, read_destination
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
    retry_after_s = None
    with services.database.write() as session:
        # The lease outlasts the call, so that no other worker makes it meanwhile.
        callback = claim_callback(session, job_id, lease_s=2 * settings.callback_timeout_s + 5)
        job = get_job(session, job_id) if callback is not None else None
        if callback is None or job is None:
            return
        secret = get_application(session, job.application_id).callback_secret
    try:
        destination = read_destination(
            str(job.callback_url),
            allows_private=settings.callback_private_hosts,
            ports=settings.callback_port_ranges,
        )
        status, retry_after_s = _post(
            job,
            callback,
            secret,
            destination,
            settings.callback_timeout_s,
            allows_private=settings.callback_private_hosts,
        )
        answer, is_taken, is_final = f"HTTP {status}", 200 <= status < 300, status == _GONE
    except RefusedUrl as error:  # the settings have changed since the submission
        answer, is_taken, is_final = f"the callback's URL {error}", False, True
    except NotPublic as error:
        answer, is_taken, is_final = str(error), False, True
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        answer, is_taken, is_final = f"{type(error).__name__}: {error}", False, False
    log.info("callback_made", job_id=str(job_id), tries=callback.tries, answer=answer)
    with services.database.write() as session:
        if is_taken:
            record_delivered(session, job_id, answer)
        else:
            is_last = is_final or callback.tries >= settings.callback_max_attempts
            record_refused(session, job_id, answer, None if is_last else _choose_pause_s(callback.tries, retry_after_s))


def _choose_pause_s(tries: int, retry_after_s: float | None) -> float:
    """5 s, 20 s, 80 s, ... six hours; not less than the receiver asked for, within these six hours."""
    return float(min(max(_FIRST_PAUSE_S * 4 ** (tries - 1), retry_after_s or 0), _LONGEST_PAUSE_S))


def _read_retry_after(headers: Iterable[tuple[bytes, bytes]], now: datetime) -> float | None:
    """The seconds that `Retry-After` asks for, as a number or a date (RFC 9110, 10.2.3); None without one that can be read."""
    given = next((value.decode("latin-1").strip() for name, value in headers if name.lower() == b"retry-after"), "")
    if re.fullmatch("[0-9]{1,9}", given, re.ASCII):
        return float(given)
    try:
        moment = parsedate_to_datetime(given)
    except ValueError:
        return None
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp())


def _post(
    job: Job, callback: Callback, secret: str, to: Destination, timeout_s: float, *, allows_private: bool
) -> tuple[int, float | None]:
    """Send what happened, without any face data: the application reads the result with its own key.

    timeout_s: for the whole call. Returns the status, and the seconds that the receiver asks to wait.
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
        "host": to.authority,
        "content-type": "application/json",
        "user-agent": "emoscope",
        "webhook-id": str(callback.id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(str(callback.id), now, body),
    }
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
    network = GuardedNetwork(monotonic() + timeout_s, allows_private=allows_private)
    # The body is never read: nobody needs it, and it may be of any size.
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
        return answer.status, _read_retry_after(answer.headers, datetime.now(UTC))
