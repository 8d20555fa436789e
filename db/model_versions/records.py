"""Parts of a manifest that serving a version needs. Without pydantic, whose import and models take a tenth of a second."""

from dataclasses import dataclass

from db.core.vocabulary import EMOTIONS

KERAS_FILE = "model.keras"
HISTORY_FILE = "history.json"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Digest (hex) and size of one file of a version."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class VoteCalibration:
    """Converts probabilities to vote shares: softmax of scale times their logarithm plus an offset per class."""

    scale: float
    offsets: tuple[float, ...] = (0.0,) * len(EMOTIONS)
