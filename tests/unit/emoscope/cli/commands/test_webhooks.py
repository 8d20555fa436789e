"""`emoscope webhook`: endpoints from the command line."""

import json

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
