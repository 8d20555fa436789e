"""Model versions, as the API returns them."""

from datetime import datetime

from emoscope_client.result import Result


class ModelVersion(Result):
    """A trained model. `model_version` of a face refers to it.

    is_champion: whether it is in service. manifest: files, class order, metrics and lineage.
    """

    number: int
    name: str
    architecture: str
    digest: str
    is_champion: bool
    is_challenger: bool
    created_at: datetime
    manifest: dict[str, object]


class ModelVersionList(Result):
    """All model versions, newest first. unused_release: a version that came with a newer release and was never in service."""

    items: tuple[ModelVersion, ...]
    unused_release: int | None
