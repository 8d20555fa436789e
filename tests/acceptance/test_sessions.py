"""The examples of docs/capabilities.md, executed on a running service, and what the receivers of webhooks get."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.service.waiting import make_keys, wait_all
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from emoscope.stack.embedded import Stack
from tests.acceptance.conftest import QUICK, Service, find_free_port
from tests.support.hooks import HookReceiver
from tests.support.sessions import Session, Shells, list_sessions
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/capabilities.md"
PHOTO = portrait_photo("astronaut").data
SESSIONS = list(list_sessions(PAGE.read_text()))


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder(short_tmp: Path) -> Path:
    made = short_tmp / "sessions"
    made.mkdir()
    (made / "team.jpg").write_bytes(PHOTO)
    return made


@pytest.fixture(scope="module")
def photo_url(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/team.jpg"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def service(short_tmp: Path) -> Iterator[Service]:
    settings = Settings(
        _env_file=None,
        data_dir=short_tmp / "shown",
        port=find_free_port(),
        fetch_private_hosts=True,
        fetch_ports="1-65535",
        cors_origins="https://shop.example",
        **QUICK,  # type: ignore[arg-type]
    )
    with Stack(settings, lambda _step: None) as stack:
        found = Service(stack)
        yield found
        found.close()
    for path in (settings.data_dir / "logs").iterdir():
        log = path.read_text()
        assert "Traceback" not in log, f"{path.name}: {log[-3000:]}"


@pytest.fixture(scope="module")
def shells(folder: Path, photo_url: str, service: Service) -> Iterator[Shells]:
    with (
        HookReceiver([204]) as receiver,
        HookReceiver([410, 204]) as busy,
    ):
        environment = {
            "EMOSCOPE_API_URL": service.url,
            "EMOSCOPE_API_KEY": service.api_key,
            "PHOTO_URL": photo_url,
            "HOOK_URL": receiver.url,
            "BUSY_URL": busy.url,
        }
        with Shells(folder, environment) as opened:
            yield opened


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: f"line {session.line}")
def test_a_session_prints_what_the_page_says(shells: Shells, session: Session) -> None:
    assert shells.run(session, str(PAGE)) == session.printed


def test_a_photo_by_url_is_fetched_and_analysed(service: Service, photo_url: str) -> None:
    job = service.client.analyze(photo_url)
    assert (job.status, job.photo.source_url, len(job.faces)) == ("succeeded", photo_url, 1)
    assert job.photo.sha256 == sha256(PHOTO).hexdigest()


def test_a_job_fails_if_its_url_returns_no_photo(service: Service, photo_url: str) -> None:
    job = service.client.analyze(photo_url.replace("team.jpg", "none.jpg"))
    assert job.error is not None
    assert (job.status, job.error.code) == ("failed", "fetch_failed")


def test_an_open_batch_takes_photos_in_two_calls_and_sends_one_event(service: Service, photo_url: str) -> None:
    with HookReceiver([204]) as receiver:
        made = service.client.create_webhook(receiver.url, ["batch.finished"])
        batch = service.client.create_batch(open=True)
        service.client.add_batch_photos(batch.id, [PHOTO, b"no photo"])
        service.client.add_batch_photos(batch.id, [photo_url])
        wait_until(lambda: service.client.get_batch(batch.id).counts.succeeded == 2, "what was sent so far has ended")
        assert not service.client.get_batch(batch.id).is_done
        service.client.close_batch(batch.id)
        (hook,) = receiver.take(1)
        assert json.loads(hook.body)["type"] == "batch.finished"
        told = hook.verify(made.secret)
        done = service.client.get_batch(batch.id)
        assert done.is_done
        assert told == {"id": str(batch.id), "succeeded": 2, "failed": 0, "canceled": 0, "refused": 1}
        deliveries = service.client.get_webhook_delivery_page(webhook=made.webhook.id).items
        service.client.delete_webhook(made.webhook.id)
    assert [(each.event, each.attempt) for each in deliveries] == [("batch.finished", 1)]


def test_clients_that_wait_are_answered_in_their_first_request(service: Service) -> None:
    """`python -m bench.service.waiting` does it with 500."""
    waits = asyncio.run(wait_all(service.url, make_keys(service.database, 2), clients=16, jobs=1, photo=PHOTO))
    assert (len(waits.delays_s), waits.failed, waits.refused) == (16, 0, {})
    assert waits.requests == 16
    assert all(delay > 0 for delay in waits.delays_s)


def test_the_page_shows_the_typescript_that_is_compiled() -> None:
    (shown,) = re.findall(r"^```ts\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert shown == (ROOT / "tests/clients/typescript/upload.ts").read_text()


def test_each_capability_is_shown_with_curl_and_with_the_client() -> None:
    sections = [section for section in PAGE.read_text().split("\n## ")[1:] if "\n```sh\n" in section]
    assert len(sections) >= 10
    for section in sections:
        languages = [session.language for session in list_sessions(section)]
        assert languages.count("sh") == languages.count("python") >= 1, section.partition("\n")[0]
