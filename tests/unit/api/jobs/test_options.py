import hashlib
import io
import json

import pytest
from flask.testing import FlaskClient

from api.jobs.options import JobOptions
from tests.support.databases import only_sqlite


@only_sqlite
def test_a_form_field_wins_over_a_query_parameter(client: FlaskClient, photo: bytes) -> None:
    form = {"image": (io.BytesIO(photo), "a.jpg"), "min_face_px": "50"}
    job = client.post("/v1/jobs?min_face_px=30&detector=hog", data=form).get_json()
    assert (job["min_face_px"], job["detector"]) == (50, "hog")


@only_sqlite
@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"detector": "magic"}, "detector"),
        ({"min_face_px": "1"}, "min_face_px"),
        ({"priority": "urgent"}, "priority"),
        ({"photo_retention_s": "-1"}, "photo_retention_s"),
        ({"photo_retention_s": "nan"}, "photo_retention_s"),
        ({"photo_retention_s": "1e9"}, "photo_retention_s"),
        ({"deadline_s": "0"}, "deadline_s"),
        ({"callback_url": "http://127.0.0.1/"}, "callback_url"),
        ({"callback_url": "ftp://example.com/"}, "callback_url"),
        ({"min_face": "40"}, "min_face"),
    ],
)
def test_an_option_that_is_not_allowed_is_named(
    client: FlaskClient, photo: bytes, options: dict[str, str], field: str
) -> None:
    for response in (
        client.post("/v1/jobs", data=photo, query_string=options),
        client.post("/v1/jobs", data={"image": (io.BytesIO(photo), "a.jpg"), **options}),
    ):
        problem = response.get_json()
        assert response.status_code == 422
        assert response.mimetype == "application/problem+json"
        assert problem["code"] == "invalid_request"
        assert [error["field"] for error in problem["errors"]] == [field]
        assert problem["detail"].startswith(f"{field}: ")


def test_a_request_has_the_same_fingerprint_when_a_release_adds_an_option() -> None:
    class LaterOptions(JobOptions):
        camera: str | None = None

    asked = {"detector": "hog", "min_face_px": 40}
    photos = ["ab" * 32]
    first = JobOptions.model_validate(asked).make_fingerprint(photos)
    assert LaterOptions.model_validate(asked).make_fingerprint(photos) == first
    assert LaterOptions.model_validate({**asked, "camera": "1"}).make_fingerprint(photos) != first


def test_the_fingerprint_of_the_first_release_is_kept() -> None:
    """Calculated by release 0.1.0, which a repeated request may have met before an upgrade."""
    asked = {
        "photos": ["ab" * 32],
        "detector": None,
        "min_face_px": None,
        "priority": "bulk",
        "photo_retention_s": None,
        "deadline_s": 30.0,
        "callback_url": None,
    }
    expected = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    options = JobOptions.model_validate({"priority": "bulk", "deadline_s": "30"})
    assert options.make_fingerprint(["ab" * 32]) == expected
