"""Lists every URL of the API that returns a list or a summary, with the filters that read most, for bench/growth.py."""

from collections.abc import Iterator

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.jobs.tables import Batch, Job

_NOT_LISTS = {
    "exports.stream_rows": "a stream of all rows; bench/exports measures it",
    "training_runs.plan_run": "needs a dataset",
    "challenger.read_challenger": "no version is in shadow mode",
    "account.list_sessions": "asked with a session, not a key; the page /account has it",
    "openapi.spec": "a file",
}
"""Endpoints that aren't measured, with the reason."""
_FILTERED = (
    "/v1/jobs?status=failed", "/v1/jobs?status=queued", "/v1/jobs?emotion=disgusted", "/v1/jobs?limit=100",
    "/v1/jobs?error_code=broken_picture",
)  # fmt: skip


def list_api_paths(app: Flask, session: Session) -> Iterator[str]:
    """List the URLs."""
    for rule in sorted(app.url_map.iter_rules(), key=str):
        is_list = rule.rule.startswith("/v1/") and not rule.arguments and "GET" in (rule.methods or ())
        if is_list and rule.endpoint not in _NOT_LISTS:
            yield rule.rule
    yield from _FILTERED
    newest = session.scalars(select(Job.id).where(Job.face_count > 0).order_by(Job.id.desc()).limit(1)).one()
    batch = session.scalars(select(Batch.id).order_by(Batch.id).limit(1)).one()
    yield from (f"/v1/jobs/{newest}", f"/v1/jobs/{newest}/events", f"/v1/batches/{batch}")
    yield f"/v1/batches/{batch}/photos"
