"""`emoscope webhook`: endpoints from the command line."""

import json
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import select

from api.webhooks.schemas import Webhook, WebhookDelivery
from db.accounts.audit_log import list_audit_events
from db.accounts.tables import Application
from db.core.types import utcnow
from db.webhooks import deliveries
from db.webhooks.deliveries import AttemptResult
from db.webhooks.endpoints import get_endpoint
from db.webhooks.event_types import SUBSCRIBABLE
from tests.support.commands import CommandLine

URL = "https://example.com/hook"


def test_an_endpoint_is_added_with_its_secret_shown_once(command_line: CommandLine) -> None:
    made = command_line.run("webhook", "create", "shop", URL, "--event", "job.failed")
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    assert secret.startswith("whsec_")
    listed = command_line.run("webhook", "list", "--json")
    [found] = json.loads(listed.stdout)
    assert (found["application"], found["url"], found["events"]) == ("shop", URL, ["job.failed"])
    assert secret not in listed.stdout


def test_what_cannot_be_called_or_is_no_event_is_a_sentence(command_line: CommandLine) -> None:
    for words in (("shop", "http://127.0.0.1/"), ("shop", URL, "--event", "job.exploded"), ("all", URL)):
        assert "Error:" in command_line.expect(1, "webhook", "create", *words)
    assert json.loads(command_line.run("webhook", "list", "--json").stdout) == []


def add(command_line: CommandLine, *words: str) -> str:
    """Add an endpoint of `shop`, and return its id."""
    assert command_line.run("webhook", "create", "shop", URL, *words).exit_code == 0
    return str(list_endpoints(command_line)[-1]["id"])


def list_endpoints(command_line: CommandLine) -> list[dict[str, object]]:
    return list(json.loads(command_line.run("webhook", "list", "--json").stdout))


def list_deliveries(command_line: CommandLine, *words: str) -> list[dict[str, object]]:
    done = command_line.run("webhook", "deliveries", "--json", *words)
    assert done.exit_code == 0, done.output
    return list(json.loads(done.stdout))


def fail_all(command_line: CommandLine) -> None:
    """Let every attempt that is due be the last, and fail."""
    with command_line.database.write() as session:
        for delivery_id in deliveries.list_due(session, 100):
            claimed = deliveries.claim_delivery(session, delivery_id, 30)
            assert claimed is not None
            result = AttemptResult(duration_ms=12.5, status_code=500, answer="[red]no[/red]", is_final=True)
            deliveries.record_attempt(session, delivery_id, result, max_attempts=1, pause_after_s=3600)


def test_an_endpoint_is_told_of_every_event_unless_some_are_named(command_line: CommandLine) -> None:
    add(command_line, "--include-faces", "--description", "the shop's")
    [found] = list_endpoints(command_line)
    assert tuple(found) == tuple(Webhook.model_fields)
    assert (found["events"], found["include_faces"], found["description"]) == (list(SUBSCRIBABLE), True, "the shop's")
    assert found["state"] == "active"


def test_an_endpoint_is_paused_resumed_and_deleted_and_the_log_says_by_whom(command_line: CommandLine) -> None:
    endpoint = add(command_line)
    for word, state in (("pause", "paused"), ("resume", "active")):
        command_line.expect(0, "webhook", word, endpoint)
        assert list_endpoints(command_line)[0]["state"] == state
    command_line.expect(0, "webhook", "delete", endpoint)
    assert list_endpoints(command_line) == []
    with command_line.database.read() as session:
        events = [event for event in list_audit_events(session) if event.action.startswith("webhook.")]
    assert [event.action for event in events] == ["webhook.delete", "webhook.resume", "webhook.pause", "webhook.create"]
    assert {event.actor.partition(":")[0] for event in events} == {"command"}


def test_a_secret_is_rotated_with_an_overlap_in_which_both_sign(command_line: CommandLine) -> None:
    made = command_line.run("webhook", "create", "shop", URL)
    endpoint = str(list_endpoints(command_line)[0]["id"])
    rotated = command_line.run("webhook", "rotate", endpoint, "--overlap-hours", "2")
    assert rotated.exit_code == 0, rotated.output
    with command_line.database.read() as session:
        row = get_endpoint(session, UUID(endpoint), None)
        assert (row.secret, row.previous_secret) == (rotated.stdout.strip(), made.stdout.strip())
        assert row.previous_secret_until is not None
        assert timedelta(hours=1.9) < row.previous_secret_until - utcnow() < timedelta(hours=2)
    assert command_line.run("webhook", "rotate", endpoint, "--overlap-hours", "169").exit_code == 2


def test_the_secret_of_callbacks_is_rotated_by_the_name_of_the_application(command_line: CommandLine) -> None:
    add(command_line)
    rotated = command_line.run("webhook", "rotate-callbacks", "shop")
    with command_line.database.read() as session:
        [application] = session.scalars(select(Application).where(Application.name == "shop"))
        assert application.callback_secret == rotated.stdout.strip()
        assert application.previous_callback_secret is not None
    assert "no application 'rival'" in command_line.expect(1, "webhook", "rotate-callbacks", "rival")


def test_a_test_event_is_delivered_and_its_attempt_listed(command_line: CommandLine) -> None:
    endpoint = add(command_line)
    said = command_line.expect(0, "webhook", "test", endpoint)
    [pending] = list_deliveries(command_line)
    assert tuple(pending) == tuple(WebhookDelivery.model_fields)
    assert str(pending["id"]) in said
    assert (pending["webhook_id"], pending["event"], pending["state"]) == (endpoint, "webhook.test", "pending")
    fail_all(command_line)
    [failed] = list_deliveries(command_line, "--state", "failed")
    assert (failed["status_code"], failed["answer"], failed["duration_ms"]) == (500, "[red]no[/red]", 12.5)
    assert "500 [red]no[/red]" in command_line.expect(0, "webhook", "deliveries")
    command_line.expect(0, "webhook", "pause", endpoint)
    assert command_line.expect(1, "webhook", "test", endpoint).startswith("Error:")


def test_deliveries_are_filtered(command_line: CommandLine) -> None:
    first, second = add(command_line), add(command_line)
    for endpoint in (first, second, second):
        command_line.expect(0, "webhook", "test", endpoint)
    assert len(list_deliveries(command_line, "--endpoint", second)) == 2
    assert len(list_deliveries(command_line, "--limit", "1")) == 1
    assert list_deliveries(command_line, "--event", "job.failed") == []
    assert list_deliveries(command_line, "--state", "succeeded") == []
    assert list_deliveries(command_line, "--job", str(uuid4())) == []
    assert command_line.run("webhook", "deliveries", "--state", "odd").exit_code == 2


def test_one_delivery_or_all_failed_ones_are_replayed_under_the_same_event(command_line: CommandLine) -> None:
    endpoint = add(command_line)
    for _ in range(3):
        command_line.expect(0, "webhook", "test", endpoint)
    fail_all(command_line)
    failed = list_deliveries(command_line)
    assert "is sent within seconds" in command_line.expect(0, "webhook", "replay", str(failed[0]["id"]))
    [again] = list_deliveries(command_line, "--state", "pending")
    assert (again["event_id"], again["is_replay"]) == (failed[0]["event_id"], True)
    # what waits already is not sent twice
    assert "2 events are sent again" in command_line.expect(0, "webhook", "replay-failed", endpoint)
    assert "0 events are sent again" in command_line.expect(0, "webhook", "replay-failed", endpoint)
    assert {each["event_id"] for each in list_deliveries(command_line, "--state", "pending")} == {
        each["event_id"] for each in failed
    }
    fail_all(command_line)
    assert "0 events" in command_line.expect(0, "webhook", "replay-failed", endpoint, "--hours", "0")


def test_what_is_not_there_is_a_sentence(command_line: CommandLine) -> None:
    nothing = str(uuid4())
    for word in ("pause", "resume", "rotate", "test", "delete", "replay", "replay-failed"):
        said = command_line.expect(1, "webhook", word, nothing)
        assert said.startswith("Error:"), word
        assert "Traceback" not in said
