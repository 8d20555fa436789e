"""A training run's signs of life: it keeps the lease, tells how far the run is, and hears when it is to stop."""

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
"""Long beside a job's, since TensorFlow may keep Python from running for seconds while it traces a network."""

_REPORT_EVERY_S = 2.0


class RunPulse:
    """Use it as a context manager around the work on a claimed run."""

    def __init__(self, database: Database, claim: RunClaim, progress: RunProgress, lease_s: float = LEASE_S) -> None:
        """progress: what an earlier attempt has told, whose curve goes on where the run does."""
        self._database, self._claim, self._lease_s = database, claim, lease_s
        self._progress = RunProgress(curve=progress.curve)
        self._heartbeat = Heartbeat(lease_s / 3, self.renew)
        self._reported_at = 0.0
        self.is_lost = False
        """Whether another worker may have the run now; then nothing may be written any more."""
        self.canceled_by: str | None = None
        """Who wants the run stopped."""

    def __enter__(self) -> Self:
        self._heartbeat.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._heartbeat.stop()

    def should_stop(self) -> bool:
        """Whether the work is in vain or unwanted. Cheap enough to ask at each step of training."""
        return self.is_lost or self.canceled_by is not None or is_stopping()

    def report_step(self, step: str) -> None:
        """Tell which step of the run begins."""
        self._progress = RunProgress(step=step, curve=self._progress.curve)
        self._reported_at = 0.0
        self.renew()

    def report_epoch(self, now: RunProgress, finished: CurvePoint | None) -> None:
        """Tell how far training is; seldom enough for a small database.

        now: of the epoch in hand. finished: the last finished epoch's point of the curve.
        Points from that epoch on are of an earlier attempt, where this one had to begin anew: they are no part of its curve.
        """
        told = self._progress.curve
        curve = [] if finished is None else [*(point for point in told if point.epoch < finished.epoch), finished]
        validation = {} if finished is None else {"val_loss": finished.val_loss, "val_accuracy": finished.val_accuracy}
        self._progress = now.model_copy(update={"step": "training", **validation, "curve": curve})
        if curve != told or time.monotonic() - self._reported_at > _REPORT_EVERY_S:
            self.renew()

    def renew(self) -> None:
        """Give a sign of life now, and hear whether somebody wants the run stopped."""
        self._reported_at = time.monotonic()
        try:
            with self._database.write() as session:
                pulse = renew_run(session, self._claim, self._lease_s, self._progress)
        except SQLAlchemyError as error:
            # The next try may succeed before the lease runs out; if not, the run goes on elsewhere.
            log.warning("run_lease_not_renewed", run_id=str(self._claim.run_id), reason=str(error))
            return
        self.is_lost = self.is_lost or not pulse.is_held
        self.canceled_by = pulse.canceled_by
