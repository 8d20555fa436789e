"""Index hints in the SQL for SQLite."""

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from db.core import migrate
from db.core.session import Database
from db.reviews.tables import ReviewItem


def test_a_hint_stands_behind_its_table_and_an_index_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new.db")
    migrate.upgrade(database)
    statement = select(ReviewItem.face_id).where(ReviewItem.subject_id.is_not(None))
    hinted = statement.with_hint(ReviewItem, "INDEXED BY ix_review_items_judged", "sqlite")
    assert "FROM review_items INDEXED BY ix_review_items_judged" in str(hinted.compile(database.engine))
    with database.read() as session:
        assert session.scalars(hinted).all() == []
        with pytest.raises(OperationalError, match="no such index"):
            session.scalars(statement.with_hint(ReviewItem, "INDEXED BY absent", "sqlite"))
    database.close()
