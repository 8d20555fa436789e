"""Identifying who runs a command."""

import getpass

import pytest

from db.core.actors import Actor, ActorKind
from emoscope.cli.operator import find_operator


def test_a_command_is_its_accounts_and_never_a_persons_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "ana")
    assert (find_operator().kind, find_operator()) == (ActorKind.SYSTEM, "command:ana")
    assert find_operator() != Actor.user("ana")


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_an_account_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def fail() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", fail)
    assert find_operator() == "command:unknown"
