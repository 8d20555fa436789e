"""The client's choice of address and key."""

import sys
from pathlib import Path

import platformdirs
import pytest

from emoscope_client import InvalidAddress, NoAddress
from emoscope_client.address import Address, find_address, find_data_dir, read_local_address, write_local_address

LOCAL = Address("http://127.0.0.1:8000", "local key")


def test_what_is_given_comes_before_the_environment_and_that_before_the_local_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_local_address(tmp_path, LOCAL)
    monkeypatch.setenv("EMOSCOPE_DATA_DIR", str(tmp_path))
    assert find_address(None, None) == LOCAL
    assert find_address(None, "mine") == Address(LOCAL.api_url, "mine")
    monkeypatch.setenv("EMOSCOPE_API_URL", "https://emoscope.example/")
    monkeypatch.setenv("EMOSCOPE_API_KEY", "of the environment")
    assert find_address(None, None) == Address("https://emoscope.example", "of the environment")
    assert find_address("http://other", "mine") == Address("http://other", "mine")


def test_the_key_of_the_local_service_goes_to_no_other_address(tmp_path: Path) -> None:
    write_local_address(tmp_path, LOCAL)
    with pytest.raises(NoAddress, match="API key"):
        find_address("https://elsewhere.example", None, tmp_path)
    assert find_address(LOCAL.api_url + "/", None, tmp_path) == LOCAL


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"api_url": "x"}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "client.json").write_text(content)
    assert read_local_address(tmp_path) is None


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    write_local_address(tmp_path, LOCAL)
    assert (tmp_path / "client.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["client.json"]


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "//x"])
def test_an_address_without_a_scheme_is_told_at_once(url: str) -> None:
    with pytest.raises(InvalidAddress, match="http://"):
        find_address(url, "key")


@pytest.mark.parametrize("key", ["a\nb", "schlüssel"])
def test_a_key_that_no_header_takes_is_told_at_once(key: str) -> None:
    with pytest.raises(InvalidAddress, match="API key"):
        find_address("http://x", key)


def test_the_key_is_not_shown() -> None:
    assert "local key" not in repr(LOCAL)


@pytest.mark.parametrize("base", ["", "/srv/data"])
def test_the_default_folder_is_the_one_that_the_server_uses(monkeypatch: pytest.MonkeyPatch, base: str) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", base)
    monkeypatch.delenv("EMOSCOPE_DATA_DIR", raising=False)
    assert find_data_dir() == Path(platformdirs.user_data_dir("emoscope"))


def test_the_default_folder_on_macos_is_the_one_that_the_server_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    from platformdirs.macos import MacOS

    monkeypatch.setattr(sys, "platform", "darwin")
    assert find_data_dir() == Path(MacOS("emoscope").user_data_dir)
