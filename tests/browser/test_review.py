"""Voting on faces, as reviewers do it, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from db.core.vocabulary import Emotion, ReviewSlice, VoteChoice
from db.reviews import actions as reviews
from tests.browser.conftest import PASSWORD, Site, sign_in
from tests.support.reviewing import set_slice
from tests.support.waiting import wait_until


def store_faces(site: Site, submit: Callable[[], str], count: int) -> None:
    """Faces that wait for a reviewer, each of a photo of its own."""
    for number in range(count):
        face = site.worker.see(Emotion.SAD, 0.2 + number / 20, (10 + number * 30, 20, 25, 60))
        site.worker.analyze(submit(), face, size=(256, 256))
    show_answers(site)


def show_answers(site: Site) -> None:
    """Take all faces out of the random slice, where the prediction is hidden until the vote."""
    set_slice(site.database, ReviewSlice.UNCERTAIN)


def open_review(visit: Callable[..., Page]) -> Page:
    """The page when it has asked for its statistics the first time, so that the next answer is the one after a vote."""
    page = visit("ben", "/review")
    expect(page.locator("#statistics section").first).to_be_visible()
    return page


def find_first(page: Page) -> str:
    """The face that is before the reviewer."""
    face = page.locator(".judging").first.get_attribute("data-face")
    assert face is not None
    return face


def list_standing(site: Site, reviewer: str) -> list[tuple[str, VoteChoice]]:
    """The reviewer's votes that stand, oldest first."""
    with site.database.read() as session:
        votes = reviews.list_votes(session, reviewer=reviewer)
    return [(str(vote.face_id), vote.choice) for vote in reversed(votes)]


def test_keys_vote_and_undo(visit: Callable[..., Page], site: Site, submit: Callable[[], str]) -> None:
    store_faces(site, submit, 7)
    page = open_review(visit)
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
        wait_until(lambda: held, "the vote is sent", pause=lambda: page.wait_for_timeout(1))
        with page.expect_response("**/review/statistics"):
            held.pop().continue_()
        return judged

    judged = [press(key) for key in ("Enter", "4", "x", "a")]
    with site.database.read() as session:
        votes = reviews.list_votes(session, reviewer="ben")
    assert [(str(vote.face_id), vote.choice) for vote in reversed(votes)] == list(
        zip(judged, (VoteChoice.SAD, VoteChoice.HAPPY, VoteChoice.NOT_A_FACE, VoteChoice.AMBIGUOUS), strict=True)
    )
    with page.expect_response("**/review/statistics"):
        page.keyboard.press("u")
    expect(card).to_have_attribute("data-face", judged[3])
    boxes = page.locator(".latest input[type=checkbox]")
    expect(boxes).to_have_count(3)
    boxes.nth(0).check()
    boxes.nth(2).check()
    page.get_by_role("button", name="Undo the selected votes").click()
    expect(page.get_by_role("status").first).to_have_text("Votes undone.")
    with site.database.read() as session:
        assert [str(vote.face_id) for vote in reviews.list_votes(session, reviewer="ben")] == [judged[1]]


def test_a_face_with_an_unsent_vote_is_not_shown_again(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    store_faces(site, submit, 7)
    page = open_review(visit)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/review/votes", hold)
    judged = []
    for key in ("4", "x", "a"):  # the first vote's answer is held, and the others wait behind it
        judged.append(find_first(page))
        page.keyboard.press(key)
    for _ in judged:
        wait_until(lambda: held, "the vote is sent", pause=lambda: page.wait_for_timeout(1))
        with page.expect_response("**/review/statistics"):
            held.pop().continue_()
        shown = page.locator(".judging").evaluate_all("cards => cards.map((card) => card.dataset.face)")
        assert not set(shown) & set(judged)
    assert len(shown) == 4
    choices = (VoteChoice.HAPPY, VoteChoice.NOT_A_FACE, VoteChoice.AMBIGUOUS)
    assert list_standing(site, "ben") == list(zip(judged, choices, strict=True))


def test_undo_withdraws_a_repeated_vote_with_the_one_whose_response_was_lost(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    store_faces(site, submit, 2)
    page = open_review(visit)
    is_lost = [True]

    def lose_first(route: Route) -> None:
        if not is_lost.pop():
            return route.continue_()
        route.fetch()  # the service stores it
        return route.abort()

    page.route("**/review/votes", lose_first)
    face = find_first(page)
    is_lost.append(False)
    is_lost.append(True)
    with page.expect_response("**/review/statistics"):  # it is sent again by itself
        page.keyboard.press("4")
    assert list_standing(site, "ben") == [(face, VoteChoice.HAPPY)]
    assert find_first(page) != face
    with page.expect_response("**/review/undo"):
        page.keyboard.press("u")
    expect(page.locator(".judging").first).to_have_attribute("data-face", face)
    assert list_standing(site, "ben") == []


def test_review_keeps_the_focus_and_tells_what_comes_next(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    for emotion, confidence in ((Emotion.SAD, 0.2), (Emotion.ANGRY, 0.33)):
        face = site.worker.see(emotion, confidence, (60, 30, 70, 70))
        site.worker.analyze(submit(), face, size=(256, 256))
    show_answers(site)
    page = open_review(visit)
    first, said, card = find_first(page), page.locator("#said"), page.locator(".judging").first
    names = {"sad": "Face to review: sad, 0.20", "angry": "Face to review: angry, 0.33"}
    here = names.pop(card.get_attribute("data-emotion") or "")
    card.get_by_role("button", name="skip").click()
    expect(said).to_have_text(f"skip. {names.popitem()[1]}")
    expect(card).not_to_have_attribute("data-face", first)
    expect(card).to_be_focused()
    card.get_by_role("button", name="ambiguous").focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("All faces are reviewed")
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
    page = open_review(visit)
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
    assert list_standing(site, "ben") == [(face, VoteChoice.HAPPY)]


def test_votes_do_not_wait_for_the_statistics(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    store_faces(site, submit, 3)
    page = open_review(visit)
    unanswered: list[Route] = []

    def hold(route: Route) -> None:
        unanswered.append(route)

    page.route("**/review/statistics", hold)
    for key in ("4", "x"):
        with page.expect_response("**/review/votes"):
            page.keyboard.press(key)
    with site.database.read() as session:
        votes = reviews.list_votes(session, reviewer="ben")
    assert [vote.choice for vote in reversed(votes)] == [VoteChoice.HAPPY, VoteChoice.NOT_A_FACE]
    assert unanswered


def test_no_vote_is_lost_while_the_service_is_away_or_the_session_ends(
    visit: Callable[..., Page], site: Site, submit: Callable[[], str]
) -> None:
    store_faces(site, submit, 6)
    page = open_review(visit)
    unsent = page.locator("#unsent")
    first = find_first(page)
    page.route("**/review/votes", lambda route: route.abort())
    page.keyboard.press("4")
    expect(unsent).to_contain_text("1 vote isn't stored yet: the service can't be reached")
    expect(unsent).to_be_visible()
    second = find_first(page)
    page.keyboard.press("x")  # reviewing goes on meanwhile
    page.unroute("**/review/votes")
    page.context.clear_cookies()
    unsent.get_by_role("button", name="Try now").click()
    page.wait_for_url("**/sign-in?next=/review")
    assert list_standing(site, "ben") == []
    with page.expect_response("**/review/votes"), page.expect_response("**/review/statistics"):
        sign_in(page, "ben", PASSWORD)
    wait_until(
        lambda: len(list_standing(site, "ben")) == 2, "both votes are stored", pause=lambda: page.wait_for_timeout(20)
    )
    assert list_standing(site, "ben") == [(first, VoteChoice.HAPPY), (second, VoteChoice.NOT_A_FACE)]
    expect(unsent).to_be_hidden()
    assert not {first, second} & set(page.locator(".judging").evaluate_all("all => all.map((one) => one.dataset.face)"))


def test_a_double_click_is_one_vote(visit: Callable[..., Page], site: Site, submit: Callable[[], str]) -> None:
    store_faces(site, submit, 4)
    page = open_review(visit)
    face = find_first(page)
    page.locator(".judging").first.locator("button[value=happy]").last.dblclick()
    wait_until(lambda: list_standing(site, "ben"), "the vote is stored", pause=lambda: page.wait_for_timeout(20))
    page.wait_for_timeout(400)
    assert list_standing(site, "ben") == [(face, VoteChoice.HAPPY)]
