"""The account page in a real browser: password and sessions."""

from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, sign_in
from tests.browser.test_accessibility import OPTIONS

NEW = "battery staple correct"


def fill(page: Page, present: str, new: str, again: str) -> None:
    page.get_by_label("Current password").fill(present)
    page.get_by_label("New password, 12 characters").fill(new)
    page.get_by_label("New password again").fill(again)
    page.get_by_role("button", name="Change the password").click()


def test_a_person_changes_the_password_and_is_signed_out_elsewhere(
    visit: Callable[..., Page], open_page: Callable[..., Page]
) -> None:
    elsewhere, page = visit("vic"), visit("vic")
    page.get_by_role("link", name="Account of vic").click()
    fill(page, "wrong", NEW, NEW)
    expect(page.get_by_role("alert")).to_have_text("The current password is wrong.")
    expect(page.get_by_label("Current password")).to_be_focused()
    results = Axe().run(page, options=OPTIONS)  # with the mistake and two sessions on it
    assert results.violations_count == 0, results.generate_report()
    fill(page, PASSWORD, NEW, NEW + "!")
    expect(page.get_by_role("alert")).to_have_text("The new passwords don't match.")
    expect(page.get_by_label("New password again")).to_be_focused()
    fill(page, PASSWORD, NEW, NEW)
    expect(page.get_by_role("status")).to_contain_text("Password changed")
    elsewhere.goto("/jobs")
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()
    again = open_page()
    again.goto("/sign-in")
    sign_in(again, "vic", NEW)
    expect(again.get_by_role("heading", name="Dashboard")).to_be_visible()


def test_a_person_ends_one_other_session_and_then_all(visit: Callable[..., Page]) -> None:
    first, second = visit("ben"), visit("ben")
    page = visit("ben", "/account")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="this one").get_by_role("button")).to_have_count(0)
    page.get_by_role("button", name="End the session since").first.click()
    page.get_by_role("button", name="End this session").click()
    expect(page.get_by_role("status")).to_have_text("Session ended.")
    expect(rows).to_have_count(2)
    second.goto("/jobs")
    expect(second.get_by_role("heading", name="Sign in")).to_be_visible()
    first.goto("/jobs")
    expect(first.get_by_role("heading", name="Jobs")).to_be_visible()
    page.get_by_role("button", name="End all others").click()
    page.get_by_role("button", name="End all other sessions").click()
    expect(rows).to_have_count(1)
    expect(page.get_by_role("button", name="End all others")).to_have_count(0)
    first.goto("/jobs")
    expect(first.get_by_role("heading", name="Sign in")).to_be_visible()
