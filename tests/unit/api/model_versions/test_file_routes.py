"""A version's card and training curves over HTTP."""

import json

import pytest
from flask.testing import FlaskClient

from db.core.blobs import BlobStore, make_model_key
from db.core.session import Database
from db.core.vocabulary import PRETRAINED_CHAMPION
from db.model_versions.files import store_version
from db.model_versions.tables import ModelVersion
from training.export.artifact import PRETRAINED_DIR

FOLDER = PRETRAINED_DIR / PRETRAINED_CHAMPION


@pytest.fixture
def shipped(database: Database, blob_store: BlobStore) -> ModelVersion:
    return store_version(database, blob_store, PRETRAINED_CHAMPION, FOLDER)


def test_card_and_curves_are_those_of_the_version(client: FlaskClient, shipped: ModelVersion) -> None:
    card = client.get(f"/v1/model-versions/{shipped.number}/card")
    assert (card.mimetype, card.text) == ("text/markdown", (FOLDER / "model_card.md").read_text())
    history = client.get(f"/v1/model-versions/{shipped.number}/history").get_json()
    assert history == json.loads((FOLDER / "history.json").read_text())


@pytest.mark.parametrize("name", ["card", "history"])
def test_a_version_without_the_file_says_so(
    client: FlaskClient, champion: ModelVersion, shipped: ModelVersion, blob_store: BlobStore, name: str
) -> None:
    file_name = {"card": "model_card.md", "history": "history.json"}[name]
    blob_store.delete(make_model_key(shipped.manifest["files"][file_name]["sha256"]))
    for number, code in (
        (champion.number, "not_found"),
        (shipped.number, "not_found"),
        (10**20, "unknown_model_version"),
    ):
        answer = client.get(f"/v1/model-versions/{number}/{name}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, code)
