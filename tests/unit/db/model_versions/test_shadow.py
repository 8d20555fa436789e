"""Shadow mode: what the challenger says is stored beside what the champion said, and compared."""

import pytest

from db.accounts.audit_log import list_audit_events
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import Emotion
from db.jobs.erasure import erase_job
from db.model_versions import actions as model_versions
from db.model_versions import shadow
from db.model_versions.tables import ModelVersion, ShadowPrediction
from tests.support.factories.actors import ANA
from tests.support.factories.analyses import Analyses
from tests.support.factories.faces import spread
from tests.support.factories.model_versions import make_manifest


def test_a_challenger_is_set_replaced_and_ended_with_who_and_why(
    database: Database, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    with database.write() as session:
        third = model_versions.add_version(session, "third", "third", make_manifest())
        assert shadow.start_shadow(session, versions[1], ANA, "try it")
        assert not shadow.start_shadow(session, versions[1], ANA, "again")
        assert shadow.start_shadow(session, third, Actor.user("ben"), "try this one")
    with database.write() as session:
        assert shadow.stop_shadow(session, Actor.user("eva")).number == third.number
        assert model_versions.get_challenger(session) is None
        with pytest.raises(shadow.NoChallenger):
            shadow.stop_shadow(session, Actor.user("eva"))
    with database.read() as session:
        log = [(change.actor, change.action, change.subject) for change in list_audit_events(session, limit=3)]
    assert log == [
        ("eva", "model.shadow_end", f"model_version:{third.number}"),
        ("ben", "model.shadow", f"model_version:{third.number}"),
        ("ana", "model.shadow", f"model_version:{versions[1].number}"),
    ]


def test_the_version_in_service_cannot_be_its_own_challenger(
    database: Database, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    with database.write() as session, pytest.raises(shadow.AlreadyInService):
        shadow.start_shadow(session, versions[0], ANA, "why not")


def test_a_challenger_that_is_promoted_leaves_shadow_mode(
    database: Database, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    with database.write() as session:
        shadow.start_shadow(session, versions[1], ANA, "try it")
        model_versions.promote(session, versions[1], ANA, "it is better")
        assert model_versions.get_challenger(session) is None


def test_the_challenger_is_asked_only_about_faces_that_it_did_not_judge_itself(
    database: Database, analyses: Analyses, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    theirs = analyses.store((Emotion.HAPPY, 0.8), version="first", crop=bytes([7]) * 2304)
    its_own = analyses.store((Emotion.HAPPY, 0.8), version="second")
    with database.read() as session:
        [face] = shadow.list_faces_to_classify(session, theirs.job_id, versions[1].id)
        assert (face.id, face.crop) == (theirs.face_ids[0], bytes([7]) * 2304)
        assert not shadow.list_faces_to_classify(session, its_own.job_id, versions[1].id)


def test_what_the_challenger_said_is_erased_with_the_job(
    database: Database, analyses: Analyses, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    photo = analyses.store((Emotion.HAPPY, 0.8))
    with database.write() as session:
        shadow.add_shadow_predictions(session, versions[1].id, {photo.face_ids[0]: spread(Emotion.SAD, 0.9)})
        assert session.query(ShadowPrediction).count() == 1
        erase_job(session, photo.job_id)
        assert session.query(ShadowPrediction).count() == 0
        # a worker that comes back late with the answer finds no face to store it for
        shadow.add_shadow_predictions(session, versions[1].id, {photo.face_ids[0]: spread(Emotion.SAD, 0.9)})
        assert session.query(ShadowPrediction).count() == 0
