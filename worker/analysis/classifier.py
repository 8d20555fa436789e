"""Classifies crops with one of two runtimes behind a common interface."""

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import CROP_SIDE, EMOTIONS
from db.model_versions.records import KERAS_FILE, FileRecord, VoteCalibration
from training.errors import ArtifactDamagedError
from training.export.artifact import INT8_FILE, TFLITE_FILE, read_served, verify_file
from training.export.processor import has_int8_dot_product
from training.export.vote_shares import compute_vote_shares
from worker.core.gpus import list_shared_gpus, takes_gpu

Crops = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
Runtime = Literal["auto", "litert", "tensorflow"]


class Classifier(ABC):
    """A loaded model version. Not thread-safe."""

    runtime: str
    """Runtime and form of the network: `litert`, `litert-int8` or `tensorflow`. Stored with each face."""
    batch_sizes: ClassVar[tuple[int, ...]]
    """Batch sizes of the model, ascending; the last batch is padded to the next size."""

    vote_calibration = VoteCalibration(1.0)
    """Converts this version's probabilities to vote shares."""

    @abstractmethod
    def load(self, artifact_dir: Path) -> None:
        """Load a version's manifest and model after checking the model's digest.

        Raises training.errors.ArtifactError, or ArtifactDamagedError if the file's digest differs from the manifest.
        """

    def warm(self) -> None:
        """Run every batch size once, so that the first photo isn't slower."""
        for size in self.batch_sizes:
            self.classify(np.zeros((size, CROP_SIDE, CROP_SIDE), np.uint8))

    def classify(self, crops: Crops) -> Probabilities:
        """Classify crops.

        crops: uint8 (N, 48, 48), grey; N may be 0. Returns float32 (N, 7), calibrated, in the order of EMOTIONS, each row summing
        to 1.
        """
        probabilities = np.empty((len(crops), len(EMOTIONS)), np.float32)
        start = 0
        while start < len(crops):
            left = len(crops) - start
            size = next((size for size in self.batch_sizes if size >= left), self.batch_sizes[-1])
            batch = crops[start : start + size]
            filled = np.zeros((size, CROP_SIDE, CROP_SIDE, 1), np.uint8)
            filled[: len(batch), ..., 0] = batch
            probabilities[start : start + len(batch)] = self._classify_batch(filled)[: len(batch)]
            start += len(batch)
        return probabilities

    def share_votes(self, probabilities: Probabilities) -> Probabilities:
        """Return the estimated share of people who would choose each emotion, float32 (N, 7), for this version's probabilities."""
        return compute_vote_shares(probabilities, self.vote_calibration)

    @abstractmethod
    def _classify_batch(self, batch: Crops) -> Probabilities:
        """Classify one batch: uint8 (S, 48, 48, 1), S being one of the batch sizes, to float32 (S, 7)."""


class LiteRTClassifier(Classifier):
    """Runs a .tflite file on one core. Small, and ready in a fraction of a second. For CPU workers.

    Uses the version's int8 model if it has one, the processor is fast with 8 bits, and `allows_int8`.
    """

    batch_sizes: ClassVar[tuple[int, ...]] = (1,)
    """On a CPU, larger batches only cost memory: 1.6 ms per face alone and in batches of 16 (network `report`, measured)."""

    def __init__(self, *, allows_int8: bool = True) -> None:
        self._allows_int8 = allows_int8
        self.runtime, self.file_name = "litert", TFLITE_FILE

    def load(self, artifact_dir: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        # Loaded from memory: LiteRT would map a file, and later changes to the file would change results.
        version = read_served(artifact_dir)
        self.vote_calibration = version.vote_calibration
        if INT8_FILE in version.files and self._allows_int8 and has_int8_dot_product():
            self.runtime, self.file_name = "litert-int8", INT8_FILE
        content = _read_model_file(artifact_dir / self.file_name, version.files[self.file_name])
        self._interpreter: Any = Interpreter(model_content=content, num_threads=1)
        self._input_index = self._interpreter.get_input_details()[0]["index"]
        self._output_index = self._interpreter.get_output_details()[0]["index"]
        self._interpreter.resize_tensor_input(self._input_index, [1, CROP_SIDE, CROP_SIDE, 1])
        self._interpreter.allocate_tensors()

    def _classify_batch(self, batch: Crops) -> Probabilities:
        self._interpreter.set_tensor(self._input_index, batch)
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self._output_index), np.float32)


class TensorFlowClassifier(Classifier):
    """Runs the .keras file with TensorFlow, on a GPU if there is one."""

    runtime = "tensorflow"
    batch_sizes: ClassVar[tuple[int, ...]] = (1, 4, 16, 64)
    """Each size is a separate trace of the function; a few cover a portrait, a family and a class."""

    def load(self, artifact_dir: Path) -> None:
        version = read_served(artifact_dir)
        self.vote_calibration = version.vote_calibration
        path = artifact_dir / KERAS_FILE
        verify_file(path, version.files[KERAS_FILE].sha256)
        from training.fit.runtime import keras, tf

        list_shared_gpus()
        model = keras.saving.load_model(path, compile=False, safe_mode=True)

        # `model.predict` takes 35 ms per face and leaks memory; a traced function takes 1.3 ms.
        self._run_model: Any = tf.function(lambda batch: model(batch, training=False), autograph=False)

    def _classify_batch(self, batch: Crops) -> Probabilities:
        return np.asarray(self._run_model(batch), np.float32)


def load_classifier(artifact_dir: Path, runtime: Runtime = "auto", *, allows_int8: bool = True) -> Classifier:
    """Load the model version in a folder after checking its digest.

    runtime: "auto" uses TensorFlow if it is installed and a GPU is available, else LiteRT.
    allows_int8: whether LiteRT may use the int8 model on a processor that is fast with 8 bits. Its probabilities differ
    slightly.
    Raises ValueError for an unknown runtime, ImportError if its package isn't installed, and what `Classifier.load` raises.
    """
    if runtime not in get_args(Runtime):
        raise ValueError(f"The runtime must be one of {', '.join(get_args(Runtime))}, not {runtime!r}.")
    takes_tensorflow = runtime == "tensorflow" or takes_gpu(runtime)
    classifier = TensorFlowClassifier() if takes_tensorflow else LiteRTClassifier(allows_int8=allows_int8)
    classifier.load(artifact_dir)
    return classifier


def _read_model_file(path: Path, record: FileRecord) -> bytes:
    """Read a file of a version and check its digest. Raises ArtifactDamagedError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactDamagedError(f"{path} can't be read: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != record.sha256:
        raise ArtifactDamagedError(f"{path} is damaged: its SHA-256 is {found}, not {record.sha256}")
    return content
