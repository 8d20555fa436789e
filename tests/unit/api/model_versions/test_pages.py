"""A version's page shows every figure of its manifest: here those of the version that ships."""

import csv
import html
import io
import json
import re
from typing import Any

import pytest

from db.core.actors import Actor
from db.core.blobs import BlobStore
from db.core.session import Database
from db.core.vocabulary import EMOTIONS, PRETRAINED_CHAMPION, Emotion
from db.model_versions import actions as model_versions
from db.model_versions import shadow
from db.model_versions.files import store_version
from db.model_versions.tables import ModelVersion
from tests.support.factories.analyses import Analyses
from tests.support.factories.faces import spread
from tests.support.markup import flatten
from tests.support.shipped import FOLDER
from tests.support.visitors import Visitor
from training.export.artifact import PRETRAINED_DIR

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PARTS = ("validation", "PublicTest")
TRUTHS = ("fer2013", "ferplus")


def list_numbers(version: ModelVersion) -> list[dict[str, Any]]:
    """The figures of every part against every truth, in the order in which the page shows them."""
    metrics = version.manifest["metrics"]
    return [metrics[part][truth] for part in reversed(PARTS) for truth in reversed(TRUTHS)]


def list_rows(table: str) -> list[list[str]]:
    """The text of the cells of each row of a table's body."""
    body = table.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in body.split("</tr>")]
    return [[re.sub(r"<[^>]*>", "", cell).strip() for cell in row] for row in rows if row]


def list_charts(text: str, title: str) -> list[list[list[str]]]:
    """The tables below the charts of a title, by their rows."""
    charts = [part for part in text.split("<figure") if f"<strong>{title}" in part]
    assert all('<path class="line' in part or "<rect" in part for part in charts)
    return [list_rows(part) for part in charts]


def test_the_tiles_show_what_it_reached(text: str, version: ModelVersion) -> None:
    found = re.findall(r'<dl class="tiles" aria-label="([^"]+)">(.*?)</dl>', text, re.DOTALL)
    assert [title for title, _ in found] == [
        "PublicTest, vote majority",
        "PublicTest, single label",
        "validation set, vote majority",
        "validation set, single label",
    ]
    for (_, tiles), numbers in zip(found, list_numbers(version), strict=True):
        for key in ("accuracy", "macro_f1", "calibration_error", "log_loss"):
            assert f'<dd class="number">{numbers[key]:.3f}</dd>' in tiles, key
        low, high = numbers["intervals"]["accuracy"]
        assert f"accuracy, {low:.3f} to {high:.3f}" in tiles
        assert f"{numbers['rows']:,}" in tiles


def test_every_confusion_is_counted_out(text: str, version: ModelVersion) -> None:
    tables = re.findall(r'<table class="confusion">.*?</table>', text, re.DOTALL)
    for table, numbers in zip(tables, list_numbers(version), strict=True):
        expected = [
            [emotion.value, *(f"{count:,}" for count in counts)]
            for emotion, counts in zip(EMOTIONS, numbers["confusion"], strict=True)
        ]
        assert list_rows(table) == expected
        assert table.count(" right") == len(EMOTIONS)


def test_precision_recall_and_f1_are_drawn_and_told(text: str, version: ModelVersion) -> None:
    for rows, numbers in zip(list_charts(text, "By emotion"), list_numbers(version), strict=True):
        expected = [
            [name, *(f"{numbers['per_class'][name][key]:.3f}" for key in ("precision", "recall", "f1"))]
            for name in EMOTIONS
        ]
        assert rows == expected


def test_the_reliability_is_drawn_at_its_confidences(text: str, version: ModelVersion) -> None:
    for rows, numbers in zip(list_charts(text, "Reliability"), list_numbers(version), strict=True):
        bins = numbers["reliability"]
        assert rows == [
            [f"{confidence:.3f}", f"{confidence:.3f}", f"{accuracy:.3f}"] for confidence, accuracy, _ in bins
        ]
        for confidence, accuracy, _ in bins:
            assert f"M{round(confidence * 100, 2)} {round(100 - accuracy * 100, 2)}h0" in text


def test_the_curves_have_every_epoch(text: str) -> None:
    epochs = json.loads((FOLDER / "history.json").read_text())["epochs"]
    for key, title in (("loss", "Loss by epoch"), ("accuracy", "Accuracy by epoch")):
        [rows] = list_charts(text, title)
        assert rows == [[str(each["epoch"]), f"{each[key]:.2f}", f"{each['val_' + key]:.2f}"] for each in epochs]


def test_where_it_comes_from_is_told_and_its_files(text: str, version: ModelVersion) -> None:
    lineage, files = version.manifest["lineage"], version.manifest["files"]
    for name, value in (
        ("Labels", lineage["labels"]),
        ("Rows, teaching", f"{lineage['row_counts']['teaching']:,}"),
        ("Epochs", str(lineage["epochs_done"])),
        ("Seed", str(lineage["seed"])),
        ("Started from", f"<code>{lineage['parent'][:12]}</code>"),
        ("keras", lineage["library_versions"]["keras"]),
        ("Time per face", f"{version.manifest['metrics']['speed']['ms_a_face']:.2f} ms"),
    ):
        assert re.search(rf"<dt>{name}</dt><dd[^>]*>{re.escape(value)}</dd>", flatten(text)), name
    for sha256 in (*lineage["teachers"], lineage["dataset_sha256"], *(file["sha256"] for file in files.values())):
        assert f'<code title="{sha256}">{sha256[:12]}' in text
    assert {"history.json", "model_card.md", "model.keras", "model.tflite"} <= set(
        re.findall(r"<td>([\w.]+)</td>", text)
    )


def test_the_card_is_set_as_text(text: str) -> None:
    card = text.partition("<h2>Model card</h2>")[2]
    assert "A convolutional network that gives seven probabilities for one face" in card
    assert "<td>the distribution of ten people's votes</td>" in card
    assert "# Model card" not in text


def test_the_list_and_a_comparison_show_the_same_figures(
    viewer: Visitor, version: ModelVersion, database: Database, blob_store: BlobStore
) -> None:
    other = store_version(database, blob_store, "default-hard", PRETRAINED_DIR / "default-hard")
    numbers = version.manifest["metrics"]["PublicTest"]["ferplus"]
    listed = viewer.get("/models").partition(f"{version.number}, {PRETRAINED_CHAMPION}")[2].partition("</tr>")[0]
    for key in ("accuracy", "macro_f1", "calibration_error"):
        assert f'class="number">{numbers[key]:.3f}</td>' in listed, key
    compared = flatten(viewer.get("/models/compare", version=[version.number, other.number]))
    theirs = other.manifest["metrics"]["PublicTest"]["fer2013"]["accuracy"]
    mine = version.manifest["metrics"]["PublicTest"]["fer2013"]["accuracy"]
    row = f'<td class="number">{mine:.3f}</td><td class="number">{theirs:.3f}</td>'
    assert row in compared
    assert f"{theirs - mine:+.3f}</td>" in compared


def test_the_list_says_that_a_newer_release_has_never_been_in_service(
    viewer: Visitor, version: ModelVersion, database: Database
) -> None:
    with database.write() as session:
        model_versions.promote(
            session, model_versions.get_version(session, version.number), Actor.system("emoscope"), "first"
        )
    assert "came with a newer release" not in viewer.get("/models")
    with database.write() as session:
        newer = model_versions.add_version(session, PRETRAINED_CHAMPION, "newer", version.manifest)
    text = viewer.get("/models")
    assert f"Version {newer.number} came with a newer release" in text
    link = f'href="/models/compare?version={version.number}&amp;version={newer.number}"'
    assert link in text
    viewer.get("/models/compare", version=[version.number, newer.number])


def test_a_comparison_is_downloaded_by_its_links_where_there_is_something_to_download(
    viewer: Visitor, version: ModelVersion, database: Database, analyses: Analyses
) -> None:
    with database.write() as session:
        other = model_versions.add_version(session, "other", "e" * 64, version.manifest)
    asked = {"version": [version.number, other.number]}
    assert "Download differing faces" not in viewer.get("/models/compare", **asked)
    photo = analyses.store((Emotion.HAPPY, 0.8), (Emotion.SAD, 0.7), version=version.digest)
    said = dict(zip(photo.face_ids, (spread(Emotion.HAPPY, 0.9), spread(Emotion.ANGRY, 0.9)), strict=True))
    with database.write() as session:
        shadow.add_shadow_predictions(session, other.id, said)
    page = flatten(viewer.get("/models/compare", **asked))
    links = [
        html.unescape(found) for found in re.findall(r'href="([^"]*)" download><span[^>]*>Download differing', page)
    ]
    by_csv, by_lines = (viewer.get(link) for link in links)
    [row] = csv.DictReader(io.StringIO(by_csv))
    assert (row["face_id"], row["first.emotion"], row["second.emotion"]) == (str(photo.face_ids[1]), "sad", "angry")
    [line] = [json.loads(line) for line in by_lines.splitlines()]
    assert line["face_id"] == row["face_id"]
