"""Sends messages of queued jobs anew that were lost: between commit and send, or by Redis.

Comparing all that wait with all that lies in the queue costs by their number, so it is done seldom where they are many: see
`LOOK_SHARE`. Where the queue holds far less than waits, as after it was emptied, it is done at once.
"""

from time import monotonic, process_time

import redis
import structlog

from db.jobs import sweeping
from worker.core.messages import count_sent, list_sent, send_job
from worker.core.services import Services

log = structlog.get_logger(__name__)

MOST_RESENT = 1000
"""Messages sent anew by one sweep; the rest waits for the next."""

LOOK_SHARE = 0.003
"""Most of one core that looking for lost messages takes. With 50,000 jobs that wait, they are looked for every three minutes; a job
whose message is lost would wait longer than that behind the others anyway."""

FREE_LOOK_S = 0.05
"""Processor time of a look below which the next sweep looks again."""

EMPTIED_SHARE = 0.5
"""Messages for each job that waits, below which the queue is taken to have been emptied."""


def resend_lost(services: Services) -> None:
    """Send the messages of queued jobs anew that are nowhere in the queue."""
    try:
        if monotonic() < services.next_look_at and not _is_emptied(services):
            return
        began = process_time()
        _look(services)
        took_s = process_time() - began
        services.next_look_at = monotonic() + took_s / LOOK_SHARE if took_s > FREE_LOOK_S else 0.0
    except redis.RedisError as error:
        log.warning("queue_unreachable", reason=str(error))


def _is_emptied(services: Services) -> bool:
    with services.database.look_up() as connection:
        waiting = sweeping.count_waiting(connection, services.settings.resend_after_s)
    return count_sent(services.redis) < EMPTIED_SHARE * waiting


def _look(services: Services) -> None:
    with services.database.look_up() as connection:
        waiting = sweeping.list_waiting(connection, services.settings.resend_after_s)
    if not waiting:
        return
    sent = list_sent(services.redis)
    lost = [(job_id, priority) for job_id, priority in waiting if str(job_id) not in sent][:MOST_RESENT]
    resent = [job_id for job_id, priority in lost if send_job(job_id, priority)]
    if resent:
        log.info("jobs_resent", count=len(resent))
        with services.database.write() as session:
            sweeping.record_sent(session, resent)
