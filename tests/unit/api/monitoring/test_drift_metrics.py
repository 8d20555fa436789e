from apiflask import APIFlask

from db.core.session import Database
from db.core.vocabulary import Emotion, VoteChoice
from db.reviews.actions import cast_vote
from tests.support.factories.analyses import Analyses


def test_drift_is_measured_at_a_scrape_and_kept_for_minutes(
    app: APIFlask, database: Database, analyses: Analyses
) -> None:
    client = app.test_client()
    stored = analyses.store((Emotion.HAPPY, 0.75), box=(0, 0, 64, 80))
    with database.write() as session:
        cast_vote(session, stored.face_ids[0], "ana", VoteChoice.SAD)
    first = client.get("/metrics").text
    assert 'emoscope_drift_faces{emotion="happy",period="current"} 1.0' in first
    assert 'emoscope_drift_faces{emotion="happy",period="reference"} 0.0' in first
    assert 'emoscope_drift_confidence{period="current"} 0.75' in first
    assert 'emoscope_drift_face_pixels{period="current"} 64.0' in first
    assert 'emoscope_drift_confidence{period="reference"}' not in first
    analyses.store((Emotion.HAPPY, 0.75))
    assert 'emoscope_drift_faces{emotion="happy",period="current"} 1.0' in client.get("/metrics").text
