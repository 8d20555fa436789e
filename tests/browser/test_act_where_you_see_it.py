"""Corrections on any page, bulk confirmation, and crowded photos, in a real browser."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.reviews.actions import cast_vote
from db.reviews.tables import ReviewItem, ReviewSubject
from tests.browser.conftest import PASSWORD, Site, sign_in
from tests.browser.test_review import list_standing


def test_faces_of_a_crowded_photo_can_be_corrected_on_its_page(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    job_id = submit()
    faces = [
        site.worker.see(Emotion.SAD, 0.4, (10 + 24 * (number % 10), 5 + 24 * (number // 10), 20, 20))
        for number in range(94)
    ]
    site.worker.analyze(job_id, *faces, size=(256, 256))
    page = visit("ben", f"/jobs/{job_id}")
    cards = page.locator("article.face")
    expect(cards).to_have_count(94)
    assert page.evaluate("document.documentElement.scrollHeight") < 3000
    mark = page.locator(".mark").nth(40)
    expect(mark.locator(".label")).to_be_hidden()
    mark.locator(".box").hover()
    expect(mark.locator(".label")).to_be_visible()
    expect(cards.nth(40)).to_have_class("card face linked")
    mark.locator(".box").click()
    expect(cards.nth(40)).to_be_focused()
    face = cards.nth(40).get_attribute("data-face")
    assert face is not None
    page.keyboard.press("4")
    expect(page.get_by_role("status").filter(has_text="Vote stored")).to_be_visible()
    expect(page.locator(f"#face-{face}")).to_be_focused()
    expect(page.locator(f"#face-{face}")).to_contain_text("Your vote: happy")
    assert list_standing(site, "ben") == [(face, VoteChoice.HAPPY)]
    cards.nth(2).get_by_text("Correct").click()
    cards.nth(2).get_by_role("button", name="not a face").click()
    expect(page.get_by_role("status").filter(has_text="Vote stored")).to_be_visible()
    assert len(list_standing(site, "ben")) == 2
    page.get_by_role("button", name="Zoom in").click()
    assert "scale(1.5)" in page.locator("#frame").evaluate("it => it.style.transform")
    page.get_by_role("button", name="Whole photo").click()
    page.get_by_role("button", name="Report a missed face").click()
    page.get_by_role("button", name="Draw it on the photo").click()
    box = page.locator("#frame").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 240)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 250, steps=3)
    page.mouse.up()
    dialog = page.get_by_role("dialog", name="Missed face")
    expect(dialog.get_by_label("Width")).not_to_have_value("")
    dialog.get_by_label("Note").fill("behind the post")
    dialog.get_by_role("button", name="Report it").click()
    expect(page.get_by_text("behind the post")).to_be_visible()


def test_the_prediction_of_a_face_of_the_random_slice_is_hidden_until_the_vote(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    site.worker.analyze(submit(), site.worker.see(Emotion.SAD, 0.9, (60, 30, 70, 70)), size=(256, 256))
    with site.database.write() as session:
        session.query(ReviewItem).one().slice = ReviewSlice.RANDOM
    page = visit("ben", "/jobs")
    page.get_by_role("link", name="A face drawn at random").click()
    dialog = page.get_by_role("dialog", name="Correct this face")
    expect(dialog.get_by_text("the prediction is hidden")).to_be_visible()
    expect(dialog.locator(".said")).to_be_hidden()
    page.goto("/review")
    card = page.locator(".judging").first
    expect(card).to_contain_text("hidden until you vote")
    shown = card.evaluate("it => it.outerHTML")
    assert "0.90" not in re.sub(r'datetime="[^"]*"', "", shown)
    assert "data-emotion" not in shown
    page.keyboard.press("Enter")  # there is nothing to confirm
    expect(card).to_be_visible()
    with page.expect_response("**/review/statistics"):
        page.keyboard.press("6")
    expect(page.locator("#statistics")).to_contain_text("1 of 1 faces drawn at random")


def test_a_grid_confirms_all_unmarked_faces_and_disagreements_are_resolved(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    for number in range(4):
        face = site.worker.see(Emotion.SAD, 0.3 + number / 10, (10 + number * 50, 20, 45, 60))
        site.worker.analyze(submit(), face, size=(256, 256))
    with site.database.write() as session:
        for item in session.query(ReviewItem):
            item.slice, item.votes_wanted = ReviewSlice.UNCERTAIN, 2
    page = visit("ben", "/review/grid?emotion=sad")
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(4)
    marked = boxes.nth(1).get_attribute("value")
    boxes.nth(1).check()
    page.get_by_role("button", name="Confirm all unmarked faces").click()
    expect(page.locator(".judging")).to_have_count(1)
    expect(page.locator(".judging")).to_have_attribute("data-face", marked or "")
    assert {choice for _, choice in list_standing(site, "ben")} == {VoteChoice.SAD}
    assert len(list_standing(site, "ben")) == 3
    other = visit("ana", f"/review?faces={list_standing(site, 'ben')[0][0]}")
    with other.expect_response("**/review/votes"):
        other.keyboard.press("1")
    other.goto("/review/disagreements")
    expect(other.get_by_role("article")).to_contain_text("ben: sad")
    other.get_by_role("article").get_by_role("button", name="neutral").click()
    expect(other.get_by_role("heading", name="No disagreements")).to_be_visible()
    other.goto("/review/progress")
    expect(other.get_by_role("row", name="ben")).to_contain_text("3")


def test_a_correction_is_not_lost_while_the_service_is_away_or_the_session_ends(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    site.worker.analyze(submit(), site.worker.see(Emotion.SAD, 0.4, (60, 30, 70, 70)), size=(256, 256))
    page = visit("ben", "/jobs")
    face = page.get_by_role("link", name="sad 0.40")
    face_id = face.get_attribute("data-correct") or ""
    page.route("**/review/votes", lambda route: route.abort())
    face.focus()
    page.keyboard.press("4")
    dialog = page.get_by_role("dialog", name="Correct this face")
    expect(dialog.get_by_role("alert")).to_have_text(
        "The vote \"happy\" isn't stored: the service can't be reached. Try it again."
    )
    page.unroute("**/review/votes")
    page.context.clear_cookies()
    dialog.get_by_role("button", name="happy").click()
    page.wait_for_url("**/sign-in?next=/jobs")
    assert list_standing(site, "ben") == []
    with page.expect_response("**/review/votes"):
        sign_in(page, "ben", PASSWORD)
    expect(face).to_contain_text("You: happy")
    assert list_standing(site, "ben") == [(face_id, VoteChoice.HAPPY)]


def test_a_viewer_is_led_to_the_photo(visit: Callable[..., Page], site: Site, submit: Callable[[], str]) -> None:
    job_id = submit()
    site.worker.analyze(job_id, site.worker.see(Emotion.SAD, 0.4, (60, 30, 70, 70)), size=(256, 256))
    page = visit("vic", "/dashboard")
    page.get_by_role("link", name="sad 0.40").click()
    page.wait_for_url(f"**/jobs/{job_id}#face-*")
    expect(page.locator("article.face")).to_be_focused()


def test_disagreements_are_resolved_with_keys(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    site.worker.analyze(submit(), site.worker.see(Emotion.SAD, 0.4, (60, 30, 70, 70)), size=(256, 256))
    with site.database.write() as session:
        item = session.query(ReviewItem).one()
        for reviewer, choice in (("ben", VoteChoice.SAD), ("vic", VoteChoice.HAPPY)):
            cast_vote(session, item.face_id, reviewer, choice)
    page = visit("ana", "/review/disagreements")
    page.get_by_role("article").focus()
    page.keyboard.press("5")
    expect(page.get_by_role("heading", name="No disagreements")).to_be_visible()
    with site.database.read() as session:
        assert session.query(ReviewSubject).one().label is VoteChoice.NEUTRAL
