import numpy as np
import pytest

from db.core.vocabulary import Architecture
from training.errors import ArtifactError, RunError
from training.export.lite import LiteModel
from training.export.served import build_served, convert_to_tflite, find_network, load_keras, predict
from training.fit.runtime import keras
from training.networks.build import build_network, inherit_weights

CROPS = np.random.default_rng(5).integers(0, 256, (16, 48, 48), np.uint8)


def list_report_layers(network):
    """Kind and size of every layer with weights, and of the pools and dropouts between them."""
    kinds = {"Conv2D": "filters", "Dense": "units", "MaxPooling2D": "pool_size", "Dropout": "rate"}
    found = [(type(layer).__name__, layer) for layer in network.layers]
    return [(kind, getattr(layer, kinds[kind])) for kind, layer in found if kind in kinds]


def test_report_network_is_the_reports_listing():
    network = build_network(Architecture.REPORT)
    assert list_report_layers(network) == [
        ("Conv2D", 32), ("Conv2D", 64), ("MaxPooling2D", (2, 2)), ("Conv2D", 128), ("MaxPooling2D", (2, 2)),
        ("Conv2D", 128), ("MaxPooling2D", (2, 2)), ("Dropout", 0.25), ("Conv2D", 7), ("Conv2D", 7),
    ]  # fmt: skip
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.kernel_size[0] for layer in convolutions] == [3, 3, 3, 3, 1, 4]
    assert all(layer.activation is keras.activations.relu for layer in convolutions)
    assert all(float(layer.kernel_regularizer.l2) == pytest.approx(1e-4) for layer in convolutions)


def test_dense_variant_ends_in_dense_layers_with_two_dropouts():
    layers = list_report_layers(build_network(Architecture.REPORT_DENSE))
    assert layers[-4:] == [("Dropout", 0.25), ("Dense", 1024), ("Dropout", 0.25), ("Dense", 7)]


@pytest.mark.parametrize("architecture", Architecture)
@pytest.mark.parametrize("mirrored", [False, True])
def test_both_runtimes_answer_alike_at_every_batch_size(architecture, mirrored, tmp_path):
    keras.utils.set_random_seed(3)
    served = build_served(build_network(architecture), temperature=0.7, mirrored=mirrored)
    served.save(tmp_path / "model.keras")
    expected = predict(served, CROPS)
    assert expected.shape == (16, 7)
    assert np.allclose(expected.sum(axis=1), 1, atol=1e-5)
    lite = LiteModel(convert_to_tflite(served))
    for batch_size in (1, 4, 16):
        assert np.allclose(lite.predict(CROPS, batch_size=batch_size), expected, atol=1e-5)


def test_a_network_of_smaller_faces_sees_them_as_in_training():
    from training.fit.loop import make_predictor

    network = build_network(Architecture.DEFAULT)
    served = build_served(network, temperature=1.0, mirrored=False, side=32)
    logits = make_predictor(network, 32)(CROPS)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(predict(served, CROPS), shares, atol=1e-4)
    assert np.allclose(LiteModel(convert_to_tflite(served)).predict(CROPS), shares, atol=1e-4)


def test_mirrored_version_gives_a_face_and_its_mirror_image_the_same_answer():
    served = build_served(build_network(Architecture.DEFAULT), temperature=1.0, mirrored=True)
    assert np.allclose(predict(served, CROPS), predict(served, CROPS[:, :, ::-1]), atol=1e-5)


def test_framings_are_averaged_nearer_without_the_border_and_farther_with_it_repeated():
    network = build_network(Architecture.DEFAULT)
    served = build_served(network, temperature=1.0, mirrored=False, side=40, framings=(42, 48, 52))
    nearer, farther = CROPS[:, 3:-3, 3:-3], np.pad(CROPS, ((0, 0), (2, 2), (2, 2)), mode="symmetric")
    views = [keras.layers.Resizing(40, 40)(view[..., None].astype(np.float32)) for view in (nearer, CROPS, farther)]
    logits = sum(np.asarray(network(view, training=False)) for view in views) / 3
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(predict(served, CROPS), shares, atol=1e-5)
    assert np.allclose(LiteModel(convert_to_tflite(served)).predict(CROPS), shares, atol=1e-4)


def test_a_view_more_adds_no_weights_to_either_file(tmp_path):
    network = build_network(Architecture.DEFAULT)
    sizes = []
    for framings in ((48,), (42, 48, 52)):
        served = build_served(network, temperature=1.0, mirrored=True, framings=framings)
        served.save(tmp_path / "model.keras")
        sizes.append((tmp_path / "model.keras").stat().st_size + len(convert_to_tflite(served)))
    assert sizes[1] < 1.1 * sizes[0]


def test_temperature_flattens_answers_and_keeps_their_order():
    network = build_network(Architecture.DEFAULT)
    sharp, flat = (predict(build_served(network, temperature=t, mirrored=False), CROPS) for t in (0.5, 4.0))
    assert np.array_equal(sharp.argsort(axis=1), flat.argsort(axis=1))
    assert (sharp.max(axis=1) > flat.max(axis=1)).all()


def test_default_network_is_small():
    assert build_network(Architecture.DEFAULT).count_params() * 4 < 10_000_000


def test_default_inherits_the_layers_that_it_shares_with_a_large_network():
    large, default = build_network(Architecture.LARGE), build_network(Architecture.DEFAULT)
    inherit_weights(default, large)
    shared = [layer for layer in default.layers if layer.weights]
    assert shared
    for layer in shared:
        for found, expected in zip(layer.get_weights(), large.get_layer(layer.name).get_weights(), strict=True):
            assert np.array_equal(found, expected)
    # the first layers are the same, so what follows the stem in `default` sees what it saw in `large`
    stems = [keras.Model(network.input, network.get_layer("stem_norm").output) for network in (large, default)]
    seen = [np.asarray(stem(CROPS[:2, ..., None].astype(np.float32))) for stem in stems]
    np.testing.assert_allclose(*seen, atol=1e-5)


@pytest.mark.parametrize("architecture", Architecture)
def test_a_network_inherits_every_weight_of_its_like(architecture):
    parent, child = build_network(architecture), build_network(architecture)
    inherit_weights(child, parent)
    for found, expected in zip(child.get_weights(), parent.get_weights(), strict=True):
        assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("default", "large"),
        ("large", "small"),
        ("small", "default"),
        ("wide", "default"),
        ("default", "report"),
        ("report", "report-dense"),
        ("report", "tiny"),
    ],
)
def test_weights_that_do_not_fit_are_refused(parent, child):
    parent, child = build_network(Architecture(parent)), build_network(Architecture(child))
    with pytest.raises(RunError, match=f"is a {parent.name}, whose weights don't fit a {child.name}"):
        inherit_weights(child, parent)


def test_a_loaded_version_gives_its_network_back(tmp_path):
    from training.export.artifact import record_file

    network = build_network(Architecture.REPORT)
    build_served(network, temperature=1.3, mirrored=True).save(tmp_path / "model.keras")
    loaded = load_keras(tmp_path / "model.keras", record_file(tmp_path / "model.keras").sha256)
    for before, after in zip(network.get_weights(), find_network(loaded).get_weights(), strict=True):
        assert np.array_equal(before, after)
    with pytest.raises(ArtifactError, match="0 networks"):
        find_network(network)
