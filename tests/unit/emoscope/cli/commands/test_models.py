"""`emoscope models`: versions, and the one in service."""

import json

import pytest

from api.model_versions.promotion_routes import Promotion
from api.model_versions.routes import ModelVersion
from db.model_versions import actions as model_versions
from tests.support.commands import CommandLine
from tests.support.factories.model_versions import make_manifest, make_metrics


@pytest.fixture
def two_versions(command_line: CommandLine) -> CommandLine:
    figures = make_metrics(rows=10, fer2013={"accuracy": 0.6123})
    manifests = (make_manifest(), make_manifest(metrics={"PublicTest": figures}))
    with command_line.database.write() as session:
        for name, manifest in zip(("first", "[red]second"), manifests, strict=True):
            model_versions.add_version(session, name, name, manifest)
    return command_line


def test_versions_are_listed_with_their_figures_and_a_star_for_the_one_in_service(two_versions: CommandLine) -> None:
    assert "is in service." in two_versions.expect(0, "models", "promote", "1", "--reason", "why")
    shown = two_versions.expect(0, "models", "list")
    assert "1 *" in shown
    assert "2 *" not in shown
    assert "[red]second" in shown
    assert "0.612" in shown


def test_promoting_rolling_back_and_shadow_mode_say_what_is_now(two_versions: CommandLine) -> None:
    said = [
        two_versions.expect(status, "models", *words)
        for status, words in (
            (0, ("promote", "1", "--reason", "a")),
            (0, ("promote", "1", "--reason", "again")),
            (1, ("rollback", "--reason", "none before")),
            (0, ("promote", "2", "--reason", "b")),
            (0, ("rollback", "--reason", "c")),
            (0, ("shadow", "2", "--reason", "d")),
            (1, ("shadow", "1", "--reason", "in service")),
            (0, ("unshadow",)),
            (1, ("unshadow",)),
            (1, ("promote", "9", "--reason", "unknown")),
        )
    ]
    assert "was in service already" in said[1]
    assert "Version 1 is in service again" in said[4]
    assert "Version 2 runs in shadow mode" in said[5]
    assert all(said[place].startswith("Error:") for place in (2, 6, 8, 9))
    history = two_versions.expect(0, "models", "history")
    assert history.index("│ c") < history.index("│ b") < history.index("│ a")


def test_versions_and_their_history_are_listed_as_the_api_shows_them(two_versions: CommandLine) -> None:
    two_versions.expect(0, "models", "promote", "1", "--reason", "a")
    two_versions.expect(0, "models", "promote", "2", "--reason", "b")
    two_versions.expect(0, "models", "shadow", "1", "--reason", "c")
    versions = json.loads(two_versions.run("models", "list", "--json").stdout)
    assert {tuple(version) for version in versions} == {tuple(ModelVersion.model_fields)}
    assert [(each["number"], each["is_champion"], each["is_challenger"]) for each in versions] == [
        (2, True, False),
        (1, False, True),
    ]
    assert versions[0]["manifest"]["metrics"]["PublicTest"]["fer2013"]["rows"] == 10
    history = json.loads(two_versions.run("models", "history", "--json").stdout)
    assert {tuple(move) for move in history} == {tuple(Promotion.model_fields)}
    assert [(move["from_version"], move["to_version"], move["reason"]) for move in history] == [
        (1, 2, "b"),
        (None, 1, "a"),
    ]
    assert {move["actor_kind"] for move in history} == {"system"}
