"""Files that rows refer to."""

import hashlib
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update

from db.core.blobs import make_model_key, make_photo_key
from db.jobs.tables import Job
from db.model_versions.tables import ModelVersion
from db.moving.files import NamedFile, list_named_files
from db.moving.transfer import Side
from tests.unit.db.moving.conftest import PHOTO, fill_every_table

MakeSide = Callable[[str], Side]


def list_files(side: Side, *, photos: bool = True) -> list[NamedFile]:
    with side.database.engine.connect() as connection:
        return list(list_named_files(connection, photos=photos))


def test_the_files_of_versions_come_once_each_and_before_the_photos(make_side: MakeSide) -> None:
    side = make_side("sqlite")
    made = fill_every_table(side.database, side.blobs, rows_each=3)
    versions, jobs = made["model_versions"], made["jobs"]
    with side.database.write() as session:  # a version that shares its weights with the first
        session.execute(insert(ModelVersion).values(versions[0] | {"id": UUID(int=9), "number": 9, "digest": "9" * 64}))
        session.execute(update(Job).where(Job.id == jobs[2]["id"]).values(photo_key="photos/z", photo_sha256="c" * 64))
    models = {version["digest"] for version in versions} | {"9" * 64}
    models |= {file["sha256"] for version in versions for file in version["manifest"]["files"].values()}
    found = list_files(side)
    assert len(found) == len(models) + 2
    assert set(found[:-2]) == {NamedFile(make_model_key(sha256), sha256, is_needed=True) for sha256 in models}
    assert found[-2:] == [
        NamedFile(make_photo_key(jobs[0]["id"]), hashlib.sha256(PHOTO).hexdigest(), is_needed=False),
        NamedFile("photos/z", "c" * 64, is_needed=False),
    ]
    assert list_files(side, photos=False) == found[:-2]


def test_a_job_whose_photo_was_deleted_names_none(make_side: MakeSide) -> None:
    side = make_side("sqlite")
    fill_every_table(side.database, side.blobs)
    with side.database.write() as session:
        session.execute(update(Job).values(photo_key=None))
        assert len(session.scalars(select(Job.id)).all()) == 2
    assert [file for file in list_files(side) if not file.is_needed] == []


@pytest.mark.parametrize(("data", "is_intact"), [(PHOTO, True), (PHOTO + b" ", False), (b"", False)])
def test_a_file_is_intact_if_it_has_the_digest(data: bytes, is_intact: bool) -> None:
    assert NamedFile("photos/x", hashlib.sha256(PHOTO).hexdigest(), is_needed=False).is_intact(data) is is_intact
