"""PostgreSQL behind PgBouncer in transaction mode with its default configuration: timeouts and time zone apply in each
transaction.
"""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

from db.accounts import api_keys
from db.core import migrate
from db.core.schema import SchemaAge, read_schema
from db.core.session import Database
from tests.support.ports import find_free_port
from tests.support.waiting import wait_until

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer isn't installed (Debian package pgbouncer)")


@pytest.fixture
def pooled_url(
    make_postgresql_database: Callable[[str], str], short_tmp: Path, request: pytest.FixtureRequest
) -> Iterator[str]:
    direct = make_url(make_postgresql_database("pooled"))
    port = find_free_port()
    configuration = short_tmp / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = host={direct.query['host']} user=postgres\n"
        "[pgbouncer]\npool_mode = transaction\nauth_type = any\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\ndefault_pool_size = 2\n"
    )
    configuration.chmod(0o644)
    assert PGBOUNCER is not None
    with (short_tmp / "pgbouncer.log").open("wb") as log:
        user = Path(str(direct.query["host"])).owner()  # whose socket it is; PgBouncer refuses to run as root
        process = subprocess.Popen([PGBOUNCER, "-u", user, str(configuration)], stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(port), "PgBouncer answers")
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/pooled"
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_limits_and_time_zone_hold_and_migrations_run(pooled_url: str) -> None:
    database = Database(pooled_url)
    migrate.upgrade(database)
    assert read_schema(database).age is SchemaAge.CURRENT
    for _ in range(8):  # more often than after which statements are prepared
        with database.write() as session:
            limits = session.execute(text("SELECT current_setting('lock_timeout'), current_setting('TimeZone')")).one()
            api_keys.ensure_application(session, "pooled")
        assert tuple(limits) == ("15s", "UTC")
    with database.engine.connect() as first, first.begin():
        first.execute(text("LOCK TABLE jobs"))
        with database.engine.connect() as second:
            second.execute(text("SET LOCAL lock_timeout = 50"))
            with pytest.raises(OperationalError, match="lock timeout"):
                second.execute(text("LOCK TABLE jobs"))
    database.close()
