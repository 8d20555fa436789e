"""Which way through the queue finds the next faces quickly, whatever the filter.

Reading faces in the order of their rank finds them at once where many faces fit the filter, and reads the whole queue where none
does. So only the first WINDOW faces are read in that order. If they don't hold enough, few faces fit, and then it is quicker
to read one range of the filter (a size, a confidence, a time) from an index of its own and to sort what fits.
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
"""Faces that are read by rank before another way is tried."""
NARROW = 80_000
"""Most faces of a range that are read instead. What reading them takes: docs/decisions/0401."""
FEW = 10_000
"""Most faces that are fetched and sorted. Where more of them fit, reading on by rank comes upon some soon."""

BY_KEY = "INDEXED BY sqlite_autoindex_review_items_1"
"""Lets SQLite look named faces up by their key. By itself it reads every open face, and looks each up among those named."""

_ROUNDING = 1e-6
"""By how much seven probabilities of 32 bits may miss 1 in sum."""


@dataclass(frozen=True)
class Path:
    """One stretch of an index of open faces. is_ranked: whether it has them by rank; if not, they are sorted.

    index: None where the conditions name the faces, which are found by their keys.
    """

    index: str | None
    conditions: tuple[ColumnElement[bool], ...]
    is_ranked: bool = True

    def narrow(self, *conditions: ColumnElement[bool]) -> "Path":
        """The same with further conditions."""
        return replace(self, conditions=(*self.conditions, *conditions))

    def follow(self, statement: Select[*Ts]) -> Select[*Ts]:
        """Let the statement read this stretch, least rank first."""
        # A sum is no column, so no index has it in order: the range itself is read.
        return self.search(statement).order_by(ReviewItem.rank if self.is_ranked else ReviewItem.rank + 0)

    def search(self, statement: Select[*Ts]) -> Select[*Ts]:
        """The same in any order.

        SQLite chooses among indexes by guesses, so it is told which. PostgreSQL knows how many faces each range has.
        """
        found = statement.where(ReviewItem.closed_at.is_(None), *self.conditions)
        by = BY_KEY if self.index is None else f"INDEXED BY ix_review_items_open_{self.index}"
        return found.with_hint(ReviewItem, by, "sqlite")


def list_paths(session: Session, slice_: ReviewSlice, wanted: ReviewFilter) -> Iterator[Path]:
    """Where to look, one after the other, until enough faces are found. Together they hold every face that fits, by rank."""
    if wanted.picks_by_job:
        yield Path(
            None, (ReviewItem.slice == slice_,), is_ranked=False
        )  # the query that follows it has the conditions already
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
    """The stretch of an index in which the faces of a slice that fit are counted soonest. It has no condition but its own."""
    if wanted.picks_by_job:
        return Path(None, (ReviewItem.slice == slice_,), is_ranked=False)
    narrow = _choose_narrow(session, slice_, wanted) if wanted.match() else None
    return narrow or _choose_ranked(slice_, wanted)


def _choose_ranked(slice_: ReviewSlice, wanted: ReviewFilter) -> Path:
    """The index that has the faces by rank and, of what the filter asks, leaves out most."""
    conditions = [ReviewItem.slice == slice_]
    if slice_ is ReviewSlice.UNCERTAIN and wanted.min_confidence is not None:
        # The second largest probability is at most what the largest leaves, so a sure face has no small margin: begin there.
        conditions.append(ReviewItem.rank >= 2 * wanted.min_confidence - 1 - _ROUNDING)
    if wanted.emotion is not None:
        return Path("emotion", (*conditions, *wanted.match_emotion()))
    if wanted.model_version is not None:
        return Path("version", (*conditions, *wanted.match_version()))
    return Path("rank", tuple(conditions))


def _find_last_rank(session: Session, ranked: Path) -> float | None:
    """The rank at the window's end, or None if all faces lie in it."""
    return session.scalar(ranked.follow(select(ReviewItem.rank)).offset(WINDOW - 1).limit(1))


def _choose_narrow(session: Session, slice_: ReviewSlice, wanted: ReviewFilter) -> Path | None:
    """The narrowest range that the filter asks for, or None if all of them hold more than NARROW faces."""
    ranges = list(_list_ranges(slice_, wanted))
    # Counted by and by: where one of them holds next to nothing, the others aren't counted far.
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
    """All ranges of the filter, first those that most often are narrow: of the later ones no more is counted than of these."""
    in_slice = ReviewItem.slice == slice_
    if wanted.match_time():
        # The index has each version's faces by time, so that a version out of service and the last days leave nothing to read.
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
