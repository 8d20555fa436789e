"""Behaviour shared by all operations, on the real application."""

from typing import Any

import httpx
import pytest
from apiflask import APIFlask

from emoscope_client import (
    ApiError,
    Client,
    InvalidRequest,
    NotFound,
    Result,
    ServerError,
    Unauthorized,
)


def test_every_answer_passes_through_unchanged(
    client: Client, app: APIFlask, api_key: str, photo: bytes, worker: Any
) -> None:
    """What is read of the API's JSON, written as JSON again, is the same."""
    job = client.create_job(photo, min_face_px=16, detector="hog", deadline_s=60)
    worker.analyze(str(job.id), worker.see())
    batch = client.create_batch([photo, b"no picture"], priority="bulk")
    failed_id = batch.photos[0].job_id
    worker.fail(worker.claim(str(failed_id)), "broken_picture")
    pairs: list[tuple[str, Result]] = [
        (f"/v1/jobs/{job.id}", client.get_job(job.id)),
        (f"/v1/jobs/{failed_id}", client.get_job(str(failed_id))),
        (f"/v1/jobs/{job.id}/events", client.list_job_events(job.id)),
        ("/v1/jobs?limit=1", client.get_job_page(limit=1)),
        (f"/v1/batches/{batch.id}", client.get_batch(batch.id)),
        ("/v1/model-versions", client.list_model_versions()),
        ("/v1/model-versions/1", client.get_model_version(1)),
        ("/v1/model-versions/champion", client.get_champion()),
        ("/healthz", client.get_health()),
    ]
    for path, result in pairs:
        raw = app.test_client().get(path, headers={"Authorization": f"Bearer {api_key}"})
        assert result.to_json() == raw.get_json(), path
    assert client.get_job(job.id).faces[0].emotion == "happy"


def test_refusals_are_classes_with_the_codes_of_the_api(client: Client, app: APIFlask, photo: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        client.create_job(photo, min_face_px=1)
    assert refused.value.code == "invalid_request"
    [error] = refused.value.problem.errors
    assert (error.in_, error.field) == ("query", "min_face_px")
    assert refused.value.problem.request_id
    with pytest.raises(ServerError, match="workers") as missing:
        client.get_readiness()
    assert missing.value.code == "not_ready"
    with httpx.Client(transport=httpx.WSGITransport(app=app)) as http, pytest.raises(Unauthorized):
        Client("http://api", "no key", http_client=http).get_champion()
    with pytest.raises(NotFound):
        client.get_job("../model-versions")
    with pytest.raises(ApiError):
        client.get_model_version(99)
