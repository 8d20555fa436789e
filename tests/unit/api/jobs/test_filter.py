"""Filters by caller. The other filters are tested with the jobs."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient


def test_an_administrator_lists_every_applications_jobs(
    admin: FlaskClient, other_client: FlaskClient, submit: Callable[..., str], photo: bytes
) -> None:
    of_shop = submit()
    of_rival = other_client.post("/v1/jobs", data=photo).get_json()["id"]
    own = admin.post("/v1/jobs", data=photo).get_json()["id"]
    expected = {
        "": [own],
        "?application=office": [own],
        "?application=shop": [of_shop],
        "?application=all": [own, of_rival, of_shop],
        "?application=all&status=failed": [],
    }
    for query, ids in expected.items():
        assert [job["id"] for job in admin.get(f"/v1/jobs{query}").get_json()["items"]] == ids, query
    listed = admin.get("/v1/jobs?application=all").get_json()["items"]
    assert [job["application"] for job in listed] == ["office", "rival", "shop"]
    following = admin.get("/v1/jobs?application=all&limit=2").get_json()["next"]
    assert [job["id"] for job in admin.get(following).get_json()["items"]] == [of_shop]


@pytest.mark.parametrize("application", ["all", "rival", "no such one"])
def test_others_list_no_jobs_but_their_own(client: FlaskClient, other_client: FlaskClient, application: str) -> None:
    """Whether an application exists isn't told either."""
    response = client.get("/v1/jobs", query_string={"application": application})
    assert (response.status_code, response.get_json()["code"]) == (403, "scope_missing")


def test_an_application_that_is_not_there_is_named(admin: FlaskClient) -> None:
    response = admin.get("/v1/jobs?application=shopp")
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["field"] == "application"
