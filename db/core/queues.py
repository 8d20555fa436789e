"""Names that the API and the workers share. Standard library only: the API imports this, and nothing else of the worker."""

from db.core.vocabulary import Priority

ANALYZE = "emoscope.analyze"
SWEEP = "emoscope.sweep"
SWEEP_PHOTOS = "emoscope.sweep_photos"
FETCH_PHOTOS = "emoscope.fetch_photos"
FETCH_MESSAGES = 6
"""Most messages that ask for photos to be fetched at one occasion: as many threads as fetch at once take one each."""
WRITE_EXPORT = "emoscope.write_export"
DELIVER_WEBHOOK = "emoscope.deliver_callback"
"""Carries the id of a webhook delivery. Its name is from when only jobs had callbacks."""
RETRAIN = "emoscope.retrain"
START_SCHEDULED_RUN = "emoscope.start_scheduled_run"

ANALYSIS_QUEUE = "analysis"
BULK_QUEUE = "analysis-bulk"
"""Taken only while the analysis queue is empty."""
TRAINING_QUEUE = "training"
HOUSEKEEPING_QUEUE = "housekeeping"
CALLBACK_QUEUE = "callbacks"
"""Read by the housekeeper too, after its own: a receiver that hangs must not keep the sweeper waiting."""
MOST_SENT_AT_COMMIT = 50
"""Webhook deliveries that are asked for as soon as they are committed; the sweeper asks for what is beyond."""

LAST_SWEEP_KEY = "emoscope:last-sweep"
"""Redis key of when the sweeper last came to its end, in seconds since 1970."""
JOB_CHANGED_CHANNEL = "emoscope:job-changed"
"""Redis channel on which a job's id is published after each committed move, to wake those who wait for it."""


def choose_queue(priority: Priority) -> str:
    """The queue that a job's message goes to."""
    return BULK_QUEUE if priority is Priority.BULK else ANALYSIS_QUEUE
