"""Stores the settings of a run in its folder, so that only the same run can be resumed there. No TensorFlow."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.errors import RunError
from training.fit.settings import TrainSettings

_FILE = "settings.json"


@dataclass(frozen=True, slots=True)
class Origin:
    """Inputs of a run, by SHA-256: the dataset, the .keras file whose weights it starts from, its teachers' files."""

    dataset_sha256: str
    parent: str | None = None
    teachers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Folders:
    """Folders of the versions that a run starts from and learns from, for resuming it. Their identity is in its Origin."""

    initial_weights: Path | None = None
    teachers: tuple[Path, ...] = ()


def has_run(run_dir: Path) -> bool:
    """Return whether a run was started in this folder."""
    return (run_dir / _FILE).exists()


def read_run_settings(run_dir: Path) -> TrainSettings:
    """Return the settings of the run in `run_dir`. Raises RunError if there is no run."""
    return TrainSettings.from_json(_read(run_dir)["settings"])


def read_run_origin(run_dir: Path) -> Origin:
    """Return the inputs of the run in `run_dir`. Raises RunError if there is no run."""
    stored = _read(run_dir)
    return Origin(stored["dataset_sha256"], stored["parent"], tuple(stored.get("teachers", ())))


def read_run_folders(run_dir: Path) -> Folders:
    """Return the folders of the versions that the run in `run_dir` uses. Raises RunError if there is no run."""
    stored = _read(run_dir).get("folders", {})
    weights = stored.get("initial_weights")
    return Folders(Path(weights) if weights else None, tuple(map(Path, stored.get("teachers", ()))))


def claim_run_dir(run_dir: Path, settings: TrainSettings, origin: Origin, folders: Folders = Folders()) -> None:
    """Make `run_dir` the folder of this run. Raises RunError if it belongs to another one."""
    wanted = {"settings": settings.to_json(), **asdict(origin)}
    if has_run(run_dir):
        stored = {"settings": read_run_settings(run_dir).to_json(), **asdict(read_run_origin(run_dir))}
        different = [key for key, value in wanted.items() if value != stored[key]]
        if different:
            raise RunError(f"the run in {run_dir} was started with different {' and '.join(different)}")
        return
    run_dir.mkdir(parents=True, exist_ok=True)
    partial = run_dir / f"{_FILE}.partial"
    named = {
        "initial_weights": str(folders.initial_weights.resolve()) if folders.initial_weights else None,
        "teachers": [str(teacher.resolve()) for teacher in folders.teachers],
    }
    partial.write_text(json.dumps({**wanted, "folders": named}, indent=2))
    partial.replace(run_dir / _FILE)


def _read(run_dir: Path) -> dict[str, Any]:
    if not has_run(run_dir):
        raise RunError(f"there is no training run in {run_dir}")
    stored: dict[str, Any] = json.loads((run_dir / _FILE).read_text())
    return stored
