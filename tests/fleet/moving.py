"""Executes the page on moving to a fleet: from a real one-machine stack to a compose project."""

import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import httpx

from emoscope.settings import Settings
from emoscope.stack.embedded import Stack
from tests.fleet.project import FOLDER, PHOTO, Fleet
from tests.support.ports import find_free_port

_JOBS = 8
_PAGES = (
    "/v1/jobs?limit=100",
    "/v1/model-versions",
    "/v1/promotions",
    "/v1/changes?limit=100",
    "/v1/users",
    "/v1/reviews/votes",
)
"""Lists that are the same on both sides."""


def move() -> dict[str, Any]:
    """Fill a one-machine stack, stop it, follow the page, and ask the fleet the same questions with the same key."""
    home = FOLDER / "home"
    shutil.rmtree(home, ignore_errors=True)
    data = home / ".local/share/emoscope"
    key, before = fill(data)
    fleet = Fleet("emoscope-test-moved")
    began = time.monotonic()
    try:
        # Docker's own settings, with its plugins, stay where they are.
        docker = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
        said = fleet.follow("move-to-a-fleet", given={"HOME": str(home), "DOCKER_CONFIG": docker})
        report = json.loads(said[1][said[1].index("{") :])
        seconds = round(time.monotonic() - began)
        with httpx.Client(base_url=fleet.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            after = look(client)
            assert after == before, (before, after)
            fresh = client.post("/v1/jobs", content=PHOTO, headers={"Prefer": "wait=60"}).json()
        assert fresh["status"] == "succeeded", fresh
    except BaseException:
        print(fleet.compose("ps", "-a"), fleet.compose("logs", "--tail", "15", "--no-color"))
        raise
    finally:
        fleet.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        shutil.rmtree(home, ignore_errors=True)
    return {
        "seconds": seconds,
        "tables": len(report["tables"]),
        "rows": sum(table["rows"] for table in report["tables"].values()),
        "files": report["files"],
        "bytes": report["bytes"],
        "missing_photos": report["missing_photos"],
        "answers_compared": len(before),
    }


def fill(data: Path) -> tuple[str, dict[str, str]]:
    """Run a one-machine stack with jobs and a vote. Returns its key, and what it answers."""
    settings = Settings(_env_file=None, data_dir=data, port=find_free_port(), worker_processes=1, rate_limit="")
    with Stack(settings, lambda _: None) as stack:
        assert stack.client is not None
        key = stack.client.api_key
        with httpx.Client(
            base_url=stack.client.api_url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        ) as client:
            for number in range(_JOBS):
                sent = client.post("/v1/jobs", content=PHOTO + bytes(number), headers={"Prefer": "wait=60"})
                assert sent.json()["status"] == "succeeded", sent.text
            face = sent.json()["faces"][0]
            client.post("/v1/reviews/votes", json={"face_id": face["id"], "choice": "happy"}).raise_for_status()
            return key, look(client)


def look(client: httpx.Client) -> dict[str, str]:
    """The digest of each answer: lists, photos, annotated pictures and crops."""
    answers: dict[str, str] = {}

    def ask(url: str) -> httpx.Response:
        answer = client.get(url)
        assert answer.is_success, (url, answer.text)
        answers[url] = hashlib.sha256(answer.content).hexdigest()
        return answer

    for page in _PAGES:
        ask(page)
    for job in client.get(_PAGES[0]).json()["items"]:
        found = ask(job["url"]).json()
        for url in (found["photo"]["url"], found["annotated_url"], *(face["crop_url"] for face in found["faces"])):
            ask(url)
    return answers
