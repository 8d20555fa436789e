"""The pages as people use them, in a real browser."""

from collections.abc import Callable
from uuid import UUID

from playwright.sync_api import Page, Route, expect

from db import job_queries, model_versions, reviews, training_runs
from db.vocabulary import Emotion, JobStatus, TrainingTrigger, Verdict
from tests.browser.conftest import PASSWORD, Site, sign_in
from tests.waiting import wait_until


def list_waiting(site: Site) -> list[str]:
    with site.database.read() as session:
        found = job_queries.list_jobs(session, job_queries.JobFilter(status=JobStatus.QUEUED), limit=10)
    return [str(job.id) for job in found]


def store_faces(site: Site, submit: Callable[[], str], count: int) -> None:
    """Faces that wait for a reviewer, each of a photo of its own."""
    for number in range(count):
        face = site.worker.see(Emotion.SAD, 0.2 + number / 20, (10 + number * 30, 20, 25, 60))
        site.worker.analyze(submit(), face, size=(256, 256))


def find_first(page: Page) -> str:
    """The face that is before the reviewer."""
    face = page.locator(".judging").first.get_attribute("data-face")
    assert face is not None
    return face


def list_standing(site: Site, reviewer: str) -> list[tuple[str, Verdict]]:
    """The reviewer's votes that stand, oldest first."""
    with site.database.read() as session:
        votes = reviews.list_votes(session, reviewer=reviewer)
    return [(str(vote.face_id), vote.verdict) for vote in reversed(votes)]


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
    files = [
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


def test_keys_judge_faces_and_undo(visit: Callable[..., Page], site: Site, submit: Callable[[], str]) -> None:
    store_faces(site, submit, 7)
    page = visit("ben", "/review")
    card = page.locator(".judging").first
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/review/votes", hold)  # once: a request may get lost while routing is switched off and on again

    def press(key: str) -> str:
        """Press a key and return the face that it judged; the next one is there before the service has answered."""
        judged = card.get_attribute("data-face")
        assert judged is not None
        page.keyboard.press(key)
        expect(card).not_to_have_attribute("data-face", judged)
        expect(card).to_be_visible()
        wait_until(lambda: page.wait_for_timeout(1) or held, "the vote is sent")
        with page.expect_response("**/review/statistics"):
            held.pop().continue_()
        return judged

    judged = [press(key) for key in ("Enter", "4", "x", "a")]
    with site.database.read() as session:
        votes = reviews.list_votes(session, reviewer="ben")
    assert [(str(vote.face_id), vote.verdict) for vote in reversed(votes)] == list(
        zip(judged, (Verdict.SAD, Verdict.HAPPY, Verdict.NOT_A_FACE, Verdict.AMBIGUOUS), strict=True)
    )
    with page.expect_response("**/review/statistics"):
        page.keyboard.press("u")
    expect(card).to_have_attribute("data-face", judged[3])
    boxes = page.locator(".latest input[type=checkbox]")
    expect(boxes).to_have_count(3)
    boxes.nth(0).check()
    boxes.nth(2).check()
    page.get_by_role("button", name="Undo the chosen").click()
    expect(page.get_by_role("status").first).to_have_text("The votes are undone.")
    with site.database.read() as session:
        assert [str(vote.face_id) for vote in reviews.list_votes(session, reviewer="ben")] == [judged[1]]


def test_a_face_whose_vote_still_waits_does_not_come_again(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    store_faces(site, submit, 7)
    page = visit("ben", "/review")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/review/votes", hold)
    judged = []
    for key in ("4", "x", "a"):  # the first vote's answer is held, and the others wait behind it
        judged.append(find_first(page))
        page.keyboard.press(key)
    for _ in judged:
        wait_until(lambda: page.wait_for_timeout(1) or held, "the vote is sent")
        with page.expect_response("**/review/statistics"):
            held.pop().continue_()
        shown = page.locator(".judging").evaluate_all("cards => cards.map((card) => card.dataset.face)")
        assert not set(shown) & set(judged)
    assert len(shown) == 4
    verdicts = (Verdict.HAPPY, Verdict.NOT_A_FACE, Verdict.AMBIGUOUS)
    assert list_standing(site, "ben") == list(zip(judged, verdicts, strict=True))


def test_a_vote_whose_answer_was_lost_is_undone_with_the_one_after_it(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    store_faces(site, submit, 2)
    page = visit("ben", "/review")
    is_lost = [True]

    def lose_first(route: Route) -> None:
        if not is_lost.pop():
            return route.continue_()
        route.fetch()  # the service stores it
        return route.abort()

    page.route("**/review/votes", lose_first)
    face = find_first(page)
    page.keyboard.press("4")
    expect(page.locator("#said")).to_contain_text("That didn't work")
    assert list_standing(site, "ben") == [(face, Verdict.HAPPY)]
    assert find_first(page) == face
    is_lost.append(False)
    with page.expect_response("**/review/statistics"):
        page.keyboard.press("x")
    assert list_standing(site, "ben") == [(face, Verdict.NOT_A_FACE)]
    with page.expect_response("**/review/statistics"):
        page.keyboard.press("u")
    assert list_standing(site, "ben") == []
    assert find_first(page) == face


def test_review_keeps_the_focus_and_tells_what_comes_next(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    for emotion, confidence in ((Emotion.SAD, 0.2), (Emotion.ANGRY, 0.33)):
        face = site.worker.see(emotion, confidence, (60, 30, 70, 70))
        site.worker.analyze(submit(), face, size=(256, 256))
    page = visit("ben", "/review")
    first, said, card = find_first(page), page.locator("#said"), page.locator(".judging").first
    names = {"sad": "Face to judge: sad, 0.20", "angry": "Face to judge: angry, 0.33"}
    here = names.pop(card.get_attribute("data-emotion") or "")
    card.get_by_role("button", name="skip").click()
    expect(said).to_have_text(f"skip. {names.popitem()[1]}")
    expect(card).not_to_have_attribute("data-face", first)
    expect(card).to_be_focused()
    card.get_by_role("button", name="ambiguous").focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("Every face is judged")
    expect(page.locator("#all-done")).to_be_focused()
    for _ in range(2):
        with page.expect_response("**/review/undo"):
            page.keyboard.press("u")
        expect(card).to_be_focused()
    expect(said).to_have_text(f"undone. {here}")
    expect(card).to_have_attribute("data-face", first)


def test_the_keys_of_review_can_be_switched_off(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    store_faces(site, submit, 3)
    page = visit("ben", "/review")
    keys = page.get_by_role("switch", name="Keys", exact=True)
    expect(keys).to_be_checked()
    keys.click()
    expect(keys).not_to_be_checked()
    for _ in range(2):  # on this page, and where it is opened again
        face = find_first(page)
        for key in ("4", "x", "u", "Backspace"):
            page.keyboard.press(key)
        assert find_first(page) == face
        expect(page.locator(".judging kbd").first).to_be_hidden()
        page.reload()
        expect(keys).not_to_be_checked()
    face = find_first(page)
    page.locator(".judging").first.focus()
    page.keyboard.press("Enter")
    assert find_first(page) == face
    keys.focus()
    page.keyboard.press("Space")
    expect(keys).to_be_checked()
    with page.expect_response("**/review/votes"):
        page.keyboard.press("4")
    assert list_standing(site, "ben") == [(face, Verdict.HAPPY)]


def test_votes_do_not_wait_for_the_statistics(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    store_faces(site, submit, 3)
    page = visit("ben", "/review")
    unanswered: list[Route] = []

    def hold(route: Route) -> None:
        unanswered.append(route)

    page.route("**/review/statistics", hold)
    for key in ("4", "x"):
        with page.expect_response("**/review/votes"):
            page.keyboard.press(key)
    with site.database.read() as session:
        votes = reviews.list_votes(session, reviewer="ben")
    assert [vote.verdict for vote in reversed(votes)] == [Verdict.HAPPY, Verdict.NOT_A_FACE]
    assert unanswered


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
    expect(page.get_by_role("status")).to_contain_text("shadow mode now")
    with site.database.read() as session:
        challenger = model_versions.get_challenger(session)
    assert challenger is not None
    assert challenger.number == 2
    page.get_by_role("button", name="End shadow mode").click()
    expect(page.get_by_role("button", name="Run in shadow mode", exact=True)).to_be_visible()


def test_a_run_is_followed_to_its_end_without_loading_the_page_again(visit: Callable[..., Page], site: Site) -> None:
    point = {"loss": 1.4, "accuracy": 0.5, "val_loss": 1.5, "val_accuracy": 0.45, "seconds": 2.0}
    with site.database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.PAGE, "ana", epochs=4)
    page = visit("ana", f"/training/{run.id}")
    expect(page.locator("h1 .pill")).to_have_text("queued")
    page.evaluate("window.stayed = true")
    with site.database.write() as session:
        _, claim = training_runs.claim_run(session, run.id, "trainer:1", lease_s=60)
        curve = [{"epoch": epoch, **point, "loss": 2.0 - epoch / 4} for epoch in (1, 2)]
        progress = {"step": "training", "epoch": 2, "epochs": 4, "loss": 1.25, "accuracy": 0.5, "curve": curve}
        training_runs.renew_run(session, claim, 60, progress)
    expect(page.locator("progress")).to_have_attribute("value", "0.500")
    expect(page.get_by_text("1.2500")).to_be_visible()
    expect(page.locator(".plot .line").first).to_be_visible()
    with site.database.write() as session:
        checks = [{"name": "gain", "is_passed": False, "reason": "2 faces gained and 3 lost"}]
        reason, gate = "kept the champion", {"decision": {"checks": checks}}
        training_runs.decide_run(session, claim, site.versions[1], is_promoted=False, reason=reason, gate=gate)
    expect(page.locator("h1 .pill")).to_have_text("rejected")
    expect(page.get_by_text("2 faces gained and 3 lost")).to_be_visible()
    assert page.evaluate("window.stayed")


def test_the_list_of_runs_follows_one_to_its_end(visit: Callable[..., Page], site: Site) -> None:
    with site.database.write() as session:
        run = training_runs.create_run(session, TrainingTrigger.PAGE, "ana", epochs=4)
    page = visit("ana", "/training")
    pill = page.locator("tbody .pill")
    expect(pill).to_have_text("queued")
    expect(page.get_by_role("link", name="One run is queued")).to_be_visible()
    page.evaluate("window.stayed = true")
    with site.database.write() as session:
        training_runs.cancel_run(session, run.id, "ana")
    expect(pill).to_have_text("canceled")
    expect(page.get_by_role("button", name="Start a run")).to_be_visible()
    assert page.evaluate("window.stayed")


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
    expect(page.get_by_role("status")).to_contain_text("new job")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("h1 .pill")).to_have_text("canceled")
    new_id = UUID(page.url.partition("/jobs/")[2].partition("?")[0])
    page.get_by_role("button", name="Erase", exact=True).click()
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_role("status")).to_contain_text("gone")
    with site.database.read() as session:
        assert job_queries.get_job(session, new_id) is None
