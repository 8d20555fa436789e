"""The real worker, whose detector stops at a gate, so that a test can act while a job is in hand.

Start it as `celery -A tests.support.held_worker`. The gate is the named pipe that EMOSCOPE_TEST_GATE names: opening it
for reading blocks until a test opens it for writing. Where there is no pipe, detectors run freely. Where a file `gate.deaf` lies
beside it, a detector that waits doesn't hear that its time is over.
"""

import os
from pathlib import Path
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery.signals import task_received

from worker.analysis import process
from worker.analysis.detectors.base import Detection, Detector
from worker.analysis.detectors.loading import load_detector
from worker.analysis.resize import Picture
from worker.core.app import app

app.conf.include = [*app.conf.include, "tests.support.held_worker"]

_gate = Path(os.environ["EMOSCOPE_TEST_GATE"])


def note_received(request: Any, **_: object) -> None:
    """Leave a file beside the gate for each message that has reached this worker: it is named by the message's id."""
    _gate.with_name(f"received-{request.id}").touch()


task_received.connect(note_received)


def load_held_detector(*args: object, **options: object) -> Detector:
    detector = load_detector(*args, **options)  # type: ignore[arg-type]
    detect = detector.detect

    def wait_then_detect(picture: Picture, **how: object) -> list[Detection]:
        while _gate.exists():
            try:
                _gate.read_bytes()
                break
            except SoftTimeLimitExceeded:
                if not _gate.with_suffix(".deaf").exists():
                    raise
        return detect(picture, **how)  # type: ignore[arg-type]

    detector.detect = wait_then_detect  # type: ignore[method-assign]
    return detector


setattr(process, "load_detector", load_held_detector)  # noqa: B010 - which the module imports, and exports no more
