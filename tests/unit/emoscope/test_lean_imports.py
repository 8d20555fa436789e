"""What the processes of the service import, and what they leave out."""

import subprocess
import sys

import pytest


def list_imported(statement: str, *packages: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*[name for name in {packages!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["worker.core.app", "api.core.gunicorn_config, api.core.app"])
def test_processes_leave_out_what_they_never_use(module: str) -> None:
    unused = ("rich", "opentelemetry", "prompt_toolkit", "tensorflow")
    assert list_imported(f"import {module}, structlog, redis", *unused, "redis") == {"redis"}


def test_what_was_left_out_can_be_imported_later() -> None:
    statement = "import emoscope.lean_imports, redis, structlog, rich.console\nfrom opentelemetry import trace"
    assert list_imported(statement, "rich", "opentelemetry") == {"rich", "opentelemetry"}


def test_what_is_imported_already_stays() -> None:
    assert list_imported("import rich, emoscope.lean_imports, structlog", "rich", "structlog") == {"rich", "structlog"}
