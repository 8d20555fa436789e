from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from db.core.session import Database
from db.core.vocabulary import Scope
from db.model_versions import actions as model_versions
from db.training_runs import lifecycle as runs
from db.training_runs.documents import GateDecision, GateReport, RunAudit, RunProgress
from tests.support.opening import Opener

GATE = GateReport(decision=GateDecision(is_promoted=True, reason="better"), champion={"accuracy": 0.5})


def test_a_second_run_is_refused_while_one_waits(client: FlaskClient) -> None:
    first = client.post("/v1/training-runs", json={}).get_json()
    answer = client.post("/v1/training-runs", json={})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "training_run_active")
    assert first["id"] in answer.get_json()["detail"]


def test_a_run_is_planned_before_it_starts(client: FlaskClient) -> None:
    plan = client.get("/v1/training-runs/plan?from_scratch=true").get_json()
    assert (plan["labels"], plan["champion"]["number"], plan["references"]) == ("hard", 1, [])
    assert (plan["is_from_scratch"], plan["can_replace_champion"], plan["reviewed_faces"]) == (True, True, 0)
    assert "fresh weights" in plan["summary"][0]


def test_a_run_is_canceled_once(client: FlaskClient) -> None:
    run = client.post("/v1/training-runs", json={}).get_json()
    assert client.post(f"{run['url']}/cancel").get_json()["status"] == "canceled"
    assert client.post(f"{run['url']}/cancel").get_json()["code"] == "training_run_ended"


def test_an_unknown_run_is_said_to_be_unknown(client: FlaskClient) -> None:
    assert client.get(f"/v1/training-runs/{uuid4()}").get_json()["code"] == "unknown_training_run"


def test_progress_and_gate_are_shown_as_they_are_stored(client: FlaskClient, database: Database) -> None:
    run = client.post("/v1/training-runs", json={}).get_json()
    with database.write() as session:
        old, new = (model_versions.get_version(session, number) for number in (1, 2))
        stored, claim = runs.claim_run(session, runs.list_runs(session)[0].id, "w", 60)
        runs.renew_run(session, claim, 60, RunProgress(step="training", epoch=2))
        runs.record_snapshot(session, claim, dataset_sha256="d", audit=RunAudit.read({"rows": 9}), champion_id=old.id)
    shown = client.get(run["url"]).get_json()
    assert (shown["status"], shown["progress"]["epoch"], shown["champion"]) == ("running", 2, 1)
    assert (shown["progress"]["step"], shown["progress"]["loss"]) == ("training", None)
    with database.write() as session:
        runs.decide_run(session, claim, new, is_promoted=True, reason="better", gate=GATE)
    shown = client.get(run["url"]).get_json()
    assert (shown["status"], shown["challenger"], shown["reason"], shown["gate"]) == (
        "promoted",
        2,
        "better",
        GATE.to_json(),
    )
    assert client.get("/v1/promotions").get_json()["items"][0]["actor"] == f"training_run:{stored.id}"


def test_runs_are_listed_by_pages(client: FlaskClient) -> None:
    for _ in range(3):
        run = client.post("/v1/training-runs", json={}).get_json()
        client.post(f"{run['url']}/cancel")
    page = client.get("/v1/training-runs?limit=2").get_json()
    assert len(page["items"]) == 2
    behind_a_prefix = client.get("/v1/training-runs?limit=2", base_url="http://localhost/emo").get_json()
    assert behind_a_prefix["next"] == f"/emo{page['next']}"
    rest = client.get(page["next"]).get_json()
    assert (len(rest["items"]), rest["next"]) == (1, None)


def test_a_version_is_put_in_service_and_rolled_back(client: FlaskClient, database: Database) -> None:
    answer = client.post("/v1/promotions", json={"model_version": 2, "reason": "try"})
    assert answer.status_code == 201
    assert (answer.get_json()["from_version"], answer.get_json()["to_version"]) == (1, 2)
    assert client.get("/v1/model-versions/champion").get_json()["number"] == 2
    assert client.post("/v1/promotions", json={"model_version": 2, "reason": "again"}).status_code == 200
    back = client.post("/v1/promotions/rollback", json={"reason": "worse"})
    assert (back.status_code, back.get_json()["from_version"], back.get_json()["to_version"]) == (201, 2, 1)
    assert client.get("/v1/model-versions/champion").get_json()["number"] == 1
    history = client.get("/v1/promotions").get_json()["items"]
    assert [move["reason"] for move in history] == ["worse", "try", "first"]


def test_what_cannot_be_promoted_or_rolled_back_is_refused(open_client: Opener) -> None:
    client = open_client("ops", Scope.ADMIN)
    unknown = client.post("/v1/promotions", json={"model_version": 9, "reason": "try"})
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "unknown_model_version")
    nothing = client.post("/v1/promotions/rollback", json={"reason": "worse"})
    assert (nothing.status_code, nothing.get_json()["code"]) == (409, "nothing_to_roll_back")


@pytest.mark.parametrize("path", ["training-runs", "promotions", "promotions/rollback"])
def test_changes_need_the_scope_and_reading_does_not(open_client: Opener, path: str) -> None:
    client = open_client("ops", Scope.SUBMIT, Scope.REVIEW)
    body: dict[str, object] = {} if path == "training-runs" else {"reason": "x"}
    if path == "promotions":
        body["model_version"] = 1
    assert client.post(f"/v1/{path}", json=body).get_json()["code"] == "scope_missing"
    if path != "promotions/rollback":
        assert client.get(f"/v1/{path}").status_code == 200
