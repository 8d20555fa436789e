"""Review, correct, retry, promote and roll back without a pointer: Tab, Enter, Space, Escape and the keys of the review alone."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from db.core.vocabulary import Emotion, JobStatus, VoteChoice
from db.jobs import queries as job_queries
from db.model_versions import actions as model_versions
from tests.browser.conftest import PASSWORD, Site
from tests.browser.test_review import list_standing, show_answers
from tests.support.waiting import wait_until

MOST_TABS = 120


def tab_to(page: Page, name: str, *, exact: bool = True) -> None:
    """Press Tab until what has the focus bears this name."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "(() => { const it = document.activeElement;"
            " return it.getAttribute('aria-label') ?? (it.labels?.[0] ?? it).textContent.replace(/\\s+/g, ' ').trim(); })()"
        )
        if found == name or (not exact and name in found):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"nothing shows that {name!r} has the focus"
            return
    raise AssertionError(f"{name!r} can't be reached with Tab")


def press_named(page: Page, name: str, *, exact: bool = True) -> None:
    tab_to(page, name, exact=exact)
    page.keyboard.press("Enter")


def count_champion(site: Site) -> int | None:
    with site.database.read() as session:
        champion = model_versions.get_champion(session)
    return None if champion is None else champion.number


def test_the_main_tasks_can_be_done_with_the_keyboard(
    open_page: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    for confidence in (0.3, 0.4):
        face = site.worker.see(Emotion.SAD, confidence, (60, 30, 70, 70))
        site.worker.analyze(submit(), face, size=(256, 256))
    failed = submit()
    site.worker.fail(site.worker.claim(failed), "time_limit")
    show_answers(site)

    page = open_page()
    page.goto("/sign-in")
    page.keyboard.type("ana")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/dashboard")

    press_named(page, "Review")  # review
    expect(page.locator("#statistics section").first).to_be_visible()
    first = page.locator(".judging").first.get_attribute("data-face") or ""
    with page.expect_response("**/review/votes"):
        page.keyboard.press("4")
    wait_until(lambda: list_standing(site, "ana"), "the vote is stored", pause=lambda: page.wait_for_timeout(10))
    assert list_standing(site, "ana") == [(first, VoteChoice.HAPPY)]

    press_named(page, "Jobs")  # correct a face where it is seen, in the list
    page.wait_for_url("**/jobs")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    page.locator("[data-correct]").first.wait_for()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.correct ?? ''"):
            break
    face_id = str(page.evaluate("document.activeElement.dataset.correct"))
    page.keyboard.press("7")
    expect(page.locator("#corrected")).to_have_text("Your vote: surprised")
    assert (face_id, VoteChoice.SURPRISED) in list_standing(site, "ana")

    page.goto(f"/jobs/{failed}")  # retry
    press_named(page, "Analyse again")
    expect(page.get_by_role("status").first).to_contain_text("new job")
    with site.database.read() as session:
        waiting = job_queries.list_jobs(session, job_queries.JobFilter(status=JobStatus.QUEUED), limit=5)
    assert len(waiting) == 1

    page.goto("/models/2")  # promote
    press_named(page, "Put in service")
    expect(page.get_by_role("dialog").get_by_label("Why")).to_be_focused()
    page.keyboard.type("sees sad better")
    press_named(page, "Put version 2 in service")
    expect(page.get_by_role("status").filter(has_text="in service now")).to_be_visible()
    assert count_champion(site) == 2

    press_named(page, "Models")  # roll back
    page.wait_for_url("**/models")
    expect(page.get_by_role("heading", name="Did it get better?")).to_be_visible()
    press_named(page, "Roll back")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Why")).to_be_hidden()
    page.keyboard.press("Enter")  # the focus is back on the button
    expect(page.get_by_label("Why")).to_be_focused()
    page.keyboard.type("confuses happy")
    press_named(page, "Roll back to version 1")
    expect(page.get_by_role("status").filter(has_text="in service again")).to_be_visible()
    assert count_champion(site) == 1
