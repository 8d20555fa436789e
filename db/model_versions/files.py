"""Copies a model version between its folder, the blob store and the table of versions."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from db.core.actors import EMOSCOPE, Actor
from db.core.blobs import BlobStore, make_model_key
from db.core.session import Database
from db.model_versions import actions as model_versions
from db.model_versions.manifest import Manifest
from db.model_versions.tables import ModelVersion

MANIFEST = "manifest.json"


def find_stored(database: Database, folder: Path) -> ModelVersion | None:
    """Return the version in `folder` if it is already stored."""
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    with database.read() as session:
        return model_versions.find_version_by_digest(session, digest)


def store_version(
    database: Database, blobs: BlobStore, name: str, folder: Path, actor: Actor = EMOSCOPE
) -> ModelVersion:
    """Store the version in `folder` under the next number, files first; or return it if it is stored already.

    folder: a manifest, validated by the caller, and the files that it names.
    actor: for the audit log.
    Raises BlobStoreUnavailable.
    """
    manifest_bytes = (folder / MANIFEST).read_bytes()
    digest = hashlib.sha256(manifest_bytes).hexdigest()
    manifest = json.loads(manifest_bytes)
    blobs.put(make_model_key(digest), manifest_bytes)
    for file_name, record in Manifest.read(manifest).files.items():
        blobs.put(make_model_key(record.sha256), (folder / file_name).read_bytes())
    with database.write() as session:
        # Another machine may have stored it first.
        known = model_versions.find_version_by_digest(session, digest)
        return known or model_versions.add_version(session, name, digest, manifest, actor)


def fetch_version(blobs: BlobStore, version: ModelVersion, folder: Path) -> Path:
    """Copy a version from the blob store into `folder`, atomically, unless it is there. Returns the folder.

    Raises BlobMissing, BlobDamaged, BlobStoreUnavailable.
    """
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        (draft / MANIFEST).write_bytes(blobs.get(make_model_key(version.digest), version.digest))
        for file_name, record in version.document.files.items():
            (draft / Path(file_name).name).write_bytes(blobs.get(make_model_key(record.sha256), record.sha256))
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder
