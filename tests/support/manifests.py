"""Manifests of model versions without a training run."""

from collections.abc import Mapping
from typing import Any

from db.core.vocabulary import EMOTIONS


def make_manifest(architecture: str = "report", **changes: Any) -> dict[str, Any]:
    """Return a complete manifest as JSON, of a version without evaluations. lineage: fields to change."""
    lineage = {
        "dataset_sha256": "0" * 64,
        "row_counts": {},
        "labels": "hard",
        "epochs_done": 1,
        "seed": 1,
        "parent": None,
        "settings": {},
        "code_version": "test",
        "library_versions": {},
    }
    changed: Mapping[str, Any] = changes.pop("lineage", {})
    return {
        "schema_version": 3,
        "architecture": architecture,
        "emotions": list(EMOTIONS),
        "input_name": "crops",
        "input_dtype": "uint8",
        "input_shape": [None, 48, 48, 1],
        "temperature": 1.0,
        "flip": False,
        "files": {},
        "metrics": {},
        "lineage": {**lineage, **changed},
        "created_at": "2026-01-01T00:00:00+00:00",
        **changes,
    }


def make_metrics(rows: int = 1, **truths: Mapping[str, Any]) -> dict[str, Any]:
    """Return complete metrics of a split. truths: for each kind of label the relevant metrics, e.g. `fer2013={"accuracy": 0.7}`."""
    metrics = {
        "rows": rows,
        "accuracy": 0.5,
        "macro_f1": 0.5,
        "log_loss": 1.0,
        "calibration_error": 0.1,
        "reliability": [],
        "intervals": {},
        "per_class": {},
        "confusion": [],
    }
    return {
        "rows": rows,
        "copies_of_training_rows": 0,
        **{truth: {**metrics, **found} for truth, found in truths.items()},
    }
