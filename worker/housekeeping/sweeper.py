"""The sweeper: beat runs it every few seconds to repair what lost messages and dead workers leave.

Sweeps may run concurrently: each step is a guarded transition, or idempotent.
"""

import itertools
import time

import redis
import structlog

from db.accounts.sign_in import forget_expired_sessions
from db.core.actors import Actor
from db.core.blobs import PHOTOS, BlobStoreUnavailable
from db.core.queues import CALLBACK_QUEUE, FETCH_MESSAGES, LAST_SWEEP_KEY
from db.core.vocabulary import JobStatus, TrainingRunStatus
from db.jobs import lifecycle as jobs
from db.jobs import sweeping
from db.jobs.batch_actions import CALL_S, cancel_rest, erase_rest, settle_batch
from db.jobs.batches import list_unsettled
from db.jobs.fetching import list_due_fetches
from db.jobs.idempotency import forget_expired_submissions
from db.jobs.retention import erase_old_jobs
from db.jobs.states import InvalidTransition
from db.monitoring.heartbeats import forget_workers
from db.photos import sweeping as photo_sweeping
from db.reviews.required_votes import resettle_all
from db.training_runs.states import InvalidRunTransition
from db.training_runs.sweeping import list_expired_runs, list_waiting_runs, record_run_sent, take_back_run
from db.webhooks.deliveries import list_due
from db.webhooks.old_callbacks import adopt_callbacks
from db.webhooks.retention import forget_events
from emoscope.logging import bind_job
from worker.core.messages import list_sent, send_delivery, send_fetch, send_job, send_run
from worker.core.services import Services
from worker.housekeeping.exports import look_after_exports
from worker.housekeeping.lost_messages import resend_lost

log = structlog.get_logger(__name__)

_ACTOR = Actor.system("sweeper")
_MOST_AT_ONCE = 1000
"""Maximum rows per step and sweep; the next sweep continues."""
_MOST_ERASED = 5000
"""Maximum jobs erased per sweep."""
_UNOWNED_AFTER_S = 3600
_RUN_RESEND_AFTER_S = 60
"""The training worker starts a new process for each run, which takes seconds between message and claim."""
_WORKER_MEMORY_S = 24 * 3600
"""How long a silent worker process stays listed, so that users can see when it stopped."""


def sweep(services: Services) -> None:
    """Run every step once. A step that fails for an unavailable dependency is logged, and the others still run."""
    take_back_expired(services)
    cancel_overdue(services)
    resend_lost(services)
    purge_photos(services)
    erase_old(services)
    ask_for_due_fetches(services)
    look_after_batches(services)
    look_after_exports(services)
    send_due_deliveries(services)
    look_after_runs(services)
    settle_reviews(services)
    with services.database.write() as session:
        forget_expired_submissions(session)
        forget_expired_sessions(session)
        forget_workers(session, _WORKER_MEMORY_S)
        forget_events(session, services.settings.webhook_retention_s, _MOST_AT_ONCE)
    try:
        services.redis.set(LAST_SWEEP_KEY, time.time())
    except redis.RedisError as error:
        log.warning("queue_unreachable", reason=str(error))


def take_back_expired(services: Services) -> None:
    """Requeue jobs whose lease expired, or fail them after their last attempt."""
    with services.database.read() as session:
        claims = sweeping.list_expired_claims(session, _MOST_AT_ONCE)
    for claim in claims:
        try:
            with services.database.write() as session:
                job = jobs.take_back_job(session, claim, _ACTOR)
        except InvalidTransition:
            continue  # its worker renewed the lease, or another sweep was faster
        with bind_job(job.id, job.request_id, job.traceparent):
            log.warning("job_taken_back", worker=claim.worker, attempt=claim.attempt, now=job.status)
        services.announce(job.id)
        if job.status is JobStatus.QUEUED:
            send_job(job.id, job.priority)


def cancel_overdue(services: Services) -> None:
    """Cancel queued jobs whose deadline has passed."""
    with services.database.read() as session:
        overdue = sweeping.list_overdue(session, _MOST_AT_ONCE)
    for job_id in overdue:
        try:
            with services.database.write() as session:
                jobs.cancel_overdue_job(session, job_id, _ACTOR)
        except InvalidTransition:
            continue
        services.announce(job_id)


def purge_photos(services: Services) -> None:
    """Delete expired photos, the blob first: after a crash in between the row is swept again."""
    with services.database.read() as session:
        due = photo_sweeping.list_purgeable_photos(session, _MOST_AT_ONCE)
    if not due:
        return
    try:
        services.blobs.delete_many([key for _, key in due])
    except BlobStoreUnavailable as error:
        log.warning("photos_not_purged", count=len(due), reason=str(error))
        return
    with services.database.write() as session:
        photo_sweeping.record_purged(session, [job_id for job_id, _ in due])


def erase_old(services: Services) -> None:
    """Erase expired jobs, if the settings limit their retention."""
    age_s = services.settings.job_retention_s
    if not age_s:
        return
    try:
        count = erase_old_jobs(services.database, services.blobs, age_s, _MOST_ERASED)
    except BlobStoreUnavailable as error:
        log.warning("jobs_not_erased", reason=str(error))
        return
    if count:
        log.info("old_jobs_erased", count=count)


def send_due_deliveries(services: Services) -> None:
    """Send the message of each due webhook delivery, unless it is queued: slow receivers make long queues."""
    with services.database.write() as session:
        adopt_callbacks(session, _MOST_AT_ONCE)
    with services.database.read() as session:
        due = list_due(session, _MOST_AT_ONCE)
    if not due:
        return
    try:
        sent = list_sent(services.redis, [CALLBACK_QUEUE])
    except redis.RedisError as error:
        log.warning("queue_unreachable", reason=str(error))
        return
    for delivery_id in due:
        if str(delivery_id) not in sent:
            send_delivery(delivery_id)


def ask_for_due_fetches(services: Services) -> None:
    """Send messages for due photo fetches: lost ones and retries."""
    with services.database.read() as session:
        due = list_due_fetches(session, FETCH_MESSAGES)
    for _ in due:
        if not send_fetch():
            break


def look_after_batches(services: Services) -> None:
    """Finish batches whose jobs have all ended, and continue cancellations and erasures that a call had no time for."""
    with services.database.read() as session:
        unsettled = list_unsettled(session, _MOST_AT_ONCE)
    for batch in unsettled:
        if batch.erased_at is not None:
            try:
                erase_rest(services.database, services.blobs, batch.id, most_s=CALL_S)
            except BlobStoreUnavailable as error:
                log.warning("batch_not_erased", batch_id=str(batch.id), reason=str(error))
            continue
        if batch.canceled_at is not None:
            cancel_rest(services.database, services.announce, batch.id, batch.canceled_at, actor=_ACTOR, most_s=CALL_S)
        settle_batch(services.database, services.announce, batch.id)


def settle_reviews(services: Services) -> None:
    """Reopen faces that have too few votes after a change of the setting. Once per process: settings change only at a restart."""
    least_votes = services.settings.min_correction_votes
    if services.votes_settled_for != least_votes:
        resettle_all(services.database, least_votes)
        services.votes_settled_for = least_votes


def look_after_runs(services: Services) -> None:
    """Requeue training runs whose lease expired, and resend the message of a queued run if it is missing in the queue."""
    with services.database.read() as session:
        claims = list_expired_runs(session)
        waiting = list(list_waiting_runs(session, _RUN_RESEND_AFTER_S))
    for claim in claims:
        try:
            with services.database.write() as session:
                run = take_back_run(session, claim, _ACTOR)
        except InvalidRunTransition:
            continue  # its worker renewed the lease, or another sweep was faster
        log.warning("run_taken_back", run_id=str(run.id), worker=claim.worker, attempt=claim.attempt, now=run.status)
        if run.status is TrainingRunStatus.QUEUED:
            waiting.append(run.id)
    if not waiting:
        return
    try:
        sent = list_sent(services.redis)
    except redis.RedisError as error:
        log.warning("queue_unreachable", reason=str(error))
        return
    for run_id in waiting:
        if str(run_id) not in sent and send_run(run_id):
            with services.database.write() as session:
                record_run_sent(session, run_id)


def delete_unowned_photos(services: Services, older_than_s: float = _UNOWNED_AFTER_S) -> None:
    """Delete photos without a job, left by API processes that died between storing the photo and its row.

    Considers only photos older than `older_than_s` seconds, because the row of a new one may still be being written.
    """
    keys = services.blobs.list_older(PHOTOS, older_than_s)
    try:
        while page := list(itertools.islice(keys, _MOST_AT_ONCE)):
            with services.database.read() as session:
                unowned = photo_sweeping.find_unowned_photos(session, page)
            services.blobs.delete_many(sorted(unowned))
            for key in sorted(unowned):
                log.warning("unowned_photo_deleted", key=key)
        if count := services.blobs.delete_unfinished(PHOTOS, older_than_s):
            log.warning("unfinished_photos_deleted", count=count)
    except BlobStoreUnavailable as error:
        log.warning("photos_not_listed", reason=str(error))
