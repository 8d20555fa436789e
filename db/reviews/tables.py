"""The tables of reviews: each face's place in the queue, the face as people judge it, and their votes."""

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


_STANDING = text("withdrawn_at IS NULL")


_SEARCHED = ("rank", "emotion", "model_version", "confidence", "face_px", "created_at")
"""All that a filter may ask for: with it in the index, faces that don't fit are passed over without reading their rows."""


def _index_open(name: str, *first: str) -> Index:
    rest = [column for column in _SEARCHED if column not in first]
    name = f"ix_review_items_open_{name}"
    return Index(name, "slice", *first, *rest, sqlite_where=_OPEN, postgresql_where=_OPEN)


class ReviewSubject(Base):
    """One face as people judge it. It stays the same when its photo is analysed again, and when the photo is purged.

    Found again by the photo's SHA-256 and the overlap of the boxes; see docs/review.md.
    """

    __tablename__ = "review_subjects"
    __table_args__ = (
        # Few faces are undecided, and the inbox reads no others.
        Index("ix_review_subjects_undecided", "id", sqlite_where=_UNDECIDED, postgresql_where=_UNDECIDED),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    photo_sha256: Mapped[str] = mapped_column(String(64), index=True)
    x: Mapped[int]
    y: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    """The bounding box, in pixels of the upright picture."""
    crop: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """What the first reviewer saw: grey uint8 (48, 48), row by row."""
    drawn_at: Mapped[datetime | None]
    """When somebody first voted on it who had been handed it from the random slice, in its turn; empty before that."""
    label: Mapped[VoteChoice | None] = mapped_column(Word(VoteChoice))
    """What most standing votes say, or the vote that decides; empty without votes or when they are tied."""
    blind_label: Mapped[VoteChoice | None] = mapped_column(Word(VoteChoice))
    """The same of blind votes alone: those cast without knowing what the model says."""
    vote_count: Mapped[int] = mapped_column(default=0)
    """Standing votes that aren't skips."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    labeled_at: Mapped[datetime | None] = mapped_column(index=True)
    """When the label last changed."""

    votes: Mapped[list["ReviewVote"]] = relationship(order_by="ReviewVote.id", passive_deletes=True)


class ReviewItem(Base):
    """A face's place in the review queue. Narrow, so that the queue is searched without touching crops."""

    __tablename__ = "review_items"
    __table_args__ = (
        # Three in the order in which faces are handed out, and three that find what few faces have; see db/reviews/paths.py.
        _index_open("rank", "rank"),
        _index_open("emotion", "emotion", "rank"),
        _index_open("version", "model_version", "rank"),
        _index_open("size", "face_px"),
        _index_open("confidence", "confidence"),
        _index_open("time", "model_version", "created_at"),
        # Drift reads the broken hours at a period's ends, and the judged faces of a period, from these alone.
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
        # Nearly all faces have none; with those in it, SQLite's statistics would call the index useless.
        Index(None, "subject_id", sqlite_where=_LABELLED, postgresql_where=_LABELLED),
        # Tells from itself alone which judged faces two versions analysed.
        Index(None, "subject_id", "model_version", sqlite_where=_LABELLED, postgresql_where=_LABELLED),
    )

    face_id: Mapped[UUID] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"), primary_key=True)
    slice: Mapped[ReviewSlice] = mapped_column(Word(ReviewSlice))
    rank: Mapped[float]
    """Least comes first: the margin where the slice is `uncertain`, a random number where it is `random`.

    Slice, random number and votes wanted are the same in all analyses of a face; see db/reviews/subjects.py.
    """
    emotion: Mapped[Emotion]
    confidence: Mapped[float]
    face_px: Mapped[int]
    """The shorter side of the bounding box."""
    model_version: Mapped[int]
    """Number of the version that judged the face."""
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    votes_wanted: Mapped[int] = mapped_column(default=1)
    closed_at: Mapped[datetime | None]
    """When the face had all the votes that it needs."""
    reserved_by: Mapped[str | None] = mapped_column(String(200))
    reserved_until: Mapped[datetime | None]
    reserved_seen: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether whoever has it was shown what the model says."""
    subject_id: Mapped[UUID | None] = mapped_column(ForeignKey("review_subjects.id", ondelete="SET NULL"))

    subject: Mapped[ReviewSubject | None] = relationship()


class ReviewVote(Base):
    """What one reviewer said of a face. Kept when it is undone or replaced; then it no longer stands."""

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
    """The analysis in which the reviewer saw it; empty once that job is erased."""
    reviewer: Mapped[str] = mapped_column(String(200))
    choice: Mapped[VoteChoice] = mapped_column(Word(VoteChoice))
    predicted: Mapped[Emotion]
    """What the model said then."""
    model_version: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=utcnow)
    is_blind: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the reviewer didn't know what the model says."""
    is_deciding: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it settles a disagreement: the label is what it says, whatever the others say."""
    replaces_id: Mapped[UUID | None] = mapped_column(ForeignKey("review_votes.id", ondelete="SET NULL"), index=True)
    """The same reviewer's earlier vote, which comes back if this one is undone."""
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(String(200))


class FaceReport(ActorColumns, Base):
    """What somebody found wrong with the boxes of a photo: a face that was missed, or a box that isn't right. Gone with its job."""

    __tablename__ = "face_reports"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    face_id: Mapped[UUID | None] = mapped_column(ForeignKey("faces.id", ondelete="CASCADE"), index=True)
    """The face whose box is wrong; empty where a face was missed."""
    kind: Mapped[ReportKind] = mapped_column(Word(ReportKind))
    x: Mapped[int | None]
    y: Mapped[int | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    """Where the face is, in pixels of the upright picture, if it was said."""
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=utcnow)


class ResultView(Base):
    """A reviewer has seen what the model says of a job's faces, before all of them had their votes. Gone with its job."""

    __tablename__ = "result_views"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    reviewer: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
