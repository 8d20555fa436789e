"""The header `Emoscope-Test`, and the faces of a photo without it."""

import hashlib
from uuid import uuid4

import pytest

from api.test_mode.scenarios import InvalidScenario, Scenario, make_faces, read_scenario
from db.core.vocabulary import Emotion
from db.jobs.tables import Job

VERSION = uuid4()


def make_job(number: int, width: int = 640, height: int = 480) -> Job:
    return Job(photo_sha256=hashlib.sha256(bytes([number])).hexdigest(), width=width, height=height)


@pytest.mark.parametrize(
    ("header", "scenario"),
    [
        (None, Scenario()),
        ("  ", Scenario()),
        ("faces=happy,sad", Scenario(emotions=(Emotion.HAPPY, Emotion.SAD))),
        ("faces= happy , sad ,", Scenario(emotions=(Emotion.HAPPY, Emotion.SAD))),
        ("faces=", Scenario(emotions=())),
        ("failed=broken_picture", Scenario(failed="broken_picture")),
        ("error=queue_full", Scenario(error="queue_full")),
        ("slow=5", Scenario(delay_s=5)),
        ("slow=0.5", Scenario(delay_s=0.5)),
        ("slow=1e9", Scenario(delay_s=60)),
        ("slow=-1", Scenario(delay_s=0)),
        ("never", Scenario(delay_s=None)),
    ],
)
def test_a_header_is_read(header: str | None, scenario: Scenario) -> None:
    assert read_scenario(header) == scenario


@pytest.mark.parametrize(
    "header",
    [
        "faces=grumpy",
        "Faces=happy",
        "failed=",
        "failed=Broken",
        "failed=a b",
        "failed=" + "x" * 51,
        "error=",
        "slow=",
        "slow=ever",
        "never=1",
        "please",
    ],
)
def test_a_header_that_means_nothing_is_refused_with_what_there_is(header: str) -> None:
    with pytest.raises(InvalidScenario, match="faces=happy,sad"):
        read_scenario(header)


def test_a_photo_always_has_the_same_faces_and_another_may_have_others() -> None:
    found = [[face.probabilities for face in make_faces(Scenario(), make_job(number), VERSION)] for number in range(60)]
    assert found == [
        [face.probabilities for face in make_faces(Scenario(), make_job(number), VERSION)] for number in range(60)
    ]
    assert {len(faces) for faces in found} == {0, 1, 2, 3}
    emotions = {list(Emotion)[face.index(max(face))] for faces in found for face in faces}
    assert emotions == set(Emotion)


def test_asked_for_faces_come_in_that_order_with_sums_of_one() -> None:
    faces = make_faces(Scenario(emotions=(Emotion.SAD, Emotion.HAPPY, Emotion.SAD)), make_job(1), VERSION)
    assert [list(Emotion)[face.probabilities.index(max(face.probabilities))] for face in faces] == [
        "sad",
        "happy",
        "sad",
    ]
    for face in faces:
        assert sum(face.probabilities) == pytest.approx(1)
        assert len(face.crop) == 48 * 48
        assert face.model_version_id == VERSION


@pytest.mark.parametrize(("width", "height"), [(640, 480), (3, 100), (1, 1), (100, 2)])
@pytest.mark.parametrize("count", [1, 3, 7])
def test_boxes_lie_inside_a_photo_of_any_size(width: int, height: int, count: int) -> None:
    scenario = Scenario(emotions=tuple(Emotion)[:count])
    faces = make_faces(scenario, make_job(1, width, height), VERSION)
    assert len(faces) == count
    for face in faces:
        assert face.x >= 0
        assert face.width == face.height >= 1
        assert face.x + face.width <= width
        assert face.y + face.height <= height
