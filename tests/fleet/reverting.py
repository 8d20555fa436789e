"""The schema is reverted by the page, the release before works on its own schema, and an upgrade follows."""

from typing import Any

from db.core.schema import list_known_revisions
from tests.fleet.pages import read_commands
from tests.fleet.project import Fleet
from tests.fleet.steps import analyze

_PAGE = "upgrade-and-roll-back"


def revert_schema(fleet: Fleet, key: str) -> dict[str, Any]:
    """Revert to the newest migration of the release before, run that release, and upgrade again."""
    newest, before = list_known_revisions()[:2]
    stop_and_revert, start = read_commands(_PAGE, "Revert the schema")
    fleet.type_in(stop_and_revert, {"REVISION": before})
    assert _read_revision(fleet) == before
    fleet.use_release("before")
    fleet.type_in(start)
    assert _read_revision(fleet) == before, "the release before ran on its own schema"
    analyze(fleet, key)
    fleet.use_release("now")
    fleet.follow(_PAGE, "Upgrade")
    assert _read_revision(fleet) == newest
    return {"from": newest, "to": before}


def _read_revision(fleet: Fleet) -> str:
    return fleet.ask_database("SELECT version_num FROM alembic_version")
