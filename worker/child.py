"""One worker child: it loads detector and model once, stays warm, and says how it is."""

import os
import socket
from functools import lru_cache

import structlog
from celery import signals
from sqlalchemy.exc import SQLAlchemyError

from db.vocabulary import Detector as DetectorName
from db.vocabulary import WorkerState
from db.workers import note_worker
from emoscope.logs import configure_logs
from emoscope.settings import load_settings
from worker import names
from worker.detectors import load_detector
from worker.detectors.base import Detector, DetectorUnavailable
from worker.leases import Heartbeat, LeaseKeeper
from worker.model_cache import ModelCache
from worker.services import Services, open_services

log = structlog.get_logger(__name__)

_ANALYSES = "EMOSCOPE_INTERNAL_ANALYSES"
"""Set by the parent for its children: whether this worker takes analysis jobs, and so wants its models warm."""


class Child:
    """What a child holds from job to job."""

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self.services = services
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.leases = LeaseKeeper(services.database, settings.lease_s)
        self.models = ModelCache(services.database, services.blobs, settings.data_dir / "model-cache", settings.runtime)
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
        """Follow the champion, try again what could not be loaded, and give a sign of life."""
        self.models.refresh()
        try:
            self.find_detector(self.services.settings.detector)
            self._setup_problem = None if self.models.is_loaded else self.models.problem
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
        with self.services.database.write() as session:
            note_worker(
                session,
                self.name,
                state,
                detail=self._setup_problem or self.models.problem,
                runtime=model.classifier.runtime if model else None,
                detector=self.services.settings.detector,
                model_version_id=model.version_id if model else None,
            )


@lru_cache(maxsize=1)
def current_child() -> Child:
    """This process's child, made and started at first use."""
    child = Child(open_services())
    child.start()
    return child


@signals.setup_logging.connect
def _set_up_logging(**_: object) -> None:
    settings = load_settings()
    configure_logs(settings.log_level, settings.log_format)


@signals.celeryd_after_setup.connect
def _remember_role(instance: object, **_: object) -> None:
    queues = instance.app.amqp.queues.consume_from  # type: ignore[attr-defined]
    os.environ[_ANALYSES] = str(int(names.ANALYSIS_QUEUE in queues))


@signals.worker_process_init.connect
def _warm_up(**_: object) -> None:
    """Celery counts a child as ready when this returns."""
    if os.environ.get(_ANALYSES) == "1":
        try:
            current_child()
        except SQLAlchemyError as error:
            # The database is away. The first job will start the child; until then the sweeper keeps the jobs.
            log.warning("child_not_started", reason=str(error))


@signals.worker_process_shutdown.connect
def _say_goodbye(**_: object) -> None:
    if current_child.cache_info().currsize:
        current_child().stop()
