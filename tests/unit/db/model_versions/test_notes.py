"""Notes on versions."""

import pytest

from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.session import Database
from db.model_versions.notes import MOST_CHARACTERS, InvalidNote, add_note, list_notes
from db.model_versions.tables import ModelVersion
from tests.support.factories.actors import ANA

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Versions = tuple[ModelVersion, ModelVersion]


def test_a_versions_notes_are_its_own_newest_first_and_logged(database: Database, versions: Versions) -> None:
    first, second = versions
    with database.write() as session:
        for version, text in ((first, " slow \n"), (second, "better"), (first, "not so slow")):
            add_note(session, version, text, ANA)
    with database.read() as session:
        assert [(note.text, note.actor) for note in list_notes(session, first)] == [("not so slow", ANA), ("slow", ANA)]
        assert [note.text for note in list_notes(session, second)] == ["better"]
        events = list_audit_events(session, AuditFilter(action="model.note"))
    assert [(each.actor, each.subject) for each in events] == [
        (ANA, f"model_version:{version.number}") for version in (first, second, first)
    ]


def test_a_note_has_one_character_at_least_and_an_end(database: Database, versions: Versions) -> None:
    with database.write() as session:
        for text in ("", " \n", "x" * (MOST_CHARACTERS + 1)):
            with pytest.raises(InvalidNote):
                add_note(session, versions[0], text, ANA)
        for text in ("x", f" {'x' * MOST_CHARACTERS} "):
            assert add_note(session, versions[0], text, ANA).text == text.strip()
    with database.read() as session:
        assert len(list_notes(session, versions[0])) == 2
