"""Shadow mode: the challenger judges the faces of a job that has ended. Nobody waits for it, and its failures are no job's."""

from uuid import UUID

import numpy as np
import structlog

from db.core.vocabulary import CROP_SIDE
from db.model_versions.shadow import add_judgments, list_faces_to_judge
from worker.analysis.process import Child

log = structlog.get_logger(__name__)


def judge_in_shadow(child: Child, job_id: UUID) -> None:
    """Store what the challenger, if there is one, says of the job's faces. Raises nothing; a lost answer is only logged."""
    if not child.challengers.is_loaded:
        return
    try:
        _judge(child, job_id)
    except Exception as error:  # noqa: BLE001 - a version that isn't in service must not harm the job of one that is
        log.warning("shadow_judgment_lost", job_id=str(job_id), reason=f"{type(error).__name__}: {error}")


def _judge(child: Child, job_id: UUID) -> None:
    challenger, database = child.challengers.current, child.services.database
    with database.read() as session:
        faces = list_faces_to_judge(session, job_id, challenger.version_id)
    if not faces:
        return
    crops = np.stack([np.frombuffer(face.crop, np.uint8).reshape(CROP_SIDE, CROP_SIDE) for face in faces])
    probabilities = challenger.classifier.classify(crops).tolist()
    with database.write() as session:
        add_judgments(
            session, challenger.version_id, {face.id: row for face, row in zip(faces, probabilities, strict=True)}
        )
