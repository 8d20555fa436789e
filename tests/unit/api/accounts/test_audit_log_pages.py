"""The audit log as a page."""

import re

from db.accounts.audit_log import record_audit_event
from db.core.actors import Actor
from db.core.session import Database
from tests.support.databases import only_sqlite
from tests.support.visitors import Visitor


@only_sqlite
def test_the_log_is_paged_and_keeps_what_was_asked_for(administrator: Visitor, database: Database) -> None:
    with database.write() as session:
        for number in range(60):
            record_audit_event(session, Actor.user("ana"), "user.create", f"user:n{number:02}")
        record_audit_event(session, Actor.user("ben"), "user.disable", "user:<b>")
    shown = administrator.get("/audit", actor="ana")
    assert "n59" in shown
    assert "n10" in shown
    assert "n09" not in shown
    assert "&lt;b&gt;" not in shown
    older = re.search(r'href="(/audit\?[^"]*before=\d+[^"]*)"', shown)
    assert older is not None
    second = administrator.get(older[1].replace("&amp;", "&"))
    assert "n09" in second
    assert "n10" not in second
    assert "&lt;b&gt;" in administrator.get("/audit", actor="ben")


@only_sqlite
def test_administrators_alone_read_it(viewer: Visitor) -> None:
    assert viewer.client.get("/audit").status_code == 403
