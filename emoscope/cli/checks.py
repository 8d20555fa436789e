"""The checks of `emoscope doctor`: each reports the state of one component, and how to fix it."""

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import redis
from sqlalchemy.exc import SQLAlchemyError

from db.core.blobs import BlobStore, BlobStoreFull, BlobStoreUnavailable
from db.core.queues import LAST_SWEEP_KEY
from db.core.schema import SchemaAge, read_schema
from db.core.session import Database
from db.core.vocabulary import WorkerState
from db.model_versions import actions as model_versions
from db.monitoring import heartbeats
from db.training_runs.plan import DatasetFiles, plan_run
from emoscope.cli.program import name_program
from emoscope.settings import Settings, find_unknown_variables
from emoscope.stack.provision import advise_on_release
from emoscope.stack.status import read_status
from worker.core.gpus import has_card, takes_gpu

_LOW_DISK_BYTES = 1_000_000_000
_CHECK_BYTES = 65_536
_BROKEN_DATABASE_ADVICE = "stop the service and restore a backup; `sqlite3 FILE .recover` saves what can be read"
_TRAINING_PACKAGES = frozenset({"mtcnn", "tensorflow"})
"""Packages of the extra `training` that `worker` doesn't install."""
_SWEEP_GRACE_S = 60
"""Seconds by which a sweep may be late."""
_HOUSEKEEPING_ADVICE = (
    "check that beat and the worker of the queue housekeeping run: without them no job is requeued and no photo deleted"
)


class CheckStatus(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    NOTE = "note"
    """Works, but needs attention."""
    MISSING = "missing"
    """Something won't work."""


@dataclass(frozen=True)
class Finding:
    """State of one component. advice: how to fix it; empty if nothing is wrong."""

    part: str
    status: CheckStatus
    detail: str
    advice: str = ""


def run_checks(settings: Settings) -> Iterator[Finding]:
    """Run each check in turn."""
    yield from _check_variables()
    yield from _check_packages(settings)
    yield from _check_gpu(settings)
    yield _check_disk(settings)
    yield from _check_stack(settings)
    database = Database(settings.effective_database_url)
    yield from _check_database(database, settings)
    yield from _check_queue(settings)
    yield _check_blobs(settings)
    yield from _guard("workers", lambda: _check_workers(database, settings))
    database.close()


def _check_variables() -> Iterator[Finding]:
    for unknown in find_unknown_variables():
        yield Finding("settings", CheckStatus.NOTE, str(unknown), "see docs/settings.md for all names")


def _check_packages(settings: Settings) -> Iterator[Finding]:
    needed = dict.fromkeys(("cv2", "ai_edge_litert", *settings.detector.packages), "worker")
    needed.update({name: "training" for name in needed if name in _TRAINING_PACKAGES})
    missing = {name: extra for name, extra in needed.items() if importlib.util.find_spec(name) is None}
    for name, extra in missing.items():
        yield Finding("packages", CheckStatus.MISSING, f"{name} isn't installed", f"install emoscope[{extra}]")
    weights = settings.find_weights(settings.detector)
    if settings.detector.weights_setting and (weights is None or not weights.is_file()):
        variable = f"EMOSCOPE_{settings.detector.weights_setting.upper()}"
        yield Finding(
            "packages", CheckStatus.MISSING, f"no weights file for {settings.detector}", f"name it in {variable}"
        )
    elif not missing:
        yield Finding("packages", CheckStatus.OK, f"all that the detector {settings.detector} and LiteRT need")


def _check_gpu(settings: Settings) -> Iterator[Finding]:
    """Return no finding if there is no GPU, or none is wanted."""
    if takes_gpu(settings.runtime):
        yield Finding("gpu", CheckStatus.OK, "an NVIDIA GPU, on which TensorFlow classifies faces")
    elif has_card() and settings.runtime != "litert":
        detail = "there is an NVIDIA GPU, but TensorFlow or CUDA's libraries, which it needs, aren't installed"
        yield Finding("gpu", CheckStatus.NOTE, detail, "install emoscope[gpu], or use the CPU: EMOSCOPE_RUNTIME=litert")


def _check_disk(settings: Settings) -> Finding:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free at {folder}"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_CHECK_BYTES))
    except OSError as error:
        return Finding(
            "disk",
            CheckStatus.MISSING,
            f"nothing can be written at {folder}: {error.strerror}",
            "make room, or see EMOSCOPE_DATA_DIR",
        )
    return Finding(
        "disk",
        CheckStatus.OK if free >= _LOW_DISK_BYTES else CheckStatus.NOTE,
        detail,
        "" if free >= _LOW_DISK_BYTES else "make room",
    )


def _check_stack(settings: Settings) -> Iterator[Finding]:
    """Return no finding if `emoscope up` isn't running."""
    found = read_status(settings.stack_socket)
    if found is None:
        return
    for program in found:
        if program.is_failing:
            advice = f"see {settings.data_dir / 'logs' / program.name}.log; it is restarted at least every 30 seconds"
            yield Finding("processes", CheckStatus.MISSING, program.describe(), advice)
    if not any(program.is_failing for program in found):
        yield Finding("processes", CheckStatus.OK, f"`emoscope up` runs {', '.join(program.name for program in found)}")


def _check_database(database: Database, settings: Settings) -> Iterator[Finding]:
    name = database.engine.url.render_as_string(hide_password=True)
    try:
        fault = _find_database_fault(database)
        if fault is None:
            yield Finding("database", CheckStatus.OK, name)
            yield from _check_model(database, settings)
            return
        detail, advice = fault
    except SQLAlchemyError as error:
        detail = str(error.__cause__ or error).splitlines()[0]
        advice = f"see EMOSCOPE_DATABASE_URL, or run `{name_program()} up`"
        if "malformed" in detail or "not a database" in detail:
            advice = _BROKEN_DATABASE_ADVICE
    yield Finding("database", CheckStatus.MISSING, f"{name}: {detail}", advice)


def _find_database_fault(database: Database) -> tuple[str, str] | None:
    """Return what is wrong and how to fix it. Raises SQLAlchemyError if the database doesn't answer."""
    damage = database.find_damage()
    if damage is not None:
        return f"the file is damaged: {damage}", _BROKEN_DATABASE_ADVICE
    schema = read_schema(database)
    if schema.age is SchemaAge.TOO_NEW:
        reason = f"its schema ({schema.revision}) is from a newer release that this one doesn't support"
        return reason, "install that release, or restore an older backup"
    if schema.age is SchemaAge.OLDER:
        return "the schema is outdated", f"run `{name_program()} migrate`"
    return None


def _check_model(database: Database, settings: Settings) -> Iterator[Finding]:
    with database.read() as session:
        champion, unused = model_versions.get_champion(session), model_versions.find_unused_release(session)
    if champion is None:
        yield Finding("model", CheckStatus.MISSING, "no version is in service", f"run `{name_program()} migrate`")
    else:
        status, advice = (CheckStatus.NOTE, advise_on_release(unused.number)) if unused else (CheckStatus.OK, "")
        yield Finding("model", status, f"version {champion.number} ({champion.name}) is in service", advice)
        yield from _check_retraining(database, settings)


def _check_retraining(database: Database, settings: Settings) -> Iterator[Finding]:
    """Report what the next training run will do, if a dataset is configured."""
    files = DatasetFiles.of(settings.dataset_csv, settings.dataset_votes)
    if not files.has_csv:
        return
    with database.read() as session:
        plan = plan_run(session, files)
    status = CheckStatus.OK if plan.can_replace_champion else CheckStatus.NOTE
    yield Finding("retraining", status, " ".join(plan.summary))


def _check_queue(settings: Settings) -> Iterator[Finding]:
    client = redis.Redis.from_url(settings.effective_redis_url, socket_timeout=3, socket_connect_timeout=3)
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
        version = client.info("server").get("redis_version")
        swept_at = float(client.get(LAST_SWEEP_KEY) or 0)
    except (redis.RedisError, OSError) as error:  # an unreadable certificate file is an OSError
        yield Finding("queue", CheckStatus.MISSING, str(error), f"see EMOSCOPE_REDIS_URL, or run `{name_program()} up`")
        return
    finally:
        client.close()
    if policy != "noeviction":
        advice = "set maxmemory-policy to noeviction, otherwise messages are dropped when memory is short"
        yield Finding("queue", CheckStatus.NOTE, f"version {version}, maxmemory-policy {policy}", advice)
    else:
        yield Finding("queue", CheckStatus.OK, f"version {version}, noeviction")
    yield _check_sweeper(settings, swept_at)


def _check_sweeper(settings: Settings, swept_at: float) -> Finding:
    if not swept_at:
        return Finding("housekeeping", CheckStatus.NOTE, "no sweep has ended yet", _HOUSEKEEPING_ADVICE)
    age_s = time.time() - swept_at
    if age_s <= settings.sweep_interval_s + _SWEEP_GRACE_S:
        return Finding("housekeeping", CheckStatus.OK, f"the last sweep ended {age_s:.0f} s ago")
    detail = f"no sweep has ended for {age_s:.0f} s"
    return Finding("housekeeping", CheckStatus.MISSING, detail, _HOUSEKEEPING_ADVICE)


def _check_blobs(settings: Settings) -> Finding:
    try:
        BlobStore(settings.effective_blob_url, settings.s3_options).check_room()
    except BlobStoreFull as error:
        return Finding("blobs", CheckStatus.MISSING, str(error), "make room: no photo can be stored")
    except BlobStoreUnavailable as error:
        return Finding("blobs", CheckStatus.MISSING, str(error), "see EMOSCOPE_BLOB_URL and the EMOSCOPE_S3_ settings")
    return Finding("blobs", CheckStatus.OK, f"{settings.effective_blob_url} can be written")


def _check_workers(database: Database, settings: Settings) -> Iterator[Finding]:
    with database.read() as session:
        live = heartbeats.list_live_workers(session, settings.worker_heartbeat_s)
    if not any(worker.state is WorkerState.READY for worker in live):
        yield Finding(
            "workers",
            CheckStatus.MISSING,
            "no worker process is ready",
            f"run `{name_program()} up`, or start a worker",
        )
    for worker in live:
        detail = f"{worker.name}: {worker.state}" + (f", {worker.detail}" if worker.detail else "")
        is_bad = worker.state is WorkerState.SETUP_FAILED
        status = CheckStatus.MISSING if is_bad else CheckStatus.NOTE if worker.detail else CheckStatus.OK
        yield Finding("workers", status, detail, "see the worker's log" if worker.detail else "")


def _guard(part: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Run a check that needs the database, whose own finding is reported if it is unavailable."""
    try:
        yield from check()
    except SQLAlchemyError:
        yield Finding(part, CheckStatus.MISSING, "unknown: needs the database")
