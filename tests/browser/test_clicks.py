"""From the dashboard, what people come for takes few clicks. Typing a reason or a name is no click."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from db.accounts import api_keys
from db.core.vocabulary import Emotion, VoteChoice
from db.model_versions import actions as model_versions
from tests.browser.conftest import Site
from tests.browser.test_review import list_standing
from tests.support.factories.actors import ANA

COUNT_CLICKS = """
addEventListener("click", (event) => {
  if (event.isTrusted) sessionStorage.setItem("clicks", Number(sessionStorage.getItem("clicks") ?? 0) + 1);
}, true);
"""


@pytest.fixture
def dashboard(open_page: Callable[..., Page], visit: Callable[..., Page]) -> Callable[[], Page]:
    """The dashboard of an administrator, where clicks are counted from now on."""

    def show() -> Page:
        page = visit("ana")
        page.add_init_script(COUNT_CLICKS)
        page.goto("/dashboard")
        page.evaluate("sessionStorage.removeItem('clicks')")
        return page

    return show


def count_clicks(page: Page) -> int:
    return int(page.evaluate("sessionStorage.getItem('clicks') ?? 0"))


def test_a_failed_job_and_its_reason_take_two_clicks(
    dashboard: Callable[[], Page], site: Site, submit: Callable[[], str]
) -> None:
    site.worker.fail(site.worker.claim(submit()), "time_limit")
    page = dashboard()
    page.get_by_role("link", name="time_limit").click()
    page.locator("table.rows .name a").click()
    expect(page.locator("#job .problem.card")).to_contain_text("it went wrong")
    assert count_clicks(page) == 2


def test_a_given_face_is_corrected_with_two_clicks(
    dashboard: Callable[[], Page], site: Site, submit: Callable[[], str]
) -> None:
    site.worker.analyze(submit(), site.worker.see(Emotion.SAD, 0.4, (60, 30, 70, 70)), size=(256, 256))
    page = dashboard()
    face = page.get_by_role("link", name="sad 0.40")
    face_id = face.get_attribute("data-correct") or ""
    face.click()
    dialog = page.get_by_role("dialog", name="Correct this face")
    expect(dialog).to_contain_text("Predicted: sad")
    dialog.get_by_role("button", name="happy").click()
    expect(face).to_contain_text("You: happy")
    assert count_clicks(page) == 2
    assert list_standing(site, "ana") == [(face_id, VoteChoice.HAPPY)]
    face.focus()
    page.keyboard.press("1")  # and with the keys of the review
    expect(face).to_contain_text("You: angry")
    assert list_standing(site, "ana") == [(face_id, VoteChoice.ANGRY)]


def test_seeing_whether_the_model_got_better_takes_one_click(dashboard: Callable[[], Page], site: Site) -> None:
    with site.database.write() as session:
        model_versions.promote(session, model_versions.get_version(session, 2), ANA, "try it")
    page = dashboard()
    page.get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", name="Did it get better?")).to_be_visible()
    expect(page.get_by_text("version 2 and version 1 never classified the same faces")).to_be_visible()
    assert count_clicks(page) == 1


def test_a_rollback_takes_three_clicks(dashboard: Callable[[], Page], site: Site) -> None:
    with site.database.write() as session:
        model_versions.promote(session, model_versions.get_version(session, 2), ANA, "try it")
    page = dashboard()
    page.get_by_role("link", name="Models").click()
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_label("Why")).to_be_focused()
    page.keyboard.type("confuses sad with neutral")
    page.get_by_role("button", name="Roll back to version 1").click()
    expect(page.get_by_role("status").filter(has_text="in service again")).to_be_visible()
    assert count_clicks(page) == 3


def test_an_application_gets_its_key_with_three_clicks_and_copies_both_secrets(
    dashboard: Callable[[], Page], site: Site
) -> None:
    page = dashboard()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="Access").click()
    page.get_by_role("button", name="Create a key").click()
    expect(page.get_by_label("Application")).to_be_focused()
    page.keyboard.type("kiosk")
    page.get_by_role("button", name="Create the key").click()
    key, secret = page.locator("#key"), page.locator("#callback-secret")
    expect(key).to_contain_text("emo_")
    assert count_clicks(page) == 3
    for shown, name in ((key, "Copy the key"), (secret, "Copy the secret")):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("button", name="Copied").last).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == shown.inner_text()
    with site.database.read() as session:
        [made] = api_keys.list_keys(session)
        assert made.application.callback_secret == secret.inner_text()
