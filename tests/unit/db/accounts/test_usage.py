"""Usage of keys is counted by day; only a killed process loses counts."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from db.accounts import api_keys, usage
from db.accounts.tables import ApiKey
from db.accounts.usage import UsageCounter, UsageFilter, list_usage, sum_usage
from db.core.session import Database
from tests.support.waiting import wait_until

LONG_S = 3600.0
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def add_key(database: Database, application: str = "shop") -> UUID:
    with database.write() as session:
        key = api_keys.create_key(session, api_keys.ensure_application(session, application))
        return session.scalars(select(ApiKey.id).where(ApiKey.prefix == api_keys.show_start(key))).one()


def read(database: Database, **wanted: object) -> list[tuple[date, str, int, int]]:
    """Day, application, requests and photos of each row."""
    with database.read() as session:
        rows = list_usage(session, UsageFilter(**wanted))  # type: ignore[arg-type]
        return [(row.day, row.key.application.name, row.requests, row.photos) for row in rows]


def test_counts_of_one_day_add_up_over_processes_and_over_time(database: Database) -> None:
    key_id = add_key(database)
    first, second = UsageCounter(database, LONG_S), UsageCounter(database, LONG_S)
    for counter in (first, second):
        counter.count(key_id, requests=1, photos=2)
        counter.count(key_id, requests=1)
        counter.flush()
    first.flush()  # nothing is counted twice
    assert [row[2:] for row in read(database)] == [(4, 4)]
    first.close()
    second.close()


def test_midnight_in_utc_begins_another_row(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    key_id, counter = add_key(database), UsageCounter(database, LONG_S)
    for moment in (NOON, NOON + timedelta(hours=11, minutes=59), NOON + timedelta(hours=12)):
        monkeypatch.setattr(usage, "utcnow", lambda moment=moment: moment)
        counter.count(key_id, requests=1)
    counter.close()
    assert read(database) == [(date(2026, 3, 2), "shop", 1, 0), (date(2026, 3, 1), "shop", 2, 0)]


def test_the_thread_writes_by_itself(database: Database) -> None:
    key_id, counter = add_key(database), UsageCounter(database, flush_s=0.01)
    counter.count(key_id, requests=1)
    wait_until(lambda: read(database), "the count is written", timeout_s=20)
    counter.close()


def test_closing_writes_what_is_left(database: Database) -> None:
    key_id, counter = add_key(database), UsageCounter(database, LONG_S)
    counter.count(key_id, requests=7)
    assert read(database) == []
    counter.close()
    assert [row[2] for row in read(database)] == [7]


def test_a_key_that_is_gone_keeps_no_other_from_being_written(database: Database) -> None:
    key_id, counter = add_key(database), UsageCounter(database, LONG_S)
    counter.count(uuid4(), requests=1)
    counter.count(key_id, requests=1)
    counter.close()
    assert [row[2] for row in read(database)] == [1]


def test_counts_wait_while_the_database_is_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    key_id, counter = add_key(database), UsageCounter(database, LONG_S)
    away = Database("sqlite:////nowhere/at/all.db")
    counter.count(key_id, requests=1)
    with monkeypatch.context() as patch:
        patch.setattr(counter, "_database", away)
        counter.flush()
        counter.count(key_id, requests=2)
    counter.close()
    away.close()
    assert [row[2] for row in read(database)] == [3]


def test_a_listing_is_restricted_by_key_application_and_days(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = UsageCounter(database, LONG_S)
    for name in ("shop", "rival"):
        key_id = add_key(database, name)
        for days in range(3):
            monkeypatch.setattr(usage, "utcnow", lambda days=days: NOON + timedelta(days=days))
            counter.count(key_id, requests=1)
    counter.close()
    with database.read() as session:
        prefix = session.scalars(select(ApiKey.prefix).where(ApiKey.id == key_id)).one()
    first, second, third = (date(2026, 3, day) for day in (1, 2, 3))
    assert [row[:2] for row in read(database, application="shop")] == [
        (third, "shop"),
        (second, "shop"),
        (first, "shop"),
    ]
    assert {row[1] for row in read(database, prefix=prefix)} == {"rival"}
    assert {row[0] for row in read(database, first_day=second)} == {second, third}
    assert {row[0] for row in read(database, last_day=second)} == {first, second}
    assert read(database, application="nobody") == []
    with database.read() as session:
        assert len(list_usage(session, UsageFilter(), limit=4)) == 4
        rows = [(row.day, row.key_id) for row in list_usage(session, UsageFilter())]
        for place, row in enumerate(rows, start=1):
            behind = list_usage(session, UsageFilter(), limit=2, before=row)
            assert [(each.day, each.key_id) for each in behind] == rows[place : place + 2]


def test_the_sum_of_all_is_zero_before_the_first(database: Database) -> None:
    names = ("requests", "photos", "faces", "bytes", "errors")
    with database.read() as session:
        assert sum_usage(session) == dict.fromkeys(names, 0)
    counter = UsageCounter(database, LONG_S)
    for name in ("shop", "rival"):
        counter.count(add_key(database, name), **{each: place for place, each in enumerate(names, start=1)})
    counter.close()
    with database.read() as session:
        assert sum_usage(session) == {each: 2 * place for place, each in enumerate(names, start=1)}
