"""What a version says of where it comes from. The whole way from a run to a version: tests/unit/training/test_pipeline.py."""

import subprocess
from collections.abc import Callable

import pytest

from training.export import version as module
from training.export.version import _without_folders, find_code_version


def test_a_version_does_not_tell_where_files_lay() -> None:
    settings = {"csv_path": "/home/ana/data/fer.csv", "votes_path": None, "seed": 3, "path_of_life": "/x"}
    assert _without_folders(settings) == {"csv_path": "fer.csv", "votes_path": None, "seed": 3, "path_of_life": "/x"}


def test_code_is_named_by_its_commit_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "version", lambda _name: "1.2")

    def answer(status: int, out: str = "") -> Callable[..., subprocess.CompletedProcess[str]]:
        return lambda *_, **__: subprocess.CompletedProcess([], status, out, "")

    monkeypatch.setattr(subprocess, "run", answer(0, "abc123\n"))
    assert find_code_version() == "1.2+abc123"
    monkeypatch.setattr(subprocess, "run", answer(128))
    assert find_code_version() == "1.2"


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("git", 1)])
def test_a_machine_without_git_has_a_version_too(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert find_code_version()
