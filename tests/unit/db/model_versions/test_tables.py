"""Rows of model versions."""

from db.core.vocabulary import Architecture
from db.model_versions.tables import ModelVersion
from tests.support.factories.model_versions import make_manifest


def test_a_versions_manifest_is_read_as_a_document() -> None:
    stored = make_manifest(files={"model.keras": {"sha256": "a" * 64, "bytes": 3}}, temperature=1.5)
    version = ModelVersion(number=1, name="v", architecture=Architecture.REPORT, digest="d" * 64, manifest=stored)
    assert (version.document.keras_sha256, version.document.temperature) == ("a" * 64, 1.5)
