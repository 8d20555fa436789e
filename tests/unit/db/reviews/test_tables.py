"""Indexes of the review queue."""

from typing import Any

from db.reviews.tables import ReviewItem

TABLE: Any = ReviewItem.__table__
OPEN = {index.name: index for index in TABLE.indexes if str(index.name).startswith("ix_review_items_open_")}


def test_each_index_of_the_queue_covers_all_that_a_filter_may_ask_for() -> None:
    asked = {"slice", "rank", "emotion", "model_version", "confidence", "face_px", "created_at"}
    assert len(OPEN) == 6
    for index in OPEN.values():
        names = [column.name for column in index.columns]
        assert (set(names), len(names), names[0]) == (asked, len(asked), "slice")


def test_they_hold_open_faces_alone() -> None:
    for index in OPEN.values():
        assert {str(index.dialect_options[kind]["where"]) for kind in ("sqlite", "postgresql")} == {"closed_at IS NULL"}
