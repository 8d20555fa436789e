"""The LiteRT form of a model version, run on arrays. No TensorFlow."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from training.errors import ArtifactError
from training.export.artifact import INPUT_NAME, INT8_FILE, TFLITE_FILE, verify_files


class LiteModel:
    """A .tflite file in memory."""

    def __init__(self, content: bytes | Path, *, threads: int = 1) -> None:
        """Load it from bytes or a file that the caller has checked. threads: cores that one call may use."""
        source: dict[str, Any] = (
            {"model_path": str(content)} if isinstance(content, Path) else {"model_content": content}
        )
        interpreter = Interpreter(**source, num_threads=threads)
        self._runner = interpreter.get_signature_runner()

    def predict(self, crops: npt.NDArray[np.uint8], *, batch_size: int = 16) -> npt.NDArray[np.float32]:
        """Probabilities, float32 (N, 7), of uint8 crops (N, 48, 48)."""
        batches = (crops[start : start + batch_size, ..., None] for start in range(0, len(crops), batch_size))
        outputs = [next(iter(self._runner(**{INPUT_NAME: batch}).values())).copy() for batch in batches]
        return np.concatenate(outputs) if outputs else np.empty((0, 7), np.float32)


def load_lite(artifact_dir: Path, *, threads: int = 1, is_int8: bool = False) -> LiteModel:
    """Check a version's files, and load its LiteRT form.

    is_int8: the form in 8 bits in place of the one in 32, which answers alike on every machine.
    Raises ArtifactError, also for a version without the form in 8 bits.
    """
    manifest = verify_files(artifact_dir)
    name = INT8_FILE if is_int8 else TFLITE_FILE
    if name not in manifest.files:
        raise ArtifactError("this version has no int8 form")
    return LiteModel(artifact_dir / name, threads=threads)
