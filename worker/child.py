"""One worker child: it loads detector and model once, stays warm, and says how it is."""

from functools import lru_cache
from pathlib import Path

from db.vocabulary import CHALLENGER, WorkerState
from db.vocabulary import Detector as DetectorName
from db.workers import note_worker
from worker.detectors.base import Detector, DetectorUnavailable
from worker.detectors.loading import load_detector
from worker.identity import name_this_child
from worker.leases import Heartbeat, LeaseKeeper
from worker.model_cache import ModelCache
from worker.reasons import leave_out_folders
from worker.services import Services, open_services


class Child:
    """What a child holds from job to job."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self.services = services
        self.name = name_this_child()
        self.leases = LeaseKeeper(services.database, settings.lease_s)
        folder = settings.data_dir / "model-cache"
        self.models = ModelCache(services.database, services.blobs, folder, settings.runtime)
        self.challengers = ModelCache(services.database, services.blobs, folder, settings.runtime, CHALLENGER)
        self._detectors: dict[DetectorName, Detector] = {}
        self._heartbeat = Heartbeat(settings.worker_heartbeat_s, self.beat)
        self._setup_problem: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether detector and model are loaded."""
        return self._setup_problem is None

    def start(self) -> None:
        """Load everything, say so, and keep saying so."""
        self._note(WorkerState.STARTING)
        self.beat()
        self._heartbeat.start()

    def stop(self) -> None:
        """Say that the child ended in order."""
        self._heartbeat.stop()
        self._note(WorkerState.STOPPED)

    def beat(self) -> None:
        """Follow the champion and the challenger, try again what could not be loaded, and give a sign of life."""
        self.models.refresh()
        self.challengers.refresh()
        try:
            self.find_detector(self.services.settings.detector)
            self._setup_problem = (
                None if self.models.is_loaded else self.models.problem or "no model version is in service"
            )
        except DetectorUnavailable as error:
            self._setup_problem = str(error)
        self._note(WorkerState.READY if self.is_ready else WorkerState.SETUP_FAILED)

    def find_detector(self, name: DetectorName) -> Detector:
        """The detector of that name, loaded at its first use. Raises DetectorUnavailable."""
        if name not in self._detectors:
            self._detectors[name] = load_detector(name, yunet_weights=self.services.settings.yunet_weights)
        return self._detectors[name]

    def _note(self, state: WorkerState) -> None:
        model = self.models.current if self.models.is_loaded else None
        problem = self._setup_problem or self.models.problem or self._describe_shadow_problem()
        detail = leave_out_folders(problem, *self._list_folders()) if problem else None  # /readyz shows it to anybody
        with self.services.database.write() as session:
            note_worker(
                session,
                self.name,
                state,
                detail=detail,
                runtime=model.classifier.runtime if model else None,
                detector=self.services.settings.detector,
                model_version_id=model.version_id if model else None,
            )

    def _list_folders(self) -> list[Path]:
        settings = self.services.settings
        weights = [settings.yunet_weights.parent] if settings.yunet_weights else []
        return [*weights, Path(settings.effective_blob_url), settings.data_dir]

    def _describe_shadow_problem(self) -> str | None:
        problem = self.challengers.problem
        return f"in shadow mode, {problem}" if problem else None


@lru_cache(maxsize=1)
def current_child() -> Child:
    """This process's child, made and started at first use."""
    child = Child(open_services())
    child.start()
    return child
