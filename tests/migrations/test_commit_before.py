"""An earlier release works on a database that this one migrated.

The commit before the newest migration is checked out and started by `emoscope up`, with this tree's packages. For the oldest
release that the schema claims to support, which may need other packages, only the tables are compared.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import inspect, text

from db.core import migrate
from db.core.schema import SchemaAge, read_schema
from db.core.session import Database
from db.core.vocabulary import JobStatus
from db.jobs.queries import get_job
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from emoscope.stack.provision import provision
from tests.support.commits import (
    ROOT,
    export_commit,
    find_commit_before_newest_migration,
    find_commit_with_schema,
    has_history,
)
from tests.support.ports import find_free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(not has_history(), reason="there is no history of commits here")
_EXTRAS = ("worker", "embedded", "demo")
_TELL_COLUMNS = """
import json
from db.tables import Base
print(json.dumps({table.name: [column.name for column in table.columns] for table in Base.metadata.sorted_tables}))
"""
PHOTO = portrait_photo("astronaut").data


class OldStack:
    """`emoscope up` of a commit, on a data folder that this tree prepared."""

    def __init__(self, settings: Settings, code: Path, packages: Path) -> None:
        """code: the commit's files. packages: what it needs and this tree doesn't."""
        paths = os.pathsep.join([str(code), str(code / "client/src"), str(packages)])
        self._environment = {**os.environ, **settings.to_environment(), "PYTHONPATH": paths}
        self._code, self._settings = code, settings
        with (settings.data_dir / "up.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "emoscope", "up"], cwd=code, env=self._environment, stdout=log, stderr=log
            )

    def is_ready(self) -> bool:
        assert self._process.poll() is None, (self._settings.data_dir / "up.log").read_text()
        try:
            return httpx.get(f"http://{self._settings.address}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def describe(self) -> str:
        """What its log and /readyz say."""
        ready = httpx.get(f"http://{self._settings.address}/readyz", timeout=5).text
        return (self._settings.data_dir / "up.log").read_text() + ready

    def run(self, *words: str) -> str:
        command = [sys.executable, "-m", "emoscope", *words]
        done = subprocess.run(
            command, cwd=self._code, env=self._environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)


def install_missing(code: Path, folder: Path) -> None:
    """Install what a commit needs and this tree's environment lacks. Skips the test where that can't be had."""
    project = tomllib.loads((code / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(each for name in _EXTRAS for each in project["optional-dependencies"][name])]
    missing = [each for each in wanted if not is_installed(re.split(r"[^A-Za-z0-9_.-]", each)[0])]
    if missing:
        uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
        command = [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *missing]
        if subprocess.run(command, capture_output=True, check=False, timeout=120).returncode:
            pytest.skip(f"the commit before needs {', '.join(missing)}, which can't be installed here")


def is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


@pytest.fixture
def settings(short_tmp: Path) -> Settings:
    folder = short_tmp / "old"
    folder.mkdir(mode=0o700)
    return Settings(_env_file=None, data_dir=folder, port=find_free_port(), sweep_interval_s=1, worker_processes=1)


def test_the_commit_before_works_on_the_migrated_database(settings: Settings, tmp_path: Path) -> None:
    provision(settings, lambda _step: None)
    database = Database(settings.effective_database_url)
    assert read_schema(database).age is SchemaAge.CURRENT
    code, packages = tmp_path / "code", tmp_path / "packages"
    code.mkdir()
    export_commit(find_commit_before_newest_migration(), code)
    install_missing(code, packages)
    old = OldStack(settings, code, packages)
    try:
        wait_until(old.is_ready, "the old release is ready")
        key = old.run("key", "create", "shop", "--scope", "submit").split()[-1]
        answers = use(f"http://{settings.address}", key)
    finally:
        old.stop()
    with database.read() as session:
        for answer in answers:
            job = get_job(session, UUID(answer["id"]))
            assert job is not None
            assert (job.status, job.face_count) == (JobStatus.SUCCEEDED, 1)
    database.close()


def test_the_oldest_release_that_may_run_finds_its_columns_and_need_not_know_the_others(
    empty_database: Database, tmp_path: Path
) -> None:
    migrate.upgrade(empty_database)
    with empty_database.engine.connect() as connection:
        oldest = str(connection.execute(text("SELECT oldest_revision FROM schema_compatibility")).scalar_one())
    export_commit(find_commit_with_schema(oldest), tmp_path)
    command = [sys.executable, "-c", _TELL_COLUMNS]
    told = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    schema = inspect(empty_database.engine)
    for table, known in json.loads(told.stdout).items():
        columns = {column["name"]: column for column in schema.get_columns(table)}
        assert set(known) <= set(columns), table
        for name in set(columns) - set(known):
            has_value = columns[name]["nullable"] or columns[name]["default"] is not None
            assert has_value, f"the release at {oldest} can't insert into {table}: it doesn't know {name}"


def use(url: str, key: str) -> list[dict[str, Any]]:
    """A photo alone, and two in a batch of which one is refused, as clients of every release send them."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        image = ("photo.jpg", PHOTO, "image/jpeg")
        alone = client.post("/v1/jobs", files={"image": image}, headers={"Prefer": "wait=30"})
        assert alone.status_code == 200, alone.text
        batch = client.post("/v1/batches", files=[("image", image), ("image", ("no.jpg", b"no picture", "image/jpeg"))])
        assert batch.status_code in {200, 201, 202}, batch.text
        described = batch.json()
        assert "not_a_picture" in json.dumps(described)
        listed = client.get("/v1/jobs", params={"limit": 10}).json()["items"]
        listed = [job for job in listed if job["batch_id"] == described["id"]]
        waited = [client.get(f"/v1/jobs/{job['id']}", params={"wait": 30}).json() for job in listed]
    assert len(waited) == 1
    return [alone.json(), *waited]
