import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from training.errors import ArtifactDamagedError, ArtifactError
from training.export.lite import load_lite
from worker.analysis.classifier import (
    Classifier,
    Crops,
    LiteRTClassifier,
    Runtime,
    TensorFlowClassifier,
    load_classifier,
)
from worker.analysis.crops import crop_faces
from worker.analysis.detectors.base import Detector
from worker.analysis.resize import Picture


def load_litert(folder: Path, *, allows_int8: bool = True) -> LiteRTClassifier:
    loaded = load_classifier(folder, "litert", allows_int8=allows_int8)
    assert isinstance(loaded, LiteRTClassifier)
    return loaded


@pytest.fixture(scope="module")
def crops(blazeface: Detector, page: Picture) -> Crops:
    """The seven faces of the page, as the model sees them."""
    return crop_faces(page, blazeface.detect(page), blazeface.geometry)


@pytest.fixture(scope="module")
def tensorflow_classifier(model_dir: Path) -> Classifier:
    classifier = load_classifier(model_dir, "tensorflow")
    classifier.warm()
    return classifier


@pytest.fixture
def model_copy(model_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_dir, tmp_path / "model"))


def test_probabilities_are_seven_and_sum_to_one(classifier: Classifier, crops: Crops) -> None:
    probabilities = classifier.classify(crops)
    assert probabilities.shape == (7, 7)
    assert probabilities.dtype == np.float32
    assert probabilities.min() >= 0
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_no_crops_give_no_probabilities(classifier: Classifier) -> None:
    assert classifier.classify(np.empty((0, 48, 48), np.uint8)).shape == (0, 7)


def test_both_runtimes_give_the_same_probabilities_on_real_faces(
    model_dir: Path, tensorflow_classifier: TensorFlowClassifier, crops: Crops
) -> None:
    classifier = load_classifier(model_dir, "litert", allows_int8=False)
    assert np.abs(classifier.classify(crops) - tensorflow_classifier.classify(crops)).max() < 1e-4


@pytest.mark.parametrize("count", [1, 3, 4, 5, 16, 17, 80])
def test_filling_up_a_batch_changes_no_face(
    tensorflow_classifier: TensorFlowClassifier, crops: Crops, count: int
) -> None:
    many = np.resize(crops, (count, 48, 48))
    one_by_one = np.concatenate([tensorflow_classifier.classify(crop[np.newaxis]) for crop in crops])
    together = tensorflow_classifier.classify(many)
    assert np.abs(together - np.resize(one_by_one, (count, 7))).max() < 1e-5


def test_tensorflow_traces_no_more_than_the_fixed_batch_sizes(
    tensorflow_classifier: TensorFlowClassifier, crops: Crops
) -> None:
    traced = tensorflow_classifier._run_model.experimental_get_tracing_count()
    for count in range(1, 8):
        tensorflow_classifier.classify(crops[:count])
    assert tensorflow_classifier._run_model.experimental_get_tracing_count() == traced
    assert traced <= len(tensorflow_classifier.batch_sizes)


@pytest.mark.parametrize(
    ("runtime", "name"), [("litert", "model.tflite"), ("litert", "model_int8.tflite"), ("tensorflow", "model.keras")]
)
def test_damaged_model_is_refused_before_it_is_loaded(
    model_copy: Path, runtime: Runtime, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.analysis.classifier.has_int8_dot_product", lambda: "int8" in name)
    content = bytearray((model_copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (model_copy / name).write_bytes(content)
    with pytest.raises(ArtifactDamagedError, match=name):
        load_classifier(model_copy, runtime)


def test_only_the_runtimes_own_file_is_needed(model_copy: Path) -> None:
    (model_copy / "model.keras").unlink()
    assert load_classifier(model_copy, "litert", allows_int8=False).runtime == "litert"


def test_other_class_order_is_refused(model_copy: Path) -> None:
    manifest = json.loads((model_copy / "manifest.json").read_text())
    manifest["emotions"].reverse()
    (model_copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError):
        load_classifier(model_copy, "litert")


def test_auto_takes_litert_where_no_gpu_may_be_used(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert load_classifier(model_dir, allows_int8=False).runtime == "litert"


def test_auto_takes_tensorflow_where_a_gpu_is_within_reach(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("worker.core.gpus.NVIDIA_DEVICE", tmp_path)
    monkeypatch.setattr("worker.core.gpus.CUDNN", "libc.so.6")  # any that loads
    assert load_classifier(model_dir).runtime == "tensorflow"


def test_unknown_runtime_is_refused(model_dir: Path) -> None:
    with pytest.raises(ValueError, match="onnx"):
        load_classifier(model_dir, "onnx")  # type: ignore[arg-type]


def test_a_file_that_changes_after_it_was_loaded_changes_no_answer(model_copy: Path, crops: Crops) -> None:
    """A mapped file would: every process on the machine shares the copy of a version."""
    classifier = load_litert(model_copy)
    before = classifier.classify(crops)
    (model_copy / classifier.file_name).write_bytes(b"not what was stored")
    np.testing.assert_array_equal(classifier.classify(crops), before)


@pytest.mark.parametrize(
    ("is_quick", "allows_int8", "name", "runtime"),
    [
        (True, True, "model_int8.tflite", "litert-int8"),
        (True, False, "model.tflite", "litert"),
        (False, True, "model.tflite", "litert"),
    ],
)
def test_a_processor_that_is_quick_in_8_bits_takes_that_form_unless_it_may_not_and_says_so(
    model_dir: Path,
    crops: Crops,
    monkeypatch: pytest.MonkeyPatch,
    is_quick: bool,
    allows_int8: bool,
    name: str,
    runtime: Runtime,
) -> None:
    monkeypatch.setattr("worker.analysis.classifier.has_int8_dot_product", lambda: is_quick)
    chosen = load_litert(model_dir, allows_int8=allows_int8)
    assert (chosen.file_name, chosen.runtime) == (name, runtime)
    reference = load_lite(model_dir, is_int8=name == "model_int8.tflite").predict(crops)
    np.testing.assert_allclose(chosen.classify(crops), reference, atol=1e-5)


def test_a_version_without_the_form_in_8_bits_is_served_in_32(
    model_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.analysis.classifier.has_int8_dot_product", lambda: True)
    manifest = json.loads((model_copy / "manifest.json").read_text())
    del manifest["files"]["model_int8.tflite"]
    (model_copy / "manifest.json").write_text(json.dumps(manifest))
    chosen = load_litert(model_copy)
    assert (chosen.file_name, chosen.runtime) == ("model.tflite", "litert")


def test_both_forms_answer_alike_on_real_faces(model_dir: Path, crops: Crops) -> None:
    whole, small = (load_lite(model_dir, is_int8=is_int8).predict(crops) for is_int8 in (False, True))
    assert (whole.argmax(axis=1) == small.argmax(axis=1)).all()
    assert np.abs(whole - small).max() < 0.05
