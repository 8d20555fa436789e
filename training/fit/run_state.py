"""Stores the state of a run, so that it can be resumed after a kill.

`state.json` has the curves and names the current files: `state-N.npz`, every variable of network and optimizer after epoch N, and
`best-N.npz`, the result's weights. A file is complete before `state.json` names it.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from training.fit.settings import Monitor

Arrays = list[npt.NDArray[Any]]


class Variable(Protocol):
    """The part of a Keras variable that is used here."""

    def assign(self, value: npt.NDArray[Any]) -> object:
        """Set the value, of the same shape."""

    def numpy(self) -> npt.NDArray[Any]:
        """Return the value."""


@dataclass(frozen=True, slots=True)
class EpochMetrics:
    """One point of the curves. Accuracies are shares, against each target's largest entry.

    loss is the training objective: with class weights, label smoothing, teachers' predictions and the network's regularisation.
    val_loss is the plain cross-entropy, so the two can't be compared.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


class RunState:
    """The curves of a run so far, and its best epoch."""

    def __init__(self, run_dir: Path) -> None:
        """Read the state of `run_dir`. A folder without one belongs to a run without finished epochs."""
        self._dir = run_dir
        self._path = run_dir / "state.json"
        self.curves: list[EpochMetrics] = []
        self.best_epoch = 0
        if self._path.exists():
            plain = json.loads(self._path.read_text())
            self.curves = [EpochMetrics(**figures) for figures in plain["curves"]]
            self.best_epoch = plain["best_epoch"]

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs."""
        return len(self.curves)

    def load_variables(self, variables: Sequence[Variable]) -> None:
        """Set `variables` to their values after the last finished epoch."""
        arrays = self._load(f"state-{self.epochs_done}.npz")
        for variable, value in zip(variables, arrays, strict=True):
            variable.assign(value)

    def keep_initial(self, weights: Arrays) -> None:
        """Store weights as the result of a run without epochs, which only exports its initial weights."""
        self._save("best-0.npz", weights)

    def load_best(self) -> Arrays:
        """Return the network's weights of the run's result."""
        return self._load(f"best-{self.best_epoch}.npz")

    def finish_epoch(
        self, figures: EpochMetrics, variables: Sequence[Variable], weights: Arrays, monitor: Monitor
    ) -> None:
        """Store the state after an epoch, and its weights as the result if they are the best so far."""
        is_best = self._is_best(figures, monitor)
        self.curves.append(figures)
        self._save(f"state-{self.epochs_done}.npz", [np.asarray(variable.numpy()) for variable in variables])
        if is_best:
            self.best_epoch = self.epochs_done
            self._save(f"best-{self.best_epoch}.npz", weights)
        partial = self._path.with_suffix(".partial")
        plain = {"curves": [asdict(past) for past in self.curves], "best_epoch": self.best_epoch}
        with partial.open("w") as file:
            json.dump(plain, file)
            _flush(file)
        partial.replace(self._path)
        current = {f"state-{self.epochs_done}.npz", f"best-{self.best_epoch}.npz"}
        for path in self._dir.glob("*-*.npz"):
            if path.name not in current:
                path.unlink()

    def _is_best(self, figures: EpochMetrics, monitor: Monitor) -> bool:
        if monitor == "loss":
            return all(figures.val_loss < past.val_loss for past in self.curves)
        return monitor == "last" or all(figures.val_accuracy > past.val_accuracy for past in self.curves)

    def _load(self, name: str) -> Arrays:
        with np.load(self._dir / name, allow_pickle=False) as arrays:
            return [arrays[str(index)] for index in range(len(arrays.files))]

    def _save(self, name: str, arrays: Arrays) -> None:
        with (self._dir / name).open("wb") as file:
            np.savez(file, allow_pickle=False, **{str(index): array for index, array in enumerate(arrays)})
            _flush(file)


def _flush(file: IO[Any]) -> None:
    """Flush to disk before another file names this one, because of power cuts."""
    file.flush()
    os.fsync(file.fileno())
