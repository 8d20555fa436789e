"""Builds the served model from a trained network: crops in, calibrated probabilities out, for TensorFlow and LiteRT.

Both take uint8 crops (N, 48, 48, 1) named `crops`, N free, and return float32 (N, 7) summing to 1 in the order of EMOTIONS.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import CROP_SIDE
from db.model_versions.records import KERAS_FILE
from training.errors import ArtifactError
from training.export.artifact import INPUT_DTYPE, INPUT_NAME, INPUT_SHAPE, read_manifest, verify_file
from training.export.lite import LiteModel
from training.fit.runtime import keras, tf
from training.networks.build import build_network
from training.networks.conditions import ConditionWeights, scale_logits
from training.networks.normalize import normalize_faces

_PARITY = 1e-4
"""Maximum difference of a probability between the two; both compute in float32, in different order."""


def build_served(
    network: "keras.Model",
    *,
    temperature: float,
    flip: bool,
    input_size: int = CROP_SIDE,
    crop_scales: tuple[int, ...] = (CROP_SIDE,),
    normalized: bool = False,
    conditions: ConditionWeights | None = None,
) -> "keras.Model":
    """Add averaging, temperature and softmax to a network, in one model without an optimizer.

    flip: whether the mirror image is averaged too.
    input_size: input size of the network, in pixels; crops are resized to it by bilinear interpolation.
    crop_scales: sides of the squares to average, see Recipe.
    normalized: whether low-contrast crops are stretched first. Logits are averaged over crop scales and mirror images.
    """
    crops = keras.Input(INPUT_SHAPE[1:], name=INPUT_NAME, dtype=INPUT_DTYPE)
    faces = keras.ops.cast(crops, "float32")
    if normalized:
        faces = normalize_faces(faces)
    views = [_show_at(faces, crop_scale, input_size) for crop_scale in crop_scales]
    if flip:
        views += [keras.ops.flip(view, axis=2) for view in views]
    answers = [network(view, training=False) for view in views]
    logits = keras.layers.Average(name="views")(answers) if len(answers) > 1 else answers[0]
    scaled = keras.layers.Rescaling(1 / temperature, name="temperature")(logits)
    if conditions is not None:
        scaled = scale_logits(scaled, faces, conditions)
    return keras.Model(crops, keras.layers.Softmax(name="probabilities")(scaled), name="served")


def _show_at(faces: "keras.KerasTensor", crop_scale: int, input_size: int) -> "keras.KerasTensor":
    """Return the centred square of that side of each crop, with repeated borders if it is larger, at the network's input size."""
    margin = (crop_scale - CROP_SIDE) // 2
    if margin < 0:
        faces = keras.layers.Cropping2D(-margin)(faces)
    elif margin > 0:
        faces = keras.ops.pad(faces, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="symmetric")
    return faces if input_size == crop_scale else keras.layers.Resizing(input_size, input_size)(faces)


def find_network(served: "keras.Model") -> "keras.Model":
    """Return the trained network inside a served model. Raises ArtifactError if there isn't exactly one."""
    networks = [layer for layer in served.layers if isinstance(layer, keras.Model)]
    if len(networks) != 1:
        raise ArtifactError(f"the model holds {len(networks)} networks in place of one")
    return networks[0]


def load_keras(path: Path, sha256: str) -> "keras.Model":
    """Load a .keras file after checking its digest. Code inside it is refused.

    Raises ArtifactDamagedError if the file is missing or differs.
    """
    verify_file(path, sha256)
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def load_network(path: Path, sha256: str) -> "keras.Model":
    """Return the trained network of a .keras file. Raises ArtifactError as load_keras and find_network do."""
    return find_network(load_keras(path, sha256))


def rebuild_network(artifact_dir: Path) -> "keras.Model":
    """Return the trained network of a version's folder, rebuilt in the current precision.

    Raises ArtifactError as read_manifest and load_network do.
    """
    manifest = read_manifest(artifact_dir)
    network = build_network(manifest.network)
    stored = load_network(artifact_dir / KERAS_FILE, manifest.files[KERAS_FILE].sha256)
    network.set_weights(stored.get_weights())
    return network


def convert_to_tflite(served: "keras.Model") -> bytes:
    """Convert a served model to LiteRT. Raises ArtifactError if its results differ."""
    content = _convert(served)
    crops = np.random.default_rng(0).integers(0, 256, (16, *INPUT_SHAPE[1:3]), np.uint8)
    difference = float(np.abs(LiteModel(content).predict(crops) - predict(served, crops)).max())
    if difference > _PARITY:
        raise ArtifactError(f"the LiteRT model differs by {difference:.2g} in a probability")
    return content


def convert_to_int8(served: "keras.Model", *, temperature: float | None = None) -> bytes:
    """Convert to LiteRT with weights in 8 bits. temperature: replaces that of the served model, which is unchanged."""
    layer = served.get_layer("temperature")
    before = layer.scale
    try:
        layer.scale = before if temperature is None else 1 / temperature
        return _convert(served, [tf.lite.Optimize.DEFAULT])
    finally:
        layer.scale = before


def _convert(served: "keras.Model", optimizations: Sequence["tf.lite.Optimize"] = ()) -> bytes:
    with tempfile.TemporaryDirectory(prefix="emoscope-export-") as folder:
        signature = [keras.InputSpec(shape=INPUT_SHAPE, dtype=INPUT_DTYPE, name=INPUT_NAME)]
        served.export(folder, verbose=False, input_signature=signature)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = list(optimizations)
        return bytes(converter.convert())


def predict(served: "keras.Model", crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the probabilities, float32 (N, 7), of uint8 crops (N, 48, 48), by TensorFlow."""
    return np.asarray(served(tf.constant(crops[..., None]), training=False))
