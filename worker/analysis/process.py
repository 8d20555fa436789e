"""One worker child: it loads detector and model once, stays warm, and says how it is."""

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
from worker.core.error_text import leave_out_folders
from worker.core.heartbeat import Heartbeat, LeaseRenewer
from worker.core.identity import name_this_process
from worker.core.parent import ParentWatch
from worker.core.services import Services, open_services

log = structlog.get_logger(__name__)

_LARGE_BYTES = 4_000_000
"""What is larger goes back to the system when it is free. The pixels of most photos stay in the heap, which is quicker."""


class WorkerProcess:
    """What a child holds from job to job."""

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
        """Whether this process can't get ready whatever comes back: a weights file or a package is missing."""
        self._ready = threading.Event()
        self._parent: ParentWatch | None = None
        self._stopping = threading.Event()

    @property
    def is_ready(self) -> bool:
        """Whether detector and model are loaded."""
        return self._ready.is_set()

    def wait_until_ready(self, timeout_s: float) -> bool:
        """Wait until detector and model are loaded, at most so many seconds. Returns whether they are."""
        return self._ready.wait(timeout_s)

    def rest(self) -> None:
        """Wait for a heartbeat's time: something that every job needs is away, and the next job would only fail alike."""
        self._stopping.wait(self.services.settings.worker_heartbeat_s)

    def start(self) -> None:
        """Load everything, say so, and keep saying so. What is away now, the database too, is tried again at each heartbeat."""
        give_large_memory_back(_LARGE_BYTES)
        try:
            self._note(WorkerState.STARTING)
            self.beat()
        except Exception as error:  # noqa: BLE001 - whatever it was, this child must try again, or nothing ever would
            log.warning("child_not_ready", reason=str(error))
        self._heartbeat.start()

    def stop(self) -> None:
        """Say that the child ended in order."""
        self._stopping.set()
        self._heartbeat.stop()
        self._mark(is_ready=False)
        if not self.is_misconfigured:  # else the reason stays to be read
            self._note(WorkerState.STOPPED)

    def obey(self, parent: ParentWatch) -> None:
        """Have this main process from now on."""
        self._parent = parent
        self._mark(is_ready=self.is_ready)
        self._report_misconfiguration()

    def beat(self) -> None:
        """Follow the champion and the challenger, try again what could not be loaded, and give a sign of life."""
        self.models.refresh()
        self.challengers.refresh()
        self.is_misconfigured = False
        self._setup_problem = "its main process hangs" if self._has_hanging_parent() else self._load_detector()
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
        """Let the container's health check see it."""
        if self._parent is not None:
            self._parent.pulse.mark_ready(os.getpid(), is_ready=is_ready)

    def _report_misconfiguration(self) -> None:
        """Let the main process end with the reason where waiting is in vain."""
        if self.is_misconfigured and self._parent is not None:
            self._parent.pulse.report_failure(self._setup_problem or "")

    def _has_hanging_parent(self) -> bool:
        return self._parent is not None and self._parent.hangs

    def _load_detector(self) -> str | None:
        """Load the detector of the settings. Returns why it can't be."""
        try:
            self.find_detector(self.services.settings.detector)
        except DetectorUnavailable as error:
            self.is_misconfigured = True
            return str(error)
        except Exception as error:
            # Native code fails in ways of its own, for lack of a card's memory for one. The child must go on giving signs of life.
            log.exception("detector_not_loaded")
            return f"the detector can't be loaded: unexpected {type(error).__name__}"
        return None

    def find_detector(self, name: DetectorName) -> Detector:
        """The detector of that name, loaded at its first use. Raises DetectorUnavailable."""
        if name not in self._detectors:
            self._detectors[name] = load_detector(name, weights=self.services.settings.find_weights(name))
        return self._detectors[name]

    def _note(self, state: WorkerState) -> None:
        model = self.models.current if self.models.is_loaded else None
        problem = self._setup_problem or self.models.problem or self._describe_shadow_problem()
        detail = leave_out_folders(problem, *self._list_folders()) if problem else None  # /readyz shows it to anybody
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
        """What decides the results of this process beside the model. /readyz names processes of which it differs."""
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
    """This process's child, made and started at first use."""
    process = WorkerProcess(open_services())
    process.start()
    return process
