"""What a run will do, told before it starts."""

import pytest

from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.model_versions import actions as model_versions
from db.reviews.actions import cast_vote
from db.reviews.queue import take_faces
from db.training_runs.plan import MIN_REVIEWED_FACES, DatasetFiles, PlanImpossible, RunPlan, plan_run
from tests.support.factories.actors import TEST
from tests.support.factories.analyses import Analyses
from tests.support.factories.model_versions import make_manifest, make_metrics

CSV_ALONE = DatasetFiles(has_csv=True, has_votes=False)
CSV_AND_VOTES = DatasetFiles(has_csv=True, has_votes=True)


def add(database: Database, name: str, labels: str, accuracy: float | None = None, *, promote: bool = False) -> None:
    metrics = {} if accuracy is None else {"PublicTest": make_metrics(fer2013={"accuracy": accuracy})}
    manifest = make_manifest("default", lineage={"labels": labels}, metrics=metrics)
    with database.write() as session:
        version = model_versions.add_version(session, name, name, manifest)
        if promote:
            model_versions.promote(session, version, TEST, "first")


def plan(database: Database, files: DatasetFiles = CSV_ALONE, *, from_scratch: bool = False) -> RunPlan:
    with database.read() as session:
        return plan_run(session, files, from_scratch=from_scratch)


def test_a_csv_alone_trains_on_its_labels_from_the_best_version_on_such_labels(database: Database) -> None:
    add(database, "default", "votes", 0.61, promote=True)
    for name, accuracy in (("report", 0.56), ("default-hard", 0.70), ("poor", None), ("middling", 0.6)):
        add(database, name, "single", accuracy)
    found = plan(database)
    assert (found.labels, found.champion.number, found.champion.labels) == ("hard", 1, "soft")
    assert [version.name for version in found.references] == ["default-hard", "middling", "report"]
    assert (found.is_across_labels, found.is_from_scratch, found.can_replace_champion) == (True, False, False)
    said = " ".join(found.summary)
    assert f"can't replace version 1 (default) yet: that takes reviewers' labels of {MIN_REVIEWED_FACES} faces" in said
    assert "put version 3 in service" in said


@pytest.mark.parametrize(
    ("champion", "files", "labels"),
    [("votes", CSV_AND_VOTES, "soft"), ("single", CSV_ALONE, "hard"), ("single", CSV_AND_VOTES, "hard")],
)
def test_a_run_on_the_champions_labels_is_compared_with_it_alone(
    database: Database, champion: str, files: DatasetFiles, labels: str
) -> None:
    add(database, "better", champion, 0.9)
    add(database, "champion", champion, 0.5, promote=True)
    found = plan(database, files)
    assert (found.labels, found.references, found.can_replace_champion) == (labels, [], True)
    assert "from the weights of version 2 (champion)" in found.summary[0]
    assert "from fresh weights" in plan(database, files, from_scratch=True).summary[0]


def test_without_a_version_on_the_csvs_labels_the_run_starts_from_scratch(database: Database) -> None:
    add(database, "default", "votes", promote=True)
    found = plan(database)
    assert (found.references, found.is_from_scratch) == ([], True)
    assert "from fresh weights" in found.summary[0]


def test_faces_drawn_at_random_decide_once_enough_of_them_have_labels(
    database: Database, analyses: Analyses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.training_runs.plan.MIN_REVIEWED_FACES", 1)
    add(database, "default", "votes", promote=True)
    stored = analyses.store((Emotion.HAPPY, 0.6))
    with database.write() as session:  # one of the uncertain slice: it may train, and can't judge
        cast_vote(session, stored.face_ids[0], "ana", VoteChoice.SAD)
    assert not plan(database).can_replace_champion
    _label_a_random_face(database, analyses)
    found = plan(database)
    assert (found.reviewed_faces, found.can_replace_champion) == (1, True)
    assert "only if the reviewers' labels show that it is better" in " ".join(found.summary)


def _label_a_random_face(database: Database, analyses: Analyses) -> None:
    from tests.support.factories.analyses import Place, find_photo

    photo = find_photo(ReviewSlice.RANDOM, [Place(10, 10, 80, 80)])
    analyses.store((Emotion.HAPPY, 0.6), photo=photo)
    with database.write() as session:
        (taken,) = [face for face in take_faces(session, "ana", limit=5) if face.slice is ReviewSlice.RANDOM]
        cast_vote(session, taken.face_id, "ana", VoteChoice.SAD)


@pytest.mark.parametrize("files", [DatasetFiles(has_csv=False, has_votes=True), CSV_ALONE])
def test_a_run_without_dataset_or_champion_is_impossible(database: Database, files: DatasetFiles) -> None:
    with pytest.raises(PlanImpossible) as caught:
        plan(database, files)
    assert caught.value.code == "retraining_impossible"
