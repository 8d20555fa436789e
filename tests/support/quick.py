"""`pytest --quick`: SQLite alone, no PostgreSQL, no browser, no running service. Hooks that conftest.py takes from here."""

import pytest

SLOW_FIXTURES = {"postgresql_url", "make_postgresql_database", "browser", "start_service"}
"""What starts a server or a program that takes long to start."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--quick`."""
    parser.addoption("--quick", action="store_true", help="SQLite alone: no PostgreSQL, no browser, no running service")


def leave_out_slow(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that need one of those, where `--quick` is given."""
    if not config.getoption("--quick"):
        return
    slow = [item for item in items if _is_slow(item)]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in set(slow)]


def _is_slow(item: pytest.Item) -> bool:
    names = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    parameters = callspec.params.values() if callspec is not None else ()
    return bool(names & SLOW_FIXTURES) or any(
        parameter == "postgresql" for parameter in parameters if isinstance(parameter, str)
    )
