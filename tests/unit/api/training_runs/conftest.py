"""A service that has a dataset, and its administrator."""

from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from db.core.session import Database
from db.core.vocabulary import Scope
from db.model_versions import actions as model_versions
from tests.support.factories.actors import TEST
from tests.support.factories.model_versions import add_version
from tests.support.opening import Opener


@pytest.fixture
def client(open_app: Callable[..., APIFlask], open_client: Opener, database: Database) -> FlaskClient:
    """An administrator's, of a service that has a dataset."""
    add_version(database, "old")
    add_version(database, "new")
    with database.write() as session:
        model_versions.promote(session, model_versions.get_version(session, 1), TEST, "first")
    return open_client("ops", Scope.ADMIN, of=open_app(dataset_csv=Path("faces.csv")))
