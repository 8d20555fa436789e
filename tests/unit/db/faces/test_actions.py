"""Faces stored by a worker."""

from typing import Any

import pytest
from sqlalchemy import select

from db.core.session import Database
from db.core.vocabulary import Emotion, FaceCondition
from db.faces.actions import add_faces
from db.faces.tables import Face
from tests.support.factories.faces import make_new_face
from tests.support.factories.jobs import add_job
from tests.support.factories.model_versions import find_or_add_version

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def store(database: Database, *faces: dict[str, Any]) -> list[Face]:
    job_id = add_job(database)
    with database.write() as session:
        version_id = find_or_add_version(session, "v").id
        add_faces(session, job_id, [make_new_face(version_id, **face) for face in faces])
    with database.read() as session:
        return list(session.scalars(select(Face).order_by(Face.position)))


def test_faces_keep_their_order_and_know_how_sure_the_model_was(database: Database) -> None:
    found = store(
        database,
        {"probabilities": (0.1, 0.0, 0.0, 0.6, 0.3, 0.0, 0.0), "x": 7},
        {"probabilities": (0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.5), "x": 3},
    )
    assert [(face.position, face.x, face.emotion, face.confidence) for face in found] == [
        (0, 7, Emotion.HAPPY, 0.6), (1, 3, Emotion.SAD, 0.5),
    ]  # fmt: skip
    assert [round(face.margin, 9) for face in found] == [0.3, 0.0]


def test_what_a_model_does_not_tell_stays_unknown(database: Database) -> None:
    sure = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    silent, telling = store(
        database,
        {"probabilities": sure},
        {"probabilities": sure, "vote_shares": sure, "conditions": (FaceCondition.COVERED,)},
    )
    assert (silent.vote_shares, silent.conditions) == (None, None)
    assert (telling.vote_shares, telling.conditions) == (list(sure), ["covered"])
