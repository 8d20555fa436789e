from db.accounts.audit_log import AuditFilter, list_audit_events
from db.core.session import Database
from tests.support.factories.model_versions import add_version
from tests.support.factories.training_runs import claim, decide, snapshot, start


def test_the_end_of_a_run_names_its_challenger_in_the_log_of_changes(database: Database) -> None:
    old, new = add_version(database, "old", is_champion=True), add_version(database, "new")
    for is_promoted in (False, True):
        held = claim(database, start(database))
        snapshot(database, held, old)
        decide(database, held, new, is_promoted=is_promoted)
        with database.read() as session:
            ended, *earlier = list_audit_events(session, AuditFilter(subject=f"training_run:{held.run_id}"))
        assert ended.details == {"attempt": 1, "reason": "because", "challenger": new.number}
        assert not any("challenger" in event.details for event in earlier)
