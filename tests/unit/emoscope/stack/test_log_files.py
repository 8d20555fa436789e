"""Logs stay within their limits; a full disk only loses lines."""

import os
from pathlib import Path

import pytest

from emoscope.stack.log_files import LogFile


def list_sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def test_files_are_bounded_in_size_and_number(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "api.log", max_bytes=1000, older_files=2)
    for number in range(500):
        log.write(f"{number:99}\n".encode())
    sizes = list_sizes(tmp_path)
    assert set(sizes) == {"api.log", "api.log.1", "api.log.2"}
    assert all(size <= 1000 for size in sizes.values())
    kept = [(tmp_path / name).read_text().split() for name in ("api.log.2", "api.log.1", "api.log")]
    lines = [int(word) for words in kept for word in words]
    assert lines == list(range(lines[0], 500))
    assert len(lines) >= 20


def test_one_huge_write_is_bounded_too(tmp_path: Path) -> None:
    LogFile(tmp_path / "api.log", max_bytes=1000, older_files=2).write(b"x" * 100_000)
    assert all(size <= 1000 for size in list_sizes(tmp_path).values())


def test_a_log_goes_on_where_an_earlier_start_left_it(tmp_path: Path) -> None:
    for _ in range(30):
        log = LogFile(tmp_path / "api.log", max_bytes=1000, older_files=1)
        log.write(b"y" * 100)
        log.close()
    assert all(size <= 1000 for size in list_sizes(tmp_path).values())


def test_files_are_private(tmp_path: Path) -> None:
    LogFile(tmp_path / "api.log").write(b"x")
    assert (tmp_path / "api.log").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_costs_lines_and_is_told_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogFile(tmp_path / "api.log")
    log.write(b"before\n")

    def refuse(_descriptor: int, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        log.write(b"lost\n")
        log.write(b"lost too\n")
    log.write(b"after\n")
    log.write(b"later\n")
    assert (tmp_path / "api.log").read_text() == "before\n(14 bytes of this log could not be written)\nafter\nlater\n"


def test_a_folder_that_is_gone_raises_nothing(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "missing" / "api.log")
    log.write(b"lost")
    assert log.read_tail() == "(no log)"
    (tmp_path / "missing").mkdir()
    log.write(b"there\n")
    assert log.read_tail().endswith("there")
