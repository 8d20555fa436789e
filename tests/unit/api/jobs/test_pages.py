"""Job pages: all users see jobs, reviewers retry and cancel them, administrators erase them."""

import hashlib
import io
import re
from collections.abc import Callable
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.session import Database
from db.core.vocabulary import Emotion, ReviewSlice, Role
from db.reviews.tables import ResultView, ReviewItem
from tests.support.markup import flatten
from tests.support.played_worker import PlayedWorker
from tests.support.reviewing import set_slice
from tests.support.visitors import Visitor


def test_the_list_filters_by_what_happened(viewer: Visitor, submit: Callable[..., str], worker: PlayedWorker) -> None:
    broken, happy, waiting = submit(), submit(), submit()
    worker.fail(worker.claim(broken), "broken_picture")
    worker.analyze(happy, worker.see(Emotion.HAPPY))

    def find(**asked: str) -> set[str]:
        text = viewer.get("/jobs", **asked)
        return {job for job in (broken, happy, waiting) if f"/jobs/{job}" in text}

    assert find() == {broken, happy, waiting}
    assert find(status="failed", error_code="broken_picture") == {broken}
    assert find(error_code="time_limit") == set()
    assert find(emotion="happy", status="") == {happy}
    assert find(emotion="sad") == set()
    assert find(until="2020-01-01") == set()
    assert find(since="2020-01-01") == {broken, happy, waiting}


def test_the_list_comes_in_pages(viewer: Visitor, submit: Callable[..., str]) -> None:
    made = [submit() for _ in range(27)]
    first = viewer.get("/jobs")
    assert sum(f"/jobs/{job}" in first for job in made) == 25
    assert made[-1] in first
    second = viewer.get("/jobs", before=made[2])
    assert [job for job in made if f"/jobs/{job}" in second] == made[:2]


def test_a_job_shows_its_faces_and_what_happened(
    viewer: Visitor, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see(Emotion.SURPRISED, 0.81, (4, 5, 20, 21)), worker.see(Emotion.SAD, 0.3))
    text = flatten(viewer.get(f"/jobs/{job_id}"))
    assert '<rect class="box surprised" x="4" y="5" width="20" height="21"' in text
    assert "0.810" in text
    assert "The model is uncertain" in text
    assert [word for word in ("queued", "running", "succeeded") if f'<span class="pill {word}">' in text] == [
        "queued",
        "running",
        "succeeded",
    ]
    preview = viewer.client.get(f"/jobs/{job_id}/preview")
    assert (preview.status_code, preview.mimetype) == (200, "image/jpeg")


def test_a_reviewer_tries_again_with_the_same_photo_and_options(
    reviewer: Visitor, submit: Callable[..., str], worker: PlayedWorker, database: Database
) -> None:
    job_id = submit(min_face_px=40, priority="bulk")
    worker.fail(worker.claim(job_id), "time_limit")
    status, location = reviewer.post(f"/jobs/{job_id}/retry")
    assert status == 303
    new_id = location.removeprefix("/jobs/").partition("?")[0]
    assert new_id != job_id
    text = reviewer.get(f"/jobs/{new_id}")
    assert "bulk" in text
    assert "reviewer" in text
    with database.read() as session:
        [event] = list_audit_events(session, AuditFilter(action="job.retry"))
    assert event.details == {"new_job": new_id}


def test_a_job_that_has_ended_can_not_be_canceled(
    reviewer: Visitor, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    job_id = submit()
    assert reviewer.post(f"/jobs/{job_id}/cancel")[0] == 303
    assert '<span class="pill canceled">' in reviewer.get(f"/jobs/{job_id}")
    assert reviewer.post(f"/jobs/{job_id}/cancel")[0] == 409


def test_erasing_leaves_nothing_but_the_note_of_it(
    administrator: Visitor, submit: Callable[..., str], worker: PlayedWorker, database: Database
) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see())
    assert administrator.post(f"/jobs/{job_id}/erase") == (303, "/jobs")
    assert administrator.client.get(f"/jobs/{job_id}").status_code == 404
    assert administrator.client.get(f"/jobs/{job_id}/preview").status_code == 404
    with database.read() as session:
        [event] = list_audit_events(session, AuditFilter(subject=f"job:{job_id}"))
    assert (event.actor, event.action) == ("administrator", "job.erase")


def test_jobs_are_found_by_name_id_and_digest(viewer: Visitor, client: FlaskClient, photo: bytes) -> None:
    for name in ("Team_100%.jpg", "lobby.jpg"):
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        assert client.post("/v1/jobs", data={"image": (io.BytesIO(photo), name)}, headers=headers).status_code == 202
    [job_id] = set(re.findall(r'/jobs/([0-9a-f-]{36})"', viewer.get("/jobs", q="team_100%")))
    assert "lobby.jpg" in viewer.get("/jobs", q="LOBBY")
    assert "No job matches the filter" in viewer.get("/jobs", q="team.100")
    assert re.findall(r'/jobs/([0-9a-f-]{36})"', viewer.get("/jobs", q=job_id)) == [job_id]
    digest = hashlib.sha256(photo).hexdigest()
    assert len(re.findall(r'/jobs/([0-9a-f-]{36})"', viewer.get("/jobs", q=digest))) == 2


def test_a_photo_that_is_still_to_be_fetched_says_from_where(
    viewer: Visitor, client: FlaskClient, submit: Callable[..., str]
) -> None:
    submit()
    url = "https://photos.example.com/a/team.jpg?key=secret"
    fetched = client.post("/v1/jobs", json={"image_url": url}).get_json()["id"]
    shown, job = viewer.get("/jobs"), viewer.get(f"/jobs/{fetched}")
    assert "64\N{MULTIPLICATION SIGN}48" in shown
    for page in (shown, job):
        assert "to be fetched from photos.example.com" in page
        assert "0\N{MULTIPLICATION SIGN}0" not in page
        assert "secret" not in page
    assert "was deleted" not in job
    assert client.post(f"/v1/jobs/{fetched}/cancel").status_code == 200
    assert "not fetched from photos.example.com" in viewer.get("/jobs")


def test_lists_keep_back_what_reviewers_may_still_vote_on_blind(
    viewer: Visitor, reviewer: Visitor, submit: Callable[..., str], worker: PlayedWorker, database: Database
) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see(Emotion.SURPRISED, 0.81))
    [face_id] = set_random(database)
    for path in ("/jobs", "/dashboard"):
        shown = reviewer.get(path).partition(f'/jobs/faces/{face_id}"')[2].partition("</a>")[0]
        assert f'data-correct="{face_id}"' in shown, path
        assert "hidden until" in shown, path
        assert "urprised" not in shown, path
        assert "surprised 0.81" in viewer.get(path), path  # a viewer has no vote
    set_slice(database, ReviewSlice.UNCERTAIN, face_id)
    assert "surprised 0.81" in reviewer.get("/jobs")


def test_a_vote_after_the_result_was_opened_is_not_blind(
    visit: Callable[[Role], Visitor], submit: Callable[..., str], worker: PlayedWorker, database: Database
) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see())
    [face_id] = set_random(database)
    by_page, by_api = visit(Role.REVIEWER), visit(Role.ADMINISTRATOR)
    visit(Role.VIEWER).get(f"/jobs/{job_id}")
    assert "hidden until you vote" in by_page.get("/review")
    by_page.get(f"/jobs/{job_id}")
    assert by_api.client.get(f"/v1/jobs/{job_id}").status_code == 200
    assert list_viewers(database) == ["administrator", "reviewer"]
    text = by_page.get("/review")
    assert f'data-face="{face_id}"' in text
    assert "hidden until you vote" not in text.partition('data-face="')[2].partition("</article>")[0]


def set_random(database: Database) -> list[UUID]:
    """Draw all faces by chance."""
    with database.read() as session:
        face_ids = list(session.scalars(select(ReviewItem.face_id)))
    set_slice(database, ReviewSlice.RANDOM, *face_ids)
    return face_ids


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs?application=all",
        "/v1/jobs/{job_id}/annotated",
        "/v1/reviews/faces/{face_id}",
        "/jobs/{job_id}",
        "/jobs?emotion=surprised",
    ],
)
def test_whatever_shows_a_reviewer_what_the_model_says_is_remembered(
    reviewer: Visitor,
    viewer: Visitor,
    admin: FlaskClient,
    submit: Callable[..., str],
    worker: PlayedWorker,
    database: Database,
    path: str,
) -> None:
    job_id = submit()
    worker.analyze(job_id, worker.see(Emotion.SURPRISED))
    [face_id] = set_random(database)
    address = path.format(job_id=job_id, face_id=face_id)
    if address.startswith("/v1"):
        assert admin.get(address).status_code == 200  # an application says itself whether its reviewers saw it
    for unseen in ("/jobs", "/jobs?emotion=sad", "/dashboard", f"/v1/jobs/{job_id}/events"):
        assert reviewer.client.get(unseen).status_code == 200
    viewer.client.get(address)
    assert list_viewers(database) == []
    for _ in range(2):
        assert reviewer.client.get(address).status_code == 200
    assert list_viewers(database) == ["reviewer"]


def list_viewers(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(session.scalars(select(ResultView.reviewer)))
