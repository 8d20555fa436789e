"""Model versions: list and read them."""

from emoscope_client.model_versions import ModelVersion, ModelVersionList
from emoscope_client.operations.requests import Requests
from emoscope_client.steps import Steps


class ModelVersionOperations(Requests):
    """Operations on model versions."""

    def list_model_versions(self) -> Steps[ModelVersionList]:
        """List all model versions, newest first."""
        return (yield from self._read(ModelVersionList, "/v1/model-versions"))

    def get_model_version(self, number: int) -> Steps[ModelVersion]:
        """Read a model version."""
        return (yield from self._read(ModelVersion, f"/v1/model-versions/{number}"))

    def get_champion(self) -> Steps[ModelVersion]:
        """Read the model version in service."""
        return (yield from self._read(ModelVersion, "/v1/model-versions/champion"))
