"""Secrets that sign webhook calls."""

import base64
from datetime import timedelta

from db.accounts.signing_secrets import list_valid, make_secret
from db.core.types import utcnow


def test_a_secret_has_the_standards_form_and_is_never_the_same() -> None:
    first, second = make_secret(), make_secret()
    assert first != second
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 24


def test_the_secret_before_signs_until_its_overlap_is_over() -> None:
    later, earlier = utcnow() + timedelta(seconds=60), utcnow() - timedelta(seconds=1)
    assert list_valid("new", "old", later) == ["new", "old"]
    for previous, until in (("old", earlier), ("old", None), (None, later)):
        assert list_valid("new", previous, until) == ["new"]
