"""`emoscope run`: training runs as they are stored."""

import json
from uuid import uuid4

import pytest

from api.training_runs.routes import TrainingRun
from db.core.actors import Actor
from db.training_runs import lifecycle as runs
from tests.support.commands import CommandLine
from tests.support.factories.model_versions import add_version
from tests.support.factories.training_runs import start

ODD_NAME = "[red]ana[/red]"


@pytest.fixture
def run_ids(command_line: CommandLine) -> list[str]:
    """Two runs, newest first: one waits, and one was canceled."""
    database = command_line.database
    add_version(database, "first", is_champion=True)
    canceled = start(database)
    with database.write() as session:
        runs.cancel_run(session, canceled, Actor.user(ODD_NAME))
    return [str(start(database, epochs=3)), str(canceled)]


def test_runs_are_listed_newest_first_as_the_api_shows_them(command_line: CommandLine, run_ids: list[str]) -> None:
    found = json.loads(command_line.run("run", "list", "--json").stdout)
    assert [(run["id"], run["status"]) for run in found] == [(run_ids[0], "queued"), (run_ids[1], "canceled")]
    assert {tuple(run) for run in found} == {tuple(TrainingRun.model_fields)}
    assert (found[0]["url"], found[0]["options"]["epochs"]) == (f"/v1/training-runs/{run_ids[0]}", 3)
    assert len(json.loads(command_line.run("run", "list", "--json", "--limit", "1").stdout)) == 1
    shown = command_line.expect(0, "run", "list")
    assert shown.index(run_ids[0]) < shown.index(run_ids[1])
    assert ODD_NAME in shown


def test_a_run_is_shown_by_its_id(command_line: CommandLine, run_ids: list[str]) -> None:
    assert json.loads(command_line.run("run", "show", run_ids[1], "--json").stdout)["status"] == "canceled"
    assert command_line.expect(0, "run", "show", run_ids[1]).startswith("canceled: ")
    assert command_line.expect(1, "run", "show", str(uuid4())).startswith("Error:")
    assert command_line.run("run", "show", "odd").exit_code == 2
