"""Pages refuse control characters before they reach the database, with an error page."""

import pytest

from tests.support.visitors import PASSWORD, Visitor


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/access/users", {"name": "a\0", "password": PASSWORD, "role": "viewer"}, 422),
        ("/access/keys", {"application": "a\0", "scope": "submit"}, 422),
        ("/access/users/a%00/disable", {}, 404),
        ("/access/keys/a%00/revoke", {}, 404),
        ("/models/1/promote", {"reason": "good\0reason"}, 422),
    ],
)
def test_pages_refuse_it_as_a_page(administrator: Visitor, path: str, fields: dict[str, str], status: int) -> None:
    given, text = administrator.post(path, **fields)
    assert given == status
    assert "<html" in text


def test_the_sign_in_and_filters_refuse_it(administrator: Visitor) -> None:
    answer = administrator.client.post("/sign-in", data={"name": "a\0", "password": PASSWORD})
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    for path in ("/jobs?error_code=%00", "/audit?actor=%00", "/review?emotion=%00", "/sign-in?next=%00"):
        answer = administrator.client.get(path)
        assert (answer.status_code, answer.mimetype) == (422, "text/html"), path
