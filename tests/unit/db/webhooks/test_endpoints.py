import pytest

from db.accounts import api_keys
from db.core.session import Database
from db.webhooks.endpoints import create_endpoint
from db.webhooks.errors import RefusedEndpointUrl, TooManyEndpoints
from db.webhooks.event_types import SUBSCRIBABLE
from tests.support.factories.actors import ANA
from tests.support.factories.webhooks import RULES, add_endpoint


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://[::10.0.0.1]/", "https://example.com:22/", "ftp://a.b/"])
def test_an_address_that_may_not_be_called_is_refused(database: Database, url: str) -> None:
    with pytest.raises(RefusedEndpointUrl), database.write() as session:
        create_endpoint(session, api_keys.ensure_application(session, "shop"), url, SUBSCRIBABLE, RULES, ANA)


def test_an_application_has_so_many_endpoints_and_no_more(database: Database) -> None:
    for _ in range(20):
        add_endpoint(database)
    with pytest.raises(TooManyEndpoints):
        add_endpoint(database)
    add_endpoint(database, application="rival")
