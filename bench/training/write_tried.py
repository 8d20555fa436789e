"""Writes the tables of docs/decisions/0201 from bench/results/networks_tried.json: `python -m bench.training.write_tried`.

The text around the tables is written by hand. A table is between `<!-- table: NAME -->` and `<!-- end -->`.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).parents[2]
DATA = ROOT / "bench" / "results" / "networks_tried.json"
PAGE = ROOT / "docs" / "decisions" / "0201-networks-and-recipes-tried.md"
_TABLE = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end -->", re.DOTALL)
_METRICS = {
    "accuracy": "{}",
    "accuracy_all_rows": "{} of all rows",
    "accuracy_without_flip": "{} without flip",
    "accuracy_by_majority": "{} by the majority",
    "macro_f1": "macro-F1 {}",
    "log_loss": "log-loss {}",
    "calibration_error": "calibration error {}",
    "recall_fearful": "fearful {}",
    "recall_disgusted": "disgusted {}",
    "least_recall": "least recall {}",
}
"""Every metric that the data may have, and its format in a cell."""

Value = float | tuple[float, float]
"""A single number, or minimum and maximum of several."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Trial(_Row):
    """A trained network, or an average of several. `starts_from` and `teachers` name other trials."""

    id: str = Field(pattern=r"^[BSH]\d+$")
    date: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    network: str
    starts_from: str | None
    teachers: tuple[str, ...]
    teacher_share: float | None
    settings: str
    epochs: int | None
    kept_epoch: int | None
    planned_epochs: int | None
    validation: dict[str, Value]
    public_test: dict[str, Value]
    outcome: str
    shipped_in: str | None
    command: str | None


class StepSpeed(_Row):
    """Images per second of one training step."""

    network: str
    onednn_off: Value
    onednn_on: Value
    onednn_on_xla: Value


class EpochCost(_Row):
    """Processor time of one epoch, by the widths and residual blocks of a network's stages."""

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    parameters_m: float
    cpu_s_48_px: int
    cpu_s_32_px: int


class Int8(_Row):
    """A network's LiteRT model with 32 or 8 bits."""

    network: str
    runs_as: str
    public_test: dict[str, Value]
    ms_a_face: float
    ms_a_face_without_vnni: float | None


class Tried(_Row):
    """The whole file."""

    what: str
    machine: str
    baseline: tuple[Trial, ...]
    soft_labels: tuple[Trial, ...]
    hard_labels: tuple[Trial, ...]
    step_speed: tuple[StepSpeed, ...]
    epoch_cost: tuple[EpochCost, ...]
    int8: tuple[Int8, ...]

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials, in the page's order."""
        return self.baseline + self.soft_labels + self.hard_labels


def read_tried(path: Path = DATA) -> Tried:
    """Read the file. Raises pydantic's ValidationError if it is malformed."""
    return Tried.model_validate_json(path.read_bytes())


def write_page(page: str, tried: Tried) -> str:
    """Return the page with each table replaced. Raises KeyError for an unknown table or metric."""
    tables = {
        "baseline": _write_trials(tried.baseline),
        "soft_labels": _write_trials(tried.soft_labels),
        "hard_labels": _write_trials(tried.hard_labels),
        "step_speed": _write_table(
            ("network", "oneDNN off", "oneDNN on", "oneDNN on, XLA"),
            ((row.network, *map(_say, (row.onednn_off, row.onednn_on, row.onednn_on_xla))) for row in tried.step_speed),
        ),
        "epoch_cost": _write_table(
            ("widths", "blocks", "parameters", "48 px", "32 px"),
            (
                (_join(row.widths), _join(row.blocks), f"{row.parameters_m:.2f} M", row.cpu_s_48_px, row.cpu_s_32_px)
                for row in tried.epoch_cost
            ),
        ),
        "int8": _write_table(
            ("network", "runs as", "PublicTest", "ms a face", "without AVX-512 and VNNI"),
            (
                (
                    f"`{row.network}`",
                    row.runs_as,
                    _say_metrics(row.public_test),
                    row.ms_a_face,
                    row.ms_a_face_without_vnni or "",
                )
                for row in tried.int8
            ),
        ),
    }
    return _TABLE.sub(lambda found: f"<!-- table: {found[1]} -->\n{tables[found[1]]}\n<!-- end -->", page)


def _write_trials(trials: Iterable[Trial]) -> str:
    return _write_table(
        ("run", "network and settings", "validation", "PublicTest", "outcome"),
        (
            (
                trial.id,
                _say_settings(trial),
                _say_metrics(trial.validation),
                _say_metrics(trial.public_test),
                f"**{trial.outcome}** (`{trial.shipped_in}`)" if trial.shipped_in else trial.outcome,
            )
            for trial in trials
        ),
    )


def _say_settings(trial: Trial) -> str:
    share = f" ({trial.teacher_share})" if trial.teacher_share is not None else ""
    parts = [
        f"`{trial.network}`",
        f"starts from {trial.starts_from}" if trial.starts_from else "",
        f"{'teachers' if len(trial.teachers) > 1 else 'teacher'} {', '.join(trial.teachers)}{share}"
        if trial.teachers
        else "",
        _say_epochs(trial),
        trial.settings,
    ]
    return "; ".join(filter(None, parts))


def _say_epochs(trial: Trial) -> str:
    planned = f" of {trial.planned_epochs}" if trial.planned_epochs else ""
    kept = f", epoch {trial.kept_epoch} kept" if trial.kept_epoch not in {None, trial.epochs} else ""
    return f"{trial.epochs}{planned} epochs{kept}" if trial.epochs else ""


def _say_metrics(metrics: dict[str, Value]) -> str:
    return ", ".join(_METRICS[name].format(_say(value, ".3f")) for name, value in metrics.items())


def _say(value: Value, form: str = ".0f") -> str:
    return " to ".join(format(one, form) for one in (value if isinstance(value, tuple) else (value,)))


def _join(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _write_table(heading: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join("|" + "|".join(f" {cell} " if cell else " " for cell in map(str, line)) + "|" for line in lines)


def main() -> int:
    """Write the page's tables in place."""
    PAGE.write_text(write_page(PAGE.read_text(), read_tried()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
