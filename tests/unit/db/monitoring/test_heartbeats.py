"""Which worker processes live, and what they have."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from db.core.session import Database
from db.core.types import utcnow
from db.core.vocabulary import Detector, WorkerState
from db.monitoring.heartbeats import (
    find_available_detectors,
    forget_workers,
    list_differences,
    list_live_workers,
    record_heartbeat,
)
from db.monitoring.tables import Worker

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def age(database: Database, name: str, seconds: float) -> None:
    with database.write() as session:
        session.execute(update(Worker).where(Worker.name == name).values(seen_at=utcnow() - timedelta(seconds=seconds)))


def test_a_heartbeat_says_all_anew(database: Database) -> None:
    with database.write() as session:
        record_heartbeat(session, "w:1", WorkerState.STARTING, detail="loads", detectors=[Detector.HOG])
        record_heartbeat(session, "w:1", WorkerState.READY, runtime="litert")
    with database.read() as session:
        worker = session.scalars(select(Worker)).one()
    assert (worker.state, worker.detail, worker.runtime, worker.detectors) == (WorkerState.READY, None, "litert", None)


def test_a_process_lives_until_it_missed_three_heartbeats_or_stopped(database: Database) -> None:
    with database.write() as session:
        for name, state in (("late", WorkerState.READY), ("silent", WorkerState.READY), ("gone", WorkerState.STOPPED)):
            record_heartbeat(session, name, state)
    age(database, "late", 28)
    age(database, "silent", 31)
    with database.write() as session:
        assert [worker.name for worker in list_live_workers(session, 10)] == ["late"]
        forget_workers(session, 30)
        assert set(session.scalars(select(Worker.name))) == {"late", "gone"}


def test_detectors_are_those_that_some_live_process_has(database: Database) -> None:
    with database.write() as session:
        assert find_available_detectors(session, 10) is None
        record_heartbeat(session, "old release", WorkerState.READY)
        assert find_available_detectors(session, 10) is None
        record_heartbeat(session, "a", WorkerState.READY, detectors=[Detector.HOG])
        record_heartbeat(session, "b", WorkerState.READY, detectors=[Detector.HOG, Detector.CNN])
        assert find_available_detectors(session, 10) == frozenset({Detector.HOG, Detector.CNN})
        session.execute(update(Worker).where(Worker.name == "b").values(detectors=["hog", "one of a newer release"]))
        assert find_available_detectors(session, 10) == frozenset({Detector.HOG})


def test_a_process_that_works_otherwise_than_most_is_named(database: Database) -> None:
    usual = {"detector": "blazeface", "runtime": "litert", "detection_threshold": 0.6, "min_face_px": 32}
    with database.write() as session:
        for name, options in (
            ("a:1", usual | {"detector": "hog", "min_face_px": 40, "runtime": "litert-int8"}),
            ("b:1", usual),
            ("c:1", usual),
        ):
            record_heartbeat(session, name, WorkerState.READY, options=options)
        record_heartbeat(session, "old:1", WorkerState.READY)  # of a release that tells no options
        record_heartbeat(session, "d:1", WorkerState.SETUP_FAILED, options=usual | {"runtime": "tensorflow"})
    with database.read() as session:
        live = list_live_workers(session, 10)
    assert list_differences(live) == [
        "a:1 has detector hog in place of blazeface, min_face_px 40 in place of 32, runtime litert-int8 in place of litert"
    ]
    assert list_differences([worker for worker in live if worker.name != "a:1"]) == []
    assert list_differences([]) == []


def test_of_two_the_one_that_runs_longer_is_the_fleet(database: Database) -> None:
    with database.write() as session:
        for name, runtime in (("new:1", "tensorflow"), ("old:1", "litert")):
            record_heartbeat(session, name, WorkerState.READY, options={"runtime": runtime})
        session.execute(update(Worker).where(Worker.name == "old:1").values(started_at=utcnow() - timedelta(hours=1)))
    with database.read() as session:
        found = list_differences(list_live_workers(session, 10))
    assert found == ["new:1 has runtime tensorflow in place of litert"]
