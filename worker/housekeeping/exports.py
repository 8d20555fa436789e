"""Writes exports: one at a time per process, because each keeps a core busy."""

import threading
from uuid import UUID

import structlog

from db.core.actors import Actor
from db.core.blobs import BlobStoreUnavailable
from db.exports.actions import delete_export, list_expired_exports, list_waiting_exports, write_export
from worker.core.messages import send_export
from worker.core.services import Services

log = structlog.get_logger(__name__)

_ACTOR = Actor.system("sweeper")
_MOST_AT_ONCE = 100
_place = threading.BoundedSemaphore(1)


def write(services: Services, export_id: UUID) -> None:
    """Write an export's file, unless this process is writing another one: then the sweeper sends it again."""
    if not _place.acquire(blocking=False):
        return
    try:
        export = write_export(
            services.database,
            services.blobs,
            export_id,
            services.settings.data_dir,
            retention_s=services.settings.export_retention_s,
        )
    except (BlobStoreUnavailable, OSError) as error:
        log.warning("export_not_stored", export_id=str(export_id), reason=str(error))
        return
    finally:
        _place.release()
    if export is not None:
        log.info("export_written", export_id=str(export_id), rows=export.row_count, bytes=export.byte_count)
        services.announce(export_id)


def look_after_exports(services: Services) -> None:
    """Send exports again that no worker is writing, and delete expired ones."""
    with services.database.read() as session:
        waiting = list_waiting_exports(session, _MOST_AT_ONCE)
        expired = list_expired_exports(session, _MOST_AT_ONCE)
    for export_id in waiting[:1]:
        send_export(export_id)
    for export_id in expired:
        try:
            delete_export(services.database, services.blobs, export_id, actor=_ACTOR)
        except BlobStoreUnavailable as error:
            log.warning("export_not_deleted", export_id=str(export_id), reason=str(error))
