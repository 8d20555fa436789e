"""Keys that expire, have limits of their own, are replaced and are counted."""

import io
from collections.abc import Callable
from uuid import UUID

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from api.core.services import Services
from db.accounts.tables import ApiKey
from db.accounts.usage import UsageCounter, UsageFilter, list_usage
from db.core.session import Database
from db.core.types import utcnow
from tests.support.visitors import Visitor


def make(admin: FlaskClient, app: APIFlask, **terms: object) -> tuple[FlaskClient, str]:
    """A client with a key of the application `kiosk`, and the key's first characters."""
    answer = admin.post("/v1/keys", json={"application": "kiosk", **terms})
    assert answer.status_code == 201, answer.text
    key = answer.get_json()["key"]
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client, key[:12]


def get(admin: FlaskClient, prefix: str) -> dict[str, object]:
    (key,) = [each for each in admin.get("/v1/keys").get_json()["items"] if each["prefix"] == prefix]
    return dict(key)


def test_a_key_is_refused_once_it_has_expired(admin: FlaskClient, app: APIFlask, database: Database) -> None:
    client, prefix = make(admin, app, expires_at="2100-01-01T00:00:00Z", description="in the hall")
    assert client.get("/v1/jobs").status_code == 200
    assert (get(admin, prefix)["expires_at"], get(admin, prefix)["description"]) == (
        "2100-01-01T00:00:00Z",
        "in the hall",
    )
    with database.write() as session:
        session.execute(update(ApiKey).where(ApiKey.prefix == prefix).values(expires_at=utcnow()))
    assert client.get("/v1/jobs").get_json()["code"] == "unauthorized"
    assert admin.post(f"/v1/keys/{prefix}/rotate", json={}).get_json()["code"] == "unknown_key"


def test_a_key_has_a_rate_limit_of_its_own(admin: FlaskClient, app: APIFlask) -> None:
    client, _ = make(admin, app, rate_limit="2/hour")
    assert [client.get("/v1/jobs").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/v1/jobs").headers["RateLimit-Policy"] == '"key";q=2;w=3600'
    assert admin.get("/v1/jobs").status_code == 200


def test_a_key_submits_so_many_photos_a_day_and_no_more(admin: FlaskClient, app: APIFlask, photo: bytes) -> None:
    client, prefix = make(admin, app, daily_quota=2)
    assert client.post("/v1/jobs", data=photo).status_code == 202
    batch = {"image": [(io.BytesIO(photo), f"{n}.jpg") for n in range(2)]}
    refused = client.post("/v1/batches", data=batch)
    assert (refused.status_code, refused.get_json()["code"]) == (429, "quota_exceeded")
    assert 0 < int(refused.headers["Retry-After"]) <= 24 * 3600
    assert client.post("/v1/jobs", data=photo).status_code == 202
    assert client.post("/v1/jobs", data=photo).get_json()["code"] == "quota_exceeded"
    assert client.get("/v1/jobs").status_code == 200
    assert admin.put(f"/v1/keys/{prefix}", json={"daily_quota": 3}).get_json()["daily_quota"] == 3
    assert client.post("/v1/jobs", data=photo).status_code == 202


def test_both_keys_are_valid_while_the_overlap_lasts(admin: FlaskClient, app: APIFlask) -> None:
    client, prefix = make(admin, app, rate_limit="100/hour", daily_quota=5)
    new = admin.post(f"/v1/keys/{prefix}/rotate", json={"overlap_s": 60}).get_json()["key"]
    other = app.test_client().get("/v1/jobs", headers={"Authorization": f"Bearer {new}"})
    assert (client.get("/v1/jobs").status_code, other.status_code) == (200, 200)
    assert get(admin, prefix)["expires_at"] is not None
    made = get(admin, new[:12])
    assert (made["rate_limit"], made["daily_quota"], made["expires_at"]) == ("100/hour", 5, None)
    last = admin.post(f"/v1/keys/{new[:12]}/rotate", json={"overlap_s": 0}).get_json()["key"]
    assert app.test_client().get("/v1/jobs", headers={"Authorization": f"Bearer {new}"}).status_code == 401
    assert app.test_client().get("/v1/jobs", headers={"Authorization": f"Bearer {last}"}).status_code == 200


def test_a_repeated_or_refused_submission_takes_nothing_from_the_quota(
    admin: FlaskClient, app: APIFlask, services: Services, photo: bytes
) -> None:
    client, prefix = make(admin, app, daily_quota=2)
    key = {"Idempotency-Key": "photo-1"}
    first = client.post("/v1/jobs", data=photo, headers=key).get_json()["id"]
    for answer in (
        client.post("/v1/jobs", data=b"a text"),
        client.post("/v1/jobs?min_face_px=1", data=photo),
        client.post("/v1/jobs?deadline_s=0", data=photo),
        client.post("/v1/jobs?min_face_px=50", data=photo, headers=key),
        client.post("/v1/batches", data={"image": (io.BytesIO(b"a text"), "a.txt")}),
    ):
        assert answer.status_code >= 400 or answer.get_json()["counts"]["refused"] == 1
    assert client.post("/v1/jobs", data=photo).status_code == 202
    repeated = client.post("/v1/jobs", data=photo, headers=key)
    assert (repeated.status_code, repeated.get_json()["id"]) == (202, first)  # though the quota is used up
    assert repeated.headers["Idempotent-Replayed"] == "true"
    assert client.post("/v1/jobs", data=photo).get_json()["code"] == "quota_exceeded"
    services.usage.flush()
    (day,) = admin.get(f"/v1/keys/usage?key={prefix}").get_json()["items"]
    assert (day["photos"], day["requests"]) == (2, 9)


@pytest.mark.parametrize("purpose", ["workplace", "education"])
def test_a_purpose_that_the_law_forbids_is_refused_by_name(admin: FlaskClient, purpose: str) -> None:
    refused = admin.post("/v1/keys", json={"application": "hr", "purpose": purpose})
    assert (refused.status_code, refused.get_json()["code"]) == (422, "purpose_forbidden")
    assert purpose in refused.get_json()["detail"]
    assert "5(1)(f)" in refused.get_json()["detail"]
    assert "hr" not in admin.get("/v1/keys").text


def test_medical_and_safety_uses_are_allowed_and_named_on_the_notice(
    admin: FlaskClient, app: APIFlask, database: Database
) -> None:
    _, prefix = make(admin, app, purpose="medical")
    assert get(admin, prefix)["purpose"] == "medical"
    with database.read() as session:
        application_id = session.scalars(select(ApiKey.application_id).where(ApiKey.prefix == prefix)).one()
    notice = app.test_client().get(f"/notice/{application_id}").text
    assert "kiosk" in notice
    assert "medical" in notice.lower()
    assert app.test_client().get("/notice").status_code == 200


@pytest.mark.parametrize(
    "terms",
    [{"rate_limit": "fast"}, {"rate_limit": ""}, {"daily_quota": -1}, {"expires_at": "soon"}, {"purpose": "spying"}],
)
def test_terms_that_mean_nothing_are_refused(admin: FlaskClient, terms: dict[str, object]) -> None:
    assert admin.post("/v1/keys", json={"application": "kiosk", **terms}).get_json()["code"] == "invalid_request"


def test_usage_is_counted_by_key_and_day(
    admin: FlaskClient, client: FlaskClient, services: Services, photo: bytes, submit: Callable[..., str]
) -> None:
    submit()
    client.get("/v1/jobs/nothing")
    client.get("/v1/jobs?limit=0")
    services.usage.flush()
    today = str(utcnow().date())
    (mine,) = admin.get(f"/v1/keys/usage?application=shop&first_day={today}").get_json()["items"]
    services.usage.flush()  # now with the request of the other key
    every = admin.get("/v1/keys/usage").get_json()
    pages: list[str | None] = ["/v1/keys/usage?limit=1"]
    shown: list[object] = []
    while (path := pages[-1]) is not None:
        page = admin.get(path).get_json()
        shown += page["items"]
        pages.append(page["next"])
    assert len(pages) == len(shown) + 1 > 2
    assert (shown, every["next"]) == (every["items"], None)
    assert len(admin.get("/v1/keys/usage?limit=1&format=jsonl").text.splitlines()) == len(shown)
    for cursor in ("x", "2026-13-01_a", f"{today}_1"):
        assert admin.get(f"/v1/keys/usage?cursor={cursor}").get_json()["code"] == "invalid_request"
    assert {name: mine[name] for name in ("requests", "photos", "errors", "bytes", "day")} == {
        "requests": 2,
        "photos": 1,
        "errors": 1,
        "bytes": len(photo),
        "day": today,
    }
    assert 'emoscope_key_usage{kind="photos"} 1.0' in client.get("/metrics").text


def test_two_processes_add_up_and_nothing_is_lost_while_the_database_is_away(
    database: Database, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.read() as session:
        key_id: UUID = session.scalars(select(ApiKey.id)).one()
    first, second = UsageCounter(database, 3600), UsageCounter(database, 3600)
    first.count(key_id, requests=2, faces=5)
    second.count(key_id, requests=1, bytes=10)
    second.count(UUID(int=1), requests=1)  # a key that is gone
    first.flush()
    away = Database("sqlite:////nowhere/at/all.db")
    monkeypatch.setattr(second, "_database", away)
    second.flush()
    monkeypatch.setattr(second, "_database", database)
    second.close()
    first.close()
    with database.read() as session:
        (row,) = list_usage(session, UsageFilter())
    assert (row.requests, row.faces, row.bytes, row.errors) == (3, 5, 10, 0)
    away.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_makes_replaces_and_counts_keys(
    administrator: Visitor, client: FlaskClient, services: Services
) -> None:
    client.get("/v1/jobs")
    services.usage.flush()
    status, text = administrator.post(
        "/access/keys", application="kiosk", scope="submit", purpose="art", rate_limit="5/minute", daily_quota="7",
        expires_on="2100-01-01",
    )  # fmt: skip
    assert (status, text) == (303, "/access")
    text = administrator.get("/access")
    assert ("New key of <bdi>kiosk" in text, "7 photos a day" in text, "5/minute" in text) == (True, True, True)
    assert "Usage, last seven days" in text
    assert administrator.post("/access/keys", application="hr", scope="submit", purpose="workplace")[0] == 422
    prefix = client.environ_base["HTTP_AUTHORIZATION"].removeprefix("Bearer ")[:12]
    assert administrator.post(f"/access/keys/{prefix}/rotate") == (303, "/access")
    assert "New key of <bdi>shop" in administrator.get("/access")
