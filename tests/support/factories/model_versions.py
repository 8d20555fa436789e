"""Model versions without a training run, and their manifests."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from db.core.session import Database
from db.core.vocabulary import EMOTIONS
from db.model_versions import actions as model_versions
from db.model_versions.tables import ModelVersion
from tests.support.factories.actors import TEST


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


def find_or_add_version(session: Session, name: str, *, digest: str = "", **changes: Any) -> ModelVersion:
    """The version of that digest, by default the name; it is made if it is new. changes: to its manifest."""
    found = model_versions.find_version_by_digest(session, digest or name)
    return found or model_versions.add_version(session, name, digest or name, make_manifest(**changes))


def add_version(
    database: Database, name: str, *, digest: str = "", is_champion: bool = False, **changes: Any
) -> ModelVersion:
    """The same in a transaction of its own. is_champion: put it into service."""
    with database.write() as session:
        version = find_or_add_version(session, name, digest=digest, **changes)
        if is_champion:
            model_versions.promote(session, version, TEST, "for the test")
        return version
