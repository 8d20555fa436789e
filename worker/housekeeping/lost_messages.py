"""Resends lost messages of queued jobs: lost between commit and send, or by Redis.

Comparing all queued jobs with all messages takes time proportional to their number, so with many jobs it is done less often: see
`LookLimits`. If the queue has far fewer messages than jobs, as after it was emptied, it is done at once.
"""

from dataclasses import dataclass
from time import monotonic, process_time

import redis
import structlog

from db.jobs import sweeping
from worker.core.messages import count_sent, list_sent, send_job
from worker.core.services import Services

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LookLimits:
    """What finding lost messages may cost.

    most_resent: maximum number of messages sent by one sweep; the next one sends more.
    share: maximum share of one core. With 50,000 queued jobs, a search runs every three minutes; a job that lost its message would
    wait longer than that behind the others anyway.
    free_s: processor time of a search below which every sweep searches.
    """

    most_resent: int = 1000
    share: float = 0.003
    free_s: float = 0.05


LIMITS = LookLimits()

EMPTIED_SHARE = 0.5
"""Ratio of messages to queued jobs below which the queue is assumed to have been emptied."""


def resend_lost(services: Services, limits: LookLimits = LIMITS) -> None:
    """Send the messages of queued jobs that aren't in the queue."""
    try:
        if monotonic() < services.next_look_at and not _is_emptied(services):
            return
        began = process_time()
        _look(services, limits.most_resent)
        took_s = process_time() - began
        services.next_look_at = monotonic() + took_s / limits.share if took_s > limits.free_s else 0.0
    except redis.RedisError as error:
        log.warning("queue_unreachable", reason=str(error))


def _is_emptied(services: Services) -> bool:
    sent = count_sent(services.redis)
    with services.database.look_up() as connection:
        # by the index alone, which takes a sixth of the time; jobs whose photo is still to be fetched are among them
        if sent >= EMPTIED_SHARE * sweeping.count_queued(connection):
            return False
        return sent < EMPTIED_SHARE * sweeping.count_waiting(connection, services.settings.resend_after_s)


def _look(services: Services, most_resent: int) -> None:
    with services.database.look_up() as connection:
        waiting = sweeping.list_waiting(connection, services.settings.resend_after_s)
    if not waiting:
        return
    sent = list_sent(services.redis)
    lost = [(job_id, priority) for job_id, priority in waiting if str(job_id) not in sent][:most_resent]
    resent = [job_id for job_id, priority in lost if send_job(job_id, priority)]
    if resent:
        log.info("jobs_resent", count=len(resent))
        with services.database.write() as session:
            sweeping.record_sent(session, resent)
