"""An audit that looked nothing up says that it was skipped, not that nothing was found."""

import re
from typing import Any

import pytest

from tests.docs.audit import read_audit

GOOD = {"name": "flask", "version": "3.1.3", "vulns": []}
BAD = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": []}]}
UNKNOWN = {"name": "six", "skip_reason": "Dependency not found on PyPI and could not be audited: six (1.17.0)"}


@pytest.mark.parametrize(
    ("packages", "said"),
    [
        ([UNKNOWN, UNKNOWN], "SKIPPED: .* none of 2 packages"),
        ([GOOD, UNKNOWN], "1 packages looked up, 1 could not be looked up, 0 known"),
        ([GOOD, BAD], "2 packages looked up, 1 known vulnerabilities\nold 1.0: PYSEC-1, mended in 1.1"),
    ],
)
def test_what_was_looked_up_is_said(packages: list[dict[str, Any]], said: str) -> None:
    audit = read_audit({"dependencies": packages})
    assert (audit.is_skipped, len(audit.vulnerable)) == (GOOD not in packages, packages.count(BAD))
    assert re.fullmatch(said + ".*", audit.describe())
