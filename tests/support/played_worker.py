"""Somebody who plays the worker."""

from uuid import UUID

from api.core.services import Services
from db.core.vocabulary import CROP_SIDE, EMOTIONS, Detector, Emotion, WorkerState
from db.faces.actions import NewFace
from db.jobs import lifecycle as jobs
from db.jobs.batch_actions import settle_batch
from db.jobs.tables import Job
from db.model_versions.tables import ModelVersion
from db.monitoring import heartbeats


class PlayedWorker:
    """Does with jobs what a worker does, with the answers that the test gives, and announces it as a worker does."""

    name = "played:1"

    def __init__(self, services: Services, version: ModelVersion) -> None:
        self._services = services
        self._version = version

    def claim(self, job_id: str) -> jobs.Claim:
        with self._services.database.write() as session:
            _, claim = jobs.claim_job(session, UUID(job_id), self.name, lease_s=30)
        self._services.waiter.announce(claim.job_id)
        return claim

    def finish(self, claim: jobs.Claim, *faces: NewFace, size: tuple[int, int] = (64, 48)) -> None:
        outcome = jobs.Outcome(*size, faces=faces, timings_ms={"detect": 1.0})
        with self._services.database.write() as session:
            job = jobs.finish_job(session, claim, outcome)
        self._announce(job)

    def fail(self, claim: jobs.Claim, code: str) -> None:
        with self._services.database.write() as session:
            job = jobs.fail_job(session, claim, code, "it went wrong")
        self._announce(job)

    def _announce(self, job: Job) -> None:
        self._services.waiter.announce(job.id)
        if job.batch_id is not None:
            settle_batch(self._services.database, self._services.waiter.announce, job.batch_id)

    def analyze(self, job_id: str, *faces: NewFace, size: tuple[int, int] = (64, 48)) -> None:
        self.finish(self.claim(job_id), *faces, size=size)

    def see(
        self, emotion: Emotion = Emotion.HAPPY, confidence: float = 0.7, box: tuple[int, ...] = (4, 4, 20, 20)
    ) -> NewFace:
        """A face that appears to express an emotion."""
        rest = (1 - confidence) / (len(EMOTIONS) - 1)
        x, y, width, height = box
        return NewFace(
            x=x,
            y=y,
            width=width,
            height=height,
            detector=Detector.BLAZEFACE,
            detection_score=0.9,
            probabilities=tuple(confidence if each is emotion else rest for each in EMOTIONS),
            model_version_id=self._version.id,
            crop=bytes(range(CROP_SIDE)) * CROP_SIDE,
        )

    def report(self, state: WorkerState, detail: str | None = None) -> None:
        """Give a sign of life."""
        with self._services.database.write() as session:
            version_id = self._version.id if state is WorkerState.READY else None
            heartbeats.record_heartbeat(session, self.name, state, detail=detail, model_version_id=version_id)
