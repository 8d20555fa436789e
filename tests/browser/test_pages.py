"""Signing in, jobs and trying photos out, as people do it, in a real browser."""

from collections.abc import Callable
from uuid import UUID

from playwright.sync_api import FilePayload, Page, Route, expect

from db.core.vocabulary import Emotion, JobStatus
from db.jobs import queries as job_queries
from tests.browser.conftest import PASSWORD, Site, sign_in
from tests.support.waiting import wait_until


def list_waiting(site: Site) -> list[str]:
    with site.database.read() as session:
        found = job_queries.list_jobs(session, job_queries.JobFilter(status=JobStatus.QUEUED), limit=10)
    return [str(job.id) for job in found]


def test_wrong_passwords_lock_and_the_right_one_lets_in(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    page.goto("/jobs")
    for _ in range(5):
        sign_in(page, "ben", "wrong")
        expect(page.get_by_role("alert")).to_contain_text("wrong")
    sign_in(page, "ben", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("Too many wrong passwords")
    page.goto("/jobs")
    sign_in(page, "vic", PASSWORD)
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")


def test_photos_dropped_in_the_page_go_through_the_service(
    visit: Callable[..., Page], site: Site, portrait: bytes
) -> None:
    page = visit("ben", "/try")
    files: list[FilePayload] = [
        {"name": "first.jpg", "mimeType": "image/jpeg", "buffer": portrait},
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"},
    ]
    page.locator("input[type=file]").set_input_files(files)
    wait_until(lambda: list_waiting(site), "the photo is a job")
    [job_id] = list_waiting(site)
    claim = site.worker.claim(job_id)
    first = page.locator(".result", has_text="first.jpg")
    expect(first.locator(".pill")).to_have_text("running")
    site.worker.finish(claim, site.worker.see(Emotion.HAPPY, 0.83, (60, 30, 70, 70)), size=(256, 256))
    expect(first.locator(".found")).to_have_text("happy 0.83")
    expect(page.locator(".result", has_text="notes.txt").locator(".problem")).to_contain_text("none of")
    first.get_by_role("link", name="first.jpg").click()
    expect(page.get_by_role("heading", name="first.jpg")).to_be_visible()
    expect(page.locator("svg .box.happy")).to_be_visible()


def test_the_end_of_a_job_is_announced_to_screen_readers(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    job_id = submit()
    page = visit("ben", f"/jobs/{job_id}")
    status = page.get_by_role("status")
    page.evaluate("window.told = document.querySelector('[role=status]')")  # one that is swapped wouldn't be announced
    expect(status).to_have_text("")
    claim = site.worker.claim(job_id)
    expect(status).to_have_text("Job running")
    page.get_by_role(
        "button", name="Cancel", exact=True
    ).focus()  # nothing is taken from under whoever is at it, but told
    site.worker.finish(claim, site.worker.see(Emotion.HAPPY, 0.83, (60, 30, 70, 70)), size=(256, 256))
    expect(status).to_have_text("Job succeeded: 1 face")
    expect(page.locator("h1 .pill")).to_have_text("running")
    page.evaluate("document.activeElement.blur()")
    expect(page.locator("h1 .pill")).to_have_text("succeeded")
    assert page.evaluate("window.told === document.querySelector('[role=status]')")


def test_the_theme_is_kept(visit: Callable[..., Page]) -> None:
    page = visit("vic", color_scheme="light")

    def read_ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = read_ground()
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = read_ground()
    assert dark != light
    page.goto("/jobs")
    assert read_ground() == dark


def test_a_job_can_be_tried_again_canceled_and_erased(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    job_id = submit()
    site.worker.fail(site.worker.claim(job_id), "time_limit")
    page = visit("ana", f"/jobs/{job_id}")
    page.get_by_role("button", name="Analyse again").click()
    expect(page.get_by_role("status").first).to_contain_text("new job")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator("h1 .pill")).to_have_text("canceled")
    new_id = UUID(page.url.partition("/jobs/")[2].partition("?")[0])
    page.get_by_role("button", name="Erase", exact=True).click()
    page.get_by_role("button", name="Erase permanently").click()
    expect(page.get_by_role("status")).to_contain_text("Job erased")
    with site.database.read() as session:
        assert job_queries.get_job(session, new_id) is None


def test_a_refused_picture_is_requested_again(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    job_id = submit()
    site.worker.finish(
        site.worker.claim(job_id), site.worker.see(Emotion.HAPPY, 0.83, (60, 30, 70, 70)), size=(256, 256)
    )
    page = visit("ben", "/jobs")
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=503)

    page.route("**/preview*", refuse_once)
    page.goto(f"/jobs/{job_id}")
    preview = page.get_by_alt_text("The photo, with 1 face marked")
    expect(preview).to_have_js_property("naturalWidth", 256)
    assert refused


def test_the_list_of_calls_follows_the_theme_of_the_page(open_page: Callable[..., Page]) -> None:
    page = open_page(color_scheme="dark")
    page.goto("/docs")
    calls = page.locator(".elements")
    expect(calls).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Switch between light and dark").first.click()
    expect(calls).to_have_attribute("data-theme", "light")
