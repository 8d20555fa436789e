"""Where training runs keep weights and settings while they go on, and what becomes of what they leave."""

import shutil
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.training_runs.lifecycle import get_active_run
from worker.core.services import Services

log = structlog.get_logger(__name__)


def find_run_dir(services: Services, run_id: UUID) -> Path:
    """The folder of a run on this machine, whether or not it is there."""
    return services.settings.data_dir / "runs" / str(run_id)


def clear_run_folders(services: Services, held: UUID) -> None:
    """Delete the folders of runs that ended out of this machine's hands: canceled while they waited, lost, or taken up elsewhere.

    held: the run in hand, which stays, as does one that waits. Nothing is raised: a folder more hinders nobody.
    """
    try:
        folders = list(find_run_dir(services, held).parent.iterdir())
        with services.database.read() as session:  # after the folders were listed, so that none is of a later run
            active = get_active_run(session)
    except OSError:
        return  # there are none yet
    except SQLAlchemyError as error:
        log.warning("run_folders_not_cleared", reason=str(error))
        return
    kept = {held} if active is None else {held, active.id}
    for folder in folders:
        if _is_of_a_run(folder.name) and UUID(folder.name) not in kept:
            shutil.rmtree(folder, ignore_errors=True)
            log.info("run_folder_deleted", run_id=folder.name)


def _is_of_a_run(name: str) -> bool:
    """`emoscope train` makes folders of other names, in the data folder too where somebody works in it."""
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
