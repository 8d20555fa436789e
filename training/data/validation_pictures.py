"""Identifies the pictures of a version's validation set by digest, so that a run from its weights can use the same ones.

Seed and share give the same rows only for the same dataset and votes. A run that validates on rows that its initial weights were
trained on keeps the wrong epoch, and fits a temperature that is far too low: 0.71 instead of 1.00 for `default-hard`.
"""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from db.model_versions.records import KERAS_FILE
from training.export.artifact import PRETRAINED_DIR, VALIDATION_FILE, read_manifest

_DIGEST_BYTES = 8
_SHIPPED_DIR = PRETRAINED_DIR / "validation_pictures"
"""Lists for versions of releases that didn't include one, named by the SHA-256 of the .keras file."""


def write_validation_pictures(path: Path, images: npt.NDArray[np.uint8]) -> None:
    """Write the digests of pictures, uint8 (N, 48, 48), one per line, sorted."""
    digests = sorted({digest.hex() for digest in digest_pictures(images)})
    path.write_text("".join(f"{digest}\n" for digest in digests), encoding="ascii")


def read_validation_pictures(artifact_dir: Path) -> frozenset[bytes]:
    """Return the digests of a version's validation set; empty if unknown."""
    shipped = _SHIPPED_DIR / f"{read_manifest(artifact_dir).files[KERAS_FILE].sha256}.txt"
    for path in (artifact_dir / VALIDATION_FILE, shipped):
        if path.is_file():
            return frozenset(bytes.fromhex(line) for line in path.read_text(encoding="ascii").split())
    return frozenset()


def find_pictures_among(images: npt.NDArray[np.uint8], digests: frozenset[bytes]) -> npt.NDArray[np.bool_]:
    """Return which pictures, uint8 (N, 48, 48), have one of these digests: bool (N,)."""
    return np.fromiter((digest in digests for digest in digest_pictures(images)), np.bool_, len(images))


def digest_pictures(images: npt.NDArray[np.uint8]) -> list[bytes]:
    """Return the first bytes of each picture's SHA-256."""
    return [hashlib.sha256(np.ascontiguousarray(image).data).digest()[:_DIGEST_BYTES] for image in images]
