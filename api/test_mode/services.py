"""Services for requests with a test key: a separate database and blob folder, and results without a worker.

Test data therefore can't appear in real lists, statistics, reviews or training runs. The database is kept for a day, and recreated
by a release with another schema.
"""

import hashlib
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from time import monotonic
from uuid import UUID

import structlog
from flask import has_request_context, request
from sqlalchemy.exc import SQLAlchemyError

from api.core.services import Services
from api.test_mode.scenarios import HEADER, Scenario, make_faces, read_scenario
from db.accounts.signing_secrets import make_secret
from db.accounts.tables import Application
from db.core.actors import EMOSCOPE
from db.core.blobs import BlobStore, BlobStoreUnavailable, make_photo_key
from db.core.test_database import open_test_database
from db.core.upsert import insert_if_new
from db.core.vocabulary import CROP_SIDE, EMOTIONS
from db.exports.actions import write_export
from db.jobs import lifecycle as jobs
from db.jobs.fetching import FetchedPhoto, claim_fetch, list_due_fetches, record_fetched
from db.jobs.retention import erase_old_jobs
from db.jobs.services import JobServices
from db.jobs.states import InvalidTransition
from db.model_versions import actions as model_versions
from db.model_versions.manifest import Lineage, Manifest

log = structlog.get_logger(__name__)

_KEPT_S = 24 * 3600.0
_MOST_ERASED = 200
_PURGE_S = 60.0
_LEASE_S = 30.0
_WORKER = "test:0"
_DIGEST = "0" * 64
_FETCHED_SIZE = 640, 480
_LONGEST_END_S = 5.0
"""Seconds that closing waits for a job that is ending."""

_MANIFEST = Manifest(
    schema_version=3,
    architecture="default",
    emotions=EMOTIONS,
    input_name="crops",
    input_dtype="uint8",
    input_shape=(None, CROP_SIDE, CROP_SIDE, 1),
    temperature=1.0,
    flip=False,
    files={},
    metrics={},
    lineage=Lineage("", {}, "hard", 0, 0, None, {}, "", {}),
    created_at="1970-01-01T00:00:00+00:00",
)
"""Name of the version that test jobs refer to. It has no files: the results are made up."""


@dataclass(frozen=True)
class TestServices(Services):
    """Services that simulate the workers."""

    __test__ = False  # tells pytest that this isn't a test class

    @property
    def jobs(self) -> JobServices:
        """The dependencies of actions on jobs, with a simulated worker."""
        scenario = read_scenario(request.headers.get(HEADER) if has_request_context() else None)
        return replace(
            super().jobs,
            send=lambda job_id, _: self._play(job_id, scenario),
            ask_for_fetches=lambda count: self._play_fetches(count, scenario),
        )

    def ask_for_export(self, export_id: UUID) -> None:
        """Write the file at once: a test has few jobs and no housekeeper."""
        retention_s = self.settings.export_retention_s
        with tempfile.TemporaryDirectory() as folder:
            write_export(self.database, self.blobs, export_id, Path(folder), retention_s=retention_s)
        self.waiter.announce(export_id)

    def _play_fetches(self, count: int, scenario: Scenario) -> None:
        """Simulate the fetch of photos by URL, without a network request."""
        with self.database.write() as session:
            due = [(job_id, url) for job_id, url in list_due_fetches(session, count) if claim_fetch(session, job_id, 0)]
            for job_id, url in due:
                digest = hashlib.sha256(url.encode()).hexdigest()
                photo = FetchedPhoto(
                    photo_key=make_photo_key(job_id),
                    photo_sha256=digest,
                    photo_bytes=1,
                    media_type="image/jpeg",
                    width=_FETCHED_SIZE[0],
                    height=_FETCHED_SIZE[1],
                )
                record_fetched(session, job_id, photo)
        for job_id, _ in due:
            self._play(job_id, scenario)

    def _play(self, job_id: UUID, scenario: Scenario) -> bool:
        self.test_mode.forget_old()
        if scenario.delay_s is not None:
            self.test_mode.call_later(scenario.delay_s, lambda: self._end(job_id, scenario))
        return True

    def _end(self, job_id: UUID, scenario: Scenario) -> None:
        """Simulate the end of a job."""
        batch_id = None
        try:
            with self.database.write() as session:
                job, claim = jobs.claim_job(session, job_id, _WORKER, _LEASE_S)
                batch_id = job.batch_id
                if scenario.failed is not None:
                    jobs.fail_job(session, claim, scenario.failed, f"a test: {scenario.failed}")
                else:
                    champion = model_versions.get_champion(session)
                    assert champion is not None
                    faces = make_faces(scenario, job, champion.id)
                    jobs.finish_job(session, claim, jobs.Outcome(job.width, job.height, faces, {"test": 0.0}))
        except InvalidTransition:
            return  # canceled or erased in the meantime
        except SQLAlchemyError as error:
            log.warning("test_job_not_ended", job_id=str(job_id), reason=str(error))
        for changed in (job_id, batch_id):
            if changed is not None:
                self.waiter.announce(changed)


class TestMode:
    """Opens the test services at the first request with a test key."""

    __test__ = False

    def __init__(self, *, kept_s: float = _KEPT_S) -> None:
        """kept_s: retention time of test jobs."""
        self.kept_s = kept_s
        self._lock = threading.Lock()
        self._opened: TestServices | None = None
        self._applications: set[UUID] = set()
        self._next_purge = 0.0
        self._timers: set[threading.Timer] = set()

    def open(self, real: Services, application_id: UUID, name: str) -> TestServices:
        """Return the services for an application's test requests."""
        with self._lock:
            if self._opened is None:
                self._opened = _open(real)
            if application_id not in self._applications:
                with self._opened.database.write() as session:
                    # by id, because a deleted application may have had the same name
                    insert_if_new(
                        session,
                        Application,
                        id=application_id,
                        name=str(application_id),
                        callback_secret=make_secret(),
                    )
                self._applications.add(application_id)
                log.info("test_mode_used", application=name)
        return self._opened

    def forget_old(self) -> None:
        """Erase test data older than `kept_s` seconds. Errors are logged, not raised."""
        if self._opened is None or monotonic() < self._next_purge:
            return
        self._next_purge = monotonic() + _PURGE_S
        try:
            erase_old_jobs(self._opened.database, self._opened.blobs, self.kept_s, _MOST_ERASED)
        except (SQLAlchemyError, BlobStoreUnavailable) as error:
            log.warning("test_jobs_not_erased", reason=str(error))

    def call_later(self, delay_s: float, end_job: Callable[[], None]) -> None:
        """Call `end_job` after `delay_s` seconds, unless `close` is called first."""

        def run() -> None:
            try:
                end_job()
            finally:
                with self._lock:
                    self._timers.discard(timer)

        timer = threading.Timer(delay_s, run)
        timer.daemon = True
        with self._lock:
            self._timers.add(timer)
            timer.start()

    def close(self) -> None:
        """Leave jobs that haven't ended as they are, and close the connection to the test database."""
        with self._lock:
            timers = tuple(self._timers)
        for timer in timers:
            timer.cancel()
        for timer in timers:
            timer.join(_LONGEST_END_S)
        if self._opened is not None:
            self._opened.database.close()


def _open(real: Services) -> TestServices:
    settings = real.settings
    database = open_test_database(real.database, settings.data_dir)
    with database.write() as session:
        if model_versions.get_champion(session) is None:
            version = model_versions.add_version(session, "test", _DIGEST, _MANIFEST.to_json())
            model_versions.promote(session, version, EMOSCOPE, "answers test keys")
    url = f"{settings.effective_blob_url.rstrip('/')}/test-mode"
    given = {field.name: getattr(real, field.name) for field in fields(Services)}
    return TestServices(**{**given, "database": database, "blobs": BlobStore(url, settings.s3_options)})
