"""Whatever way through the queue is taken, the faces that fit come by rank."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import EMOTIONS, Emotion, ReviewSlice
from db.reviews import paths as review_paths
from db.reviews.filter import ReviewFilter
from db.reviews.queue import take_faces
from db.reviews.tables import ReviewItem
from tests.support.factories.analyses import Analyses

NOW = utcnow()
VALUES: tuple[tuple[dict[str, Any], ...], ...] = (
    ({}, {"emotion": Emotion.HAPPY}),
    ({}, {"min_confidence": 0.6, "max_confidence": 0.8}),
    ({}, {"min_face_px": 60}, {"min_face_px": 10, "max_face_px": 35}),
    ({}, {"model_version": 1}),
    ({}, {"created_from": NOW - timedelta(days=20), "created_before": NOW - timedelta(days=5)}),
)


def list_filters() -> Iterator[ReviewFilter]:
    for chosen in product(*VALUES):
        yield ReviewFilter(**{name: value for values in chosen for name, value in values.items()})


@pytest.fixture
def queue(database: Database, analyses: Analyses) -> list[ReviewItem]:
    """Forty open faces of all kinds."""
    chance = Random(7)
    for number in range(10):
        answers = [(chance.choice(EMOTIONS[2:5]), chance.uniform(0.51, 1.0)) for _ in range(4)]
        analyses.store(*answers, version=chance.choice(("first", "second")), photo=f"{number:064x}")
    with database.write() as session:
        session.execute(update(ReviewItem).values(votes_wanted=1))
        for item in session.scalars(select(ReviewItem)):
            item.slice, item.rank = ReviewSlice.UNCERTAIN, 2 * item.confidence - 1
            item.face_px = chance.randrange(20, 100)
            item.created_at = NOW - timedelta(days=chance.uniform(0, 30))
    with database.read() as session:
        return list(session.scalars(select(ReviewItem).order_by(ReviewItem.rank)))


def fits(item: ReviewItem, wanted: ReviewFilter) -> bool:
    return (
        (wanted.emotion is None or item.emotion is wanted.emotion)
        and (wanted.min_confidence is None or item.confidence >= wanted.min_confidence)
        and (wanted.max_confidence is None or item.confidence <= wanted.max_confidence)
        and (wanted.min_face_px is None or item.face_px >= wanted.min_face_px)
        and (wanted.max_face_px is None or item.face_px <= wanted.max_face_px)
        and (wanted.model_version is None or item.model_version == wanted.model_version)
        and (wanted.created_from is None or item.created_at >= wanted.created_from)
        and (wanted.created_before is None or item.created_at < wanted.created_before)
    )


def take(session: Session, wanted: ReviewFilter, limit: int) -> list[UUID]:
    return [item.face_id for item in take_faces(session, "ana", wanted, limit=limit, random_share=0.0)]


@pytest.mark.parametrize(
    ("window", "narrow", "few"),
    [(1000, 1000, 1000), (1, 1000, 1000), (3, 1000, 1000), (3, 8, 1000), (3, 1000, 2), (3, 0, 1000)],
    ids=["all by rank", "ranges", "rank, then ranges", "narrow ranges only", "many fit", "no range is narrow"],
)
def test_the_faces_that_fit_come_by_rank(
    database: Database, queue: list[ReviewItem], monkeypatch: pytest.MonkeyPatch, window: int, narrow: int, few: int
) -> None:
    for name, value in (("WINDOW", window), ("NARROW", narrow), ("FEW", few)):
        monkeypatch.setattr(review_paths, name, value)
    with database.write() as session:
        for wanted in list_filters():
            expected = [item.face_id for item in queue if fits(item, wanted)]
            assert take(session, wanted, 100) == expected, wanted
            assert take(session, wanted, 2) == expected[:2], wanted


def test_a_filter_that_nothing_fits_never_reads_the_whole_queue(
    database: Database, queue: list[ReviewItem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_paths, "WINDOW", 5)
    with database.read() as session:
        paths = list(review_paths.list_paths(session, ReviewSlice.UNCERTAIN, ReviewFilter(min_face_px=1000)))
        assert len(paths) == 1
        assert len(session.scalars(paths[0].follow(select(ReviewItem))).all()) == 5
