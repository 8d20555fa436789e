from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient

from db.core.vocabulary import Emotion
from tests.support.databases import only_sqlite


@only_sqlite
def test_a_job_has_a_drawn_picture_once_it_has_succeeded(
    client: FlaskClient, submit: Callable[..., str], worker: Any
) -> None:
    job_id = submit()
    queued = client.get(f"/v1/jobs/{job_id}").get_json()
    assert (queued["annotated_url"], queued["photo"]["url"]) == (None, f"/v1/jobs/{job_id}/image")
    worker.analyze(job_id, worker.see(Emotion.SAD, 0.9))
    succeeded = client.get(f"/v1/jobs/{job_id}").get_json()
    assert succeeded["annotated_url"] == f"/v1/jobs/{job_id}/annotated"
    assert succeeded["error"] is None


@only_sqlite
def test_a_failed_job_has_its_error_code_and_no_drawn_picture(
    client: FlaskClient, submit: Callable[..., str], worker: Any
) -> None:
    job_id = submit()
    worker.fail(worker.claim(job_id), "time_limit")
    failed = client.get(f"/v1/jobs/{job_id}").get_json()
    assert failed["error"]["code"] == "time_limit"
    assert failed["annotated_url"] is None
