"""The photo viewer: zoom, pan, visibility while scrolling, and reports of wrong boxes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from db.core.vocabulary import Emotion, ReportKind
from db.reviews.tables import FaceReport
from tests.browser.conftest import Site

FACES = 9


@pytest.fixture
def page(visit: Callable[..., Page], site: Site, submit: Callable[[], str]) -> Page:
    """A job's page with more faces than fit on the screen."""
    job_id = submit()
    boxes = ((10 + 24 * number, 40, 20, 20) for number in range(FACES))
    site.worker.analyze(job_id, *(site.worker.see(Emotion.SAD, 0.4, box) for box in boxes), size=(256, 256))
    return visit("ben", f"/jobs/{job_id}")


def find_place(locator: Locator) -> tuple[float, float, float, float]:
    """Left, top, right and bottom on the screen."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def drag(page: Page, x: float, y: float) -> None:
    """Move the photo by the pointer, from its middle."""
    left, top, right, bottom = find_place(page.locator("[data-viewer]"))
    middle = (left + right) / 2, (top + bottom) / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + x, middle[1] + y, steps=3)
    page.mouse.up()


def test_a_zoomed_photo_follows_the_pointer_and_never_leaves_its_frame(page: Page) -> None:
    viewer, frame = page.locator("[data-viewer]"), page.locator("#frame")
    before = find_place(frame)
    drag(page, -40, -30)
    assert find_place(frame) == before  # there is nothing to move to
    page.get_by_role("button", name="Zoom in").click()
    zoomed = find_place(frame)
    drag(page, -40, -30)
    moved = find_place(frame)
    assert (moved[0] - zoomed[0], moved[1] - zoomed[1]) == pytest.approx((-40, -30), abs=1)
    page.mouse.move(0, 0)
    assert find_place(frame) == moved  # it is let go of
    for far in (5000, -5000):
        drag(page, far, far)
        left, top, right, bottom = find_place(viewer)
        edges = find_place(frame)
        assert max(edges[0] - left, edges[1] - top, right - edges[2], bottom - edges[3]) <= 1
    page.get_by_role("button", name="Whole photo").click()
    assert find_place(frame) == pytest.approx(before, abs=1)


def test_the_photo_stays_in_sight_while_the_faces_are_scrolled(page: Page) -> None:
    last = page.locator("article.face").last
    expect(last).not_to_be_in_viewport()
    last.scroll_into_view_if_needed()
    assert page.evaluate("scrollY") > 500
    expect(last).to_be_in_viewport()
    expect(page.locator("#frame")).to_be_in_viewport(ratio=0.9)
    assert find_place(page.locator("section.photo"))[1] >= 0


def test_a_wrong_box_is_reported_at_its_face(page: Page, site: Site) -> None:
    card = page.locator("article.face").nth(2)
    card.get_by_text("Correct", exact=True).click()
    card.get_by_role("button", name="Wrong box of face 3").click()
    dialog = page.get_by_role("dialog", name="Wrong box of face 3")
    dialog.get_by_label("What is wrong with it").fill("cuts the chin off")
    dialog.get_by_role("button", name="Report it").click()
    expect(page.get_by_role("status").filter(has_text="Report stored")).to_be_visible()
    expect(page.get_by_role("heading", name="Reports").locator("..")).to_contain_text("wrong box: cuts the chin off")
    with site.database.read() as session:
        report = session.query(FaceReport).one()
        assert (report.kind, report.note, report.actor) == (ReportKind.WRONG_BOX, "cuts the chin off", "ben")
        assert str(report.face_id) == card.get_attribute("data-face")
