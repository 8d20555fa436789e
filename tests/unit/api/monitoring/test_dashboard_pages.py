from collections.abc import Callable

from db.core.vocabulary import Emotion
from tests.support.played_worker import PlayedWorker
from tests.support.visitors import Visitor


def test_the_dashboard_links_failures_to_their_jobs(
    viewer: Visitor, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    worker.fail(worker.claim(submit()), "broken_picture")
    worker.analyze(submit(), worker.see(Emotion.HAPPY))
    text = viewer.get("/dashboard")
    assert "/jobs?status=failed&amp;error_code=broken_picture" in text
    assert "Version 1" in text


def test_long_ranges_are_drawn_in_few_places_and_count_every_face(
    viewer: Visitor, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    worker.analyze(submit(), worker.see(Emotion.HAPPY, 0.8), worker.see(Emotion.SAD, 0.4))
    for hours, step, places in ((6, "hour", 6), (48, "hour", 48), (168, "3 hours", 56), (720, "10 hours", 72)):
        text = viewer.get("/dashboard", hours=hours)
        mix = text.partition(f"Emotion mix by {step}")[2].partition("</figure>")[0]
        assert mix.count('<th scope="row">') == places, hours
        assert mix.count('<td class="number">0.50</td>') == 2, hours
        means = text.partition(f"Mean confidence by {step}")[2].partition("</figure>")[0]
        assert means.count('<td class="number">0.60</td>') == 1, hours
