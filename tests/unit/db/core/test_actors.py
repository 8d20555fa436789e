"""Actors and their kinds."""

import json

import pytest
from sqlalchemy import insert, select

from db.accounts.audit_log import list_audit_events, record_audit_event
from db.accounts.tables import AuditEvent
from db.core.actors import Actor, ActorKind, find_kind
from db.core.session import Database


def test_actors_of_one_name_and_several_kinds_are_told_apart() -> None:
    actors = [Actor.user("shop"), Actor.application("shop"), Actor.command("shop"), Actor.worker("shop:12")]
    assert len(set(actors)) == len(actors)
    assert [actor.kind for actor in actors] == ["user", "application", "system", "worker"]


def test_an_actor_is_stored_as_its_text(database: Database) -> None:
    actors = [Actor.user("ana"), Actor.application("shop"), Actor.worker("host:12"), Actor.system("sweeper")]
    for actor in actors:
        with database.write() as session:
            record_audit_event(session, actor, "user.create", "user:ben", by=actor)
    with database.read() as session:
        found = list(reversed(list_audit_events(session)))
    assert [(event.actor, event.actor_kind, event.details) for event in found] == [
        (str(actor), actor.kind, {"by": str(actor)}) for actor in actors
    ]
    assert type(found[0].actor) is str
    assert json.dumps({"actor": actors[0]}) == '{"actor": "ana"}'


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("application:shop", ActorKind.APPLICATION),
        ("host-1:4711", ActorKind.WORKER),
        ("sweeper", ActorKind.SYSTEM),
        ("command:root", ActorKind.SYSTEM),
        ("training_run:0197a2b4-5f3e-7c1a-9b2d-3e4f5a6b7c8d", ActorKind.SYSTEM),
        ("shop", None),
    ],
)
def test_the_kind_of_an_older_row_is_read_from_its_text(text: str, kind: ActorKind | None) -> None:
    assert find_kind(text) == kind
    assert Actor.read(text).kind == (kind or ActorKind.USER)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_row_of_the_release_before_is_read(database: Database) -> None:
    """That release doesn't name the column."""
    with database.write() as session:
        row = {"actor": "application:shop", "action": "key.create", "subject": "key:x", "details": {}}
        session.execute(insert(AuditEvent).values(row))
    with database.read() as session:
        event = session.scalars(select(AuditEvent)).one()
        assert (event.actor_kind, event.known_actor_kind) == (None, ActorKind.APPLICATION)
