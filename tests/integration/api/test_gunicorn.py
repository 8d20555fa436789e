"""The API served by Gunicorn with two processes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image

from db.core import queues
from db.core.session import Database
from db.jobs import lifecycle as jobs
from emoscope.settings import Settings
from tests.support.factories.accounts import add_key
from tests.support.factories.photos import encode_picture

REPOSITORY = Path(__file__).parents[3]
AT_ONCE = 6


@pytest.fixture
def server(settings: Settings, database: Database, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client, with a key, of a server of its own."""
    counts = tmp_path / "counts"
    counts.mkdir()
    environment = {
        **os.environ,
        "PROMETHEUS_MULTIPROC_DIR": str(counts),
        "EMOSCOPE_DATABASE_URL": settings.database_url,
        "EMOSCOPE_REDIS_URL": settings.redis_url,
        "EMOSCOPE_BLOB_URL": settings.blob_url,
        "EMOSCOPE_DATA_DIR": str(settings.data_dir),
        "EMOSCOPE_PORT": "0",
        "EMOSCOPE_API_PROCESSES": "2",
        "EMOSCOPE_API_THREADS": "8",
        "EMOSCOPE_MAX_WAITS": "7",
        "EMOSCOPE_MAX_PHOTO_BYTES": "100000",
    }
    key = add_key(database, "shop")
    command = [sys.executable, "-m", "gunicorn", "-c", "python:api.core.gunicorn_config", "api.core.wsgi:app"]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        output = []
        for line in process.stderr:
            output.append(line)
            if found := re.search(r"Listening at: (http://\S+)", line):
                break
        else:
            pytest.fail("".join(output))
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=found[1], headers=headers, timeout=60) as client:
            yield client
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=40)
        assert process.returncode == 0, rest


@pytest.fixture
def photo() -> bytes:
    return encode_picture(Image.effect_noise((64, 64), 50), "JPEG")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_processes_wait_and_count_together(server: httpx.Client, database: Database, valkey: Any, photo: bytes) -> None:
    def stream() -> Iterator[bytes]:
        yield photo[:100]
        yield photo[100:]

    answer = server.post("/v1/jobs", content=stream())  # chunked: the length isn't known before
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["id"]

    for too_much in ((b"\0" * 60_000 for _ in range(2)), b"\0" * 3_000_000):
        refused = server.post("/v1/jobs", content=too_much)
        assert (refused.status_code, refused.json()["code"]) == (413, "photo_too_large")

    # what is refused before its end is read all the same, so that the answer arrives
    many, long = [("image", ("a.jpg", photo))] * 400, [("detector", (None, b"x" * 2_000_000))]
    for form, code in ((many, "too_many_photos"), (long, "invalid_request")):
        refused = server.post("/v1/batches", files=form)
        assert (refused.status_code, refused.json()["code"]) == (422, code)

    # several waits, which the kernel hands to both processes, and one change made by neither
    known = {**server.headers, "If-None-Match": answer.headers["ETag"]}
    url = f"{server.base_url}/v1/jobs/{job_id}?wait=30"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(httpx.get, url, headers=known, timeout=60) for _ in range(AT_ONCE)]
        with database.write() as session:
            jobs.claim_job(session, UUID(job_id), "test", lease_s=30)
        valkey.client().publish(queues.JOB_CHANGED_CHANNEL, job_id)
        assert {future.result().json()["status"] for future in waiting} == {"running"}

    pattern = r'emoscope_http_requests_total\{method="GET",route="/v1/jobs/<uuid:job_id>",status="200"\} (\S+)'
    seen = {re.search(pattern, httpx.get(f"{server.base_url}/metrics").text)[1] for _ in range(8)}  # type: ignore[index]
    assert seen == {f"{AT_ONCE}.0"}
