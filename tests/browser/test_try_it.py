"""Try it where the service is busy, away for a moment, or no longer knows who asks, in a real browser."""

from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from db.core.vocabulary import Emotion, JobStatus, VoteChoice
from db.jobs import lifecycle as jobs
from db.jobs import queries as job_queries
from tests.browser.conftest import Site
from tests.browser.test_review import list_standing
from tests.support.factories.actors import ANA
from tests.support.waiting import wait_until


@pytest.fixture
def drop(portrait: bytes) -> Callable[[Page], None]:
    """Chooses a photo on the page."""

    def choose(page: Page) -> None:
        photo: FilePayload = {"name": "first.jpg", "mimeType": "image/jpeg", "buffer": portrait}
        page.locator("input[type=file]").set_input_files([photo])

    return choose


def wait_for_job(page: Page, site: Site) -> UUID:
    """The job that the page has submitted."""

    def find() -> list[UUID]:
        page.wait_for_timeout(1)  # lets the page's routes be called
        with site.database.read() as session:
            queued = job_queries.JobFilter(status=JobStatus.QUEUED)
            return [job.id for job in job_queries.list_jobs(session, queued, limit=10)]

    wait_until(find, "the photo is a job")
    [job_id] = find()
    return job_id


def answer(route: Route, status: int, **headers: str) -> None:
    """Answer in place of the service."""
    route.fulfill(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_photo_waits_while_the_queue_is_full(
    visit: Callable[..., Page], site: Site, drop: Callable[[Page], None]
) -> None:
    page = visit("ben", "/try")
    refused: list[Route] = []

    def refuse_once(route: Route) -> None:
        if route.request.method != "POST" or refused:
            return route.continue_()
        refused.append(route)
        return answer(route, 429, Retry_After="2")

    page.route("**/v1/jobs", refuse_once)
    drop(page)
    pill = page.locator(".result .pill")
    expect(pill).to_have_text("waiting")
    job_id = wait_for_job(page, site)
    site.worker.analyze(str(job_id), site.worker.see(Emotion.HAPPY, 0.83, (60, 30, 70, 70)), size=(256, 256))
    expect(pill).to_have_text("succeeded")
    expect(page.locator(".result .found")).to_have_text("happy 0.83")


def test_a_page_follows_its_job_through_an_outage_and_polls_slowly(
    visit: Callable[..., Page], site: Site, drop: Callable[[Page], None]
) -> None:
    page = visit("ben", "/try")
    asked: list[str] = []

    def fail_thrice(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            return route.abort()
        if len(asked) in {2, 3}:
            return answer(route, {2: 503, 3: 304}[len(asked)], Retry_After="0")  # at once, where too many wait already
        return route.continue_()

    page.route("**/v1/jobs/*?wait=20", fail_thrice)
    drop(page)
    job_id = wait_for_job(page, site)
    pill = page.locator(".result .pill")
    page.wait_for_timeout(2500)
    assert len(asked) <= 3
    expect(pill).to_have_text("queued")
    site.worker.analyze(str(job_id), size=(256, 256))
    expect(pill).to_have_text("succeeded")
    expect(page.locator(".result .found")).to_have_text("no face found")
    assert len(asked) == 4


def test_the_page_announces_a_canceled_job(
    visit: Callable[..., Page], site: Site, drop: Callable[[Page], None]
) -> None:
    page = visit("ben", "/try")
    drop(page)
    job_id = wait_for_job(page, site)
    with site.database.write() as session:
        jobs.cancel_job(session, job_id, actor=ANA)
    site.services.waiter.announce(job_id)
    expect(page.locator(".result .pill")).to_have_text("canceled")
    expect(page.locator(".result .found")).to_have_text("withdrawn, so there is no result")
    expect(page.locator("#said")).to_have_text("first.jpg: canceled")


def test_a_signed_out_user_returns_to_the_page_after_the_sign_in(
    visit: Callable[..., Page], site: Site, drop: Callable[[Page], None]
) -> None:
    page = visit("ben", "/try")
    page.context.clear_cookies()
    drop(page)
    page.wait_for_url("**/sign-in?next=/try")


def test_a_result_is_corrected_where_it_is_shown_and_once_more_among_the_latest_votes(
    visit: Callable[..., Page], site: Site, drop: Callable[[Page], None], submit: Callable[[], str]
) -> None:
    page = visit("ben", "/try")
    drop(page)
    job_id = wait_for_job(page, site)
    site.worker.analyze(str(job_id), site.worker.see(Emotion.HAPPY, 0.83, (60, 30, 70, 70)), size=(256, 256))
    site.worker.analyze(submit(), site.worker.see(Emotion.HAPPY, 0.5, (10, 150, 50, 50)), size=(256, 256))
    face = page.get_by_role("link", name="happy 0.83: correct it")
    face.click()
    dialog = page.get_by_role("dialog", name="Correct this face")
    expect(dialog).to_contain_text("Predicted: happy")
    dialog.get_by_role("button", name="angry").click()
    expect(face).to_contain_text("You: angry")
    face_id = face.get_attribute("data-correct") or ""
    assert list_standing(site, "ben") == [(face_id, VoteChoice.ANGRY)]
    page.goto("/review")
    waiting = page.locator(".judging").first.get_attribute("data-face") or ""
    page.get_by_role("link", name="Correct your vote: angry").focus()
    with page.expect_response("**/review/statistics"):
        page.keyboard.press("6")
    changed = page.get_by_role("link", name="Correct your vote: sad")
    expect(changed).to_be_focused()
    assert list_standing(site, "ben") == [(face_id, VoteChoice.SAD)]
    expect(page.locator(".judging").first).to_have_attribute("data-face", waiting)  # the key wasn't for it
