"""Which pictures a version's run held out: known by digest, so that a run from its weights can hold out the same ones.

Seed and share give the same rows only where the dataset and its votes are the same. A run whose starting weights were trained on
its validation rows keeps the wrong epoch, and fits a temperature that is far too low: 0.71 in place of 1.00 for `default-hard`.
"""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from db.model_versions.manifest import KERAS_FILE
from training.export.artifact import PRETRAINED_DIR, VALIDATION_FILE, read_manifest

_DIGEST_BYTES = 8
_SHIPPED_DIR = PRETRAINED_DIR / "validation_pictures"
"""For versions from before versions carried the list: named after the SHA-256 of the .keras file."""


def write_validation_pictures(path: Path, images: npt.NDArray[np.uint8]) -> None:
    """Write the digests of pictures, uint8 (N, 48, 48), one a line, sorted."""
    digests = sorted({digest.hex() for digest in digest_pictures(images)})
    path.write_text("".join(f"{digest}\n" for digest in digests), encoding="ascii")


def read_validation_pictures(artifact_dir: Path) -> frozenset[bytes]:
    """The digests of what a version's run held out; empty if they aren't known."""
    shipped = _SHIPPED_DIR / f"{read_manifest(artifact_dir).files[KERAS_FILE].sha256}.txt"
    for path in (artifact_dir / VALIDATION_FILE, shipped):
        if path.is_file():
            return frozenset(bytes.fromhex(line) for line in path.read_text(encoding="ascii").split())
    return frozenset()


def find_pictures_among(images: npt.NDArray[np.uint8], digests: frozenset[bytes]) -> npt.NDArray[np.bool_]:
    """Which of the pictures, uint8 (N, 48, 48), are among these digests: bool (N,)."""
    return np.fromiter((digest in digests for digest in digest_pictures(images)), np.bool_, len(images))


def digest_pictures(images: npt.NDArray[np.uint8]) -> list[bytes]:
    """The first bytes of each picture's SHA-256."""
    return [hashlib.sha256(np.ascontiguousarray(image).data).digest()[:_DIGEST_BYTES] for image in images]
