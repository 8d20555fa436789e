import numpy as np
import pytest

from training.artifact import PRETRAINED_DIR, Manifest
from training.distill import ask_teachers
from training.errors import ArtifactError
from training.lite import load_lite

VOTES, SINGLE = (PRETRAINED_DIR / name for name in ("default-votes", "default-single"))


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (5, 48, 48), np.uint8)


def test_a_teacher_answers_as_it_did_before_its_temperature_was_fitted(faces: np.ndarray) -> None:
    served = load_lite(VOTES).predict(faces) ** Manifest.read(VOTES).temperature
    np.testing.assert_allclose(ask_teachers([VOTES], faces), served / served.sum(axis=1, keepdims=True), atol=1e-4)


def test_several_teachers_answer_by_the_mean_of_their_logits(faces: np.ndarray) -> None:
    product = np.sqrt(ask_teachers([VOTES], faces) * ask_teachers([SINGLE], faces))
    both = ask_teachers([VOTES, SINGLE], faces)
    np.testing.assert_allclose(both, product / product.sum(axis=1, keepdims=True), atol=1e-4)
    np.testing.assert_allclose(both.sum(axis=1), 1, atol=1e-5)


def test_a_folder_without_a_version_is_no_teacher(faces: np.ndarray, tmp_path) -> None:
    with pytest.raises(ArtifactError):
        ask_teachers([tmp_path], faces)
