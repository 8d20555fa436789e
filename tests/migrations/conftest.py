"""A database without a schema, of each kind."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.core.session import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of its own without a schema."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/empty.db"
    else:
        make: Callable[[str], str] = request.getfixturevalue("make_postgresql_database")
        url = make(f"empty_{request.node.name.split('[')[0][-40:]}")
    database = Database(url)
    yield database
    database.close()
