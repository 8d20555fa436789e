"""Converts a folder of labelled photos to an evaluation set, in the way of a job's photo: decode, detect, crop."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from db.core.vocabulary import EMOTIONS, Emotion
from db.photos.errors import PhotoError
from training.errors import DatasetError
from training.evaluation.sets import EvaluationSet
from worker.analysis.crops import crop_faces
from worker.analysis.decode import decode_photo
from worker.analysis.detectors.base import Detector

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".avif"}
_LABELS_FILE = "labels.csv"
_MAX_PIXELS = 100_000_000
_MAX_VALUES = 20
"""Maximum number of values of a slice column; a column with more contains names or numbers."""

_ALIASES = {
    "anger": Emotion.ANGRY,
    "disgust": Emotion.DISGUSTED,
    "fear": Emotion.FEARFUL,
    "happiness": Emotion.HAPPY,
    "sadness": Emotion.SAD,
    "surprise": Emotion.SURPRISED,
}


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo's file, its emotion, and its slice values."""

    path: Path
    emotion: Emotion
    further: dict[str, str]


def read_photo_set(path: Path, detector: Detector, *, min_face_px: int) -> EvaluationSet:
    """Find and crop the largest face of each photo.

    path: a folder with `label/file`, a folder with a `labels.csv`, or a CSV with the columns `file` and `emotion` (or `label`);
    further columns become slices. Raises DatasetError for an unknown label, a file that is missing or not a photo, or a set
    without any face.
    """
    photos = list_labelled_photos(path)
    crops, truth, kept, missed = [], [], [], []
    for photo in photos:
        crop = _crop_largest(photo.path, detector, min_face_px)
        if crop is None:
            missed.append(EMOTIONS.index(photo.emotion))
            continue
        crops.append(crop)
        truth.append(EMOTIONS.index(photo.emotion))
        kept.append(photo)
    if not crops:
        raise DatasetError(f"no face was found in any of the {len(photos)} photos of {path}")
    name = path.stem if path.is_file() else path.name
    return EvaluationSet(
        name, np.stack(crops), np.array(truth, np.int64), dict(_slice(kept)), np.array(missed, np.int64)
    )


def list_labelled_photos(path: Path) -> list[LabelledPhoto]:
    """List the photos of a set with their labels, in the order of the CSV, or by name. Raises DatasetError."""
    if path.is_dir() and not (path / _LABELS_FILE).exists():
        photos = list(_list_folders(path))
    else:
        photos = list(_read_labels(path / _LABELS_FILE if path.is_dir() else path))
    if not photos:
        raise DatasetError(
            f"{path} has no labelled photos: it needs label/file, or a CSV with the columns file and emotion"
        )
    return photos


def _list_folders(path: Path) -> Iterator[LabelledPhoto]:
    if not path.is_dir():
        raise DatasetError(f"{path} is not a folder")
    for folder in sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith(".")):
        emotion = _read_emotion(folder.name, str(folder))
        for file in sorted(folder.iterdir()):
            if file.suffix.lower() in _SUFFIXES and not file.name.startswith("."):
                yield LabelledPhoto(file, emotion, {})


def _read_labels(path: Path) -> Iterator[LabelledPhoto]:
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} can't be read: {error}") from error
    for line, row in enumerate(rows, start=2):
        label = row.get("emotion") or row.get("label")
        if not row.get("file") or not label:
            raise DatasetError(f"line {line} of {path.name} needs a file and an emotion")
        file = path.parent / row["file"]
        if not file.is_file():
            raise DatasetError(f"line {line} of {path.name} names {row['file']}, which doesn't exist")
        further = {
            key: value for key, value in row.items() if key and value and key not in ("file", "emotion", "label")
        }
        yield LabelledPhoto(file, _read_emotion(label, f"line {line} of {path.name}"), further)


def _read_emotion(label: str, where: str) -> Emotion:
    word = re.sub(r"[^a-z]", "", label.lower())
    if word in _ALIASES:
        return _ALIASES[word]
    if word in EMOTIONS:
        return Emotion(word)
    raise DatasetError(f"{where} is labelled {label!r}, which is none of {', '.join(EMOTIONS)}")


def _crop_largest(path: Path, detector: Detector, min_face_px: int) -> npt.NDArray[np.uint8] | None:
    """Return the crop of the largest face, uint8 (48, 48), or None if there is no face."""
    try:
        picture = decode_photo(path.read_bytes(), max_pixels=_MAX_PIXELS)
    except (OSError, PhotoError) as error:
        raise DatasetError(f"{path} can't be read: {error}") from error
    found = detector.detect(picture, min_face_px=min_face_px)
    if not found:
        return None
    largest = max(found, key=lambda detection: detection.box.width * detection.box.height)
    return np.asarray(crop_faces(picture, [largest], detector.geometry)[0], np.uint8)


def _slice(photos: list[LabelledPhoto]) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    columns = sorted({column for photo in photos for column in photo.further})
    for column in columns:
        values = [photo.further.get(column, "") for photo in photos]
        different = sorted(set(values) - {""})
        if len(different) <= _MAX_VALUES:
            for value in different:
                yield f"{column}={value}", np.array([each == value for each in values], bool)
