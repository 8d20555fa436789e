"""The shipped version, stored, and its page."""

import pytest

from db.core.blobs import BlobStore
from db.core.session import Database
from db.core.vocabulary import PRETRAINED_CHAMPION
from db.model_versions.files import store_version
from db.model_versions.tables import ModelVersion
from tests.support.shipped import FOLDER
from tests.support.visitors import Visitor


@pytest.fixture
def version(database: Database, blob_store: BlobStore) -> ModelVersion:
    return store_version(database, blob_store, PRETRAINED_CHAMPION, FOLDER)


@pytest.fixture
def text(viewer: Visitor, version: ModelVersion) -> str:
    return viewer.get(f"/models/{version.number}")
