"""A disk without room: what reads goes on, what writes is refused with a code, and all comes back by itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask

from db.core import migrate
from db.core.session import Database
from db.core.vocabulary import Scope
from emoscope.cli.checks import CheckStatus, run_checks
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from tests.support.factories.accounts import add_key
from tests.support.full_disk import SmallDisk, small_disk
from tests.support.valkey import Valkey

PHOTO = portrait_photo("astronaut").data


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 8) as disk:
        yield disk


@pytest.fixture
def settings(disk: SmallDisk, valkey: Valkey) -> Settings:
    return Settings(_env_file=None, data_dir=disk.folder, redis_url=valkey.redis_url, rate_limit="")


@pytest.fixture
def key(settings: Settings) -> str:
    database = Database(settings.effective_database_url)
    migrate.upgrade(database)
    key = add_key(database, "test", Scope)
    database.close()
    return key


def test_reads_go_on_writes_are_refused_and_all_comes_back(
    open_app: Callable[..., APIFlask], settings: Settings, key: str, disk: SmallDisk
) -> None:
    client = open_app(**settings.model_dump()).test_client()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"}

    def submit() -> tuple[int, str | None]:
        answer = client.post("/v1/jobs", data=PHOTO, headers=headers)
        return answer.status_code, answer.get_json().get("code")

    def find_storage() -> dict[str, object]:
        answer = client.get("/readyz").get_json()
        return dict(answer["checks"]["storage"])

    client.get("/readyz")  # connects to the database: its companion files are made with the first connection of all
    # the first request of a key writes when it was used; here that is the first one on a full disk
    disk.fill()
    assert client.get("/healthz").status_code == 200
    assert client.get("/v1/jobs", headers=headers).status_code == 200
    for _ in range(20):
        assert submit() == (503, "storage_full")
    assert find_storage() == {"ok": False, "detail": "no photo can be stored: there is no room left"}
    assert client.get("/metrics").status_code == 200
    found = {finding.part: finding for finding in run_checks(settings)}
    assert (found["disk"].status, found["blobs"].status) == (CheckStatus.MISSING, CheckStatus.MISSING)
    disk.make_room()
    assert find_storage() == {"ok": True, "detail": "photos can be stored"}
    assert submit() == (202, None)
    photos = [path for path in (disk.folder / "blobs" / "photos").iterdir() if path.is_file()]
    assert len(photos) == 1


def test_a_photo_without_room_for_its_job_is_not_kept(
    open_app: Callable[..., APIFlask], settings: Settings, key: str, tmp_path: Path, disk: SmallDisk
) -> None:
    """Photos may lie on another disk than the database."""
    blobs = tmp_path / "blobs"
    client = open_app(**settings.model_dump() | {"blob_url": str(blobs)}).test_client()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "image/jpeg"}
    assert client.post("/v1/jobs", data=PHOTO, headers=headers).status_code == 202
    disk.fill()
    # what the database had set aside takes some jobs still
    codes = [client.post("/v1/jobs", data=PHOTO, headers=headers).status_code for _ in range(300)]
    assert codes[-1] == 503
    assert len(list((blobs / "photos").iterdir())) == 1 + codes.count(202)
