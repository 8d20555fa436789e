# mypy: ignore-errors
"""A service that has a dataset, and its administrator."""

from collections.abc import Callable
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from db.core.session import Database
from db.core.vocabulary import Scope
from db.model_versions import actions as model_versions
from tests.support.operators import add_versions, open_client


@pytest.fixture
def client(open_app: Callable[..., APIFlask], database: Database) -> FlaskClient:
    """An administrator's, of a service that has a dataset."""
    add_versions(database, "old", "new")
    with database.write() as session:
        model_versions.promote(session, model_versions.get_version(session, 1), "test", "first")
    return open_client(open_app(dataset_csv=Path("faces.csv")), database, Scope.ADMIN)
