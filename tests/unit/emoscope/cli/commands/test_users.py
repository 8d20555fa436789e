"""`emoscope user`: users of the pages."""

import json

import pytest

from api.accounts.user_routes import User
from db.accounts.audit_log import list_audit_events
from db.accounts.users import get_user
from db.core.vocabulary import Role
from tests.support.commands import CommandLine

PASSWORD = "correct horse battery\n"


def test_a_person_is_added_with_the_password_of_stdin_and_listed(command_line: CommandLine) -> None:
    assert "can sign in as reviewer" in command_line.expect(
        0, "user", "create", "ana", "--role", "reviewer", typed=PASSWORD
    )
    shown = command_line.expect(0, "user", "list")
    assert "ana │ reviewer │ │ never" in shown
    with command_line.database.read() as session:
        [event] = list_audit_events(session)
        assert (event.action, event.actor.startswith("command:")) == ("user.create", True)


def test_what_cannot_be_is_said_in_a_sentence(command_line: CommandLine) -> None:
    for words, typed in (
        (("user", "create", "ana"), "short\n"),
        (("user", "create", "with space"), PASSWORD),
        (("user", "password", "nobody"), PASSWORD),
        (("user", "disable", "nobody"), None),
        (("user", "enable", "nobody"), None),
        (("user", "role", "nobody", "viewer"), None),
    ):
        said = command_line.expect(1, *words, typed=typed)
        assert said.startswith("Error:")
        assert "Traceback" not in said


def test_a_person_is_disabled_enabled_and_given_a_role(command_line: CommandLine) -> None:
    command_line.expect(0, "user", "create", "ana", typed=PASSWORD)
    command_line.expect(0, "user", "disable", "ana")
    assert "disabled" in command_line.expect(0, "user", "list")
    command_line.expect(0, "user", "enable", "ana")
    command_line.expect(0, "user", "role", "ana", "administrator")
    with command_line.database.read() as session:
        user = get_user(session, "ana")
        assert (user.disabled_at, user.role) == (None, Role.ADMINISTRATOR)


def test_the_last_administrator_stays(command_line: CommandLine) -> None:
    command_line.expect(0, "user", "create", "ana", "--role", "administrator", typed=PASSWORD)
    for words in (("disable", "ana"), ("role", "ana", "viewer")):
        assert command_line.expect(1, "user", *words).startswith("Error:")


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_the_end_of_the_line_is_no_part_of_the_password(command_line: CommandLine, ending: str) -> None:
    from db.accounts.passwords import is_password

    command_line.expect(0, "user", "create", "ana", typed=" spaces stay " + ending)
    with command_line.database.read() as session:
        assert is_password(get_user(session, "ana").password_hash, " spaces stay ")


def test_people_are_listed_as_the_api_shows_them(command_line: CommandLine) -> None:
    command_line.expect(0, "user", "create", "ana", "--role", "reviewer", typed=PASSWORD)
    command_line.expect(0, "user", "disable", "ana")
    [ana] = json.loads(command_line.run("user", "list", "--json").stdout)
    assert set(ana) == set(User.model_fields)
    assert (ana["name"], ana["role"], ana["is_disabled"], ana["last_signed_in_at"]) == ("ana", "reviewer", True, None)
    assert ana["created_at"].endswith("Z")
