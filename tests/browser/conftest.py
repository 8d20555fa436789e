"""A real Chromium in front of a real server: our application on SQLite and Valkey, and somebody who plays the worker.

Skipped with the reason where no Chromium is installed. Only SQLite: the databases are held against each other elsewhere.
"""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from werkzeug.serving import ThreadedWSGIServer, make_server

from api.core.app import create_app
from api.core.services import Services, open_services
from db.accounts import users
from db.core.session import Database
from db.core.vocabulary import Role
from db.model_versions import actions as model_versions
from db.model_versions.tables import ModelVersion
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from tests.support.chromium import find_chromium, launch_chromium
from tests.support.databases import empty_tables
from tests.support.factories.accounts import add_key
from tests.support.factories.actors import TEST
from tests.support.factories.model_versions import make_manifest
from tests.support.factories.photos import encode_picture
from tests.support.played_worker import PlayedWorker

PASSWORD = "correct horse battery"
expect.set_options(timeout=15_000)
USERS = {"ana": Role.ADMINISTRATOR, "ben": Role.REVIEWER, "vic": Role.VIEWER}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the session: as long as Playwright is started, an event loop runs in this thread, and tests of other folders
    can't run one of their own."""
    if find_chromium() is None:
        pytest.skip("no Chromium is installed; on Debian `apt-get install chromium` brings one")
    with sync_playwright() as playwright:
        started = launch_chromium(playwright)
        yield started
        started.close()


@pytest.fixture
def database_url(browser: Browser, database_urls: Callable[[str], str]) -> str:
    """A migrated, empty SQLite database. Asks for the browser first, so that nothing is made where there is none."""
    url = database_urls("sqlite")
    database = Database(url)
    empty_tables(database)
    database.close()
    return url


@pytest.fixture(scope="session")
def password_hash() -> str:
    return users.hash_password(PASSWORD)


@dataclass(frozen=True)
class Site:
    """A running service with three people and two model versions, the first in service."""

    url: str
    services: Services
    worker: PlayedWorker
    versions: tuple[ModelVersion, ModelVersion]

    @property
    def database(self) -> Database:
        return self.services.database


def _closed_in_any_case(app: WSGIApplication) -> WSGIApplication:
    """Werkzeug's server leaves a static file open when the browser hangs up during its answer; Gunicorn closes it."""

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        pieces = app(environ, start_response)
        try:
            yield from pieces
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    return serve


@pytest.fixture
def site(settings: Settings, password_hash: str) -> Iterator[Site]:
    services = open_services(settings)
    with services.database.write() as session:
        for name, role in USERS.items():
            users.create_user(session, name, password_hash, role, actor=TEST)
        manifest = make_manifest()
        first, second = (
            model_versions.add_version(session, name, digest * 64, manifest)
            for name, digest in (("first", "d"), ("second", "e"))
        )
        model_versions.promote(session, first, TEST, "the first")
    server = make_server("127.0.0.1", 0, _closed_in_any_case(create_app(settings, services)), threaded=True)
    assert isinstance(server, ThreadedWSGIServer)
    server.daemon_threads = False  # so that closing waits for requests in hand, which still need the services
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield Site(f"http://127.0.0.1:{server.server_port}", services, PlayedWorker(services, first), (first, second))
    server.shutdown()
    thread.join()
    server.server_close()
    services.close()


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Opens a page in a browser of its own; at the end no page may have had an error in its console, or a blocked piece."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def make(**options: Any) -> Page:
        context = browser.new_context(base_url=site.url, **{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if is_problem(said) else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert problems == []


def is_problem(said: ConsoleMessage) -> bool:
    """Whether a console tells of a fault: not of an answer that a test has refused on purpose."""
    return said.type == "error" and not said.text.startswith("Failed to load resource")


@pytest.fixture
def visit(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Opens a page as one of the people, signed in."""

    def make(name: str, path: str = "/dashboard", **options: object) -> Page:
        page = open_page(**options)
        page.goto(f"/sign-in?next={path}")
        sign_in(page, name, PASSWORD)
        page.wait_for_url(f"**{path}")
        return page

    return make


def sign_in(page: Page, name: str, password: str) -> None:
    """Fill in the form and send it."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture(scope="session")
def portrait() -> bytes:
    """A real photo, small enough to be quick."""
    with Image.open(io.BytesIO(portrait_photo("astronaut").data)) as image:
        return encode_picture(image.resize((256, 256)), "JPEG")


@pytest.fixture
def submit(site: Site, portrait: bytes) -> Callable[[], str]:
    """Submits the portrait as an application does, and gives its job's id."""

    key = add_key(site.database, "shop")
    client = create_app(site.services.settings, site.services).test_client()

    def post() -> str:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"}
        response = client.post("/v1/jobs", data=portrait, headers=headers)
        assert response.status_code == 202, response.text
        return str(response.get_json()["id"])

    return post
