"""The blocking client, over real connections."""

import io
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from emoscope_client import (
    ApiError,
    AsyncClient,
    Client,
    NoAddress,
    Retries,
    ServiceUnreachable,
    UnexpectedAnswer,
    WaitTimeout,
)
from emoscope_client.address import Address, write_local_address
from tests.support.factories.answers import make_face, make_job
from tests.support.scripted_api import ScriptedApi

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
    assert job.status == "succeeded"
    assert (job.faces[0].emotion, job.faces[0].model_version) == ("happy", 3)
    first, second, _ = (request[0] for request in api.requests)
    assert first == "POST /v1/jobs"
    assert "?wait=" in second
    assert api.requests[0][1]["Authorization"] == "Bearer key"
    assert api.requests[0][1]["User-Agent"].startswith("emoscope-client/")
    assert api.requests[0][1]["Prefer"] == "wait=60"


def test_a_submission_tried_again_carries_the_same_idempotency_key(api: ScriptedApi) -> None:
    api.answers = [None, (503, {}, {}), (429, {"Retry-After": "0"}, {}), (202, {}, make_job("queued"))]
    with Client(api.url, "key", retries=QUICK) as client:
        client.create_job(b"photo")
    keys = {request[1]["Idempotency-Key"] for request in api.requests}
    assert (len(api.requests), len(keys)) == (4, 1)


def test_two_submissions_carry_different_keys(api: ScriptedApi) -> None:
    api.answers = [(202, {}, make_job("queued")), (202, {}, make_job("queued"))]
    with Client(api.url, "key") as client:
        client.create_job(b"photo")
        client.create_job(b"photo")
    assert len({request[1]["Idempotency-Key"] for request in api.requests}) == 2


def test_a_refusal_is_raised_with_its_code_and_not_tried_again(api: ScriptedApi) -> None:
    api.answers = [(415, {}, {"code": "not_a_picture", "detail": "this is a text"})]
    with Client(api.url, "key", retries=QUICK) as client, pytest.raises(ApiError, match="this is a text") as caught:
        client.create_job(b"text")
    assert (caught.value.code, caught.value.status, len(api.requests)) == ("not_a_picture", 415, 1)


def test_an_api_that_is_away_is_given_up_after_the_last_try(api: ScriptedApi) -> None:
    api.answers = [None] * QUICK.tries
    with Client(api.url, "key", retries=QUICK) as client, pytest.raises(ServiceUnreachable, match="does not answer"):
        client.get_job(uuid4())
    assert len(api.requests) == QUICK.tries


def test_another_program_at_the_address_is_told(api: ScriptedApi) -> None:
    api.answers = [(200, {}, {"hello": "world"}), (200, {}, "text")]
    with Client(api.url, "key") as client:
        for _ in range(2):
            with pytest.raises(UnexpectedAnswer, match="Job"):
                client.get_job(uuid4())


def test_a_photo_that_cannot_be_read_is_an_os_error(tmp_path: Path) -> None:
    with Client("http://127.0.0.1:1", "key") as client, pytest.raises(FileNotFoundError):
        client.create_job(tmp_path / "none.jpg")


def test_options_travel_and_those_not_given_do_not(api: ScriptedApi) -> None:
    api.answers = [(202, {}, make_job("queued"))]
    with Client(api.url, "key") as client:
        client.create_job(b"photo", detector="hog", photo_retention_s=0, min_face_px=None)
    assert api.requests[0][0] == "POST /v1/jobs?detector=hog&photo_retention_s=0"


@pytest.mark.parametrize("kind", ["bytes", "path", "text", "file"])
def test_photos_are_taken_as_bytes_paths_and_files(api: ScriptedApi, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "team.jpg"
    path.write_bytes(b"the bytes")
    photos = {"bytes": b"the bytes", "path": path, "text": str(path), "file": io.BytesIO(b"the bytes")}
    api.answers = [(202, {}, make_job("queued"))]
    with Client(api.url, "key") as client:
        client.create_job(photos[kind])  # type: ignore[arg-type]
    assert b"the bytes" in api.requests[0][2]
    assert (b'filename="team.jpg"' in api.requests[0][2]) is (kind in {"path", "text"})


@pytest.mark.parametrize("prefix", ["", "/service"])
@pytest.mark.parametrize("following", ["/service/v1/jobs?limit=1&cursor=x", "/v1/jobs?limit=1&cursor=x"])
def test_listing_follows_the_pages_behind_a_path_prefix(api: ScriptedApi, prefix: str, following: str) -> None:
    """Whether the API knows of the prefix or not."""
    api.answers = [
        (200, {}, {"items": [make_job("queued")], "next": following}),
        (200, {}, {"items": [make_job("queued")], "next": None}),
    ]
    with Client(f"{api.url}{prefix}", "key") as client:
        assert len(list(client.list_jobs(status="queued", page_size=1))) == 2
    assert [request[0] for request in api.requests] == [
        f"GET {prefix}/v1/jobs?status=queued&limit=1",
        f"GET {prefix}/v1/jobs?status=queued&limit=1&cursor=x",
    ]


def test_a_wait_ends_when_its_time_is_up_though_the_api_never_answers(api: ScriptedApi) -> None:
    api.answers = [(200, {}, make_job("queued"))] * 9
    with Client(api.url, "key", timeout_s=0.2) as client:
        job = client.get_job(uuid4())
        api.may_answer.clear()
        with pytest.raises(WaitTimeout) as caught:
            client.wait_for_job(job, timeout_s=0.3)
    assert caught.value.job is job
    assert isinstance(caught.value.__cause__, ServiceUnreachable)


def test_a_client_of_the_applications_own_is_used_and_left_open(api: ScriptedApi) -> None:
    api.answers = [(200, {}, make_job("queued")), (200, {}, make_job("queued"))]
    with httpx.Client(headers={"X-Proxy": "yes"}) as http:
        with Client(api.url, "key", http_client=http) as client:
            client.get_job(uuid4())
        assert not http.is_closed
    assert api.requests[0][1]["X-Proxy"] == "yes"
    assert api.requests[0][1]["Authorization"] == "Bearer key"


def test_both_clients_offer_the_same_methods() -> None:
    def list_methods(client: type) -> set[str]:
        return {name for name in vars(client) if not name.startswith("_")}

    assert list_methods(Client) == list_methods(AsyncClient)
    for name in list_methods(Client):
        assert getattr(Client, name).__doc__, name


def test_the_stack_on_this_machine_is_found_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: ScriptedApi
) -> None:
    monkeypatch.setenv("EMOSCOPE_DATA_DIR", str(tmp_path))
    with pytest.raises(NoAddress, match="emoscope up"):
        Client()
    write_local_address(tmp_path, Address(api.url, "local key"))
    api.answers = [(200, {}, make_job("queued"))]
    with Client() as client:
        client.get_job(uuid4())
    assert api.requests[0][1]["Authorization"] == "Bearer local key"
