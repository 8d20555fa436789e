"""Resumes an existing run: options that are given must match those it was started with."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from db.model_versions.records import KERAS_FILE
from training.errors import RunError
from training.export.artifact import read_manifest
from training.fit.recipe_file import read_recipe
from training.fit.run_settings import read_run_origin, read_run_settings
from training.fit.settings import TrainSettings


def refuse_others(run_dir: Path, asked: dict[str, Any]) -> None:
    """Raise RunError, naming the options, if the run in `run_dir` was started with different ones.

    asked: values by parameter of `emoscope train`, only of options that were given.
    """
    different = sorted(set(_find_different(run_dir, read_run_settings(run_dir), asked)))
    if different:
        options = " and ".join(f"--{name.replace('_', '-')}" for name in different)
        raise RunError(f"the run in {run_dir} was started with different {options}; omit these options to resume it")


def _find_different(run_dir: Path, stored: TrainSettings, asked: dict[str, Any]) -> Iterator[str]:
    origin = read_run_origin(run_dir)
    plain = {
        "csv": stored.csv_path,
        "votes": stored.votes_path,
        "labels": stored.labels,
        "network": stored.architecture,
        "epochs": stored.recipe.epochs,
        "batch_size": stored.recipe.batch_size,
        "seed": stored.seed,
        "split_seed": stored.seed if stored.split_seed is None else stored.split_seed,
        "precision": stored.precision,
    }
    for name, value in asked.items():
        if name == "recipe":
            # the validation set may come from another version, whatever the recipe says
            is_same = (
                replace(read_recipe(value, stored.recipe), validation_share=stored.recipe.validation_share)
                == stored.recipe
            )
        elif name == "start_from":
            is_same = _identify([value]) == (origin.parent,)
        elif name == "teacher":
            is_same = _identify(value) == origin.teachers
        elif name == "precision":
            is_same = value in ("auto", stored.precision)
        elif name in plain:
            is_same = (value.resolve() if isinstance(value, Path) else value) == plain[name]
        else:
            continue  # has no effect on the result, such as --threads
        if not is_same:
            yield name


def _identify(folders: Sequence[Path]) -> tuple[str, ...]:
    """Return digests instead of paths: a version may have been moved since."""
    return tuple(read_manifest(folder).files[KERAS_FILE].sha256 for folder in folders)
