import copy
import re

import pytest

from api.model_versions.metric_charts import pair_metrics
from db.core.blobs import BlobStore
from db.core.session import Database
from db.model_versions.files import store_version
from db.model_versions.manifest import Manifest
from db.model_versions.tables import ModelVersion
from tests.support.visitors import Visitor
from training.export.artifact import PRETRAINED_DIR


def list_compared(viewer: Visitor, *versions: ModelVersion) -> list[str]:
    text = viewer.get("/models/compare", version=[version.number for version in versions])
    return re.findall(r'<section class="card" aria-label="([^"]+)">', text)


def test_figures_on_different_rows_are_not_set_side_by_side(
    viewer: Visitor, version: ModelVersion, database: Database, blob_store: BlobStore
) -> None:
    report = store_version(database, blob_store, "report", PRETRAINED_DIR / "report")
    assert list_compared(viewer, version, report) == ["PublicTest, single label", "PublicTest, vote majority"]
    text = viewer.get("/models/compare", version=[version.number, report.number])
    left_out = "validation set, single label; validation set, vote majority"
    assert f"Not compared, because the two were evaluated on different rows: {left_out}." in text
    single = store_version(database, blob_store, "default-hard", PRETRAINED_DIR / "default-hard")
    assert len(list_compared(viewer, version, single)) == 4
    assert "Not compared" not in viewer.get("/models/compare", version=[version.number, single.number])


@pytest.mark.parametrize("changed", ["dataset", "split seed", "seed", "share", "votes", "settings", "rows"])
def test_held_out_rows_are_the_same_only_where_all_that_chose_them_is(version: ModelVersion, changed: str) -> None:
    other = copy.deepcopy(version.manifest)
    assert len(pair_metrics(version.document, Manifest.read(other)).pairs) == 4
    settings, metrics = other["lineage"]["settings"], other["metrics"]
    if changed == "dataset":
        other["lineage"]["dataset_sha256"] = "0" * 64
    elif changed == "split seed":
        settings["split_seed"] = 2
    elif changed == "seed":
        settings["split_seed"] = None
    elif changed == "share":
        settings["recipe"]["held_out"] = 0.1
    elif changed == "votes":
        settings["votes_path"] = None
    elif changed == "settings":
        other["lineage"]["settings"] = {}
    else:
        metrics["validation"]["fer2013"]["rows"] += 1
        metrics["validation"]["ferplus"]["rows"] += 1
        metrics["PublicTest"]["fer2013"]["rows"] += 1
    compared = pair_metrics(version.document, Manifest.read(other))
    held_out = ["validation set, single label", "validation set, vote majority"]
    assert compared.left_out == [*held_out, *(["PublicTest, single label"] if changed == "rows" else [])]
    assert len(compared.pairs) == 4 - len(compared.left_out)
    same = pair_metrics(Manifest.read(other), Manifest.read(other))
    assert len(same.pairs) == (2 if changed == "settings" else 4)
