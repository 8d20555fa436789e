"""The whole loop with real processes: analyse, correct, retrain, promote, judge by the new version; then reject; then roll back."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from db.core.blobs import BlobStore
from db.core.session import Database
from db.core.vocabulary import Architecture
from db.model_versions import actions as model_versions
from db.model_versions.files import store_version
from db.training_runs.lifecycle import get_active_run
from emoscope.settings import Settings
from emoscope.stack.demo_photos import portrait_photo
from emoscope.stack.embedded import Stack
from tests.acceptance.conftest import QUICK, find_free_port
from tests.support.drawn_faces import write_drawn_csv
from tests.support.factories.actors import TEST
from tests.support.waiting import wait_until
from training.fit.settings import RECIPES, TrainSettings

T = TypeVar("T")

pytestmark = pytest.mark.timeout(600)

PHOTO = portrait_photo("astronaut").data
WAIT_S = 300
"""For a machine that does much else; a run takes about fifteen seconds of computing."""


def wait_for(find: Callable[[], T | None], what: str, timeout_s: float = WAIT_S) -> T:
    """The first thing that `find` finds."""
    found: list[T] = []

    def look() -> bool:
        found.extend(thing for thing in [find()] if thing)
        return bool(found)

    wait_until(look, what, timeout_s)
    return found[0]


class Service:
    """The API, as an administrator's program uses it."""

    def __init__(self, stack: Stack) -> None:
        assert stack.client is not None
        self.settings = stack.settings
        headers = {"Authorization": f"Bearer {stack.client.api_key}"}
        self.http = httpx.Client(base_url=stack.client.api_url, headers=headers, timeout=30)
        self.photo = PHOTO

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(path)
        assert answer.is_success, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def analyze(self) -> dict[str, Any]:
        """The face of the photo, as a new job finds it."""
        answer = self.http.post("/v1/jobs", content=self.photo, headers={"Prefer": "wait=30"})
        assert answer.status_code == 200, answer.text
        (face,) = answer.json()["faces"]
        return face  # type: ignore[no-any-return]

    def let_the_face_teach(self) -> None:
        """Change the photo's hash, by what lies behind the picture's end, until its face isn't in the random slice."""
        while self.get(f"/v1/reviews/faces/{self.analyze()['id']}")["slice"] == "random":
            self.photo += bytes(1)

    def wait_for_version(self, number: int) -> dict[str, Any]:
        """A face judged by that version, once the workers have it."""

        def find() -> dict[str, Any] | None:
            face = self.analyze()
            return face if face["model_version"] == number else None

        return wait_for(find, f"version {number} judges", 60)

    def wait_for_run(self, run: dict[str, Any]) -> dict[str, Any]:
        def find() -> dict[str, Any] | None:
            found = self.get(run["url"])
            return found if found["status"] not in {"queued", "running"} else None

        return wait_for(find, "the run has ended")


@pytest.fixture(scope="module")
def csv_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A class of fewer than 20 rows is too small for the gate to judge its recall, which is all chance here.
    return write_drawn_csv(tmp_path_factory.mktemp("drawn") / "faces.csv", training=40, public=19)


@pytest.fixture(scope="module")
def service(short_tmp: Path, csv_path: Path) -> Iterator[Service]:
    """A one-machine stack with a dataset, and a champion that has learnt next to nothing of it."""
    folder = short_tmp / "loop"
    given: dict[str, Any] = QUICK | {
        "data_dir": folder,
        "port": find_free_port(),
        "worker_processes": 1,
        "rate_limit": "",
        "dataset_csv": csv_path,
        "retrain_learning_rate": 1e-3,
        "retrain_epochs": 12,
    }
    with Stack(Settings(_env_file=None, **given), lambda _: None) as stack:
        _put_beginner_in_service(stack.settings, csv_path, folder)
        opened = Service(stack)
        yield opened
        opened.http.close()
    log = (folder / "logs" / "trainer.log").read_text()
    assert "run_crashed" not in log, log[-3000:]


def _put_beginner_in_service(settings: Settings, csv_path: Path, folder: Path) -> None:
    from training.pipeline import run_training

    recipe = replace(RECIPES[Architecture.TINY], epochs=1)
    wanted = TrainSettings(csv_path, "hard", Architecture.TINY, recipe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.export.version.quantize_served", lambda *_: None)  # takes longer than the training
        made = run_training(wanted, folder / "beginner", cache_dir=folder / "datasets")
    database = Database(settings.effective_database_url)
    version = store_version(database, BlobStore(settings.effective_blob_url), "beginner", made)
    with database.write() as session:
        model_versions.promote(session, version, TEST, "to be beaten")
    database.close()


def test_the_loop_from_a_correction_to_a_better_model_and_back(service: Service) -> None:
    beginner = service.get("/v1/model-versions/champion")["number"]
    service.wait_for_version(beginner)
    service.let_the_face_teach()
    face = service.analyze()

    # Correct
    cast = service.post("/v1/reviews/votes", {"face_id": face["id"], "choice": "happy"})
    assert cast["label"] == "happy"

    # Retrain: promoted, with the correction among what it learnt from
    run = service.post("/v1/training-runs", {})

    def tells_progress() -> bool:
        found = service.get(run["url"])
        assert found["status"] != "failed", found["error_detail"]
        return bool((found["progress"] or {}).get("epoch"))

    wait_until(tells_progress, "progress is told", WAIT_S)
    run = service.wait_for_run(run)
    assert run["status"] == "promoted", (run["reason"], run["error_detail"])
    assert run["corrections"] == {"used": 1}
    assert [point["epoch"] for point in run["progress"]["curve"]] == list(range(1, 13))
    better = run["challenger"]
    assert service.get("/v1/model-versions/champion")["number"] == better

    # The workers swap by themselves, and the next face is judged by the new version; the label outlives that
    face = service.wait_for_version(better)
    assert service.get(f"/v1/reviews/faces/{face['id']}")["label"] == "happy"

    # A worse challenger is kept, and stays out of service
    worse = service.wait_for_run(service.post("/v1/training-runs", {"from_scratch": True, "epochs": 1}))
    assert worse["status"] == "rejected", (worse["reason"], worse["error_detail"])
    assert worse["gate"]["challenger"]["accuracy"] < worse["gate"]["champion"]["accuracy"]
    assert service.get("/v1/model-versions/champion")["number"] == better
    assert service.get(f"/v1/model-versions/{worse['challenger']}")["is_champion"] is False

    # Roll back
    service.post("/v1/promotions/rollback", {"reason": "to see that it works"})
    service.wait_for_version(beginner)
    history = service.get("/v1/promotions")["items"]
    assert [(move["from_version"], move["to_version"]) for move in history[:2]] == [
        (better, beginner),
        (beginner, better),
    ]


@pytest.mark.long
def test_a_run_resumes_after_its_last_epoch_when_its_worker_was_killed(service: Service) -> None:
    run = service.post("/v1/training-runs", {"from_scratch": True, "epochs": 40})

    def find_epoch() -> int:
        return len((service.get(run["url"])["progress"] or {}).get("curve", ()))

    epoch = wait_for(find_epoch, "an epoch is finished")
    database = Database(service.settings.effective_database_url)
    with database.read() as session:
        active = get_active_run(session)
        assert active is not None
        assert active.worker is not None
    database.close()
    os.kill(int(active.worker.rsplit(":", 1)[1]), signal.SIGKILL)
    wait_until(lambda: service.get(run["url"])["attempt"] == 2, "it is taken up again", WAIT_S)
    wait_until(lambda: find_epoch() > epoch, "it goes on", WAIT_S)
    curve = service.get(run["url"])["progress"]["curve"]
    assert [point["epoch"] for point in curve] == list(range(1, len(curve) + 1))
    service.post(f"{run['url']}/cancel", {})
    assert service.wait_for_run(run)["status"] == "canceled"
