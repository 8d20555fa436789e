"""The model that an alias points at, as one child holds it. A new one is loaded and warmed beside the old one, then swapped in."""

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
from db.model_versions.manifest import KERAS_FILE
from db.model_versions.tables import ModelVersion
from training.export.artifact import INT8_FILE, MANIFEST, TFLITE_FILE, read_manifest
from worker.analysis.classifier import Classifier, load_classifier

log = structlog.get_logger(__name__)

_RETRY_S = 60


class NoModel(Exception):
    """No model version is in service yet."""

    code = "no_model"


@dataclass(frozen=True)
class LoadedModel:
    """A warm classifier and the version it is."""

    version_id: UUID
    number: int
    classifier: Classifier


class ModelCache:
    """Follows an alias, the champion's unless told otherwise. `refresh` may run in another thread than those that use `current`."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        folder: Path,
        runtime: Literal["auto", "litert", "tensorflow"],
        alias: str = CHAMPION,
        *,
        allows_int8: bool = True,
    ) -> None:
        """folder: where model files are kept on this machine; shared by its children. allows_int8: as load_classifier has it."""
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
        """Why the version that the alias points at isn't the model in hand; None when it is."""
        self.is_package_missing = False
        """Whether that is because what runs the network isn't installed here."""

    @property
    def is_loaded(self) -> bool:
        """Whether there is a model in hand."""
        return self._current is not None

    @property
    def current(self) -> LoadedModel:
        """The model to judge with. Hold on to it for a whole job: it may be swapped meanwhile. Raises NoModel."""
        if self._current is None:
            raise NoModel(self.problem or "no model version is in service")
        return self._current

    def refresh(self) -> bool:
        """Look the alias up, and load its version if it isn't the model in hand. Returns whether the model was swapped.

        A version that can't be loaded leaves the model in hand and sets `problem`; it is tried again a minute later, in
        case a file was only late, or at the next call where no model is in hand. An alias that points nowhere leaves none in hand.
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
            # A process without a model can do nothing else, and tries again at each heartbeat.
            self._refused, self._retry_at = version.id, time.monotonic() + (_RETRY_S if self.is_loaded else 0)
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
            except ImportError:  # not the copy's fault
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
        """Copy a version's manifest and weights from the blob store to this machine, whole or not at all."""
        if folder.exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            (draft / MANIFEST).write_bytes(self._blobs.get(make_model_key(version.digest), version.digest))
            files = read_manifest(draft).files
            for name in (KERAS_FILE, TFLITE_FILE, INT8_FILE):
                if name not in files:
                    continue  # made before there were such files
                sha256 = files[name].sha256
                (draft / name).write_bytes(self._blobs.get(make_model_key(sha256), sha256))
            draft.rename(folder)
        except OSError:
            if not folder.exists():  # else another child was quicker
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _load_warm(folder: Path, runtime: Literal["auto", "litert", "tensorflow"], *, allows_int8: bool) -> Classifier:
    classifier = load_classifier(folder, runtime, allows_int8=allows_int8)
    classifier.warm()
    return classifier
