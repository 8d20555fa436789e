"""Configuration files of versions: everything that `emoscope train --config` needs besides the data.

training/configs has one for each shipped version.

    network = "default"
    labels = "soft"
    seed = 9
    split_seed = 1
    precision = "float32"
    parent = "e567..."      # SHA-256 of the .keras file that it starts from; for --start-from
    teachers = []           # SHA-256 of its teachers' files; for --teacher

    [recipe]                # fields of training.fit.settings.Recipe that differ from the network's defaults
    epochs = 24

    [results]               # its metrics when it was trained, on FER2013 with FER+'s votes
    "PublicTest/ferplus" = { accuracy = 0.8396, macro_f1 = 0.7774 }

No TensorFlow.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from db.core.vocabulary import Architecture
from db.model_versions.manifest import Labels, Manifest
from db.model_versions.records import KERAS_FILE
from training.errors import RunError
from training.export.artifact import read_manifest
from training.fit.settings import Precision, TrainSettings

CONFIGS_DIR = Path(__file__).parents[1] / "configs"


class Result(BaseModel):
    """A version's metrics on a split against one kind of label; shares from 0 to 1, to four digits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    accuracy: float
    macro_f1: float


class TrainConfig(BaseModel):
    """What determines a version besides the data. recipe: in the form that `Recipe.change` takes. results: by `split/truth`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: Architecture
    labels: Labels
    seed: int = 1
    split_seed: int | None = None
    precision: Precision = "auto"
    parent: str | None = None
    teachers: tuple[str, ...] = ()
    recipe: dict[str, Any] = {}
    results: dict[str, Result] = {}


def read_config(path: Path) -> TrainConfig:
    """Read a configuration file. Raises RunError, which says what is wrong with it."""
    try:
        return TrainConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RunError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
        raise RunError(f"{path} is not a configuration: {'; '.join(problems)}") from error


def describe_version(manifest: Manifest) -> TrainConfig:
    """Return the configuration of a version."""
    settings, lineage = TrainSettings.from_json(manifest.lineage.settings), manifest.lineage
    return TrainConfig(
        network=settings.architecture,
        labels=settings.labels,
        seed=settings.seed,
        split_seed=settings.split_seed,
        precision=settings.precision,
        parent=lineage.parent,
        teachers=lineage.teachers,
        recipe=settings.to_json()["recipe"],
        results={
            f"{split}/{truth}": Result(accuracy=round(found["accuracy"], 4), macro_f1=round(found["macro_f1"], 4))
            for split, truth, found in manifest.list_evaluations()
        },
    )


def require_origin(config: TrainConfig, start_from: Path | None, teachers: Sequence[Path]) -> None:
    """Raise RunError unless these are the versions that the configuration starts from and learns from."""
    for option, wanted, folders in (
        (
            "--start-from",
            () if config.parent is None else (config.parent,),
            () if start_from is None else (start_from,),
        ),
        ("--teacher", config.teachers, teachers),
    ):
        found = tuple(read_manifest(folder).files[KERAS_FILE].sha256 for folder in folders)
        if found != wanted:
            listed = ", ".join(wanted) or "no version"
            raise RunError(f"{option}: the configuration needs {listed} (SHA-256 of {KERAS_FILE})")
