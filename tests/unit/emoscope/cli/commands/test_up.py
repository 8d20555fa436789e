"""What `emoscope up` prints when the stack is ready."""

from pathlib import Path

from emoscope.cli.commands.up import _write_greeting
from emoscope.settings import Settings
from emoscope_client.address import Address


def test_the_greeting_says_where_and_what_next_to_the_letter(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / "[red]data")
    said = _write_greeting(settings, Address("http://127.0.0.1:8123", "the key"))
    assert "http://127.0.0.1:8123/docs" in said
    assert str(settings.data_dir) in said
    assert "user create NAME" in said
    assert "the key" not in said
