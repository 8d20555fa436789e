"""The same access rule for everything that belongs to a job."""

from collections.abc import Callable

import pytest
from apiflask import APIFlask

from db.core.vocabulary import Scope
from tests.support.opening import Opener

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_key_that_may_not_read_a_job_reads_nothing_of_it(
    app: APIFlask, open_client: Opener, submit: Callable[..., str]
) -> None:
    """Of its own application, so that nothing else refuses it. Every route of a job is asked, also those of the future."""
    job_id = submit()
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v1/jobs/<uuid:job_id>")]
    calls = [
        (method, rule.rule) for rule in rules for method in rule.methods or () if method not in {"HEAD", "OPTIONS"}
    ]
    assert len(calls) >= 7
    reviewer, owner = open_client("shop", Scope.REVIEW), open_client("shop", Scope.SUBMIT)
    for method, path in sorted(calls):  # DELETE comes first in the alphabet
        refused = reviewer.open(path.replace("<uuid:job_id>", job_id), method=method)
        assert (refused.status_code, refused.get_json()["code"]) == (403, "scope_missing"), (method, path)
    for method, path in sorted(calls, reverse=True):
        allowed = owner.open(path.replace("<uuid:job_id>", job_id), method=method)
        assert allowed.status_code != 403, (method, path)
