"""JSON becomes results and results become JSON."""

import pickle
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from emoscope_client import BoundingBox, Face, Job, ModelVersion, UnexpectedAnswer
from tests.support.factories.answers import make_face, make_job


def test_what_is_read_is_written_the_same() -> None:
    plain = make_job("succeeded", [make_face()]) | {"timings_ms": {"detect": 1.5}, "batch_id": make_job("queued")["id"]}
    assert Job.from_json(plain).to_json() == plain


def test_members_of_a_newer_service_are_ignored() -> None:
    plain = make_job("succeeded", [make_face() | {"age_of_the_photo": 3}]) | {"new": {"deep": [1]}}
    assert Job.from_json(plain).faces[0].emotion == "happy"


def test_words_of_a_newer_service_are_kept() -> None:
    assert str(Job.from_json(make_job("paused")).status) == "paused"
    assert not Job.from_json(make_job("paused")).has_ended
    assert str(Face.from_json(make_face() | {"emotion": "bored"}).emotion) == "bored"


def test_of_what_an_older_service_lacks_a_nullable_member_is_none_and_a_list_empty() -> None:
    face = make_face()
    del face["conditions"], face["ambiguity"]
    plain = make_job("queued", [face])
    del plain["deadline_at"]
    job = Job.from_json(plain)
    assert (job.deadline_at, job.faces[0].ambiguity, job.faces[0].conditions) == (None, None, ())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": "x"}, "id: "),
        ({"attempt": "1"}, "attempt: str where int is expected"),
        ({"attempt": True}, "attempt: bool where int is expected"),
        ({"created_at": "yesterday"}, "created_at: "),
        ({"photo": None}, "photo: nothing where dict is expected"),
        ({"faces": [{}]}, "faces: id: nothing where str is expected"),
    ],
)
def test_an_answer_of_another_shape_is_refused_by_name(change: dict[str, Any], told: str) -> None:
    with pytest.raises(UnexpectedAnswer, match=told) as caught:
        Job.from_json(make_job("queued") | change)
    assert caught.value.code == "unexpected_answer"


def test_times_have_their_zone_and_whole_numbers_pass_as_floats() -> None:
    assert Job.from_json(make_job("queued")).created_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert isinstance(Face.from_json(make_face() | {"confidence": 1}).confidence, float)


def test_open_documents_are_passed_on() -> None:
    manifest = {"classes": ["angry"], "metrics": {"deep": [1, None]}}
    plain = {
        "number": 1,
        "name": "first",
        "architecture": "report",
        "digest": "0",
        "is_champion": True,
        "is_challenger": False,
        "created_at": "2026-03-01T12:00:00Z",
        "manifest": manifest,
    }
    version = ModelVersion.from_json(plain)
    assert version.manifest == manifest
    assert version.to_json() == plain


def test_results_are_equal_by_value_and_can_not_be_changed() -> None:
    plain = make_face()
    face = Face.from_json(plain)
    assert face == Face.from_json(plain) != Face.from_json(plain | {"confidence": 0.1})
    assert len({face, Face.from_json(plain)}) == 1
    assert pickle.loads(pickle.dumps(face)) == face
    assert "emotion='happy'" in repr(face)
    for change in (partial(setattr, face, "emotion", "sad"), partial(delattr, face, "emotion")):
        with pytest.raises(AttributeError, match="can't be changed"):
            change()


def test_a_result_takes_all_of_its_fields_and_no_other() -> None:
    assert BoundingBox(x=1, y=2, width=3, height=4).width == 3
    with pytest.raises(TypeError, match="height"):
        BoundingBox(x=1, y=2, width=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="depth"):
        BoundingBox(x=1, y=2, width=3, height=4, depth=5)  # type: ignore[call-arg]


def test_emotions_are_ranked_by_their_probabilities() -> None:
    plain = make_face()
    plain["probabilities"] |= {"happy": 0.6, "sad": 0.3}
    assert Face.from_json(plain).probabilities.rank()[:2] == [("happy", 0.6), ("sad", 0.3)]
