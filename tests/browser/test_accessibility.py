"""Every page by axe's rules (WCAG 2.2 A and AA), in light and dark, on a desk and on a phone; and by keyboard alone."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from db.core.actors import Actor
from db.core.vocabulary import Emotion, TrainingTrigger
from db.training_runs import lifecycle as training_runs
from tests.browser.conftest import Site

OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture
def paths(site: Site, submit: Callable[[], str]) -> list[str]:
    """Every page, with something on it."""
    job_id, failed = submit(), submit()
    site.worker.analyze(job_id, site.worker.see(Emotion.HAPPY, 0.8, (60, 30, 70, 70)), size=(256, 256))
    site.worker.fail(site.worker.claim(failed), "broken_picture")
    with site.database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.SCHEDULE, Actor.system("beat"))
    lists = [
        "/dashboard",
        "/jobs",
        "/review",
        "/models",
        "/training",
        "/drift",
        "/try",
        "/access",
        "/audit",
        "/webhooks",
        "/account",
        "/review/grid",
        "/review/disagreements",
        "/review/guidelines",
        "/review/progress",
        "/notice",
        "/",
        "/docs/errors",
        "/nothing-is-here",
    ]
    return [
        *lists,
        f"/jobs/{job_id}",
        f"/jobs/{failed}",
        "/models/1",
        "/models/compare?version=1&version=2",
        f"/training/{run.id}",
    ]


@pytest.mark.parametrize(("scheme", "viewport", "first"), [("light", WIDE, 0), ("dark", PHONE, 1)])
def test_every_page_passes_axe(
    visit: Callable[..., Page], paths: list[str], scheme: str, viewport: dict[str, int], first: int
) -> None:
    """Every other page in one form, the rest in the other. `make test-pages` looks at every page in all forms."""
    page = visit("ana", color_scheme=scheme, viewport=viewport)
    found = {}
    for path in paths[first::2]:
        page.goto(path)
        results = Axe().run(page, options=OPTIONS)
        if results.violations_count:
            found[path] = results.generate_report()
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{path} is {wider} pixels wider than the screen"
        assert page.locator("h1").count() == 1, path
    assert found == {}, "\n".join(found.values())


def test_the_sign_in_passes_axe(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(color_scheme="dark")
    page.goto("/sign-in")
    results = Axe().run(page, options=OPTIONS)
    assert results.violations_count == 0, results.generate_report()


def test_the_keyboard_reaches_the_content_and_shows_where_it_is(visit: Callable[..., Page]) -> None:
    page = visit("vic")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("link", name="Jobs", exact=True).focus()
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


def test_on_a_phone_the_menu_shows_where_one_is(visit: Callable[..., Page]) -> None:
    page = visit("ana", viewport={"width": 390, "height": 844})
    page.locator(".side nav a").last.click()
    page.wait_for_url(lambda url: "dashboard" not in url)
    expect(page.locator(".side nav [aria-current]")).to_be_in_viewport(ratio=1)
