"""A backup restores, on either form, all that was there at one moment; anything less than whole is refused and changes nothing."""

import io
import tarfile
from collections.abc import Callable

import pytest
from sqlalchemy import select

from db.core.blobs import make_photo_key
from db.core.session import Database
from db.jobs.tables import Job
from db.moving.backup import SUMMARY, BackupSummary, write_backup
from db.moving.errors import CannotMove
from db.moving.restore import read_backup
from db.moving.transfer import Side
from tests.unit.db.moving.conftest import fill_every_table
from tests.unit.db.moving.test_transfer import be_quiet, read_digests

MakeSide = Callable[[str], Side]


def save(side: Side, *, photos: bool = True) -> tuple[bytes, BackupSummary]:
    out = io.BytesIO()
    summary = write_backup(side.database, side.blobs, out, be_quiet, photos=photos)
    return out.getvalue(), summary


def restore(side: Side, data: bytes) -> int:
    return read_backup(side.database, side.blobs, io.BytesIO(data), be_quiet).without_photo


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_a_backup_restores_all_of_it_on_the_other_form(make_side: MakeSide, source: str, target: str) -> None:
    old, new = make_side(source), make_side(target)
    made = fill_every_table(old.database, old.blobs)
    data, summary = save(old)
    assert restore(new, data) == 0
    assert read_digests(new) == read_digests(old)
    assert {name: table.rows for name, table in summary.tables.items()} == dict.fromkeys(made, 2)
    job = made["jobs"][0]
    assert new.blobs.get(make_photo_key(job["id"]), job["photo_sha256"])
    with pytest.raises(CannotMove, match="data of its own"):
        restore(new, data)


def test_whatever_is_cut_off_or_damaged_is_refused_and_nothing_is_changed(make_side: MakeSide) -> None:
    old, new = make_side("sqlite"), make_side("sqlite")
    fill_every_table(old.database, old.blobs)
    data, _ = save(old)
    empty = read_digests(new)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        entries = {entry.name: entry for entry in tar}
        photo = next(entry for name, entry in entries.items() if name.startswith("files/photos/"))
    damaged = bytearray(data)
    damaged[photo.offset_data] ^= 1
    for part in (data[: entries[SUMMARY].offset], data[: len(data) // 2], bytes(damaged), b"no tar", b""):
        with pytest.raises(CannotMove):
            restore(new, part)
        assert read_digests(new) == empty
    assert restore(new, data) == 0


def test_a_backup_is_of_one_moment_whatever_is_written_meanwhile(
    make_side: MakeSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("sqlite", "postgresql"):
        old, new = make_side(kind), make_side("sqlite")
        made = fill_every_table(old.database, old.blobs)
        before = read_digests(old)

        def disturb(step: str, database: Database = old.database, made: dict = made) -> None:
            if step.startswith("applications:"):  # the first table is read, those of users, jobs and faces aren't
                with database.write() as session:
                    session.execute(Job.__table__.delete())  # type: ignore[attr-defined]

        out = io.BytesIO()
        write_backup(old.database, old.blobs, out, disturb)
        restore(new, out.getvalue())
        assert read_digests(new) == before


def test_a_job_without_its_photo_is_restored_as_one_whose_photo_was_deleted(make_side: MakeSide) -> None:
    old, new = make_side("sqlite"), make_side("sqlite")
    made = fill_every_table(old.database, old.blobs)
    old.blobs.delete(make_photo_key(made["jobs"][0]["id"]))
    data, summary = save(old)
    assert summary.missing == [made["jobs"][0]["photo_key"]]
    assert restore(new, data) == 1
    with new.database.read() as session:
        assert session.scalars(select(Job.photo_key)).all() == [None, None]
    other = make_side("sqlite")
    assert restore(other, save(old, photos=False)[0]) == 1


def test_a_backup_of_another_schema_is_refused_with_what_to_do(
    make_side: MakeSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = make_side("sqlite"), make_side("sqlite")
    data, _ = save(old)
    with pytest.raises(CannotMove, match=r"(?s)restore it with the release that made it"):
        restore(new, data.replace(b'"revision": "00', b'"revision": "zz', 1))


def test_a_model_without_its_file_stops_a_backup(make_side: MakeSide) -> None:
    old = make_side("sqlite")
    made = fill_every_table(old.database, old.blobs)
    old.blobs.delete(f"models/{made['model_versions'][0]['digest']}")
    with pytest.raises(CannotMove, match="a file of a model version"):
        save(old)
