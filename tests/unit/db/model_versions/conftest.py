# mypy: ignore-errors
"""Model versions in a database."""

import pytest

from db.core.session import Database
from db.model_versions import actions as model_versions
from db.model_versions.tables import ModelVersion
from tests.support.manifests import make_manifest


@pytest.fixture
def versions(database: Database) -> tuple[ModelVersion, ModelVersion]:
    """The champion, and another version."""
    with database.write() as session:
        first, second = (
            model_versions.add_version(session, name, name, make_manifest()) for name in ("first", "second")
        )
        model_versions.promote(session, first, "test", "the first")
    return first, second
