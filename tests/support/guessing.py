"""Sign-ins and password guesses from one or two addresses."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from db.accounts.sign_in import SignInRefused, authenticate
from db.accounts.sign_in_tries import (
    FREE_ATTEMPTS,
)
from db.accounts.tables import SignInTries
from db.core.session import Database

PASSWORD = "correct horse battery"


HERE, THERE = "203.0.113.1", "203.0.113.2"


MANY = FREE_ATTEMPTS + 1


def try_wrong(database: Database, times: int, name: str = "ana", address: str = HERE) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused):
            authenticate(database, name, "wrong", address)


def move_tries_back(database: Database, seconds: float) -> None:
    with database.write() as session:
        for tries in session.scalars(select(SignInTries)):
            assert tries.last_tried_at is not None
            tries.last_tried_at -= timedelta(seconds=seconds)
            if tries.locked_until is not None:
                tries.locked_until -= timedelta(seconds=seconds)
