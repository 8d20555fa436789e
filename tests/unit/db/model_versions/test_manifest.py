"""Manifests as they are read."""

import json
from pathlib import Path

import pytest

from db.model_versions.manifest import Manifest

PRETRAINED = Path("training/pretrained")


@pytest.mark.parametrize(
    "folder", [path.name for path in sorted(PRETRAINED.iterdir()) if (path / "manifest.json").exists()]
)
def test_the_manifests_that_are_shipped_are_read_whole(folder: str) -> None:
    stored = json.loads((PRETRAINED / folder / "manifest.json").read_text())
    manifest = Manifest.read(stored)
    assert manifest.keras_sha256 == stored["files"]["model.keras"]["sha256"]
    assert manifest.lineage.labels in {"single", "votes"}
    assert manifest.lineage.held_out_by is not None
    assert manifest.speed.ms_a_face == stored["metrics"]["speed"]["ms_a_face"]
    found = {(split, truth): numbers for split, truth, numbers in manifest.list_evaluations()}
    assert {split for split, _ in found} >= {"validation", "PublicTest"}
    for (split, truth), numbers in found.items():
        assert numbers.accuracy == stored["metrics"][split][truth]["accuracy"]
        assert sum(map(sum, numbers.confusion)) == numbers.rows


def test_what_is_not_there_is_empty_and_what_is_of_another_form_is_left_out() -> None:
    manifest = Manifest.read(
        {"schema_version": 9, "metrics": {"speed": {}, "new": 3, "PublicTest": {"ferplus": {"rows": 1}}}}
    )
    assert (manifest.keras_sha256, manifest.speed.ms_a_face, manifest.lineage.held_out_by) == (None, None, None)
    assert list(manifest.list_evaluations()) == []


def test_earlier_releases_held_out_rows_by_the_same_under_other_names() -> None:
    lineage = {"dataset_sha256": "d", "seed": 7, "settings": {"recipe": {"held_out": 0.1}}}
    now = {"dataset_sha256": "d", "seed": 1, "settings": {"recipe": {"validation_share": 0.1}, "split_seed": 7}}
    before, after = (Manifest.read({"lineage": each}).lineage.held_out_by for each in (lineage, now))
    assert before == after == ("d", 7, 0.1, True)
