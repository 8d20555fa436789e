"""Every list of the API as CSV and JSON Lines, and a link to each on the page that shows it."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from pydantic import BaseModel, Field

from api.core.downloads import find_item, flatten, list_columns
from db.core.session import Database
from db.core.vocabulary import Emotion, Role
from tests.support.factories.webhooks import add_endpoint
from tests.support.played_worker import PlayedWorker
from tests.support.visitors import Visitor

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Inner(BaseModel):
    code: str


class Outer(BaseModel):
    name: str
    error: Inner | None
    tags: list[str]
    many: list[Inner]
    given: str = Field(serialization_alias="in")


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_objects_become_columns_and_lists_json() -> None:
    columns = list_columns(Outer)
    assert columns == ("name", "error.code", "tags", "many", "in")
    row = flatten({"name": "a", "error": None, "tags": ["b"], "many": [{"code": "c"}], "in": "d"}, columns)
    assert row == {"name": "a", "error.code": None, "tags": '["b"]', "many": '[{"code": "c"}]', "in": "d"}


def list_lists(app: APIFlask) -> set[str]:
    """Paths of every list that takes no other parameter than those of its query."""
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments]
    return {rule.rule for rule in rules if find_item(app.view_functions[rule.endpoint]) is not None}


@on_sqlite
def test_every_list_is_given_as_csv_and_json_lines(administrator: Visitor, submit: Callable[..., str]) -> None:
    submit()
    app = administrator.client.application
    assert isinstance(app, APIFlask)
    paths = list_lists(app)
    assert len(paths) >= 17
    spec = administrator.client.get("/openapi.json").get_json()["paths"]
    for path in sorted(paths):
        shown = administrator.client.get(path)
        assert shown.status_code == 200, path
        items: list[Any] = shown.get_json()["items"]
        as_csv, as_lines = (administrator.client.get(path, query_string={"format": form}) for form in ("csv", "jsonl"))
        assert as_csv.headers["Content-Disposition"].startswith('attachment; filename="'), path
        assert len(read_csv(as_csv.text)) == len(items), path
        assert as_csv.text.count(","), path
        assert [json.loads(line) for line in as_lines.text.splitlines()] == items, path
        operation = spec[path]["get"]
        assert "format" in {parameter["name"] for parameter in operation["parameters"]}, path
        assert {"text/csv", "application/jsonl"} <= set(operation["responses"]["200"]["content"]), path


@on_sqlite
def test_a_download_has_all_pages_with_the_filters_and_neutral_cells(
    administrator: Visitor, database: Database
) -> None:
    from db.accounts.audit_log import record_audit_event
    from db.core.actors import Actor

    with database.write() as session:
        for number in range(250):
            record_audit_event(session, Actor.system("bench"), "model.note", f"=cmd{number}", text="+1")
    rows = read_csv(administrator.client.get("/v1/changes?format=csv&action=model.note").text)
    assert len(rows) == 250
    assert {row["subject"][:2] for row in rows} == {"'="}
    assert {row["action"] for row in rows} == {"model.note"}
    lines = administrator.client.get("/v1/changes?format=jsonl&action=model.note").text.splitlines()
    assert json.loads(lines[-1])["subject"] == "=cmd0"
    assert read_csv(administrator.client.get("/v1/changes?format=csv&action=no.such").text) == []


@on_sqlite
@pytest.mark.parametrize(
    "asked", ["format=csv&limit=true", "format=xls", "format=csv&format=jsonl", "format=", "format=csv&colour=red"]
)
def test_what_is_no_format_is_refused(administrator: Visitor, asked: str) -> None:
    for path in ("/v1/changes", "/v1/users"):
        response = administrator.client.get(f"{path}?{asked}")
        assert (response.status_code, response.get_json()["code"]) == (422, "invalid_request"), path


@on_sqlite
def test_who_may_not_read_a_list_may_not_download_it(client: FlaskClient, visit: Callable[[Role], Visitor]) -> None:
    assert client.get("/v1/users?format=csv").status_code == 403  # its key may submit only
    assert visit(Role.REVIEWER).client.get("/v1/users?format=csv").status_code == 403


@on_sqlite
def test_every_page_with_a_list_links_to_its_files(
    administrator: Visitor, database: Database, submit: Callable[..., str], worker: PlayedWorker
) -> None:
    job_id = submit()
    add_endpoint(database)
    worker.analyze(job_id, worker.see(Emotion.HAPPY))
    asked = {"action": "user.create", "since": "2026-01-01"}
    linked = {
        "/audit": ["/v1/changes"],
        "/access": ["/v1/users", "/v1/keys"],
        "/account": ["/v1/account/sessions"],
        "/webhooks": ["/v1/webhooks"],
        "/models": ["/v1/model-versions", "/v1/promotions"],
        "/review/progress": ["/v1/reviews/labels", "/v1/reviews/votes", "/v1/reviews/reports"],
        "/drift": ["/v1/drift/days"],
        "/review/disagreements": ["/v1/reviews/disagreements"],
        f"/jobs/{job_id}": [f"/v1/jobs/{job_id}/events"],
    }
    for page, lists in linked.items():
        text = administrator.get(page, **(asked if page == "/audit" else {}))
        for path in lists:
            links = re.findall(rf'href="({re.escape(path)}\?[^"]*format=csv[^"]*)"', text)
            assert links, (page, path)
            link = links[0].replace("&amp;", "&")
            response = administrator.client.get(link)
            assert response.status_code == 200, link
            if page == "/audit":
                assert "created_from=2026-01-01T00:00:00Z" in link.replace("%3A", ":")
                assert "action=user.create" in link
