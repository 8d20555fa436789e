"""The real API on a real socket, which answers a test key without a worker."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import structlog
from werkzeug.serving import WSGIRequestHandler, make_server

from api.core.app import create_app
from api.core.services import open_services
from db.accounts import api_keys
from db.core.actors import Actor
from db.core.vocabulary import Scope
from emoscope.settings import Settings
from emoscope_client import Client
from tests.support.databases import empty_tables
from tests.support.valkey import Valkey


class QuietHandler(WSGIRequestHandler):
    """Keeps what it was asked to itself."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@dataclass
class LiveApi:
    """requests: what it was asked, in order. refuse: answers 503 to a request if it says so. before: called before each request."""

    url: str
    api_key: str
    requests: list[str] = field(default_factory=list)
    refuse: Callable[[str], bool] = lambda _: False
    before: Callable[[str], None] = lambda _: None
    change: Callable[..., None] = lambda **_: None
    """Serves with some settings changed from now on."""

    def open_client(self) -> Client:
        return Client(self.url, self.api_key)

    def count(self, start: str) -> int:
        """How many requests began so, as `POST /v1/jobs`."""
        return sum(request.startswith(start) for request in self.requests)


@pytest.fixture
def live_api(tmp_path: Path, database_urls: Callable[[str], str], valkey: Valkey) -> Iterator[LiveApi]:
    """The API on SQLite, since a client can't tell what it runs on, and the test key of an application."""
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        database_url=database_urls("sqlite"),
        redis_url=valkey.redis_url,
        blob_url=str(tmp_path / "blobs"),
        rate_limit="",
    )
    opened = [open_services(settings)]
    services = opened[0]
    empty_tables(services.database)
    apps = [create_app(settings, services)]
    with services.database.write() as session:
        owner = api_keys.ensure_application(session, "shop")
        key = api_keys.create_key(session, owner, [Scope.SUBMIT], Actor.command("test"), is_test=True)
    found = LiveApi("", key)

    def change(**changed: object) -> None:
        opened.append(open_services(settings.model_copy(update=changed)))
        apps.append(create_app(opened[-1].settings, opened[-1]))

    found.change = change

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        found.requests.append(asked)
        found.before(asked)
        if found.refuse(asked):
            start("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        answered: Iterable[bytes] = apps[-1].wsgi_app(environ, start)
        return answered

    logging = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # stdout is the command's
    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=QuietHandler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()
    structlog.configure(**logging)
    for services in opened:
        services.close()


@pytest.fixture
def to_live_api(
    live_api: LiveApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> LiveApi:
    """The same, as the service that commands talk to. The current folder is empty."""
    monkeypatch.setenv("EMOSCOPE_API_URL", live_api.url)
    monkeypatch.setenv("EMOSCOPE_API_KEY", live_api.api_key)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    fresh_settings()
    return live_api
