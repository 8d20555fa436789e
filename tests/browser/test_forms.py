"""Forms in a real browser: refusals, confirmations before destructive actions, and preserved input."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from db.accounts import api_keys, users
from tests.browser.conftest import PASSWORD, Site, sign_in

LONG = "x" * 80


def test_a_refused_form_comes_back_filled_in_and_what_destroys_asks(visit: Callable[..., Page], site: Site) -> None:
    page = visit("ana", "/access")
    page.get_by_role("button", name="Add a user").click()
    dialog = page.get_by_role("dialog", name="Add a user")
    dialog.get_by_label("Name").fill("not a name")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_label("Role").select_option("reviewer")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.get_by_role("alert")).to_contain_text("A name has at most 100 characters")
    expect(dialog.get_by_label("Name")).to_have_value("not a name")
    expect(dialog.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Name")).to_be_focused()
    expect(dialog.get_by_label("Role")).to_have_value("reviewer")
    assert page.url.endswith("/access")  # so loading the page again sends nothing
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.get_by_role("button", name="Create a key").click()
    dialog = page.get_by_role("dialog", name="Create a key")
    dialog.get_by_label("Application").fill("shop")
    dialog.get_by_role("button", name="Create the key").click()
    key = page.locator("#key").inner_text()
    assert key.startswith("emo_")
    page.get_by_role("button", name="Copy the key").click()
    page.reload()
    expect(page.locator("#key")).to_have_count(0)  # and no second key was made
    with site.database.read() as session:
        assert len(api_keys.list_keys(session)) == 1

    page.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog", name="Revoke")
    expect(dialog).to_contain_text("can't be undone")
    page.keyboard.press("Escape")
    with site.database.read() as session:
        assert api_keys.find_key(session, key) is not None
    page.get_by_role("button", name="Revoke").click()
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status").filter(has_text="revoked")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Key revoked.")).to_have_count(0)  # it is told once

    page.get_by_role("row", name="ben").get_by_role("button", name="Disable").click()
    dialog = page.get_by_role("dialog", name="Disable")
    expect(dialog).to_contain_text("signed out everywhere")
    dialog.get_by_role("button", name="Disable ben").click()
    expect(page.get_by_role("status").filter(has_text="User disabled")).to_be_visible()
    with site.database.read() as session:
        assert users.get_user(session, "ben").disabled_at is not None

    page.goto("/audit")
    log = page.locator(".log")
    for words in ("ana disabled ben", "ana revoked the key", "ana signed in"):
        expect(log).to_contain_text(words)
    page.get_by_label("Action").select_option("key.revoke")
    page.get_by_role("button", name="Filter").click()
    expect(log.locator("li")).to_have_count(1)
    page.goto("/audit?until=2020-01-01")
    expect(page.get_by_role("heading", name="Nothing matches the filter")).to_be_visible()


def test_a_session_that_ends_loses_nothing_that_was_typed(visit: Callable[..., Page], site: Site) -> None:
    page = visit("ana", "/models/2")
    page.get_by_role("button", name="Put in service", exact=True).click()
    dialog = page.get_by_role("dialog", name="Put in service")
    dialog.get_by_label("Why").fill("sees sad better")
    page.context.clear_cookies()
    dialog.get_by_role("button", name="Put version 2 in service").click()
    page.wait_for_url("**/sign-in?next=/models/2")
    sign_in(page, "ana", PASSWORD)
    expect(dialog).to_contain_text("You were signed out")
    expect(dialog.get_by_label("Why")).to_have_value("sees sad better")
    dialog.get_by_role("button", name="Put version 2 in service").click()
    expect(page.get_by_role("status").filter(has_text="in service now")).to_be_visible()


def test_a_query_string_cannot_show_a_false_confirmation(visit: Callable[..., Page]) -> None:
    page = visit("ana", "/jobs?done=erased")
    expect(page.get_by_text("Job erased with its photo")).to_have_count(0)


def test_a_page_that_cannot_update_says_since_when(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    page = visit("ana", "/dashboard")
    expect(page.locator("#fresh")).to_have_text("updated 3 s ago")
    page.route("**/dashboard", lambda route: route.abort())
    away = page.locator("#away")
    expect(away).to_contain_text("The service can't be reached. This page shows what was so at")
    expect(away).to_have_role("status")
    assert float(page.evaluate("getComputedStyle(document.querySelector('.tiles')).opacity")) < 1
    page.unroute("**/dashboard")
    expect(away).to_be_hidden()


def test_a_failed_job_is_red_and_long_names_stay_on_the_page(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    job_id = submit()
    site.worker.fail(site.worker.claim(job_id), "time_limit")
    with site.database.write() as session:
        from db.jobs.tables import Job

        session.query(Job).one().filename = f"{LONG}{LONG}.jpg"
        api_keys.create_key(session, api_keys.ensure_application(session, LONG))
    for scheme in ("light", "dark"):
        page = visit("ana", f"/jobs/{job_id}", color_scheme=scheme, viewport={"width": 390, "height": 844})
        red, green, _ = page.locator(".problem.card code").evaluate(
            "it => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = getComputedStyle(it).color;"
            " c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; }"
        )[:3]
        assert red > green + 40
        for path in (f"/jobs/{job_id}", "/jobs", "/access", "/models"):
            page.goto(path)
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{path} is {wider} pixels wider than the screen"
            cells = page.locator("table.rows td:visible").evaluate_all(
                "all => all.filter((one) => one.getBoundingClientRect().right > innerWidth + 1).length"
            )
            assert cells == 0, path


def test_a_refused_filter_comes_back_filled_in_over_the_whole_list(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    submit()
    page = visit("ana", "/jobs")
    page.get_by_label("Error code").fill("x" * 60)
    page.get_by_label("File name").fill("portrait")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("alert")).to_contain_text(
        "Error_code: string should have at most 50 characters", ignore_case=True
    )
    field = page.get_by_label("Error code")
    expect(field).to_have_value("x" * 60)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("File name")).to_have_value("portrait")
    expect(page.locator("table.rows tbody tr")).to_have_count(1)
    page.goto("/review")
    page.get_by_role("button", name="Filter").click()
    dialog = page.get_by_role("dialog", name="Filter")
    dialog.get_by_label("Job (id)").fill("no id")
    dialog.get_by_role("button", name="Filter").click()
    expect(dialog.get_by_label("Job (id)")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Job (id)")).to_have_value("no id")
