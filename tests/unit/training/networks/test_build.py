from typing import Any

import numpy as np
import pytest

from db.core.vocabulary import Architecture
from tests.support.networks import CROPS
from training.errors import RunError
from training.fit.runtime import keras
from training.networks.build import build_network, inherit_weights


def list_report_layers(network: keras.Model) -> list[tuple[str, Any]]:
    """Kind and size of every layer with weights, and of the pools and dropouts between them."""
    kinds = {"Conv2D": "filters", "Dense": "units", "MaxPooling2D": "pool_size", "Dropout": "rate"}
    found = [(type(layer).__name__, layer) for layer in network.layers]
    return [(kind, getattr(layer, kinds[kind])) for kind, layer in found if kind in kinds]


def test_report_network_is_the_reports_listing() -> None:
    network = build_network(Architecture.REPORT)
    assert list_report_layers(network) == [
        ("Conv2D", 32), ("Conv2D", 64), ("MaxPooling2D", (2, 2)), ("Conv2D", 128), ("MaxPooling2D", (2, 2)),
        ("Conv2D", 128), ("MaxPooling2D", (2, 2)), ("Dropout", 0.25), ("Conv2D", 7), ("Conv2D", 7),
    ]  # fmt: skip
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.kernel_size[0] for layer in convolutions] == [3, 3, 3, 3, 1, 4]
    assert all(layer.activation is keras.activations.relu for layer in convolutions)
    assert all(float(layer.kernel_regularizer.l2) == pytest.approx(1e-4) for layer in convolutions)


def test_dense_variant_ends_in_dense_layers_with_two_dropouts() -> None:
    layers = list_report_layers(build_network(Architecture.REPORT_DENSE))
    assert layers[-4:] == [("Dropout", 0.25), ("Dense", 1024), ("Dropout", 0.25), ("Dense", 7)]


def test_default_network_is_small() -> None:
    assert build_network(Architecture.DEFAULT).count_params() * 4 < 10_000_000


def test_default_inherits_the_layers_that_it_shares_with_a_large_network() -> None:
    large, default = build_network(Architecture.LARGE), build_network(Architecture.DEFAULT)
    inherit_weights(default, large)
    shared = [layer for layer in default.layers if layer.weights]
    assert shared
    for layer in shared:
        for found, expected in zip(layer.get_weights(), large.get_layer(layer.name).get_weights(), strict=True):
            assert np.array_equal(found, expected)
    # the first layers are the same, so what follows the stem in `default` sees what it saw in `large`
    stems = [keras.Model(network.input, network.get_layer("stem_norm").output) for network in (large, default)]
    seen, expected = (np.asarray(stem(CROPS[:2, ..., None].astype(np.float32))) for stem in stems)
    np.testing.assert_allclose(seen, expected, atol=1e-5)


def test_a_larger_network_answers_as_the_smaller_one_it_grew_from() -> None:
    default, large = build_network(Architecture.DEFAULT), build_network(Architecture.LARGE)
    before = np.asarray(large(CROPS[:4, ..., None].astype(np.float32)))
    inherit_weights(large, default)
    smaller, larger = (np.asarray(network(CROPS[:4, ..., None].astype(np.float32))) for network in (default, large))
    np.testing.assert_allclose(smaller, larger, atol=1e-4)
    assert np.abs(larger - before).max() > 1e-2  # fresh weights would answer something else
    assert large.get_layer("stage1_block1_first_conv").get_weights()[0].std() > 0  # what is new can learn


@pytest.mark.parametrize("architecture", Architecture)
def test_a_network_inherits_every_weight_of_its_like(architecture: Architecture) -> None:
    parent, child = build_network(architecture), build_network(architecture)
    inherit_weights(child, parent)
    for found, expected in zip(child.get_weights(), parent.get_weights(), strict=True):
        assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("large", "small"),
        ("small", "default"),
        ("wide", "default"),
        ("default", "report"),
        ("report", "report-dense"),
        ("report", "tiny"),
    ],
)
def test_weights_that_do_not_fit_are_refused(parent: str, child: str) -> None:
    old, new = build_network(Architecture(parent)), build_network(Architecture(child))
    with pytest.raises(RunError, match=f"is a {parent}, whose weights don't fit a {child}"):
        inherit_weights(new, old)
