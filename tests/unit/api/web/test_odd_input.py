"""Malformed query parameters and forms get an error page, never a server error."""

import html
import re
from collections.abc import Callable

import pytest

from db.accounts import api_keys
from db.core.session import Database
from tests.support.visitors import Visitor

HUGE = "9" * 5000
"""More digits than Python reads as a number."""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/review?days=999999999", 422),
        ("/review?days=0", 422),
        (f"/review?model_version={10**19}", 422),
        (f"/review?min_face_px={10**19}", 422),
        (f"/review?max_face_px={HUGE}", 422),
        ("/review?min_confidence=nan", 422),
        ("/review?since=9999-12-31", 422),
        ("/review?until=9999-12-31", 422),
        ("/review?until=yesterday", 422),
        ("/review?days=36500&since=0001-01-01&until=9999-12-30", 200),
        ("/jobs?until=9999-12-31", 422),
        ("/jobs?since=9999999999999", 422),
        ("/jobs?since=0001-01-01&until=9999-12-30", 200),
        ("/jobs?before=xyz", 422),
        ("/audit?before=99999999999999999999999", 422),
        (f"/audit?before={HUGE}", 422),
        (f"/audit?before={2**63 - 1}", 200),
        (f"/models/compare?version=1&version={HUGE}", 422),
        (f"/models/compare?version=1&version={10**10}", 422),
        (f"/models/{10**19}", 404),
        ("/training?before=xyz", 422),
        ("/jobs?endpoint=x&_method=POST&_external=1", 200),
    ],
)
def test_an_address_is_answered_with_a_page(administrator: Visitor, path: str, status: int) -> None:
    answer = administrator.client.get(path)
    assert (answer.status_code, answer.mimetype) == (status, "text/html"), answer.text
    assert "<h1>" in answer.text


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/review/undo", {"vote_id": "xyz"}),
        ("/review/votes", {"face_id": "00000000-0000-0000-0000-000000000001", "choice": "sad", "shown": "xyz"}),
        ("/review/votes", {"face_id": "00000000-0000-0000-0000-000000000001", "choice": "sad", "days": "999999999"}),
        ("/review/votes", {"choice": "sad"}),
        ("/models/roll-back", {"reason": "worse", "from_version": HUGE, "to_version": "1"}),
        ("/models/roll-back", {"reason": "worse", "from_version": "1", "to_version": "-1"}),
    ],
)
def test_a_form_is_answered_with_a_page(administrator: Visitor, path: str, fields: dict[str, str]) -> None:
    status, text = administrator.post(path, **fields)
    assert status == 422, text
    assert "<h1>Not accepted</h1>" in text or 'role="alert"' in text  # a page of its own, or the form again


def test_an_origin_that_is_no_address_is_another_sites(administrator: Visitor) -> None:
    for origin in ("http://[", "null", "", "//", "http://[::1"):
        answer = administrator.client.post("/sign-in", headers={"Origin": origin})
        assert (answer.status_code, answer.mimetype) == (403, "text/html"), origin


@pytest.mark.parametrize("target", ["//[", "/jobs%0A//x", "/%09/evil.example", "/jobs%0D%0ASet-Cookie:a=b", "["])
def test_a_target_that_is_no_path_of_ours_leads_to_the_dashboard(administrator: Visitor, target: str) -> None:
    answer = administrator.client.get(f"/sign-in?next={target}")
    assert (answer.status_code, answer.location) == (302, "/dashboard")


def test_the_lists_links_keep_what_its_form_asks_for_and_nothing_else(
    administrator: Visitor, submit: Callable[..., str]
) -> None:
    made = [submit() for _ in range(27)]
    asked = {
        "status": "queued",
        "since": "2020-01-01",
        "error_code": "",
        "done": "erased",
        "endpoint": "x",
        "_method": "POST",
    }
    older = administrator.get("/jobs", **asked)
    links = re.findall(r'<a class="button" href="([^"]+)"', older)
    assert [html.unescape(link) for link in links] == [f"/jobs?status=queued&since=2020-01-01&before={made[2]}"]
    newest = administrator.get("/jobs", before=made[2], **asked)
    assert 'href="/jobs?status=queued&amp;since=2020-01-01">Newest' in newest


def test_a_key_is_revoked_by_what_names_it_alone(administrator: Visitor, database: Database) -> None:
    with database.write() as session:
        keys = [api_keys.create_key(session, api_keys.ensure_application(session, "shop")) for _ in range(2)]
    for prefix in ("e", "emo_none"):
        given, text = administrator.post(f"/access/keys/{prefix}/revoke")
        assert (given, "<html" in text) == (404, True)
    with database.read() as session:
        assert all(api_keys.find_key(session, key) for key in keys)
