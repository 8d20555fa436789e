"""Health checks: whether the process is alive, and whether the service is ready."""

import time
from collections.abc import Callable
from http import HTTPStatus

import redis
import structlog
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from api.core.errors import Problem
from api.core.openapi import ProblemBody, describe_errors
from api.core.responses import respond
from api.core.services import Services, get_services
from db.core.blobs import BlobStoreFull, BlobStoreUnavailable
from db.core.queues import LAST_SWEEP_KEY
from db.core.schema import SchemaAge, read_schema
from db.core.vocabulary import WorkerState
from db.model_versions import actions as model_versions
from db.monitoring import heartbeats as workers
from emoscope.stack.status import read_status

_SWEEP_GRACE_S = 20.0
"""Seconds by which a sweep may be late. A sweep takes well under a second, and several may run at once."""

blueprint = APIBlueprint("health", __name__, tag="Service")
log = structlog.get_logger(__name__)


class Check(BaseModel):
    """State of one component."""

    ok: bool = Field(examples=[True])
    detail: str = Field(examples=["2 workers ready"])


class Checks(BaseModel):
    """State of every component that the service needs."""

    database: Check
    queue: Check
    workers: Check
    housekeeping: Check
    processes: Check
    storage: Check


class Alive(BaseModel):
    """The process answers."""

    status: str = Field(examples=["alive"])


class Ready(BaseModel):
    """The service is ready."""

    status: str = Field(examples=["ready"])
    checks: Checks


class NotReady(ProblemBody):
    """The service isn't ready; `checks` says which component is missing."""

    checks: Checks


class PartMissing(Exception):
    """A required component doesn't respond or is in the wrong state."""


@blueprint.get("/healthz")
@blueprint.output(Alive, description="The process answers.")
@blueprint.doc(summary="Is the process alive?", responses=describe_errors(is_protected=False))
def healthz() -> Response:
    """Return at once, without checking other components."""
    return respond(Alive(status="alive"))


@blueprint.get("/readyz")
@blueprint.output(Ready, description="Photos will be analysed.")
@blueprint.doc(
    summary="Can the service work?",
    description="Checks the database, the queue, whether a worker with a model is alive, and when the sweeper last finished.",
    responses=describe_errors("not_ready", is_protected=False),
)
def readyz() -> Response:
    """Check each component."""
    services = get_services()
    checks = Checks(
        database=_check(_check_database, services),
        queue=_check(_check_queue, services),
        workers=_check(_check_workers, services),
        housekeeping=_check(_check_housekeeping, services),
        processes=_check(_check_processes, services),
        storage=_check(_check_storage, services),
    )
    missing = [name for name, check in checks if not check.ok]
    if missing:
        detail = "; ".join(f"{name}: {getattr(checks, name).detail}" for name in missing)
        raise Problem("not_ready", detail, more={"checks": checks.model_dump()}, status=HTTPStatus.SERVICE_UNAVAILABLE)
    return respond(Ready(status="ready", checks=checks))


def _check(look: Callable[[Services], str], services: Services) -> Check:
    try:
        return Check(ok=True, detail=look(services))
    except PartMissing as missing:
        return Check(ok=False, detail=str(missing))


def _check_database(services: Services) -> str:
    try:
        schema = read_schema(services.database)
    except SQLAlchemyError as error:
        log.warning("database_not_ready", reason=str(error))
        raise PartMissing("it doesn't answer") from error
    match schema.age:
        case SchemaAge.OLDER:
            raise PartMissing("its schema is older than this release; run the migrations")
        case SchemaAge.TOO_NEW:
            raise PartMissing(f"its schema ({schema.revision}) is from a newer release that this one doesn't support")
        case SchemaAge.NEWER:
            return f"it answers; its schema ({schema.revision}) is from a newer release that this one supports"
        case SchemaAge.CURRENT:
            return "it answers, and its schema is current"


def _check_queue(services: Services) -> str:
    try:
        services.redis.ping()
    except redis.RedisError as error:
        log.warning("queue_not_ready", reason=str(error))
        raise PartMissing("it doesn't answer") from error
    return "it answers"


def _check_workers(services: Services) -> str:
    try:
        with services.database.read() as session:
            live = workers.list_live_workers(session, services.settings.worker_heartbeat_s)
            champion = model_versions.get_champion(session)
    except SQLAlchemyError as error:
        raise PartMissing("unknown: the database doesn't answer") from error
    ready = [worker for worker in live if worker.state is WorkerState.READY and worker.model_version_id is not None]
    if ready:
        behind = [worker.detail for worker in ready if champion is None or worker.model_version_id != champion.id]
        kept = f"; {len(behind)} keep an older model: {behind[0] or 'they will change in a moment'}" if behind else ""
        # a worker with a problem that uses the champion couldn't load the challenger
        in_shadow = [worker.detail for worker in ready if worker.detail and worker.detail not in behind]
        differing = workers.list_differences(ready)
        differs = f"; {len(differing)} are configured differently: {differing[0]}" if differing else ""
        return f"{len(ready)} ready{kept}{f'; {in_shadow[0]}' if in_shadow else ''}{differs}"
    failed = [worker.detail for worker in live if worker.state is WorkerState.SETUP_FAILED]
    if failed:
        raise PartMissing(f"none is ready: {failed[0]}")
    if live:
        raise PartMissing(f"{len(live)} starting")
    raise PartMissing("none is running")


def _check_housekeeping(services: Services) -> str:
    """Check the time of the last sweep. Without the sweeper, lost messages aren't sent again and photos aren't deleted on time."""
    try:
        swept_at = float(services.redis.get(LAST_SWEEP_KEY) or 0)
    except redis.RedisError:
        return "unknown: the queue doesn't answer"  # reported by the queue's own check
    if not swept_at:
        return "no sweep has ended since the queue was started"
    age_s = max(0.0, time.time() - swept_at)
    if age_s > services.settings.sweep_interval_s + _SWEEP_GRACE_S:
        raise PartMissing(f"no sweep has ended for {age_s:.0f} s: the housekeeper or beat doesn't work")
    return f"a sweep ended {age_s:.0f} s ago"


def _check_processes(services: Services) -> str:
    """Check the processes that `emoscope up` supervises. A missing trainer doesn't matter: photos are analysed without it."""
    found = read_status(services.settings.stack_socket)
    if found is None:
        return "none is supervised by `emoscope up`"
    failing = [program for program in found if program.is_failing]
    described = "; ".join(program.describe() for program in failing)
    if any(program.name != "trainer" for program in failing):
        raise PartMissing(described)
    return described or f"{len(found)} supervised by `emoscope up`"


def _check_storage(services: Services) -> str:
    try:
        services.room.check()
    except BlobStoreFull as error:
        raise PartMissing("no photo can be stored: there is no room left") from error
    except BlobStoreUnavailable as error:
        log.warning("storage_not_ready", reason=str(error))
        raise PartMissing("no photo can be stored: the store doesn't answer") from error
    return "photos can be stored"
