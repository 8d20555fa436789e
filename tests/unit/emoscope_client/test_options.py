from datetime import UTC, datetime

from emoscope_client.options import to_params


def test_times_keep_their_zone_and_what_is_none_is_left_out() -> None:
    given = {"created_from": datetime(2026, 3, 1, tzinfo=UTC), "limit": 2, "cursor": None, "photo_retention_s": 0.0}
    assert to_params(given) == {"created_from": "2026-03-01T00:00:00+00:00", "limit": "2", "photo_retention_s": "0.0"}
