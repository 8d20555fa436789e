"""The application with real parts, clients with keys, and somebody who plays the worker."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

from api.core.app import create_app
from api.core.services import Services, open_services
from api.core.sessions import COOKIE
from db.accounts import sign_in, users
from db.core.session import Database
from db.core.vocabulary import Role, Scope
from db.model_versions.tables import ModelVersion
from emoscope.settings import Settings
from tests.support.factories.accounts import add_key, open_client_with_key
from tests.support.factories.actors import TEST
from tests.support.factories.model_versions import add_version
from tests.support.factories.photos import make_photo
from tests.support.opening import Opener
from tests.support.played_worker import PlayedWorker
from tests.support.visitors import PASSWORD, Visitor


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    opened = open_services(settings)
    yield opened
    opened.close()


class CompiledTemplates(BytecodeCache):
    """Templates that another test's application compiled."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


COMPILED_TEMPLATES = CompiledTemplates()


@pytest.fixture(scope="session", autouse=True)
def kept_url_builders() -> Iterator[None]:
    """Compile what builds the URLs of a route once, not for each test's application: that is three quarters of making one."""
    compile_builder = Rule._compile_builder
    kept: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}

    def find(rule: Rule, append_unknown: bool) -> Callable[..., tuple[str, str]]:
        if rule.defaults:  # they go through the converters
            return compile_builder(rule, append_unknown)
        key = (tuple(rule._trace), append_unknown)
        if key not in kept:
            kept[key] = compile_builder(rule, append_unknown)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", find)
        yield


@pytest.fixture
def app(settings: Settings, services: Services) -> APIFlask:
    app = create_app(settings, services)
    app.jinja_env.bytecode_cache = COMPILED_TEMPLATES
    return app


@pytest.fixture
def open_app(settings: Settings) -> Iterator[Callable[..., APIFlask]]:
    """Opens further applications, with some settings changed."""
    with ExitStack() as opened:

        def make(**changed: object) -> APIFlask:
            services = open_services(settings.model_copy(update=changed))
            opened.callback(services.close)
            return create_app(services.settings, services)

        yield make


@pytest.fixture
def make_client(database: Database) -> Callable[[APIFlask, str], FlaskClient]:
    """Makes a client of an application, with a key of its own."""

    def make(app: APIFlask, name: str) -> FlaskClient:
        key = add_key(database, name)
        return open_client_with_key(app, key)

    return make


@pytest.fixture
def client(app: APIFlask, make_client: Callable[[APIFlask, str], FlaskClient]) -> FlaskClient:
    return make_client(app, "shop")


@pytest.fixture
def other_client(app: APIFlask, make_client: Callable[[APIFlask, str], FlaskClient]) -> FlaskClient:
    return make_client(app, "rival")


@pytest.fixture
def admin(app: APIFlask, database: Database) -> FlaskClient:
    """A client of the application `office`, whose key may do everything."""
    key = add_key(database, "office", Scope)
    return open_client_with_key(app, key)


@pytest.fixture
def photo() -> bytes:
    return make_photo()


@pytest.fixture
def champion(database: Database) -> ModelVersion:
    return add_version(database, "first", digest="d" * 64, is_champion=True)


@pytest.fixture
def worker(services: Services, champion: ModelVersion) -> PlayedWorker:
    return PlayedWorker(services, champion)


@pytest.fixture
def submit(client: FlaskClient, photo: bytes) -> Callable[..., str]:
    """Submits a photo, and gives the id of its job."""

    def post(**options: object) -> str:
        response = client.post("/v1/jobs", data=photo, query_string=options)
        assert response.status_code == 202, response.text
        return str(response.get_json()["id"])

    return post


@pytest.fixture(scope="session")
def password_hash() -> str:
    return users.hash_password(PASSWORD)


@pytest.fixture
def visit(app: APIFlask, services: Services, database: Database, password_hash: str) -> Callable[[Role], Visitor]:
    """Makes a person of a role, named like the role, and signs them in."""

    def make(role: Role) -> Visitor:
        with database.write() as session:
            user = users.create_user(session, role.value, password_hash, role, actor=TEST)
            token = sign_in.open_session(session, user, services.settings.session_lifetime_s)
        client = app.test_client()
        client.set_cookie(COOKIE, token)
        found = re.search(r'name="csrf_token" value="(\w+)"', client.get("/dashboard").text)
        assert found is not None
        return Visitor(client, found[1])

    return make


@pytest.fixture
def administrator(visit: Callable[[Role], Visitor]) -> Visitor:
    return visit(Role.ADMINISTRATOR)


@pytest.fixture
def reviewer(visit: Callable[[Role], Visitor]) -> Visitor:
    return visit(Role.REVIEWER)


@pytest.fixture
def viewer(visit: Callable[[Role], Visitor]) -> Visitor:
    return visit(Role.VIEWER)


@pytest.fixture
def open_client(app: APIFlask, database: Database) -> Opener:
    """A client with a key of these scopes. of: another application than the test's own."""

    def make(name: str, *scopes: Scope, of: APIFlask = app) -> FlaskClient:
        key = add_key(database, name, scopes)
        return open_client_with_key(of, key)

    return make


@pytest.fixture
def reviewing(open_client: Opener) -> FlaskClient:
    return open_client("desk", Scope.REVIEW)
