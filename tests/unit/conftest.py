# mypy: ignore-errors
"""Stored analyses, for whatever works on their faces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from uuid_utils.compat import uuid7

from db.accounts import api_keys
from db.core.session import Database
from db.core.vocabulary import EMOTIONS, Detector, Emotion, ReviewSlice
from db.faces.actions import NewFace
from db.jobs import lifecycle as jobs
from db.jobs.lifecycle import NewJob, Outcome
from db.model_versions import actions as model_versions
from db.reviews.queue import RANDOM_SLICE_SHARE
from db.reviews.subjects import make_chance
from emoscope.settings import Settings
from tests.support.manifests import make_manifest
from worker.core.services import Services


@dataclass(frozen=True)
class StoredPhoto:
    """An analysed photo and its faces, in order."""

    job_id: UUID
    face_ids: list[UUID]


@dataclass(frozen=True)
class Place:
    """A box, in pixels."""

    x: int
    y: int
    width: int
    height: int


def find_photo(slice_: ReviewSlice, boxes: Sequence[Place]) -> str:
    """The SHA-256 of a new photo whose faces in these boxes all fall in one slice."""
    while True:
        photo = uuid4().hex * 2
        lots = [make_chance(photo, box).random() < RANDOM_SLICE_SHARE for box in boxes]
        if all(lot is (slice_ is ReviewSlice.RANDOM) for lot in lots):
            return photo


class Analyses:
    """Stores analysed photos as a worker would."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def store(
        self,
        *answers: tuple[Emotion, float],
        photo: str | None = None,
        application: str = "test",
        version: str = "first",
        box: tuple[int, int, int, int] = (10, 10, 80, 80),
        crop: bytes = bytes(2304),
    ) -> StoredPhoto:
        """Store one photo. answers: emotion and confidence of each face, side by side; box: of the first of them.

        photo: its SHA-256; unless given, that of a new photo whose faces fall in the uncertain slice.
        version: digest of the model version, which is made if it is new.
        """
        boxes = [Place(box[0] + 100 * place, *box[1:]) for place in range(len(answers))]
        photo = photo or find_photo(ReviewSlice.UNCERTAIN, boxes)
        with self.database.write() as session:
            model = model_versions.find_version_by_digest(session, version) or model_versions.add_version(
                session, version, version, make_manifest()
            )
            if model_versions.get_champion(session) is None:
                model_versions.promote(session, model, "test", "the first")
            new = NewJob(
                id=uuid7(), application_id=api_keys.ensure_application(session, application).id, photo_key="photos/x",
                photo_sha256=photo, photo_bytes=1, media_type="image/png", width=1000, height=1000,
                photo_retention_s=60, max_attempts=3,
            )  # fmt: skip
            jobs.create_job(session, new, "test")
            _, claim = jobs.claim_job(session, new.id, "worker", 30)
            faces = tuple(
                NewFace(
                    **vars(place), detector=Detector.BLAZEFACE, detection_score=0.9, probabilities=spread(*answer),
                    model_version_id=model.id, crop=crop,
                )
                for place, answer in zip(boxes, answers, strict=True)
            )  # fmt: skip
            job = jobs.finish_job(session, claim, Outcome(1000, 1000, faces))
            return StoredPhoto(job.id, [face.id for face in job.faces])


def spread(emotion: Emotion, confidence: float) -> tuple[float, ...]:
    """Probabilities with this emotion first, and the rest all on its neighbour."""
    first = EMOTIONS.index(emotion)
    values = [0.0] * len(EMOTIONS)
    values[first], values[first - 1] = confidence, 1 - confidence
    return tuple(values)


@pytest.fixture
def analyses(database: Database) -> Analyses:
    return Analyses(database)


@pytest.fixture
def without_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions are made without their form in 8 bits, which takes two thirds of the time of making one."""
    monkeypatch.setattr("training.export.version.quantize_served", lambda *_: None)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """A worker process's connections. Change `services.settings` with `model_copy`."""
    opened = Services(settings)
    yield opened
    opened.database.close()
    opened.redis.close()
