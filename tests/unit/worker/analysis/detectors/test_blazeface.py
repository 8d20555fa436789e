import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from db.core.vocabulary import Detector, Landmark
from emoscope.stack.demo_photos import DemoPhoto, Placement, compose_page, load_portrait, locate_package_file
from worker.analysis.detectors import blazeface as module
from worker.analysis.detectors.base import Candidates, Detection, DetectorUnavailable, Extent
from worker.analysis.detectors.blazeface import BlazeFaceDetector, choose_input_size
from worker.analysis.detectors.blazeface_network import MAX_SIZES, NEUTRAL, locate_weights, render_region
from worker.analysis.detectors.merging import drop_within
from worker.analysis.resize import Picture, Pyramid


def is_same_face(detection: Detection, face: tuple[float, float, float, float]) -> bool:
    left, top, side, _ = face
    box = detection.box
    distance = np.hypot(box.x + box.width / 2 - left - side / 2, box.y + box.height / 2 - top - side / 2)
    return distance < 0.25 * side and 0.6 < max(box.width, box.height) / side < 1.6


def test_every_face_of_the_page_is_found_and_nothing_else(
    blazeface: BlazeFaceDetector, page: Picture, page_photo: DemoPhoto
) -> None:
    detections = blazeface.detect(page, min_face_px=24)
    assert len(detections) == len(page_photo.faces) == 7
    for face in page_photo.faces:
        assert sum(is_same_face(detection, face) for detection in detections) == 1


@pytest.mark.parametrize("side", [64, 256, 1024, 3000])
def test_face_is_found_where_it_is_at_every_size(blazeface: BlazeFaceDetector, side: int) -> None:
    portrait = load_portrait("astronaut")
    picture = np.array(portrait.image.resize((side, side), Image.Resampling.LANCZOS))
    left, top, face_side, height = (round(edge * side / 512) for edge in portrait.face)
    (detection,) = blazeface.detect(picture, min_face_px=8)
    assert is_same_face(detection, (left, top, face_side, height))


def test_eyes_lie_where_the_eyes_are(blazeface: BlazeFaceDetector, astronaut: Picture) -> None:
    (detection,) = blazeface.detect(astronaut)
    assert detection.eyes is not None
    assert detection.eyes.left == pytest.approx((205, 102), abs=6)
    assert detection.eyes.right == pytest.approx((247, 104), abs=6)
    named = dict(zip(Detector.BLAZEFACE.landmarks, detection.landmarks, strict=True))
    assert named[Landmark.NOSE] == pytest.approx((226, 129), abs=10)
    assert named[Landmark.MOUTH] == pytest.approx((228, 147), abs=10)
    assert named[Landmark.LEFT_EAR][0] < detection.eyes.left[0] < detection.eyes.right[0] < named[Landmark.RIGHT_EAR][0]


@pytest.mark.parametrize("turn", [-30, 30])
def test_eyes_tell_the_roll_of_the_head(blazeface: BlazeFaceDetector, turn: int) -> None:
    photo = compose_page((Placement("astronaut", (256, 256), 105, turn=turn),), (512, 512))
    (detection,) = blazeface.detect(np.array(Image.open(io.BytesIO(photo.data))))
    assert detection.eyes is not None
    (left_x, left_y), (right_x, right_y) = detection.eyes
    roll = np.degrees(np.arctan2(right_y - left_y, right_x - left_x))
    assert roll == pytest.approx(-turn, abs=10)


def test_face_that_fills_the_picture_is_found(blazeface: BlazeFaceDetector, astronaut: Picture) -> None:
    (detection,) = blazeface.detect(np.ascontiguousarray(astronaut[60:180, 165:287]))
    assert detection.box.width > 80


@pytest.mark.parametrize("name", ["chelsea.png", "coffee.png", "gravel.png", "moon.png", "page.png", "brick.png"])
def test_no_face_is_seen_where_there_is_none(blazeface: BlazeFaceDetector, name: str) -> None:
    with Image.open(locate_package_file("skimage", f"data/{name}")) as image:
        assert blazeface.detect(np.array(image.convert("RGB"))) == []


@pytest.mark.parametrize("shape", [(1, 1), (2, 3000), (3000, 2), (7, 5)])
def test_odd_shapes_are_no_faces_and_no_errors(blazeface: BlazeFaceDetector, shape: tuple[int, int]) -> None:
    assert blazeface.detect(np.full((*shape, 3), 128, np.uint8)) == []


def test_same_photo_gives_the_same_faces_whatever_came_before(
    blazeface: BlazeFaceDetector, astronaut: Picture, page: Picture
) -> None:
    first = blazeface.detect(astronaut)
    blazeface.detect(page)
    blazeface.detect(np.ascontiguousarray(page[:, :400]))
    assert blazeface.detect(astronaut) == first


def test_smallest_wanted_face_sets_the_size_of_the_look_within_bounds() -> None:
    assert choose_input_size(640, 480, 40) == (256, 192)
    assert choose_input_size(1280, 960, 40) == (512, 384)
    assert choose_input_size(4000, 3000, 24) == (640, 480)
    assert choose_input_size(480, 640, 1) == (480, 640)
    assert choose_input_size(10_000, 10, 40) == (640, 32)


def test_region_beyond_the_picture_is_neutral() -> None:
    picture = np.zeros((10, 10, 3), np.uint8)
    canvas = render_region(picture, Extent(-10, -10, 10, 10), 2.0, 40, 40)
    assert canvas[:20].min() == NEUTRAL
    assert canvas[:, :20].min() == NEUTRAL
    assert canvas[20:, 20:].max() == 0


def test_region_that_misses_the_picture_is_all_neutral() -> None:
    canvas = render_region(np.zeros((10, 10, 3), np.uint8), Extent(50, 50, 60, 60), 1.0, 16, 16)
    assert set(np.unique(canvas)) == {NEUTRAL}


def test_missing_weights_say_what_to_install() -> None:
    with pytest.raises(DetectorUnavailable, match=r"no_such_file\.tflite.*emoscope\[worker\]"):
        locate_weights("no_such_file.tflite")


def test_few_sizes_of_input_stay_ready_and_give_what_a_new_one_gives(
    blazeface: BlazeFaceDetector, astronaut: Picture
) -> None:
    first = blazeface.detect(astronaut)
    for width in range(200, 512, 32):
        blazeface.detect(np.ascontiguousarray(astronaut[:, :width]))
    assert len(blazeface._small_faces._sized) == MAX_SIZES
    assert blazeface.detect(astronaut) == first


def test_what_lies_around_a_face_that_is_found_is_not_looked_at(
    blazeface: BlazeFaceDetector, astronaut: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = blazeface._large_faces
    looks: list[Any] = []
    find = network.find_candidates

    def note_and_find(*given: Any, **named: Any) -> Any:
        looks.append(given[1])
        return find(*given, **named)

    monkeypatch.setattr(network, "find_candidates", note_and_find)
    monkeypatch.setattr(module, "find_plausible", lambda small: np.ones(len(small.scores), bool))
    monkeypatch.setattr(module, "LARGE_PROPOSAL_SCORE", module.PROPOSAL_SCORE)
    proposed, _ = blazeface._propose(Pyramid(astronaut), 24)
    looks.clear()
    (face,) = blazeface.detect(astronaut, min_face_px=24)
    found = Candidates(np.array([face.extent], np.float32), np.array([face.score], np.float32), None)
    elsewhere = len(drop_within(proposed, found, min_share=0.6).scores)
    assert elsewhere < len(proposed.scores) - 1
    assert len(looks) == 2 + elsewhere  # the whole picture, the one face, and what lies elsewhere
