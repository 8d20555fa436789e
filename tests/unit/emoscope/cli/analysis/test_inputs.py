"""Photos named on the command line, without duplicates, in the given order."""

from pathlib import Path

import pytest

from emoscope.cli.analysis.inputs import NoSuchPhoto, find_inputs, read_list

URL = "https://example.com/a.jpg"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("b.jpg", "sub/deep/c.PNG", "sub/a.heic", "sub/notes.txt", ".hidden/d.jpg", "sub/.e.jpg", "plain"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_a_folder_is_taken_with_all_below_it_but_what_is_hidden_or_no_photo_by_its_name() -> None:
    found = find_inputs(["."])
    assert list(found.names) == ["./b.jpg", "./sub/a.heic", "./sub/deep/c.PNG"]
    assert found.skipped == 2


def test_a_file_that_is_named_itself_is_taken_whatever_its_name_is() -> None:
    assert list(find_inputs(["plain", "sub/notes.txt", ".hidden/d.jpg"]).names) == [
        "plain",
        "sub/notes.txt",
        ".hidden/d.jpg",
    ]


def test_patterns_are_read_where_the_shell_left_them() -> None:
    assert list(find_inputs(["**/*.PNG", "*.jp*g"]).names) == ["sub/deep/c.PNG", "b.jpg"]
    assert list(find_inputs(["s*"]).names) == []  # a folder that fits a pattern is no photo


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder: Path) -> None:
    (folder / "[b].jpg").touch()
    assert list(find_inputs(["[b].jpg"]).names) == ["[b].jpg"]


def test_each_photo_is_there_once_and_urls_stay_as_they_are() -> None:
    assert list(find_inputs([URL, "b.jpg", ".", URL, "./b.jpg", "b.jpg"]).names) == [
        URL,
        "b.jpg",
        "./b.jpg",
        "./sub/a.heic",
        "./sub/deep/c.PNG",
    ]


@pytest.mark.parametrize(("name", "reason"), [("nothing.jpg", "no file or folder"), ("*.gif", "no file matches")])
def test_what_is_not_there_is_named(name: str, reason: str) -> None:
    with pytest.raises(NoSuchPhoto, match=reason):
        find_inputs(["b.jpg", name])


def test_links_to_folders_are_not_followed_for_ever(folder: Path) -> None:
    (folder / "sub/loop").symlink_to(folder)
    assert len(find_inputs(["."]).names) == 3


def test_a_list_has_a_name_in_each_line_that_may_have_spaces() -> None:
    assert read_list("a b.jpg\r\n\n  \nhttps://example.com/x\n.c") == ["a b.jpg", "https://example.com/x", ".c"]
