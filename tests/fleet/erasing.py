"""Executes the page on erasing a person: a job's photo, crop, face, vote and export are gone everywhere."""

import json
import os
from typing import Any

from tests.fleet.pages import read_commands
from tests.fleet.project import PHOTO, Fleet

_LOOK_IN_STORE = """
import sys
from db.core.blobs import BlobStore
from emoscope.settings import load_settings
settings = load_settings()
blobs = BlobStore(settings.effective_blob_url, settings.s3_options)
print([blobs.has(key) for key in sys.argv[1:]])
"""
_JSON = {"Content_Type": "application/json"}


def erase_job(fleet: Fleet, key: str, job_id: str) -> None:
    """Erase a job by the page's first step."""
    command = read_commands("erase-a-person", "Erase")[0]
    fleet.type_in(command, {"EMOSCOPE_API_KEY": key, "EMOSCOPE_API_URL": fleet.url, "JOB_ID": job_id})
    assert fleet.ask("GET", f"/v1/jobs/{job_id}", key).status == 404


def erase(fleet: Fleet, key: str) -> dict[str, Any]:
    """A reviewed and exported job, erased by the page. Returns what was there, and what is left."""
    photo = PHOTO + os.urandom(8)  # behind the picture's end: a photo that no other job has, so that its label goes too
    job = fleet.ask("POST", "/v1/jobs", key, photo, Prefer="wait=60").body
    (face,) = job["faces"]
    vote = json.dumps({"face_id": face["id"], "choice": "happy"}).encode()
    assert fleet.ask("POST", "/v1/reviews/votes", key, vote, **_JSON).status in {200, 201}
    export = fleet.ask("POST", "/v1/exports", key, b"{}", **_JSON).body
    assert fleet.ask("GET", f"/v1/exports/{export['id']}?wait=60", key).body["status"] == "succeeded"
    there = _count(fleet, job["id"])
    assert all(there.values()), there
    given = {"EMOSCOPE_API_KEY": key, "EMOSCOPE_API_URL": fleet.url, "JOB_ID": job["id"], "EXPORT_ID": export["id"]}
    fleet.follow("erase-a-person", "Erase", given)
    left = _count(fleet, job["id"])
    assert not any(left.values()), left
    for url in (job["url"], job["photo"]["url"], job["annotated_url"], face["crop_url"], f"/v1/exports/{export['id']}"):
        assert fleet.ask("GET", url, key).status == 404, url
    return {"there": there, "left": left}


def _count(fleet: Fleet, job_id: str) -> dict[str, int | bool]:
    """Rows and the photo that hang on a job, and all votes: there are no others."""
    asked = {
        "jobs": f"jobs WHERE id = '{job_id}'",
        "events": f"job_events WHERE job_id = '{job_id}'",
        "faces": f"faces WHERE job_id = '{job_id}'",
        "votes": "review_votes",
    }
    rows = {name: int(fleet.ask_database(f"SELECT count(*) FROM {what}")) for name, what in asked.items()}
    said = fleet.compose("exec", "-T", "api", "python", "-c", _LOOK_IN_STORE, f"photos/{job_id}")
    return rows | {"photo": "True" in said}
