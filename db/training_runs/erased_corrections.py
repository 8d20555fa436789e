"""Which of the corrections that a run was offered can still be written down: a face may be erased while they are judged."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.reviews.tables import ReviewSubject
from db.training_runs.corrections import RunCorrection

_SUBJECTS_A_QUERY = 1000


def drop_erased(session: Session, run_corrections: Sequence[RunCorrection]) -> list[RunCorrection]:
    """Those of the offers whose face is still there, in the same order. It then stays until the transaction ends."""
    stored = set()
    for start in range(0, len(run_corrections), _SUBJECTS_A_QUERY):
        ids = [run_correction.subject_id for run_correction in run_corrections[start : start + _SUBJECTS_A_QUERY]]
        # An erasure may hold some of these and wait for others, so waiting for it could end in a deadlock; what it holds is
        # on its way out.
        found = select(ReviewSubject.id).where(ReviewSubject.id.in_(ids))
        stored |= set(session.scalars(found.with_for_update(read=True, key_share=True, skip_locked=True)))
    return [run_correction for run_correction in run_corrections if run_correction.subject_id in stored]
