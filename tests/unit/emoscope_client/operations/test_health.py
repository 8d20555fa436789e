"""Health checks, on the real application."""

import pytest

from emoscope_client import Client, ServerError


def test_the_process_is_alive_though_the_service_is_not_ready(client: Client) -> None:
    assert client.get_health().status == "alive"
    with pytest.raises(ServerError, match="workers") as missing:
        client.get_readiness()
    assert missing.value.code == "not_ready"
