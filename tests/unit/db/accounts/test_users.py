import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from db.accounts import sign_in, users
from db.accounts.audit_log import AuditFilter, list_audit_events
from db.accounts.sign_in import authenticate
from db.accounts.users import InvalidUser, LastAdministrator
from db.core.actors import Actor
from db.core.session import Database
from db.core.vocabulary import Role
from tests.support.factories.actors import TEST
from tests.support.guessing import HERE, MANY, PASSWORD, try_wrong


@pytest.mark.parametrize("lift", ["enable", "new password"])
def test_an_administrator_lifts_a_lock(database: Database, ana: str, password_hash: str, lift: str) -> None:
    try_wrong(database, MANY)
    with database.write() as session:
        if lift == "enable":
            users.enable_user(session, ana, actor=Actor.user("boss"))
        else:
            users.change_password(session, ana, password_hash, actor=Actor.user("boss"))
    assert authenticate(database, ana, PASSWORD, HERE).locked_until is None


def test_changing_the_password_signs_out_everywhere(database: Database, ana: str, password_hash: str) -> None:
    with database.write() as session:
        token = sign_in.open_session(session, users.get_user(session, ana), lifetime_s=60)
        users.change_password(session, ana, password_hash, actor=TEST)
    with database.read() as session:
        assert sign_in.find_signed_in(session, token) is None


@pytest.mark.parametrize("name", ["", "with space", "-x", "ž", "a" * 101])
def test_a_strange_name_is_refused(database: Database, password_hash: str, name: str) -> None:
    with pytest.raises(InvalidUser), database.write() as session:
        users.create_user(session, name, password_hash, Role.VIEWER, actor=TEST)


def test_a_name_can_be_taken_once(database: Database, ana: str, password_hash: str) -> None:
    with pytest.raises(InvalidUser), database.write() as session:
        users.create_user(session, "ANA", password_hash, Role.VIEWER, actor=TEST)


def test_each_change_of_a_user_is_logged_with_who_made_it(database: Database, ana: str, password_hash: str) -> None:
    with database.write() as session:
        users.create_user(session, "boss", password_hash, Role.ADMINISTRATOR, actor=TEST)
        users.change_role(session, ana, Role.ADMINISTRATOR, actor=Actor.user("boss"))
        users.disable_user(session, ana, actor=Actor.user("boss"))
        users.enable_user(session, ana, actor=Actor.user("boss"))
        users.change_password(session, ana, password_hash, actor=Actor.user("boss"))
    with database.read() as session:
        events = list_audit_events(session, AuditFilter(subject="user:ana", actor="boss"))
    assert [event.action for event in events] == [
        "user.change_password", "user.enable", "user.disable", "user.change_role",
    ]  # fmt: skip
    assert events[-1].details == {"before": "reviewer", "after": "administrator"}


def test_each_role_may_do_what_those_before_it_may() -> None:
    assert Role.ADMINISTRATOR.covers(Role.REVIEWER)
    assert Role.REVIEWER.covers(Role.REVIEWER)
    assert not Role.VIEWER.covers(Role.REVIEWER)


def test_the_last_administrator_stays_one(database: Database, ana: str, password_hash: str) -> None:
    with database.write() as session:
        for name in ("eva", "max"):
            users.create_user(session, name, password_hash, Role.ADMINISTRATOR, actor=TEST)
        users.disable_user(session, "max", actor=Actor.command("eva"))
    with pytest.raises(LastAdministrator), database.write() as session:
        users.disable_user(session, "eva", actor=Actor.command("eva"))
    with pytest.raises(LastAdministrator), database.write() as session:
        users.change_role(session, "eva", Role.VIEWER, actor=Actor.command("eva"))
    with database.write() as session:
        users.change_role(session, ana, Role.ADMINISTRATOR, actor=Actor.command("eva"))
        users.disable_user(session, "eva", actor=Actor.command("ana"))
        assert users.get_user(session, "eva").disabled_at is not None


def test_of_several_who_take_a_name_at_once_one_has_it(database: Database, password_hash: str) -> None:
    ready = threading.Barrier(6)

    def create(number: int) -> bool:
        try:
            with database.write() as session:
                if not database.is_sqlite:  # where one writes at a time
                    ready.wait(20)
                users.create_user(session, "eva", password_hash, Role.VIEWER, actor=TEST)
        except InvalidUser:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(create, range(6))) == [False] * 5 + [True]
    with database.read() as session:
        assert len(list_audit_events(session, AuditFilter(action="user.create"))) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_shuts_themselves_out_or_changes_their_own_role(
    database: Database, ana: str, password_hash: str
) -> None:
    """An application, or an account of the machine, of the same name is somebody else."""
    with database.write() as session:
        users.create_user(session, "eva", password_hash, Role.ADMINISTRATOR, Actor.system("test"))
    own: list[Callable[[Session], None]] = [
        lambda session: users.disable_user(session, ana, Actor.user(ana)),
        lambda session: users.change_role(session, ana.upper(), Role.VIEWER, Actor.user(ana)),
    ]
    for refused in own:
        with pytest.raises(users.OwnAccount), database.write() as session:
            refused(session)
    for actor in (Actor.application(ana), Actor.command(ana), Actor.user("eva")):
        with database.write() as session:
            users.change_role(session, ana, Role.REVIEWER, actor)
