"""Provisions an installation before processes start: newest schema, shipped models, and a key for this machine."""

from collections.abc import Callable
from pathlib import Path

from db.accounts import api_keys
from db.core import migrate
from db.core.actors import EMOSCOPE
from db.core.blobs import BlobStore
from db.core.session import Database
from db.core.vocabulary import PRETRAINED_CHAMPION, Scope
from db.model_versions import actions as model_versions
from db.model_versions.files import find_stored, store_version
from emoscope.cli.program import name_program
from emoscope.settings import Settings
from emoscope_client.address import read_local_address
from training.export.artifact import list_pretrained, read_manifest

LOCAL_APPLICATION = "local"
"""The application of the command line and clients on this machine."""

Progress = Callable[[str], None]


def provision(settings: Settings, progress: Progress) -> str:
    """Upgrade the database, register the shipped models, and return a valid key of the local application.

    Safe to call at each start, and by several machines at once.
    """
    database = Database(settings.effective_database_url)
    try:
        migrate.upgrade(database)
        register_shipped_models(database, BlobStore(settings.effective_blob_url, settings.s3_options), progress)
        return _ensure_local_key(database, settings)
    finally:
        database.close()


def register_shipped_models(database: Database, blobs: BlobStore, progress: Progress) -> None:
    """Store the model versions that come with this release, and promote one if none is in service.

    Known versions are kept unchanged, and so is a champion chosen by users or the gate.
    """
    for name, folder in list_pretrained().items():
        version_number = _register(database, blobs, name, folder, progress)
        if name == PRETRAINED_CHAMPION:
            with database.write() as session:
                if model_versions.get_champion(session) is None:
                    version = model_versions.get_version(session, version_number)
                    model_versions.promote(session, version, EMOSCOPE, "the version that comes with this release")
    with database.read() as session:
        unused = model_versions.find_unused_release(session)
        champion = model_versions.get_champion(session)
    if unused is not None and champion is not None:
        progress(f"version {champion.number} stays in service; {advise_on_release(unused.number)}")


def advise_on_release(number: int) -> str:
    """Return advice about a version that came with a release while another one is in service."""
    return (
        f"version {number} came with a newer release: compare them on the page Models, and put it in service with "
        f"`{name_program()} models promote {number} --reason WHY`"
    )


def _register(database: Database, blobs: BlobStore, name: str, folder: Path, progress: Progress) -> int:
    """Store a version unless it is stored. Returns its number."""
    known = find_stored(database, folder)
    if known is None:
        progress(f"registering the model {name!r}")
        read_manifest(folder)
        known = store_version(database, blobs, name, folder)
    return known.number


def _ensure_local_key(database: Database, settings: Settings) -> str:
    local = read_local_address(settings.data_dir)
    with database.write() as session:
        known = api_keys.find_key(session, local.api_key) if local is not None else None
        if local is not None and known is not None:
            # access to this machine's files already allows everything
            api_keys.widen_key(session, known, Scope, actor=EMOSCOPE)
            return local.api_key
        application = api_keys.ensure_application(session, LOCAL_APPLICATION)
        return api_keys.create_key(session, application, Scope, actor=EMOSCOPE)
