"""Every operation of the API that the clients offer, as steps. `Client` and `AsyncClient` take signatures and docstrings from here.

All operations raise ApiError where the API refuses, and ServiceUnreachable where it does not answer. Those that take photos raise
OSError for one that can't be read. Those that wait raise WaitTimeout.
"""

from emoscope_client.operations.batches import BatchOperations
from emoscope_client.operations.exports import ExportOperations
from emoscope_client.operations.health import HealthOperations
from emoscope_client.operations.jobs import JobOperations
from emoscope_client.operations.keys import KeyOperations
from emoscope_client.operations.model_versions import ModelVersionOperations
from emoscope_client.operations.requests import read_cursor
from emoscope_client.operations.webhooks import WebhookOperations

__all__ = ["Operations", "read_cursor"]


class Operations(
    JobOperations,
    BatchOperations,
    ExportOperations,
    ModelVersionOperations,
    WebhookOperations,
    KeyOperations,
    HealthOperations,
):
    """The operations of the API at an address."""
