"""A backup is restored completely, on either database; damaged ones are refused and change nothing."""

import gzip
import io
import tarfile
from collections.abc import Callable

import pytest
from sqlalchemy import select

from db.core.blobs import make_photo_key
from db.jobs.tables import Job
from db.moving.backup import SUMMARY
from db.moving.errors import CannotMove
from db.moving.transfer import Side
from tests.unit.db.moving.conftest import fill_every_table, read_digests, restore, save

MakeSide = Callable[[str], Side]


def read_entries(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {entry.name: entry for entry in tar}


def change_entries(data: bytes, changes: dict[str, bytes | None]) -> bytes:
    """The backup with other bytes in these entries, or without them."""
    changed = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=changed, mode="w") as new:
        for entry in old:
            taken = old.extractfile(entry)
            assert taken is not None
            content = changes.get(entry.name, taken.read())
            if content is not None:
                entry.size = len(content)
                new.addfile(entry, io.BytesIO(content))
    return changed.getvalue()


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
    entries = read_entries(data)
    photo = next(entry for name, entry in entries.items() if name.startswith("files/photos/"))
    jobs = entries["rows/jobs/000001.jsonl.gz"]
    parts = [data[: entries[SUMMARY].offset], data[: len(data) // 2], b"no tar", b""]
    # a photo; and rows: the mark of gzip, its first block, what is packed in it, and the sum over it
    for place in (photo.offset_data, *(jobs.offset_data + step for step in (0, 10, 60, jobs.size - 6))):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        parts.append(bytes(damaged))
    for part in parts:
        with pytest.raises(CannotMove):
            restore(new, part)
        assert read_digests(new) == empty
    assert restore(new, data) == 0


def test_rows_that_are_none_are_refused(make_side: MakeSide) -> None:
    old, new = make_side("sqlite"), make_side("sqlite")
    fill_every_table(old.database, old.blobs)
    data, _ = save(old)
    for line in ("[]", "null", "7", "{}", "no json", '{"id": 7}', '{"id": "7"}'):
        with pytest.raises(CannotMove, match="not an Emoscope backup, or it is damaged"):
            restore(new, change_entries(data, {"rows/jobs/000001.jsonl.gz": gzip.compress(line.encode())}))


def test_a_backup_that_lacks_an_entry_is_refused(make_side: MakeSide) -> None:
    old, new = make_side("sqlite"), make_side("sqlite")
    fill_every_table(old.database, old.blobs)
    data, _ = save(old)
    empty = read_digests(new)
    for name, reason in (
        ("rows/face_reports/000001.jsonl.gz", "the rows of face_reports"),
        ("files/models/", "files are missing"),
        ("manifest.json", "begins with"),
    ):
        [lost, *_] = [entry for entry in read_entries(data) if entry.startswith(name)]
        with pytest.raises(CannotMove, match=reason):
            restore(new, change_entries(data, {lost: None}))
        assert read_digests(new) == empty


def test_another_file_than_the_one_that_a_row_names_is_refused(make_side: MakeSide) -> None:
    old, new = make_side("sqlite"), make_side("sqlite")
    fill_every_table(old.database, old.blobs)
    data, _ = save(old)
    for folder in ("files/photos/", "files/models/"):
        [name, *_] = [entry for entry in read_entries(data) if entry.startswith(folder)]
        other = bytes(read_entries(data)[name].size)
        with pytest.raises(CannotMove, match="differs from what was saved"):
            restore(new, change_entries(data, {name: other}))


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
