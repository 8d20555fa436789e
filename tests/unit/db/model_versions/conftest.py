"""Model versions in a database."""

import pytest

from db.core.session import Database
from db.model_versions.tables import ModelVersion
from tests.support.factories.model_versions import add_version


@pytest.fixture
def versions(database: Database) -> tuple[ModelVersion, ModelVersion]:
    """The champion, and another version."""
    return add_version(database, "first", is_champion=True), add_version(database, "second")
