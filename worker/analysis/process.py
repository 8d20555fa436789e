"""State of one analysis worker process: it loads detector and model once, keeps them warm, and sends heartbeats."""

import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog

from db.core.vocabulary import CHALLENGER, WorkerState
from db.core.vocabulary import Detector as DetectorName
from db.monitoring.heartbeats import record_heartbeat
from emoscope.freed_memory import give_large_memory_back, read_resident_bytes
from worker.analysis.detectors.base import Detector, DetectorUnavailable
from worker.analysis.detectors.loading import list_available_detectors, load_detector
from worker.analysis.model_cache import ModelCache
from worker.core.error_text import strip_paths
from worker.core.heartbeat import Heartbeat, LeaseRenewer
from worker.core.identity import name_this_process
from worker.core.parent import ParentWatch
from worker.core.services import Services, open_services

log = structlog.get_logger(__name__)

_LARGE_BYTES = 4_000_000
"""malloc threshold in bytes: larger blocks are returned to the system when freed. Pixels of most photos stay in the heap, which is
faster.
"""


class WorkerProcess:
    """What a worker process keeps from job to job."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self.services = services
        self.name = name_this_process()
        self.leases = LeaseRenewer(services.database, settings.lease_s)
        folder = settings.data_dir / "model-cache"
        self.models = ModelCache(
            services.database, services.blobs, folder, settings.runtime, allows_int8=settings.int8 == "auto"
        )
        self.challengers = ModelCache(
            services.database, services.blobs, folder, settings.runtime, CHALLENGER, allows_int8=settings.int8 == "auto"
        )
        self._available_detectors = list_available_detectors(settings.find_weights)
        self._detectors: dict[DetectorName, Detector] = {}
        self._heartbeat = Heartbeat(settings.worker_heartbeat_s, self.beat)
        self._setup_problem: str | None = None
        self.is_misconfigured = False
        """Whether this process can never get ready: a weights file or a package is missing."""
        self._ready = threading.Event()
        self._parent: ParentWatch | None = None
        self._stopping = threading.Event()

    @property
    def is_ready(self) -> bool:
        """Whether detector and model are loaded."""
        return self._ready.is_set()

    def wait_until_ready(self, timeout_s: float) -> bool:
        """Wait until detector and model are loaded, at most `timeout_s` seconds. Returns whether they are."""
        return self._ready.wait(timeout_s)

    def rest(self) -> None:
        """Pause for the interval of a heartbeat, because a dependency of every job is unavailable and the next job would fail
        too.
        """
        self._stopping.wait(self.services.settings.worker_heartbeat_s)

    def start(self) -> None:
        """Load everything, and start the heartbeat. What is unavailable, including the database, is retried at each heartbeat."""
        give_large_memory_back(_LARGE_BYTES)
        try:
            self._note(WorkerState.STARTING)
            self.beat()
        except Exception as error:  # noqa: BLE001 - whatever it was, this child must try again, or nothing ever would
            log.warning("process_not_ready", reason=str(error))
        self._heartbeat.start()

    def stop(self) -> None:
        """Report that the process stopped normally."""
        self._stopping.set()
        self._heartbeat.stop()
        self._mark(is_ready=False)
        if not self.is_misconfigured:  # otherwise the reason stays visible
            self._note(WorkerState.STOPPED)

    def set_parent(self, parent: ParentWatch) -> None:
        """Set this process's main process."""
        self._parent = parent
        self._mark(is_ready=self.is_ready)
        self._report_misconfiguration()

    def beat(self) -> None:
        """Follow champion and challenger, retry what failed to load, and send a heartbeat."""
        self.models.refresh()
        self.challengers.refresh()
        self.is_misconfigured = False
        self._setup_problem = "the main process hangs" if self._has_hanging_parent() else self._load_detector()
        if self._setup_problem is None and not self.models.is_loaded:
            self._setup_problem = self.models.problem or "no model version is in service"
            self.is_misconfigured = self.models.is_package_missing
        if self._setup_problem is None:
            self._ready.set()
        else:
            self._ready.clear()
        self._mark(is_ready=self.is_ready)
        self._note(WorkerState.READY if self.is_ready else WorkerState.SETUP_FAILED)
        self._report_misconfiguration()

    def _mark(self, *, is_ready: bool) -> None:
        """Write the file for the container's health check."""
        if self._parent is not None:
            self._parent.pulse.mark_ready(os.getpid(), is_ready=is_ready)

    def _report_misconfiguration(self) -> None:
        """Let the main process exit with the reason if this process can never get ready."""
        if self.is_misconfigured and self._parent is not None:
            self._parent.pulse.report_failure(self._setup_problem or "")

    def _has_hanging_parent(self) -> bool:
        return self._parent is not None and self._parent.hangs

    def _load_detector(self) -> str | None:
        """Load the configured detector. Returns why it can't be loaded, or None."""
        try:
            self.find_detector(self.services.settings.detector)
        except DetectorUnavailable as error:
            self.is_misconfigured = True
            return str(error)
        except Exception as error:
            # Native code may raise anything, for example if a GPU is out of memory. The heartbeat must go on.
            log.exception("detector_not_loaded")
            return f"the detector can't be loaded: unexpected {type(error).__name__}"
        return None

    def find_detector(self, name: DetectorName) -> Detector:
        """Return the detector with that name, loaded at its first use. Raises DetectorUnavailable."""
        if name not in self._detectors:
            self._detectors[name] = load_detector(name, weights=self.services.settings.find_weights(name))
        return self._detectors[name]

    def _note(self, state: WorkerState) -> None:
        model = self.models.current if self.models.is_loaded else None
        problem = self._setup_problem or self.models.problem or self._describe_shadow_problem()
        detail = strip_paths(problem, *self._list_folders()) if problem else None  # /readyz is public
        with self.services.database.write() as session:
            record_heartbeat(
                session,
                self.name,
                state,
                detail=detail,
                runtime=model.classifier.runtime if model else None,
                detector=self.services.settings.detector,
                detectors=self._available_detectors,
                model_version_id=model.version_id if model else None,
                options=self._list_options(model.classifier.runtime) if model else None,
                memory_bytes=read_resident_bytes(),
            )

    def _list_options(self, runtime: str) -> dict[str, Any]:
        """Return the settings that affect this process's results besides the model. /readyz names processes that differ."""
        settings = self.services.settings
        threshold = settings.detection_threshold
        return {
            "detector": settings.detector.value,
            "runtime": runtime,
            "detection_threshold": self.find_detector(settings.detector).default_threshold
            if threshold is None
            else threshold,
            "min_face_px": settings.min_face_px,
        }

    def _list_folders(self) -> list[Path]:
        settings = self.services.settings
        weights = (settings.find_weights(detector) for detector in DetectorName)
        return [
            *(path.parent for path in weights if path is not None),
            Path(settings.effective_blob_url),
            settings.data_dir,
        ]

    def _describe_shadow_problem(self) -> str | None:
        problem = self.challengers.problem
        return f"in shadow mode, {problem}" if problem else None


@lru_cache(maxsize=1)
def current_process() -> WorkerProcess:
    """Return this process's state, created and started at first use."""
    process = WorkerProcess(open_services())
    process.start()
    return process
