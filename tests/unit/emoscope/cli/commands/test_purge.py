"""`emoscope purge` on a database with an old and a young job."""

from collections.abc import Callable
from uuid import UUID

import pytest
from typer.testing import CliRunner
from uuid_utils.compat import uuid7

from db.core.session import Database
from db.jobs import lifecycle as jobs
from db.jobs.tables import Job
from emoscope.cli.app import app
from emoscope.settings import Settings
from tests.support.factories.actors import TEST
from tests.support.factories.jobs import create_job

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

OLD, YOUNG = UUID(int=1), uuid7()


@pytest.fixture(autouse=True)
def two_jobs(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]
) -> None:
    for name, value in settings.to_environment().items():
        monkeypatch.setenv(name, value)
    fresh_settings()
    with database.write() as session:
        for job_id in (OLD, YOUNG):
            create_job(session, id=job_id)
            jobs.cancel_job(session, job_id, TEST)


def has(database: Database, job_id: UUID) -> bool:
    with database.read() as session:
        return session.get(Job, job_id) is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [(["--dry-run"], "submitted more than 1 days ago: 1"), ([], "Erase 1 ended jobs")],
    ids=["dry run", "answered no"],
)
def test_nothing_is_erased_that_nobody_said_yes_to(database: Database, given: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["purge", "--older-than", "1", *given], input="n\n")
    assert said in done.stderr.replace("\n", "")
    assert has(database, OLD)


def test_what_is_old_is_erased(database: Database) -> None:
    done = CliRunner().invoke(app, ["purge", "--older-than", "1", "--yes"])
    assert done.exit_code == 0, done.output
    assert "1 erased" in done.stderr
    assert (has(database, OLD), has(database, YOUNG)) == (False, True)
