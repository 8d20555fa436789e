"""Reading faces."""

from uuid import uuid4

import pytest
from sqlalchemy import inspect

from db.accounts import api_keys
from db.core.session import Database
from db.core.vocabulary import Emotion
from db.faces.queries import get_face
from tests.support.factories.analyses import Analyses

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_face_comes_with_its_crop_and_its_versions_number_and_no_manifest(
    database: Database, analyses: Analyses
) -> None:
    [face_id] = analyses.store((Emotion.HAPPY, 0.9), crop=b"\x07" * 2304).face_ids
    with database.read() as session:
        face = get_face(session, face_id)
        assert get_face(session, uuid4()) is None
    assert face is not None
    assert (face.crop, face.model_version.number) == (b"\x07" * 2304, 1)
    assert "manifest" in inspect(face.model_version).unloaded


def test_another_applications_face_is_not_found(database: Database, analyses: Analyses) -> None:
    [face_id] = analyses.store((Emotion.HAPPY, 0.9), application="shop").face_ids
    with database.write() as session:
        shop, rival = (api_keys.ensure_application(session, name).id for name in ("shop", "rival"))
        assert get_face(session, face_id, shop) is not None
        assert get_face(session, face_id, rival) is None
