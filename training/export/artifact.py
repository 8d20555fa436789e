"""A model version on disk: a folder with `manifest.json` and the files that it names.

Runs without TensorFlow, so that workers and the service can check a version before they load it.

| file            | what it is                                                                       |
| manifest.json   | class order, input, digests of the files below, metrics, lineage                 |
| model.keras     | the network with rescaling, averaging and temperature inside; to train on, and for GPUs |
| model.tflite    | the same weights for CPUs                                                        |
| model_int8.tflite | the same in 8 bits, for processors that are quick in them; some versions lack it |
| model_card.md   | what it is good for, and what not                                                |
| history.json    | the curves of its training                                                       |
| validation_pictures.txt | digests of the pictures that its run held out; versions of earlier releases lack it |
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from db.core.vocabulary import CROP_SIDE, EMOTIONS, OLD_PRETRAINED_NAMES, PRETRAINED_CHAMPION, Architecture
from training.errors import ArtifactDamagedError, ArtifactError
from training.evaluation.documents import VersionMetrics
from training.old_words import translate_manifest

SCHEMA_VERSION = 3
_READABLE = (1, 2, SCHEMA_VERSION)
MANIFEST = "manifest.json"
KERAS_FILE = "model.keras"
TFLITE_FILE = "model.tflite"
INT8_FILE = "model_int8.tflite"
CARD_FILE = "model_card.md"
HISTORY_FILE = "history.json"
VALIDATION_FILE = "validation_pictures.txt"
REQUIRED_FILES = (KERAS_FILE, TFLITE_FILE, CARD_FILE, HISTORY_FILE)

INPUT_NAME = "crops"
INPUT_DTYPE = "uint8"
INPUT_SHAPE = (None, CROP_SIDE, CROP_SIDE, 1)

PRETRAINED_DIR = Path(__file__).parents[1] / "pretrained"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Digest (hex) and size of one file of a version."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class VoteCalibration:
    """How a version's probabilities become vote shares: the softmax of scale times their logarithm plus an offset a class."""

    scale: float
    offsets: tuple[float, ...] = (0.0,) * len(EMOTIONS)


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a version comes from.

    row_counts: how many rows taught, were held out, and were left out and why. parent: SHA-256 of the .keras file whose
    weights it started from. teachers: the same of the versions whose answers it was taught beside the labels.
    settings: of the run, as training.fit.settings gives them. epochs_done: of settings' epochs.
    """

    dataset_sha256: str
    row_counts: dict[str, int]
    labels: str
    epochs_done: int
    seed: int
    parent: str | None
    settings: dict[str, Any]
    code_version: str
    library_versions: dict[str, str]
    teachers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is said about a version. Immutable, like the version.

    emotions: names of the seven outputs, in order. temperature: already inside the model files, here for the record.
    flip: whether each answer averages the face with its mirror image. crop_scales: sides of the squares, in pixels of the
    crop, over which it averages too. normalized: whether crops of little contrast are stretched first. created_at: ISO 8601, UTC.
    conditions: whether the temperature is higher for faces that are hard to see.
    votes: what turns probabilities into vote shares, fitted on validation rows; None in versions made before there were any.
    metrics: as training.evaluation.metrics gives them, by part of the dataset, e.g. `metrics["PublicTest"]["ferplus"]["accuracy"]`.
    """

    schema_version: int
    architecture: Architecture
    emotions: tuple[str, ...]
    input_name: str
    input_dtype: str
    input_shape: tuple[int | None, ...]
    temperature: float
    flip: bool
    files: dict[str, FileRecord]
    metrics: VersionMetrics
    lineage: Lineage
    created_at: str
    crop_scales: tuple[int, ...] = (CROP_SIDE,)
    normalized: bool = False
    conditions: bool = False
    votes: VoteCalibration | None = None

    @property
    def labels(self) -> str:
        """What it was taught: `hard` or `soft`."""
        return self.lineage.labels

    def to_json(self) -> dict[str, Any]:
        """As plain values that JSON holds."""
        lists = {name: list(getattr(self, name)) for name in ("emotions", "input_shape", "crop_scales")}
        return {**asdict(self), **lists}

    @property
    def vote_calibration(self) -> VoteCalibration:
        """What turns probabilities into vote shares. In versions that don't say, undoing the temperature does."""
        return self.votes or VoteCalibration(self.temperature)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """The manifest that `to_json` gave. Raises ArtifactError if a field is missing or this release can't serve the version."""
        try:
            version = plain["schema_version"]
            if version not in _READABLE:
                raise ArtifactError(f"the manifest's form is {version}, and this release reads {_READABLE}")
            fields = translate_manifest(plain)
            fields["architecture"] = Architecture.of_manifest(version, fields["architecture"])
            fields["emotions"] = tuple(fields["emotions"])
            fields["input_shape"] = tuple(fields["input_shape"])
            fields["crop_scales"] = tuple(fields.get("crop_scales", (CROP_SIDE,)))
            fields["files"] = {name: FileRecord(**record) for name, record in fields["files"].items()}
            if fields.get("votes") is not None:
                fields["votes"] = VoteCalibration(fields["votes"]["scale"], tuple(fields["votes"]["offsets"]))
            fields["lineage"] = Lineage(
                **{**fields["lineage"], "teachers": tuple(fields["lineage"].get("teachers", ()))}
            )
            manifest = cls(**fields)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(f"the manifest is not complete: {error}") from error
        manifest._check()
        return manifest

    @classmethod
    def read(cls, artifact_dir: Path) -> Self:
        """Read and check the manifest of a version's folder. Raises ArtifactError."""
        path = artifact_dir / MANIFEST
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ArtifactError(f"{path} can't be read: {error.strerror}") from error
        except ValueError as error:
            raise ArtifactError(f"{path} is not JSON") from error
        if not isinstance(plain, dict):
            raise ArtifactError(f"{path} is not a JSON object")
        return cls.from_json(plain)

    def write(self, artifact_dir: Path) -> None:
        """Write the manifest; the last step of making a version, so that a folder with a manifest is complete."""
        partial = artifact_dir / f"{MANIFEST}.partial"
        partial.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")
        partial.replace(artifact_dir / MANIFEST)

    def _check(self) -> None:
        if self.emotions != tuple(EMOTIONS):
            raise ArtifactError(f"the classes are {', '.join(self.emotions)}, not {', '.join(EMOTIONS)}")
        found = (self.input_name, self.input_dtype, self.input_shape)
        if found != (INPUT_NAME, INPUT_DTYPE, INPUT_SHAPE):
            raise ArtifactError(f"the input is {found}, not {(INPUT_NAME, INPUT_DTYPE, INPUT_SHAPE)}")
        missing = [name for name in REQUIRED_FILES if name not in self.files]
        if missing:
            raise ArtifactError(f"the manifest does not name {', '.join(missing)}")
        strange = [name for name in self.files if Path(name).name != name]
        if strange:
            raise ArtifactError(f"{strange[0]!r} is not a file name")


def record_file(path: Path) -> FileRecord:
    """Digest and size of a file."""
    with path.open("rb") as file:
        return FileRecord(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def verify_file(path: Path, sha256: str) -> None:
    """Raise ArtifactDamagedError unless `path` exists and has that digest."""
    if not path.is_file():
        raise ArtifactDamagedError(f"{path} is missing")
    found = record_file(path).sha256
    if found != sha256:
        raise ArtifactDamagedError(f"{path} is damaged: its SHA-256 is {found}, not {sha256}")


def verify_files(artifact_dir: Path) -> Manifest:
    """Read a version's manifest and check every file that it names. Do this before loading any of them.

    Raises ArtifactError for a manifest that can't be used, ArtifactDamagedError for a file that is missing or different.
    """
    manifest = Manifest.read(artifact_dir)
    for name, record in manifest.files.items():
        verify_file(artifact_dir / name, record.sha256)
    return manifest


def find_pretrained(name: str) -> Path | None:
    """The folder of the shipped version of that name, or of the name that an earlier release gave it; None if there is none."""
    return list_pretrained().get(OLD_PRETRAINED_NAMES.get(name, name))


def list_pretrained() -> dict[str, Path]:
    """The versions that ship with the code: name -> folder, the champion first."""
    found = sorted(path.parent for path in PRETRAINED_DIR.glob(f"*/{MANIFEST}"))
    return {path.name: path for path in sorted(found, key=lambda path: path.name != PRETRAINED_CHAMPION)}
