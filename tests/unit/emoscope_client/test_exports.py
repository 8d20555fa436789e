"""Exports, as the client parses them."""

import pytest

from emoscope_client import Client, Export, UnexpectedAnswer


def test_an_export_is_read_from_json_and_written_again(client: Client) -> None:
    plain = client.create_export().to_json()
    again = Export.from_json(plain)
    assert again.to_json() == plain
    for status, has_ended in (("running", False), ("succeeded", True), ("failed", True), ("canceled", True)):
        assert Export.from_json({**plain, "status": status}).has_ended is has_ended
    with pytest.raises(UnexpectedAnswer, match="row_count"):
        Export.from_json({**plain, "row_count": "many"})
