"""The page of models answers whether it got better."""

import re

import pytest

from api.model_versions.assessment_view import choose_versions, draw_versions, name_dataset
from db.core.blobs import BlobStore
from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.model_versions import actions as model_versions
from db.model_versions.files import store_version
from db.model_versions.tables import ModelVersion
from db.reviews.actions import cast_vote
from tests.support.factories.actors import ANA
from tests.support.factories.analyses import Analyses
from tests.support.reviewing import set_slice, vote
from tests.support.visitors import Visitor
from training.export.artifact import PRETRAINED_DIR

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def hard(version: ModelVersion, database: Database, blob_store: BlobStore) -> ModelVersion:
    """A second version, trained on hard labels."""
    return store_version(database, blob_store, "default-hard", PRETRAINED_DIR / "default-hard")


def read_text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@on_sqlite
def test_the_version_in_service_is_held_against_the_one_before(
    viewer: Visitor, database: Database, version: ModelVersion, hard: ModelVersion
) -> None:
    with database.write() as session:
        model_versions.promote(session, model_versions.get_version(session, version.number), ANA, "the first")
    assert f"Would version {hard.number} be better?" in viewer.get("/models")
    with database.write() as session:
        model_versions.promote(session, model_versions.get_version(session, hard.number), ANA, "try it")
    page = viewer.get("/models")
    assert "Did it get better?" in page
    assert f"No, version {hard.number} is worse than version {version.number}." in page
    text = read_text(page)
    assert "Decided by PublicTest, vote majority: accuracy went from 0.840 to 0.694, by -0.146 (95 % interval" in text
    assert "The opposite holds for PublicTest, single label (+0.072)" in text
    other_way = viewer.get("/models", old=hard.number, new=version.number)
    assert f"Yes, version {version.number} is better than version {hard.number}." in other_way


@on_sqlite
def test_the_surest_mistakes_are_shown_as_pictures(
    viewer: Visitor, database: Database, version: ModelVersion, hard: ModelVersion, analyses: Analyses
) -> None:
    face_id = analyses.store((Emotion.SAD, 0.9), version=version.digest).face_ids[0]
    with database.write() as session:
        cast_vote(session, face_id, "ben", VoteChoice.HAPPY)
    page = viewer.get("/models", new=version.number, old=hard.number)
    gallery = page.partition("Worst mistakes")[2]
    assert f'data-correct="{face_id}"' not in gallery  # a viewer has no vote
    assert f"/faces/{face_id}" in gallery
    assert "Reviewers: " in gallery


@on_sqlite
def test_a_comparison_leaves_out_what_a_reviewer_may_still_vote_on_blind(
    viewer: Visitor, reviewer: Visitor, database: Database, version: ModelVersion, hard: ModelVersion,
    analyses: Analyses,
) -> None:  # fmt: skip
    photo = "c" * 64
    first = analyses.store((Emotion.SAD, 0.9), photo=photo, version=version.digest).face_ids[0]
    second = analyses.store((Emotion.HAPPY, 0.9), photo=photo, version=hard.digest).face_ids[0]
    set_slice(database, ReviewSlice.RANDOM, first, second)
    vote(database, first, "ben")  # out of turn, so it waits for its turn
    numbers = [version.number, hard.number]
    assert f"/faces/{first}" in viewer.get("/models/compare", version=numbers)
    assert f"/faces/{first}" not in reviewer.get("/models/compare", version=numbers)


@on_sqlite
def test_versions_that_do_not_exist_are_not_compared(version: ModelVersion, hard: ModelVersion) -> None:
    assert choose_versions([hard, version], [], 7, 8) is None
    assert choose_versions([], []) is None
    found = choose_versions([hard, version], [], hard.number, version.number)
    assert found is not None
    assert (found.old, found.new, found.is_in_service) == (hard, version, False)


@on_sqlite
def test_metrics_over_versions_go_from_the_oldest(
    database: Database, version: ModelVersion, hard: ModelVersion
) -> None:
    with database.read() as session:
        chart = draw_versions(session, [hard, version])
    assert [row[0] for row in chart.table[1:]] == [f"version {version.number}", f"version {hard.number}"]
    assert chart.table[1][2] == "0.840"


def test_datasets_are_named_in_words() -> None:
    assert name_dataset("stress/dark") == "stress test: dark"
    assert name_dataset("PublicTest/ferplus") == "PublicTest, vote majority"
    assert name_dataset("webfaces, even rows") == "webfaces, even rows"
    assert "blind votes" in name_dataset("live")
