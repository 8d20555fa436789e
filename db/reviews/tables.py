"""The tables of reviews: queue entries, reviewed faces (subjects), votes and reports."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid_utils.compat import uuid7

from db.core.actors import ActorColumns
from db.core.base import Base
from db.core.types import Word, utcnow
from db.core.vocabulary import Emotion, ReportKind, ReviewSlice, VoteChoice

_OPEN = text("closed_at IS NULL")


_LABELLED = text("subject_id IS NOT NULL")


_RESERVED = text("reserved_by IS NOT NULL")


_UNDECIDED = text("label IS NULL AND vote_count > 1")


_SEVERAL_VOTES = text("vote_count > 1")


_STANDING = text("withdrawn_at IS NULL")


_SEARCHED = ("rank", "emotion", "model_version", "confidence", "face_px", "created_at")
"""The columns that filters use: as part of the index, faces that don't match are skipped without reading their rows."""


def _index_open(name: str, *first: str) -> Index:
    rest = [column for column in _SEARCHED if column not in first]
    name = f"ix_review_items_open_{name}"
    return Index(name, "slice", *first, *rest, sqlite_where=_OPEN, postgresql_where=_OPEN)


class ReviewSubject(Base):
    """A reviewed face. It stays the same when its photo is analysed again or deleted.

    Identified by the photo's SHA-256 and the overlap of boxes; see docs/review.md.
    """

    __tablename__ = "review_subjects"
    __table_args__ = (
        # Few faces are undecided, and the page reads no others.
        Index("ix_review_subjects_undecided", "id", sqlite_where=_UNDECIDED, postgresql_where=_UNDECIDED),
        # Agreement between reviewers reads these alone: most faces have one vote.
        Index("ix_review_subjects_several_votes", "id", sqlite_where=_SEVERAL_VOTES, postgresql_where=_SEVERAL_VOTES),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    photo_sha256: Mapped[str] = mapped_column(String(64), index=True)
    x: Mapped[int]
    y: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    """The bounding box, in pixels of the upright photo."""
    crop: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """The crop that the first reviewer saw: grey uint8 (48, 48), row by row."""
    drawn_at: Mapped[datetime | None]
    """First vote by a reviewer who got it from the random slice in its turn; empty before."""
    label: Mapped[VoteChoice | None] = mapped_column(Word(VoteChoice))
    """The choice with the most current votes, or the deciding vote; empty without votes or in a tie."""
    blind_label: Mapped[VoteChoice | None] = mapped_column(Word(VoteChoice))
    """The same from blind votes only."""
    vote_count: Mapped[int] = mapped_column(default=0)
    """Current votes, not counting skips."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    labeled_at: Mapped[datetime | None] = mapped_column(index=True)
    """When the label last changed."""

    votes: Mapped[list["ReviewVote"]] = relationship(order_by="ReviewVote.id", passive_deletes=True)


class ReviewItem(Base):
    """A face's entry in the review queue. Narrow, so that the queue is searched without reading crops."""

    __tablename__ = "review_items"
    __table_args__ = (
        # Three in the order in which faces are handed out, and three for rare values; see db/reviews/paths.py.
        _index_open("rank", "rank"),
        _index_open("emotion", "emotion", "rank"),
        _index_open("version", "model_version", "rank"),
        _index_open("size", "face_px"),
        _index_open("confidence", "confidence"),
        _index_open("time", "model_version", "created_at"),
        # Drift reads the partial hours at a period's ends, and the reviewed faces of a period, from these alone.
        Index("ix_review_items_period", "created_at", "emotion", "confidence", "face_px"),
        Index(
            "ix_review_items_judged",
            "slice",
            "created_at",
            "subject_id",
            "emotion",
            sqlite_where=_LABELLED,
            postgresql_where=_LABELLED,
        ),
        Index(None, "reserved_by", sqlite_where=_RESERVED, postgresql_where=_RESERVED),
        # Partial, because nearly all rows are null, and SQLite's statistics would make it avoid the index.
        Index(None, "subject_id", sqlite_where=_LABELLED, postgresql_where=_LABELLED),
        # Covers the search for reviewed faces that two versions analysed.
        Index(None, "subject_id", "model_version", sqlite_where=_LABELLED, postgresql_where=_LABELLED),
    )

    face_id: Mapped[UUID] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True)
    slice: Mapped[ReviewSlice] = mapped_column(Word(ReviewSlice))
    rank: Mapped[float]
    """Lowest first: the margin in the slice `uncertain`, a random number in the slice `random`.

    Slice, random number and number of votes are the same in all analyses of a face; see db/reviews/subjects.py.
    """
    emotion: Mapped[Emotion]
    confidence: Mapped[float]
    face_px: Mapped[int]
    """The shorter side of the bounding box."""
    model_version: Mapped[int]
    """Number of the version that classified the face."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    votes_wanted: Mapped[int] = mapped_column(default=1)
    closed_at: Mapped[datetime | None]
    """When the face had all the votes that it needs."""
    reserved_by: Mapped[str | None] = mapped_column(String(200))
    reserved_until: Mapped[datetime | None]
    reserved_seen: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the current holder was shown the prediction."""
    subject_id: Mapped[UUID | None] = mapped_column(ForeignKey("review_subjects.id", ondelete="SET NULL"))

    subject: Mapped[ReviewSubject | None] = relationship()


class ReviewVote(Base):
    """One reviewer's vote on a face. Undone and replaced votes are kept."""

    __tablename__ = "review_votes"
    __table_args__ = (
        Index(
            "uq_review_votes_standing",
            "subject_id",
            "reviewer",
            unique=True,
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
        Index(None, "face_id", "reviewer"),
        Index(None, "reviewer", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    subject_id: Mapped[UUID] = mapped_column(ForeignKey("review_subjects.id", ondelete="CASCADE"), index=True)
    face_id: Mapped[UUID | None] = mapped_column(ForeignKey("faces.id", ondelete="SET NULL"))
    """The analysis that the reviewer saw; empty once that job is erased."""
    reviewer: Mapped[str] = mapped_column(String(200))
    choice: Mapped[VoteChoice] = mapped_column(Word(VoteChoice))
    predicted: Mapped[Emotion]
    """The prediction at that time."""
    model_version: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=utcnow)
    is_blind: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the reviewer didn't know the prediction."""
    is_deciding: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it resolves a disagreement: then it is the label, whatever the others chose."""
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("review_votes.id", ondelete="SET NULL"), index=True)
    """The same reviewer's earlier vote, which becomes current again if this one is undone."""
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(200))


class FaceReport(ActorColumns, Base):
    """A report of a missed face or a wrong box. Deleted with its job."""

    __tablename__ = "face_reports"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    face_id: Mapped[UUID | None] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"), index=True)
    """The face with the wrong box; empty for a missed face."""
    kind: Mapped[ReportKind] = mapped_column(Word(ReportKind))
    x: Mapped[int | None]
    y: Mapped[int | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    """Position of the face, in pixels of the upright photo, if given."""
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=utcnow)


class ResultView(Base):
    """A reviewer has seen the predictions of a job's faces before all of them had their votes. Deleted with its job."""

    __tablename__ = "result_views"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    reviewer: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
