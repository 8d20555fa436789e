"""Runs one job: claim it, read its photo, analyse it, write the result. No transaction is open during the analysis."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep
from uuid import UUID

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from db.core.actors import Actor
from db.core.blobs import BlobDamaged, BlobMissing, BlobStoreUnavailable
from db.core.types import utcnow
from db.core.vocabulary import JobStatus, WorkerState
from db.faces.actions import NewFace
from db.jobs import lifecycle as jobs
from db.jobs.batch_actions import settle_batch
from db.jobs.lifecycle import Claim, Outcome
from db.jobs.queries import get_job
from db.jobs.states import InvalidTransition
from db.jobs.tables import Job
from db.monitoring.heartbeats import list_live_workers
from db.photos.decoding_lock import DecodingBusy, DecodingLock
from db.photos.errors import PhotoError
from emoscope.logging import bind_job
from emoscope.tracing import open_tracing
from worker.analysis.detectors.base import DetectorUnavailable
from worker.analysis.pipeline import analyze_photo
from worker.analysis.process import WorkerProcess
from worker.analysis.shadow import classify_in_shadow
from worker.core.messages import send_job
from worker.core.services import Services
from worker.core.stopping import is_stopping

log = structlog.get_logger(__name__)

_WRITE_AGAIN_S = 0.5
_LOCK_WAIT_SHARE = 0.5
"""Share of a job's time limit for waiting for other large pictures on the machine; the rest is for its own."""

_READY_WAIT_SHARE = 0.5
"""Share of a task's time limit for which a worker process that isn't ready keeps its message, while no other is ready."""

_REASONS = {
    BlobMissing.code: "the photo was deleted before it was analysed",
    BlobDamaged.code: "the stored photo differs from the one submitted",
    BlobStoreUnavailable.code: "the photo store doesn't answer",
    DetectorUnavailable.code: "the detector can't run on the worker that claimed the job",
}
"""The jobs' error details. The exceptions' own messages name internal files and hosts, so they are only logged."""


def run_job(process: WorkerProcess, job_id: UUID) -> None:
    """Analyse a job's photo and write the result, if the job is still queued.

    A photo that can't be analysed fails the job with a code. After an error that may pass, the job is requeued and the sweeper
    sends it again. Neither raises.
    """
    services = process.services
    # A process that can't get ready would take messages much faster than working ones.
    if not _wait_until_ready(process):
        log.warning("job_left_waiting", job_id=str(job_id), reason="this worker process has no detector or no model")
        _pass_on(services, job_id)
        return
    try:
        with services.database.write() as session:
            job, claim = jobs.claim_job(session, job_id, process.name, services.settings.lease_s)
    except InvalidTransition:
        # A duplicate message, or a job that was canceled, erased or is overdue.
        log.info("job_not_waiting", job_id=str(job_id))
        return
    tracing = open_tracing()
    with bind_job(job.id, job.request_id, job.traceparent):
        _trace_wait(job)
        with tracing.span("analyze", "consumer", parent=job.traceparent, **{"emoscope.job_id": str(job.id)}):
            services.announce(job_id)
            with process.leases.hold(claim):
                _settle(process, claim, job)
            services.announce(job_id)
            if job.batch_id is not None:
                settle_batch(services.database, services.announce, job.batch_id)
            classify_in_shadow(process, job_id)


def _wait_until_ready(process: WorkerProcess) -> bool:
    """Wait until this process is ready, at least for a heartbeat. Returns whether it is.

    Returns early when another process is ready, when the worker stops, or well before the task's time limit. While none is ready,
    passing messages on would only rotate the queue.
    """
    settings = process.services.settings
    end = monotonic() + _READY_WAIT_SHARE * settings.soft_time_limit_s
    while not process.wait_until_ready(settings.worker_heartbeat_s):
        if is_stopping() or monotonic() >= end or _is_another_ready(process):
            return False
    return True


def _is_another_ready(process: WorkerProcess) -> bool:
    try:
        with process.services.database.read() as session:
            live = list_live_workers(session, process.services.settings.worker_heartbeat_s)
    except SQLAlchemyError:
        return False
    return any(worker.state is WorkerState.READY and worker.name != process.name for worker in live)


def _trace_wait(job: Job) -> None:
    """Record a span from the submission, or the end of the previous attempt, until now."""
    span = open_tracing().start("wait in the queue", parent=job.traceparent, began_at=job.created_at)
    if span is not None:
        span.set_attribute("emoscope.attempt", job.attempt)
        span.end()


def _settle(process: WorkerProcess, claim: Claim, job: Job) -> None:
    """Finish a claimed job, or requeue it."""
    end = _find_end(process, claim, job)
    try:
        with open_tracing().span("write the result"):
            _write(process, end.write)
    except InvalidTransition:
        log.info("result_unwanted", attempt=claim.attempt)
        return
    taken_ms = (utcnow() - job.started_at).total_seconds() * 1000 if job.started_at else None
    log.info("job_ended", code=end.code, faces=end.faces, attempt=claim.attempt, ms=taken_ms and round(taken_ms))
    if job.key_id is not None and end.faces is not None:
        process.services.usage.count(job.key_id, faces=end.faces)
    if end.is_outage:
        process.rest()


@dataclass(frozen=True)
class _End:
    """Result of an attempt. write: stores it. faces: number of faces, if the photo was analysed. code: error code, if it wasn't.

    is_outage: a dependency that the next job also needs is unavailable.
    """

    write: Callable[[Session], object]
    faces: int | None = None
    code: str | None = None
    is_outage: bool = False


def _find_end(process: WorkerProcess, claim: Claim, job: Job) -> _End:  # noqa: PLR0911 - one for each kind of end
    """Analyse the photo, and return how the attempt ends: succeeded, failed, or requeued."""

    def fail(code: str, detail: str) -> _End:
        return _End(lambda session: jobs.fail_job(session, claim, code, detail), code=code)

    def give_back(code: str, detail: str, *, is_fault: bool = False) -> Callable[[Session], object]:
        actor = Actor.worker(process.name)
        return lambda session: jobs.give_back_job(session, claim, actor, detail, code, is_outage=not is_fault)

    told = {"job_id": str(job.id), "attempt": claim.attempt}
    try:
        outcome = _analyze(process, job)
    except PhotoError as error:
        return fail(error.code, str(error))
    except (BlobMissing, BlobDamaged, DetectorUnavailable) as error:
        log.warning("analysis_impossible", code=error.code, reason=str(error), **told)
        return fail(error.code, _REASONS[error.code])
    except SoftTimeLimitExceeded:
        return fail(
            "time_limit", f"the analysis took longer than {process.services.settings.soft_time_limit_s:g} seconds"
        )
    except BlobStoreUnavailable as error:
        log.warning("photo_unreachable", reason=str(error), **told)
        return _End(give_back(error.code, _REASONS[BlobStoreUnavailable.code]), code=error.code, is_outage=True)
    except DecodingBusy as error:
        log.info("decoding_busy", **told)
        return _End(give_back(error.code, str(error)), code=error.code)
    except Exception as error:
        # An internal error. A retry, perhaps on another machine, may succeed; after the last attempt the job fails.
        log.exception("analysis_crashed", **told)
        return _End(
            give_back("internal_error", f"unexpected {type(error).__name__}", is_fault=True), code="internal_error"
        )
    return _End(lambda session: jobs.finish_job(session, claim, outcome), faces=len(outcome.faces))


def _write(process: WorkerProcess, change: Callable[[Session], object]) -> None:
    """Run a change in its own transaction, and retry while the database is unavailable or its disk is full.

    The analysis is done; giving up would waste it and one of the job's attempts. After the duration of a lease, which is lost by
    then, it raises OperationalError. Raises InvalidTransition if another attempt has claimed the job.
    """
    end = monotonic() + process.services.settings.lease_s
    while True:
        try:
            with process.services.database.write() as session:
                change(session)
        except OperationalError as error:
            if monotonic() >= end:
                raise
            log.warning("result_not_written", reason=str(error.orig))
            sleep(_WRITE_AGAIN_S)
        else:
            return


def _pass_on(services: Services, job_id: UUID) -> None:
    """Send the job's message again, for another process. If it fails, the sweeper sends it."""
    try:
        with services.database.read() as session:
            job = get_job(session, job_id)
    except SQLAlchemyError:
        return
    if job is not None and job.status is JobStatus.QUEUED:
        send_job(job_id, job.priority)


def _analyze(process: WorkerProcess, job: Job) -> Outcome:
    settings = process.services.settings
    if job.photo_key is None:
        raise BlobMissing("the job's photo was deleted")
    model = process.models.current
    name = job.detector or settings.detector
    threshold = settings.detection_threshold if name == settings.detector else None
    tracing = open_tracing()
    with tracing.span("read the photo"):
        data = process.services.blobs.get(job.photo_key, job.photo_sha256)
    detector = process.find_detector(name)
    with tracing.span("find and classify faces"):
        analysis = analyze_photo(
            data,
            detector,
            model.classifier,
            max_pixels=settings.max_photo_pixels,
            max_decoding_bytes=settings.max_decoding_bytes,
            lock=DecodingLock(settings.data_dir, _LOCK_WAIT_SHARE * settings.soft_time_limit_s),
            min_face_px=job.min_face_px or settings.min_face_px,
            threshold=threshold,
        )
    faces = (
        NewFace(
            x=face.box.x,
            y=face.box.y,
            width=face.box.width,
            height=face.box.height,
            detector=name,
            detection_score=face.detection_score,
            detection_threshold=detector.default_threshold if threshold is None else threshold,
            runtime=model.classifier.runtime,
            probabilities=face.probabilities,
            model_version_id=model.version_id,
            crop=face.crop,
            vote_shares=face.vote_shares,
            conditions=face.conditions,
            measures=face.measures,
        )
        for face in sorted(analysis.faces, key=lambda face: face.box.width * face.box.height, reverse=True)
    )
    return Outcome(analysis.width, analysis.height, tuple(faces), analysis.timings_ms)
