"""The operations on model versions, on the real application."""

from typing import Any

import pytest

from emoscope_client import Client, NotFound


def test_versions_are_listed_and_the_one_in_service_is_told(client: Client, worker: Any) -> None:
    """worker: with it a version is in service."""
    listed = client.list_model_versions().items
    assert [version.number for version in listed] == [1]
    assert client.get_champion() == client.get_model_version(1) == listed[0]
    assert listed[0].is_champion
    with pytest.raises(NotFound) as caught:
        client.get_model_version(2)
    assert caught.value.code == "unknown_model_version"
