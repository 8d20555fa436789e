"""Reading manifests."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from db.model_versions.manifest import Manifest
from db.model_versions.records import VoteCalibration
from tests.support.factories.model_versions import make_manifest, make_metrics

PRETRAINED = Path("training/pretrained")


@pytest.mark.parametrize(
    "folder", [path.name for path in sorted(PRETRAINED.iterdir()) if (path / "manifest.json").exists()]
)
def test_the_manifests_that_are_shipped_are_read_whole(folder: str) -> None:
    stored = json.loads((PRETRAINED / folder / "manifest.json").read_text())
    manifest = Manifest.read(stored)
    assert manifest.keras_sha256 == stored["files"]["model.keras"]["sha256"]
    assert manifest.labels == {"single": "hard", "votes": "soft"}[stored["lineage"]["labels"]]
    assert manifest.lineage.held_out_by is not None
    assert manifest.metrics["speed"]["ms_a_face"] == stored["metrics"]["speed"]["ms_a_face"]
    found = {(split, truth): numbers for split, truth, numbers in manifest.list_evaluations()}
    assert {split for split, _ in found} >= {"validation", "PublicTest"}
    for (split, truth), numbers in found.items():
        assert numbers["accuracy"] == stored["metrics"][split][truth]["accuracy"]
        assert sum(map(sum, numbers["confusion"])) == numbers["rows"]


def test_metrics_of_another_form_and_unknown_fields_are_left_out() -> None:
    metrics = {"speed": {}, "new": 3, "PublicTest": {"ferplus": {"rows": 1}}, "validation": make_metrics(fer2013={})}
    manifest = Manifest.read(make_manifest("later", schema_version=9, metrics=metrics, surprise=1))
    assert [split for split, _, _ in manifest.list_evaluations()] == ["validation"]
    assert set(manifest.metrics) == {"validation"}
    assert (manifest.keras_sha256, manifest.lineage.held_out_by) == (None, None)
    with pytest.raises(ValueError, match="later"):
        _ = manifest.network
    with pytest.raises(ValidationError, match="metrics"):
        Manifest.read(make_manifest(metrics=[]))


@pytest.mark.parametrize("missing", ["files", "lineage", "temperature", "metrics"])
def test_a_manifest_that_lacks_something_is_refused(missing: str) -> None:
    stored = make_manifest()
    del stored[missing]
    with pytest.raises(ValidationError, match=missing):
        Manifest.read(stored)


def test_what_is_written_is_read_alike() -> None:
    metrics = {"validation": make_metrics(fer2013={"accuracy": 0.25}, ferplus={})}
    manifest = Manifest.read(make_manifest(metrics=metrics, votes={"scale": 1.5, "offsets": [0.5] * 7}))
    assert json.loads(json.dumps(manifest.to_json())) == manifest.to_json()
    assert Manifest.read(manifest.to_json()) == manifest
    assert manifest.vote_calibration == VoteCalibration(1.5, (0.5,) * 7)
    assert Manifest.read(make_manifest(temperature=1.25)).vote_calibration == VoteCalibration(1.25)


def test_earlier_releases_held_out_rows_by_the_same_under_other_names() -> None:
    lineage = {"dataset_sha256": "d", "seed": 7, "settings": {"recipe": {"held_out": 0.1}}}
    now = {"dataset_sha256": "d", "seed": 1, "settings": {"recipe": {"validation_share": 0.1}, "split_seed": 7}}
    before, after = (Manifest.read(make_manifest(lineage=each)).lineage.held_out_by for each in (lineage, now))
    assert before == after == ("d", 7, 0.1, True)
