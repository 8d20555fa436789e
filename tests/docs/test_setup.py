"""`make setup` ends with a clear message if it can't continue, and leaves nothing half finished."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OFFLINE = {"UV_OFFLINE": "1", "PIP_NO_INDEX": "1"}


@pytest.fixture
def fresh_copy(tmp_path: Path) -> Path:
    """What `make` needs of a copy that nothing was set up in."""
    for name in ("Makefile", "pyproject.toml", "uv.lock", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("scripts", "client"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def make(folder: Path, *arguments: str, **environment: str) -> list[str]:
    """Run make, which is to fail, and return what it said, without make's own last line."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "UV_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=plain | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    *said, last = done.stderr.splitlines()
    assert last.startswith("make: ***")
    return said


def test_without_a_network_it_says_that_uv_could_not_be_installed(fresh_copy: Path) -> None:
    said = make(fresh_copy, "demo", "UV=.uv/bin/uv", **OFFLINE)
    assert said[-1] == "Error: uv could not be installed; is the package index reachable?"
    assert not (fresh_copy / ".uv").exists()


def test_without_a_network_it_says_that_the_dependencies_could_not_be_installed(
    fresh_copy: Path, tmp_path: Path
) -> None:
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    said = make(fresh_copy, "demo", f"UV={uv}", UV_CACHE_DIR=str(tmp_path / "cache"), **OFFLINE)
    assert (
        said[-1]
        == "Error: the dependencies could not be installed. Is the package index reachable, and is there disk space?"
    )
    assert not (fresh_copy / ".venv" / ".synced").exists()


def test_an_old_python_is_told(fresh_copy: Path) -> None:
    old = fresh_copy / "bin" / "python3"
    old.parent.mkdir()
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    said = make(fresh_copy, "demo", "UV=.uv/bin/uv", PATH=f"{old.parent}:{os.environ['PATH']}")
    assert said[-1] == "Error: python3 is 3.9.2; Emoscope needs Python 3.11 or newer"


@pytest.mark.parametrize(("card", "extras"), [("/dev/null", []), ("/dev/no-such-card", ["--no-extra", "gpu"])])
def test_what_a_card_needs_is_installed_where_there_is_one(fresh_copy: Path, card: str, extras: list[str]) -> None:
    """make says what it would do; the card is any file that is there, or none."""
    command = ["make", "--dry-run", "setup", f"CARD={card}", "UV=uv"]
    done = subprocess.run(command, cwd=fresh_copy, capture_output=True, text=True, timeout=60, check=True)
    (sync,) = (line.split() for line in done.stdout.splitlines() if line.startswith("uv sync"))
    assert sync[: sync.index("||")] == ["uv", "sync", "--frozen", "--all-extras", *extras]
