import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db.core.vocabulary import PRETRAINED_CHAMPION
from tests.support.factories.model_versions import make_manifest
from training.errors import ArtifactDamagedError, ArtifactError
from training.export.artifact import (
    find_pretrained,
    list_pretrained,
    parse_manifest,
    read_manifest,
    read_served,
    verify_file,
    verify_files,
    write_manifest,
)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of a shipped version."""
    return shutil.copytree(list_pretrained()[PRETRAINED_CHAMPION], tmp_path / "version")


def change(folder: Path, **fields: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_every_shipped_version_is_whole_and_says_where_it_comes_from() -> None:
    shipped = list_pretrained()
    assert next(iter(shipped)) == PRETRAINED_CHAMPION
    for folder in shipped.values():
        manifest = verify_files(folder)
        assert manifest.lineage.epochs_done > 0 or manifest.lineage.parent is not None
        assert len(manifest.lineage.dataset_sha256) == 64
        assert 0 < manifest.metrics["PublicTest"]["fer2013"]["accuracy"] < 1
        assert sum(record.bytes for record in manifest.files.values()) < 20_000_000
        assert "/" not in str(manifest.lineage.settings["csv_path"])


def test_a_manifest_comes_back_as_it_was_written(shipped: Path) -> None:
    manifest = read_manifest(shipped)
    write_manifest(manifest, shipped)
    assert read_manifest(shipped) == manifest
    assert parse_manifest(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_a_version_made_before_there_were_framings_sees_the_crop_as_it_is(shipped: Path) -> None:
    plain = read_manifest(shipped).to_json()
    del plain["crop_scales"]
    assert parse_manifest(plain).crop_scales == (48,)


@pytest.mark.parametrize(
    ("form", "name", "found"), [(1, "default", "small"), (1, "report", "report"), (2, "default", "default")]
)
def test_the_first_form_of_a_manifest_says_default_where_it_means_small(
    shipped: Path, form: int, name: str, found: str
) -> None:
    change(shipped, schema_version=form, architecture=name)
    assert read_manifest(shipped).architecture == found
    write_manifest(read_manifest(shipped), shipped)
    assert read_manifest(shipped).architecture == found


@pytest.mark.parametrize("name", ["model.keras", "model.tflite", "model_card.md", "history.json"])
def test_a_changed_or_missing_file_is_refused(shipped: Path, name: str) -> None:
    content = (shipped / name).read_bytes()
    (shipped / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArtifactDamagedError, match=f"{name} is damaged") as caught:
        verify_files(shipped)
    assert caught.value.code == "artifact_damaged"
    (shipped / name).unlink()
    with pytest.raises(ArtifactDamagedError, match=f"{name} is missing"):
        verify_files(shipped)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schema_version": 4}, "has form 4"),
        ({"emotions": ["angry"]}, "classes are angry"),
        ({"input_dtype": "float32"}, "the input is"),
        ({"files": {}}, "does not name model.keras"),
        (
            {
                "files": {
                    name: {"sha256": "0", "bytes": 1}
                    for name in ("model.keras", "model.tflite", "model_card.md", "history.json", "../x")
                }
            },
            "not a file name",
        ),
        (make_manifest("other"), "not complete"),
        ({"temperature": None, "votes": None}, "not complete"),
        ({"votes": {"offsets": [0.0] * 7}}, "not complete"),
    ],
)
@pytest.mark.parametrize("read", [read_manifest, read_served])
def test_a_manifest_that_this_release_cannot_serve_is_refused(
    shipped: Path, fields: dict[str, Any], message: str, read: Callable[[Path], object]
) -> None:
    change(shipped, **fields)
    with pytest.raises(ArtifactError, match=message) as caught:
        read(shipped)
    assert caught.value.code == "artifact_invalid"


def test_a_manifest_without_its_lineage_is_refused(shipped: Path) -> None:
    change(shipped, lineage={})
    with pytest.raises(ArtifactError, match="not complete: lineage"):
        read_manifest(shipped)


@pytest.mark.parametrize("fields", [{}, {"votes": None}, {"votes": {"scale": 2}}], ids=["votes", "none", "scale alone"])
def test_serving_reads_the_same_as_everything_else(fields: dict[str, Any], shipped: Path) -> None:
    for folder in (*list_pretrained().values(), shipped):
        if folder == shipped:
            change(folder, **fields)
        manifest, served = read_manifest(folder), read_served(folder)
        assert served.files == manifest.files
        assert served.vote_calibration == manifest.vote_calibration


def test_serving_reads_old_forms_too(shipped: Path) -> None:
    change(shipped, schema_version=1, architecture="report")
    assert read_served(shipped).files == read_manifest(shipped).files


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_what_is_no_manifest_is_refused(shipped: Path, text: str) -> None:
    (shipped / "manifest.json").write_text(text)
    for read in (read_manifest, read_served):
        with pytest.raises(ArtifactError):
            read(shipped)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="can't be read"):
        read_manifest(tmp_path)


def test_one_file_is_verified_by_its_digest(shipped: Path) -> None:
    record = read_manifest(shipped).files["model.tflite"]
    verify_file(shipped / "model.tflite", record.sha256)
    with pytest.raises(ArtifactDamagedError):
        verify_file(shipped / "model.tflite", "0" * 64)


def test_artifacts_gate_and_figures_need_no_tensorflow() -> None:
    modules = (
        "training.export.artifact, training.evaluation.gate, training.evaluation.metrics, training.export.lite, "
        "training.fit.settings"
    )
    code = f"import {modules}, sys; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "folder"), [("default-votes", "default"), ("default-single", "default-hard"), ("report", "report")]
)
def test_a_shipped_version_is_found_by_its_old_name_too(name: str, folder: str) -> None:
    found = find_pretrained(name)
    assert found is not None
    assert found.name == folder
    assert find_pretrained("absent") is None
