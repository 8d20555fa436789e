"""A new installation is emptied before a restore or transfer; one with data of its own is refused."""

from collections.abc import Callable

import pytest

from db.accounts.audit_log import record_audit_event
from db.core.actors import EMOSCOPE, Actor
from db.moving.errors import CannotMove
from db.moving.newness import empty_new_database
from db.moving.rows import list_tables
from db.moving.transfer import Side
from emoscope.stack.provision import register_shipped_models
from tests.unit.db.moving.conftest import be_quiet, read_digests

MakeSide = Callable[[str], Side]


def empty(side: Side) -> None:
    with side.database.engine.execution_options(emoscope_writes=True).begin() as connection:
        empty_new_database(connection, {table.name: table for table in list_tables()})


def test_what_migrate_makes_by_itself_is_no_data_of_its_own(make_side: MakeSide) -> None:
    side = make_side("sqlite")
    as_new = read_digests(side)
    register_shipped_models(side.database, side.blobs, be_quiet)
    filled = read_digests(side)
    assert {name for name in filled if filled[name] != as_new[name]} == {
        "model_versions", "model_aliases", "promotions", "audit_events",
    }  # fmt: skip
    empty(side)
    assert read_digests(side) == as_new


@pytest.mark.parametrize("actor", [Actor.user("ana"), Actor.command("root"), Actor.application("shop")])
def test_anything_that_somebody_did_is(make_side: MakeSide, actor: Actor) -> None:
    side = make_side("sqlite")
    with side.database.write() as session:
        record_audit_event(session, EMOSCOPE, "model.register", "model_version:1")
        record_audit_event(session, actor, "user.create", "user:ana")
    before = read_digests(side)
    with pytest.raises(CannotMove, match="audit_events"):
        empty(side)
    assert read_digests(side) == before
