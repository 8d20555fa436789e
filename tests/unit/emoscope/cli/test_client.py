"""The service that a command connects to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from emoscope.cli.client import open_client
from emoscope_client import NoAddress
from emoscope_client.address import Address, write_local_address


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_settings: Callable[[], None]) -> Path:
    monkeypatch.setenv("EMOSCOPE_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fresh_settings()
    return tmp_path


def test_without_a_service_it_says_how_to_start_one() -> None:
    with pytest.raises(NoAddress, match="emoscope up"):
        open_client()


def test_the_stack_of_the_data_folder_is_found(folder: Path) -> None:
    write_local_address(folder, Address("http://127.0.0.1:1", "local key"))
    with open_client() as client:
        assert client.address == Address("http://127.0.0.1:1", "local key")


def test_the_env_file_names_another(folder: Path) -> None:
    write_local_address(folder, Address("http://127.0.0.1:1", "local key"))
    (folder / ".env").write_text("EMOSCOPE_API_URL=http://127.0.0.1:2\nEMOSCOPE_API_KEY=its key\n")
    with open_client() as client:
        assert client.address == Address("http://127.0.0.1:2", "its key")
