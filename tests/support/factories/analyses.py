"""Stored analyses, for whatever works on their faces."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from db.core.session import Database
from db.core.vocabulary import Detector, Emotion, ReviewSlice
from db.jobs import lifecycle as jobs
from db.jobs.lifecycle import Outcome
from db.model_versions import actions as model_versions
from db.reviews.queue import RANDOM_SLICE_SHARE
from db.reviews.subjects import make_chance
from tests.support.factories.actors import TEST
from tests.support.factories.faces import make_new_face, spread
from tests.support.factories.jobs import create_job
from tests.support.factories.model_versions import find_or_add_version


@dataclass(frozen=True)
class StoredPhoto:
    """An analysed photo and its faces, in order."""

    job_id: UUID
    face_ids: list[UUID]


@dataclass
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
            model = find_or_add_version(session, version)
            if model_versions.get_champion(session) is None:
                model_versions.promote(session, model, TEST, "the first")
            job = create_job(session, application, id=uuid7(), photo_sha256=photo, width=1000, height=1000)
            _, claim = jobs.claim_job(session, job.id, "worker", 30)
            faces = tuple(
                make_new_face(model.id, spread(*answer), **vars(place), detector=Detector.BLAZEFACE, crop=crop)
                for place, answer in zip(boxes, answers, strict=True)
            )  # fmt: skip
            job = jobs.finish_job(session, claim, Outcome(1000, 1000, faces))
            return StoredPhoto(job.id, [face.id for face in job.faces])
