"""Ports and ranges in settings."""

import pytest

from emoscope.settings.ports import parse_ports


def test_numbers_and_ranges_include_their_ends() -> None:
    assert parse_ports("80, 443 ,1024-65535") == [range(80, 81), range(443, 444), range(1024, 65536)]


@pytest.mark.parametrize("written", ["", "80,", "http", "80;443", "8 0", "-5", "80-", "٨٠"])
def test_what_is_no_port_is_named(written: str) -> None:
    with pytest.raises(ValueError, match="ports and ranges between commas"):
        parse_ports(written)


@pytest.mark.parametrize("written", ["0", "443-80", "65536", "0-80"])
def test_ports_that_do_not_exist_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=f"'{written}' doesn't"):
        parse_ports(f"80,{written}")
