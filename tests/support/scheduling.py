"""In which process, and in which order, test files run. Hooks that conftest.py takes from here."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support.quick import leave_out_slow

SHARES_SERVICE = ("test_command_line.py", "test_photo_to_emotions.py", "test_soak.py", "test_fuzz.py")
"""Test files that use the running service of tests/acceptance/conftest.py, which stops after the last of them."""
_SLOWEST = (
    "test_retraining_loop.py",
    *SHARES_SERVICE,
    "test_runs_with_a_csv_alone.py",
    "test_runner.py",
    "test_training.py",
    "test_pipeline.py",
    "test_up.py",
    "test_recovery.py",
    "test_loop.py",
)


class SchedulingByFile(LoadScopeScheduling):  # type: ignore[misc] # which has no types
    """Where tests run in several processes, keep those together that share what is slow to start: a file's, or a service's.

    xdist's own groups (`--dist loadgroup`) do nothing with pytest 9.2: https://github.com/pytest-dev/pytest-xdist/issues/1386
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "service" if path.endswith(SHARES_SERVICE) else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return SchedulingByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The slowest files first, so that no process is left alone with one of them in the end."""
    leave_out_slow(config, items)
    items.sort(key=lambda item: _SLOWEST.index(item.path.name) if item.path.name in _SLOWEST else len(_SLOWEST))
