import asyncio
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from db.core.vocabulary import Emotion, JobStatus
from emoscope.client import AsyncClient, Client
from emoscope.client_errors import ApiError, NoAddress, ServiceUnreachable, WaitTimeout
from emoscope.client_requests import Retries
from emoscope.local_client import LocalClient, write_local_client
from tests.support.scripted_api import ScriptedApi, make_face, make_job

QUICK = Retries(tries=4, first_pause_s=0.01)


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    server = ScriptedApi()
    yield server
    server.close()


def test_analyze_submits_and_waits_until_the_job_has_ended(api: ScriptedApi) -> None:
    api.answers = [
        (202, {}, make_job("queued")),
        (200, {}, make_job("running")),
        (200, {}, make_job("succeeded", [make_face()])),
    ]
    with Client(api.url, "key") as client:
        job = client.analyze(b"photo")
    assert job.status is JobStatus.SUCCEEDED
    assert (job.faces[0].emotion, job.faces[0].model_version) == (Emotion.HAPPY, 3)
    first, second, _ = (request[0] for request in api.requests)
    assert first == "POST /v1/jobs"
    assert "?wait=" in second
    assert api.requests[0][1]["Authorization"] == "Bearer key"
    assert api.requests[0][1]["Prefer"].startswith("wait=")


def test_a_submission_tried_again_carries_the_same_idempotency_key(api: ScriptedApi) -> None:
    api.answers = [None, (503, {}, {}), (429, {"Retry-After": "0"}, {}), (202, {}, make_job("queued"))]
    with Client(api.url, "key", retries=QUICK) as client:
        client.submit(b"photo")
    keys = {request[1]["Idempotency-Key"] for request in api.requests}
    assert (len(api.requests), len(keys)) == (4, 1)


def test_two_submissions_carry_different_keys(api: ScriptedApi) -> None:
    api.answers = [(202, {}, make_job("queued")), (202, {}, make_job("queued"))]
    with Client(api.url, "key") as client:
        client.submit(b"photo")
        client.submit(b"photo")
    assert len({request[1]["Idempotency-Key"] for request in api.requests}) == 2


def test_a_refusal_is_raised_with_its_code_and_not_tried_again(api: ScriptedApi) -> None:
    api.answers = [(415, {}, {"code": "not_a_picture", "detail": "this is a text"})]
    with Client(api.url, "key", retries=QUICK) as client, pytest.raises(ApiError, match="this is a text") as caught:
        client.submit(b"text")
    assert (caught.value.code, caught.value.status, len(api.requests)) == ("not_a_picture", 415, 1)


def test_an_api_that_is_away_is_given_up_after_the_last_try(api: ScriptedApi) -> None:
    api.answers = [None] * QUICK.tries
    with Client(api.url, "key", retries=QUICK) as client, pytest.raises(ServiceUnreachable, match="doesn't answer"):
        client.get(uuid4())
    assert len(api.requests) == QUICK.tries


def test_waiting_ends_when_the_time_is_up(api: ScriptedApi) -> None:
    api.answers = [(202, {}, make_job("queued"))]
    with Client(api.url, "key") as client, pytest.raises(WaitTimeout):
        client.wait(client.submit(b"photo"), timeout_s=0)


def test_options_travel_and_those_not_given_do_not(api: ScriptedApi) -> None:
    api.answers = [(202, {}, make_job("queued"))]
    with Client(api.url, "key") as client:
        client.submit(b"photo", detector="hog", photo_retention_s=0, min_face_px=None)
    assert api.requests[0][0] == "POST /v1/jobs?detector=hog&photo_retention_s=0"


@pytest.mark.parametrize("kind", ["bytes", "path", "file"])
def test_photos_are_taken_as_bytes_paths_and_files(api: ScriptedApi, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "team.jpg"
    path.write_bytes(b"the bytes")
    photo = {"bytes": b"the bytes", "path": path, "file": io.BytesIO(b"the bytes")}[kind]
    api.answers = [(202, {}, make_job("queued"))]
    with Client(api.url, "key") as client:
        client.submit(photo)  # type: ignore[arg-type]
    assert b"the bytes" in api.requests[0][2]


def test_listing_follows_the_pages(api: ScriptedApi) -> None:
    api.answers = [
        (200, {}, {"items": [make_job("queued")], "next": "/v1/jobs?status=queued&cursor=x"}),
        (200, {}, {"items": [make_job("queued")], "next": None}),
    ]
    with Client(api.url, "key") as client:
        assert len(list(client.list_jobs(status="queued"))) == 2
    assert [request[0] for request in api.requests] == [
        "GET /v1/jobs?status=queued",
        "GET /v1/jobs?status=queued&cursor=x",
    ]


@pytest.mark.parametrize("following", ["/service/v1/jobs?limit=1&cursor=x", "/v1/jobs?limit=1&cursor=x"])
def test_listing_follows_the_pages_behind_a_path_prefix(api: ScriptedApi, following: str) -> None:
    """Whether the API knows of the prefix or not."""
    api.answers = [
        (200, {}, {"items": [make_job("queued")], "next": following}),
        (200, {}, {"items": [make_job("queued")], "next": None}),
    ]
    with Client(f"{api.url}/service", "key") as client:
        assert len(list(client.list_jobs(limit="1"))) == 2
    assert [request[0] for request in api.requests] == [
        "GET /service/v1/jobs?limit=1",
        "GET /service/v1/jobs?limit=1&cursor=x",
    ]


@pytest.mark.parametrize(
    ("wait_s", "prefer"), [(0, None), (0.2, "wait=1"), (2.5, "wait=3"), (10, "wait=10"), (99, "wait=60")]
)
def test_a_submission_waits_for_whole_seconds(api: ScriptedApi, wait_s: float, prefer: str | None) -> None:
    api.answers = [(202, {}, make_job("queued"))]
    with Client(api.url, "key") as client:
        client.submit(b"photo", wait_s=wait_s)
    assert api.requests[0][1].get("Prefer") == prefer


GONE = (404, {}, {"code": "not_found", "detail": "there is no such job"})
ENDED = (409, {}, {"code": "invalid_transition", "detail": "the job has ended"})


@pytest.mark.parametrize("lost", [None, (502, {}, {})])
def test_an_erasure_whose_answer_was_lost_is_done(api: ScriptedApi, lost: Any) -> None:
    api.answers = [lost, GONE]
    with Client(api.url, "key", retries=QUICK) as client:
        client.delete(uuid4())
    assert len(api.requests) == 2


@pytest.mark.parametrize("before", [[], [(429, {"Retry-After": "0"}, {})]])
def test_erasing_what_was_never_there_is_refused(api: ScriptedApi, before: list[Any]) -> None:
    api.answers = [*before, GONE]
    with Client(api.url, "key", retries=QUICK) as client, pytest.raises(ApiError, match="no such job"):
        client.delete(uuid4())


def test_a_cancellation_whose_answer_was_lost_gives_the_canceled_job(api: ScriptedApi) -> None:
    api.answers = [None, ENDED, (200, {}, make_job("canceled"))]
    with Client(api.url, "key", retries=QUICK) as client:
        assert client.cancel(uuid4()).status is JobStatus.CANCELED
    assert [request[0].split()[0] for request in api.requests] == ["POST", "POST", "GET"]


@pytest.mark.parametrize("answers", [[ENDED], [None, ENDED, (200, {}, make_job("succeeded"))]])
def test_a_job_that_ended_otherwise_is_not_canceled(api: ScriptedApi, answers: list[Any]) -> None:
    api.answers = list(answers)
    with Client(api.url, "key", retries=QUICK) as client, pytest.raises(ApiError, match="the job has ended"):
        client.cancel(uuid4())
    assert api.answers == []


def test_the_async_client_does_the_same(api: ScriptedApi) -> None:
    api.answers = [(503, {}, {}), (202, {}, make_job("queued")), (200, {}, make_job("succeeded", [make_face()]))]

    async def analyze() -> JobStatus:
        async with AsyncClient(api.url, "key", retries=QUICK) as client:
            return (await client.analyze(b"photo")).status

    # In a thread of its own: where browser tests ran before in this process, Playwright keeps a loop running in the main one.
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: asyncio.run(analyze())).result() is JobStatus.SUCCEEDED


def test_both_clients_offer_the_same_methods() -> None:
    def list_methods(client: type) -> set[str]:
        return {name for name in vars(client) if not name.startswith("_")}

    assert list_methods(Client) == list_methods(AsyncClient)


def test_the_stack_on_this_machine_is_found_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: ScriptedApi, fresh_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATA_DIR", str(tmp_path))
    fresh_settings()
    with pytest.raises(NoAddress, match="emoscope up"):
        Client()
    write_local_client(tmp_path, LocalClient(api.url, "local key"))
    assert (tmp_path / "client.json").stat().st_mode & 0o777 == 0o600
    api.answers = [(200, {}, make_job("queued"))]
    with Client() as client:
        client.get(uuid4())
    assert api.requests[0][1]["Authorization"] == "Bearer local key"
