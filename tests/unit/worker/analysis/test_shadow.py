"""Shadow mode in a worker child, with the versions that ship."""

import pytest
from sqlalchemy import select

from db.core.vocabulary import Emotion
from db.faces.tables import Face
from db.model_versions import actions as model_versions
from db.model_versions import shadow
from db.model_versions.tables import ModelVersion, ShadowPrediction
from emoscope.stack.provision import register_shipped_models
from tests.support.factories.actors import TEST
from tests.support.factories.analyses import Analyses
from worker.analysis.process import WorkerProcess
from worker.analysis.shadow import classify_in_shadow
from worker.core.services import Services

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def champion(services: Services) -> ModelVersion:
    register_shipped_models(services.database, services.blobs, lambda _step: None)
    with services.database.read() as session:
        version = model_versions.get_champion(session)
    assert version is not None
    return version


@pytest.fixture
def process(services: Services, champion: ModelVersion) -> WorkerProcess:
    """A child that follows the challenger, but gives no sign of life."""
    with services.database.write() as session:
        other = next(each for each in model_versions.list_versions(session) if each.id != champion.id)
        shadow.start_shadow(session, other, TEST, "for the test")
    process = WorkerProcess(services)
    assert process.challengers.refresh()
    return process


def list_judgments(services: Services) -> list[ShadowPrediction]:
    with services.database.read() as session:
        return list(session.scalars(select(ShadowPrediction).join(Face).order_by(Face.position)))


def test_the_challenger_judges_each_face_of_a_job(
    process: WorkerProcess, services: Services, champion: ModelVersion, analyses: Analyses
) -> None:
    photo = analyses.store((Emotion.HAPPY, 0.8), (Emotion.SAD, 0.7), version=champion.digest)
    classify_in_shadow(process, photo.job_id)
    judgments = list_judgments(services)
    assert [each.face_id for each in judgments] == photo.face_ids
    for each, emotion in zip(judgments, (Emotion.HAPPY, Emotion.SAD), strict=True):
        assert sum(each.probabilities) == pytest.approx(1, abs=1e-4)
        assert each.model_version_id == process.challengers.current.version_id
        assert each.predicted_by_id == champion.id
        assert each.differs == (each.emotion is not emotion)


def test_what_goes_wrong_in_shadow_mode_is_nobodys_trouble(
    process: WorkerProcess, services: Services, champion: ModelVersion, analyses: Analyses
) -> None:
    photo = analyses.store((Emotion.HAPPY, 0.8), version=champion.digest, crop=b"no crop")
    classify_in_shadow(process, photo.job_id)
    assert list_judgments(services) == []


def test_without_a_challenger_nothing_is_judged(
    process: WorkerProcess, services: Services, champion: ModelVersion, analyses: Analyses
) -> None:
    with services.database.write() as session:
        shadow.stop_shadow(session, TEST)
    process.challengers.refresh()
    classify_in_shadow(process, analyses.store((Emotion.HAPPY, 0.8), version=champion.digest).job_id)
    assert list_judgments(services) == []
