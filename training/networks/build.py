"""Builds the networks by name, from faces to logits; softmax and temperature are added on export.

Input: (N, side, side, 1), grey, 0 to 255, any float or integer type. Output: float32 (N, 7), logits in the order of EMOTIONS.
"""

from collections.abc import Callable
from dataclasses import dataclass

from db.core.vocabulary import CROP_SIDE, EMOTIONS, Architecture
from training.errors import RunError
from training.fit.runtime import keras
from training.networks.batch_norm import FusedBatchNormalization

layers = keras.layers

_REPORT_L2 = 1e-4
_BLOCK_END = "_second_norm"
"""The last layer of a residual block. With a gamma of zero the block is the identity."""


def build_network(architecture: Architecture, *, dropout: float = 0.3, is_learning: bool = False) -> "keras.Model":
    """Build the network with that name and new weights.

    dropout: share of features dropped before the last layer of the residual networks; the report's have their own. is_learning:
    whether to build it for fast training, or for storage; weights and results are the same.
    """
    builders: dict[Architecture, Callable[[], keras.Model]] = {
        Architecture.REPORT: _build_report,
        Architecture.REPORT_DENSE: _build_report_dense,
        Architecture.TINY: _build_tiny,
        Architecture.SMALL: lambda: _Residual(
            "small", is_learning, stem_kernel=5, stem_stride=2, blocks=(1, 1, 1, 1)
        ).build(dropout),
        Architecture.DEFAULT: lambda: _Residual("default", is_learning, blocks=(0, 1, 1, 1)).build(dropout),
        Architecture.LARGE: lambda: _Residual("large", is_learning, blocks=(1, 2, 2, 1)).build(dropout),
        Architecture.WIDE: lambda: _Residual(
            "wide", is_learning, blocks=(1, 2, 2, 1), widths=(64, 128, 256, 512)
        ).build(dropout),
    }
    return builders[architecture]()


def inherit_weights(network: "keras.Model", parent: "keras.Model") -> None:
    """Copy the weights of a larger network that has all layers of this one by name, or of a smaller one that this one extends by
    blocks.

    A residual block that only `network` has starts as the identity, so that results are the parent's at first (Chen et al. 2016,
    "Net2Net"). Raises RunError if a layer doesn't fit.
    """
    known = {layer.name: layer.get_weights() for layer in parent.layers if layer.weights}
    for layer in (layer for layer in network.layers if layer.weights):
        if layer.name not in known and _is_of_new_block(layer.name, network, parent):
            if layer.name.endswith(_BLOCK_END):
                layer.gamma.assign(keras.ops.zeros_like(layer.gamma))
            continue
        found = known.get(layer.name, [])
        if [values.shape for values in found] != [weight.shape for weight in layer.weights]:
            raise RunError(f"the version to start from is a {parent.name}, whose weights don't fit a {network.name}")
        layer.set_weights(found)


def _is_of_new_block(name: str, network: "keras.Model", parent: "keras.Model") -> bool:
    """Return whether a layer belongs to a residual block that `parent` lacks and that can be the identity: one without a
    shortcut.
    """
    block = "_".join(name.split("_")[:2]) + "_"
    is_known = any(layer.name.startswith(block) for layer in parent.layers)
    is_shortcut = any(layer.name.startswith(f"{block}shortcut") for layer in network.layers)
    return name.startswith("stage") and not is_known and not is_shortcut


def _report_trunk(faces: "keras.KerasTensor") -> "keras.KerasTensor":
    """The first layers of both of the report's networks: 48x48 in, 4x4x128 out."""
    x = layers.Rescaling(1 / 255)(faces)
    x = _report_conv(32, 3, "first")(x)
    x = _report_conv(64, 3, "second")(x)
    x = layers.MaxPooling2D(2)(x)
    x = _report_conv(128, 3, "third")(x)
    x = layers.MaxPooling2D(2)(x)
    x = _report_conv(128, 3, "fourth")(x)
    x = layers.MaxPooling2D(2)(x)
    return layers.Dropout(0.25)(x)


def _report_conv(filters: int, kernel: int, name: str) -> "keras.layers.Conv2D":
    l2 = keras.regularizers.L2(_REPORT_L2)
    return layers.Conv2D(filters, kernel, activation="relu", kernel_regularizer=l2, name=f"{name}_conv")


def _build_report() -> "keras.Model":
    """The network of the report's listing, layer by layer, including its ReLU before the softmax."""
    faces = keras.Input((CROP_SIDE, CROP_SIDE, 1), name="faces")
    x = _report_trunk(faces)
    x = _report_conv(len(EMOTIONS), 1, "fifth")(x)
    x = _report_conv(len(EMOTIONS), 4, "sixth")(x)
    return keras.Model(faces, layers.Flatten(dtype="float32")(x), name="report")


def _build_report_dense() -> "keras.Model":
    """The variant in the report's text: dense layers instead of the last two convolutions."""
    faces = keras.Input((CROP_SIDE, CROP_SIDE, 1), name="faces")
    x = layers.Flatten()(_report_trunk(faces))
    x = layers.Dense(1024, activation="relu", name="hidden")(x)
    x = layers.Dropout(0.25)(x)
    return keras.Model(faces, layers.Dense(len(EMOTIONS), dtype="float32", name="emotions")(x), name="report-dense")


def _build_tiny() -> "keras.Model":
    """Two convolutions with strides and a dense layer: 0.6 million multiplications per face."""
    faces = keras.Input((CROP_SIDE, CROP_SIDE, 1), name="faces")
    x = layers.Rescaling(1 / 127.5, offset=-1)(faces)
    x = layers.Conv2D(16, 6, strides=3, activation="relu", name="first_conv")(x)
    x = layers.Conv2D(32, 3, strides=2, activation="relu", name="second_conv")(x)
    x = layers.Dense(64, activation="relu", name="hidden")(layers.Flatten()(x))
    return keras.Model(faces, layers.Dense(len(EMOTIONS), dtype="float32", name="emotions")(x), name="tiny")


_NORM_MOMENTUM = 0.9
"""With Keras's default of 0.99, the running statistics of a run of some fifty steps would still be the initial ones, and
predictions random.
"""


@dataclass(frozen=True, slots=True)
class _Residual:
    """A residual network for any face size: a stem, then stages, each but the first with half the side of the previous one.

    `default` and `large` process every pixel; `small` every other one, in half the time of `default`. `large` contains the layers
    of `default` under the same names, so that it may start from their weights, and more; it is used as its teacher.
    """

    name: str
    is_learning: bool
    blocks: tuple[int, ...]
    stem_kernel: int = 3
    stem_stride: int = 1
    widths: tuple[int, ...] = (32, 64, 128, 256)

    def build(self, dropout: float) -> "keras.Model":
        faces = keras.Input((None, None, 1), name="faces")
        x = layers.Rescaling(1 / 127.5, offset=-1)(faces)
        x = self._conv_norm(x, self.widths[0], name="stem", kernel=self.stem_kernel, stride=self.stem_stride)
        for stage, (width, blocks) in enumerate(zip(self.widths, self.blocks, strict=True)):
            for block in range(blocks):
                x = self._block(x, width, name=f"stage{stage}_block{block}", stride=2 if stage and not block else 1)
        x = layers.GlobalAveragePooling2D()(x)
        x = layers.Dropout(dropout)(x)
        x = layers.Dense(len(EMOTIONS), dtype="float32", name="emotions")(x)
        return keras.Model(faces, x, name=self.name)

    def _block(self, x: "keras.KerasTensor", width: int, *, name: str, stride: int) -> "keras.KerasTensor":
        y = self._conv_norm(x, width, name=f"{name}_first", kernel=3, stride=stride)
        y = self._conv_norm(y, width, name=f"{name}_second", kernel=3, relu=False)
        if stride > 1:
            halved = layers.AveragePooling2D(2, padding="same")(x)
            x = self._conv_norm(halved, width, name=f"{name}_shortcut", kernel=1, relu=False)
        return layers.ReLU()(layers.Add()([x, y]))

    def _conv_norm(
        self, x: "keras.KerasTensor", filters: int, *, name: str, kernel: int, stride: int = 1, relu: bool = True
    ) -> "keras.KerasTensor":
        convolution = layers.Conv2D(
            filters, kernel, stride, "same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
        )
        norm = FusedBatchNormalization if self.is_learning else layers.BatchNormalization
        x = norm(momentum=_NORM_MOMENTUM, name=f"{name}_norm")(convolution(x))
        return layers.ReLU()(x) if relu else x
