"""Jobs, batches and faces as the API describes them."""

from typing import Any
from uuid import uuid4

from db.core.vocabulary import Emotion


def make_job(status: str, faces: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A job as the API describes it."""
    job_id = str(uuid4())
    return {
        "id": job_id,
        "url": f"/v1/jobs/{job_id}",
        "application": "shop",
        "status": status,
        "priority": "interactive",
        "created_at": "2026-03-01T12:00:00Z",
        "started_at": None,
        "finished_at": None,
        "deadline_at": None,
        "attempt": 0 if status == "queued" else 1,
        "batch_id": None,
        "detector": None,
        "min_face_px": None,
        "photo": {
            "filename": "a.jpg",
            "source_url": None,
            "media_type": "image/jpeg",
            "bytes": 5,
            "sha256": "0" * 64,
            "width": 4,
            "height": 3,
            "url": f"/v1/jobs/{job_id}/image",
            "available_until": None,
        },
        "faces": faces or [],
        "face_count": len(faces or []) if status == "succeeded" else None,
        "annotated_url": None,
        "timings_ms": None,
        "error": None,
    }


def make_batch(*states: str) -> dict[str, Any]:
    """A batch as the API describes it."""
    batch_id = str(uuid4())
    photos = [
        {
            "position": position,
            "filename": None,
            "state": state,
            "job_id": None if state == "refused" else str(uuid4()),
            "job_url": None,
            "face_count": None,
            "error": {"code": "not_a_picture", "detail": "this is a text"} if state == "refused" else None,
        }
        for position, state in enumerate(states)
    ]
    names = ("queued", "running", "succeeded", "failed", "canceled", "refused")
    return {
        "id": batch_id,
        "url": f"/v1/batches/{batch_id}",
        "created_at": "2026-03-01T12:00:00Z",
        "is_open": False,
        "is_done": not {"queued", "running"} & set(states),
        "finished_at": None,
        "photos_per_s": None,
        "left_s": None,
        "counts": {"total": len(states), **{name: states.count(name) for name in names}},
        "photos": photos,
        "photos_url": f"/v1/batches/{batch_id}/photos",
    }


def make_face() -> dict[str, Any]:
    """A face as the API describes it."""
    return {
        "id": str(uuid4()),
        "bounding_box": {"x": 1, "y": 2, "width": 3, "height": 4},
        "detector": "hog",
        "detection_score": 0.9,
        "detection_threshold": 0.6,
        "runtime": "litert",
        "emotion": "happy",
        "confidence": 0.7,
        "margin": 0.4,
        "second_emotion": "sad",
        "second_probability": 0.05,
        "uncertain": False,
        "probabilities": dict.fromkeys(Emotion, 0.05) | {"happy": 0.7},
        "vote_shares": None,
        "ambiguity": None,
        "conditions": [],
        "landmarks": None,
        "pose": None,
        "quality": None,
        "usable": None,
        "unusable_reasons": None,
        "model_version": 3,
        "crop_url": "/",
    }
