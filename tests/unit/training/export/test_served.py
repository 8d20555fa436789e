from pathlib import Path

import numpy as np
import pytest

from db.core.vocabulary import Architecture
from tests.support.networks import CROPS, build_quick_network
from training.errors import ArtifactError
from training.export.lite import LiteModel
from training.export.served import build_served, convert_to_tflite, find_network, load_keras, predict
from training.fit.runtime import keras
from training.networks.build import build_network

LARGE = {Architecture.SMALL, Architecture.LARGE, Architecture.WIDE}
"""They take most of the time, and are built of the same layers as `default`."""


@pytest.mark.parametrize(
    ("architecture", "flip"),
    [
        (Architecture.TINY, False),
        *(
            pytest.param(architecture, True, marks=[pytest.mark.long] if architecture in LARGE else [])
            for architecture in Architecture
        ),
    ],
)
def test_both_runtimes_answer_alike_at_every_batch_size(architecture: Architecture, flip: bool, tmp_path: Path) -> None:
    keras.utils.set_random_seed(3)
    served = build_served(build_network(architecture), temperature=0.7, flip=flip)
    served.save(tmp_path / "model.keras")
    expected = predict(served, CROPS)
    assert expected.shape == (16, 7)
    assert np.allclose(expected.sum(axis=1), 1, atol=1e-5)
    lite = LiteModel(convert_to_tflite(served))
    for batch_size in (1, 4, 16):
        assert np.allclose(lite.predict(CROPS, batch_size=batch_size), expected, atol=1e-5)


def test_a_network_of_smaller_faces_sees_them_as_in_training() -> None:
    from training.fit.loop import make_predictor

    network = build_quick_network()
    served = build_served(network, temperature=1.0, flip=False, input_size=32)
    logits = make_predictor(network, 32)(CROPS)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(predict(served, CROPS), shares, atol=1e-4)
    assert np.allclose(LiteModel(convert_to_tflite(served)).predict(CROPS), shares, atol=1e-4)


def test_mirrored_version_gives_a_face_and_its_mirror_image_the_same_answer() -> None:
    served = build_served(build_network(Architecture.TINY), temperature=1.0, flip=True)
    assert np.allclose(predict(served, CROPS), predict(served, CROPS[:, :, ::-1]), atol=1e-5)


def test_framings_are_averaged_nearer_without_the_border_and_farther_with_it_repeated() -> None:
    network = build_quick_network()
    served = build_served(network, temperature=1.0, flip=False, input_size=40, crop_scales=(42, 48, 52))
    nearer, farther = CROPS[:, 3:-3, 3:-3], np.pad(CROPS, ((0, 0), (2, 2), (2, 2)), mode="symmetric")
    views = [keras.layers.Resizing(40, 40)(view[..., None].astype(np.float32)) for view in (nearer, CROPS, farther)]
    logits = sum(np.asarray(network(view, training=False)) for view in views) / 3
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(predict(served, CROPS), shares, atol=1e-5)
    assert np.allclose(LiteModel(convert_to_tflite(served)).predict(CROPS), shares, atol=1e-4)


def test_a_view_more_adds_no_weights_to_either_file(tmp_path: Path) -> None:
    network = build_quick_network()
    sizes = []
    for crop_scales in ((48,), (42, 48, 52)):
        served = build_served(network, temperature=1.0, flip=False, crop_scales=crop_scales)
        served.save(tmp_path / "model.keras")
        sizes.append((tmp_path / "model.keras").stat().st_size + len(convert_to_tflite(served)))
    assert sizes[1] < 1.1 * sizes[0]


def test_temperature_flattens_answers_and_keeps_their_order() -> None:
    network = build_quick_network()
    sharp, flat = (predict(build_served(network, temperature=t, flip=False), CROPS) for t in (0.5, 4.0))
    assert np.array_equal(sharp.argsort(axis=1), flat.argsort(axis=1))
    assert (sharp.max(axis=1) > flat.max(axis=1)).all()


def test_a_loaded_version_gives_its_network_back(tmp_path: Path) -> None:
    from training.export.artifact import record_file

    network = build_network(Architecture.REPORT)
    build_served(network, temperature=1.3, flip=True).save(tmp_path / "model.keras")
    loaded = load_keras(tmp_path / "model.keras", record_file(tmp_path / "model.keras").sha256)
    for before, after in zip(network.get_weights(), find_network(loaded).get_weights(), strict=True):
        assert np.array_equal(before, after)
    with pytest.raises(ArtifactError, match="0 networks"):
        find_network(network)
