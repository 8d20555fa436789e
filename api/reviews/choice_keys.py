"""Keyboard keys of the reviewer's choices."""

from db.core.vocabulary import EMOTIONS, VoteChoice

CHOICE_KEYS = (
    *((VoteChoice(emotion.value), emotion.key) for emotion in EMOTIONS),
    (VoteChoice.NOT_A_FACE, "x"),
    (VoteChoice.AMBIGUOUS, "a"),
    (VoteChoice.SKIP, "s"),
)
"""Each choice with its key."""
