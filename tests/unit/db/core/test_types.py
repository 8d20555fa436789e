"""Times and enum values, as both databases store them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select
from sqlalchemy.exc import StatementError

from db.core.session import Database
from db.core.types import UtcDateTime, Word, utcnow
from db.core.vocabulary import Emotion

VIENNA = timezone(timedelta(hours=2))
rows = Table("rows_of_a_test", MetaData(), Column("moment", UtcDateTime()), Column("word", Word(Emotion)))


def test_a_moment_and_a_word_come_back_as_they_were(database: Database) -> None:
    with database.engine.connect() as connection, connection.begin() as transaction:
        rows.create(connection)
        moment = datetime(2026, 3, 1, 1, 30, 0, 123456, tzinfo=VIENNA)
        connection.execute(insert(rows), [{"moment": moment, "word": Emotion.SAD}, {"moment": None, "word": None}])
        found, empty = connection.execute(select(rows).order_by(rows.c.moment.is_(None))).all()
        assert (found.moment, found.moment.tzinfo, found.moment.hour) == (moment, UTC, 23)
        assert found.word is Emotion.SAD
        assert tuple(empty) == (None, None)
        transaction.rollback()


def test_a_moment_without_a_time_zone_and_an_unknown_word_are_refused(database: Database) -> None:
    with database.engine.connect() as connection:
        for values in ({"moment": datetime(2026, 3, 1)}, {"word": "bored"}):  # noqa: DTZ001
            with pytest.raises(StatementError, match=r"time zone|bored"):
                connection.execute(insert(rows).values(values))


def test_now_is_in_utc() -> None:
    assert utcnow().utcoffset() == timedelta(0)
