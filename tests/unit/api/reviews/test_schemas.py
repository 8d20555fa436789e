"""What the API shows of reviews."""

from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from api.reviews.schemas import estimate_to_schema, statistics_to_schema, vote_to_schema
from db.core.types import utcnow
from db.core.vocabulary import Emotion, VoteChoice
from db.reviews.statistics import Agreement, Estimate, LiveAccuracy
from db.reviews.tables import ReviewVote


def test_a_vote_stands_until_it_was_withdrawn() -> None:
    vote = ReviewVote(
        id=uuid4(),
        face_id=None,
        reviewer="ana",
        choice=VoteChoice.SKIP,
        predicted=Emotion.SAD,
        model_version=1,
        at=utcnow(),
        is_blind=True,
    )
    assert (vote_to_schema(vote).stands, vote_to_schema(vote).label, vote_to_schema(vote).is_blind) == (
        True,
        None,
        True,
    )
    vote.withdrawn_at = utcnow()
    assert (vote_to_schema(vote, VoteChoice.SAD).stands, vote_to_schema(vote, VoteChoice.SAD).label) == (False, "sad")


def test_statistics_show_all_that_was_counted() -> None:
    unknown = {"share", "low", "high"}
    values: dict[str, Any] = {name: None if name in unknown else 0 for name in Estimate.__dataclass_fields__}
    nothing = Estimate(**values)
    some = SimpleNamespace(hits=3, count=4, share=0.75, low=0.3, high=0.95)
    assert estimate_to_schema(some).model_dump() == vars(some)  # type: ignore[arg-type]
    assert estimate_to_schema(nothing).share is None
    live = object.__new__(LiveAccuracy)
    for name, value in {"accuracy": some, "blind": nothing, "seen": some, "not_faces": 5, "ambiguous": 6}.items():
        object.__setattr__(live, name, value)
    shown = statistics_to_schema(live, Agreement(faces=7, share=0.5, alpha=0.25))
    assert (shown.not_faces, shown.ambiguous, shown.agreement.faces, shown.agreement.alpha) == (5, 6, 7, 0.25)
