"""The audit log over the API."""

from flask.testing import FlaskClient

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor
from db.core.session import Database
from tests.support.databases import only_sqlite


@only_sqlite
def test_every_entry_comes_once_page_by_page_with_its_filter(admin: FlaskClient, database: Database) -> None:
    with database.write() as session:
        for number in range(5):
            record_audit_event(session, Actor.user("ana"), "user.create", f"user:{number}", role="viewer")
            record_audit_event(session, Actor.application("shop"), "job.erase", "job:1")
    path, found = "/v1/changes?actor=ana&limit=2", []
    while path:
        page = admin.get(path).get_json()
        found += page["items"]
        path = page["next"]
    assert [(each["subject"], each["actor_kind"], each["details"]) for each in found] == [
        (f"user:{number}", "user", {"role": "viewer"}) for number in (4, 3, 2, 1, 0)
    ]


@only_sqlite
def test_a_cursor_that_is_none_is_refused(admin: FlaskClient) -> None:
    for query in ("cursor=0", "cursor=x", "cursor=99999999999999999999", "limit=0"):
        assert admin.get(f"/v1/changes?{query}").status_code == 422, query


@only_sqlite
def test_a_filter_is_as_long_as_a_subject_may_be(admin: FlaskClient) -> None:
    for field, longest in (("actor", 200), ("action", 50), ("subject", 200), ("limit", None)):
        for extra, status in ((0, 200), (1, 422)):
            given = "x" * (longest + extra) if longest else str(200 + extra)
            assert admin.get(f"/v1/changes?{field}={given}").status_code == status, (field, extra)
