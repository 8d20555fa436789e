"""Names shared by the API and the workers. Standard library only, because the API imports this."""

from db.core.vocabulary import Priority

ANALYZE = "emoscope.analyze"
SWEEP = "emoscope.sweep"
SWEEP_PHOTOS = "emoscope.sweep_photos"
FETCH_PHOTOS = "emoscope.fetch_photos"
FETCH_MESSAGES = 6
"""Maximum number of fetch messages sent at a time: one for each thread that fetches."""
WRITE_EXPORT = "emoscope.write_export"
DELIVER_WEBHOOK = "emoscope.deliver_callback"
"""Carries the id of a webhook delivery. The name dates from when only jobs had callbacks."""
RETRAIN = "emoscope.retrain"
START_SCHEDULED_RUN = "emoscope.start_scheduled_run"

ANALYSIS_QUEUE = "analysis"
BULK_QUEUE = "analysis-bulk"
"""Consumed only while the analysis queue is empty."""
TRAINING_QUEUE = "training"
HOUSEKEEPING_QUEUE = "housekeeping"
CALLBACK_QUEUE = "callbacks"
"""Also consumed by the housekeeper, after its own queue, so that a slow receiver doesn't delay the sweeper."""
MOST_SENT_AT_COMMIT = 50
"""Maximum number of webhook deliveries requested right after their commit; the sweeper sends the others."""

END_IDLE_S = "EMOSCOPE_INTERNAL_END_IDLE_S"
"""Environment variable: idle seconds after which a worker ends. Its supervisor starts it for the next message."""

LAST_SWEEP_KEY = "emoscope:last-sweep"
"""Redis key of the time at which the last sweep ended, in seconds since 1970."""
JOB_CHANGED_CHANNEL = "emoscope:job-changed"
"""Redis channel on which a job's id is published after each committed transition, to wake waiting requests."""


def choose_queue(priority: Priority) -> str:
    """Return the queue of a job's message."""
    return BULK_QUEUE if priority is Priority.BULK else ANALYSIS_QUEUE
