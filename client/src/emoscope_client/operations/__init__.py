"""The operations of the API, as steps. `Client` and `AsyncClient` take signatures and docstrings from here.

All operations raise ApiError if the API returns an error, and ServiceUnreachable if it does not answer. Those that take photos
raise OSError for an unreadable one. Those that wait raise WaitTimeout.
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
    """All operations of the API at an address."""
