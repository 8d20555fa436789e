"""Operations on batches, on the real application."""

from typing import Any

import pytest

from emoscope_client import Client, Conflict, NotFound


def test_an_open_batch_takes_photos_until_it_is_closed(client: Client, photo: bytes, worker: Any) -> None:
    batch = client.create_batch(open=True)
    client.add_batch_photos(batch.id, [photo, photo])
    client.close_batch(batch.id)
    with pytest.raises(Conflict) as closed:
        client.add_batch_photos(batch.id, [photo])
    assert closed.value.code == "batch_closed"
    job_ids = [found.job_id for found in client.get_batch(batch.id).photos]
    for job_id in job_ids:
        worker.analyze(str(job_id), worker.see())
    done = client.wait_for_batch(batch, timeout_s=10)
    assert [found.face_count for found in done.photos] == [1, 1]
    assert [found.job_id for found in client.get_batch_photo_page(batch.id, limit=1).items] == job_ids[:1]
    assert [found.id for found in client.get_batch_page().items] == [batch.id]


def test_a_batch_is_canceled_retried_and_erased(client: Client, photo: bytes, worker: Any) -> None:
    batch = client.create_batch([photo, photo])
    first = batch.photos[0].job_id
    worker.fail(worker.claim(str(first)), "broken_picture")
    client.cancel_batch(batch.id)
    assert [found.state for found in client.get_batch(batch.id).photos] == ["failed", "canceled"]
    client.retry_batch(batch.id)
    assert client.get_batch(batch.id).photos[0].state == "queued"
    client.erase_batch(batch.id)
    with pytest.raises(NotFound) as gone:
        client.get_batch(batch.id)
    assert gone.value.code == "unknown_batch"
