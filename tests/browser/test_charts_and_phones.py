"""Charts show values, ranges and the time zone; on a phone voting needs no scrolling; a CSV alone gets a plan."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from api.training_runs import pages as training_pages
from db.core.actors import Actor
from db.core.blobs import BlobStore
from db.core.vocabulary import Emotion
from db.model_versions import actions as model_versions
from db.training_runs.plan import DatasetFiles
from emoscope.stack.provision import register_shipped_models
from tests.browser.conftest import Site
from tests.browser.test_review import find_first, store_faces

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def test_charts_show_values_ranges_and_time_zone(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    site.worker.analyze(submit(), site.worker.see(Emotion.HAPPY, 0.8, (60, 30, 70, 70)), size=(256, 256))
    page = visit("vic", timezone_id="Asia/Kolkata")
    page.route("**/dashboard", lambda route: route.abort())  # nothing is drawn anew meanwhile
    chart = page.get_by_label("Confidence")
    plot = chart.locator(".plot svg")
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
    tip = chart.locator(".tip")
    expect(tip).to_contain_text("mean confidence 0.80")
    page.mouse.move(0, 0)
    expect(tip).to_have_count(0)
    plot.focus()
    page.keyboard.press("End")
    expect(tip).to_contain_text("mean confidence 0.80")
    page.keyboard.press("ArrowLeft")
    expect(tip).not_to_contain_text("0.80")
    expect(chart.locator("[data-zone]")).to_have_text(re.compile("IST|GMT\\+5:30"))
    assert not re.search("[0-9]:00$", chart.locator(".x time").last.inner_text())  # half an hour beside UTC's
    page.get_by_role("link", name="6 h").click()
    page.wait_for_url("**/dashboard?hours=6")
    expect(page.get_by_role("link", name="6 h")).to_have_attribute("aria-current", "true")
    expect(page.get_by_label("Confidence").locator(".figures tbody tr")).to_have_count(6)


def test_a_chart_shows_its_values_on_touch(visit: Callable[..., Page], site: Site, submit: Callable[[], str]) -> None:
    site.worker.analyze(submit(), site.worker.see(Emotion.HAPPY, 0.8, (60, 30, 70, 70)), size=(256, 256))
    page = visit("vic", **PHONE)
    page.route("**/dashboard", lambda route: route.abort())
    chart = page.get_by_label("Confidence")
    plot = chart.locator(".plot svg")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] - 2, box["y"] + 20)
    expect(chart.locator(".tip")).to_contain_text("mean confidence 0.80")


def test_on_a_phone_no_vote_and_no_undo_needs_scrolling(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    store_faces(site, submit, 3)
    page = visit("ben", "/review", **PHONE)
    expect(page.locator("#statistics section").first).to_be_attached()
    face = find_first(page)
    for button in page.locator(".judging").first.locator("button").all():
        expect(button).to_be_in_viewport(ratio=1)
    with page.expect_response("**/review/votes"):
        page.locator(".judging").first.get_by_role("button", name="happy").last.tap()
    expect(page.locator(".judging").first).not_to_have_attribute("data-face", face)
    assert page.evaluate("scrollY") == 0
    undo = page.get_by_role("button", name="Undo", exact=True)
    expect(undo).to_be_in_viewport(ratio=1)
    with page.expect_response("**/review/undo"):
        undo.tap()
    expect(page.locator(".judging").first).to_have_attribute("data-face", face)


def test_a_csv_alone_says_before_the_start_what_is_compared_and_whether_it_can_replace_the_champion(
    visit: Callable[..., Page], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_shipped_models(site.database, BlobStore(site.services.settings.effective_blob_url), lambda _: None)
    with site.database.write() as session:
        shipped = next(each for each in model_versions.list_versions(session) if each.name == "default")
        model_versions.promote(session, shipped, Actor.user("ana"), "ships with this release")
    files = DatasetFiles(has_csv=True, has_votes=False)
    monkeypatch.setattr(training_pages, "find_dataset_files", lambda: files)
    page = visit("ana", "/training")
    plan = page.get_by_label("Next run")
    here = f"version {shipped.number} (default)"
    for words in (
        "trains on the CSV's labels and the reviewers' corrections",
        f"and with {here}, on the PublicTest rows by the CSV's labels",
        f"The result can't replace {here} yet: that takes reviewers' labels of 30 faces drawn at random",
        "To let the CSV's labels decide alone, put version",
    ):
        expect(plan).to_contain_text(words)
    page.get_by_role("button", name="Start a run").click()
    expect(page.get_by_role("dialog", name="Start a run")).to_contain_text("trains on the CSV's labels")
    files = DatasetFiles(has_csv=False, has_votes=False)
    page.goto("/training")
    expect(plan).to_contain_text("No run can start: no dataset is configured")
    expect(page.get_by_role("button", name="Start a run")).to_have_count(0)
