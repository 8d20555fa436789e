"""Shadow mode: the challenger classifies the faces of ended jobs. It delays no job, and its errors fail no job."""

from uuid import UUID

import numpy as np
import structlog

from db.core.vocabulary import CROP_SIDE
from db.model_versions.shadow import add_shadow_predictions, list_faces_to_classify
from worker.analysis.process import WorkerProcess

log = structlog.get_logger(__name__)


def classify_in_shadow(process: WorkerProcess, job_id: UUID) -> None:
    """Store the challenger's predictions for the job's faces, if there is a challenger. Errors are logged, not raised."""
    if not process.challengers.is_loaded:
        return
    try:
        _classify(process, job_id)
    except Exception as error:  # noqa: BLE001 - a version that isn't in service must not harm the job of one that is
        log.warning("shadow_prediction_lost", job_id=str(job_id), reason=f"{type(error).__name__}: {error}")


def _classify(process: WorkerProcess, job_id: UUID) -> None:
    challenger, database = process.challengers.current, process.services.database
    with database.read() as session:
        faces = list_faces_to_classify(session, job_id, challenger.version_id)
    if not faces:
        return
    crops = np.stack([np.frombuffer(face.crop, np.uint8).reshape(CROP_SIDE, CROP_SIDE) for face in faces])
    probabilities = challenger.classifier.classify(crops).tolist()
    with database.write() as session:
        add_shadow_predictions(
            session, challenger.version_id, {face.id: row for face, row in zip(faces, probabilities, strict=True)}
        )
