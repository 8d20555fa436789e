"""API schemas of reviews, and how they are made from rows."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import BaseModel, Field

from api.core.field_types import Id, Time
from api.faces.schemas import Face, face_to_schema
from db import tables
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.reviews.statistics import Agreement, Estimate, LiveAccuracy
from db.reviews.subjects import count_wanted
from db.reviews.tables import ReviewItem, ReviewVote
from emoscope.settings import Settings


class Vote(BaseModel):
    """One reviewer's vote on a face."""

    id: Id
    face_id: UUID | None = Field(description="The face of the analysis that was shown; null once its job is erased.")
    reviewer: str = Field(examples=["ana"])
    choice: VoteChoice = Field(examples=["sad"])
    predicted: Emotion = Field(
        description="The emotion that was predicted when the vote was cast.", examples=["neutral"]
    )
    model_version: int = Field(examples=[1])
    at: Time
    is_blind: bool = Field(description="Whether the reviewer didn't know the prediction.", examples=[False])
    stands: bool = Field(description="False once the vote was undone or replaced.", examples=[True])
    label: VoteChoice | None = Field(
        default=None, description="The face's current label: the choice with the most current votes; null for a tie."
    )


class ReviewFace(BaseModel):
    """A face to review."""

    face: Face
    job_id: Id
    slice: ReviewSlice = Field(
        description="The face's slice: `uncertain`, or `random` (drawn at random).", examples=["uncertain"]
    )
    label: VoteChoice | None = Field(
        description="The face's label; null if there is none yet, and while the face is handed out for review.",
        examples=["sad"],
    )
    votes_wanted: int = Field(description="Votes that the face needs.", examples=[1])
    is_open: bool = Field(description="Whether it needs more votes.", examples=[True])
    votes: list[Vote] = Field(
        description="Every vote on the face, oldest first, undone ones too. Empty while the face is handed out for review."
    )


class ReviewFaceList(BaseModel):
    """Faces to review, in this order. Empty if none are left."""

    items: list[ReviewFace]


class VoteList(BaseModel):
    """Votes, newest first."""

    items: list[Vote]
    next: str | None = Field(default=None, description="Address of the next page; null on the last one.")


class Undone(BaseModel):
    """The result of an undo."""

    undone: int = Field(examples=[1])


class ShareEstimate(BaseModel):
    """An observed share with its 95 % interval (Wilson); null if nothing was observed."""

    hits: int = Field(examples=[181])
    count: int = Field(examples=[220])
    share: float | None = Field(examples=[0.823])
    low: float | None = Field(examples=[0.767])
    high: float | None = Field(examples=[0.868])


class ReviewerAgreement(BaseModel):
    """Agreement between reviewers on the same faces."""

    faces: int = Field(description="Faces with two or more votes, not counting skips.", examples=[40])
    share: float | None = Field(description="Share of these faces whose first two votes agree.", examples=[0.81])
    alpha: float | None = Field(description="Krippendorff's alpha: 1 is full agreement, 0 is chance.", examples=[0.74])


class Statistics(BaseModel):
    """Accuracy of the model and agreement of the reviewers."""

    accuracy: ShareEstimate = Field(
        description="Accuracy of the model on faces of the random slice, `blind` and `seen` together."
    )
    blind: ShareEstimate = Field(description="The same for faces with blind votes. This is the accuracy to rely on.")
    seen: ShareEstimate = Field(description="The same for all other faces, whose reviewers knew the prediction.")
    not_faces: int = Field(description="Faces of that slice labelled `not_a_face`.", examples=[3])
    ambiguous: int = Field(description="Faces of that slice labelled `ambiguous`.", examples=[9])
    agreement: ReviewerAgreement


def estimate_to_schema(estimate: Estimate) -> ShareEstimate:
    """Convert an estimate to its API schema."""
    return ShareEstimate(**vars(estimate))


def vote_to_schema(vote: ReviewVote, label: VoteChoice | None = None) -> Vote:
    """Convert a vote to its API schema. label: current label of the face, if known."""
    return Vote(
        id=vote.id,
        face_id=vote.face_id,
        reviewer=vote.reviewer,
        choice=vote.choice,
        predicted=vote.predicted,
        model_version=vote.model_version,
        at=vote.at,
        is_blind=vote.is_blind,
        stands=vote.withdrawn_at is None,
        label=label,
    )


def review_to_schema(
    item: ReviewItem, face: tables.Face, votes: Sequence[ReviewVote] | None, settings: Settings
) -> ReviewFace:
    """Convert a face to review to its API schema. Call it while the item's subject is loaded or loadable.

    votes: None while the face is handed out for review; then label and votes are hidden.
    """
    label = item.subject.label if votes is not None and item.subject is not None else None
    return ReviewFace(
        face=face_to_schema(face, settings.uncertain_below),
        job_id=face.job_id,
        slice=item.slice,
        label=label,
        votes_wanted=count_wanted(item, settings.min_correction_votes),
        is_open=item.closed_at is None,
        votes=[vote_to_schema(vote, label) for vote in votes or ()],
    )


def statistics_to_schema(live: LiveAccuracy, agreement: Agreement) -> Statistics:
    """Convert the statistics to their API schema."""
    return Statistics(
        accuracy=estimate_to_schema(live.accuracy),
        blind=estimate_to_schema(live.blind),
        seen=estimate_to_schema(live.seen),
        not_faces=live.not_faces,
        ambiguous=live.ambiguous,
        agreement=ReviewerAgreement(**vars(agreement)),
    )
