"""An emotion is registered in one place, and every list of emotions is complete."""

import re

from api.faces.schemas import Probabilities
from db.core.vocabulary import EMOTIONS, Emotion, VoteChoice
from training.data.dataset import FER_ORDER


def test_every_emotion_has_traits_of_its_own() -> None:
    assert sorted(each.fer2013_number for each in EMOTIONS) == list(range(len(EMOTIONS)))
    assert [each.key for each in EMOTIONS] == ["1", "2", "3", "4", "5", "6", "7"]
    for trait in ("ferplus_column", "light_colour", "dark_colour", "photo_colour"):
        assert len({getattr(each, trait) for each in EMOTIONS}) == len(EMOTIONS)
    assert all(
        re.fullmatch("#[0-9a-f]{6}", colour)
        for each in EMOTIONS
        for colour in (each.light_colour, each.dark_colour, each.photo_colour)
    )


def test_fer2013_numbers_neutral_last() -> None:
    assert (FER_ORDER[6], Emotion.NEUTRAL.fer2013_number) == (Emotion.NEUTRAL, 6)


def test_reviewers_choose_among_all_emotions_in_their_order() -> None:
    assert [each.emotion for each in VoteChoice if each.emotion] == list(EMOTIONS)


def test_the_api_shows_a_probability_for_each() -> None:
    assert list(Probabilities.model_fields) == [each.value for each in EMOTIONS]
