"""Photos fetched from a real server on this machine, which the settings allow here."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from uuid import UUID

import pytest

from db.core.actors import Actor
from db.jobs import lifecycle
from db.jobs.fetching import defer_fetch, list_due_fetches
from db.jobs.tables import Job, PhotoFetch
from emoscope.settings import Settings
from tests.support.factories.jobs import UNFETCHED, add_job
from tests.support.factories.photos import make_photo
from worker.core.services import Services
from worker.housekeeping import fetching
from worker.housekeeping.fetching import FetchFailed, download, fetch_due

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


PHOTO, OTHER_PHOTO = make_photo(), make_photo(colour="olive")


class Photos(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path.startswith("/endless"):
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(65536))
            except OSError:
                return
        if self.path.startswith("/status/"):
            self.send_error(int(self.path.removeprefix("/status/")))
            return
        body = b"text" if self.path == "/text" else PHOTO
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Photos)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def allowed(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "fetch_private_hosts": True,
            "fetch_ports": "1-65535",
            "fetch_timeout_s": 5.0,
            "max_photo_bytes": 100_000,
        }
    )


@pytest.fixture
def services(allowed: Settings) -> Iterator[Services]:
    services = Services(allowed)
    yield services
    services.redis.close()
    services.database.close()


def submit(services: Services, url: str) -> UUID:
    actor = Actor.application("test")
    return add_job(services.database, source_url=url, max_attempts=1, actor=actor, **UNFETCHED)


def read(services: Services, job_id: UUID) -> tuple[Job, PhotoFetch | None]:
    with services.database.read() as session:
        return session.get_one(Job, job_id), session.get(PhotoFetch, job_id)


def test_a_fetched_photo_is_as_one_that_was_sent(services: Services, server: str) -> None:
    job_id = submit(services, f"{server}/a/team.jpg?x=1")
    fetch_due(services)
    job, fetch = read(services, job_id)
    assert fetch is None
    assert (job.status, job.width, job.height, job.media_type, job.filename) == (
        "queued",
        64,
        48,
        "image/jpeg",
        "team.jpg",
    )
    assert services.blobs.get(job.photo_key or "", job.photo_sha256) == PHOTO
    with services.database.write() as session:
        lifecycle.claim_job(session, job_id, "host:1", lease_s=10)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/text", "not_a_picture"),
        ("/status/404", "fetch_failed"),
        ("/endless", "photo_too_large"),
        ("/to//to//to//to//a.jpg", "fetch_failed"),
        ("/to/ftp://example.com/a.jpg", "fetch_refused"),
    ],
)
def test_what_can_not_be_had_fails_the_job_at_once(services: Services, server: str, path: str, code: str) -> None:
    job_id = submit(services, server + path)
    fetch_due(services)
    job, fetch = read(services, job_id)
    assert (job.status, job.error_code, fetch) == ("failed", code, None)


def test_redirects_are_followed_a_few_times(allowed: Settings, server: str) -> None:
    assert download(f"{server}/to//to//to//a.jpg", allowed).data == PHOTO


def test_what_may_go_better_is_tried_again_three_times(services: Services, server: str) -> None:
    job_id = submit(services, f"{server}/status/503")
    fetch_due(services)
    job, fetch = read(services, job_id)
    assert job.status == "queued"
    assert fetch is not None
    assert fetch.tries == 1
    with services.database.read() as session:
        assert list_due_fetches(session, 9) == []
    for _ in range(2):
        with services.database.write() as session:
            session.get_one(PhotoFetch, job_id).next_try_at = job.created_at
        fetch_due(services)
    assert read(services, job_id)[0].error_code == "fetch_failed"


def test_no_address_of_this_machine_or_network_is_called_unless_allowed(allowed: Settings, server: str) -> None:
    public = allowed.model_copy(update={"fetch_private_hosts": False})
    for url in (
        server,
        "http://localhost/a.jpg",
        "http://[::1]/",
        "http://2130706433/",
        "http://169.254.169.254/latest",
    ):
        with pytest.raises(FetchFailed) as refused:
            download(url, public)
        assert refused.value.code == "fetch_refused"


def test_a_public_name_with_a_private_address_is_not_called(
    allowed: Settings, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.rpartition(":")[2])
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    )
    with pytest.raises(FetchFailed, match="no public address"):
        download("http://photos.example.com/a.jpg", allowed.model_copy(update={"fetch_private_hosts": False}))


def test_a_host_that_sends_a_byte_now_and_then_is_given_up_at_the_deadline(allowed: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    while True:
                        connection.sendall(b"H")
                        threading.Event().wait(0.1)
                except OSError:
                    return

        threading.Thread(target=drip, daemon=True).start()
        started = monotonic()
        with pytest.raises(FetchFailed):
            download(
                f"http://127.0.0.1:{listening.getsockname()[1]}/", allowed.model_copy(update={"fetch_timeout_s": 0.5})
            )
        assert monotonic() - started < 3


def test_a_photo_that_another_fetch_has_stored_meanwhile_stays(
    services: Services, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fetch that is held up for longer than its lease ends after the one that took it over."""
    job_id = submit(services, f"{server}/a.jpg")

    def come_second(url: str, settings: Settings) -> fetching.Download:
        monkeypatch.undo()
        with services.database.write() as session:
            defer_fetch(session, job_id, -1)
        fetch_due(services)
        return fetching.Download(OTHER_PHOTO, None)  # the address gives another photo at each request

    monkeypatch.setattr(fetching, "download", come_second)
    fetch_due(services)
    job, fetch = read(services, job_id)
    assert (job.status, fetch) == ("queued", None)
    assert services.blobs.get(job.photo_key or "", job.photo_sha256) == PHOTO
    assert list(services.blobs.list_older("photos", -10)) == [job.photo_key], "the late one left nothing"


def test_a_job_that_was_canceled_meanwhile_keeps_no_photo(services: Services, server: str) -> None:
    job_id = submit(services, f"{server}/a.jpg")
    with services.database.write() as session:
        lifecycle.cancel_job(session, job_id, Actor.application("test"))
    fetch_due(services)
    job, fetch = read(services, job_id)
    assert (job.status, job.photo_key, fetch) == ("canceled", None, None)
    assert not list(services.blobs.list_older("photos", -10))
