"""The sweeper: beat runs it every few seconds, and it mends what messages and workers may lose.

Any number of sweeps may run at once: each step is a guarded move, or may be done twice without harm.
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
"""Rows that one step looks after in one sweep; the rest waits for the next."""
_MOST_ERASED = 5000
"""Jobs erased in one sweep."""
_UNOWNED_AFTER_S = 3600
_RUN_RESEND_AFTER_S = 60
"""The training worker starts a fresh child for each run, which takes seconds from the message to the claim."""
_WORKER_MEMORY_S = 24 * 3600
"""How long a silent worker child stays listed, so that people can see when it went."""


def sweep(services: Services) -> None:
    """Do every step once. A step that fails for lack of a service is logged, and doesn't keep the others from running."""
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
    """Queue jobs again whose worker went silent, or fail them after their last attempt."""
    with services.database.read() as session:
        claims = sweeping.list_expired_claims(session, _MOST_AT_ONCE)
    for claim in claims:
        try:
            with services.database.write() as session:
                job = jobs.take_back_job(session, claim, _ACTOR)
        except InvalidTransition:
            continue  # its worker came back, or another sweep was quicker
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
    """Delete photos whose time is over. The blob goes first: a crash in between leaves a row that is swept again."""
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
    """Erase jobs whose time is over, where the settings give them one."""
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
    """Ask for each webhook delivery that is due, unless that is asked already: receivers that hang make a long queue."""
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
    """Ask for photos to be fetched whose message was lost, or that are tried again."""
    with services.database.read() as session:
        due = list_due_fetches(session, FETCH_MESSAGES)
    for _ in due:
        if not send_fetch():
            break


def look_after_batches(services: Services) -> None:
    """Finish batches whose jobs have all ended, and go on with what a call had no time for: canceling, erasing."""
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
    """Ask again for faces that a changed setting leaves with too few votes. Once a process: a setting changes with a new start."""
    least_votes = services.settings.min_correction_votes
    if services.votes_settled_for != least_votes:
        resettle_all(services.database, least_votes)
        services.votes_settled_for = least_votes


def look_after_runs(services: Services) -> None:
    """Take training runs back from silent workers, and send the message of a waiting run anew that is nowhere in the queue."""
    with services.database.read() as session:
        claims = list_expired_runs(session)
        waiting = list(list_waiting_runs(session, _RUN_RESEND_AFTER_S))
    for claim in claims:
        try:
            with services.database.write() as session:
                run = take_back_run(session, claim, _ACTOR)
        except InvalidRunTransition:
            continue  # its worker came back, or another sweep was quicker
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


def delete_unowned_photos(services: Services) -> None:
    """Delete photos that belong to no job: an API process that died between the photo and its row left them.

    Looks only at photos older than an hour, so that one whose row is being written is left alone.
    """
    keys = services.blobs.list_older(PHOTOS, _UNOWNED_AFTER_S)
    try:
        while page := list(itertools.islice(keys, _MOST_AT_ONCE)):
            with services.database.read() as session:
                unowned = photo_sweeping.find_unowned_photos(session, page)
            services.blobs.delete_many(sorted(unowned))
            for key in sorted(unowned):
                log.warning("unowned_photo_deleted", key=key)
        if count := services.blobs.delete_unfinished(PHOTOS, _UNOWNED_AFTER_S):
            log.warning("unfinished_photos_deleted", count=count)
    except BlobStoreUnavailable as error:
        log.warning("photos_not_listed", reason=str(error))
