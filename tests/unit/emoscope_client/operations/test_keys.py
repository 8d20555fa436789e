"""The operations on API keys, on the real application."""

from collections.abc import Iterator

import httpx
import pytest
from apiflask import APIFlask

from api.core.services import Services
from db.core.session import Database
from db.core.vocabulary import Scope
from emoscope_client import ApiError, Client, InvalidRequest, Unauthorized
from tests.support.factories.accounts import add_key


@pytest.fixture
def admin(app: APIFlask, database: Database) -> Iterator[Client]:
    key = add_key(database, "head", [Scope.ADMIN])
    with (
        httpx.Client(transport=httpx.WSGITransport(app=app)) as http,
        Client("http://api", key, http_client=http) as made,
    ):
        yield made


def test_a_key_is_made_changed_rotated_and_revoked(admin: Client, app: APIFlask) -> None:
    made = admin.create_key("kiosk", purpose="media", daily_quota=5, rate_limit="60/minute")
    shown = next(key for key in admin.list_keys().items if made.key.startswith(key.prefix))
    assert (shown.application, shown.purpose, shown.scopes, shown.daily_quota) == ("kiosk", "media", ("submit",), 5)
    assert admin.change_key(shown.prefix, description="in the hall").daily_quota is None
    new = admin.rotate_key(shown.prefix, overlap_s=0)
    with httpx.Client(transport=httpx.WSGITransport(app=app)) as http:
        with pytest.raises(Unauthorized):
            Client("http://api", made.key, http_client=http).get_job_page()
        assert Client("http://api", new.key, http_client=http).get_job_page().items == ()
    admin.revoke_key(new.key[:12])
    with pytest.raises(ApiError):
        admin.revoke_key(new.key[:12])


def test_a_purpose_that_the_law_forbids_is_refused(admin: Client) -> None:
    with pytest.raises(InvalidRequest) as caught:
        admin.create_key("office", purpose="workplace")
    assert caught.value.code == "purpose_forbidden"


def test_usage_is_read_as_it_is_sent(admin: Client, app: APIFlask, services: Services) -> None:
    admin.list_keys()
    services.usage.flush()
    found = admin.list_key_usage()
    assert (found.items[0].requests, found.items[0].application) == (1, "head")
    raw = app.test_client().get("/v1/keys/usage", headers={"Authorization": f"Bearer {admin.address.api_key}"})
    assert found.to_json() == raw.get_json()
