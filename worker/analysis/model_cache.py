"""Holds the model of an alias in one worker process. A new version is loaded and warmed beside the old one, then swapped in."""

import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

import structlog

from db.core.blobs import BlobStore, make_model_key
from db.core.session import Database
from db.core.vocabulary import CHAMPION
from db.model_versions.actions import find_by_alias
from db.model_versions.records import KERAS_FILE
from db.model_versions.tables import ModelVersion
from training.export.artifact import INT8_FILE, MANIFEST, TFLITE_FILE, read_manifest
from worker.analysis.classifier import Classifier, load_classifier

log = structlog.get_logger(__name__)

_RETRY_S = 60.0


class NoModel(Exception):
    """No model version is in service yet."""

    code = "no_model"


@dataclass(frozen=True)
class LoadedModel:
    """A warm classifier with its version."""

    version_id: UUID
    number: int
    classifier: Classifier


class ModelCache:
    """Follows an alias, by default the champion's. `refresh` may run in another thread than the users of `current`."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        folder: Path,
        runtime: Literal["auto", "litert", "tensorflow"],
        alias: str = CHAMPION,
        *,
        allows_int8: bool = True,
        retry_s: float = _RETRY_S,
    ) -> None:
        """folder: where model files are cached on this machine; shared by its processes. allows_int8: see load_classifier.

        retry_s: pause before a version that failed to load is tried again, while another one is loaded.
        """
        self._retry_s = retry_s
        self._allows_int8 = allows_int8
        self._alias = alias
        self._database = database
        self._blobs = blobs
        self._folder = folder
        self._runtime = runtime
        self._refreshing = threading.Lock()
        self._current: LoadedModel | None = None
        self._refused: UUID | None = None
        self._retry_at = 0.0
        self.problem: str | None = None
        """Why the loaded model isn't the alias's version; None if it is."""
        self.is_package_missing = False
        """Whether the reason is that the runtime isn't installed here."""

    @property
    def is_loaded(self) -> bool:
        """Whether a model is loaded."""
        return self._current is not None

    @property
    def current(self) -> LoadedModel:
        """The loaded model. Keep a reference for a whole job: it may be swapped meanwhile. Raises NoModel."""
        if self._current is None:
            raise NoModel(self.problem or "no model version is in service")
        return self._current

    def refresh(self) -> bool:
        """Look up the alias, and load its version if it isn't loaded. Returns whether the model was swapped.

        If the version can't be loaded, the current model stays and `problem` is set. It is tried again after a minute, in case a
        file was only late, or at the next call if no model is loaded. An alias that points nowhere unloads the model.
        """
        with self._refreshing:
            with self._database.read() as session:
                version = find_by_alias(session, self._alias)
            if version is None:
                self._current, self.problem = None, None
                return False
            if self._current is not None and version.id == self._current.version_id:
                self.problem = None
                return False
            if version.id == self._refused and time.monotonic() < self._retry_at:
                return False
            return self._swap_to(version)

    def _swap_to(self, version: ModelVersion) -> bool:
        folder = self._folder / version.digest
        try:
            classifier = self._load(version, folder)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a new model, the old one must stay in service
            # A process without a model can do nothing else, so it tries again at each heartbeat.
            self._refused, self._retry_at = version.id, time.monotonic() + (self._retry_s if self.is_loaded else 0)
            self.problem = f"model version {version.number} can't be loaded: {error}"
            self.is_package_missing = isinstance(error, ImportError)
            log.warning("model_refused", alias=self._alias, number=version.number, reason=str(error))
            return False
        self._current = LoadedModel(version.id, version.number, classifier)
        self.problem = None
        log.info("model_loaded", alias=self._alias, number=version.number, name=version.name)
        return True

    def _load(self, version: ModelVersion, folder: Path) -> Classifier:
        """Load and warm the version, from this machine's copy if there is one. A damaged copy is fetched again."""
        if folder.exists():
            try:
                return _load_warm(folder, self._runtime, allows_int8=self._allows_int8)
            except ImportError:  # the copy isn't at fault
                raise
            except Exception as error:  # noqa: BLE001 - native code fails in ways of its own
                log.warning("model_copy_damaged", alias=self._alias, number=version.number, reason=str(error))
                shutil.rmtree(folder, ignore_errors=True)
        self._fetch(version, folder)
        try:
            return _load_warm(folder, self._runtime, allows_int8=self._allows_int8)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _fetch(self, version: ModelVersion, folder: Path) -> None:
        """Copy a version's manifest and weights from the blob store to this machine, atomically."""
        if folder.exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            (draft / MANIFEST).write_bytes(self._blobs.get(make_model_key(version.digest), version.digest))
            files = read_manifest(draft).files
            for name in (KERAS_FILE, TFLITE_FILE, INT8_FILE):
                if name not in files:
                    continue  # versions of older releases lack some files
                sha256 = files[name].sha256
                (draft / name).write_bytes(self._blobs.get(make_model_key(sha256), sha256))
            draft.rename(folder)
        except OSError:
            if not folder.exists():  # otherwise another process was faster
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _load_warm(folder: Path, runtime: Literal["auto", "litert", "tensorflow"], *, allows_int8: bool) -> Classifier:
    classifier = load_classifier(folder, runtime, allows_int8=allows_int8)
    classifier.warm()
    return classifier
