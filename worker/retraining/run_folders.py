"""Folders in which training runs keep weights and settings."""

import shutil
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.training_runs.lifecycle import get_active_run
from worker.core.services import Services

log = structlog.get_logger(__name__)


def find_run_dir(services: Services, run_id: UUID) -> Path:
    """Return the folder of a run on this machine, whether or not it exists."""
    return services.settings.data_dir / "runs" / str(run_id)


def clear_run_folders(services: Services, held: UUID) -> None:
    """Delete folders of runs that ended elsewhere: canceled while queued, lost, or resumed on another machine.

    held: the current run, whose folder is kept, as are those of queued runs. Errors are logged, not raised.
    """
    try:
        folders = list(find_run_dir(services, held).parent.iterdir())
        with (
            services.database.read() as session
        ):  # queried after listing the folders, so that none belongs to a later run
            active = get_active_run(session)
    except OSError:
        return  # no folder yet
    except SQLAlchemyError as error:
        log.warning("run_folders_not_cleared", reason=str(error))
        return
    kept = {held} if active is None else {held, active.id}
    for folder in folders:
        if _is_of_a_run(folder.name) and UUID(folder.name) not in kept:
            shutil.rmtree(folder, ignore_errors=True)
            log.info("run_folder_deleted", run_id=folder.name)


def _is_of_a_run(name: str) -> bool:
    """Return whether the name is a run's. `emoscope train` makes folders with other names, perhaps in the same data folder."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
