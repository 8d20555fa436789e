"""What comes in is what it says: each value has one form, wherever a request carries it."""

import io
import math
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.accounts.audit_log_routes import AuditQuery
from api.accounts.user_routes import UserChange
from api.core.fields import Day, JsonBody, Moment, RowId, TextFields
from api.jobs.filter import JobListQuery
from api.jobs.options import JobOptions
from api.jobs.reading import WaitQuery
from api.model_versions.promotion_routes import NewPromotion
from api.monitoring.drift_routes import DriftQuery
from api.reviews.routes import NewVote, NextFaces, StatisticsQuery, Undo, VoteQuery
from api.training_runs.routes import NewRun

NOT_RFC_3339 = [
    "20260101", "2026", "0", "-1", "0.5", "1e9", "1767225600", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01T00:00:00",
    "2026-01-01 00:00:00Z", "2026-W01-1T00:00:00Z", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01", "20260101T000000Z",
    "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z",
    "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00Z ", " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00+24:00", "now", "PT5M",
    "+2026-01-01T00:00:00Z", "\uff12026-01-01T00:00:00Z", "2026-01-01T00:00:00-01:00:30",
]  # fmt: skip
NOT_WHOLE = ["1e1", "1_0", "+1", " 1", "1 ", "1.0", "0x1", "\u0661", "true", "nan", "inf", ""]
NOT_DECIMAL = ["1e-1", "1_0.5", "+0.5", ".5", "5.", " 0.5", "nan", "inf", "-inf", "Infinity", "0x1p-1", "0,5", "true"]


def refuse(kind: type[BaseModel], field: str, given: object, **rest: object) -> None:
    """The model refuses this value of this field, and nothing else."""
    with pytest.raises(ValidationError) as refused:
        kind.model_validate({**rest, field: given})
    assert {error["loc"][0] for error in refused.value.errors()} == {field}, given


@pytest.mark.parametrize("given", NOT_RFC_3339)
def test_a_time_is_rfc_3339_in_every_query(given: str) -> None:
    for kind, field in (
        (JobListQuery, "created_from"),
        (JobListQuery, "created_before"),
        (VoteQuery, "since"),
        (StatisticsQuery, "since"),
        (DriftQuery, "current_from"),
    ):
        refuse(kind, field, given)


@pytest.mark.parametrize("given", [*NOT_RFC_3339, 0, 20260101, 0.5, True, [], {}, ["2026-01-01T00:00:00Z"]])
def test_a_time_is_rfc_3339_in_every_body(given: object) -> None:
    for kind, field in ((Undo, "since"), (NextFaces, "created_from"), (NextFaces, "created_before")):
        refuse(kind, field, given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-03-01T00:00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01t00:00:00z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T02:00:00.25+02:00", datetime(2026, 3, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-02-28T23:30:00.123456789-00:30", datetime(2026, 3, 1, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-03-01T00:00:00-00:00", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_utc(given: str, expected: datetime) -> None:
    assert TypeAdapter(Moment).validate_python(given) == expected


@pytest.mark.parametrize("given", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_moment_outside_the_calendar_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="outside the supported range"):
        TypeAdapter(Moment).validate_python(given)


def test_a_plus_that_became_a_blank_is_explained() -> None:
    with pytest.raises(ValidationError, match="%2B"):
        JobListQuery.model_validate({"created_from": "2026-03-01T00:00:00 02:00"})


@pytest.mark.parametrize(
    "given", ["20260301", "2026-3-1", "0", "1772323200", "2026-03-01T00:00:00", "9999-12-31", "2026-02-30"]
)
def test_a_day_has_one_form(given: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Day).validate_python(given)


@pytest.mark.parametrize(
    "given",
    [
        "0197a2b45f3e7c1a9b2d3e4f5a6b7c8d",
        "{0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d}",
        "urn:uuid:0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d",
    ],
)
def test_an_id_has_one_form(given: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RowId).validate_python(given)
    refuse(JobListQuery, "cursor", given)
    refuse(NewVote, "face_id", given, choice="happy")
    refuse(NextFaces, "exclude", [given])


@pytest.mark.parametrize("given", NOT_WHOLE)
def test_a_whole_number_in_text_is_decimal_digits(given: str) -> None:
    for kind, field in (
        (JobListQuery, "limit"),
        (AuditQuery, "cursor"),
        (StatisticsQuery, "model_version"),
        (JobOptions, "min_face_px"),
    ):
        refuse(kind, field, given)


@pytest.mark.parametrize("given", [*NOT_DECIMAL, ""])
def test_a_number_in_text_is_decimal_digits(given: str) -> None:
    for kind, field in ((JobOptions, "photo_retention_s"), (JobOptions, "deadline_s"), (WaitQuery, "wait")):
        refuse(kind, field, given)


@pytest.mark.parametrize("given", ["1", "1.0", True, 1.0, [1], {}])
def test_a_whole_number_in_json_is_one(given: object) -> None:
    refuse(NextFaces, "limit", given)
    refuse(Undo, "last", given)
    refuse(NewPromotion, "model_version", given, reason="x")


@pytest.mark.parametrize("given", ["0.5", True, math.nan, math.inf, [0.5]])
def test_a_number_in_json_is_one(given: object) -> None:
    refuse(NextFaces, "min_confidence", given)


@pytest.mark.parametrize("given", [1, 0, "true", "yes", []])
def test_a_boolean_in_json_is_one(given: object) -> None:
    refuse(UserChange, "is_disabled", given)
    refuse(NewRun, "from_scratch", given)


def test_the_routes_read_by_these_rules(admin: FlaskClient, client: FlaskClient, photo: bytes) -> None:
    """One of each place, with what was read otherwise before."""
    form = {"image": (io.BytesIO(photo), "a.jpg"), "photo_retention_s": "1e3"}
    for answer, place, field in (
        (admin.get("/v1/jobs?created_from=20260101"), "query", "created_from"),
        (admin.post("/v1/reviews/undo", json={"since": 0}), "json", "since"),
        (client.post("/v1/jobs", data=form), "form", "photo_retention_s"),
        (client.post("/v1/jobs?photo_retention_s=nan", data=photo), "query", "photo_retention_s"),
    ):
        assert answer.status_code == 422
        [error] = answer.get_json()["errors"]
        assert (error["in"], error["field"]) == (place, field)


def test_a_body_is_a_json_object_in_utf_8(admin: FlaskClient) -> None:
    no_objects = [b"null", b"[]", b"0", b"true", b'""', b'"x"', b"[{}]"]
    no_json = [
        b"",
        b"{",
        '{"limit": 1}'.encode("utf-16"),
        b'{"reviewer": "\xf3"}',
        b'{"limit": 1} x',
        b'{"limit": 01}',
        b'{"limit": NaN}',
    ]
    for method, path in (("PATCH", "/v1/users/ana"), ("POST", "/v1/reviews/next"), ("POST", "/v1/training-runs")):
        for bodies, code in ((no_objects, "invalid_request"), (no_json, "bad_request")):
            for body in bodies:
                answer = admin.open(path, method=method, data=body, content_type="application/json")
                assert answer.get_json()["code"] == code, (path, body)


def test_what_is_given_twice_is_refused(admin: FlaskClient, client: FlaskClient, photo: bytes) -> None:
    answers = [
        admin.get("/v1/jobs?limit=1&limit=2"),
        admin.patch("/v1/users/ana", data='{"role": "viewer", "role": "administrator"}'),
        client.post("/v1/jobs", data={"image": (io.BytesIO(photo), "a.jpg"), "min_face_px": ["40", "50"]}),
    ]
    for answer in answers:
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["reason"] == "is given more than once"


def test_a_cookie_that_names_no_session_is_nobody(app: APIFlask) -> None:
    visitor = app.test_client()
    for cookie in ("", "\x00", "\xff", '"', "a" * 5000, "a=b=c", "%00", "\\303"):
        for path, status in (("/v1/jobs", 401), ("/jobs", 302)):
            answer = visitor.get(path, headers={"Cookie": f"emoscope_session={cookie}; emoscope_session={cookie}"})
            assert answer.status_code == status, (path, cookie)


def test_every_route_reads_its_input_by_the_same_rules(app: APIFlask) -> None:
    """A new route can't be forgotten: what it declares as JSON or query is one of the two bases."""
    found: list[tuple[str, str, Any]] = []
    for name, view in app.view_functions.items():
        spec = getattr(view, "_spec", {})
        found += [(name, location, schema) for schema, location, *_ in spec.get("args", [])]
        if "body" in spec:
            found.append((name, "json", spec["body"]))
    kinds = {"json": JsonBody, "query": TextFields, "form": TextFields}
    checked = [(name, location) for name, location, _ in found if location in kinds]
    assert len(checked) > 20
    for name, location, schema in found:
        if location in kinds:
            assert issubclass(schema if isinstance(schema, type) else type(schema), kinds[location]), (name, location)


def test_json_is_read_as_json() -> None:
    class Body(JsonBody):
        id: RowId
        at: Moment | None = None
        share: float = 0

    read = Body.model_validate({"id": "0197A2B4-5f3e-7c1a-9b2d-3e4f5a6b7c8d", "at": "2026-03-01T00:00:00Z", "share": 1})
    assert read == Body(id=UUID("0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d"), at=datetime(2026, 3, 1, tzinfo=UTC), share=1.0)


def list_bodies(kind: type[JsonBody] = JsonBody) -> list[type[JsonBody]]:
    """Every JSON body that a route takes."""
    return [body for each in kind.__subclasses__() for body in (each, *list_bodies(each))]


@pytest.mark.usefixtures("app")  # whose routes name the bodies
def test_null_is_taken_where_the_document_says_so_and_nowhere_else() -> None:
    seen = 0
    for body in list_bodies():
        if not body.__module__.startswith("api."):
            continue
        fields = body.model_json_schema()["properties"]
        for name, described in fields.items():
            with pytest.raises(ValidationError) as refused:
                body.model_validate({name: None, "no such field": 1})
            is_documented = {"type": "null"} in described.get("anyOf", ())
            named = {error["loc"][0] for error in refused.value.errors()}
            assert (name not in named) == is_documented, (body, name)
            seen += 1
    assert seen > 50, seen


def test_a_number_of_a_body_is_finite() -> None:
    class Share(JsonBody):
        share: float

    assert Share(share=0.5).share == 0.5
    for given in (math.nan, math.inf, -math.inf):
        refuse(Share, "share", given)


@pytest.mark.parametrize("given", [20260101, True, [], {}])
def test_a_day_that_is_no_text_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Day).validate_python(given, strict=True)
