"""Filters a run's corrections whose faces were erased in the meantime."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.reviews.tables import ReviewSubject
from db.training_runs.corrections import RunCorrection

_SUBJECTS_A_QUERY = 1000


def drop_erased(session: Session, run_corrections: Sequence[RunCorrection]) -> list[RunCorrection]:
    """Return the corrections whose face still exists, in the same order, locked until the transaction ends."""
    stored = set()
    for start in range(0, len(run_corrections), _SUBJECTS_A_QUERY):
        ids = [run_correction.subject_id for run_correction in run_corrections[start : start + _SUBJECTS_A_QUERY]]
        # Rows locked by an erasure are about to be deleted; waiting for them could deadlock.
        found = select(ReviewSubject.id).where(ReviewSubject.id.in_(ids))
        stored |= set(session.scalars(found.with_for_update(read=True, key_share=True, skip_locked=True)))
    return [run_correction for run_correction in run_corrections if run_correction.subject_id in stored]
