"""What a child says of itself when it can't get ready. Whoever asks /readyz sees it, so it names no folder of the machine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from db.core.blobs import BlobStore, make_model_key
from db.core.session import Database
from db.core.vocabulary import CHALLENGER, Detector, WorkerState
from db.model_versions import actions as model_versions
from db.model_versions.files import store_version
from db.monitoring.heartbeats import list_live_workers
from emoscope.pulse import make_pulse
from emoscope.settings import Settings
from emoscope.stack.provision import register_shipped_models
from tests.support.factories.actors import TEST
from training.export.artifact import list_pretrained
from worker.analysis.model_cache import ModelCache
from worker.analysis.process import WorkerProcess
from worker.core.parent import ParentWatch
from worker.core.services import Services

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def ask(settings: Settings) -> Iterator[Callable[..., str]]:
    """Lets a child with these settings try to get ready, and says why it isn't."""
    with ExitStack() as opened:

        def make(**changes: object) -> str:
            services = Services(settings.model_copy(update=changes))
            opened.callback(services.database.close)
            opened.callback(services.redis.close)
            WorkerProcess(services).beat()
            with services.database.read() as session:
                [worker] = list_live_workers(session, settings.worker_heartbeat_s)
            assert worker.state is WorkerState.SETUP_FAILED
            return str(worker.detail)

        yield make


def test_a_missing_weights_file_is_named_without_its_folder(ask: Callable[..., str], tmp_path: Path) -> None:
    detail = ask(detector=Detector.YUNET, yunet_weights=tmp_path / "a secret folder" / "yunet.onnx")
    assert detail == "The yunet detector's weights file yunet.onnx does not exist."


@pytest.mark.parametrize(("is_quick", "runtime"), [(True, "litert-int8"), (False, "litert")])
def test_a_process_says_by_which_form_it_classifies(
    settings: Settings,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_quick: bool,
    runtime: str,
) -> None:
    """Two processors of a fleet may take two forms, whose probabilities differ: /readyz names those that differ in this."""
    monkeypatch.setattr("worker.analysis.classifier.has_int8_dot_product", lambda: is_quick)
    services = Services(settings)
    register_shipped_models(database, services.blobs, lambda _: None)
    WorkerProcess(services).beat()
    with database.read() as session:
        [worker] = list_live_workers(session, settings.worker_heartbeat_s)
    assert (worker.state, worker.runtime) == (WorkerState.READY, runtime)
    assert worker.options is not None
    assert worker.options["runtime"] == runtime
    services.database.close()
    services.redis.close()


def test_a_worker_process_that_waits_in_vain_tells_its_main_process(
    settings: Settings, database: Database, tmp_path: Path
) -> None:
    services = Services(settings.model_copy(update={"detector": Detector.YUNET}))
    process, pulse = WorkerProcess(services), make_pulse(tmp_path, "analysis")
    process.start()
    process.set_parent(ParentWatch(pulse))
    assert str(pulse.read_failure()).startswith("The yunet detector needs a weights file")
    process.stop()
    with database.read() as session:
        [worker] = list_live_workers(session, settings.worker_heartbeat_s)
    assert worker.state is WorkerState.SETUP_FAILED
    services.redis.close()
    services.database.close()


def test_a_worker_process_without_a_model_waits_for_one(settings: Settings, tmp_path: Path) -> None:
    services = Services(settings)
    process, pulse = WorkerProcess(services), make_pulse(tmp_path, "analysis")
    process.set_parent(ParentWatch(pulse))
    process.beat()
    assert not process.is_ready
    assert pulse.read_failure() is None
    services.redis.close()
    services.database.close()


def test_a_blob_that_cannot_be_read_is_named_without_its_folder(
    ask: Callable[..., str], database: Database, blob_store: BlobStore, settings: Settings
) -> None:
    version = store_version(database, blob_store, *next(iter(list_pretrained().items())))
    with database.write() as session:
        model_versions.promote(session, version, TEST, "for the test")
    blob = Path(settings.effective_blob_url) / make_model_key(version.digest)
    blob.unlink()
    blob.symlink_to(blob.name)
    detail = ask()
    assert detail.startswith("model version 1 can't be loaded: can't read models/")
    assert str(blob.parent) not in detail


def test_a_child_whose_database_is_away_at_its_start_gets_ready_by_itself(
    settings: Settings, database: Database, blob_store: BlobStore
) -> None:
    """Nothing else would start it: a service that isn't ready is sent no photo."""
    register_shipped_models(database, blob_store, lambda _step: None)
    services = Services(settings.model_copy(update={"worker_heartbeat_s": 0.05}))
    real, away = services.database, Database(f"sqlite:///{settings.data_dir}/no/such/folder.db")
    services.database = away
    process = WorkerProcess(services)
    process.models = ModelCache(away, services.blobs, settings.data_dir / "model-cache", settings.runtime)
    process.start()
    assert not process.is_ready
    services.database = real
    process.models = ModelCache(real, services.blobs, settings.data_dir / "model-cache", settings.runtime)
    process.challengers = ModelCache(
        real, services.blobs, settings.data_dir / "model-cache", settings.runtime, CHALLENGER
    )
    assert process.wait_until_ready(60)
    process.stop()
    services.redis.close()
    real.close()
    away.close()


def test_a_detector_that_fails_in_a_way_of_its_own_ends_no_signs_of_life(
    ask: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out_of_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("worker.analysis.process.load_detector", run_out_of_memory)
    assert ask() == "the detector can't be loaded: unexpected MemoryError"
