# mypy: ignore-errors
"""The application with real parts, clients with keys, and somebody who plays the worker."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from PIL import Image
from werkzeug.routing import Rule

from api.core.app import create_app
from api.core.services import Services, open_services
from api.core.sessions import COOKIE
from db.accounts import api_keys, sign_in, users
from db.core.session import Database
from db.core.vocabulary import CROP_SIDE, EMOTIONS, Detector, Emotion, Role, Scope, WorkerState
from db.faces.actions import NewFace
from db.jobs import lifecycle as jobs
from db.jobs.batch_actions import settle_batch
from db.jobs.tables import Job
from db.model_versions import actions as model_versions
from db.model_versions.tables import ModelVersion
from db.monitoring import heartbeats
from emoscope.settings import Settings
from tests.support.manifests import make_manifest
from tests.support.opening import Opener


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
        with database.write() as session:
            key = api_keys.create_key(session, api_keys.ensure_application(session, name))
        client = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return client

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
    with database.write() as session:
        key = api_keys.create_key(session, api_keys.ensure_application(session, "office"), Scope)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


@pytest.fixture(scope="session")
def make_photo() -> Callable[..., bytes]:
    """Makes a picture in any format, of any size."""

    def make(
        image_format: str = "JPEG", size: tuple[int, int] = (64, 48), colour: str = "navy", orientation: int = 1
    ) -> bytes:
        made = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = orientation
        more = {} if orientation == 1 else {"exif": exif}
        Image.new("RGB", size, colour).save(made, image_format, **more)
        return made.getvalue()

    return make


@pytest.fixture
def photo(make_photo: Callable[..., bytes]) -> bytes:
    return make_photo()


class PlayedWorker:
    """Does with jobs what a worker does, with the answers that the test gives, and announces it as a worker does."""

    name = "played:1"

    def __init__(self, services: Services, version: ModelVersion) -> None:
        self._services = services
        self._version = version

    def claim(self, job_id: str) -> jobs.Claim:
        with self._services.database.write() as session:
            _, claim = jobs.claim_job(session, UUID(job_id), self.name, lease_s=30)
        self._services.waiter.announce(claim.job_id)
        return claim

    def finish(self, claim: jobs.Claim, *faces: NewFace, size: tuple[int, int] = (64, 48)) -> None:
        outcome = jobs.Outcome(*size, faces=faces, timings_ms={"detect": 1.0})
        with self._services.database.write() as session:
            job = jobs.finish_job(session, claim, outcome)
        self._announce(job)

    def fail(self, claim: jobs.Claim, code: str) -> None:
        with self._services.database.write() as session:
            job = jobs.fail_job(session, claim, code, "it went wrong")
        self._announce(job)

    def _announce(self, job: Job) -> None:
        self._services.waiter.announce(job.id)
        if job.batch_id is not None:
            settle_batch(self._services.database, self._services.waiter.announce, job.batch_id)

    def analyze(self, job_id: str, *faces: NewFace, size: tuple[int, int] = (64, 48)) -> None:
        self.finish(self.claim(job_id), *faces, size=size)

    def see(
        self, emotion: Emotion = Emotion.HAPPY, confidence: float = 0.7, box: tuple[int, ...] = (4, 4, 20, 20)
    ) -> NewFace:
        """A face that appears to express an emotion."""
        rest = (1 - confidence) / (len(EMOTIONS) - 1)
        x, y, width, height = box
        return NewFace(
            x=x,
            y=y,
            width=width,
            height=height,
            detector=Detector.BLAZEFACE,
            detection_score=0.9,
            probabilities=tuple(confidence if each is emotion else rest for each in EMOTIONS),
            model_version_id=self._version.id,
            crop=bytes(range(CROP_SIDE)) * CROP_SIDE,
        )

    def report(self, state: WorkerState, detail: str | None = None) -> None:
        """Give a sign of life."""
        with self._services.database.write() as session:
            version_id = self._version.id if state is WorkerState.READY else None
            heartbeats.record_heartbeat(session, self.name, state, detail=detail, model_version_id=version_id)


@pytest.fixture
def champion(database: Database) -> ModelVersion:
    with database.write() as session:
        version = model_versions.add_version(session, "first", "d" * 64, make_manifest())
        model_versions.promote(session, version, "test", "the first")
    return version


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


PASSWORD = "correct horse battery"
LISTS = ("/dashboard", "/jobs", "/models", "/training", "/drift")
WORK = ("/review", "/try")
OFFICE = ("/access", "/audit", "/webhooks")
"""Pages by the role that they need: viewers, reviewers, administrators."""


class Visitor:
    """A browser without scripts: follows what pages show, and sends their forms with what is hidden in them."""

    def __init__(self, client: FlaskClient, csrf_token: str = "") -> None:
        self.client = client
        self.csrf_token = csrf_token

    def get(self, path: str, **query: object) -> str:
        response = self.client.get(path, query_string=query or None)
        assert response.status_code == 200, (path, response.status_code, response.text)
        return response.text

    def post(self, path: str, **fields: object) -> tuple[int, str]:
        response = self.client.post(path, data={"csrf_token": self.csrf_token, **fields})
        return response.status_code, response.headers.get("Location", response.text)


@pytest.fixture(scope="session")
def password_hash() -> str:
    return users.hash_password(PASSWORD)


@pytest.fixture
def visit(app: APIFlask, services: Services, database: Database, password_hash: str) -> Callable[[Role], Visitor]:
    """Makes a person of a role, named like the role, and signs them in."""

    def make(role: Role) -> Visitor:
        with database.write() as session:
            user = users.create_user(session, role.value, password_hash, role, actor="test")
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
        with database.write() as session:
            key = api_keys.create_key(session, api_keys.ensure_application(session, name), scopes)
        client = of.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return client

    return make


@pytest.fixture
def reviewing(open_client: Opener) -> FlaskClient:
    return open_client("desk", Scope.REVIEW)
