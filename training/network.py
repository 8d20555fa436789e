"""The networks, by name. Each is faces in, logits out; softmax and temperature are added when a version is exported.

Input: (N, side, side, 1), grey, 0 to 255, any float or integer type. Output: float32 (N, 7), logits in the vocabulary's order.
"""

from collections.abc import Callable

from db.vocabulary import CROP_SIDE, EMOTIONS, Architecture
from training.runtime import keras

layers = keras.layers

_REPORT_L2 = 1e-4


def build_network(architecture: Architecture, *, dropout: float = 0.3) -> "keras.Model":
    """Make the network of that name with fresh weights.

    dropout: share of features dropped before the last layer of `default`; the report's networks have their own.
    """
    builders: dict[Architecture, Callable[[], keras.Model]] = {
        Architecture.REPORT: _build_report,
        Architecture.REPORT_DENSE: _build_report_dense,
        Architecture.DEFAULT: lambda: _build_default(dropout),
    }
    return builders[architecture]()


def _report_trunk(faces: "keras.KerasTensor") -> "keras.KerasTensor":
    """The layers that both of the report's networks start with: 48x48 in, 4x4x128 out."""
    x = layers.Rescaling(1 / 255)(faces)
    x = _report_conv(32, 3)(x)
    x = _report_conv(64, 3)(x)
    x = layers.MaxPooling2D(2)(x)
    x = _report_conv(128, 3)(x)
    x = layers.MaxPooling2D(2)(x)
    x = _report_conv(128, 3)(x)
    x = layers.MaxPooling2D(2)(x)
    return layers.Dropout(0.25)(x)


def _report_conv(filters: int, kernel: int) -> "keras.layers.Conv2D":
    return layers.Conv2D(filters, kernel, activation="relu", kernel_regularizer=keras.regularizers.L2(_REPORT_L2))


def _build_report() -> "keras.Model":
    """The report's listing, layer by layer, with the ReLU that it has before the softmax."""
    faces = keras.Input((CROP_SIDE, CROP_SIDE, 1), name="faces")
    x = _report_trunk(faces)
    x = _report_conv(len(EMOTIONS), 1)(x)
    x = _report_conv(len(EMOTIONS), 4)(x)
    return keras.Model(faces, layers.Flatten(dtype="float32")(x), name="report")


def _build_report_dense() -> "keras.Model":
    """The variant that the report's text describes: dense layers in place of the last two convolutions."""
    faces = keras.Input((CROP_SIDE, CROP_SIDE, 1), name="faces")
    x = layers.Flatten()(_report_trunk(faces))
    x = layers.Dense(1024, activation="relu")(x)
    x = layers.Dropout(0.25)(x)
    return keras.Model(faces, layers.Dense(len(EMOTIONS), dtype="float32")(x), name="report-dense")


_STAGE_WIDTHS = (32, 64, 128, 256)
_BLOCKS_A_STAGE = (1, 1, 1, 1)
_NORM_MOMENTUM = 0.9
"""With Keras's own 0.99 a run of some fifty steps answers by chance: its running statistics are still those of the start."""


def _build_default(dropout: float) -> "keras.Model":
    """A small residual network for any face size: a strided stem, then four stages, each half the side of the one before."""
    faces = keras.Input((None, None, 1), name="faces")
    x = layers.Rescaling(1 / 127.5, offset=-1)(faces)
    x = _conv_norm(x, _STAGE_WIDTHS[0], kernel=5, stride=2)
    for stage, (width, blocks) in enumerate(zip(_STAGE_WIDTHS, _BLOCKS_A_STAGE, strict=True)):
        for block in range(blocks):
            x = _residual_block(x, width, stride=2 if stage and not block else 1)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    return keras.Model(faces, layers.Dense(len(EMOTIONS), dtype="float32")(x), name="default")


def _conv_norm(
    x: "keras.KerasTensor", filters: int, *, kernel: int, stride: int = 1, relu: bool = True
) -> "keras.KerasTensor":
    x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization(momentum=_NORM_MOMENTUM)(x)
    return layers.ReLU()(x) if relu else x


def _residual_block(x: "keras.KerasTensor", width: int, *, stride: int) -> "keras.KerasTensor":
    y = _conv_norm(x, width, kernel=3, stride=stride)
    y = _conv_norm(y, width, kernel=3, relu=False)
    if stride > 1:
        x = _conv_norm(layers.AveragePooling2D(2, padding="same")(x), width, kernel=1, relu=False)
    return layers.ReLU()(layers.Add()([x, y]))
