"""Health checks of the service."""

import time

from emoscope_client.health import Alive, Ready
from emoscope_client.operations.requests import Requests
from emoscope_client.steps import Call, Patience, Steps, read_json


class HealthOperations(Requests):
    """Operations on the health of the service."""

    def get_health(self) -> Steps[Alive]:
        """Check whether the API's process answers."""
        return (yield from self._read(Alive, "/healthz"))

    def get_readiness(self) -> Steps[Ready]:
        """Check whether the service can analyse photos, without retries.

        Raises ServerError with the code `not_ready` if it can't; the message says what is missing.
        """
        patience = Patience(1, time.monotonic())
        return Ready.from_json(read_json((yield from self._send_within(Call("GET", "/readyz"), patience))))
