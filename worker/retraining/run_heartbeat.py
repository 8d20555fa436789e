"""Heartbeat of a training run: it renews the lease, reports progress, and learns whether to stop."""

import time
from types import TracebackType
from typing import Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.core.session import Database
from db.training_runs.documents import CurvePoint, RunProgress
from db.training_runs.lifecycle import renew_run
from db.training_runs.states import RunClaim
from worker.core.heartbeat import Heartbeat
from worker.core.stopping import is_stopping

log = structlog.get_logger(__name__)

LEASE_S = 60.0
"""Longer than a job's, because TensorFlow may block Python for seconds while it traces a network."""

_REPORT_EVERY_S = 2.0


class RunPulse:
    """Context manager around the work on a claimed run."""

    def __init__(self, database: Database, claim: RunClaim, progress: RunProgress, lease_s: float = LEASE_S) -> None:
        """progress: of an earlier attempt, whose curves are continued."""
        self._database, self._claim, self._lease_s = database, claim, lease_s
        self._progress = RunProgress(curve=progress.curve)
        self._heartbeat = Heartbeat(lease_s / 3, self.renew)
        self._reported_at = 0.0
        self.is_lost = False
        """Whether another worker may have claimed the run; then nothing may be written."""
        self.canceled_by: str | None = None
        """Who asked to stop the run."""

    def __enter__(self) -> Self:
        self._heartbeat.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._heartbeat.stop()

    def should_stop(self) -> bool:
        """Whether to stop. Cheap enough for each step of training."""
        return self.is_lost or self.canceled_by is not None or is_stopping()

    def report_step(self, step: str) -> None:
        """Report that a step of the run starts."""
        self._progress = RunProgress(step=step, curve=self._progress.curve)
        self._reported_at = 0.0
        self.renew()

    def report_epoch(self, now: RunProgress, finished: CurvePoint | None) -> None:
        """Report the progress of training; rarely enough for a small database.

        now: state of the current epoch. finished: the last finished epoch's point of the curves. Points from that epoch on belong
        to an earlier attempt that this one repeats, and are dropped.
        """
        told = self._progress.curve
        curve = [] if finished is None else [*(point for point in told if point.epoch < finished.epoch), finished]
        validation = {} if finished is None else {"val_loss": finished.val_loss, "val_accuracy": finished.val_accuracy}
        self._progress = now.model_copy(update={"step": "training", **validation, "curve": curve})
        if curve != told or time.monotonic() - self._reported_at > _REPORT_EVERY_S:
            self.renew()

    def renew(self) -> None:
        """Send a heartbeat now, and learn whether the run was canceled."""
        self._reported_at = time.monotonic()
        try:
            with self._database.write() as session:
                pulse = renew_run(session, self._claim, self._lease_s, self._progress)
        except SQLAlchemyError as error:
            # The next renewal may succeed before the lease expires; if not, another worker resumes the run.
            log.warning("run_lease_not_renewed", run_id=str(self._claim.run_id), reason=str(error))
            return
        self.is_lost = self.is_lost or not pulse.is_held
        self.canceled_by = pulse.canceled_by
