"""Versions in service and training runs, as administrators handle them, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from db.core.vocabulary import TrainingTrigger
from db.model_versions import actions as model_versions
from db.training_runs import lifecycle as training_runs
from db.training_runs.documents import GateReport, RunProgress
from tests.browser.conftest import Site
from tests.support.factories.actors import ANA


def test_promote_and_roll_back(visit: Callable[..., Page], site: Site) -> None:
    page = visit("ana", "/models/2")
    page.get_by_role("button", name="Put in service", exact=True).click()
    page.get_by_role("dialog").get_by_label("Why").fill("sees sad better")
    page.get_by_role("button", name="Put version 2 in service").click()
    expect(page.get_by_role("status")).to_contain_text("in service now")
    page.goto("/models")
    page.get_by_role("button", name="Roll back", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Why")).to_be_hidden()
    page.get_by_role("button", name="Roll back", exact=True).click()
    page.get_by_label("Why").fill("confuses happy")
    page.get_by_role("button", name="Roll back to version 1").click()
    expect(page.get_by_text("ana: confuses happy")).to_be_visible()
    with site.database.read() as session:
        champion = model_versions.get_champion(session)
    assert champion is not None
    assert champion.number == 1


def test_shadow_mode_is_started_and_ended(visit: Callable[..., Page], site: Site) -> None:
    page = visit("ana", "/models/2")
    page.get_by_role("button", name="Run in shadow mode", exact=True).click()
    page.get_by_role("dialog").get_by_label("Why").fill("see it at work")
    page.get_by_role("button", name="Run version 2 in shadow mode").click()
    expect(page.get_by_role("status")).to_contain_text("runs in shadow mode")
    with site.database.read() as session:
        challenger = model_versions.get_challenger(session)
    assert challenger is not None
    assert challenger.number == 2
    page.get_by_role("button", name="End shadow mode").click()
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_role("button", name="Run in shadow mode", exact=True)).to_be_visible()


def test_a_run_is_followed_to_its_end_without_loading_the_page_again(visit: Callable[..., Page], site: Site) -> None:
    point = {"loss": 1.4, "accuracy": 0.5, "val_loss": 1.5, "val_accuracy": 0.45, "seconds": 2.0}
    with site.database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.PAGE, ANA, epochs=4)
    page = visit("ana", f"/training/{run.id}")
    expect(page.locator("h1 .pill")).to_have_text("queued")
    page.evaluate("window.stayed = true")
    with site.database.write() as session:
        _, claim = training_runs.claim_run(session, run.id, "trainer:1", lease_s=60)
        curve = [{"epoch": epoch, **point, "loss": 2.0 - epoch / 4} for epoch in (1, 2)]
        progress = {"step": "training", "epoch": 2, "epochs": 4, "loss": 1.25, "accuracy": 0.5, "curve": curve}
        training_runs.renew_run(session, claim, 60, RunProgress.read(progress))
    expect(page.locator("progress")).to_have_attribute("value", "0.500")
    expect(page.get_by_text("1.2500")).to_be_visible()
    expect(page.locator(".plot .line").first).to_be_visible()
    with site.database.write() as session:
        checks = [{"name": "gain", "is_passed": False, "reason": "2 faces gained and 3 lost"}]
        reason = "kept the champion"
        gate = GateReport.read({"decision": {"is_promoted": False, "reason": reason, "checks": checks}})
        training_runs.decide_run(session, claim, site.versions[1], is_promoted=False, reason=reason, gate=gate)
    expect(page.get_by_role("status")).to_have_text("Run rejected: kept the champion")
    expect(page.locator("h1 .pill")).to_have_text("rejected")
    expect(page.get_by_text("2 faces gained and 3 lost")).to_be_visible()
    assert page.evaluate("window.stayed")


def test_the_list_of_runs_follows_one_to_its_end(visit: Callable[..., Page], site: Site) -> None:
    with site.database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.PAGE, ANA, epochs=4)
    page = visit("ana", "/training")
    pill = page.locator("tbody .pill")
    expect(pill).to_have_text("queued")
    expect(page.get_by_role("link", name="One run is queued")).to_be_visible()
    page.evaluate("window.stayed = true")
    with site.database.write() as session:
        training_runs.cancel_run(session, run.id, ANA)
    expect(pill).to_have_text("canceled")
    expect(page.get_by_role("link", name="One run is")).to_have_count(0)
    assert page.evaluate("window.stayed")
