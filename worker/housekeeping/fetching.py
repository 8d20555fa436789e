"""Fetches photos submitted by URL: docs/decisions/0307.

A message means that something is due; its receiver fetches until nothing is due. The numbers of fetching threads, in all and per
host, are limited, so that slow hosts delay neither each other nor callbacks.
"""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import PurePosixPath
from time import monotonic
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import UUID

import httpcore
import structlog

from db.core.actors import Actor
from db.core.blobs import BlobStoreUnavailable, make_photo_key
from db.core.guarded_network import GuardedNetwork, NotPublic
from db.core.outgoing import Destination, RefusedUrl, read_destination
from db.jobs.batch_actions import settle_batch
from db.jobs.fetching import (
    FetchedPhoto,
    claim_fetch,
    defer_fetch,
    list_due_fetches,
    record_fetch_failed,
    record_fetched,
)
from db.jobs.queries import find_origin
from db.jobs.states import InvalidTransition
from db.photos.errors import PhotoError
from db.photos.header import read_header
from db.photos.sweeping import find_unowned_photos
from emoscope.logging import bind_job
from emoscope.settings import Settings
from emoscope.tracing import open_tracing
from worker.core.messages import send_job
from worker.core.services import Services
from worker.housekeeping.receivers import Receivers

log = structlog.get_logger(__name__)

MAX_REDIRECTS = 3
_MAX_TRIES = 3
_FIRST_PAUSE_S = 2.0
_THREADS = 6
"""Of the housekeeper's 16 threads."""
_MOST_OF_A_HOST = 3
_TASK_S = 60.0
"""Approximate maximum seconds of a task, so that stopping is quick; the sweeper sends the next one."""
_LOOKED_AT = 50
"""Number of due fetches among which one with a free host is chosen."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRIED_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_ACTOR = Actor.system("fetcher")

_places = threading.BoundedSemaphore(_THREADS)
_hosts = Receivers(_MOST_OF_A_HOST)


class FetchFailed(Exception):
    """The photo can't be fetched. code: for the job. is_final: whether a retry is pointless."""

    def __init__(self, code: str, detail: str, *, is_final: bool) -> None:
        super().__init__(detail)
        self.code, self.is_final = code, is_final


@dataclass(frozen=True)
class Download:
    """A downloaded file. filename: last segment of the final URL's path, if any."""

    data: bytes
    filename: str | None


def fetch_due(services: Services) -> None:
    """Fetch due photos one after another. Returns at once if enough threads are fetching."""
    if not _places.acquire(blocking=False):
        return
    try:
        end = monotonic() + _TASK_S
        while monotonic() < end and _fetch_one(services):
            pass
    finally:
        _places.release()


def _fetch_one(services: Services) -> bool:
    """Fetch the first due photo whose host isn't busy. Returns whether there was one."""
    with services.database.read() as session:
        due = list_due_fetches(session, _LOOKED_AT)
    for job_id, url in due:
        with _hosts.take_slot(urlsplit(url).hostname or "") as is_free:
            if not is_free:
                continue
            with services.database.write() as session:
                # longer than the call, so that no other thread fetches it meanwhile
                tries = claim_fetch(session, job_id, lease_s=2 * services.settings.fetch_timeout_s + 5)
                origin = find_origin(session, job_id)
            if tries is not None:
                with (
                    bind_job(job_id, origin.request_id, origin.traceparent),
                    open_tracing().span("fetch the photo", "client", parent=origin.traceparent),
                ):
                    _fetch(services, job_id, url, tries)
            return True
    return False


def _fetch(services: Services, job_id: UUID, url: str, tries: int) -> None:
    settings = services.settings
    try:
        found = download(url, settings)
        photo = _check(found, make_photo_key(job_id, tries), settings)
    except FetchFailed as error:
        log.info("photo_not_fetched", tries=tries, code=error.code, reason=str(error))
        if error.is_final or tries >= _MAX_TRIES:
            _fail(services, job_id, error.code, str(error))
        else:
            with services.database.write() as session:
                defer_fetch(session, job_id, _FIRST_PAUSE_S * 4 ** (tries - 1))
        return
    except PhotoError as error:
        _fail(services, job_id, error.code, str(error))
        return
    try:
        services.blobs.put(photo.photo_key, found.data)
    except BlobStoreUnavailable as error:
        log.warning("photo_not_stored", reason=str(error))
        with services.database.write() as session:
            defer_fetch(session, job_id, _FIRST_PAUSE_S * 4)
        return
    try:
        with services.database.write() as session:
            job = record_fetched(session, job_id, photo)
            if job.filename is None:
                job.filename = found.filename
    except InvalidTransition:
        # The job has ended or was erased, or another try stored its photo first.
        with services.database.read() as session:
            unowned = find_unowned_photos(session, [photo.photo_key])
        services.blobs.delete_many(sorted(unowned))
        return
    send_job(job_id, job.priority)


def _fail(services: Services, job_id: UUID, code: str, detail: str) -> None:
    try:
        with services.database.write() as session:
            job = record_fetch_failed(session, job_id, _ACTOR, code, detail)
    except InvalidTransition:
        return
    services.announce(job_id)
    if job.batch_id is not None:
        settle_batch(services.database, services.announce, job.batch_id)


def _check(found: Download, photo_key: str, settings: Settings) -> FetchedPhoto:
    """Check a photo like an uploaded one. Raises PhotoError or FetchFailed."""
    if not found.data:
        raise FetchFailed("empty_photo", "the URL's response is empty", is_final=True)
    header = read_header(found.data, settings.max_photo_pixels, settings.max_decoding_bytes)
    return FetchedPhoto(
        photo_key=photo_key,
        photo_sha256=hashlib.sha256(found.data).hexdigest(),
        photo_bytes=len(found.data),
        media_type=header.media_type,
        width=header.width,
        height=header.height,
    )


def download(url: str, settings: Settings) -> Download:
    """Download a URL with at most three redirects, each checked like the URL itself, all before one deadline.

    Raises FetchFailed. Sends no cookie, key or referrer, and reads no more than the maximum size of a photo.
    """
    deadline = monotonic() + settings.fetch_timeout_s
    network = GuardedNetwork(deadline, allows_private=settings.fetch_private_hosts)
    try:
        with httpcore.ConnectionPool(network_backend=network) as pool:
            for _ in range(MAX_REDIRECTS + 1):
                to = read_destination(
                    url, allows_private=settings.fetch_private_hosts, ports=settings.fetch_port_ranges
                )
                with pool.stream(
                    "GET",
                    httpcore.URL(scheme=to.scheme, host=to.host, port=to.port, target=to.target),
                    headers=_make_headers(to),
                    extensions={
                        "timeout": dict.fromkeys(("connect", "read", "write", "pool"), settings.fetch_timeout_s)
                    },
                ) as answer:
                    if answer.status not in _REDIRECTS:
                        return Download(_read_body(answer, settings.max_photo_bytes), _name_file(url))
                    url = urljoin(url, _find_header(answer, b"location"))
    except RefusedUrl as error:
        raise FetchFailed("fetch_refused", f"the URL, or one that it redirects to, {error}", is_final=True) from error
    except NotPublic as error:
        detail = "the URL's host has no public address, and only public addresses are called"
        raise FetchFailed("fetch_refused", detail, is_final=True) from error
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise FetchFailed(
            "fetch_failed", f"the URL could not be read: {type(error).__name__}", is_final=False
        ) from error
    raise FetchFailed("fetch_failed", f"the URL redirects more than {MAX_REDIRECTS} times", is_final=True)


def _make_headers(to: Destination) -> dict[bytes | str, bytes | str]:
    return {
        "host": to.authority,
        "user-agent": "emoscope",
        "accept": "image/*",
        "accept-encoding": "identity",
        "connection": "close",
    }


def _read_body(answer: httpcore.Response, most: int) -> bytes:
    if answer.status != 200:
        is_final = answer.status not in _TRIED_AGAIN
        raise FetchFailed("fetch_failed", f"the URL responded with HTTP {answer.status}", is_final=is_final)
    length = _find_header(answer, b"content-length")
    too_large = FetchFailed("photo_too_large", f"a photo may have at most {most:,} bytes", is_final=True)
    if length.isascii() and length.isdigit() and int(length[:12]) > most:
        raise too_large
    parts: list[bytes] = []
    left = most
    for part in answer.iter_stream():
        left -= len(part)
        if left < 0:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def _find_header(answer: Any, name: bytes) -> str:
    return next((value.decode("latin-1").strip() for key, value in answer.headers if key.lower() == name), "")


def _name_file(url: str) -> str | None:
    name = PurePosixPath(urlsplit(url).path).name
    return "".join(character for character in name if character.isprintable())[:255] or None
