"""The client on the real application in this process: real HTTP bytes without a socket."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from apiflask import APIFlask

from api.core.app import create_app
from db.core.session import Database
from db.core.vocabulary import Scope
from emoscope.settings import Settings
from emoscope_client import Client
from tests.support.databases import empty_tables
from tests.support.factories.accounts import add_key
from tests.unit.api.conftest import app, champion, photo, services, worker

__all__ = ["app", "champion", "photo", "services", "worker"]


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The OpenAPI document. It is made without any server."""
    folder = tmp_path_factory.mktemp("document")
    settings = Settings(_env_file=None, data_dir=folder, redis_url=f"unix://{folder}/none.sock")
    found: dict[str, Any] = create_app(settings).test_client().get("/openapi.json").get_json()
    return found


@pytest.fixture
def database_url(database_urls: Callable[[str], str]) -> str:
    """An empty SQLite database: the client can't tell what kind the service has."""
    url = database_urls("sqlite")
    database = Database(url)
    empty_tables(database)
    database.close()
    return url


@pytest.fixture
def api_key(database: Database) -> str:
    return add_key(database, "shop", [Scope.SUBMIT])


@pytest.fixture
def client(app: APIFlask, api_key: str) -> Iterator[Client]:
    transport = httpx.WSGITransport(app=app)
    with httpx.Client(transport=transport) as http, Client("http://api", api_key, http_client=http) as opened:
        yield opened
