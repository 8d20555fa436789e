# mypy: ignore-errors
"""A reviewer who can sign in."""

from collections.abc import Iterator

import pytest

from db.accounts import users
from db.core.session import Database
from db.core.vocabulary import Role
from tests.support.guessing import PASSWORD


@pytest.fixture(scope="module")
def password_hash() -> str:
    return users.hash_password(PASSWORD)


@pytest.fixture
def ana(database: Database, password_hash: str) -> Iterator[str]:
    with database.write() as session:
        users.create_user(session, "ana", password_hash, Role.REVIEWER, actor="test")
    return "ana"
