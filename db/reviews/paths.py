"""Chooses the index that finds the next faces quickly, for any filter.

Reading faces by rank is fast if many match the filter, but reads the whole queue if none does. So only the first WINDOW faces are
read by rank. If they don't contain enough matches, few faces match, and it is faster to read one range of the filter (a size, a
confidence, a time) from its own index and sort the matches.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVarTuple

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.orm import Session

from db.core.vocabulary import ReviewSlice
from db.model_versions.tables import ModelVersion
from db.reviews.filter import ReviewFilter
from db.reviews.tables import ReviewItem

Ts = TypeVarTuple("Ts")

WINDOW = 20_000
"""Faces read by rank before another index is tried."""
NARROW = 80_000
"""Maximum number of faces in a range that is read instead. For its cost see docs/decisions/0401."""
FEW = 10_000
"""Maximum number of faces that are fetched and sorted. If more match, reading on by rank soon finds some."""

BY_KEY = "INDEXED BY sqlite_autoindex_review_items_1"
"""Makes SQLite look up named faces by their key. Otherwise it reads every open face and checks whether it is named."""

_ROUNDING = 1e-6
"""Rounding error of the sum of seven 32-bit probabilities."""


@dataclass(frozen=True)
class Path:
    """A range of an index of open faces. is_ranked: whether it is in order of rank; if not, the faces are sorted.

    index: None if the conditions name the faces, which are then found by key.
    """

    index: str | None
    conditions: tuple[ColumnElement[bool], ...]
    is_ranked: bool = True

    def narrow(self, *conditions: ColumnElement[bool]) -> "Path":
        """Return the range with further conditions."""
        return replace(self, conditions=(*self.conditions, *conditions))

    def follow(self, statement: Select[*Ts]) -> Select[*Ts]:
        """Make the statement read this range in order of rank."""
        # Sorting by an expression prevents the use of an index for the order, so the range itself is read.
        return self.search(statement).order_by(ReviewItem.rank if self.is_ranked else ReviewItem.rank + 0)

    def search(self, statement: Select[*Ts]) -> Select[*Ts]:
        """Return the range in any order.

        SQLite guesses which index to use, so the index is prescribed. PostgreSQL has statistics of each range.
        """
        found = statement.where(ReviewItem.closed_at.is_(None), *self.conditions)
        by = BY_KEY if self.index is None else f"INDEXED BY ix_review_items_open_{self.index}"
        return found.with_hint(ReviewItem, by, "sqlite")


def list_paths(session: Session, slice_: ReviewSlice, wanted: ReviewFilter) -> Iterator[Path]:
    """List the ranges to search, in order, until enough faces are found. Together they contain every matching face, by rank."""
    if wanted.picks_by_job:
        yield Path(None, (ReviewItem.slice == slice_,), is_ranked=False)  # the query on it has the conditions already
        return
    ranked = _choose_ranked(slice_, wanted)
    last = _find_last_rank(session, ranked) if wanted.match_ranges() or len(wanted.match()) > 1 else None
    if last is None:
        yield ranked
        return
    yield ranked.narrow(ReviewItem.rank <= last)
    behind = ReviewItem.rank > last
    narrow = _choose_narrow(session, slice_, wanted)
    if narrow is None:
        yield ranked.narrow(behind)
        return
    fitting = narrow.narrow(behind, *wanted.match()).search(select(func.count(), func.min(ReviewItem.rank)))
    count, first = session.execute(fitting).one()
    if count > FEW:
        yield ranked.narrow(ReviewItem.rank >= first)
    elif count:
        yield narrow.narrow(behind)


def choose_counted(session: Session, slice_: ReviewSlice, wanted: ReviewFilter) -> Path:
    """Return the index range in which the matching faces of a slice are counted fastest. It includes only its own condition."""
    if wanted.picks_by_job:
        return Path(None, (ReviewItem.slice == slice_,), is_ranked=False)
    narrow = _choose_narrow(session, slice_, wanted) if wanted.match() else None
    return narrow or _choose_ranked(slice_, wanted)


def _choose_ranked(slice_: ReviewSlice, wanted: ReviewFilter) -> Path:
    """Return the index in order of rank that excludes the most faces by the filter."""
    conditions = [ReviewItem.slice == slice_]
    if slice_ is ReviewSlice.UNCERTAIN and wanted.min_confidence is not None:
        # The second largest probability is at most one minus the largest, so a confident face has a large margin: start there.
        conditions.append(ReviewItem.rank >= 2 * wanted.min_confidence - 1 - _ROUNDING)
    if wanted.emotion is not None:
        return Path("emotion", (*conditions, *wanted.match_emotion()))
    if wanted.model_version is not None:
        return Path("version", (*conditions, *wanted.match_version()))
    return Path("rank", tuple(conditions))


def _find_last_rank(session: Session, ranked: Path) -> float | None:
    """Return the rank at the end of the window, or None if it contains all faces."""
    return session.scalar(ranked.follow(select(ReviewItem.rank)).offset(WINDOW - 1).limit(1))


def _choose_narrow(session: Session, slice_: ReviewSlice, wanted: ReviewFilter) -> Path | None:
    """Return the narrowest range of the filter, or None if all of them contain more than NARROW faces."""
    ranges = list(_list_ranges(slice_, wanted))
    # Counted step by step, so that no range is counted further than the smallest one found so far.
    for most in (NARROW // 64, NARROW // 8, NARROW):
        chosen, least = None, most + 1
        for path in ranges:
            entries = path.search(select(literal(1)).select_from(ReviewItem)).limit(least).subquery()
            size = session.scalar(select(func.count()).select_from(entries)) or 0
            if size < least:
                chosen, least = path, size
        if chosen is not None:
            return chosen
    return None


def _list_ranges(slice_: ReviewSlice, wanted: ReviewFilter) -> Iterator[Path]:
    """List all ranges of the filter, usually narrow ones first: later ones are counted only up to the size of the best so far."""
    in_slice = ReviewItem.slice == slice_
    if wanted.match_time():
        # This index has each version's faces by time, so retired versions and recent days read almost nothing.
        versions = wanted.match_version() or [ReviewItem.model_version.in_(select(ModelVersion.number))]
        yield Path("time", (in_slice, *versions, *wanted.match_time()), is_ranked=False)
    if wanted.match_size():
        yield Path("size", (in_slice, *wanted.match_size()), is_ranked=False)
    if wanted.match_confidence():
        yield Path("confidence", (in_slice, *wanted.match_confidence()), is_ranked=False)
    if wanted.match_emotion():
        yield Path("emotion", (in_slice, *wanted.match_emotion()), is_ranked=False)
    if wanted.match_version() and not wanted.match_time():
        yield Path("version", (in_slice, *wanted.match_version()), is_ranked=False)
