"""Lists every URL of the pages with every filter that they offer, for a database of bench/review_rows.py.

Each filter is used with a value that many rows have, one that few have, and one that none has.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.routing import RequestRedirect

from bench.review_rows import APPLICATIONS, GONE_APPLICATION
from db.accounts.tables import Application
from db.core.types import utcnow
from db.faces.tables import Face
from db.jobs.tables import Batch, Job
from db.training_runs.tables import TrainingRun
from db.webhooks.tables import WebhookEndpoint

_NOTHING = "00000000-0000-7000-8000-000000000000"
_NOT_PAGES = {
    "static": "a file",
    "docs.send_asset": "a file",
    "styles.send_emotion_colours": "a file",
    "openapi.spec": "a file",
    "health.healthz": "for machines",
    "health.readyz": "for machines; it asks the queue, which the bench doesn't start",
    "pages.pictures.show_preview": "decodes a photo, and the bench stores none",
    "pages.chosen_jobs.download": "a file that is streamed; bench/exports measures it",
}
"""Endpoints that aren't measured, with the reason."""

_PLAIN = (
    "/", "/docs", "/docs/errors", "/notice", "/sign-in",
    "/dashboard", *(f"/dashboard?hours={hours}" for hours in (6, 24, 168, 720)),
    "/review", "/review/statistics", "/review/disagreements", "/review/guidelines", "/review/progress",
    "/review/grid", "/review/grid?emotion=disgusted&count=50",
    "/models", "/models?new=2&old=1", "/models?new=3&old=1", "/models/1", "/models/3", "/models/champion",
    "/models/compare?version=1&version=2", "/models/compare?version=2&version=3",
    "/training", "/drift", "/try", "/access", "/webhooks", "/account", "/metrics",
)  # fmt: skip


def list_paths(app: Flask, session: Session) -> list[str]:
    """List the URLs. Raises RuntimeError if a page is missing."""
    ids = {each.name: each.id for each in session.scalars(select(Application))}
    job = session.scalars(select(Job).where(Job.face_count > 0).order_by(Job.id.desc()).limit(1)).first()
    face_id = session.scalars(select(Face.id).where(Face.job_id == job.id)).first() if job else None
    batch_id = session.scalars(select(Batch.id).order_by(Batch.id).limit(1)).first()
    run_ids = session.scalars(select(TrainingRun.id).order_by(TrainingRun.id.desc())).all()
    hook_id = session.scalars(select(WebhookEndpoint.id).limit(1)).first()
    if job is None:
        raise RuntimeError("the database has no job")
    applications = [str(ids[name]) for name in (*APPLICATIONS, GONE_APPLICATION)]
    paths = [
        *_PLAIN,
        *(f"/jobs/{job.id}", f"/jobs/faces/{face_id}", f"/faces/{face_id}/crop.png", f"/notice/{job.application_id}"),
        *(f"/training/{run_ids[0]}", f"/training?before={run_ids[60]}"),
        *_list_hook(f"/webhooks/{hook_id}", job),
        *_list_audit(),
        *_list_jobs(job, applications),
        *_list_reviews(job, str(face_id), str(batch_id), applications),
    ]
    _check_all_are_there(app, paths)
    return list(dict.fromkeys(paths))


def _days_ago(days: int) -> str:
    return f"{utcnow() - timedelta(days=days):%Y-%m-%d}"


def _list_hook(path: str, job: Job) -> Iterator[str]:
    yield path
    yield from (f"{path}?state={state}" for state in ("failed", "pending"))
    yield f"{path}?event=job.succeeded"
    yield f"{path}?event=job.failed&state=failed"
    yield f"{path}?job={job.id}"


def _list_audit() -> Iterator[str]:
    actors = ("", "&actor=user-1", "&actor=nobody")
    actions = ("", "&action=job.erase", "&action=job.retry")
    times = ("", f"&since={_days_ago(7)}", f"&until={_days_ago(80)}", "&until=2020-01-01")
    subjects = ("", "&subject=user:user-1", "&subject=user:nobody")
    for chosen in product(actors, actions, times, subjects):
        yield f"/audit?{''.join(chosen).removeprefix('&')}".rstrip("?")
    yield "/audit?before=5000"


def _list_jobs(job: Job, applications: list[str]) -> Iterator[str]:
    """List each filter alone, and with each of the others."""
    filters = [
        [f"status={status}" for status in ("succeeded", "failed", "queued")],
        [f"emotion={emotion}" for emotion in ("happy", "disgusted")],
        [f"application={each}" for each in (applications[0], applications[-1], _NOTHING)],
        ["error_code=broken_picture", "error_code=time_limit"],
        [f"since={_days_ago(1)}", f"until={_days_ago(89)}", f"until={_days_ago(45)}", "until=2020-01-01"],
        ["q=photo", "q=photo-0000001.jpg", "q=nothing", f"q={job.id}", f"q={job.photo_sha256}"],
        ["sort=oldest", "sort=most_faces", "sort=longest", "sort=longest&page=80", f"before={job.id}"],
    ]
    yield "/jobs"
    yield from (f"/jobs?{each}" for values in filters for each in values)
    for place, values in enumerate(filters):
        for one, other in product(values, (each for later in filters[place + 1 :] for each in later)):
            yield f"/jobs?{one}&{other}"


def _list_reviews(job: Job, face_id: str, batch_id: str, applications: list[str]) -> Iterator[str]:
    filters = [
        [f"application={each}" for each in (applications[0], applications[1], applications[-1], _NOTHING)],
        [f"batch={batch_id}", f"batch={_NOTHING}", f"job={job.id}", f"faces={face_id},{_NOTHING}"],
        ["emotion=happy", "emotion=disgusted"],
        ["min_confidence=0.5", "min_confidence=0.95", "max_confidence=0.3", "min_confidence=0.7&max_confidence=0.7"],
        ["min_face_px=100", "max_face_px=25", "min_face_px=100000"],
        ["model_version=1", "model_version=3", "model_version=9"],
        ["days=1", "days=3650", f"since={_days_ago(1)}", f"until={_days_ago(89)}", "until=2020-01-01"],
    ]
    for path in ("/review", "/review/statistics"):
        yield from (f"{path}?{each}" for values in filters for each in values)
        for place, values in enumerate(filters):
            for one, other in product(values, (each for later in filters[place + 1 :] for each in later)):
                yield f"{path}?{one}&{other}"


def _check_all_are_there(app: Flask, paths: list[str]) -> None:
    adapter = app.url_map.bind("localhost")
    asked = set()
    for path in paths:
        try:
            asked.add(adapter.match(path.partition("?")[0])[0])
        except RequestRedirect as error:
            raise RuntimeError(f"{path} leads elsewhere") from error
    known = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith("/v1/")
    }
    missing = known - asked - set(_NOT_PAGES)
    if missing:
        raise RuntimeError(f"no address of {', '.join(sorted(missing))}")
