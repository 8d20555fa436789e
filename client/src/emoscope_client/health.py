"""Health of the service, as the API returns it."""

from emoscope_client.result import Result


class Alive(Result):
    """The process answers."""

    status: str


class Check(Result):
    """State of one component."""

    ok: bool
    detail: str


class Checks(Result):
    """State of every required component."""

    database: Check
    queue: Check
    workers: Check
    housekeeping: Check
    processes: Check
    storage: Check


class Ready(Result):
    """The service is ready."""

    status: str
    checks: Checks
