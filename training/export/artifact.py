"""Model versions on disk: a folder with `manifest.json` and the files that it names.

Runs without TensorFlow, so that workers and the service can check a version before they load it.

| file            | contents                                                                         |
| manifest.json   | class order, input, digests of the files below, metrics, lineage                 |
| model.keras     | the network with rescaling, averaging and temperature; for further training and GPUs |
| model.tflite    | the same weights for CPUs                                                        |
| model_int8.tflite | the same in 8 bits, for processors that are fast with them; optional             |
| model_card.md   | metrics and limits, for people                                                   |
| history.json    | training curves                                                                  |
| validation_pictures.txt | digests of the pictures in its validation set; missing in versions of earlier releases |
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db.core.old_words import translate_manifest
from db.core.vocabulary import CROP_SIDE, EMOTIONS, OLD_PRETRAINED_NAMES, PRETRAINED_CHAMPION, Architecture
from db.model_versions.records import HISTORY_FILE, KERAS_FILE, FileRecord, VoteCalibration
from training.errors import ArtifactDamagedError, ArtifactError

if TYPE_CHECKING:
    from db.model_versions.manifest import Manifest

SCHEMA_VERSION = 3
_READABLE = (1, 2, SCHEMA_VERSION)
MANIFEST = "manifest.json"
TFLITE_FILE = "model.tflite"
INT8_FILE = "model_int8.tflite"
CARD_FILE = "model_card.md"
VALIDATION_FILE = "validation_pictures.txt"
REQUIRED_FILES = (KERAS_FILE, TFLITE_FILE, CARD_FILE, HISTORY_FILE)

INPUT_NAME = "crops"
INPUT_DTYPE = "uint8"
INPUT_SHAPE = (None, CROP_SIDE, CROP_SIDE, 1)

PRETRAINED_DIR = Path(__file__).parents[1] / "pretrained"


@dataclass(frozen=True, slots=True)
class ServedVersion:
    """What serving needs of a manifest. files: by name."""

    files: Mapping[str, FileRecord]
    vote_calibration: VoteCalibration


def read_manifest(artifact_dir: Path) -> "Manifest":
    """Read and check the manifest of a version's folder.

    Raises ArtifactError if it is incomplete or this release can't serve the version.
    """
    return parse_manifest(_read_plain(artifact_dir))


def read_served(artifact_dir: Path) -> ServedVersion:
    """Read and check what serving needs of the manifest of a version's folder.

    In a fresh process this takes a millisecond, `read_manifest` a tenth of a second: the latter needs pydantic and its models.
    Raises ArtifactError as `read_manifest` does, except for faults in metrics and lineage.
    """
    plain = _read_plain(artifact_dir)
    try:
        _check_version(plain["schema_version"])
        stored = translate_manifest(plain)
        Architecture(stored["architecture"])
        files = {name: FileRecord(record["sha256"], record["bytes"]) for name, record in stored["files"].items()}
        _check(
            tuple(stored["emotions"]),
            (stored["input_name"], stored["input_dtype"], tuple(stored["input_shape"])),
            files,
        )
        return ServedVersion(files, _read_calibration(stored))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"the manifest is not complete: {error}") from error


def _read_calibration(stored: Mapping[str, Any]) -> VoteCalibration:
    votes = stored.get("votes")
    if votes is None:
        return VoteCalibration(float(stored["temperature"]))
    offsets = votes.get("offsets", VoteCalibration(1.0).offsets)
    return VoteCalibration(float(votes["scale"]), tuple(map(float, offsets)))


def _read_plain(artifact_dir: Path) -> dict[str, Any]:
    path = artifact_dir / MANIFEST
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise ArtifactError(f"{path} is not JSON") from error
    if not isinstance(plain, dict):
        raise ArtifactError(f"{path} is not a JSON object")
    return plain


def parse_manifest(plain: dict[str, Any]) -> "Manifest":
    """Parse and check the output of `to_json`. Raises ArtifactError as `read_manifest` does."""
    from pydantic import ValidationError

    from db.model_versions.manifest import Manifest

    try:
        _check_version(plain["schema_version"])
        manifest = Manifest.read(plain)
        _ = manifest.network
    except ValidationError as error:
        first = error.errors()[0]
        raise ArtifactError(
            f"the manifest is not complete: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        ) from error
    except (KeyError, ValueError) as error:
        raise ArtifactError(f"the manifest is not complete: {error}") from error
    _check(manifest.emotions, (manifest.input_name, manifest.input_dtype, manifest.input_shape), manifest.files)
    return manifest


def write_manifest(manifest: "Manifest", artifact_dir: Path) -> None:
    """Write the manifest: the last step of making a version, so that a folder with a manifest is complete."""
    partial = artifact_dir / f"{MANIFEST}.partial"
    partial.write_text(json.dumps(manifest.to_json(), indent=2) + "\n", encoding="utf-8")
    partial.replace(artifact_dir / MANIFEST)


def _check_version(version: object) -> None:
    if version not in _READABLE:
        raise ArtifactError(f"the manifest has form {version}, and this release reads {_READABLE}")


def _check(emotions: tuple[str, ...], found: tuple[object, ...], files: Mapping[str, FileRecord]) -> None:
    """found: name, type and shape of the input."""
    if emotions != tuple(EMOTIONS):
        raise ArtifactError(f"the classes are {', '.join(emotions)}, not {', '.join(EMOTIONS)}")
    if found != (INPUT_NAME, INPUT_DTYPE, INPUT_SHAPE):
        raise ArtifactError(f"the input is {found}, not {(INPUT_NAME, INPUT_DTYPE, INPUT_SHAPE)}")
    missing = [name for name in REQUIRED_FILES if name not in files]
    if missing:
        raise ArtifactError(f"the manifest does not name {', '.join(missing)}")
    strange = [name for name in files if Path(name).name != name]
    if strange:
        raise ArtifactError(f"{strange[0]!r} is not a file name")


def record_file(path: Path) -> FileRecord:
    """Return digest and size of a file."""
    with path.open("rb") as file:
        return FileRecord(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def verify_file(path: Path, sha256: str) -> None:
    """Raise ArtifactDamagedError unless `path` exists and has that digest."""
    if not path.is_file():
        raise ArtifactDamagedError(f"{path} is missing")
    found = record_file(path).sha256
    if found != sha256:
        raise ArtifactDamagedError(f"{path} is damaged: its SHA-256 is {found}, not {sha256}")


def verify_files(artifact_dir: Path) -> "Manifest":
    """Read a version's manifest and check every file that it names. Do this before loading any of them.

    Raises ArtifactError for an unusable manifest, ArtifactDamagedError for a file that is missing or different.
    """
    manifest = read_manifest(artifact_dir)
    for name, record in manifest.files.items():
        verify_file(artifact_dir / name, record.sha256)
    return manifest


def find_pretrained(name: str) -> Path | None:
    """Return the folder of the shipped version with that name, current or former; None if there is none."""
    return list_pretrained().get(OLD_PRETRAINED_NAMES.get(name, name))


def list_pretrained() -> dict[str, Path]:
    """Return the shipped versions: name -> folder, the champion first."""
    found = sorted(path.parent for path in PRETRAINED_DIR.glob(f"*/{MANIFEST}"))
    return {path.name: path for path in sorted(found, key=lambda path: path.name != PRETRAINED_CHAMPION)}
