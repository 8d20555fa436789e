"""Bulk actions, totals and downloads of the job list."""

import csv
import io
import json
from collections.abc import Callable
from uuid import UUID

import pytest

from db.core.session import Database
from db.core.vocabulary import Emotion, JobStatus
from db.jobs.queries import count_jobs, get_job
from tests.support.played_worker import PlayedWorker
from tests.support.visitors import Visitor

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ERASE = "erased with photo, crops and all rows"


def act(person: Visitor, action: str, *job_ids: str) -> str:
    """Do it with the chosen jobs, and give what the list says then."""
    status, back = person.post("/jobs/chosen", action=action, job_id=list(job_ids))
    assert status == 303
    return person.get(back)


def read_statuses(database: Database) -> dict[JobStatus, int]:
    with database.read() as session:
        return {status: count for status, count in count_jobs(session).items() if count}


def test_the_list_is_downloaded_with_its_filters(
    viewer: Visitor, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    broken, happy = submit(), submit()
    worker.fail(worker.claim(broken), "broken_picture")
    worker.analyze(happy, worker.see(Emotion.HAPPY), worker.see(Emotion.SAD, box=(60, 10, 20, 20)))
    rows = list(csv.DictReader(io.StringIO(viewer.get("/jobs/download", status="failed"))))
    assert [(row["job_id"], row["error_code"]) for row in rows] == [(broken, "broken_picture")]
    faces = [json.loads(line) for line in viewer.get("/jobs/download", rows="faces", format="jsonl").splitlines()]
    assert {(face["job_id"], face["emotion"]) for face in faces} == {(happy, "happy"), (happy, "sad")}
    page = viewer.get("/jobs", status="failed")
    assert "/jobs/download?rows=faces&amp;format=jsonl&amp;status=failed" in page


def test_several_jobs_are_tried_again_canceled_and_erased(
    administrator: Visitor, submit: Callable[..., str], worker: PlayedWorker, database: Database
) -> None:
    failed, waiting = submit(), submit()
    worker.fail(worker.claim(failed), "time_limit")
    both = (failed, waiting)
    page = act(administrator, "cancel", *both)
    assert (
        "1 job was canceled. 1 job was not canceled: the job has ended, so it can&#39;t be canceled any more." in page
    )
    assert read_statuses(database) == {JobStatus.FAILED: 1, JobStatus.CANCELED: 1}
    assert "2 jobs were submitted again." in act(administrator, "retry", *both)
    assert read_statuses(database)[JobStatus.QUEUED] == 2
    assert f"2 jobs were {ERASE}." in act(administrator, "erase", *both)
    with database.read() as session:
        assert get_job(session, UUID(failed)) is get_job(session, UUID(waiting)) is None
    assert "2 jobs were not erased: it was erased." in act(administrator, "erase", *both)


def test_who_may_not_erase_erases_nothing(
    reviewer: Visitor, viewer: Visitor, submit: Callable[..., str], database: Database
) -> None:
    job_id = submit()
    assert "erase-chosen" not in reviewer.get("/jobs")
    assert "job_id" not in viewer.get("/jobs")
    assert reviewer.post("/jobs/chosen", job_id=job_id, action="erase")[0] == 403
    assert viewer.post("/jobs/chosen", job_id=job_id, action="cancel")[0] == 403
    assert read_statuses(database) == {JobStatus.QUEUED: 1}


def test_a_choice_of_none_is_told(reviewer: Visitor, submit: Callable[..., str]) -> None:
    submit()
    status, page = reviewer.post("/jobs/chosen", action="retry")
    assert (status, "Choose the jobs first." in page) == (422, True)
