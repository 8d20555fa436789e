"""Operations on jobs on the real application, including lost responses."""

from typing import Any

import httpx
import pytest

from emoscope_client import (
    Client,
    Conflict,
    Gone,
    NotFound,
    Retries,
)
from emoscope_client.operations import Operations
from tests.support.factories.answers import make_job
from tests.support.scripted_steps import answer, carry_out


def test_a_job_is_canceled_retried_and_erased(client: Client, photo: bytes, worker: Any) -> None:
    first = client.create_job(photo)
    assert client.cancel_job(first.id).status == "canceled"
    with pytest.raises(Conflict) as caught:
        client.cancel_job(first.id)
    assert caught.value.code == "invalid_transition"
    second = client.retry_job(first.id)
    assert (second.status, second.photo.sha256) == ("queued", first.photo.sha256)
    client.erase_job(first.id)
    with pytest.raises(NotFound):
        client.get_job(first.id)
    assert [job.id for job in client.list_jobs()] == [second.id]


def test_pictures_of_a_job_are_read(client: Client, photo: bytes, worker: Any) -> None:
    job = client.create_job(photo)
    with pytest.raises(Conflict) as caught:
        client.get_annotated_photo(job.id)
    assert caught.value.code == "no_result"
    worker.analyze(str(job.id), worker.see())
    done = client.wait_for_job(job, timeout_s=10)
    assert client.get_photo(job.id) == photo
    assert client.get_annotated_photo(job.id, max_side=64).startswith(b"\xff\xd8")
    assert client.get_face_crop(done.faces[0].id, scale=2).startswith(b"\x89PNG")


def test_a_deleted_photo_is_gone(client: Client, photo: bytes, worker: Any) -> None:
    job = client.create_job(photo, photo_retention_s=0)
    worker.analyze(str(job.id))
    with pytest.raises(Gone):
        client.get_photo(job.id)


def test_listing_goes_through_all_pages_and_filters(client: Client, photo: bytes, worker: Any) -> None:
    ids = [client.create_job(photo).id for _ in range(5)]
    worker.analyze(str(ids[2]))
    assert [job.id for job in client.list_jobs(page_size=2)] == ids[::-1]
    assert [job.id for job in client.list_jobs(status="succeeded")] == [ids[2]]
    newest = client.get_job(ids[4]).created_at
    assert [job.id for job in client.list_jobs(created_from=newest)] == [ids[4]]
    assert [job.id for job in client.list_jobs(created_before=newest, page_size=3)] == ids[3::-1]


def test_a_submission_repeated_with_its_key_makes_one_job(client: Client, photo: bytes) -> None:
    first = client.create_job(photo, idempotency_key="k")
    assert client.create_job(photo, idempotency_key="k").id == first.id
    assert client.create_job(photo).id != first.id


def test_a_canceled_job_after_a_lost_answer_is_no_conflict() -> None:
    operations = Operations("http://api", Retries(), 30)
    ended = answer(409, {"code": "invalid_transition", "detail": "the job has ended"})
    lost = httpx.ReadTimeout("lost")
    carried = carry_out(operations.cancel_job("1"), lost, ended, answer(200, make_job("canceled")))
    assert carried.result is not None
    assert carried.result.status == "canceled"
    assert isinstance(carry_out(operations.cancel_job("1"), ended).error, Conflict)
    otherwise = carry_out(operations.cancel_job("1"), lost, ended, answer(200, make_job("succeeded")))
    assert isinstance(otherwise.error, Conflict)


def test_an_erased_job_after_a_lost_answer_is_no_error() -> None:
    operations = Operations("http://api", Retries(), 30)
    gone = answer(404, {"code": "not_found"})
    assert carry_out(operations.erase_job("1"), httpx.ReadTimeout("lost"), gone).error is None
    assert isinstance(carry_out(operations.erase_job("1"), gone).error, NotFound)
    assert isinstance(carry_out(operations.erase_job("1"), answer(429), gone).error, NotFound)
