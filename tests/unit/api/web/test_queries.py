from datetime import UTC, date, datetime

import pytest

from api.web.queries import begin_day, end_day, make_api_query, read_number
from db.accounts.audit_log import AuditFilter


@pytest.mark.parametrize(
    "given", ["", "-1", "1.0", " 1", "1_0", "\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT TWO}", "9" * 5000]
)
def test_what_is_not_written_in_digits_is_no_number(given: str) -> None:
    assert read_number(given) is None


def test_a_number_is_read_up_to_the_largest() -> None:
    assert [read_number(given, 1000) for given in ("0", "007", "1000", "1001")] == [0, 7, 1000, None]


def test_a_day_ends_where_the_next_begins() -> None:
    assert begin_day(date(2026, 2, 28)) == datetime(2026, 2, 28, tzinfo=UTC)
    assert end_day(date(2026, 2, 28)) == datetime(2026, 3, 1, tzinfo=UTC)


def test_a_filter_of_the_database_is_written_as_the_api_reads_it() -> None:
    wanted = AuditFilter(actor="ana", created_from=datetime(2026, 3, 1, tzinfo=UTC))
    assert make_api_query(wanted) == {"actor": "ana", "created_from": "2026-03-01T00:00:00Z"}
