import csv
import io

import pytest
from flask.testing import FlaskClient

from tests.support.factories.analyses import Analyses
from tests.support.opening import HAPPY


def test_drift_compares_the_last_week_with_the_weeks_before(reviewing: FlaskClient, analyses: Analyses) -> None:
    analyses.store(HAPPY)
    shown = reviewing.get("/v1/drift").get_json()
    assert (shown["reference"]["faces"], shown["current"]["faces"], shown["emotion_shift"]) == (0, 1, None)
    assert [day["faces"] for day in shown["days"]] == [1]
    assert reviewing.get("/v1/drift/days").get_json()["items"] == shown["days"]
    [row] = csv.DictReader(io.StringIO(reviewing.get("/v1/drift/days?format=csv").text))
    assert (row["day"], row["faces"], row["override_rate.count"]) == (shown["days"][0]["day"], "1", "0")


@pytest.mark.parametrize(
    "query",
    [
        "current_before=0001-01-01T00:00:00Z",
        "current_before=9999-12-31T23:59:59Z&current_from=9999-12-31T23:30:00Z",
        "reference_from=0001-01-01T00:00:00%2B14:00",
        "current_before=2026-03-01T00:00:00",
    ],
)
def test_periods_without_room_around_them_or_without_a_time_zone_are_refused(
    reviewing: FlaskClient, query: str
) -> None:
    answer = reviewing.get(f"/v1/drift?{query}")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
    assert reviewing.get("/v1/reviews/statistics?since=2026-03-01T00:00:00").status_code == 422


def test_periods_in_the_wrong_order_are_refused(reviewing: FlaskClient) -> None:
    answer = reviewing.get("/v1/drift?current_from=2026-01-01T00:00:00Z&reference_from=2026-02-01T00:00:00Z")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")
