"""The settings that a run folder belongs to, so that nothing but the same run goes on in it. No TensorFlow."""

import json
from pathlib import Path
from typing import Any

from training.errors import RunError
from training.settings import TrainSettings

_FILE = "settings.json"


def has_run(run_dir: Path) -> bool:
    """Whether a run was started in this folder."""
    return (run_dir / _FILE).exists()


def read_run_settings(run_dir: Path) -> TrainSettings:
    """The settings that the run in `run_dir` was started with. Raises RunError if there is no run."""
    return TrainSettings.from_json(_read(run_dir)["settings"])


def read_run_parent(run_dir: Path) -> str | None:
    """SHA-256 of the .keras file that the run in `run_dir` started from, if any. Raises RunError if there is no run."""
    parent: str | None = _read(run_dir)["parent"]
    return parent


def claim_run_dir(run_dir: Path, settings: TrainSettings, dataset_sha256: str, parent: str | None) -> None:
    """Make `run_dir` the folder of this run. Raises RunError if it is that of another one."""
    wanted = {"settings": settings.to_json(), "dataset_sha256": dataset_sha256, "parent": parent}
    if has_run(run_dir):
        stored = _read(run_dir)
        different = [key for key, value in wanted.items() if json.loads(json.dumps(value)) != stored[key]]
        if different:
            raise RunError(f"the run in {run_dir} was started with another {' and another '.join(different)}")
        return
    run_dir.mkdir(parents=True, exist_ok=True)
    partial = run_dir / f"{_FILE}.partial"
    partial.write_text(json.dumps(wanted, indent=2))
    partial.replace(run_dir / _FILE)


def _read(run_dir: Path) -> dict[str, Any]:
    if not has_run(run_dir):
        raise RunError(f"there is no training run in {run_dir}")
    stored: dict[str, Any] = json.loads((run_dir / _FILE).read_text())
    return stored
