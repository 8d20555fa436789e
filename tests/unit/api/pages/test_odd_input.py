"""Addresses and forms with what no page of ours sends: told as a page, and never a failure of the service."""

import pytest

from tests.unit.api.pages.conftest import Visitor

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
        ("/review/votes", {"face_id": "00000000-0000-0000-0000-000000000001", "verdict": "sad", "shown": "xyz"}),
        ("/review/votes", {"face_id": "00000000-0000-0000-0000-000000000001", "verdict": "sad", "days": "999999999"}),
        ("/review/votes", {"verdict": "sad"}),
        ("/models/roll-back", {"reason": "worse", "from_version": HUGE, "to_version": "1"}),
        ("/models/roll-back", {"reason": "worse", "from_version": "1", "to_version": "-1"}),
    ],
)
def test_a_form_is_answered_with_a_page(administrator: Visitor, path: str, fields: dict[str, str]) -> None:
    status, text = administrator.post(path, **fields)
    assert status == 422, text
    assert "<h1>Not accepted</h1>" in text
