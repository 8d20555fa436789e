"""What a child says of itself when it can't get ready."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from db.vocabulary import Detector, WorkerState
from db.workers import list_live_workers
from emoscope.settings import Settings
from worker.child import Child
from worker.services import Services

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def services(settings: Settings, tmp_path: Path) -> Iterator[Services]:
    weights = tmp_path / "secret-folder" / "yunet.onnx"
    opened = Services(settings.model_copy(update={"detector": Detector.YUNET, "yunet_weights": weights}))
    yield opened
    opened.database.close()
    opened.redis.close()


def test_a_missing_weights_file_is_named_without_its_folder(services: Services) -> None:
    Child(services).beat()
    with services.database.read() as session:
        [worker] = list_live_workers(session, services.settings.worker_heartbeat_s)
    assert worker.state is WorkerState.SETUP_FAILED
    # /readyz shows it to anybody
    assert worker.detail == "The yunet detector's weights file yunet.onnx does not exist."
