"""The databases on which a test runs."""

from typing import Any

import pytest

from db.core.base import Base
from db.core.session import Database
from db.core.tables import SchemaCompatibility

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what has nothing to do with the kind of database."""


def empty_tables(database: Database) -> None:
    """Delete every row but that of the schema itself."""
    # Quicker than TRUNCATE, which makes new files for every table; and no order of tables satisfies every foreign key.
    deletions = [
        f"DELETE FROM {table.name};"
        for table in reversed(Base.metadata.sorted_tables)
        if table.name != SchemaCompatibility.__tablename__
    ]
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if database.is_sqlite:
            driver.executescript(" ".join(["BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON;", *deletions, "COMMIT;"]))
        else:
            driver.execute(" ".join(["SET LOCAL session_replication_role = replica;", *deletions]))
            driver.commit()
