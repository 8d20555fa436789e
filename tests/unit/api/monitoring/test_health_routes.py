"""Alive and ready, and what is missing when it isn't."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import text, update

from db.core import migrate
from db.core.queues import LAST_SWEEP_KEY
from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import WorkerState
from db.model_versions import actions as model_versions
from db.model_versions.tables import ModelVersion
from db.monitoring.heartbeats import record_heartbeat
from db.monitoring.tables import Worker
from emoscope.settings import Settings
from tests.support.factories.actors import TEST
from tests.support.factories.model_versions import make_manifest
from tests.support.supervised import make_status, supervised
from tests.support.valkey import Valkey


def test_alive_asks_nothing_of_anybody(open_app: Callable[..., APIFlask]) -> None:
    app = open_app(database_url="sqlite:////nowhere/x.db", redis_url="redis://127.0.0.1:1/0")
    assert app.test_client().get("/healthz").get_json() == {"status": "alive"}


def test_ready_with_database_queue_and_a_worker(app: APIFlask, worker: Any) -> None:
    worker.report(WorkerState.READY)
    response = app.test_client().get("/readyz")
    assert response.status_code == 200
    assert response.get_json()["status"] == "ready"
    assert {name: check["ok"] for name, check in response.get_json()["checks"].items()} == {
        "database": True,
        "queue": True,
        "workers": True,
        "housekeeping": True,
        "processes": True,
        "storage": True,
    }


def read_missing(app: APIFlask) -> dict[str, str]:
    response = app.test_client().get("/readyz")
    problem = response.get_json()
    assert (response.status_code, problem["code"]) == (503, "not_ready")
    missing = {name: check["detail"] for name, check in problem["checks"].items() if not check["ok"]}
    assert all(name in problem["detail"] for name in missing)
    return missing


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "none is running"),
        (WorkerState.STARTING, "1 starting"),
        (WorkerState.STOPPED, "none is running"),
        (WorkerState.SETUP_FAILED, "none is ready: no weights"),
    ],
)
def test_a_worker_that_cannot_work_is_missing(
    app: APIFlask, worker: Any, state: WorkerState | None, reason: str
) -> None:
    if state is not None:
        worker.report(state, "no weights")
    assert read_missing(app) == {"workers": reason}


def test_a_worker_that_keeps_an_older_model_is_ready_and_says_so(
    app: APIFlask, worker: Any, champion: ModelVersion, database: Database
) -> None:
    with database.write() as session:
        second = model_versions.add_version(session, "second", "e" * 64, make_manifest())
        model_versions.promote(session, second, TEST, "for the test")
    worker.report(WorkerState.READY, "model version 2 can't be loaded: its file is damaged")
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json()["checks"]["workers"]["detail"] == (
        "1 ready; 1 keep an older model: model version 2 can't be loaded: its file is damaged"
    )


def test_a_worker_that_only_misses_the_challenger_keeps_no_older_model(app: APIFlask, worker: Any) -> None:
    worker.report(WorkerState.READY, "in shadow mode, model version 2 can't be loaded: its file is damaged")
    detail = app.test_client().get("/readyz").get_json()["checks"]["workers"]["detail"]
    assert detail == "1 ready; in shadow mode, model version 2 can't be loaded: its file is damaged"


def test_a_worker_that_works_otherwise_than_the_rest_is_named_and_counted(
    app: APIFlask, worker: Any, champion: ModelVersion, database: Database
) -> None:
    usual = {"detector": "blazeface", "runtime": "litert", "detection_threshold": 0.6}
    with database.write() as session:
        for name, options in (
            ("a:1", usual),
            ("b:1", usual),
            ("c:1", usual | {"detector": "hog", "detection_threshold": 0.5}),
        ):
            record_heartbeat(session, name, WorkerState.READY, model_version_id=champion.id, options=options)
    answer = app.test_client().get("/readyz").get_json()
    assert answer["status"] == "ready"
    assert answer["checks"]["workers"]["detail"] == (
        "3 ready; 1 are configured differently: "
        "c:1 has detection_threshold 0.5 in place of 0.6, detector hog in place of blazeface"
    )
    assert "\nemoscope_workers_differing 1.0\n" in app.test_client().get("/metrics").text


def test_a_silent_worker_is_missing(app: APIFlask, worker: Any, database: Database) -> None:
    worker.report(WorkerState.READY)
    with database.write() as session:
        session.execute(update(Worker).values(seen_at=utcnow() - timedelta(minutes=1)))
    assert read_missing(app) == {"workers": "none is running"}


def test_a_queue_that_is_down_is_missing(open_app: Callable[..., APIFlask], worker: Any) -> None:
    worker.report(WorkerState.READY)
    assert read_missing(open_app(redis_url="redis://127.0.0.1:1/0")) == {"queue": "it doesn't answer"}


def test_a_database_that_is_down_is_missing(open_app: Callable[..., APIFlask]) -> None:
    missing = read_missing(open_app(database_url="sqlite:////nowhere/x.db"))
    assert missing["database"] == "it doesn't answer"
    assert "workers" in missing


def test_a_schema_of_another_release_is_missing(open_app: Callable[..., APIFlask], tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    database = Database(url)
    migrate.upgrade(database)
    migrate.downgrade(database, "base")
    database.close()
    assert "schema" in read_missing(open_app(database_url=url))["database"]


def test_a_newer_schema_is_ready_as_long_as_this_release_works_with_it(
    open_app: Callable[..., APIFlask], tmp_path: Any
) -> None:
    database = Database(f"sqlite:///{tmp_path}/newer.db")
    migrate.upgrade(database)
    app = open_app(database_url=str(database.engine.url))

    def read_check() -> tuple[bool, bool]:
        check = app.test_client().get("/readyz").get_json()["checks"]["database"]
        return check["ok"], "9999" in check["detail"]

    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert read_check() == (True, True)
    with database.write() as session:
        session.execute(text("UPDATE schema_compatibility SET oldest_revision = '9999'"))
    assert read_check() == (False, True)
    database.close()


def test_a_process_that_keeps_failing_is_named(app: APIFlask, worker: Any, settings: Settings) -> None:
    worker.report(WorkerState.READY)
    with supervised(settings, make_status("api"), make_status("beat", failures=4), make_status("housekeeper", 2)):
        assert read_missing(app) == {
            "processes": "the beat keeps failing: it ended 4 times in a row, last with status -9"
        }


def test_photos_are_analysed_without_the_trainer(app: APIFlask, worker: Any, settings: Settings) -> None:
    worker.report(WorkerState.READY)
    with supervised(settings, make_status("api"), make_status("trainer", failures=4)):
        answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json()["checks"]["processes"]["detail"].startswith("the trainer keeps failing")


def test_processes_that_run_are_counted(app: APIFlask, worker: Any, settings: Settings) -> None:
    worker.report(WorkerState.READY)
    with supervised(settings, make_status("api"), make_status("beat")):
        answer = app.test_client().get("/readyz")
    assert answer.get_json()["checks"]["processes"]["detail"] == "2 supervised by `emoscope up`"


def test_housekeeping_that_stands_still_is_missing(app: APIFlask, worker: Any, valkey: Valkey) -> None:
    worker.report(WorkerState.READY)
    with valkey.client() as client:
        client.set(LAST_SWEEP_KEY, time.time() - 5)
        assert app.test_client().get("/readyz").status_code == 200
        client.set(LAST_SWEEP_KEY, time.time() - 1000)
        [(part, detail)] = read_missing(app).items()
    assert part == "housekeeping"
    assert "the housekeeper or beat doesn't work" in detail
