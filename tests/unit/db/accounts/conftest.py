"""A reviewer who can sign in."""

import pytest

from db.accounts import users
from db.core.session import Database
from db.core.vocabulary import Role
from tests.support.factories.accounts import add_user
from tests.support.guessing import PASSWORD


@pytest.fixture(scope="module")
def password_hash() -> str:
    return users.hash_password(PASSWORD)


@pytest.fixture
def ana(database: Database, password_hash: str) -> str:
    add_user(database, "ana", Role.REVIEWER, password_hash)
    return "ana"
