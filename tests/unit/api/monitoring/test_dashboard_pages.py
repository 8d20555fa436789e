from collections.abc import Callable

from db.core.vocabulary import Emotion
from tests.unit.api.conftest import PlayedWorker, Visitor


def test_the_dashboard_links_failures_to_their_jobs(
    viewer: Visitor, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    worker.fail(worker.claim(submit()), "broken_picture")
    worker.analyze(submit(), worker.see(Emotion.HAPPY))
    text = viewer.get("/dashboard")
    assert "/jobs?status=failed&amp;error_code=broken_picture" in text
    assert "Version 1" in text
