"""Names shared by API and workers."""

from db.core import queues
from db.core.vocabulary import Priority
from worker.core.app import app


def test_bulk_jobs_have_a_queue_of_their_own() -> None:
    chosen = {priority: queues.choose_queue(priority) for priority in Priority}
    assert chosen.pop(Priority.BULK) == queues.BULK_QUEUE
    assert set(chosen.values()) == {queues.ANALYSIS_QUEUE}


def test_each_message_is_taken_by_a_task_of_the_worker() -> None:
    app.loader.import_default_modules()
    texts = {value for constant, value in vars(queues).items() if constant.isupper() and isinstance(value, str)}
    tasks = {text for text in texts if text.startswith("emoscope.")}
    assert tasks
    assert tasks <= set(app.tasks)
