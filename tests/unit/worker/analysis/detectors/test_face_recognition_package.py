import pytest
from PIL import ImageFile

from worker.analysis.detectors.face_recognition_package import import_face_recognition, margin_to_score, score_to_margin


@pytest.mark.parametrize("score", [0.1, 0.5, 0.9])
def test_scores_and_dlibs_margins_are_inverses(score: float) -> None:
    assert margin_to_score(score_to_margin(score)) == pytest.approx(score)
    assert score_to_margin(0.0) < -6 < 6 < score_to_margin(1.0)


def test_pillow_refuses_half_a_file_after_the_import_too() -> None:
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    assert import_face_recognition().face_detector is not None
    assert ImageFile.LOAD_TRUNCATED_IMAGES is before is False


def test_the_networks_for_landmarks_and_encodings_are_not_loaded() -> None:
    package = import_face_recognition()
    assert package.pose_predictor_68_point is package.pose_predictor_5_point is package.face_encoder is None
    assert package.cnn_face_detector is not None
    assert isinstance(package.dlib.shape_predictor, type), "dlib is as it was"
