# mypy: ignore-errors
"""`emoscope purge` on a database with an old and a young job."""

from collections.abc import Callable
from uuid import UUID

import pytest
from typer.testing import CliRunner
from uuid_utils.compat import uuid7

from db.accounts import api_keys
from db.core.session import Database
from db.jobs import lifecycle as jobs
from db.jobs.lifecycle import NewJob
from db.jobs.tables import Job
from emoscope.cli.app import app
from emoscope.settings import Settings

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
        owner = api_keys.ensure_application(session, "test").id
        for job_id in (OLD, YOUNG):
            new = NewJob(
                id=job_id, application_id=owner, photo_key=f"photos/{job_id}", photo_sha256="0" * 64, photo_bytes=1,
                media_type="image/png", width=1, height=1, photo_retention_s=1, max_attempts=1,
            )  # fmt: skip
            jobs.create_job(session, new, "test")
            jobs.cancel_job(session, job_id, "test")


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
