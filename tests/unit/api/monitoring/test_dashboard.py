"""The dashboard's data."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from api.monitoring.dashboard import Dashboard, _list_back

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_times_go_back_from_the_end_and_include_it() -> None:
    assert _list_back(NOW, timedelta(hours=1), 3) == [NOW - timedelta(hours=2), NOW - timedelta(hours=1), NOW]


def test_hours_without_a_face_count_none_and_later_ones_wait() -> None:
    hours = _list_back(NOW, timedelta(hours=1), 2)
    faces = [
        (NOW, SimpleNamespace(faces=2, confidence_sum=1.5)),
        (NOW, SimpleNamespace(faces=1, confidence_sum=0.5)),
        (NOW + timedelta(hours=1), SimpleNamespace(faces=9, confidence_sum=9.0)),
    ]
    shown = object.__new__(Dashboard)
    object.__setattr__(shown, "hours", hours)
    object.__setattr__(shown, "faces", faces)
    assert shown.hour_totals == {hours[0]: (0, 0.0), hours[1]: (3, 2.0)}
