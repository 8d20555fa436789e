"""Runs the LiteRT model of a version on arrays. No TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from training.errors import ArtifactError
from training.export.artifact import INPUT_NAME, INT8_FILE, TFLITE_FILE, verify_files


class LiteModel:
    """A .tflite model in memory."""

    def __init__(self, content: bytes | Path, *, threads: int = 1) -> None:
        """Load it from bytes or a file that the caller has checked. threads: cores per call."""
        source: dict[str, Any] = (
            {"model_path": str(content)} if isinstance(content, Path) else {"model_content": content}
        )
        interpreter = Interpreter(**source, num_threads=threads)
        self._runner = interpreter.get_signature_runner()

    def predict(self, crops: npt.NDArray[np.uint8], *, batch_size: int = 16) -> npt.NDArray[np.float32]:
        """Return the probabilities, float32 (N, 7), of uint8 crops (N, 48, 48)."""
        batches = (crops[start : start + batch_size, ..., None] for start in range(0, len(crops), batch_size))
        outputs = [next(iter(self._runner(**{INPUT_NAME: batch}).values())).copy() for batch in batches]
        return np.concatenate(outputs) if outputs else np.empty((0, 7), np.float32)


def load_lite(artifact_dir: Path, *, threads: int = 1, is_int8: bool = False) -> LiteModel:
    """Check a version's files, and load its LiteRT model.

    is_int8: load the int8 model instead of the float32 model, which gives the same results on every machine. Raises
    ArtifactError, also for a version without an int8 model.
    """
    manifest = verify_files(artifact_dir)
    name = INT8_FILE if is_int8 else TFLITE_FILE
    if name not in manifest.files:
        raise ArtifactError("this version has no int8 model")
    return LiteModel(artifact_dir / name, threads=threads)
