"""An application that uses the client: every operation, sync and async, with types that a strict checker accepts.

    python main.py photo.jpg

Reads EMOSCOPE_API_URL and EMOSCOPE_API_KEY, and writes one JSON object.
"""

import asyncio
import json
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from uuid import UUID

import api
import db
import training
import worker
from emoscope_client import (
    ApiError,
    AsyncClient,
    Batch,
    BoundingBox,
    Client,
    Emotion,
    Face,
    Job,
    JobEvent,
    JobOptions,
    JobStatus,
    ModelVersion,
    NotFound,
    Retries,
    WaitTimeout,
)


def count_emotions(faces: tuple[Face, ...]) -> Counter[Emotion]:
    """How many faces appear to express each emotion."""
    return Counter(face.emotion for face in faces if not face.uncertain)


def describe(job: Job) -> dict[str, str | int | None]:
    """What the application keeps of a job. Every field has its own type."""
    job_id: UUID = job.id
    status: JobStatus = job.status
    created: datetime = job.created_at
    boxes: list[BoundingBox] = [face.bounding_box for face in job.faces]
    best: list[tuple[Emotion, float]] = [face.probabilities.rank()[0] for face in job.faces]
    timings: dict[str, float] = job.timings_ms or {}
    return {
        "id": str(job_id),
        "status": status,
        "year": created.year,
        "area": sum(box.width * box.height for box in boxes),
        "emotion": best[0][0] if best else None,
        "steps": len(timings),
        "error": job.error.code if job.error else None,
        "filename": job.photo.filename,
    }


def run_blocking(photo: Path) -> dict[str, object]:
    """Everything, in turn."""
    options: JobOptions = {"min_face_px": 16, "priority": "interactive"}
    with Client(retries=Retries(tries=3)) as client:
        job = client.analyze(photo, timeout_s=30, **options)
        db.store(job.photo.filename or "")
        batch: Batch = client.wait_for_batch(client.create_batch([photo, b"no picture"], priority="bulk"), timeout_s=30)
        events: tuple[JobEvent, ...] = client.list_job_events(job.id).items
        champion: ModelVersion = client.get_champion()
        crop: bytes = client.get_face_crop(job.faces[0].id)
        canceled = client.create_job(photo, idempotency_key="to be canceled")
        ended = client.wait_for_job(canceled)
        again = client.wait_for_job(client.retry_job(ended.id))
        listed = [each.id for each in client.list_jobs(status="succeeded", page_size=1)]
        client.erase_job(again.id)
        try:
            client.get_job(again.id)
            lost = "still there"
        except NotFound as error:
            lost = error.code
        try:
            client.wait_for_job(client.create_job(photo, detector="none such"))
        except WaitTimeout as error:
            raise SystemExit(str(error)) from error
        except ApiError as error:
            refused = f"{error.code}: {error.problem.errors[0].field}"
        return {
            "job": describe(job),
            "emotions": count_emotions(job.faces),
            "states": [each.state for each in batch.photos],
            "events": [event.to_status for event in events],
            "champion": champion.number,
            "annotated": len(client.get_annotated_photo(job.id)) > 0,
            "photo": client.get_photo(job.id) == photo.read_bytes(),
            "crop": len(crop) > 0,
            "listed": len(listed),
            "lost": lost,
            "refused": refused,
        }


async def run_awaited(photo: Path) -> list[str]:
    """Several photos at once."""
    async with AsyncClient() as client:
        jobs = await asyncio.gather(*(client.analyze(photo) for _ in range(3)))
        page = await client.get_job_page(limit=2)
        listed = [job.status async for job in client.list_jobs(page_size=2)]
        return [*(job.status for job in jobs), str(len(page.items)), str(len(listed))]


def main() -> None:
    """Run it all."""
    photo = Path(sys.argv[1])
    found = run_blocking(photo)
    found["awaited"] = asyncio.run(run_awaited(photo))
    found["own"] = [api.OWNER, worker.OWNER, training.OWNER, *db.names]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
