"""Filters of the review pages, from URLs and forms."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import UnprocessableEntity

from api.reviews.search import ReviewSearch, keep_search, read_choice, read_uuid, read_uuids
from api.web.forms import FieldRefused
from api.web.queries import read_query
from db.core.types import utcnow
from db.core.vocabulary import Emotion, VoteChoice


@pytest.fixture
def request_context() -> Iterator[None]:
    with Flask("test").test_request_context():
        yield


@pytest.mark.usefixtures("request_context")
def test_a_search_is_the_same_in_an_address_and_for_the_database() -> None:
    faces = (uuid4(), uuid4())
    given = {"emotion": "sad", "min_confidence": "0.25", "since": "2026-03-01", "until": "2026-03-02"}
    search = read_query(ReviewSearch, MultiDict({**given, "faces": ",".join(map(str, faces))}))
    assert read_query(ReviewSearch, MultiDict(search.to_query())) == search
    found = search.to_filter()
    assert (found.emotion, found.min_confidence, found.face_ids) == (Emotion.SAD, 0.25, faces)
    assert found.created_from == datetime(2026, 3, 1, tzinfo=UTC)
    assert found.created_before == datetime(2026, 3, 3, tzinfo=UTC)


@pytest.mark.usefixtures("request_context")
def test_the_later_of_two_beginnings_counts() -> None:
    found = read_query(ReviewSearch, MultiDict({"since": "2020-01-01", "days": "7"})).to_filter().created_from
    assert found is not None
    assert timedelta() <= utcnow() - timedelta(days=7) - found < timedelta(minutes=1)


@pytest.mark.parametrize("faces", [["no-id"], [str(uuid4()) for _ in range(51)]], ids=["no id", "too many"])
def test_faces_that_are_none_or_too_many_are_refused(faces: list[str]) -> None:
    with Flask("test").test_request_context(), pytest.raises(FieldRefused):
        read_query(ReviewSearch, MultiDict({"faces": ",".join(faces)}))


def test_a_form_keeps_the_search_and_says_one_choice_on_known_faces() -> None:
    face = UUID(int=7)
    sent = {"emotion": "happy", "days": "", "csrf": "x", "face": str(face), "odd": "no id", "choice": "sad"}
    with Flask("test").test_request_context(method="POST", data=sent):
        assert keep_search() == {"emotion": "happy"}
        assert (read_uuid("face"), read_uuids("shown"), read_choice()) == (face, [], VoteChoice.SAD)
        for field in ("odd", "shown"):
            with pytest.raises(UnprocessableEntity):
                read_uuid(field)
        with pytest.raises(UnprocessableEntity):
            read_uuids("odd")
    with (
        Flask("test").test_request_context(method="POST", data={"choice": "furious"}),
        pytest.raises(UnprocessableEntity),
    ):
        read_choice()
