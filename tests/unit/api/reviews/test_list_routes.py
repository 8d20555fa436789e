"""What reviewers decided and reported, as lists of the API."""

from collections.abc import Callable

import pytest

from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import Emotion, ReportKind, Role, VoteChoice
from db.jobs.queries import get_job
from db.reviews.actions import cast_vote
from db.reviews.reports import create_report
from tests.support.factories.analyses import Analyses
from tests.support.visitors import Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_decisions_disagreements_reports_and_progress_are_listed(
    visit: Callable[[Role], Visitor], database: Database, analyses: Analyses
) -> None:
    photo = analyses.store(*[(Emotion.HAPPY, 0.6)] * 3)
    agreed, disputed, other = photo.face_ids
    with database.write() as session:
        cast_vote(session, agreed, "ben", VoteChoice.SAD)
        for face_id in (disputed, other):
            for reviewer, choice in (("ben", VoteChoice.SAD), ("cleo", VoteChoice.HAPPY)):
                cast_vote(session, face_id, reviewer, choice)
        job = get_job(session, photo.job_id)
        assert job is not None
        create_report(session, job, ReportKind.MISSED_FACE, Actor.user("ben"), note="behind the post")
    client = visit(Role.ADMINISTRATOR).client
    [label] = client.get("/v1/reviews/labels?label=sad").get_json()["items"]
    assert (label["label"], label["blind_label"], label["vote_count"]) == ("sad", None, 1)
    assert client.get("/v1/reviews/labels?is_blind=true").get_json() == {"items": [], "next": None}
    first = client.get("/v1/reviews/disagreements?limit=1").get_json()
    second = client.get(first["next"]).get_json()
    found = [*first["items"], *second["items"]]
    assert [each["face_id"] for each in found] == [str(other), str(disputed)]
    assert [(vote["reviewer"], vote["choice"]) for vote in found[0]["votes"]] == [("ben", "sad"), ("cleo", "happy")]
    assert second["next"] is None
    [report] = client.get("/v1/reviews/reports").get_json()["items"]
    assert (report["kind"], report["note"], report["job_id"]) == ("missed_face", "behind the post", str(photo.job_id))
    [ben, cleo] = client.get("/v1/reviews/progress").get_json()["items"]
    assert (ben["reviewer"], ben["votes"], cleo["votes"]) == ("ben", 3, 2)


def test_who_said_what_is_shown_to_administrators_alone(visit: Callable[[Role], Visitor]) -> None:
    assert visit(Role.REVIEWER).client.get("/v1/reviews/disagreements").status_code == 403
    assert visit(Role.VIEWER).client.get("/v1/reviews/labels").status_code == 403


def test_votes_come_in_pages(visit: Callable[[Role], Visitor], database: Database, analyses: Analyses) -> None:
    reviewer = visit(Role.REVIEWER)
    faces = analyses.store(*[(Emotion.HAPPY, 0.6)] * 3).face_ids
    for face_id in faces:
        made = reviewer.client.post(
            "/v1/reviews/votes",
            json={"face_id": str(face_id), "choice": "sad"},
            headers={"X-CSRF-Token": reviewer.csrf_token},
        )
        assert made.status_code == 201, made.text
    page = reviewer.client.get("/v1/reviews/votes?limit=2").get_json()
    rest = reviewer.client.get(page["next"]).get_json()
    assert [vote["face_id"] for vote in (*page["items"], *rest["items"])] == [str(each) for each in reversed(faces)]
    assert rest["next"] is None
