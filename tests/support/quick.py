"""Which tests are left out: those marked `long` without `--long`, and with `--quick` all that need a server or a browser.

Hooks that conftest.py takes from here.
"""

import pytest

SLOW_FIXTURES = {"postgresql_url", "make_postgresql_database", "browser", "start_service"}
"""What starts a server or a program that takes long to start."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--quick` and `--long`."""
    parser.addoption("--quick", action="store_true", help="SQLite alone: no PostgreSQL, no browser, no running service")
    parser.addoption("--long", action="store_true", help="also the tests marked long: make test-long runs them alone")


def leave_out_slow(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that neither option asks for."""
    left_out = set[pytest.Item]()
    if not config.getoption("--long"):
        left_out.update(item for item in items if item.get_closest_marker("long"))
    if config.getoption("--quick"):
        left_out.update(item for item in items if _is_slow(item))
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


def _is_slow(item: pytest.Item) -> bool:
    names = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    parameters = callspec.params.values() if callspec is not None else ()
    return bool(names & SLOW_FIXTURES) or any(
        parameter == "postgresql" for parameter in parameters if isinstance(parameter, str)
    )
