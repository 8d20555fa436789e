"""Reads a recipe from a file: some fields as JSON, or the recipe of an existing version. No TensorFlow."""

import json
from pathlib import Path

from training.errors import RunError
from training.export.artifact import read_manifest
from training.fit.settings import Recipe


def read_recipe(path: Path, base: Recipe) -> Recipe:
    """Change `base` by the contents of `path`: a JSON object of a recipe's fields, or the folder of a version.

    Raises RunError for an invalid file, ArtifactError for a folder without a version.
    """
    if path.is_dir():
        return base.change(read_manifest(path).lineage.settings["recipe"])
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise RunError(f"{path} is not a JSON object of a recipe's fields")
    return base.change(fields)
