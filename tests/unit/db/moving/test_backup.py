"""A backup is of one moment, and whole or not at all."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete

from db.core.session import Database
from db.jobs.tables import Job
from db.moving.backup import write_backup
from db.moving.errors import CannotMove
from db.moving.transfer import Side
from tests.unit.db.moving.conftest import fill_every_table, read_digests, restore, save

MakeSide = Callable[[str], Side]


def test_a_backup_is_of_one_moment_whatever_is_written_meanwhile(
    make_side: MakeSide,
) -> None:
    for kind in ("sqlite", "postgresql"):
        old, new = make_side(kind), make_side("sqlite")
        made = fill_every_table(old.database, old.blobs)
        before = read_digests(old)

        def disturb(step: str, database: Database = old.database, made: dict[str, Any] = made) -> None:
            if step.startswith("applications:"):  # the first table is read, those of users, jobs and faces aren't
                with database.write() as session:
                    session.execute(delete(Job))

        out = io.BytesIO()
        write_backup(old.database, old.blobs, out, disturb)
        restore(new, out.getvalue())
        assert read_digests(new) == before


def test_a_model_without_its_file_stops_a_backup(make_side: MakeSide) -> None:
    old = make_side("sqlite")
    made = fill_every_table(old.database, old.blobs)
    old.blobs.delete(f"models/{made['model_versions'][0]['digest']}")
    with pytest.raises(CannotMove, match="a file of a model version"):
        save(old)
